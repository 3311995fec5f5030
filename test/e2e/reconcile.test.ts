import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR } from '../../src/clock.ts';
import { updateOrganization } from '../../src/forge/store.ts';
import { ProductSettings } from '../../src/releases/product.ts';
import { changeProduct, yank } from '../../src/releases/products.ts';
import { onEachDatabase } from '../support/databases.ts';
import { dolibarrFiles, joomlaFiles, joomlaZip, zipOf } from '../support/site-archives.ts';
import { openVendor, pathOf, TARGETS, type Vendor } from '../support/vendor.ts';

/** From what people do on a forge to what sites are shown, on the way that every look takes. */

let vendor: Vendor;
const acts = () => vendor.forge;

async function publish(version: string, more: { tag?: string; note?: string; prerelease?: boolean } = {}) {
  const { tag = `v${version}`, note = '', prerelease = false } = more;
  return acts().publishRelease(vendor.repo, {
    ...{ tag, prerelease, notes: `Notes of ${version}`, files: { 'README.md': version } },
    assets: { [`plg_hello-${version}.zip`]: await joomlaZip({ version, note }) },
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

onEachDatabase('a release', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
  });
  afterEach(() => vendor.close());

  it('is listed with its file, its hash and its words', async () => {
    const zip = await joomlaZip({ version: '1.0.0' });
    await publish('1.0.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    const known = await vendor.known();
    expect(known.errors).toEqual([]);
    expect(known.release('1.0.0')).toMatchObject({ tag: 'v1.0.0', channel: 'stable', notes: 'Notes of 1.0.0' });
    expect(known.artifact('1.0.0')).toMatchObject({ sha256: sha256(zip), size: zip.length, listed: true });
    const { text } = await vendor.get(`${pathOf(vendor.product)}/updates.xml`);
    expect(text).toContain(sha256(zip));
    const file = await vendor.get(`${pathOf(vendor.product)}/download/latest`);
    expect(file.status).toBe(200);
    expect(file.bytes.equals(zip)).toBe(true);
    expect((await vendor.repository()).syncedAt).toBe(new Date(vendor.test.time.now).toISOString());
  });

  it('that is edited has the new words and the old file', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    const before = await vendor.known();
    await acts().editRelease(vendor.repo, release, { notes: 'Better words' });
    vendor.test.time.now += HOUR;
    await vendor.sync();
    const after = await vendor.known();
    expect(after.release('1.0.0')).toMatchObject({ notes: 'Better words', id: before.release('1.0.0').id });
    expect(after.release('1.0.0').firstSeenAt).toBe(before.release('1.0.0').firstSeenAt);
    expect(after.artifact('1.0.0')).toEqual(before.artifact('1.0.0'));
    expect(after.product.revision).toBeGreaterThan(before.product.revision);
  });

  it('is not looked at again while nothing changes', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    const { product } = await vendor.known();
    const asked = release.assets[0]?.downloads;
    await vendor.sync();
    expect(release.assets[0]?.downloads).toBe(asked);
    expect((await vendor.known()).product.revision).toBe(product.revision);
  });

  it('that is made a draft again goes, and comes back with the instant of its first day', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    const { firstSeenAt } = (await vendor.known()).release('1.0.0');
    vendor.test.time.now += HOUR;
    await acts().unpublish(vendor.repo, release);
    await vendor.sync();
    expect(await vendor.feed()).toEqual([]);
    const gone = (await vendor.known()).release('1.0.0');
    expect(gone).toMatchObject({ state: 'withdrawn', withdrawnAt: new Date(vendor.test.time.now).toISOString() });
    vendor.test.time.now += HOUR;
    await acts().publishDraft(vendor.repo, release);
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).release('1.0.0')).toMatchObject({ firstSeenAt, state: 'listed', withdrawnAt: null });
  });

  it('that is deleted goes, the others stay', async () => {
    const release = await publish('1.0.0');
    await publish('1.1.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
    await acts().deleteRelease(vendor.repo, release);
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.1.0']);
    expect((await vendor.get(`${pathOf(vendor.product)}/download/1.0.0/x.zip`)).status).toBe(404);
  });

  it('with a draft over its tag is not there until the draft is published', async () => {
    const assets = { 'hello.zip': await joomlaZip({ version: '1.0.0' }) };
    await acts().pushTag(vendor.repo, 'v1.0.0');
    const draft = await acts().draftRelease(vendor.repo, { tag: 'v1.0.0', assets });
    await vendor.sync();
    expect((await vendor.known()).releases).toEqual([]);
    await acts().publishDraft(vendor.repo, draft);
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it('with a file that comes later is listed by what its tag holds, then by the file', async () => {
    const release = await acts().publishRelease(vendor.repo, {
      tag: 'v1.0.0',
      files: joomlaFiles({ version: '1.0.0' }),
    });
    await vendor.sync();
    const first = await vendor.known();
    expect(first.artifact('1.0.0').source.kind).toBe('archive');
    await acts().addAsset(vendor.repo, release, 'hello.zip', await joomlaZip({ version: '1.0.0' }));
    await vendor.sync();
    const second = await vendor.known();
    expect(second.artifact('1.0.0')).toMatchObject({ source: { kind: 'asset', name: 'hello.zip' }, repack: null });
    expect(second.artifacts).toHaveLength(1);
  });

  it('without a usable file is not listed until one is attached', async () => {
    const release = await acts().publishRelease(vendor.repo, { tag: 'v1.0.0', files: { 'README.md': 'no manifest' } });
    await vendor.sync();
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.known()).errors).toEqual(['v1.0.0 MANIFEST_MISSING']);
    await acts().addAsset(vendor.repo, release, 'hello.zip', await joomlaZip({ version: '1.0.0' }));
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).errors).toEqual([]);
  });

  it('whose file is replaced has the new hash; the old bytes are never handed out as the new', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    const before = (await vendor.known()).artifact('1.0.0');
    const better = await joomlaZip({ version: '1.0.0', note: 'mended' });
    const [asset] = release.assets;
    if (!asset) throw new Error('the release has no file');
    await acts().replaceAsset(vendor.repo, release, asset, better);
    await vendor.sync();
    const after = (await vendor.known()).artifact('1.0.0');
    expect(after.sha256).toBe(sha256(better));
    expect(after.sha256).not.toBe(before.sha256);
    const rows = await vendor.test.core.db.read((tx) => tx('artifacts').where({ release_id: after.releaseId }));
    expect(rows.filter((row) => row.replaced_at !== null).map((row) => row.sha256)).toEqual([before.sha256]);
    const file = await vendor.get(`${pathOf(vendor.product)}/download/1.0.0/x.zip`);
    expect(sha256(file.bytes)).toBe(after.sha256);
  });

  it('that is marked as a prerelease leaves the stable channel', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    await acts().editRelease(vendor.repo, release, { prerelease: true });
    await vendor.sync();
    expect((await vendor.known()).release('1.0.0')).toMatchObject({ channel: 'rc', clientWord: 'rc' });
    expect(await vendor.feed()).toEqual([]);
  });

  it('is yanked and put back, and a new look does not put it back', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    const { id } = (await vendor.known()).release('1.0.0');
    await yank(vendor.test.core.db, id, true, 'it breaks sites', vendor.by());
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.get(`${pathOf(vendor.product)}/download/1.0.0/x.zip`)).status).toBe(404);
    await acts().editRelease(vendor.repo, release, { notes: 'Other words' });
    await vendor.sync();
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.known()).release('1.0.0').yankReason).toBe('it breaks sites');
    await yank(vendor.test.core.db, id, false, '', vendor.by());
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it('holds whatever text a vendor writes', async () => {
    const notes = 'Zero \0 and half a pair \ud800 and ünïcödé';
    await acts().publishRelease(vendor.repo, {
      ...{ tag: 'v1.0.0', notes },
      assets: { 'hello.zip': await joomlaZip({ version: '1.0.0' }) },
    });
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).release('1.0.0').notes).toMatch(/^Zero {2}and half a pair .+ and ünïcödé$/);
  });
});

onEachDatabase('a tag', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
  });
  afterEach(() => vendor.close());

  it('that moves brings new bytes and a new hash under the same version and first day', async () => {
    const settings = ProductSettings.parse({ targets: TARGETS, releaseFrom: 'tags' });
    await changeProduct(vendor.test.core.db, vendor.product.id, { settings }, vendor.by());
    await acts().pushTag(vendor.repo, 'v1.0.0', { files: joomlaFiles({ version: '1.0.0' }) });
    await vendor.sync();
    const before = await vendor.known();
    vendor.test.time.now += HOUR;
    await acts().moveTag(vendor.repo, 'v1.0.0', joomlaFiles({ version: '1.0.0', note: 'moved' }));
    await vendor.sync();
    const after = await vendor.known();
    expect(after.artifact('1.0.0').sha256).not.toBe(before.artifact('1.0.0').sha256);
    expect(after.release('1.0.0')).toMatchObject({
      id: before.release('1.0.0').id,
      firstSeenAt: before.release('1.0.0').firstSeenAt,
    });
    expect(after.release('1.0.0').commitId).not.toBe(before.release('1.0.0').commitId);
    const { text } = await vendor.get(`${pathOf(vendor.product)}/updates.xml`);
    expect(text).toContain(after.artifact('1.0.0').sha256);
    expect(text).not.toContain(before.artifact('1.0.0').sha256);
  });

  it('that is deleted takes its release along, and brings it back with its first day', async () => {
    await publish('1.0.0');
    await vendor.sync();
    const { firstSeenAt } = (await vendor.known()).release('1.0.0');
    vendor.test.time.now += HOUR;
    await acts().deleteTag(vendor.repo, 'v1.0.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual([]);
    vendor.test.time.now += HOUR;
    await acts().pushTag(vendor.repo, 'v1.0.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).release('1.0.0').firstSeenAt).toBe(firstSeenAt);
  });

  it('that says the same version as another is a problem, and takes over when the other goes', async () => {
    const first = await publish('1.0.0', { tag: '1.0.0' });
    await vendor.sync();
    const second = await publish('1.0.0', { tag: 'v1.0.0', note: 'twin' });
    await vendor.sync();
    const both = await vendor.known();
    expect(both.errors).toEqual(['v1.0.0 VERSION_DUPLICATE']);
    expect(both.release('1.0.0').tag).toBe('1.0.0');
    const asked = second.assets[0]?.downloads;
    await vendor.sync();
    expect(second.assets[0]?.downloads).toBe(asked);
    await acts().deleteRelease(vendor.repo, first);
    await vendor.sync();
    const left = await vendor.known();
    expect(left.errors).toEqual([]);
    expect(left.release('1.0.0')).toMatchObject({ tag: 'v1.0.0', id: both.release('1.0.0').id, state: 'listed' });
    expect(await vendor.feed()).toEqual(['1.0.0']);
  });

  it('that is a moving stream is the version of its file, and only the one of now', async () => {
    const release = await acts().publishRelease(vendor.repo, {
      ...{ tag: 'stable', files: { 'README.md': 'stream' } },
      assets: { 'plg_hello-01.02.00.zip': await joomlaZip({ version: '01.02.00' }) },
    });
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['01.02.00']);
    const [old] = release.assets;
    if (!old) throw new Error('the release has no file');
    await acts().deleteAsset(vendor.repo, release, old);
    await acts().addAsset(vendor.repo, release, 'plg_hello-01.03.00.zip', await joomlaZip({ version: '01.03.00' }));
    await acts().moveTag(vendor.repo, 'stable', { 'README.md': 'stream moved' });
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['01.03.00']);
    expect((await vendor.known()).release('01.02.00').state).toBe('withdrawn');
  });

  it('that is to be ignored from now on takes its release out of the feed', async () => {
    await publish('1.0.0');
    await publish('1.1.0');
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.1.0', '1.0.0']);
    await vendor.test.core.db.tx((tx) =>
      updateOrganization(tx, vendor.organization.id, { rules: '{"ignore":["v1.1*"]}' }),
    );
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).release('1.1.0').state).toBe('withdrawn');
  });

  it('without a version is told, and the problem goes with the tag', async () => {
    const release = await publish('1.0.0', { tag: 'summer' });
    await vendor.sync();
    const before = await vendor.known();
    expect(before.errors).toEqual(['summer TAG_WITHOUT_VERSION']);
    await vendor.sync();
    const rows = async () => vendor.test.core.db.read((tx) => tx('problems').where({ product_id: vendor.product.id }));
    const [told] = await rows();
    vendor.test.time.now += HOUR;
    await acts().editRelease(vendor.repo, release, { notes: 'Looked at again, to the same end' });
    await vendor.sync();
    expect(await rows()).toEqual([told]);
    await acts().deleteTag(vendor.repo, 'summer');
    await vendor.sync();
    expect((await vendor.known()).errors).toEqual([]);
  });
});

describe('a vendor with more than one file', () => {
  onEachDatabase('editions', (database) => {
    afterEach(() => vendor.close());

    it('take each their own file of one release', async () => {
      const core = { settings: { targets: TARGETS, assets: { joomla: '*-core.zip' } } };
      vendor = await openVendor(database(), { product: core });
      const pro = await vendor.add({ edition: 'pro', settings: { targets: TARGETS, assets: { joomla: '*-pro.zip' } } });
      const files = {
        'hello-1.0.0-core.zip': await joomlaZip({ version: '1.0.0', note: 'core' }),
        'hello-1.0.0-pro.zip': await joomlaZip({ version: '1.0.0', note: 'pro' }),
      };
      await acts().publishRelease(vendor.repo, { tag: 'v1.0.0', assets: files });
      await vendor.sync();
      const both = [(await vendor.known()).artifact('1.0.0'), (await vendor.known(pro)).artifact('1.0.0')];
      expect(both.map(({ sha256 }) => sha256)).toEqual(Object.values(files).map(sha256));
      const feed = async (product = vendor.product) => (await vendor.get(`${pathOf(product)}/updates.xml`)).text;
      expect(await feed()).toContain(both[0]?.sha256);
      expect(await feed(pro)).toContain(both[1]?.sha256);
      expect(await feed(pro)).not.toContain(both[0]?.sha256);
    });

    it('whose file is missing have a problem, and the other edition has not', async () => {
      const settings = (glob: string) => ({ targets: TARGETS, assets: { joomla: glob } });
      vendor = await openVendor(database(), { product: { settings: settings('*-core.zip') } });
      const pro = await vendor.add({ edition: 'pro', settings: settings('*-pro.zip') });
      const assets = { 'hello-core.zip': await joomlaZip({ version: '1.0.0' }) };
      await acts().publishRelease(vendor.repo, { tag: 'v1.0.0', assets });
      await vendor.sync();
      expect(await vendor.feed()).toEqual(['1.0.0']);
      expect(await vendor.feed(pro)).toEqual([]);
      expect((await vendor.known(pro)).errors).toEqual(['v1.0.0 ASSET_MISSING']);
    });

    it('one product serves both platforms from one release', async () => {
      vendor = await openVendor(database(), { product: { platforms: ['joomla', 'dolibarr'] } });
      const files = { 'plg_hello-1.0.0.zip': joomlaFiles({ version: '1.0.0' }) };
      const module = { 'module_hello-1.0.0.zip': dolibarrFiles({ version: '1.0.0' }) };
      const assets = Object.fromEntries(
        await Promise.all(
          Object.entries({ ...files, ...module }).map(async ([name, each]) => [name, await zipOf(each)] as const),
        ),
      );
      const settings = 'joomla:\n  asset: "plg_*"\ndolibarr:\n  asset: "module_*"\n';
      await acts().publishRelease(vendor.repo, { tag: 'v1.0.0', files: { '.feedgate.yml': settings }, assets });
      await vendor.sync();
      const known = await vendor.known();
      expect(known.errors).toEqual([]);
      expect(known.artifacts.map(({ platform }) => platform).sort()).toEqual(['dolibarr', 'joomla']);
      expect(await vendor.feed()).toEqual(['1.0.0']);
      expect((await vendor.get(`${pathOf(vendor.product)}/dolibarr.txt`)).text.trim()).toBe('1.0.0');
    });
  });
});
