import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSqlite, type TestDatabase } from '../support/databases.ts';
import {
  dolibarrZip,
  joomlaFiles,
  joomlaZip,
  largeZip,
  zipBomb,
  zipInWrongEncoding,
  zipOf,
  zipThatClimbsOut,
  zipWithEntities,
} from '../support/site-archives.ts';
import { openVendor, pathOf, TARGETS, type Vendor } from '../support/vendor.ts';

/** Whatever a vendor attaches ends in a problem that has a name, and harms no other release. */

let database: TestDatabase;
let vendor: Vendor;
beforeAll(async () => {
  database = await openSqlite();
});
afterAll(() => database.drop());
beforeEach(async () => {
  vendor = await openVendor(database);
});
afterEach(() => vendor.close());

const bytes = (text: string) => Buffer.from(text);
const cut = (zip: Buffer) => zip.subarray(0, zip.length - 40);

function spoiled(zip: Buffer): Buffer {
  const copy = Buffer.from(zip);
  // Inside the packed bytes of the first file, behind its header of 30 bytes and its name.
  const at = 30 + copy.readUInt16LE(26) + 12;
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

const WRONG: [string, Promise<Buffer> | Buffer, string][] = [
  ['a web page', bytes('<!DOCTYPE html><title>Sign in</title>'), 'ARCHIVE_NOT_ZIP'],
  ['no bytes at all', bytes(''), 'ASSET_EMPTY'],
  ['a zip bomb', zipBomb(), 'ARCHIVE_TOO_LARGE'],
  ['a path that leads out', zipThatClimbsOut(), 'ARCHIVE_UNSAFE_PATH'],
  ['half an archive', joomlaZip({ version: '1.1.0' }).then(cut), 'ARCHIVE_DAMAGED'],
  ['an archive with a flipped byte', joomlaZip({ version: '1.1.0' }).then(spoiled), 'ARCHIVE_DAMAGED'],
  ['more than the limit', largeZip(5 * 2 ** 20), 'ASSET_TOO_LARGE'],
  ['no manifest', zipOf({ 'hello.php': '<?php' }), 'MANIFEST_MISSING'],
  [
    'two manifests side by side',
    zipOf({ ...joomlaFiles({ version: '1.1.0' }), ...joomlaFiles({ version: '1.1.0', element: 'other' }) }),
    'MANIFEST_AMBIGUOUS',
  ],
  ['a manifest with entities', zipWithEntities('1.1.0'), 'MANIFEST_WITH_ENTITIES'],
  ['a manifest in a wrong encoding', zipInWrongEncoding('1.1.0'), 'MANIFEST_ENCODING'],
  ['broken XML', zipOf({ 'hello.xml': '<extension type="plugin"><name>' }), 'MANIFEST_UNREADABLE'],
  ['the manifest of another version', joomlaZip({ version: '1.0.9' }), 'VERSION_MISMATCH'],
  ['a placeholder', joomlaZip({ version: '##VERSION##' }), 'MANIFEST_PLACEHOLDER'],
];

describe('a file with', () => {
  it.each(WRONG)('%s is told and kept out', async (_what, content, code) => {
    const { forge, repo } = vendor;
    await forge.publishRelease(repo, {
      tag: 'v1.0.0',
      assets: { 'hello-1.0.0.zip': await joomlaZip({ version: '1.0.0' }) },
    });
    const release = await forge.publishRelease(repo, { tag: 'v1.1.0', assets: { 'hello-1.1.0.zip': await content } });
    await forge.publishRelease(repo, {
      tag: 'v1.2.0',
      assets: { 'hello-1.2.0.zip': await joomlaZip({ version: '1.2.0' }) },
    });
    await vendor.sync();
    const known = await vendor.known();
    expect(known.errors).toEqual([`v1.1.0 ${code}`]);
    expect(known.release('1.1.0').state).toBe('withheld');
    expect(await vendor.feed()).toEqual(['1.2.0', '1.0.0']);
    expect((await vendor.get(`${pathOf(vendor.product)}/download/1.1.0/x.zip`)).status).toBe(404);
    expect(readdirSync(join(vendor.test.dataDir, 'artifacts', 'incoming'))).toEqual([]);
    const [asset] = release.assets;
    const asked = asset?.downloads;
    await vendor.sync();
    expect(asset?.downloads).toBe(asked);
    if (!asset) throw new Error('the release has no file');
    await forge.replaceAsset(repo, release, asset, await joomlaZip({ version: '1.1.0' }));
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.2.0', '1.1.0', '1.0.0']);
    expect((await vendor.known()).errors).toEqual([]);
  });

  it('several files that could be meant are told by name', async () => {
    const zip = await joomlaZip({ version: '1.0.0' });
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', assets: { 'one.zip': zip, 'two.zip': zip } });
    await vendor.sync();
    expect((await vendor.known()).errors).toEqual(['v1.0.0 ASSET_AMBIGUOUS']);
  });

  it('a file of the other platform is no file of this one', async () => {
    await vendor.close();
    vendor = await openVendor(database, {
      product: { platforms: ['joomla', 'dolibarr'], settings: { targets: TARGETS } },
    });
    const assets = { 'module_hello-1.0.0.zip': await dolibarrZip({ version: '1.0.0' }) };
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', assets });
    await vendor.sync();
    const known = await vendor.known();
    expect(known.errors).toEqual(['v1.0.0 MANIFEST_MISSING']);
    expect(known.artifacts.map(({ platform }) => platform)).toEqual(['dolibarr']);
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.get(`${pathOf(vendor.product)}/dolibarr.txt`)).text.trim()).toBe('1.0.0');
  });
});

describe('a file that the forge has elsewhere', () => {
  it('is never fetched, even where it leads into our own network', async () => {
    await vendor.close();
    vendor = await openVendor(database, { kind: 'forgejo' });
    const { forge, repo } = vendor;
    const release = await forge.publishRelease(repo, { tag: 'v1.0.0' });
    await forge.addAsset(repo, release, 'hello-1.0.0.zip', '', `${forge.rootUrl}/hello-1.0.0.zip`);
    await vendor.sync();
    expect((await vendor.known()).errors).toEqual(['v1.0.0 ASSET_EXTERNAL']);
    expect(forge.requests.filter(({ host }) => host !== 'forge')).toEqual([]);
    await forge.addAsset(repo, release, 'hello.zip', await joomlaZip({ version: '1.0.0' }));
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it('is fetched from a signed address without the token', async () => {
    const { forge, repo } = vendor;
    forge.useStore(true);
    await forge.publishRelease(repo, { tag: 'v1.0.0', assets: { 'hello.zip': await joomlaZip({ version: '1.0.0' }) } });
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect(forge.requests.some(({ host }) => host === 'store')).toBe(true);
    expect(forge.leaks()).toEqual([]);
  });

  it('and lists but does not give is asked for again, though nothing has changed', async () => {
    const { forge, repo } = vendor;
    await forge.publishRelease(repo, { tag: 'v1.0.0', assets: { 'hello.zip': await joomlaZip({ version: '1.0.0' }) } });
    forge.setFault('missing', { path: /\/attachments\// });
    await vendor.sync();
    expect((await vendor.known()).errors).toEqual(['v1.0.0 ASSET_MISSING']);
    forge.clearFaults();
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).errors).toEqual([]);
  });
});
