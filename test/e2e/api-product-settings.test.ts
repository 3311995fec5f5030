import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditRowsOf } from '../../src/audit/store-audit.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedShop, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('what products are set to', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let organization: string;
  let path: string;

  beforeAll(async () => {
    api = await startApi(database());
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    shop = await seedShop(database().db);
    organization = `/organizations/${shop.organization.slug}`;
    path = `/products/${shop.product.id}`;
  });

  const product = async () => (await api.get(path)).json;
  const changes = async () => {
    const rows = await database().db.read((tx) => auditRowsOf(tx, shop.product.id, 50));
    return rows.map((row) => JSON.parse(row.changes));
  };

  describe('two changes at once', () => {
    it('both count where they name different fields', async () => {
      for (let i = 0; i < 5; i++) {
        await Promise.all([
          api.patch(path, { name: `Name ${i}` }),
          api.patch(path, { settings: { php_minimum: `8.${i}` } }),
          api.patch(path, { settings: { hints: { joomla: `com_${i}` } } }),
          api.patch(path, { settings: { hints: { dolibarr: `mod${i}` } } }),
          api.patch(path, { open_channels: ['stable', i % 2 === 0 ? 'rc' : 'beta'] }),
        ]);
        expect(await product()).toMatchObject({
          ...{ name: `Name ${i}`, open_channels: ['stable', i % 2 === 0 ? 'rc' : 'beta'] },
          settings: { php_minimum: `8.${i}`, hints: { joomla: `com_${i}`, dolibarr: `mod${i}` } },
        });
      }
    });

    it('that shrink one list: the one that comes too late is told so, with If-Match', async () => {
      await api.patch(path, { open_channels: ['stable', 'rc', 'beta'] });
      const tag = (await api.get(path)).headers.get('etag') ?? '';
      const shrunk = [
        ['stable', 'rc'],
        ['stable', 'beta'],
      ];
      const answers = await Promise.all(
        shrunk.map((open_channels) => api.patch(path, { open_channels }, { headers: { 'If-Match': tag } })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
      const late = answers.findIndex(({ status }) => status === 412);
      expect(answers[late]?.json.code).toBe('PRECONDITION_FAILED');
      expect((await product()).open_channels).toEqual(shrunk[1 - late]);
    });
  });

  it('is told in the audit, field by field', async () => {
    await api.patch(path, { mode: 'listed', settings: { targets: { joomla: { min: '4.4', max: '6' } } } });
    await api.patch(path, { settings: { targets: { joomla: null } } });
    expect(await changes()).toEqual([
      {
        'settings.targets.joomla.min': { from: '4.4', to: null },
        'settings.targets.joomla.max': { from: '6', to: null },
      },
      {
        mode: { from: 'strict', to: 'listed' },
        'settings.targets.joomla.min': { from: null, to: '4.4' },
        'settings.targets.joomla.max': { from: null, to: '6' },
      },
    ]);
  });

  it('stays with its revision where nothing changes', async () => {
    const before = await product();
    expect((await api.patch(path, { mode: 'strict', settings: { hints: {} } })).json).toEqual(before);
    expect(await changes()).toEqual([]);
  });

  it('takes a hint, a pattern and a target away with null', async () => {
    const settings = { hints: { joomla: 'com_a', dolibarr: 'a' }, assets: { joomla: '*-pro.zip' } };
    await api.patch(path, { settings });
    await api.patch(path, { settings: { hints: { joomla: null }, assets: { joomla: null } } });
    expect((await product()).settings).toMatchObject({ hints: { dolibarr: 'a' }, assets: {} });
  });

  describe('the toggle of the key', () => {
    const codes = ({ json }: { json: { warnings: { code: string; fix: string }[] } }) =>
      json.warnings.map(({ code }) => code);

    it('turns on strict, says what stock Joomla sees then, and offers listed', async () => {
      await api.patch(path, { require_key: false });
      expect((await product()).mode).toBe('open');
      const on = await api.patch(path, { require_key: true });
      expect([on.json.mode, on.json.require_key, codes(on)]).toEqual(['strict', true, ['STRICT_HIDES']]);
      expect(on.json.warnings[0].fix).toContain('"listed"');
      const listed = await api.patch(path, { mode: 'listed' });
      expect(codes(listed)).toEqual([]);
      expect((await api.patch(path, { require_key: true })).json.mode).toBe('listed');
    });

    it('says whom a missing site shuts out', async () => {
      const answer = await api.patch(path, { mode: 'listed', missing_site: 'deny' });
      expect(codes(answer)).toEqual(['SITE_REQUIRED_HIDES']);
    });
  });

  describe('of an organization are the defaults of new products', () => {
    it('where the request says nothing', async () => {
      const plain = { mode: 'strict', open_channels: ['stable', 'rc'], missing_site: 'deny', claim_on: 'feed' };
      const targets = { joomla: { min: '5', max: null } };
      await api.patch(organization, { new_products: { ...plain, platforms: ['dolibarr', 'joomla'], targets } });
      const made = await api.post(`${organization}/products`, { slug: 'one' });
      expect(made.json).toMatchObject({ ...plain, platforms: ['joomla', 'dolibarr'], settings: { targets } });
      const other = await api.post(`${organization}/products`, {
        ...{ slug: 'two', platforms: ['joomla'], require_key: false, claim_on: 'download' },
        settings: { targets: { joomla: { min: '4', max: '4' } } },
      });
      expect(other.json).toMatchObject({
        ...{ platforms: ['joomla'], mode: 'open', claim_on: 'download', missing_site: 'deny' },
        settings: { targets: { joomla: { min: '4', max: '4' } } },
      });
    });

    it('and what neither says is asked for', async () => {
      const refused = await api.post(`${organization}/products`, { slug: 'three' });
      expect([refused.status, refused.json.errors[0].pointer]).toEqual([400, '/platforms']);
      const wrong = await api.post(`${organization}/products`, { slug: 'x', platforms: [], open_channels: ['gold'] });
      expect([wrong.status, wrong.json.errors[0].pointer]).toEqual([400, '/open_channels/0']);
      expect((await api.get(`${organization}/products`)).json.total).toBe(1);
    });
  });

  it('may be neither repository nor platform: an app that is licensed and validated', async () => {
    const app = await api.post(`${organization}/products`, {
      slug: 'desk',
      name: 'Desk',
      platforms: [],
      mode: 'strict',
    });
    expect(app.json).toMatchObject({ repository_id: null, platforms: [], mode: 'strict', warnings: [] });
    const sold = await seedSoldLicense(database().db, shop, { terms: { products: [app.json.id] } });
    const validated = await api.post('/licenses/validate', { key: sold.key.text, product: app.json.path });
    expect(validated.json).toMatchObject({ valid: true, code: 'VALID' });
    const elsewhere = await api.post('/licenses/validate', { key: sold.key.text, product: shop.path });
    expect(elsewhere.json).toMatchObject({ valid: false, code: 'NOT_FOUND' });
    expect((await api.patch(`/products/${app.json.id}`, { platforms: ['joomla'] })).json.platforms).toEqual(['joomla']);
    expect((await api.patch(`/products/${app.json.id}`, { platforms: [] })).json.platforms).toEqual([]);
  });

  describe('old addresses', () => {
    const remove = (old: string) => api.delete(`${path}/aliases?path=${encodeURIComponent(old)}`);

    it('are added in both forms and taken away again', async () => {
      const slug = shop.organization.slug;
      await api.post(`${path}/aliases`, { path: `${slug}/updates.xml.old`, document: 'updates.xml' });
      await api.post(`${path}/aliases`, { path: `/${slug}/Former/` });
      const items = (await api.get(`${path}/aliases`)).json.items;
      expect(items.slice(1)).toEqual([
        { path: `${slug}/former`, kind: 'manual', document: null },
        { path: `${slug}/updates.xml.old`, kind: 'manual', document: 'updates.xml' },
      ]);
      expect((await remove(`${slug}/FORMER`)).json.items).toEqual([items[0], items[2]]);
      expect((await remove(`${slug}/former`)).json.code).toBe('NOT_FOUND');
      expect((await changes())[0]).toEqual({ path: `${slug}/former`, document: null });
    });

    it('of itself and of others stay', async () => {
      expect((await remove(shop.path)).json.code).toBe('STILL_IN_USE');
      const other = await seedShop(database().db);
      expect((await remove(other.path)).json.code).toBe('NOT_FOUND');
    });

    it.each(['https://old.example/updates.xml', 'a?x=1', 'a#b', 'a b', 'a//b', 'a/../b', '/', 'a\tb'])(
      'are paths alone: %j',
      async (wrong) => {
        const { status, json } = await api.post(`${path}/aliases`, { path: wrong });
        expect([status, json.errors[0].pointer]).toEqual([400, '/path']);
      },
    );
  });

  it('is of no concern to others', async () => {
    const stranger = await seedShop(database().db);
    const theirs = api.as(await api.token({ organizationId: stranger.organization.id }));
    expect((await theirs.patch(path, { name: 'x' })).status).toBe(404);
    expect((await theirs.delete(`${path}/aliases?path=x`)).status).toBe(404);
    const seller = api.as(await api.token({ scopes: ['licenses:write', 'payments:write'] }));
    expect((await seller.patch(path, { name: 'x' })).json.code).toBe('FORBIDDEN');
  });
});
