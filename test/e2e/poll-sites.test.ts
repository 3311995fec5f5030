import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY } from '../../src/clock.ts';
import type { PackageTerms } from '../../src/licensing/package-terms.ts';
import { type Product, productPath } from '../../src/releases/product.ts';
import {
  SEED_NOW,
  seedForge,
  seedKey,
  seedLicense,
  seedOrganization,
  seedProduct,
  seedSoldLicense,
} from '../support/seed.ts';
import { ask, onEachServer, type Served, seedRelease, startServed } from '../support/served.ts';

onEachServer('the site of a poll', (served, ground) => {
  let organization: Awaited<ReturnType<typeof seedOrganization>>;
  let product: Product;

  beforeAll(async () => {
    const { core } = served();
    organization = await seedOrganization(core.db, await seedForge(core.db));
    product = await aProduct({});
  });

  async function aProduct(change: Partial<Product>): Promise<Product> {
    const { core } = served();
    const made = await seedProduct(core.db, organization, null, change);
    await seedRelease(core, made, { version: '1.0.0' });
    return made;
  }
  const sold = (terms: Partial<PackageTerms> = {}, more: Parameters<typeof seedSoldLicense>[2] = {}) =>
    seedSoldLicense(served().core.db, { organization }, { ...more, terms: { channels: ['stable'], ...terms } });
  const feed = (key: string, query = '', of = product, at: Pick<Served, 'url'> = served()) =>
    ask(at, `/${productPath(of)}/updates.xml?dlid=${key}${query}`);
  const file = (key: string, query = '', of = product, at: Pick<Served, 'url'> = served()) =>
    ask(at, `/${productPath(of)}/download/1.0.0/x.zip?dlid=${key}${query}`);
  const counted = async (licenseId: string) =>
    Number((await served().core.db.read((tx) => tx('licenses').where({ id: licenseId }).first())).counted_sites);

  it('is counted by its first download, once, and a full license refuses another on the feed as well', async () => {
    const { key, license } = await sold({ sites: 1 });
    expect((await feed(key.text, '&site=one.com')).code).toBe('VALID');
    expect(await counted(license.id)).toBe(0);
    expect((await file(key.text, '&site=https://www.one.com/shop')).code).toBe('VALID');
    expect((await file(key.text, '&domain=one.com')).code).toBe('VALID');
    expect(await counted(license.id)).toBe(1);
    for (const answer of [await feed(key.text, '&site=two.com'), await file(key.text, '&site=two.com')])
      expect([answer.code, answer.versions]).toEqual(['SITE_LIMIT', []]);
    expect((await feed(key.text, '&site=one.com')).versions).toEqual(['1.0.0']);
    expect((await feed(key.text, '')).versions).toEqual(['1.0.0']);
    expect(await counted(license.id)).toBe(1);
  });

  it('is counted by its first poll where the product says so', async () => {
    const eager = await aProduct({ claimOn: 'feed' });
    const { key, license } = await sold({ sites: 1 });
    expect((await feed(key.text, '&site=one.com', eager)).code).toBe('VALID');
    expect(await counted(license.id)).toBe(1);
    expect((await feed(key.text, '&site=two.com', eager)).code).toBe('SITE_LIMIT');
  });

  it('takes no slot with a file that is refused or not there', async () => {
    const { key, license } = await sold({ sites: 1, channels: ['beta'] });
    expect((await file(key.text, '&site=one.com')).code).toBe('CHANNEL_NOT_INCLUDED');
    expect(
      (await ask(served(), `/${productPath(product)}/download/9.9/x.zip?dlid=${key.text}&site=one.com`)).status,
    ).toBe(404);
    expect(await counted(license.id)).toBe(0);
  });

  it('must be named where the product says so', async () => {
    const closed = await aProduct({ missingSite: 'deny' });
    const { key } = await sold({ sites: 1 });
    expect((await feed(key.text, '', closed)).code).toBe('SITE_REQUIRED');
    expect((await feed(key.text, '&site=https://joomla.invalid/', closed)).code).toBe('SITE_REQUIRED');
    expect((await feed(key.text, '&site=one.com', closed)).versions).toEqual(['1.0.0']);
    expect((await file(key.text, '', closed)).text).toMatch(/^The name of the site is needed\. /);
  });

  it('must be on the list of the key where it has one', async () => {
    const { license } = await sold({ sites: null });
    const key = await seedKey(served().core.db, license, { domains: ['one.com', '*.two.com'] });
    const codes = await Promise.all(
      ['one.com', 'www.one.com', 'sub.one.com', 'a.b.two.com', 'three.com'].map(
        async (site) => (await feed(key.text, `&site=${site}`)).code,
      ),
    );
    expect(codes).toEqual(['VALID', 'VALID', 'SITE_NOT_ALLOWED', 'VALID', 'SITE_NOT_ALLOWED']);
  });

  it('of a development machine is free of charge', async () => {
    const { key, license } = await sold({ sites: 1 });
    for (const site of ['localhost', '192.168.1.5', 'shop.test', 'shop.ddev.site'])
      expect((await file(key.text, `&site=${site}`)).code).toBe('VALID');
    expect(await counted(license.id)).toBe(0);
  });

  it.each<[string, string, Partial<PackageTerms>, Parameters<typeof seedSoldLicense>[2]]>([
    ['TRIAL', 'of a trial', {}, { kind: 'trial' }],
    ['EXPIRING', 'in the last days', {}, { given: SEED_NOW - 360 * DAY }],
    ['GRACE', 'after the end', { graceDays: 30 }, { given: SEED_NOW - 370 * DAY }],
    ['EXPIRED', 'after the grace', { graceDays: 3 }, { given: SEED_NOW - 370 * DAY }],
    ['VALID', 'without an end', { length: null }, { given: SEED_NOW - 9_000 * DAY }],
  ])('%s is the code %s', async (code, _, terms, more) => {
    expect((await feed((await sold(terms, more)).key.text)).code).toBe(code);
  });

  it('starts the time of a license with the first allowed answer, once', async () => {
    const { key, license } = await sold({ startsOn: 'first_use' });
    const stamps = () =>
      served().core.db.read((tx) => tx('grants').where({ license_id: license.id }).pluck('first_used_at'));
    expect(await stamps()).toEqual([null]);
    expect((await feed(key.text)).code).toBe('VALID');
    const first = await stamps();
    expect(first).toEqual([new Date(SEED_NOW).toISOString()]);
    served().time.now += DAY;
    await feed(key.text);
    expect(await stamps()).toEqual(first);
    served().time.now -= DAY;
  });

  it('a key without a license of its own opens nothing', async () => {
    const key = await seedKey(served().core.db, await seedLicense(served().core.db, organization));
    expect((await feed(key.text)).code).toBe('NOT_FOUND');
  });

  describe('with two servers on one database', () => {
    let other: Served;
    beforeAll(async () => {
      other = await startServed(ground());
    });
    afterAll(() => other.stop());

    it('gives the last slot to one of two, a hundred times', async () => {
      const rounds = Array.from({ length: 100 }, (_, i) => i);
      const licenses = [];
      for (const _ of rounds) licenses.push(await sold({ sites: 1 }));
      for (const [i, { key, license }] of licenses.entries()) {
        const codes = await Promise.all([
          file(key.text, `&site=a${i}.com`),
          file(key.text, `&site=b${i}.com`, product, other),
        ]).then((answers) => answers.map(({ status, code }) => `${status} ${code}`));
        expect(codes.sort()).toEqual(['200 VALID', '403 SITE_LIMIT']);
        expect(await counted(license.id)).toBe(1);
      }
    });

    it('counts a site once that asks both at once', async () => {
      const { key, license } = await sold({ sites: 5 });
      const asked = Array.from({ length: 20 }, (_, i) =>
        file(key.text, '&site=one.com', product, i % 2 ? served() : other),
      );
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(20).fill(200));
      expect(await counted(license.id)).toBe(1);
    });

    it('refuses a revoked key at once on both', async () => {
      const { key } = await sold({ sites: null });
      expect([(await feed(key.text)).code, (await feed(key.text, '', product, other)).code]).toEqual([
        'VALID',
        'VALID',
      ]);
      const revoked = { revoked_at: new Date(SEED_NOW).toISOString() };
      await served().core.db.tx((tx) => tx('license_keys').where({ id: key.id }).update(revoked));
      expect([(await feed(key.text)).code, (await feed(key.text, '', product, other)).code]).toEqual([
        'KEY_REVOKED',
        'KEY_REVOKED',
      ]);
    });

    it('shows a new release on both', async () => {
      const { key } = await sold({ sites: null });
      const young = await aProduct({});
      expect((await feed(key.text, '', young, other)).versions).toEqual(['1.0.0']);
      await seedRelease(served().core, young, { version: '1.1.0' });
      expect((await feed(key.text, '', young, other)).versions).toEqual(['1.1.0', '1.0.0']);
      expect((await ask(other, `/${productPath(young)}/download/1.1.0/x.zip?dlid=${key.text}`)).status).toBe(200);
    });
  });
});
