import { afterEach, beforeEach, expect, it } from 'vitest';
import { serve } from '../../src/app.ts';
import { MINUTE, SECOND } from '../../src/clock.ts';
import { ensureOrganization } from '../../src/forge/connect.ts';
import { mendDrift } from '../../src/forge/drift.ts';
import { ensureRepositoryHook, RECONCILE } from '../../src/forge/hooks.ts';
import { findForge, listForges } from '../../src/forge/store.ts';
import { enqueue } from '../../src/jobs/store.ts';
import { onOneDatabase } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import type { FakeForge } from '../support/fake-forge.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, type Vendor } from '../support/vendor.ts';

/** What hooks lead to, what they keep silent about, and the hooks themselves. */

let vendor: Vendor;
const acts = () => vendor.forge;

async function publish(version: string, withFile = true) {
  const file = { [`hello-${version}.zip`]: await joomlaZip({ version }) };
  return acts().publishRelease(vendor.repo, { tag: `v${version}`, assets: withFile ? file : {} });
}

async function lookAfter(ms: number): Promise<number> {
  vendor.test.time.now += ms;
  return vendor.test.core.worker.drain();
}

const outcomes = () => [...new Set(acts().deliveries.map(({ outcome }) => outcome))];

onEachDatabase('with a hook', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database(), { hooks: true });
    await vendor.test.core.worker.drain();
  });
  afterEach(() => vendor.close());

  it('a release is in the feed as soon as the forge has said so', async () => {
    await publish('1.0.0');
    expect(outcomes()).toEqual([202]);
    expect(await lookAfter(0)).toBe(1);
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it.each<[string, (release: Awaited<ReturnType<FakeForge['publishRelease']>>) => Promise<unknown>, string[]]>([
    ['deleted', (release) => acts().deleteRelease(vendor.repo, release), []],
    ['marked as a prerelease', (release) => acts().editRelease(vendor.repo, release, { prerelease: true }), []],
    ['left without its tag', () => acts().deleteTag(vendor.repo, 'v1.0.0'), []],
    ['left without its tag by API', () => acts().deleteTag(vendor.repo, 'v1.0.0', 'api'), []],
  ])('a release that is %s is gone from it as soon', async (_what, act, left) => {
    const release = await publish('1.0.0');
    await lookAfter(0);
    await act(release);
    await lookAfter(SECOND);
    expect(await vendor.feed()).toEqual(left);
    expect(outcomes()).toEqual([202]);
  });

  it('a file that is attached later, of which no hook tells, is found half a minute and five minutes after', async () => {
    const first = await publish('1.0.0', false);
    await lookAfter(0);
    expect(await vendor.feed()).toEqual([]);
    await acts().addAsset(vendor.repo, first, 'hello.zip', await joomlaZip({ version: '1.0.0' }));
    expect(await lookAfter(29 * SECOND)).toBe(0);
    expect(await lookAfter(SECOND)).toBe(1);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    const second = await acts().publishRelease(vendor.repo, { tag: 'v1.1.0' });
    await lookAfter(0);
    await lookAfter(30 * SECOND);
    await acts().addAsset(vendor.repo, second, 'hello.zip', await joomlaZip({ version: '1.1.0' }));
    expect(await lookAfter(5 * MINUTE - SECOND)).toBe(0);
    expect(await lookAfter(SECOND)).toBe(1);
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
    expect(await vendor.jobs()).toEqual([]);
  });

  it('a sweep between two planned looks leaves both as they are, and so does a look that somebody asks for', async () => {
    const release = await publish('1.0.0', false);
    await lookAfter(0);
    vendor.test.time.now += 10 * SECOND;
    const now = new Date(vendor.test.time.now).toISOString();
    const sweep = { kind: RECONCILE, subject: vendor.repositoryId, runAt: now, patient: true };
    await vendor.test.core.db.tx((tx) => enqueue(tx, sweep, now));
    expect(await lookAfter(0)).toBe(0);
    expect(await lookAfter(20 * SECOND)).toBe(1);
    await vendor.sync();
    await acts().addAsset(vendor.repo, release, 'hello.zip', await joomlaZip({ version: '1.0.0' }));
    await lookAfter(5 * MINUTE);
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it('the same facts from repository, organization and system, in any order, are one look', async () => {
    const [hook] = vendor.repo.hooks;
    if (!hook) throw new Error('there is no hook');
    acts().addSystemHook(hook.url, hook.secret, hook.events);
    acts().holdDeliveries();
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publish(version);
    await acts().releaseDeliveries('reversed');
    expect(acts().deliveries.length).toBeGreaterThan(12);
    expect(outcomes()).toEqual([202]);
    expect(await lookAfter(0)).toBe(1);
    expect(await vendor.feed()).toEqual(['1.2.0', '1.1.0', '1.0.0']);
  });

  it('what is sent again by hand is taken again', async () => {
    await publish('1.0.0');
    await lookAfter(0);
    const last = acts().deliveries.at(-1);
    if (!last) throw new Error('nothing was delivered');
    expect((await acts().redeliver(last)).outcome).toBe(202);
    expect(await lookAfter(SECOND)).toBe(1);
  });
});

onEachDatabase('without a word from the forge', (database) => {
  afterEach(() => vendor.close());

  it('the sweep finds what a lost hook would have told', async () => {
    vendor = await openVendor(database(), { hooks: true });
    const { core } = vendor.test;
    await core.worker.drain();
    acts().allowHooksTo(() => false);
    await publish('1.0.0');
    expect(outcomes()).toEqual(['not allowed']);
    expect(await core.worker.drain()).toBe(0);
    // The server sweeps when it starts, and then every few minutes.
    const running = await serve(core);
    while ((await vendor.feed()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await vendor.feed()).toEqual(['1.0.0']);
    await running.stop();
    vendor = { ...vendor, close: vendor.forge.close };
  });
});

onOneDatabase('a hook', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database(), { hooks: true });
  });
  afterEach(() => vendor.close());

  /** What went wrong with it; forges of earlier tests are away. */
  const drift = async () => {
    const troubles: string[] = [];
    await mendDrift(vendor.test.core.forge, (error) => void troubles.push(String(error)));
    return troubles.filter((each) => !each.includes('ECONNREFUSED'));
  };
  const hook = () => {
    const [first] = vendor.repo.hooks;
    if (!first) throw new Error('there is no hook');
    return first;
  };

  it('is registered with everything that it needs', async () => {
    expect(vendor.repo.hooks).toMatchObject([
      {
        ...{ type: 'gitea', url: `${vendor.test.url}/hooks/${vendor.forgeId}`, contentType: 'json', active: true },
        ...{ branchFilter: '*', events: ['create', 'delete', 'push', 'release', 'repository'] },
      },
    ]);
    expect(hook().secret).toMatch(/^[0-9a-f]{64}$/);
    expect((await vendor.repository()).hookError).toBeNull();
    expect(await drift()).toEqual([]);
    expect(vendor.repo.hooks).toHaveLength(1);
  });

  it.each<[string, () => void]>([
    ['other events', () => hook().events.splice(0, 9, 'issues')],
    ['no life', () => Object.assign(hook(), { active: false })],
    ['another address', () => Object.assign(hook(), { url: `http://127.0.0.1:1/hooks/${vendor.forgeId}` })],
    ['a form', () => Object.assign(hook(), { contentType: 'form' })],
    ['a branch filter', () => Object.assign(hook(), { branchFilter: 'main' })],
    ['a double', () => vendor.repo.hooks.push({ ...hook(), id: 99_999 })],
    ['been deleted', () => vendor.repo.hooks.splice(0)],
  ])('that has got %s is mended by the daily look', async (_what, spoil) => {
    spoil();
    expect(await drift()).toEqual([]);
    expect(vendor.repo.hooks).toHaveLength(1);
    await publish('1.0.0');
    expect(outcomes()).toEqual([202]);
    expect(await vendor.jobs()).toHaveLength(1);
  });

  it('that may not be made is told in words, and what is mended is forgotten', async () => {
    acts().setFault('forbidden', { path: /\/hooks/ });
    expect(await drift()).toEqual([expect.stringMatching(/answered 403/)]);
    expect((await vendor.repository()).hookError).toMatch(/answered 403/);
    acts().clearFaults();
    vendor.test.time.now += MINUTE;
    expect(await drift()).toEqual([]);
    expect(await vendor.repository()).toMatchObject({
      hookError: null,
      hookCheckedAt: new Date(vendor.test.time.now).toISOString(),
    });
  });

  it('follows its repository through a rename, by id', async () => {
    await acts().renameRepository(vendor.repo, 'hello-world');
    hook().active = false;
    expect(await drift()).toEqual([]);
    expect(hook().active).toBe(true);
  });

  it('is kept from one forge that is away to the next that is not', async () => {
    const other = await openVendor(database(), { hooks: true });
    const [theirs] = other.repo.hooks;
    Object.assign(theirs ?? {}, { active: false, url: `${vendor.test.url}/hooks/${other.forgeId}` });
    await acts().close();
    vendor = { ...vendor, forge: { ...vendor.forge, close: async () => undefined } };
    expect(await drift()).toEqual([]);
    const forges = await vendor.test.core.db.read(listForges);
    expect(forges.find(({ id }) => id === vendor.forgeId)?.checkError).toMatch(/ECONNREFUSED/);
    expect(theirs?.active).toBe(true);
    await other.close();
  });

  it('may stand on the organization instead, and hears the repository from there', async () => {
    const { core } = vendor.test;
    const { forgeId, owner } = vendor.organization;
    const forge = await core.db.read((tx) => findForge(tx, forgeId));
    if (!forge) throw new Error('the forge is gone');
    await ensureOrganization(core.forge, { forge, owner, hookScope: 'organization' }, vendor.by());
    expect(await ensureRepositoryHook(core.forge, vendor.repositoryId)).toMatchObject({ change: 'created' });
    expect(vendor.repo.hooks).toEqual([]);
    await publish('1.0.0');
    await core.worker.drain();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect(await ensureRepositoryHook(core.forge, vendor.repositoryId)).toMatchObject({ change: 'unchanged' });
  });

  it('keeps raw bodies for thirty days', async () => {
    await publish('1.0.0');
    const bodies = async () => (await vendor.deliveries()).filter(({ body }) => body !== null).length;
    const all = await bodies();
    expect(all).toBeGreaterThan(0);
    vendor.test.time.now += 29 * 24 * 60 * MINUTE;
    await drift();
    expect(await bodies()).toBe(all);
    vendor.test.time.now += 2 * 24 * 60 * MINUTE;
    await drift();
    expect(await bodies()).toBe(0);
    expect((await vendor.deliveries()).every(({ bodySha256 }) => bodySha256.length === 64)).toBe(true);
  });
});
