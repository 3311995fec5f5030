import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedShop } from '../support/seed.ts';

onEachDatabase('imports by API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  const path = () => `/organizations/${shop.organization.slug}/imports`;

  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
  });
  afterAll(() => api.close());

  it('of a CSV tell what they would do, do it, and do it once', async () => {
    const packages = { kind: 'packages', csv: 'name;duration;sites\nYearly;1y;3\n', source: 'old shop' };
    expect((await api.post(path(), packages)).json).toMatchObject({
      import: { dry_run: true, counts: { created: 1 } },
    });
    expect((await api.get(`${path().replace('/imports', '/packages')}`)).json.total).toBe(0);
    expect((await api.post(path(), { ...packages, dry_run: false })).json.import.counts.created).toBe(1);
    const csv = 'key,package,customer_email\nold-1,Yearly,a@example.com\nold-2,None,b@example.com\n';
    const keys = { kind: 'keys', csv, source: 'old shop', dry_run: false };
    const { json } = await api.post(path(), keys);
    expect(json.report).toMatchObject([
      { line: 2, outcome: 'created', code: 'NEW', id: expect.stringMatching(/^lic_/) },
      { line: 3, outcome: 'refused', code: 'PACKAGE_UNKNOWN' },
    ]);
    expect(JSON.stringify(json)).not.toContain('old-1');
    expect((await api.post(path(), keys)).json.import.counts).toMatchObject({ created: 0, unchanged: 1, refused: 1 });
    const listed = (await api.get(path())).json;
    expect(listed.total).toBe(4);
    expect((await api.get(`${path()}/${json.import.id}`)).json).toEqual(json.import);
  });

  it('take things in the format of an export', async () => {
    const rows = [
      { type: 'customer', ref: 'c1', email: 'c@example.com' },
      { type: 'license', ref: 'l1', customer: 'c1', grants: [{ package: 'Yearly' }], keys: [{ key: 'row-key-1' }] },
      { type: 'moon', ref: 'm' },
    ];
    const { json } = await api.post(path(), { rows, source: 'rows', dry_run: false });
    expect(json.report.map(({ code }: { code: string }) => code)).toEqual(['NEW', 'NEW', 'INVALID']);
  });

  it('set a product for whoever may do that anyway, and below no address of others', async () => {
    const { db } = database();
    const { product, organization } = shop;
    const other = await seedShop(db);
    const item = {
      ...{ type: 'product', ref: 'p', path: product.slug, mode: 'open', open_channels: ['stable'] },
      ...{ security_open: false, claim_on: 'download', missing_site: 'allow' },
    };
    const bring = async (caller: Pick<ApiServer, 'post'>, row: object) =>
      (await caller.post(path(), { rows: [row], source: 'products', dry_run: false })).json.report[0];
    const seller = api.as(await api.token({ scopes: ['licenses:write'], organizationId: organization.id }));
    expect(await bring(seller, item)).toMatchObject({ outcome: 'refused', code: 'REFUSED' });
    expect((await api.get(`/products/${product.id}`)).json.mode).toBe(product.mode);
    const owner = api.as(await api.token({ scopes: ['admin'], organizationId: organization.id }));
    const aliases = [{ path: `${other.organization.slug}/new/updates.xml`, document: 'updates.xml' }];
    expect(await bring(owner, { ...item, aliases })).toMatchObject({ outcome: 'refused', code: 'REFUSED' });
    expect(await bring(owner, { ...item, open_channels: ['moon'] })).toMatchObject({ outcome: 'refused' });
    expect((await api.get(`/products/${product.id}`)).json.mode).toBe(product.mode);
    const old = [{ path: 'Old/Updates.xml', document: 'updates.xml' }];
    expect(await bring(owner, { ...item, aliases: old })).toMatchObject({ outcome: 'created' });
    expect((await api.get(`/products/${product.id}`)).json.mode).toBe('open');
    const done = (await api.get(`/audit/${product.id}`)).json.items.map(({ action }: { action: string }) => action);
    expect(done).toEqual(expect.arrayContaining(['product.change', 'product.alias']));
  });

  it('tell what is wrong with a request', async () => {
    for (const body of [
      { source: 'x' },
      { source: 'x', csv: 'a', rows: [{}] },
      { source: 'x', csv: 'key\n1' },
      { source: 'x', kind: 'keys', csv: 'a,b\n1,2' },
      { source: 'x', kind: 'keys', csv: 'key\n"old' },
      { source: 'x', kind: 'keys', csv: 'key\n1', timezone: 'Moon/Base' },
      { source: 'x', kind: 'keys', csv: 'key\n1', from: 'moon' },
      { kind: 'keys', csv: 'key\n1' },
    ])
      expect([body, (await api.post(path(), body)).status]).toEqual([body, 400]);
    const reader = api.as(await api.token({ scopes: ['licenses:read'] }));
    expect((await reader.post(path(), { source: 'x', kind: 'keys', csv: 'key\n1' })).status).toBe(403);
    const stranger = await seedShop(database().db);
    const foreign = api.as(await api.token({ organizationId: stranger.organization.id }));
    expect((await foreign.get(path())).status).toBe(404);
  });
});
