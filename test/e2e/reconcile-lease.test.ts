import { afterEach, expect, it } from 'vitest';
import { SECOND } from '../../src/clock.ts';
import type { ForgeDriver } from '../../src/forge/forge.ts';
import { giteaDriver } from '../../src/forge/gitea/driver.ts';
import { nextLook, RECONCILE } from '../../src/forge/hooks.ts';
import { enqueue } from '../../src/jobs/store.ts';
import { LEASE_MS } from '../../src/jobs/worker.ts';
import { syncNow } from '../../src/releases/sync.ts';
import { openTestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, type Vendor } from '../support/vendor.ts';

/** Two servers on one database: whoever was asleep too long must not undo what the other has found meanwhile. */

let vendor: Vendor;
const ending: (() => Promise<void>)[] = [];

onEachDatabase('a look', (database) => {
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
    await vendor.close();
  });

  it('that sleeps through its lease writes nothing when it wakes up', async () => {
    let wake: () => void = () => undefined;
    let asleep: () => void = () => undefined;
    const awake = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const sleeping = new Promise<void>((resolve) => {
      asleep = resolve;
    });
    const sleepy: ForgeDriver = {
      ...giteaDriver,
      async openAsset(...asked) {
        asleep();
        await awake;
        return giteaDriver.openAsset(...asked);
      },
    };
    vendor = await openVendor(database(), { core: { drivers: { gitea: sleepy } } });
    const { forge, repo, test } = vendor;
    const release = await forge.publishRelease(repo, {
      tag: 'v1.0.0',
      assets: { 'hello.zip': await joomlaZip({ version: '1.0.0' }) },
    });
    const slow = test.core.worker.drain();
    await sleeping;

    const other = await openTestCore(database(), { dataDir: test.dataDir, time: test.time });
    ending.push(other.close);
    expect(await other.core.worker.drain()).toBe(0);
    test.time.now += LEASE_MS + SECOND;
    const [asset] = release.assets;
    if (!asset) throw new Error('the release has no file');
    await forge.replaceAsset(repo, release, asset, await joomlaZip({ version: '1.0.0', note: 'newer' }));
    await forge.publishRelease(repo, { tag: 'v1.1.0', assets: { 'hello.zip': await joomlaZip({ version: '1.1.0' }) } });
    expect(await other.core.worker.drain()).toBe(1);
    const [known, stored] = [await vendor.known(), await vendor.repository()];
    expect(known.releases.map(({ version }) => version).sort()).toEqual(['1.0.0', '1.1.0']);

    wake();
    await slow;
    expect(await vendor.known()).toMatchObject({ releases: known.releases, artifacts: known.artifacts, errors: [] });
    expect(await vendor.repository()).toEqual(stored);
    expect(await vendor.jobs()).toEqual([]);
  });

  it('that a command takes over from a hook leaves the looks behind it on the list', async () => {
    vendor = await openVendor(database());
    const { core, time } = vendor.test;
    const now = new Date(time.now).toISOString();
    const payload = { again: [30 * SECOND, 300 * SECOND] };
    await core.db.tx((tx) => enqueue(tx, { kind: RECONCILE, subject: vendor.repositoryId, runAt: now, payload }, now));
    expect(await syncNow(core.reconcile, vendor.repositoryId)).toEqual({ state: 'done', looked: 0 });
    const next = nextLook(payload);
    expect(await vendor.jobs()).toMatchObject([{ payload: next?.payload }]);
  });
});
