import { beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, type Shop, seedShop, seedSoldLicense } from '../../test/support/seed.ts';
import { seedWebhook, toldTo } from '../../test/support/seed-webhooks.ts';
import { DAY, HOUR, toIso } from '../clock.ts';
import { updateLicense } from '../licensing/store-licenses.ts';
import { announceEnds, purgeNotices } from './expiries.ts';
import type { WebhookRecord } from './store-webhooks.ts';

onEachDatabase('the ends of licenses', (database) => {
  let shop: Shop;
  let hook: WebhookRecord;
  beforeEach(async () => {
    const { db } = database();
    await db.tx((tx) => tx('webhook_endpoints').delete());
    shop = await seedShop(db);
    hook = await seedWebhook(db, shop.organization);
  });
  async function license(validUntil: number | null, change: object = {}) {
    const { db } = database();
    const sold = await seedSoldLicense(db, shop, { given: SEED_NOW });
    const until = validUntil === null ? null : toIso(validUntil);
    await db.tx((tx) => updateLicense(tx, sold.license.id, { validUntil: until, ...change }));
    return sold.license.id;
  }
  const told = async (webhook = hook) =>
    (await toldTo(database().db, webhook)).map(({ type, data }) => [type, data.id]);

  it('are told 30 days before and when they come, each once', async () => {
    const { db } = database();
    const soon = await license(SEED_NOW + 31 * DAY);
    await license(SEED_NOW + 300 * DAY);
    await license(null);
    await license(SEED_NOW + 31 * DAY, { revokedAt: toIso(SEED_NOW) });
    expect(await announceEnds(db, SEED_NOW)).toBe(0);
    expect(await announceEnds(db, SEED_NOW + DAY)).toBe(1);
    expect(await announceEnds(db, SEED_NOW + DAY + HOUR)).toBe(0);
    expect(await announceEnds(db, SEED_NOW + 31 * DAY)).toBe(1);
    expect(await announceEnds(db, SEED_NOW + 32 * DAY)).toBe(0);
    expect(await told()).toEqual([
      ['license.expiring', soon],
      ['license.expired', soon],
    ]);
  });

  it('are told anew of a license that was renewed', async () => {
    const { db } = database();
    const id = await license(SEED_NOW + 10 * DAY);
    await announceEnds(db, SEED_NOW);
    await db.tx((tx) => updateLicense(tx, id, { validUntil: toIso(SEED_NOW + 25 * DAY) }));
    await announceEnds(db, SEED_NOW);
    expect(await told()).toHaveLength(2);
  });

  it('are told by one of two instances', async () => {
    const { db, another } = database();
    await license(SEED_NOW + 10 * DAY);
    const other = another();
    await Promise.all([announceEnds(db, SEED_NOW), announceEnds(other, SEED_NOW)]);
    expect(await told()).toHaveLength(1);
  });

  it('of long ago, and of before somebody asked, are not told', async () => {
    const { db } = database();
    await license(SEED_NOW - HOUR);
    const late = await license(SEED_NOW + DAY);
    await announceEnds(db, SEED_NOW + 9 * DAY);
    expect(await told()).toEqual([]);
    await announceEnds(db, SEED_NOW + 2 * DAY);
    expect(await told()).toEqual([['license.expired', late]]);
  });

  it('are looked for only where somebody wants to know', async () => {
    const { db } = database();
    await db.tx((tx) => tx('webhook_endpoints').update({ types: '["key.*"]' }));
    await license(SEED_NOW + DAY);
    expect(await announceEnds(db, SEED_NOW)).toBe(0);
    expect(await db.read((tx) => tx('license_notices').where('at', toIso(SEED_NOW + 77)))).toEqual([]);
  });

  it('of many are told in slices', async () => {
    const { db } = database();
    const ids = await Promise.all(Array.from({ length: 3 }, () => license(SEED_NOW + DAY)));
    await db.tx(async (tx) => {
      const [row] = await tx('licenses').where({ id: ids[0] });
      const copies = Array.from({ length: 450 }, (_, i) => ({
        ...row,
        id: `${row.id.slice(0, -4)}${String(i).padStart(4, '0')}`,
      }));
      for (let i = 0; i < copies.length; i += 50) await tx('licenses').insert(copies.slice(i, i + 50));
    });
    expect(await announceEnds(db, SEED_NOW)).toBe(453);
    expect(await told()).toHaveLength(453);
  });

  it('notes of them go when they are old', async () => {
    const { db } = database();
    await license(SEED_NOW + DAY);
    await announceEnds(db, SEED_NOW);
    await purgeNotices(db, SEED_NOW + 40 * DAY);
    expect(await announceEnds(db, SEED_NOW)).toBe(0);
    await purgeNotices(db, SEED_NOW + 200 * DAY);
    expect(await db.read((tx) => tx('license_notices'))).toEqual([]);
  });
});
