import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedProduct, seedShop } from '../support/seed.ts';

onEachDatabase('the API of moving in', (database) => {
  let api: ApiServer;
  let shop: Shop;

  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db, { mode: 'listed' });
  });
  afterAll(() => api.close());

  it('says how far a product is', async () => {
    const { status, json } = await api.get(`/products/${shop.product.id}/moving`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ product_id: shop.product.id, addresses: [], bridge: null, pull_request: null });
    expect(json.steps.map(({ step, state }: Record<string, string>) => `${step} ${state}`)).toEqual([
      'keep_old_addresses not_needed',
      'adopt open',
      'release open',
      'watch_old_addresses not_needed',
      'make_private open',
    ]);
  });

  it('keeps a bridge, changes it and lets it go, each of it told in the audit', async () => {
    const path = `/products/${shop.product.id}/bridge`;
    const made = await api.put(path, { branch: 'main', path: '/feeds/updates.xml' });
    expect(made.json).toEqual({
      ...{ branch: 'main', path: 'feeds/updates.xml', document: 'updates.xml' },
      ...{ checked_at: null, written_at: null, error: null },
    });
    await api.put(path, { branch: 'master', path: 'updates.xml' });
    expect((await api.get(`/products/${shop.product.id}/moving`)).json.bridge).toMatchObject({ branch: 'master' });
    expect((await api.delete(path)).status).toBe(204);
    expect((await api.delete(path)).status).toBe(204);
    const actions = await database().db.read((tx) =>
      tx('audit_events').where({ entity_id: shop.product.id }).orderBy('id').select('action'),
    );
    expect(actions.map(({ action }) => action)).toEqual(['product.bridge', 'product.bridge', 'product.unbridge']);
  });

  it.each([
    [{ branch: 'main', path: '../updates.xml' }],
    [{ branch: 'main', path: 'a//b.xml' }],
    [{ branch: 'main', path: '.github/workflows/evil.yml' }],
    [{ branch: 'main', path: 'a\u0000b.xml' }],
    [{ branch: '', path: 'updates.xml' }],
    [{ branch: 'main', path: 'updates.xml', document: 'changelog.xml' }],
    [{ branch: 'main', path: 'updates.xml', more: true }],
    [{ path: 'updates.xml' }],
  ])('refuses the bridge %j', async (body) => {
    const { status, json } = await api.put(`/products/${shop.product.id}/bridge`, body);
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  it.each(['ftp://x.example/u.xml', 'not an address', 'https://x.example/a b', `https://x.example/${'a'.repeat(600)}`])(
    'refuses %s as the way back',
    async (feed_url) => {
      const { status, json } = await api.post(`/products/${shop.product.id}/adopt`, { feed_url });
      expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
    },
  );

  it('says in words what cannot be adopted, one by one and all at once', async () => {
    const app = await seedProduct(database().db, shop.organization, null);
    const one = await api.post(`/products/${app.id}/adopt`, { dry_run: true });
    expect(one.json).toMatchObject({ state: 'impossible', remarks: ['The product has no repository.'], files: [] });
    const all = await api.post(`/organizations/${shop.organization.slug}/adopt`, {});
    expect(all.json.items.map(({ state }: { state: string }) => state)).toEqual(['impossible', 'impossible']);
    expect((await api.put(`/products/${app.id}/bridge`, { branch: 'main', path: 'updates.xml' })).status).toBe(400);
  });
});
