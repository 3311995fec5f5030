import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ForgeConnection, ForgeDriver, HookScope, RemoteAsset, RemoteRepository } from '../../src/forge/forge.ts';
import { giteaFamily } from '../../src/forge/gitea/driver.ts';
import { type FakeFault, type FakeForge, type FakeRepository, startFakeForge } from '../support/fake-forge.ts';
import { bytesOf, textOf } from './forge-contract.ts';

/** Where Gitea and Forgejo mislead, break or refuse. What every forge does alike is in forge-contract.ts. */

const driver = giteaFamily('gitea', { headersTimeoutMs: 200, idleTimeoutMs: 200 });
const spec = {
  url: 'https://feedgate.example.test/hooks/fge_one',
  secret: 'secret-of-the-hook',
  events: ['create', 'delete', 'push', 'release', 'repository'],
};

let fake: FakeForge;
let forge: ForgeConnection;
let demo: FakeRepository;
let remote: RemoteRepository;
let scope: HookScope;

beforeEach(async () => {
  await begin('gitea');
});

afterEach(async () => {
  expect(fake.leaks()).toEqual([]);
  await fake.close();
});

async function begin(kind: 'gitea' | 'forgejo', maxItems?: number) {
  fake = await startFakeForge({ kind, ...(maxItems === undefined ? {} : { maxItems }) });
  forge = fake.connection();
  demo = await fake.createRepository({ owner: 'acme', name: 'com_demo' });
  remote = await stored(driver, { owner: 'acme', name: 'com_demo' });
  scope = { kind: 'repository', repository: remote };
}

async function stored(by: ForgeDriver, name: { owner: string; name: string }): Promise<RemoteRepository> {
  const found = await by.repository(forge, name);
  if (!found) throw new Error('the repository is not there');
  return found;
}

async function onlyAsset(by: ForgeDriver = driver): Promise<RemoteAsset> {
  const asset = (await by.state(forge, remote))?.releases[0]?.assets[0];
  if (!asset) throw new Error('there is no asset');
  return asset;
}

async function stateNames() {
  const state = await driver.state(forge, remote);
  return state && { releases: state.releases.map((one) => one.tag), tags: state.tags.map((one) => one.name) };
}

const TROUBLES: [FakeFault, string][] = [
  ['500', 'bad_answer'],
  ['502', 'bad_answer'],
  ['html', 'bad_answer'],
  ['slow', 'timeout'],
  ['stall', 'timeout'],
  ['half', 'bad_answer'],
  ['cut-json', 'bad_answer'],
  ['foreign-redirect', 'bad_answer'],
  ['redirect-loop', 'bad_answer'],
  ['rate-limit', 'rate_limited'],
  ['revoked', 'unauthorized'],
  ['forbidden', 'refused'],
];

describe('trouble', () => {
  it.each(TROUBLES)('%s while reading is %s', async (fault, reason) => {
    await fake.publishRelease(demo, { tag: 'v1', assets: { 'a.zip': 'PK' } });
    fake.setFault(fault, { path: /com_demo\/releases/ });
    await expect(driver.state(forge, remote)).rejects.toMatchObject({ name: 'ForgeTrouble', reason });
  });

  it.each(TROUBLES)('%s while making a hook is %s', async (fault, reason) => {
    fake.setFault(fault, { path: /\/hooks$/ });
    const error = await driver.ensureHook(forge, scope, spec).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ForgeTrouble', reason });
    expect(String(error)).not.toContain(spec.secret);
    expect(String(error)).not.toContain(fake.token);
  });

  it.each([
    ['500', 'bad_answer'],
    ['html', 'bad_answer'],
    ['slow', 'timeout'],
    ['stall', 'timeout'],
    ['half', 'bad_answer'],
    ['redirect-loop', 'bad_answer'],
    ['rate-limit', 'rate_limited'],
    ['forbidden', 'refused'],
  ] as [FakeFault, string][])('%s while a file is fetched is %s', async (fault, reason) => {
    await fake.publishRelease(demo, { tag: 'v1', assets: { 'a.zip': 'PK'.repeat(1000) } });
    const asset = await onlyAsset();
    fake.setFault(fault, { path: /attachments/ });
    const fetched = driver.openAsset(forge, remote, asset).then(bytesOf);
    await expect(fetched).rejects.toMatchObject({ name: 'ForgeTrouble', reason });
  });

  it('of a moment is over with the next try', async () => {
    fake.setFault('rate-limit', { times: 1 });
    await expect(driver.state(forge, remote)).rejects.toMatchObject({ reason: 'rate_limited', retryAfterMs: 2000 });
    expect(await stateNames()).toEqual({ releases: [], tags: [] });
  });

  it('is what another address than a forge is', async () => {
    fake.setFault('html');
    await expect(driver.check(forge)).rejects.toMatchObject({ reason: 'bad_answer' });
  });

  it('comes when nobody answers', async () => {
    const gone = await startFakeForge();
    await gone.close();
    await expect(driver.check(gone.connection())).rejects.toMatchObject({ reason: 'unreachable' });
  });
});

describe('lists', () => {
  it('leave out one bad entry and keep the rest', async () => {
    await fake.publishRelease(demo, { tag: 'v1' });
    fake.setFault('bad-entry', { path: /\/(releases|tags)\?/ });
    expect(await stateNames()).toEqual({ releases: ['v1'], tags: ['v1'] });
  });

  it('without an end are given up', async () => {
    await fake.publishRelease(demo, { tag: 'v1' });
    fake.setFault('endless', { path: /\/releases\?/ });
    await expect(driver.state(forge, remote)).rejects.toMatchObject({ reason: 'bad_answer' });
    expect(fake.requests.length).toBeLessThan(300);
  });

  it('are paged by number, never by the address in Link', async () => {
    for (let i = 0; i < 120; i++) await fake.publishRelease(demo, { tag: `v${i}` });
    const names = await stateNames();
    expect(names?.releases).toHaveLength(120);
    expect(new Set(names?.tags).size).toBe(120);
    const pages = fake.requests.filter((one) => one.path.includes('/releases?')).map((one) => one.url.search);
    expect(pages).toEqual(['?limit=50&page=1', '?limit=50&page=2', '?limit=50&page=3']);
    expect(fake.requests.every((one) => one.host === 'forge')).toBe(true);
  });

  it('are read to the end where the forge does not say how long a page is', async () => {
    await fake.close();
    await begin('gitea', 7);
    for (let i = 0; i < 21; i++) await fake.pushTag(demo, `v${i}`);
    fake.setFault('missing', { path: /settings/ });
    expect((await stateNames())?.tags).toHaveLength(21);
  });

  it('that change while they are read are read again', async () => {
    for (let i = 0; i < 60; i++) await fake.publishRelease(demo, { tag: `v${i}` });
    let deleted = false;
    fake.onRequest((request) => {
      if (deleted || !/releases\?.*page=2/.test(request.path)) return;
      deleted = true;
      void fake.deleteRelease(demo, demo.releases[59] ?? demo.releases[0] ?? never());
    });
    const names = await stateNames();
    expect(names?.releases.sort()).toEqual(demo.releases.map((one) => one.tag).sort());
    expect(names?.releases).toHaveLength(59);
  });

  it('that never stand still are trouble', async () => {
    for (let i = 0; i < 60; i++) await fake.publishRelease(demo, { tag: `v${i}` });
    let more = 0;
    fake.onRequest((request) => {
      if (/releases\?.*page=2/.test(request.path)) void fake.publishRelease(demo, { tag: `more${more++}` });
    });
    await expect(driver.state(forge, remote)).rejects.toMatchObject({ reason: 'bad_answer' });
  });

  it('have gaps where a right is missing, and go on behind them', async () => {
    for (let i = 0; i < 120; i++) await fake.createRepository({ owner: 'acme', name: `hidden${i}` });
    await fake.createRepository({ owner: 'acme', name: 'shown', private: false });
    const stranger = { ...forge, token: fake.createToken('nora') };
    expect((await driver.repositories(stranger, 'acme')).map((one) => one.name)).toEqual(['shown']);
  });

  it('of a person are found like those of an organization', async () => {
    await fake.createRepository({ owner: 'sam', ownerKind: 'user', name: 'mod_own' });
    expect((await driver.repositories(forge, 'sam')).map((one) => one.name)).toEqual(['mod_own']);
  });
});

describe('rights', () => {
  it.each([
    ['a stranger', () => fake.createToken('nora')],
    ['nobody', () => null],
  ])('%s sees nothing of a private repository', async (_name, tokenOf) => {
    await fake.publishRelease(demo, { tag: 'v1', files: { 'a.txt': 'one' }, assets: { 'a.zip': 'PK' } });
    const asset = await onlyAsset();
    const other = { ...forge, token: tokenOf() };
    expect(await driver.repository(other, remote)).toBeNull();
    expect(await driver.repositoryById(other, remote.id)).toBeNull();
    expect(await driver.state(other, remote)).toBeNull();
    expect(await driver.readFile(other, remote, 'v1', 'a.txt')).toBeNull();
    expect(await driver.openAsset(other, remote, asset)).toBeNull();
    expect(await driver.openArchive(other, remote, 'v1')).toBeNull();
    await expect(driver.ensureHook(other, scope, spec)).rejects.toMatchObject({ reason: 'refused' });
  });

  it('a reader reads, but may not hook', async () => {
    await fake.publishRelease(demo, { tag: 'v1' });
    await fake.draftRelease(demo, { tag: 'v2' });
    demo.readers.add('rita');
    const reader = { ...forge, token: fake.createToken('rita') };
    expect((await driver.state(reader, remote))?.releases.map((one) => one.tag)).toEqual(['v1']);
    await expect(driver.ensureHook(reader, scope, spec)).rejects.toMatchObject({ reason: 'refused' });
    const organization: HookScope = { kind: 'organization', owner: 'acme' };
    await expect(driver.ensureHook(reader, organization, spec)).rejects.toMatchObject({ reason: 'refused' });
    await expect(driver.removeHook(reader, organization, spec.url)).rejects.toMatchObject({ reason: 'refused' });
  });

  it('a token that may not name its owner is no dead one', async () => {
    const shy = { ...forge, token: fake.createToken('bot', { readsUser: false }) };
    expect(await driver.check(shy)).toEqual({ version: '1.25.4', user: null });
    expect(await driver.check({ ...forge, token: null })).toEqual({ version: '1.25.4', user: null });
    fake.revokeToken(shy.token);
    await expect(driver.check(shy)).rejects.toMatchObject({ reason: 'unauthorized' });
  });
});

describe('releases', () => {
  it('become drafts when their tag goes, and come back with it', async () => {
    const release = await fake.publishRelease(demo, { tag: 'v1', prerelease: true });
    await fake.deleteTag(demo, 'v1');
    expect((await driver.state(forge, remote))?.releases).toMatchObject([
      { id: String(release.id), draft: true, prerelease: true },
    ]);
    await fake.pushTag(demo, 'v1');
    expect((await driver.state(forge, remote))?.releases).toMatchObject([{ id: String(release.id), draft: false }]);
  });

  it('show another revision for other bytes, and the same one under another name', async () => {
    const release = await fake.publishRelease(demo, { tag: 'v1', assets: { 'a.zip': 'PK one' } });
    const before = await onlyAsset();
    const [asset] = release.assets;
    await fake.renameAsset(demo, release, asset ?? never(), 'b.zip');
    const renamed = await onlyAsset();
    expect(renamed).toMatchObject({ name: 'b.zip', revision: before.revision });
    await fake.replaceAsset(demo, release, asset ?? never(), 'PK two');
    const replaced = await onlyAsset();
    expect(replaced.revision).not.toBe(before.revision);
    expect(textOf(await driver.openAsset(forge, remote, replaced).then(bytesOf))).toBe('PK two');
    expect(await driver.openAsset(forge, remote, before)).toBeNull();
  });

  it('are fetched though links in answers lead to another host', async () => {
    await fake.publishRelease(demo, { tag: 'v1', assets: { 'a.zip': 'PK' } });
    expect(fake.rootUrl).not.toBe(fake.url);
    expect(textOf(await driver.openAsset(forge, remote, await onlyAsset()).then(bytesOf))).toBe('PK');
    expect(fake.requests.every((one) => one.host === 'forge')).toBe(true);
  });

  it('are fetched from a store without the token', async () => {
    await fake.publishRelease(demo, { tag: 'v1', assets: { 'a.zip': 'PK' } });
    const asset = await onlyAsset();
    fake.useStore(true);
    expect(textOf(await driver.openAsset(forge, remote, asset).then(bytesOf))).toBe('PK');
    const [atStore] = fake.requests.filter((one) => one.host === 'store');
    expect(atStore?.headers.authorization).toBeUndefined();
  });

  it('have links to elsewhere that are never followed', async () => {
    await fake.close();
    await begin('forgejo');
    const forgejo = giteaFamily('forgejo');
    const release = await fake.publishRelease(demo, { tag: 'v1' });
    await fake.addAsset(demo, release, 'a.zip', '', `${fake.storeUrl}/internal`);
    const asset = await onlyAsset(forgejo);
    expect(asset).toMatchObject({ external: true, size: 0, locator: '' });
    const before = fake.requests.length;
    expect(await forgejo.openAsset(forge, remote, asset)).toBeNull();
    expect(await forgejo.openAsset(forge, remote, { id: '1', locator: `${fake.storeUrl}/internal` })).toBeNull();
    expect(await forgejo.openAsset(forge, remote, { id: '1', locator: '@127.0.0.1/' })).toBeNull();
    expect(fake.requests).toHaveLength(before);
  });

  it('of a repository whose name another one has taken are not mixed up', async () => {
    await fake.publishRelease(demo, { tag: 'v1' });
    await fake.renameRepository(demo, 'com_old');
    const usurper = await fake.createRepository({ owner: 'acme', name: 'com_demo' });
    await fake.publishRelease(usurper, { tag: 'v9' });
    expect(await stateNames()).toEqual({ releases: ['v1'], tags: ['v1'] });
  });
});

describe('hooks', () => {
  it('are sent with the full set each time', async () => {
    await driver.ensureHook(forge, scope, spec);
    await driver.ensureHook(forge, scope, spec);
    const sent = fake.requests.filter((one) => ['POST', 'PATCH'].includes(one.method));
    expect(sent.map((one) => one.method)).toEqual(['POST', 'PATCH']);
    const full = {
      active: true,
      branch_filter: '*',
      events: spec.events,
      config: { url: spec.url, content_type: 'json', secret: spec.secret },
    };
    expect(sent.map((one) => JSON.parse(one.body))).toMatchObject([{ ...full, type: 'gitea' }, full]);
  });

  it('say in words what was wrong', async () => {
    const made = await driver.ensureHook(forge, scope, spec);
    const change = {
      active: false,
      events: ['push'],
      contentType: 'form',
      branchFilter: 'main',
      url: 'http://old.example.test/hooks/fge_one',
    };
    Object.assign(demo.hooks[0] ?? never(), change);
    expect(await driver.ensureHook(forge, scope, spec)).toEqual({
      id: made.id,
      change: 'repaired',
      drift: [
        'it was switched off',
        'its address was http://old.example.test/hooks/fge_one',
        'its content type was form',
        'its events were push instead of create, delete, push, release, repository',
        'its branch filter was main',
      ],
    });
  });

  it('keep an Authorization header that somebody added', async () => {
    await driver.ensureHook(forge, scope, spec);
    Object.assign(demo.hooks[0] ?? never(), { authorization: 'Basic cHJveHk6eA==', active: false });
    await driver.ensureHook(forge, scope, spec);
    expect(demo.hooks[0]).toMatchObject({ authorization: 'Basic cHJveHk6eA==', active: true });
  });

  it('registered twice are one afterwards', async () => {
    await driver.ensureHook(forge, scope, spec);
    demo.hooks.unshift({ ...(demo.hooks[0] ?? never()), id: 4711, url: 'http://old.example.test/hooks/fge_one' });
    const repaired = await driver.ensureHook(forge, scope, spec);
    expect(repaired).toMatchObject({ change: 'repaired', drift: ['it was registered 2 times'] });
    expect(demo.hooks.map((hook) => [String(hook.id), hook.url])).toEqual([[repaired.id, spec.url]]);
  });

  it('of another type are made anew', async () => {
    const made = await driver.ensureHook(forge, scope, spec);
    Object.assign(demo.hooks[0] ?? never(), { type: 'slack' });
    const repaired = await driver.ensureHook(forge, scope, spec);
    expect(repaired).toMatchObject({ change: 'repaired', drift: ['its type was slack'] });
    expect(repaired.id).not.toBe(made.id);
    expect(demo.hooks).toMatchObject([{ type: 'gitea' }]);
  });

  it('get a new secret by being made anew', async () => {
    await driver.ensureHook(forge, scope, spec);
    const rotated = { ...spec, secret: 'another-secret' };
    await driver.ensureHook(forge, scope, rotated);
    expect(demo.hooks.map((hook) => hook.secret)).toEqual([spec.secret]);
    await driver.removeHook(forge, scope, spec.url);
    await driver.ensureHook(forge, scope, rotated);
    expect(demo.hooks.map((hook) => hook.secret)).toEqual(['another-secret']);
  });

  it("of Forgejo have its own type, and Gitea's is as good", async () => {
    await fake.close();
    await begin('forgejo');
    const forgejo = giteaFamily('forgejo');
    await forgejo.ensureHook(forge, scope, spec);
    expect(demo.hooks).toMatchObject([{ type: 'forgejo' }]);
    Object.assign(demo.hooks[0] ?? never(), { type: 'gitea' });
    expect(await forgejo.ensureHook(forge, scope, spec)).toMatchObject({ change: 'unchanged' });
  });
});

function never(): never {
  throw new Error('it is there');
}
