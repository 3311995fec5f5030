import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ForgeConnection } from '../../src/forge/forge.ts';
import { forgejoDriver, giteaDriver } from '../../src/forge/gitea/driver.ts';
import { type FakeDelivery, type FakeForge, type FakeRepository, startFakeForge } from './fake-forge.ts';

/** The fake must be as silent and as loud as the forge whose life was recorded. */
const STEPS = new Map(
  readFileSync(new URL('../fixtures/gitea/steps.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, step = '', heard = ''] = /^\d+ ([\w-]+): (.*)$/.exec(line) ?? [];
      return [step, heard === '(nothing)' ? [] : heard.split(', ').sort()];
    }),
);

const EVENTS = ['create', 'delete', 'push', 'release', 'repository'];

let forge: FakeForge;
let connection: ForgeConnection;

beforeEach(async () => {
  forge = await startFakeForge();
  connection = forge.connection();
});

afterEach(() => forge.close());

async function hooked(target: { owner: string; repository?: FakeRepository }, name: string, url: string) {
  const { owner, repository } = target;
  const path = repository ? `repos/${owner}/${repository.name}/hooks` : `orgs/${owner}/hooks`;
  const hook = {
    type: 'gitea',
    active: true,
    events: EVENTS,
    config: { url: `${url}/${name}`, content_type: 'json', secret: 's' },
  };
  const response = await fetch(`${forge.url}/api/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `token ${forge.token}` },
    body: JSON.stringify(hook),
  });
  expect(response.status).toBe(201);
}

async function openSink(): Promise<{ url: string; close(): void }> {
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.writeHead(204).end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function told(delivery: FakeDelivery): string {
  const body: { action?: string; ref?: string } = JSON.parse(delivery.body);
  const target = { repository: 'repo', organization: 'org', system: 'system' }[delivery.target];
  return `${target}:${delivery.event}(${body.action ?? body.ref})`;
}

describe('a life of a repository', () => {
  it('is told as the real forge told it', async () => {
    const sink = await openSink();
    const { url } = sink;
    let seen = 0;
    const step = async (name: string, act: () => Promise<unknown>) => {
      await act();
      const heard = forge.deliveries.slice(seen).map(told).sort();
      seen = forge.deliveries.length;
      expect([name, heard]).toEqual([name, STEPS.get(name)]);
    };

    await forge.createRepository({ owner: 'acme', name: 'com_other' });
    await hooked({ owner: 'acme' }, 'org', url);
    forge.addSystemHook(`${url}/system`, 's', EVENTS);
    const made: FakeRepository[] = [];
    await step('repository-created', async () =>
      made.push(await forge.createRepository({ owner: 'acme', name: 'com_demo' })),
    );
    const [repo] = made;
    if (!repo) throw new Error('nothing was made');
    await hooked({ owner: 'acme', repository: repo }, 'repo', url);

    await step('push-lightweight-tag', () => forge.pushTag(repo, 'v1.0.0'));
    await step('push-annotated-tag', async () => {
      await forge.pushBranch(repo, { 'demo.xml': '<x/>' });
      await forge.pushTag(repo, 'v1.1.0-rc1', { message: 'Release candidate' });
    });
    await step('push-five-tags', async () => {
      for (let i = 0; i < 5; i++) await forge.pushTag(repo, `many-${i}`);
    });
    const one = await forge.publishRelease(repo, { tag: 'v0.9.0' });
    seen = forge.deliveries.length;
    await step('asset-added', () => forge.addAsset(repo, one, 'a.zip', 'PK'));
    const [asset] = one.assets;
    if (!asset) throw new Error('no asset');
    await step('asset-renamed', () => forge.renameAsset(repo, one, asset, 'b.zip'));
    await step('release-edited', () => forge.editRelease(repo, one, { notes: 'more' }));
    await step('asset-deleted', () => forge.deleteAsset(repo, one, asset));
    await step('release-published-on-existing-tag', () => forge.publishRelease(repo, { tag: 'v1.0.0' }));
    const eleven = [];
    await step('release-published-with-new-tag', async () =>
      eleven.push(await forge.publishRelease(repo, { tag: 'v1.1.0' })),
    );
    await step('prerelease-set', () => forge.editRelease(repo, one, { prerelease: true }));
    const drafts: Awaited<ReturnType<typeof forge.draftRelease>>[] = [];
    await step('draft-without-tag-created', async () => drafts.push(await forge.draftRelease(repo, { tag: 'v1.2.0' })));
    const [draft] = drafts;
    if (!draft) throw new Error('no draft');
    await step('draft-without-tag-published', () => forge.publishDraft(repo, draft));
    await step('published-back-to-draft', () => forge.unpublish(repo, draft));
    await step('draft-with-tag-published', () => forge.publishDraft(repo, draft));
    await step('tag-moved', async () => {
      await forge.pushBranch(repo, { 'demo.xml': '<y/>' });
      await forge.moveTag(repo, 'v1.0.0', { 'demo.xml': '<y/>' });
    });
    await step('tag-deleted-by-push', () => forge.deleteTag(repo, 'v1.1.0'));
    await step('tag-pushed-again', () => forge.pushTag(repo, 'v1.1.0'));
    await step('release-deleted-tag-kept', () => forge.deleteRelease(repo, draft));
    await step('tag-deleted-by-api', () => forge.deleteTag(repo, 'v1.2.0', 'api'));
    await step('release-on-tag-with-slash', () => forge.publishRelease(repo, { tag: 'dev/2.0' }));
    await forge.renameRepository(repo, 'com_renamed');
    await step('repository-transferred', () => forge.transferRepository(repo, 'newhome'));
    await step('repository-archived', () => forge.archiveRepository(repo));
    await step('repository-made-public', () => forge.setPrivate(repo, false));
    await step('repository-deleted', () => forge.deleteRepository(repo));
    sink.close();
  });
});

describe('deliveries', () => {
  it.each([
    ['gitea', giteaDriver, undefined],
    ['forgejo', forgejoDriver, 'push'],
  ] as const)('%s sends its families of headers', async (kind, driver, forgejoEvent) => {
    await forge.close();
    forge = await startFakeForge({ kind });
    const sink = await openSink();
    const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });
    await hooked({ owner: 'acme', repository: demo }, 'repo', sink.url);
    await forge.pushTag(demo, 'v1');
    const [push] = forge.deliveries;
    expect(push?.outcome).toBe(204);
    expect(push?.headers['X-Gitea-Event']).toBe('push');
    expect(push?.headers['X-Forgejo-Event']).toBe(forgejoEvent);
    const headers = Object.fromEntries(
      Object.entries(push?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    expect(driver.verifyHook(Buffer.from(push?.body ?? ''), headers, ['s'])).toBe('valid');
    sink.close();
  });

  it('are sent once, held back, reversed and sent again by hand with a new id', async () => {
    const sink = await openSink();
    const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });
    await hooked({ owner: 'acme', repository: demo }, 'repo', sink.url);
    forge.holdDeliveries();
    await forge.pushTag(demo, 'v1');
    expect(forge.deliveries).toEqual([]);
    await forge.releaseDeliveries('reversed');
    expect(forge.deliveries.map((one) => one.event)).toEqual(['create', 'push']);
    sink.close();
    const [first] = forge.deliveries;
    if (!first) throw new Error('nothing was sent');
    const again = await forge.redeliver(first);
    expect(again).toMatchObject({ event: 'create', body: first.body, outcome: 'TypeError' });
    expect(again.id).not.toBe(first.id);
  });

  it('are refused to hosts that the operator did not allow', async () => {
    const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });
    forge.addSystemHook('http://127.0.0.1:9/hooks/one', 's', EVENTS);
    forge.allowHooksTo((url) => url.hostname !== '127.0.0.1');
    await forge.pushTag(demo, 'v1');
    expect(forge.deliveries.map((one) => one.outcome)).toEqual(['not allowed', 'not allowed']);
  });

  it('of a hook without a secret carry empty signatures', async () => {
    const sink = await openSink();
    const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });
    forge.addSystemHook(sink.url, '', EVENTS);
    await forge.pushTag(demo, 'v1');
    expect(forge.deliveries[0]?.headers).toMatchObject({ 'X-Gitea-Signature': '', 'X-Hub-Signature-256': 'sha256=' });
    sink.close();
  });
});

describe('the recordings', () => {
  it('count a token that reached another host', async () => {
    const authorization = `token ${forge.token}`;
    await fetch(`${forge.url}/api/v1/version`, { headers: { authorization } });
    expect(forge.leaks()).toEqual([]);
    await fetch(`${forge.rootUrl}/x`, { headers: { authorization } });
    await fetch(`${forge.storeUrl}/x?access_token=${forge.token}`);
    expect(forge.leaks().map((one) => one.host)).toEqual(['elsewhere', 'store']);
    expect(connection.baseUrl).toBe(forge.url);
  });
});

describe('people', () => {
  it('have the rights that the real forge tells, and teams tell the truth', async () => {
    const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });
    await forge.publishRelease(demo, { tag: 'v1' });
    await forge.draftRelease(demo, { tag: 'v2' });
    forge.addOwner('acme', 'olga');
    const support = forge.createTeam('acme', { name: 'support', members: ['sam'], repositories: [demo] });
    const nora = forge.createToken('nora');
    const get = async (path: string, token = forge.token) => {
      const response = await fetch(`${forge.url}/api/v1${path}`, { headers: { authorization: `token ${token}` } });
      const text = await response.text();
      return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
    };
    const permission = '/repos/acme/com_demo/collaborators';
    expect((await get(`${permission}/olga/permission`)).body).toMatchObject({
      permission: 'owner',
      role_name: 'owner',
    });
    expect((await get(`${permission}/sam/permission`)).body).toMatchObject({ permission: 'none' });
    expect((await get(`${permission}/olga/permission`, nora)).status).toBe(404);
    expect((await get('/users/olga/orgs/acme/permissions')).body).toMatchObject({ is_owner: true });
    expect((await get('/users/sam/orgs/acme/permissions')).body).toMatchObject({ is_owner: false, can_read: false });
    expect((await get(`/teams/${support.id}/members/sam`)).status).toBe(200);
    expect((await get(`/teams/${support.id}/members/nora`)).status).toBe(404);
    expect((await get('/repos/acme/com_demo/teams')).body).toMatchObject([
      { name: 'Owners' },
      { name: 'support', permission: 'none', units_map: { 'repo.releases': 'write' } },
    ]);
    expect((await get('/orgs/acme/teams/search?q=supp')).body).toMatchObject({ ok: true, data: [{ id: support.id }] });
    expect((await get('/orgs/acme/members/olga')).status).toBe(204);
    expect((await get('/orgs/acme/memberships/olga')).status).toBe(404);
    const sam = forge.createToken('sam');
    expect((await get('/user/teams', sam)).body).toMatchObject([{ id: support.id, organization: { name: 'acme' } }]);
    const remote = await giteaDriver.repository({ ...connection, token: sam }, { owner: 'acme', name: 'com_demo' });
    const state = remote && (await giteaDriver.state({ ...connection, token: sam }, remote));
    expect(state?.releases.map((one) => one.draft).sort()).toEqual([false, true]);
    expect(
      await giteaDriver.repository({ ...connection, token: nora }, { owner: 'acme', name: 'com_demo' }),
    ).toBeNull();
  });
});
