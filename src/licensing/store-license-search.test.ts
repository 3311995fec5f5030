import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  type SeededKey,
  type Shop,
  seedClosing,
  seedCustomer,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedRepository,
  seedShop,
  seedSite,
} from '../../test/support/seed.ts';
import { packageTerms } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import { domainPattern } from './domain-pattern.ts';
import { licenseKeyView } from './key-sale-view.ts';
import { keysAt } from './level-keys.ts';
import { KEY_SORTS, LICENSE_SORTS, LISTED_STATUSES, type LicenseFilter } from './license-filter.ts';
import { licenseView } from './license-view.ts';
import { listLicenses } from './licenses.ts';
import { settleStandings } from './standings.ts';
import type { KeyRecord } from './store-keys.ts';
import { countOfSearch, licenseIdsMatching, pageOfSearch, prepareSearch } from './store-license-search.ts';
import type { LicenseRecord } from './store-licenses.ts';

const NOW = toIso(SEED_NOW);

onEachDatabase('the search for licenses', (database) => {
  let shop: Shop;
  const all = { limit: 1_000, after: null, now: SEED_NOW };
  type Filter = Omit<LicenseFilter, 'organizationId'>;
  async function keyIds(filter: Filter): Promise<string[]> {
    const whole = { ...filter, organizationId: shop.organization.id };
    return (await keysAt(database().db, whole, { ...all, sort: 'created' })).items.map(({ key }) => key.id);
  }
  async function licenseIds(filter: Filter): Promise<string[]> {
    const whole = { ...filter, organizationId: shop.organization.id };
    return (await listLicenses(database().db, whole, { ...all, sort: 'created' })).items.map(({ record }) => record.id);
  }

  describe('of a shop with a few', () => {
    let a: LicenseRecord;
    let b: LicenseRecord;
    let c: LicenseRecord;
    let keys: Record<'a' | 'a2' | 'b' | 'c', SeededKey>;
    let packages: string[];
    let customers: string[];

    beforeAll(async () => {
      const { db } = database();
      shop = await seedShop(db);
      const { organization, repository, product } = shop;
      const other = await seedShop(db);
      const jane = await seedCustomer(db, organization, { name: 'Jané Müller-Łoś', email: 'jane.m@example.com' });
      const percent = await seedCustomer(db, organization, { name: '100%_off \\ sale', email: 'x_y@shop.example' });
      const li = await seedCustomer(db, organization, { name: '李 小龍 🐉', email: '' });
      customers = [jane.id, percent.id, li.id];
      a = await seedLicense(db, organization, { customerId: jane.id });
      b = await seedLicense(db, organization, { customerId: percent.id });
      c = await seedLicense(db, organization, { customerId: li.id, suspendedAt: NOW });
      const mine = await seedPackage(db, organization, { repository });
      const wide = await seedPackage(db, organization, { terms: { sites: 2, length: { value: 10, unit: 'day' } } });
      const named = await seedPackage(db, organization, { terms: { products: [product.id] } });
      packages = [mine.id, wide.id, named.id];
      await seedGrant(db, a, mine);
      await seedGrant(db, a, mine, { paymentRef: 'pay-7' });
      await seedGrant(db, b, wide);
      await seedGrant(db, c, named);
      const strange = await seedLicense(db, other.organization);
      await seedKey(db, strange);
      keys = {
        a: await seedKey(db, a, { domains: ['shop.example.org', '*.wild.example.net'], lastUsedAt: NOW }),
        a2: await seedKey(db, a, { revokedAt: NOW }),
        b: await seedKey(db, b),
        c: await seedKey(db, c),
      };
      await seedSite(db, b, 'one.example.com');
      await seedSite(db, b, 'two.example.com', { keyId: keys.b.id });
      await seedSite(db, b, 'three.elsewhere.test');
      await seedSite(db, c, 'gone.example.com', { releasedAt: NOW });
      const far = await seedRepository(db, organization);
      await seedPackage(db, organization, { repository: far });
      await settleStandings(db, SEED_NOW);
    });

    const finds: [string, () => Filter, () => unknown[]][] = [
      ['all of the organization only', () => ({}), () => [keys.a, keys.a2, keys.b, keys.c]],
      ['a license', () => ({ licenseId: b.id }), () => [keys.b]],
      ['a customer', () => ({ customerId: customers[0] }), () => [keys.a, keys.a2]],
      ['a hint', () => ({ hint: keys.c.hint }), () => [keys.c]],
      ['the hash of a text', () => ({ keyHash: keys.c.hash }), () => [keys.c]],
      ['an e-mail address, whatever its case', () => ({ email: 'Jane.M@Example.com' }), () => [keys.a, keys.a2]],
      ['the beginning of one', () => ({ emailPrefix: 'jane' }), () => [keys.a, keys.a2]],
      ['a sign of SQL, taken as it is', () => ({ emailPrefix: 'x_' }), () => [keys.b]],
      ['a sign of SQL that is nobody’s', () => ({ emailPrefix: '%' }), () => []],
      ['words without accents', () => ({ words: ['jane', 'mul'] }), () => [keys.a, keys.a2]],
      ['words that are not all there', () => ({ words: ['jane', 'nobody'] }), () => []],
      ['no word', () => ({ words: [] }), () => []],
      ['a word of signs', () => ({ words: ['100%_'] }), () => [keys.b]],
      ['a sign alone', () => ({ words: ['%'] }), () => []],
      ['a backslash', () => ({ words: ['\\'] }), () => [keys.b]],
      ['a word beyond Latin', () => ({ words: ['小'] }), () => [keys.c]],
      ['a sign beyond 16 bits', () => ({ words: ['🐉'] }), () => [keys.c]],
      ['a site', () => ({ domain: domainPattern('www.one.example.com') }), () => [keys.b]],
      ['sites below a domain', () => ({ domain: domainPattern('*.example.com') }), () => [keys.b]],
      ['no site above', () => ({ domain: domainPattern('example.com') }), () => []],
      ['an allowed domain', () => ({ domain: domainPattern('shop.example.org') }), () => [keys.a]],
      ['one that a wildcard holds', () => ({ domain: domainPattern('x.y.wild.example.net') }), () => [keys.a]],
      ['allowed ones below', () => ({ domain: domainPattern('.example.org') }), () => [keys.a]],
      ['a repository', () => ({ repositoryId: shop.repository.id }), () => [keys.a, keys.a2]],
      ['a package', () => ({ packageId: packages[1] }), () => [keys.b]],
      [
        'a package of another repository',
        () => ({ packageId: packages[1], repositoryId: shop.repository.id }),
        () => [],
      ],
      ['a product', () => ({ productId: shop.product.id }), () => [keys.a, keys.a2, keys.b, keys.c]],
      ['a product that there is not', () => ({ productId: 'prd_none' }), () => []],
      ['a payment', () => ({ paymentRef: 'pay-7' }), () => [keys.a, keys.a2]],
      ['what was never used', () => ({ neverUsed: true }), () => [keys.a2, keys.b, keys.c]],
      ['what was used', () => ({ neverUsed: false }), () => [keys.a]],
      ['more sites than allowed', () => ({ overLimit: true }), () => [keys.b]],
      ['what ends before', () => ({ expiringBefore: toIso(SEED_NOW + 20 * DAY) }), () => [keys.b]],
      ['what ended', () => ({ expiredBefore: toIso(SEED_NOW + 20 * DAY) }), () => []],
      ['what expires soon', () => ({ status: 'expiring' }), () => [keys.b]],
      ['what is revoked', () => ({ status: 'revoked' }), () => [keys.a2]],
      ['what is suspended', () => ({ status: 'suspended' }), () => [keys.c]],
      ['a purpose', () => ({ purpose: 'commercial' }), () => [keys.a, keys.a2, keys.b, keys.c]],
      ['another purpose', () => ({ purpose: 'test' }), () => []],
      [
        'what was made in a time',
        () => ({ createdFrom: NOW, createdBefore: toIso(SEED_NOW + 1) }),
        () => [keys.a, keys.a2, keys.b, keys.c],
      ],
      ['what was made before', () => ({ createdBefore: NOW }), () => []],
      ['all that is said', () => ({ status: 'active', neverUsed: true, words: ['100%'] }), () => [keys.b]],
    ];
    it.each(finds)('finds %s', async (_, filter, expected) => {
      const wanted = (expected() as KeyRecord[]).map(({ id }) => id);
      expect((await keyIds(filter())).sort()).toEqual(wanted.sort());
    });

    it('finds licenses by what is said of one of their keys', async () => {
      expect(await licenseIds({})).toEqual([a.id, b.id, c.id]);
      expect(await licenseIds({ hint: keys.a2.hint })).toEqual([a.id]);
      expect(await licenseIds({ status: 'revoked' })).toEqual([]);
      expect(await licenseIds({ neverUsed: true })).toEqual([a.id, b.id, c.id]);
      expect(await licenseIds({ domain: domainPattern('*.example.com') })).toEqual([b.id]);
      expect(await licenseIds({ overLimit: false })).toEqual([a.id, c.id]);
    });

    it('gives the ids of licenses in pages, for bulk work', async () => {
      const { organization } = shop;
      const page = (after: string | null, filter: Filter = {}) =>
        database().db.read((tx) =>
          licenseIdsMatching(tx, { ...filter, organizationId: organization.id }, after, 2, NOW),
        );
      expect(await page(null)).toEqual([a.id, b.id]);
      expect(await page(b.id)).toEqual([c.id]);
      expect(await page(null, { hint: keys.b.hint })).toEqual([b.id]);
      expect(await page(b.id, { hint: keys.b.hint })).toEqual([]);
    });
  });

  it('tells the status that is shown, whatever the ledger, at every time', async () => {
    const { db } = database();
    shop = await seedShop(db);
    const { organization } = shop;
    const day = fc.integer({ min: 0, max: 40 });
    const [ledgers] = fc.sample(
      fc.array(
        fc.record({
          lengths: fc.array(fc.tuple(day, fc.integer({ min: 1, max: 12 }), fc.constantFrom(0, 3)), { maxLength: 3 }),
          kind: fc.constantFrom<'base' | 'trial' | 'addon'>('base', 'base', 'trial', 'addon'),
          closed: fc.boolean(),
          flags: fc.constantFrom({}, {}, {}, { suspendedAt: NOW }, { revokedAt: NOW }),
          ofKey: fc.constantFrom(
            {},
            {},
            { suspendedAt: NOW },
            { revokedAt: NOW },
            { endsAt: toIso(SEED_NOW + 9 * DAY) },
          ),
        }),
        { minLength: 60, maxLength: 60 },
      ),
      { numRuns: 1, seed: 7 },
    );
    for (const { lengths, kind, closed, flags, ofKey } of ledgers ?? []) {
      const license = await seedLicense(db, organization, flags);
      for (const [given, days, graceDays] of lengths) {
        const terms = packageTerms({ length: { value: days, unit: 'day' }, graceDays });
        const sold = await seedPackage(db, organization, { kind, terms });
        const grant = await seedGrant(db, license, sold, { given: SEED_NOW + given * DAY });
        if (closed && given % 2 === 0) await seedClosing(db, grant, 'close');
      }
      await seedKey(db, license, ofKey);
    }
    for (const now of [0, 5, 12, 25, 41, 80].map((days) => SEED_NOW + days * DAY)) {
      const filter = { organizationId: organization.id };
      const query = { ...all, now, sort: 'created' as const };
      const keys = (await keysAt(db, filter, query)).items;
      const licenses = (await listLicenses(db, filter, query)).items;
      expect(keys).toHaveLength(60);
      for (const status of LISTED_STATUSES) {
        const isMeant = (view: { status: string; valid_until: string | null }) => {
          if (status !== 'expiring') return view.status === status;
          const left = view.valid_until === null ? Infinity : Date.parse(view.valid_until) - now;
          return ['active', 'trial'].includes(view.status) && left <= 14 * DAY;
        };
        const wantedKeys = keys.filter((seen) => isMeant(licenseKeyView(seen, null, now))).map(({ key }) => key.id);
        const wanted = licenses
          .filter((whole) => isMeant(licenseView(whole, null, now)))
          .map(({ record }) => record.id);
        const found = (await keysAt(db, { ...filter, status }, query)).items.map(({ key }) => key.id);
        expect([status, found]).toEqual([status, wantedKeys]);
        const foundLicenses = (await listLicenses(db, { ...filter, status }, query)).items.map(
          ({ record }) => record.id,
        );
        expect([status, foundLicenses]).toEqual([status, wanted]);
      }
    }
  });

  it('walks every order in both directions, each row once, whatever its ties and gaps', async () => {
    const { db } = database();
    shop = await seedShop(db);
    const { organization } = shop;
    const twins = await seedCustomer(db, organization, { name: 'Twin' });
    for (let i = 0; i < 23; i++) {
      const customerId = i % 3 === 0 ? twins.id : (await seedCustomer(db, organization, { name: 'Twin' })).id;
      const length = i % 4 === 0 ? null : ({ value: 1 + (i % 2), unit: 'month' } as const);
      const sold = await seedPackage(db, organization, { terms: { length } });
      const license = await seedLicense(db, organization, { customerId });
      await seedGrant(db, license, sold);
      for (let k = 0; k <= i % 3; k++)
        await seedKey(db, license, { lastUsedAt: i % 5 === 0 ? null : toIso(SEED_NOW + (i % 2)) });
    }
    await settleStandings(db, SEED_NOW);
    const filters: Filter[] = [{}, { customerId: twins.id }, { neverUsed: false }];
    for (const [list, sorts] of [
      ['keys', KEY_SORTS],
      ['licenses', LICENSE_SORTS],
    ] as const) {
      for (const sort of sorts) {
        for (const filter of filters) {
          const found = await db.read(async (tx) => {
            const search = await prepareSearch(tx, list, { ...filter, organizationId: organization.id }, NOW);
            const whole = await pageOfSearch(tx, search, sort, null, 1_000);
            const pages: typeof whole = [];
            for (;;) {
              const page = await pageOfSearch(tx, search, sort, pages.at(-1) ?? null, 7);
              pages.push(...page);
              if (page.length < 7) break;
            }
            // The same without the few gathered: the walk of the index.
            const walk = await pageOfSearch(tx, { ...search, narrowest: null }, sort, null, 1_000);
            return { whole, pages, walk, count: await countOfSearch(tx, search, 1_001) };
          });
          expect(found.pages).toEqual(found.whole);
          expect(found.walk).toEqual(found.whole);
          expect(found.count).toBe(found.whole.length);
          const ids = found.whole.map((place) => place.at(-1));
          expect(new Set(ids).size).toBe(ids.length);
          const firsts = found.whole.map(([first]) => first);
          const known = firsts.filter((first) => first !== null) as string[];
          const ordered = [...known].sort();
          if (sort.startsWith('-')) ordered.reverse();
          expect(firsts).toEqual([...ordered, ...firsts.filter((first) => first === null)]);
        }
      }
    }
  });
});
