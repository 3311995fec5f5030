import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  seedClosing,
  seedCustomer,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedRepository,
  seedShop,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { packageTerms } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import { findKey, findKeyByHash, updateKey } from './store-keys.ts';
import {
  closingsOf,
  findGrant,
  findGrantByPayment,
  findGrantByRequest,
  findLicense,
  grantsOf,
  hasHadPackage,
  lockLicense,
  stampFirstUse,
  updateLicense,
} from './store-licenses.ts';
import { findMasterPackage, findPackage, insertPackage, packagesOf, updatePackage } from './store-packages.ts';

const NOW = toIso(SEED_NOW);

onEachDatabase('the stores of what is sold', (database) => {
  describe('licenses', () => {
    it('keeps what it was given, and counts its changes', async () => {
      const { db } = database();
      const { organization } = await seedShop(db);
      const license = await seedLicense(db, organization, { notes: 'quote " and ü', validUntil: NOW });
      const find = () => db.read((tx) => findLicense(tx, license.id));
      expect(await find()).toEqual(license);
      await db.tx((tx) => updateLicense(tx, license.id, { suspendedAt: NOW, validUntil: null }));
      expect(await find()).toEqual({ ...license, suspendedAt: NOW, validUntil: null, revision: 2 });
      expect(await db.tx((tx) => lockLicense(tx, license.id))).toEqual(await find());
      expect(await db.tx((tx) => lockLicense(tx, 'lic_none'))).toBeNull();
    });
  });

  describe('grants', () => {
    it('keeps what it was given', async () => {
      const { db } = database();
      const { license, package: sold } = await seedSoldLicense(db, await seedShop(db));
      const grant = await seedGrant(db, license, sold, {
        paymentRef: 'pay-1',
        line: '2',
        supersedes: ['grt_x', 'grt_y'],
        endsAt: NOW,
      });
      expect(await db.read((tx) => findGrant(tx, grant.id))).toMatchObject(grant);
      expect((await db.read((tx) => grantsOf(tx, license.id))).map(({ id }) => id)).toContain(grant.id);
    });

    it('sells a payment line once for ever in an organization; another line, organization or no payment is another sale', async () => {
      const { db } = database();
      const shop = await seedShop(db);
      const { license, package: sold } = await seedSoldLicense(db, shop);
      const elsewhere = await seedSoldLicense(db, await seedShop(db));
      const first = await seedGrant(db, license, sold, { paymentRef: 'pay-1' });
      await expect(seedGrant(db, license, sold, { paymentRef: 'pay-1' })).rejects.toMatchObject({
        code: 'PAYMENT_LINE_CONFLICT',
      });
      const line2 = await seedGrant(db, license, sold, { paymentRef: 'pay-1', line: '2' });
      await seedGrant(db, elsewhere.license, elsewhere.package, { paymentRef: 'pay-1' });
      for (let i = 0; i < 2; i++) await seedGrant(db, license, sold);
      const find = (line: string) => db.read((tx) => findGrantByPayment(tx, license.organizationId, 'pay-1', line));
      expect([(await find('1'))?.id, (await find('2'))?.id, await find('3')]).toEqual([first.id, line2.id, null]);
    });

    it('answers one Idempotency-Key of one token once for ever', async () => {
      const { db } = database();
      const { license, package: sold } = await seedSoldLicense(db, await seedShop(db));
      const request = { requestToken: 'tok_a', requestKey: `key-${license.id}` };
      const first = await seedGrant(db, license, sold, request);
      await expect(seedGrant(db, license, sold, request)).rejects.toMatchObject({ code: 'PAYMENT_LINE_CONFLICT' });
      await seedGrant(db, license, sold, { ...request, requestToken: 'tok_b' });
      expect((await db.read((tx) => findGrantByRequest(tx, 'tok_a', request.requestKey)))?.id).toBe(first.id);
      expect(await db.read((tx) => findGrantByRequest(tx, 'tok_a', 'other'))).toBeNull();
    });

    it('stamps the first use once', async () => {
      const { db } = database();
      const { grant } = await seedSoldLicense(db, await seedShop(db));
      const other = database().another();
      const stamp = (handle: typeof db, at: string) => handle.tx((tx) => stampFirstUse(tx, grant.id, at));
      const both = await Promise.all([stamp(db, NOW), stamp(other, NOW)]);
      expect(both.sort()).toEqual([false, true]);
      expect(await stamp(db, toIso(SEED_NOW + DAY))).toBe(false);
      expect((await db.read((tx) => findGrant(tx, grant.id)))?.firstUsedAt).toBe(NOW);
    });

    it('keeps closings and reopenings as rows, in order', async () => {
      const { db } = database();
      const { grant } = await seedSoldLicense(db, await seedShop(db));
      await seedClosing(db, grant, 'reopen', SEED_NOW + DAY);
      await seedClosing(db, grant, 'close', SEED_NOW);
      const rows = await db.read((tx) => closingsOf(tx, [grant.id, 'grt_none']));
      expect(rows.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual(['close refund', 'reopen refund']);
    });

    it('knows whether a customer has had a package, in any license of theirs, refunded or not', async () => {
      const { db } = database();
      const shop = await seedShop(db);
      const { license, package: sold, grant } = await seedSoldLicense(db, shop, { kind: 'trial' });
      await seedClosing(db, grant, 'close');
      const has = (customerId: string) => db.read((tx) => hasHadPackage(tx, customerId, sold.id));
      expect(await has(license.customerId)).toBe(true);
      expect(await has((await seedCustomer(db, shop.organization)).id)).toBe(false);
    });
  });

  describe('keys', () => {
    it('keeps what it was given; a text is a key once', async () => {
      const { db } = database();
      const shop = await seedShop(db);
      const { license } = await seedSoldLicense(db, shop);
      const { text, ...key } = await seedKey(db, license, {
        domains: ['example.com', '*.example.org'],
        label: 'a "label"',
      });
      expect(await db.read((tx) => findKey(tx, key.id))).toEqual(key);
      expect(await db.read((tx) => findKeyByHash(tx, key.hash))).toEqual(key);
      await expect(seedKey(db, license, { hash: key.hash })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      expect(JSON.stringify(await db.read((tx) => tx('license_keys').where({ id: key.id })))).not.toContain(text);
      await db.tx((tx) => updateKey(tx, key.id, { domains: null, revokedAt: NOW, revokeReason: 'lost' }));
      expect(await db.read((tx) => findKey(tx, key.id))).toEqual({
        ...key,
        domains: null,
        revokedAt: NOW,
        revokeReason: 'lost',
      });
    });
  });

  describe('packages', () => {
    it('keeps what was sold when new terms make a new version', async () => {
      const { db } = database();
      const { organization } = await seedShop(db);
      const sold = await seedPackage(db, organization, {
        terms: { entitlements: { a: true, n: 3, t: 'x' }, sites: null },
      });
      const find = () => db.read((tx) => findPackage(tx, sold.id));
      expect(await find()).toEqual(sold);
      const terms = packageTerms({ sites: 9 });
      await db.tx((tx) => updatePackage(tx, sold, { name: 'New', active: false, terms }, 'test', NOW));
      expect(await find()).toEqual({ ...sold, name: 'New', active: false, version: 2, terms });
      const versions = await db.read((tx) =>
        tx('package_versions').where({ package_id: sold.id }).orderBy('version').pluck('terms'),
      );
      expect(versions.map((each) => JSON.parse(each))).toEqual([sold.terms, terms]);
      const renamed = (await find()) ?? sold;
      await db.tx((tx) => updatePackage(tx, renamed, { name: 'Newer' }, 'test', NOW));
      expect(await find()).toMatchObject({ name: 'Newer', version: 2, active: false });
    });

    it('has one master a level, though two instances make it at once', async () => {
      const { db } = database();
      const { organization, repository } = await seedShop(db);
      const other = database().another();
      for (const level of [null, repository.id]) {
        const master = await seedPackage(db, organization, {
          kind: 'master',
          ...(level === null ? {} : { repository: { id: level } }),
        });
        const second = { ...master, id: `${master.id}x` };
        const again = await Promise.all([db, other].map((each) => each.tx((tx) => insertPackage(tx, second, 'test'))));
        expect(again).toEqual([false, false]);
        expect((await db.read((tx) => findMasterPackage(tx, organization.id, level)))?.id).toBe(master.id);
      }
    });

    it('are listed by organization and by repository', async () => {
      const { db } = database();
      const { organization, repository } = await seedShop(db);
      const empty = await seedRepository(db, organization);
      const wide = await seedPackage(db, organization);
      const mine = await seedPackage(db, organization, { repository });
      const ids = async (filter: object, after: string | null = null) =>
        (await db.read((tx) => packagesOf(tx, { organizationId: organization.id, ...filter }, after))).map(
          ({ id }) => id,
        );
      expect(await ids({})).toEqual([wide.id, mine.id]);
      expect(await ids({}, wide.id)).toEqual([mine.id]);
      expect(await ids({ repositoryId: repository.id })).toEqual([mine.id]);
      expect(await ids({ repositoryId: null })).toEqual([wide.id]);
      expect(await ids({ repositoryId: empty.id })).toEqual([]);
    });
  });
});
