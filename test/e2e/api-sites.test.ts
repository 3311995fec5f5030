import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { appendUsage } from '../../src/licensing/store-usage.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedKey, seedProduct, seedShop, seedSite, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('sites for those who manage them', (database) => {
  let api: ApiServer;
  let shop: Shop;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
  });
  afterAll(() => api.close());

  const sold = (change: Parameters<typeof seedSoldLicense>[2] = {}) => seedSoldLicense(database().db, shop, change);
  const add = (licenseId: string, body: object) => api.post(`/licenses/${licenseId}/sites`, body);
  const held = async (licenseId: string) =>
    (await api.get(`/licenses/${licenseId}/sites`)).json.items.map(
      ({ identity, exempt_reason }: Record<string, string | null>) =>
        exempt_reason === null ? identity : `${identity} (${exempt_reason})`,
    );
  const counters = async (licenseId: string) => {
    const row = await database().db.read((tx) => tx('licenses').where({ id: licenseId }).first());
    return [Number(row.counted_sites), Number(row.exempt_sites)];
  };

  describe('adding by hand', () => {
    it('takes a slot once, under the limit, at the limit the same site is fine', async () => {
      const { license } = await sold();
      const first = await add(license.id, { site: 'https://www.Example.com/', label: 'Shop' });
      expect([first.status, first.json.identity, first.json.label, first.json.key_id]).toEqual([
        ...[201, 'example.com', 'Shop', null],
      ]);
      const again = await add(license.id, { site: 'example.com', label: 'The shop' });
      expect([again.status, again.json.id, again.json.label]).toEqual([200, first.json.id, 'The shop']);
      const refused = await add(license.id, { site: 'other.com' });
      expect([refused.status, refused.json.code, refused.json.used, refused.json.max]).toEqual([
        409,
        'SITE_LIMIT',
        1,
        1,
      ]);
      expect((await add(license.id, { site: 'localhost' })).json).toMatchObject({ exempt_reason: 'loopback' });
      expect(await counters(license.id)).toEqual([1, 1]);
    });

    it('never goes beyond the limit, with a hundred at once beside the gate', async () => {
      const { key, license } = await sold({ terms: { sites: 5 } });
      const body = { key: key.text, product: shop.path };
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          i % 2 === 0
            ? add(license.id, { site: `s${i}.com` })
            : api.post('/licenses/activate', { ...body, site: `s${i}.com` }, { token: null }),
        ),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(95);
      expect(await counters(license.id)).toEqual([5, 0]);
    });

    it('a wildcard takes one slot for all hosts below a domain, and frees theirs', async () => {
      const { key, license } = await sold({ terms: { sites: 2 } });
      const { db } = database();
      await seedSite(db, license, 'shop.example.com');
      await seedSite(db, license, 'notexample.com');
      const added = await add(license.id, { site: '*.example.com' });
      expect([added.status, added.json.identity, added.json.covers]).toEqual([201, '*.example.com', 'wildcard']);
      expect(await held(license.id)).toEqual(['notexample.com', '*.example.com']);
      expect(await counters(license.id)).toEqual([2, 0]);
      const activate = (site: string) =>
        api.post('/licenses/activate', { key: key.text, product: shop.path, site }, { token: null });
      for (const site of ['shop.example.com', 'deep.shop.example.com', 'example.com']) {
        const answer = await activate(site);
        expect([answer.status, answer.json.activation.identity]).toEqual([200, '*.example.com']);
      }
      expect((await activate('example.org')).status).toBe(409);
      const from = { key: key.text, site: 'shop.example.com' };
      expect((await api.post('/licenses/deactivate', from, { token: null })).status).toBe(204);
      expect(await held(license.id)).toContain('*.example.com');
      expect((await add(license.id, { site: '*.shop.example.com' })).status).toBe(200);
      const { items } = (await api.get(`/licenses/${license.id}/sites?filter=released`)).json;
      expect(items[0].released).toMatchObject({ reason: 'wildcard' });
    });

    it('a wildcard below a name with an underscore frees what stands below it', async () => {
      const { license } = await sold({ terms: { sites: 2 } });
      for (const host of ['www2.my_shop.example.com', 'x.myyshop.example.com'])
        await seedSite(database().db, license, host);
      expect((await add(license.id, { site: '*.my_shop.example.com' })).status).toBe(201);
      expect(await held(license.id)).toEqual(['x.myyshop.example.com', '*.my_shop.example.com']);
    });

    it('a wildcard of a full license changes nothing', async () => {
      const { license } = await sold();
      await seedSite(database().db, license, 'other.com');
      expect((await add(license.id, { site: '*.example.com' })).status).toBe(409);
      expect(await held(license.id)).toEqual(['other.com']);
    });

    it('a wildcard is the domain itself where the package counts domains', async () => {
      const { license } = await sold({ terms: { siteUnit: 'registrable' } });
      expect((await add(license.id, { site: '*.shop.example.com' })).json).toMatchObject({
        ...{ identity: 'example.com', covers: 'domain' },
      });
      expect((await add(license.id, { site: 'blog.example.com' })).status).toBe(200);
    });

    it('a staging host of a counted site is free, and goes with it', async () => {
      const { license } = await sold();
      const main = (await add(license.id, { site: 'example.com' })).json;
      const staging = await add(license.id, { site: 'neu.example.com', staging_of: main.id });
      expect([staging.status, staging.json.counted, staging.json.exempt_reason]).toEqual([201, false, 'declared']);
      expect(staging.json.beside).toEqual({ id: main.id, site: 'example.com' });
      expect((await add(license.id, { site: 'neu.example.com', staging_of: main.id })).status).toBe(200);
      expect(await counters(license.id)).toEqual([1, 1]);
      await api.delete(`/licenses/${license.id}/sites/${main.id}`);
      expect([await held(license.id), await counters(license.id)]).toEqual([[], [0, 0]]);
    });

    it('a counted site becomes a staging host and its slot free; the cap of what is free holds', async () => {
      const { license } = await sold({ terms: { sites: 2 } });
      const main = (await add(license.id, { site: 'example.com' })).json;
      await add(license.id, { site: 'neu.com' });
      expect((await add(license.id, { site: 'neu.com', staging_of: main.id })).status).toBe(200);
      expect(await counters(license.id)).toEqual([1, 1]);
      for (let i = 0; i < 5; i++)
        expect((await add(license.id, { site: `s${i}.com`, staging_of: main.id })).status).toBe(201);
      const refused = await add(license.id, { site: 's9.com', staging_of: main.id });
      expect([refused.status, refused.json.used, refused.json.max]).toEqual([409, 6, 6]);
    });

    it.each([
      [{ site: '*.com' }, 'INVALID_SITE', '/site'],
      [{ site: '*.github.io' }, 'INVALID_SITE', '/site'],
      [{ site: 'not a host' }, 'INVALID_SITE', '/site'],
      [{ site: '' }, 'INVALID_REQUEST', '/site'],
      [{}, 'INVALID_REQUEST', '/site'],
      [{ site: 'a.com', staging_of: 'lic_1' }, 'WRONG_ID_KIND', null],
      [{ site: 'a.com', staging_of: newId('activation') }, 'INVALID_REQUEST', '/staging_of'],
      [{ site: 'a.com', more: 1 }, 'INVALID_REQUEST', '/more'],
    ])('refuses %j: %s', async (body, code, pointer) => {
      const { license } = await sold();
      const { status, json } = await add(license.id, body);
      expect([status, pointer === null ? 'INVALID_REQUEST' : json.code]).toEqual([
        400,
        pointer === null ? 'INVALID_REQUEST' : code,
      ]);
      if (pointer !== null) expect(json.errors[0].pointer).toBe(pointer);
    });

    it('adds none to a master license, and none to that of another organization', async () => {
      const master = await sold({ kind: 'master', terms: { length: null, sites: null, channels: ['*'] } });
      expect((await add(master.license.id, { site: 'a.com' })).json.code).toBe('ACTIVATION_NOT_APPLICABLE');
      const other = await seedShop(database().db);
      const token = await api.token({ organizationId: other.organization.id });
      const refused = await api.as(token).post(`/licenses/${master.license.id}/sites`, { site: 'a.com' });
      expect([refused.status, refused.json.code]).toEqual([404, 'NOT_FOUND']);
    });
  });

  describe('lists', () => {
    it('of an organization and of a product are searched by host and paged, and show what runs there', async () => {
      const { db } = database();
      const mine = await seedShop(db);
      const twin = await seedProduct(db, mine.organization, null);
      const sites: { licenseId: string; host: string }[] = [];
      for (let i = 0; i < 5; i++) {
        const { license } = await seedSoldLicense(db, mine);
        sites.push(await seedSite(db, license, i === 4 ? 'odd_one.org' : `shop${i}.example.com`));
      }
      const told = (i: number, productId: string, version: string) => ({
        ...{ at: toIso(SEED_NOW), day: '2026-01-01', product_id: productId, key_id: `key_${i}`, kind: 'updates.xml' },
        ...{ license_id: sites[i]?.licenseId ?? '', site: sites[i]?.host ?? '', version, channel: '' },
        ...{ platform_version: 'joomla/5.2.1', code: 'VALID', refused: 0 as const },
      });
      const news = [told(0, mine.product.id, '1.0.0'), told(1, mine.product.id, ''), told(0, twin.id, '3.0.0')];
      await db.tx((tx) => appendUsage(tx, news));
      await rollUp(db);
      const base = `/organizations/${mine.organization.slug}/sites`;
      const names = ({ json }: { json: { items: { identity: string }[] } }) =>
        json.items.map(({ identity }) => identity);
      const first = await api.get(`${base}?limit=2&host=EXAMPLE.com`);
      expect([names(first), first.json.total]).toEqual([['shop0.example.com', 'shop1.example.com'], 4]);
      const next = await api.get(`${base}?limit=2&host=EXAMPLE.com&cursor=${first.json.next_cursor}`);
      expect([names(next), next.json.next_cursor]).toEqual([['shop2.example.com', 'shop3.example.com'], null]);
      expect(names(await api.get(`${base}?host=d_o`))).toEqual(['odd_one.org']);
      expect(names(await api.get(`${base}?host=%25`))).toEqual([]);
      const byProduct = await api.get(`/products/${mine.product.id}/sites`);
      expect([names(byProduct), byProduct.json.total]).toEqual([['shop0.example.com', 'shop1.example.com'], 2]);
      expect(byProduct.json.items[0].products.map(({ version }: { version: string }) => version).sort()).toEqual([
        '1.0.0',
        '3.0.0',
      ]);
      expect(byProduct.json.items[1].products[0]).toMatchObject({ version: null, platform: 'joomla' });
      const page = await api.get(`/products/${mine.product.id}/sites?limit=1`);
      const rest = await api.get(`/products/${mine.product.id}/sites?limit=1&cursor=${page.json.next_cursor}`);
      expect([names(page), names(rest)]).toEqual([['shop0.example.com'], ['shop1.example.com']]);
    });

    it('are those of a key where one is named, and tell active from released', async () => {
      const { db } = database();
      const { license, key } = await sold({ terms: { sites: 9 } });
      const other = await seedKey(db, license);
      const mine = await seedSite(db, license, 'mine.com', { keyId: key.id });
      await seedSite(db, license, 'theirs.com', { keyId: other.id });
      const { json } = await api.get(`/licenses/${license.id}/sites?key=${key.id}`);
      expect(json.items.map(({ id, key_hint }: Record<string, string>) => [id, key_hint])).toEqual([
        [mine.id, key.hint],
      ]);
      await api.delete(`/licenses/${license.id}/sites/${mine.id}`);
      const count = async (filter: string) =>
        (await api.get(`/licenses/${license.id}/sites?filter=${filter}`)).json.total;
      expect([await count('active'), await count('released'), await count('all')]).toEqual([1, 1, 2]);
      expect((await api.get(`/licenses/${license.id}/sites?filter=gone`)).status).toBe(400);
    });
  });

  it('a key bound to 10,000 domains is refused in words, and 200 are looked through fast', async () => {
    const { license } = await sold({ terms: { sites: null } });
    const domains = (count: number) => Array.from({ length: count }, (_, i) => `d${i}.example.com`);
    const refused = await api.post(`/licenses/${license.id}/keys`, { domains: domains(10_000) });
    expect([refused.status, refused.json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(refused.json.detail).toMatch(/200|domains/);
    const bound = await seedKey(database().db, license, { domains: domains(200) });
    const began = performance.now();
    const wish = { key: bound.text, product: shop.path };
    for (let i = 190; i < 200; i++)
      await api.post('/licenses/activate', { ...wish, site: `d${i}.example.com` }, { token: null });
    expect(performance.now() - began).toBeLessThan(20_000);
    const outside = await api.post('/licenses/activate', { ...wish, site: 'else.com' }, { token: null });
    expect(outside.json.code).toBe('SITE_NOT_ALLOWED');
  });
});
