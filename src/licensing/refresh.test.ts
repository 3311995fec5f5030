import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  type PackageChange,
  SEED_NOW,
  seedClosing,
  seedGrant,
  seedPackage,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { DAY, toIso } from '../clock.ts';
import { refreshLicense } from './refresh.ts';
import { findLicense, lockLicense } from './store-licenses.ts';

onEachDatabase('what a license’s row remembers of its ledger', (database) => {
  async function scene(change: PackageChange = {}) {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedSoldLicense(db, shop, change);
    const { id } = sold.license;
    async function refreshed(now: number = SEED_NOW) {
      await db.tx(async (tx) => {
        const locked = await lockLicense(tx, id);
        if (locked) await refreshLicense(tx, locked, now);
      });
      return db.read((tx) => findLicense(tx, id));
    }
    return { db, shop, ...sold, refreshed };
  }

  it('is the end, and again after a renewal, a refund and a won dispute', async () => {
    const { db, license, package: sold, refreshed } = await scene();
    expect(await refreshed()).toMatchObject({ validUntil: '2027-01-01T12:00:00.000Z', overLimitAt: null });
    const renewal = await seedGrant(db, license, sold, { given: SEED_NOW + DAY });
    expect(await refreshed()).toMatchObject({ validUntil: '2028-01-01T12:00:00.000Z' });
    await seedClosing(db, renewal, 'close');
    expect(await refreshed()).toMatchObject({ validUntil: '2027-01-01T12:00:00.000Z' });
    await seedClosing(db, renewal, 'reopen', SEED_NOW + DAY);
    expect(await refreshed()).toMatchObject({ validUntil: '2028-01-01T12:00:00.000Z' });
  });

  it('is no end where nothing ends, and where nothing is open', async () => {
    const { db, grant, refreshed } = await scene({ terms: { length: null } });
    expect(await refreshed()).toMatchObject({ validUntil: null });
    await seedClosing(db, grant, 'close');
    expect(await refreshed()).toMatchObject({ validUntil: null });
  });

  it('marks a license whose limit shrank, since when, and cuts no site', async () => {
    const { db, shop, license, refreshed } = await scene();
    const addon = await seedPackage(db, shop.organization, { kind: 'addon', terms: { sites: 2 } });
    const more = await seedGrant(db, license, addon);
    for (const host of ['a.example.com', 'b.example.com', 'c.example.com']) await seedSite(db, license, host);
    expect(await refreshed()).toMatchObject({ overLimitAt: null });
    await seedClosing(db, more, 'close');
    const shrunk = SEED_NOW + DAY;
    expect(await refreshed(shrunk)).toMatchObject({ overLimitAt: toIso(shrunk), countedSites: 3 });
    expect(await refreshed(shrunk + DAY)).toMatchObject({ overLimitAt: toIso(shrunk), countedSites: 3 });
    await seedClosing(db, more, 'reopen', shrunk + 2 * DAY);
    expect(await refreshed(shrunk + 2 * DAY)).toMatchObject({ overLimitAt: null });
  });

  it('is not over its limit for having ended, where sites may go on with what is left', async () => {
    const { db, license, refreshed } = await scene({ terms: { sites: 2, afterEnd: 'owned' } });
    for (const host of ['a.example.com', 'b.example.com']) await seedSite(db, license, host);
    expect(await refreshed(SEED_NOW + 400 * DAY)).toMatchObject({ overLimitAt: null });
  });

  it('takes the most that it has for any product, since sites are compared as a whole', async () => {
    const { db, shop, license, refreshed } = await scene({ terms: { sites: 1 } });
    const wider = await seedPackage(db, shop.organization, { repository: shop.repository, terms: { sites: 4 } });
    await seedGrant(db, license, wider);
    for (let i = 0; i < 5; i++) await seedSite(db, license, `s${i}.example.com`);
    expect(await refreshed()).toMatchObject({ overLimitAt: null });
    await seedSite(db, license, 'one-too-many.example.com');
    expect(await refreshed()).toMatchObject({ overLimitAt: toIso(SEED_NOW) });
  });
});
