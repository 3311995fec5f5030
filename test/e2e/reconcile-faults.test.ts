import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HOUR, SECOND } from '../../src/clock.ts';
import { ForgeTrouble } from '../../src/errors.ts';
import { RECONCILE } from '../../src/forge/hooks.ts';
import { enqueue } from '../../src/jobs/store.ts';
import { onOneDatabase } from '../support/core.ts';
import { onEachDatabase, type TestDatabase } from '../support/databases.ts';
import type { FakeFault } from '../support/fake-forge.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, type Vendor } from '../support/vendor.ts';

/** A forge that does not do its part: what was known stays, the reason is shown, and the truth is found once it is well again. */

let vendor: Vendor;

async function publish(version: string) {
  const assets = { [`hello-${version}.zip`]: await joomlaZip({ version }) };
  return vendor.forge.publishRelease(vendor.repo, { tag: `v${version}`, assets });
}

/** One release is known and listed. */
async function begin(database: TestDatabase): Promise<void> {
  vendor = await openVendor(database);
  await publish('1.0.0');
  await vendor.sync();
}

async function plan(): Promise<void> {
  const now = new Date(vendor.test.time.now).toISOString();
  await vendor.test.core.db.tx((tx) => enqueue(tx, { kind: RECONCILE, subject: vendor.repositoryId, runAt: now }, now));
}

const incoming = () => readdirSync(join(vendor.test.dataDir, 'artifacts', 'incoming'));

/** Everywhere, where the lists are read, or where a file is. */
const ANYWHERE = /./;
const FILES = /\/attachments\//;
const LISTS = /\/(releases|tags)\?/;

const FAULTS: [string, FakeFault, RegExp, RegExp][] = [
  ['answers nothing', 'slow', ANYWHERE, /did not answer in 300 ms/],
  ['is broken', '500', ANYWHERE, /answered 500/],
  ['is away behind its proxy', '502', ANYWHERE, /answered 502/],
  ['answers with a sign-in page', 'html', ANYWHERE, /JSON|web page/],
  ['stops in the middle of an answer', 'half', ANYWHERE, /ended (early|after)/],
  ['falls silent in the middle of an answer', 'stall', ANYWHERE, /fell silent/],
  ['cuts its JSON', 'cut-json', LISTS, /did not answer with JSON/],
  ['has lists without an end', 'endless', LISTS, /no end after 200 pages/],
  ['leads to another host', 'foreign-redirect', ANYWHERE, /leads to http:/],
  ['leads in a circle', 'redirect-loop', ANYWHERE, /circle/],
  ['has had too many requests', 'rate-limit', ANYWHERE, /too many requests/],
  ['has revoked the token', 'revoked', ANYWHERE, /token is not accepted/],
  ['forbids the lists', 'forbidden', LISTS, /answered 403/],
  ['gives half a file', 'half', FILES, /ended (early|after)/],
  ['falls silent in the middle of a file', 'stall', FILES, /fell silent/],
  ['gives a page instead of a file', 'html', FILES, /web page/],
  ['fails at a file', '500', FILES, /answered 500/],
  ['forbids a file', 'forbidden', FILES, /answered 403/],
];

onOneDatabase('a forge that', (database) => {
  beforeEach(() => begin(database()));
  afterEach(() => vendor.close());

  it.each(FAULTS)('%s (%s)', async (_what, fault, path, words) => {
    const { forge, test } = vendor;
    const before = await vendor.known();
    const synced = (await vendor.repository()).syncedAt;
    await publish('1.1.0');
    forge.setFault(fault, { path });
    test.time.now += SECOND;
    await plan();
    await test.core.worker.drain();

    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).releases).toEqual(before.releases);
    expect((await vendor.known()).artifacts).toEqual(before.artifacts);
    expect(incoming()).toEqual([]);
    const stored = await vendor.repository();
    expect(stored.syncError).toMatch(words);
    expect([stored.syncedAt, stored.unreachableSince]).toEqual([synced, null]);
    const [job] = await vendor.jobs();
    expect(job).toMatchObject({ attempts: 1, leaseId: null });
    expect(job?.lastError).toMatch(words);
    const wait = Date.parse(job?.runAt ?? '') - test.time.now;
    expect(wait).toBe(fault === 'rate-limit' ? 2 * SECOND : 10 * SECOND);
    const told = JSON.stringify([stored, job, test.lines]);
    expect(told).not.toContain(forge.token);
    expect(forge.leaks()).toEqual([]);

    forge.clearFaults();
    expect(await test.core.worker.drain()).toBe(0);
    test.time.now += wait;
    expect(await test.core.worker.drain()).toBe(1);
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
    expect(await vendor.repository()).toMatchObject({
      syncError: null,
      syncedAt: new Date(test.time.now).toISOString(),
    });
    expect(await vendor.jobs()).toEqual([]);
    expect((await vendor.known()).errors).toEqual([]);
  });
});

onEachDatabase('a forge that', (database) => {
  beforeEach(() => begin(database()));
  afterEach(() => vendor.close());

  it('is not there at all is asked again and again, ever more seldom, and is shown as stuck', async () => {
    const { forge, test } = vendor;
    await forge.close();
    await plan();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      expect(await test.core.worker.drain()).toBe(1);
      const [job] = await vendor.jobs();
      expect(job?.attempts).toBe(attempt);
      waits.push(Date.parse(job?.runAt ?? '') - test.time.now);
      test.time.now = Date.parse(job?.runAt ?? '');
    }
    expect(waits.map((ms) => ms / SECOND)).toEqual([10, 20, 40, 80, 160, 320, 640, 3_600, 3_600]);
    expect((await vendor.repository()).syncError).toMatch(/ECONNREFUSED/);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.get(`${pathOf(vendor.product)}/download/latest`)).status).toBe(200);
  });

  it('says when it will answer again is not pressed before', async () => {
    const { forge, test } = vendor;
    forge.setFault('rate-limit');
    await plan();
    await test.core.worker.drain();
    const asked = forge.requests.length;
    await plan();
    expect(await test.core.worker.drain()).toBe(0);
    expect(forge.requests).toHaveLength(asked);
    test.time.now += 2 * SECOND;
    expect(await test.core.worker.drain()).toBe(1);
    expect(forge.requests.length).toBeGreaterThan(asked);
  });

  it('cannot give one file still has the others', async () => {
    const { forge, test } = vendor;
    const releases = [await publish('1.1.0'), await publish('1.2.0'), await publish('1.3.0')];
    const broken = releases[1]?.assets[0]?.uuid ?? '';
    await forge.deleteTag(vendor.repo, 'v1.0.0');
    forge.setFault('500', { path: new RegExp(broken) });
    await expect(vendor.sync()).rejects.toThrow(ForgeTrouble);
    expect(await vendor.feed()).toEqual(['1.3.0', '1.1.0']);
    expect((await vendor.repository()).syncError).toMatch(/answered 500/);
    forge.clearFaults();
    test.time.now += HOUR;
    await test.core.worker.drain();
    expect(await vendor.feed()).toEqual(['1.3.0', '1.2.0', '1.1.0']);
  });
});

onOneDatabase('lists that change while they are read', (database) => {
  afterEach(() => vendor.close());

  it('hide no release that comes between two pages', async () => {
    vendor = await openVendor(database());
    const { forge, repo } = vendor;
    for (let i = 1; i <= 60; i++) await forge.publishRelease(repo, { tag: `doc-${i}` });
    await publish('1.0.0');
    let late = true;
    forge.onRequest(({ path }) => {
      if (!late || !/\/releases\?.*page=2/.test(path)) return;
      late = false;
      void forge.publishRelease(repo, { tag: 'doc-61' });
    });
    await vendor.sync();
    expect(late).toBe(false);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).errors).toHaveLength(61);
  });
});
