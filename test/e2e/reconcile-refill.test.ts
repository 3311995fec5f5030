import { createHash } from 'node:crypto';
import { existsSync, rmSync, truncateSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/clock.ts';
import { onEachDatabase } from '../support/databases.ts';
import type { FakeForge } from '../support/fake-forge.ts';
import { joomlaFiles, joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, type Vendor } from '../support/vendor.ts';

/** Files are a cache: what is lost is fetched again, and what comes back is what the feed promised or nothing. */

let vendor: Vendor;
let release: Awaited<ReturnType<FakeForge['publishRelease']>>;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const download = () => vendor.get(`${pathOf(vendor.product)}/download/1.0.0/hello.zip`);
const blobOf = async () => vendor.test.core.store.pathOf((await vendor.known()).artifact('1.0.0').sha256);
const asset = () => {
  const [first] = release.assets;
  if (!first) throw new Error('the release has no file');
  return first;
};

onEachDatabase('a file that is lost', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
    const assets = { 'hello.zip': await joomlaZip({ version: '1.0.0' }) };
    release = await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', assets });
    await vendor.sync();
    rmSync(await blobOf());
  });
  afterEach(() => vendor.close());

  it('is fetched once, however many ask', async () => {
    const before = asset().downloads;
    const answers = await Promise.all(Array.from({ length: 50 }, download));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(answers.map(({ bytes }) => sha256(bytes)))).toEqual(new Set([sha256(asset().bytes)]));
    expect(asset().downloads).toBe(before + 1);
    expect(existsSync(await blobOf())).toBe(true);
    await download();
    expect(asset().downloads).toBe(before + 1);
  });

  it('in part counts as lost', async () => {
    await download();
    truncateSync(await blobOf(), 100);
    const { status, bytes } = await download();
    expect([status, sha256(bytes)]).toEqual([200, sha256(asset().bytes)]);
  });

  it('while the forge is away is not there for the moment, and comes back with it', async () => {
    vendor.forge.setFault('500', { path: /\/attachments\// });
    expect((await download()).status).toBe(503);
    expect(await vendor.jobs()).toEqual([]);
    vendor.forge.clearFaults();
    expect((await download()).status).toBe(200);
  });

  it.each(['half', 'stall'] as const)('is not taken in when the forge breaks off (%s)', async (fault) => {
    vendor.forge.setFault(fault, { path: /\/attachments\//, times: 1 });
    expect((await download()).status).toBe(503);
    expect(existsSync(await blobOf())).toBe(false);
    expect((await download()).status).toBe(200);
  });

  it('and has other bytes on the forge is never served under the old hash; the release takes them in', async () => {
    const old = (await vendor.known()).artifact('1.0.0').sha256;
    asset().bytes = await joomlaZip({ version: '1.0.0', note: 'from a backup' });
    const answers = await Promise.all(Array.from({ length: 20 }, download));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(503));
    expect(await vendor.jobs()).toHaveLength(1);
    await vendor.test.core.worker.drain();
    const healed = (await vendor.known()).artifact('1.0.0').sha256;
    expect(healed).toBe(sha256(asset().bytes));
    expect(healed).not.toBe(old);
    const { status, bytes } = await download();
    expect([status, sha256(bytes)]).toEqual([200, healed]);
    expect((await vendor.get(`${pathOf(vendor.product)}/updates.xml`)).text).toContain(healed);
  });

  it('and is gone from the forge too is not asked for at every download; the release is looked at again', async () => {
    const { forge, repo, test } = vendor;
    await forge.deleteAsset(repo, release, asset());
    expect((await download()).status).toBe(503);
    const asked = forge.requests.length;
    expect((await download()).status).toBe(503);
    expect(forge.requests).toHaveLength(asked);
    test.time.now += MINUTE + SECOND;
    expect((await download()).status).toBe(503);
    expect(forge.requests.length).toBeGreaterThan(asked);
    await test.core.worker.drain();
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.known()).errors).toEqual(['v1.0.0 MANIFEST_MISSING']);
    expect((await download()).status).toBe(404);
  });

  it('while the repository is not to be seen comes back with it', async () => {
    const { forge, test } = vendor;
    forge.setFault('missing');
    expect((await download()).status).toBe(503);
    await test.core.worker.drain();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    forge.clearFaults();
    test.time.now += MINUTE + SECOND;
    expect((await download()).status).toBe(200);
  });
});

onEachDatabase('an archive that was made by another build of zlib', (database) => {
  afterEach(() => vendor.close());

  it('is made anew, with a new hash in the feed, as soon as its file is lost', async () => {
    vendor = await openVendor(database());
    const { db, store } = vendor.test.core;
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', files: joomlaFiles({ version: '1.0.0' }) });
    await vendor.sync();
    const made = (await vendor.known()).artifact('1.0.0');
    expect(made.source.kind).toBe('archive');
    const elsewhere = 'f'.repeat(64);
    await db.tx(async (tx) => {
      await tx('artifacts').where({ id: made.id }).update({ sha256: elsewhere });
      await tx('products').where({ id: vendor.product.id }).increment('revision', 1);
    });
    expect((await download()).status).toBe(503);
    expect(await store.has(elsewhere, made.size)).toBe(false);
    await vendor.test.core.worker.drain();
    const healed = await vendor.known();
    expect(healed.artifact('1.0.0').sha256).toBe(made.sha256);
    expect(healed.release('1.0.0').fingerprint).not.toBe('');
    const { status, bytes } = await download();
    expect([status, sha256(bytes)]).toEqual([200, made.sha256]);
  });

  it('is made the same as long as it is the same build', async () => {
    vendor = await openVendor(database());
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', files: joomlaFiles({ version: '1.0.0' }) });
    await vendor.sync();
    const made = (await vendor.known()).artifact('1.0.0');
    rmSync(await blobOf());
    const { status, bytes } = await download();
    expect([status, sha256(bytes)]).toEqual([200, made.sha256]);
  });
});
