import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayOf, toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { appendUsage, type UsageRow } from '../../src/licensing/store-usage.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { saveRelease } from '../../src/releases/store-releases.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedShop, seedSite, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('usage by API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let sold: Awaited<ReturnType<typeof seedSoldLicense>>;
  const security = newId('release');
  const bad = newId('release');

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    shop = await seedShop(db);
    sold = await seedSoldLicense(db, shop, { terms: { sites: 9 } });
    await seedSite(db, sold.license, 'one.example');
    for (const [id, version, isSecurity] of [
      [security, '1.3.1', true],
      [bad, '1.3.0', false],
    ] as const)
      await db.tx((tx) =>
        saveRelease(tx, {
          ...{ id, productId: shop.product.id, version, tag: version, commitId: '', webUrl: '', notes: '' },
          ...{ forgeReleaseId: null, channel: 'stable', clientWord: 'stable', changelog: [], security: isSecurity },
          ...{ targets: {}, phpMinimum: null, state: 'listed', fingerprint: '', firstSeenAt: toIso(SEED_NOW) },
          ...{ updatedAt: toIso(SEED_NOW), withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
        }),
      );
    const mine = { key_id: sold.key.id, license_id: sold.license.id };
    const joomla = 'joomla/5.4.1';
    await append(
      row({ ...mine, site: 'one.example', version: '1.2.7', platform_version: joomla }),
      row({ ...mine, site: 'one.example', version: '1.2.7', platform_version: joomla, days: 1 }),
      row({ ...mine, site: 'two.example', version: '1.3.0' }),
      row({ ...mine, site: 'ten.example', version: '1.20.0' }),
      row({ ...mine, kind: 'download', version: '1.3.1', channel: 'stable' }),
      row({ ...mine, kind: 'download', version: '1.3.1', channel: 'stable', code: 'SITE_LIMIT', refused: 1 }),
      row({ site: 'one.example', kind: 'download', code: 'NOT_FOUND', refused: 1, version: '1.3.1', minutes: 5 }),
      row({ site: 'else.example', code: 'NOT_FOUND', refused: 1, minutes: 4 }),
      row({ ...mine, kind: 'validate', site: 'one.example' }),
    );
    await rollUp(db);
  });
  afterAll(() => api.close());

  const append = (...rows: UsageRow[]) => database().db.tx((tx) => appendUsage(tx, rows));
  function row({ days = 0, minutes = 0, ...rest }: Partial<UsageRow> & { days?: number; minutes?: number }): UsageRow {
    const ms = SEED_NOW - days * 86_400_000 + minutes * 60_000;
    return {
      ...{ at: toIso(ms), day: dayOf(ms), product_id: shop.product.id, key_id: '', license_id: '', site: '' },
      ...{ kind: 'updates.xml', platform_version: '', code: 'VALID', version: '', channel: '', refused: 0 },
      ...rest,
    };
  }
  const product = () => `/products/${shop.product.id}`;
  const valuesOf = (answer: { json: { items: { value: string }[] } }) => answer.json.items.map(({ value }) => value);

  describe('totals and series', () => {
    it('are told of a product, of its organization and of a key', async () => {
      const totals = { polls: 5, downloads: 1, validations: 1, refusals: 3, installations: 6 };
      const last_at = toIso(SEED_NOW + 5 * 60_000);
      const ofProduct = (await api.get(`${product()}/usage`)).json;
      expect(ofProduct).toMatchObject({ from: '2025-12-03', to: '2026-01-01', group_by: 'day' });
      expect(ofProduct.totals).toEqual({ ...totals, last_at });
      expect(ofProduct.items.map(({ value, polls }: { value: string; polls: number }) => [value, polls])).toEqual([
        ['2026-01-01', 4],
        ['2025-12-31', 1],
      ]);
      expect((await api.get(`/organizations/${shop.organization.slug}/usage`)).json.totals).toEqual(ofProduct.totals);
      expect((await api.get(`/keys/${sold.key.id}/usage`)).json.totals).toEqual({
        ...{ polls: 4, downloads: 1, validations: 1, refusals: 1, installations: null, last_at: toIso(SEED_NOW) },
      });
    });

    it('are grouped by what makes sense', async () => {
      const by = (name: string) => api.get(`${product()}/usage?group_by=${name}`);
      expect((await by('code')).json.items).toMatchObject([
        { value: 'NOT_FOUND', refusals: 2 },
        { value: 'SITE_LIMIT', refusals: 1, downloads: 0 },
        { value: 'VALID', refusals: 0, polls: 4, downloads: 1 },
      ]);
      expect((await by('version')).json.items).toMatchObject([
        { value: '', polls: 1, installations: 2 },
        { value: '1.2.7', polls: 2, downloads: 0, installations: 1 },
        { value: '1.20.0', polls: 1, installations: 1 },
        { value: '1.3.0', polls: 1, installations: 1 },
        { value: '1.3.1', polls: 0, downloads: 1, installations: 1 },
      ]);
      expect(valuesOf(await by('platform_version'))).toEqual(['', 'joomla/5.4.1']);
      expect(valuesOf(await by('channel'))).toEqual(['', 'stable']);
      expect(valuesOf(await by('kind'))).toEqual(['download', 'updates.xml', 'validate']);
      expect(valuesOf(await by('product'))).toEqual([shop.product.id]);
      const sites = await api.get(`/keys/${sold.key.id}/usage?group_by=site`);
      expect(valuesOf(sites)).toEqual(['', 'one.example', 'ten.example', 'two.example']);
      for (const [path, name] of [
        [product(), 'site'],
        [`/keys/${sold.key.id}`, 'version'],
      ])
        expect((await api.get(`${path}/usage?group_by=${name}`)).json.code).toBe('INVALID_REQUEST');
    });

    it('count what is not rolled up yet', async () => {
      const before = (await api.get(`${product()}/usage`)).json.totals.polls;
      await append(row({ version: '1.3.1' }), row({ kind: 'activate', site: 'one.example' }));
      expect((await api.get(`${product()}/usage`)).json.totals.polls).toBe(before + 1);
      await rollUp(database().db);
      expect((await api.get(`${product()}/usage`)).json.totals.polls).toBe(before + 1);
    });

    it.each(['day', 'version', 'code', 'kind'])('come page by page, each once: %s', async (name) => {
      const all = valuesOf(await api.get(`${product()}/usage?group_by=${name}`));
      const found: string[] = [];
      for (let cursor = ''; ; ) {
        const page = await api.get(`${product()}/usage?group_by=${name}&limit=1${cursor && `&cursor=${cursor}`}`);
        found.push(...valuesOf(page));
        if (page.json.next_cursor === null) break;
        cursor = page.json.next_cursor;
      }
      expect(found).toEqual(all);
    });

    it('are files too', async () => {
      const csv = await api.get(`${product()}/usage/export?group_by=version`);
      expect(csv.headers.get('content-type')).toContain('text/csv');
      const [head, ...lines] = csv.text.trim().split('\r\n');
      expect(head).toBe('version,polls,downloads,validations,refusals,installations,last_at');
      expect(lines[1]).toMatch(/^1\.2\.7,2,0,0,0,1,2026/);
      const { json } = await api.get(`/keys/${sold.key.id}/usage/export?group_by=site&format=json`);
      expect(json[1]).toMatchObject({ site: 'one.example', polls: 2 });
    });

    it('are of a year at most', async () => {
      for (const query of [
        'from=2024-01-01&to=2026-01-01',
        'from=2026-02-01&to=2026-01-01',
        'from=x',
        'from=2026-02-30',
      ])
        expect((await api.get(`${product()}/usage?${query}`)).status).toBe(400);
      expect((await api.get(`${product()}/usage?from=2025-01-01&to=2026-01-02`)).status).toBe(200);
    });
  });

  describe('installations', () => {
    const found = async (query: string) => (await api.get(`${product()}/installations?${query}`)).json;
    const sitesIn = ({ items }: { items: { site: string; version: string }[] }) =>
      items.map(({ site, version }) => `${site} ${version}`);

    it('tell who still runs a version: site, key, customer, last seen', async () => {
      for (const query of ['version=1.2', 'version=1.2*']) {
        const answer = await found(query);
        expect(answer).toMatchObject({ total: 1, unknown: 2, versions: [{ version: '1.2.7', installations: 1 }] });
        expect(answer.items).toEqual([
          {
            ...{ version: '1.2.7', version_from: 'reported', site: 'one.example', platform_version: 'joomla/5.4.1' },
            ...{ key_id: sold.key.id, key_hint: sold.key.hint, key_label: '', license_id: sold.license.id },
            ...{ customer_id: sold.license.customerId, customer_name: expect.any(String) },
            customer_email: expect.stringContaining('@'),
            ...{ first_seen_at: toIso(SEED_NOW - 86_400_000), last_seen_at: toIso(SEED_NOW) },
          },
        ]);
      }
    });

    it('compare as the platform does', async () => {
      expect(sitesIn(await found('below=1.3.1'))).toEqual(['one.example 1.2.7', 'two.example 1.3.0']);
      expect(sitesIn(await found(`version=${encodeURIComponent('>=1.3.0 <2')}`))).toEqual([
        ...['ten.example 1.20.0', 'two.example 1.3.0', ' 1.3.1'],
      ]);
    });

    it('tell whose version is affected, by a release or a range', async () => {
      expect(sitesIn(await found(`affected_by=${security}`))).toEqual(['one.example 1.2.7', 'two.example 1.3.0']);
      expect(sitesIn(await found(`affected_by=${bad}`))).toEqual(['two.example 1.3.0']);
      expect(sitesIn(await found(`affected_by=${encodeURIComponent('1.2, =1.20.0')}`))).toEqual([
        ...['one.example 1.2.7', 'ten.example 1.20.0'],
      ]);
      expect((await found(`affected_by=${newId('release')}`)).code).toBe('NOT_FOUND');
      expect((await found('version=<')).errors).toMatchObject([{ pointer: '/query/version' }]);
      expect((await found('below=<1')).errors).toMatchObject([{ pointer: '/query/below' }]);
    });

    it('come page by page, and as a file', async () => {
      const first = await found('limit=2');
      const rest = await found(`limit=200&cursor=${first.next_cursor}`);
      expect([...first.items, ...rest.items]).toEqual((await found('limit=200')).items);
      const csv = await api.get(`${product()}/installations/export?version=1.2`);
      expect(csv.text.split('\r\n')[1]).toContain('1.2.7,reported,one.example,joomla/5.4.1');
      for (const query of ['affected_by=%00', 'below=%3C1', 'version=%3C']) {
        const refused = await api.get(`${product()}/installations/export?${query}`);
        expect([refused.status, refused.json.code]).toEqual([400, 'INVALID_REQUEST']);
      }
      expect((await api.get(`${product()}/installations/export?affected_by=${newId('release')}`)).status).toBe(404);
    });
  });

  describe('refusals', () => {
    const refusals = async (path: string) => (await api.get(`${path}/refusals`)).json.items;

    it('of a product are told with code and reason, the latest first', async () => {
      expect(await refusals(product())).toMatchObject([
        { key_id: null, site: 'one.example', kind: 'download', version: '1.3.1', code: 'NOT_FOUND', count: 1 },
        { key_id: null, site: 'else.example', kind: 'updates.xml', reason: expect.stringContaining('No license key') },
        { key_id: sold.key.id, code: 'SITE_LIMIT', reason: 'All sites of this license are taken.' },
      ]);
    });

    it('of a key are told with what came without any key from its sites', async () => {
      expect(await refusals(`/keys/${sold.key.id}`)).toMatchObject([
        { key_id: null, site: 'one.example', kind: 'download', reason: expect.stringContaining('No license key') },
        { key_id: sold.key.id, code: 'SITE_LIMIT' },
      ]);
      const page = await api.get(`/keys/${sold.key.id}/refusals?limit=1`);
      const next = await api.get(`/keys/${sold.key.id}/refusals?limit=1&cursor=${page.json.next_cursor}`);
      expect([next.json.items[0].code, next.json.next_cursor]).toEqual(['SITE_LIMIT', null]);
    });
  });
});
