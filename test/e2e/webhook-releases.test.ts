import { afterEach, beforeEach, expect, it } from 'vitest';
import { auditRowsOf } from '../../src/audit/store-audit.ts';
import { HOUR } from '../../src/clock.ts';
import type { WebhookRecord } from '../../src/notify/store-webhooks.ts';
import { yank } from '../../src/releases/products.ts';
import { onEachDatabase } from '../support/databases.ts';
import { seedWebhook, toldTo } from '../support/seed-webhooks.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, type Vendor } from '../support/vendor.ts';

onEachDatabase('what webhooks are told of releases', (database) => {
  let vendor: Vendor;
  let hook: WebhookRecord;
  beforeEach(async () => {
    vendor = await openVendor(database());
    hook = await seedWebhook(database().db, vendor.organization, { types: ['release.*'] });
  });
  afterEach(() => vendor.close());

  const told = async () => (await toldTo(database().db, hook)).map(({ type }) => type);
  const publish = async (version: string) =>
    vendor.forge.publishRelease(vendor.repo, {
      ...{ tag: `v${version}`, prerelease: false, notes: '', files: { 'README.md': version } },
      assets: { [`plg_hello-${version}.zip`]: await joomlaZip({ version }) },
    });

  it('is when one comes into the feeds and when it leaves them, not each look at it', async () => {
    const release = await publish('1.0.0');
    await vendor.sync();
    expect(await toldTo(database().db, hook)).toMatchObject([
      {
        type: 'release.published',
        data: {
          ...{ object: 'release', version: '1.0.0', tag: 'v1.0.0', channel: 'stable', state: 'listed' },
          ...{ product_id: vendor.product.id, product_path: pathOf(vendor.product).replace(/^\//, '') },
          by: { kind: 'system', id: 'system' },
        },
      },
    ]);
    await vendor.forge.editRelease(vendor.repo, release, { notes: 'Better words' });
    vendor.test.time.now += HOUR;
    await vendor.sync();
    expect(await told()).toHaveLength(1);
    const { id } = (await vendor.known()).release('1.0.0');
    await yank(database().db, id, true, 'breaks', vendor.by());
    await yank(database().db, id, false, '', vendor.by());
    await vendor.forge.unpublish(vendor.repo, release);
    vendor.test.time.now += HOUR;
    await vendor.sync();
    expect(await told()).toEqual([...['release.published', 'release.yanked', 'release.unyanked', 'release.withdrawn']]);
    const rows = await database().db.read((tx) => auditRowsOf(tx, id, 10));
    expect(rows.map(({ action, actor }) => `${action} ${actor}`)).toEqual([
      ...['release.withdraw system', 'release.unyank system', 'release.yank system', 'release.publish system'],
    ]);
  });

  it('is nothing of one that cannot be listed', async () => {
    await vendor.forge.publishRelease(vendor.repo, {
      ...{ tag: 'v2.0.0', prerelease: false, notes: '', files: { 'README.md': '2' } },
      assets: { 'plg_hello-2.0.0.zip': Buffer.from('no archive') },
    });
    await vendor.sync();
    expect(await told()).toEqual([]);
  });
});
