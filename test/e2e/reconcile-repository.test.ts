import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { HOUR } from '../../src/clock.ts';
import { addForge, ensureOrganization, ensureRepository, findRemote } from '../../src/forge/connect.ts';
import type { ForgeKind } from '../../src/forge/forge.ts';
import { RECONCILE } from '../../src/forge/hooks.ts';
import { findRepository, updateOrganization } from '../../src/forge/store.ts';
import type { Product } from '../../src/releases/product.ts';
import { addProduct } from '../../src/releases/products.ts';
import { releasesOfProduct } from '../../src/releases/store-releases.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase, openSqlite, type TestDatabase } from '../support/databases.ts';
import { startFakeGitHub } from '../support/fake-github.ts';
import { makeGitRepository } from '../support/git-repository.ts';
import { joomlaFiles, joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, TARGETS, type Vendor } from '../support/vendor.ts';

let vendor: Vendor;
const acts = () => vendor.forge;

async function publish(version: string, files: Record<string, string> = {}, element = 'hello') {
  const assets = { [`plg_${element}-${version}.zip`]: await joomlaZip({ version, element }) };
  return acts().publishRelease(vendor.repo, { tag: `v${version}`, files: { 'README.md': version, ...files }, assets });
}

onEachDatabase('a repository', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
    await publish('1.0.0');
    await vendor.sync();
  });
  afterEach(() => vendor.close());

  const served = async (path: string) => (await vendor.get(`${path}/updates.xml`)).text.includes('<version>1.0.0<');

  it('that is renamed is served at the new address and at the old one', async () => {
    const old = pathOf(vendor.product);
    await acts().renameRepository(vendor.repo, 'hello-world');
    await vendor.sync();
    const { product } = await vendor.known();
    expect(pathOf(product)).toBe(`/${vendor.organization.slug}/hello-world`);
    expect([await served(pathOf(product)), await served(old)]).toEqual([true, true]);
    expect((await vendor.get(`${old}/download/1.0.0/x.zip`)).status).toBe(200);
    await acts().renameRepository(vendor.repo, 'hello-again');
    await acts().renameRepository(vendor.repo, 'hello');
    await vendor.sync();
    expect(pathOf((await vendor.known()).product)).toBe(old);
    expect([await served(old), await served(`${old}-world`)]).toEqual([true, true]);
  });

  it('that is renamed to an address of ours or of another product keeps its own', async () => {
    const old = pathOf(vendor.product);
    await acts().renameRepository(vendor.repo, 'download');
    await vendor.sync();
    expect(pathOf((await vendor.known()).product)).toBe(old);
    await vendor.add({ slug: 'taken', repository: null });
    await acts().renameRepository(vendor.repo, 'taken');
    await vendor.sync();
    expect(pathOf((await vendor.known()).product)).toBe(old);
    expect(await served(old)).toBe(true);
  });

  it('that is transferred stays where its licenses were sold', async () => {
    await acts().transferRepository(vendor.repo, 'somebody-else');
    await vendor.sync();
    expect(await vendor.repository()).toMatchObject({ owner: 'somebody-else', organizationId: vendor.organization.id });
    expect(await served(pathOf(vendor.product))).toBe(true);
    await publish('1.1.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
  });

  it('that is gone is unreachable, and what it released goes on being served', async () => {
    const since = new Date(vendor.test.time.now).toISOString();
    await acts().deleteRepository(vendor.repo);
    await vendor.sync();
    vendor.test.time.now += HOUR;
    await vendor.sync();
    expect(await vendor.repository()).toMatchObject({ unreachableSince: since });
    expect((await vendor.repository()).syncError).toMatch(/no such repository, or that the token may not see it/);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.get(`${pathOf(vendor.product)}/download/latest`)).status).toBe(200);
    expect(await vendor.jobs()).toEqual([]);
  });

  it.each([
    ['itself', /\/repositories\//],
    ['its releases', /\/releases\?/],
    ['its tags', /\/tags\?/],
  ])('whose forge says 404 for %s is unreachable until it is back', async (_what, path) => {
    await publish('1.1.0');
    acts().setFault('missing', { path });
    await vendor.sync();
    expect((await vendor.repository()).unreachableSince).not.toBeNull();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    acts().clearFaults();
    await vendor.sync();
    expect(await vendor.repository()).toMatchObject({ unreachableSince: null, syncError: null });
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
  });

  it('says where each release differs from the one before it, and lists none that is another extension', async () => {
    await publish('1.1.0', {}, 'helo');
    await publish('0.9.0', {}, 'hallo');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).errors).toEqual(['v0.9.0 IDENTITY_CHANGED', 'v1.1.0 IDENTITY_CHANGED']);
    expect((await vendor.known()).release('1.1.0').state).toBe('withheld');
  });
});

describe('.feedgate.yml', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await openSqlite();
    vendor = await openVendor(database);
  });
  afterEach(async () => {
    await vendor.close();
    await database.drop();
  });

  const settings = (text: string) => ({ '.feedgate.yml': text });

  it('says channel, target, PHP, security and changelog of its release', async () => {
    const { db } = vendor.test.core;
    const rules = JSON.stringify({ channels: [{ name: 'lts', word: 'stable', tags: [] }] });
    await db.tx((tx) => updateOrganization(tx, vendor.organization.id, { rules }));
    const text =
      'channel: lts\nsecurity: true\nphp: "8.1"\nchangelog: CHANGES.md\njoomla:\n  target: "5.1 - 6"\n  element: hello\n';
    await publish('1.0.0', { ...settings(text), 'CHANGES.md': '## 1.0.0\n\n### Fixed\n\n- The night\n' });
    await vendor.sync();
    const known = await vendor.known();
    expect([known.errors, known.warnings.filter((each) => each.includes('TARGET'))]).toEqual([[], []]);
    expect(known.release('1.0.0')).toMatchObject({
      ...{ channel: 'lts', clientWord: 'stable', security: true, phpMinimum: '8.1' },
      targets: { joomla: { min: '5.1', max: '6' } },
      changelog: [{ word: 'fix', items: ['The night'] }],
    });
  });

  it.each([
    ['cannot be read', 'channel: [beta', /not valid YAML/],
    ['names an unknown key', 'chanel: beta', /"chanel" is unknown/],
    ['names an unknown channel', 'channel: summer', /"summer", which the organization does not have/],
    ['is larger than a forge gives', 'x'.repeat(1_100_000), /larger than 1 MB/],
  ])('that %s keeps its release out, and only that one', async (_what, text, detail) => {
    await publish('1.0.0');
    await publish('1.1.0', settings(text));
    await publish('1.2.0');
    await vendor.sync();
    const known = await vendor.known();
    expect(known.errors).toEqual(['v1.1.0 SETTINGS_INVALID']);
    expect(await vendor.feed()).toEqual(['1.2.0', '1.0.0']);
    const [row] = await vendor.test.core.db.read((tx) => tx('problems').where({ code: 'SETTINGS_INVALID' }));
    expect(row.detail).toMatch(detail);
    expect(known.release('1.1.0').state).toBe('withheld');
    await acts().moveTag(vendor.repo, 'v1.1.0', settings('security: false'));
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.2.0', '1.1.0', '1.0.0']);
    expect((await vendor.known()).errors).toEqual([]);
  });
});

describe('other forges end in the same feed', () => {
  let database: TestDatabase;
  let test: TestCore;
  const ending: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    database = await openSqlite();
    test = await openTestCore(database);
    ending.push(database.drop, test.close);
  });
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  async function connect(kind: ForgeKind, baseUrl: string, token: string | null, name: string): Promise<Product> {
    const { core, time } = test;
    const by = { actor: SYSTEM_ACTOR, requestId: null, now: time.now };
    const forge = await addForge(core.forge, { kind, name: kind, baseUrl, token }, by);
    const organization = await ensureOrganization(core.forge, { forge, owner: 'acme' }, by);
    const remote = await findRemote(core.forge, forge, 'acme', name);
    const repository = await ensureRepository(core.forge, organization, remote, by);
    const plain = { platforms: ['joomla'], mode: 'open', settings: { targets: TARGETS } } as const;
    return addProduct(core.db, { organization, repository, ...plain }, by);
  }

  async function sync(product: Product): Promise<string[]> {
    await test.core.worker.runNow(RECONCILE, product.repositoryId ?? '');
    const text = await (await fetch(`${test.url}${pathOf(product)}/updates.xml`)).text();
    return [...text.matchAll(/<version>([^<]*)</g)].map(([, version]) => version ?? '');
  }

  it('GitHub: releases with assets, a rename, and a repository that is gone', async () => {
    const github = await startFakeGitHub();
    ending.push(github.close);
    const repo = github.addRepository('acme', 'hello');
    for (const version of ['1.0.0', '1.1.0']) {
      github.setTag(repo, `v${version}`, { 'README.md': version });
      const release = github.addRelease(repo, `v${version}`);
      github.addAsset(release, `plg_hello-${version}.zip`, await joomlaZip({ version }));
    }
    const product = await connect('github', github.url, github.tokens.admin, 'hello');
    expect(await sync(product)).toEqual(['1.1.0', '1.0.0']);
    expect(github.leaks).toEqual([]);
    github.rename(repo, 'acme', 'hello-world');
    expect(await sync(product)).toEqual(['1.1.0', '1.0.0']);
    github.repositories.splice(0);
    expect(await sync(product)).toEqual(['1.1.0', '1.0.0']);
    const stored = await test.core.db.read((tx) => findRepository(tx, product.repositoryId ?? ''));
    expect(stored).toMatchObject({ name: 'hello-world', unreachableSince: new Date(test.time.now).toISOString() });
  });

  it('plain Git: tags, a tag that moves and one that goes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'feedgate-vendor-git-'));
    ending.push(async () => rmSync(folder, { recursive: true, force: true }));
    const tag = (version: string, note = '') => ({ name: `v${version}`, files: joomlaFiles({ version, note }) });
    const repo = await makeGitRepository(folder, 'hello', [tag('1.0.0'), tag('1.1.0')]);
    const product = await connect('git', folder, null, 'hello');
    expect(await sync(product)).toEqual(['1.1.0', '1.0.0']);
    const releases = async () => test.core.db.read((tx) => releasesOfProduct(tx, product.id));
    const moving = async () => (await releases()).find(({ version }) => version === '1.1.0');
    const before = await moving();
    test.time.now += HOUR;
    await repo.tag(tag('1.1.0', 'moved'));
    await repo.deleteTag('v1.0.0');
    expect(await sync(product)).toEqual(['1.1.0']);
    const after = await moving();
    expect(after?.firstSeenAt).toBe(before?.firstSeenAt);
    expect(after?.commitId).not.toBe(before?.commitId);
    expect((await releases()).map(({ state }) => state).sort()).toEqual(['listed', 'withdrawn']);
  });
});
