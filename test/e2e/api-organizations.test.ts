import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditRowsOf } from '../../src/audit/store-audit.ts';
import { DAY } from '../../src/clock.ts';
import { newKeyText, parseKeyText } from '../../src/licensing/license-key.ts';
import { prefixesInUse } from '../../src/licensing/store-keys.ts';
import { findProduct } from '../../src/releases/store-products.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedPackage, seedShop, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('organizations by API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let path: string;

  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    path = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  it('show all that is set, with its defaults', async () => {
    const { json } = await api.get(path);
    expect(json).toMatchObject({
      ...{ key_prefix: 'FG1', former_key_prefixes: [], support_url: null, renew_url: null },
      test_key: { package_id: null, days: 14, sites: 1 },
      new_products: {
        ...{ platforms: null, mode: 'listed', open_channels: ['stable'], missing_site: 'allow' },
        ...{ claim_on: 'download', targets: {} },
      },
      channels: ['stable', 'rc', 'beta', 'alpha', 'dev'],
    });
  });

  it('are changed part by part, and each change is told with what was before', async () => {
    const test = await seedPackage(database().db, shop.organization, { kind: 'trial' });
    await api.patch(path, { name: 'Acme GmbH', test_key: { days: 30 }, new_products: { mode: 'strict' } });
    const { json } = await api.patch(path, {
      test_key: { package_id: test.id, sites: null },
      new_products: { targets: {} },
    });
    expect(json).toMatchObject({
      ...{ name: 'Acme GmbH', test_key: { package_id: test.id, days: 30, sites: null } },
      new_products: { mode: 'strict', open_channels: ['stable'] },
    });
    expect((await api.get(path)).json).toEqual(json);
    const rows = await database().db.read((tx) => auditRowsOf(tx, shop.organization.id, 2));
    expect(rows.map(({ action, changes }) => [action, JSON.parse(changes)])).toEqual([
      [
        'organization.change',
        { 'test_key.package_id': { from: null, to: test.id }, 'test_key.sites': { from: 1, to: null } },
      ],
      [
        'organization.change',
        {
          name: { from: shop.organization.name, to: 'Acme GmbH' },
          'test_key.days': { from: 14, to: 30 },
          'new_products.mode': { from: 'listed', to: 'strict' },
        },
      ],
    ]);
  });

  it('are set to how they sell, field by field', async () => {
    const { organization } = await seedShop(database().db);
    const path = `/organizations/${organization.slug}`;
    expect((await api.get(path)).json).toMatchObject({
      payments: { partial_refund_percent: null, period_refund: 'end', dispute_opened: 'suspend', grace_days: 7 },
      seller: { origins: [], terms_url: null, consent: null, withdrawals: true },
      mail: { from_name: null, language: 'en', off: [] },
    });
    const consent = { version: '2026-01', text: 'I agree that the download begins at once.' };
    await api.patch(path, { payments: { grace_days: 3 }, seller: { consent, origins: ['https://www.example.com'] } });
    const { json } = await api.patch(path, { payments: { dispute_opened: 'keep' }, mail: { off: ['expiring'] } });
    expect(json).toMatchObject({
      payments: { grace_days: 3, dispute_opened: 'keep', fraud_warning: 'flag' },
      seller: { consent, origins: ['https://www.example.com'] },
      mail: { off: ['expiring'], language: 'en' },
    });
    const old = await api.patch(path, { seller: { consent: { ...consent, text: 'Something else.' } } });
    expect([old.status, old.json.errors[0].pointer]).toEqual([400, '/seller/consent/version']);
    const fresh = { version: '2026-02', text: 'Something else.' };
    expect((await api.patch(path, { seller: { consent: fresh } })).json.seller.consent).toEqual(fresh);
    expect((await api.patch(path, { seller: { consent: null } })).json.seller.consent).toBeNull();
    const refused = [
      [{ payments: { grace_days: 91 } }, '/payments/grace_days'],
      [{ payments: { grace: 1 } }, '/payments/grace'],
      [{ payments: { partial_refund_percent: 0 } }, '/payments/partial_refund_percent'],
      [{ seller: { origins: ['https://www.example.com/shop'] } }, '/seller/origins/0'],
      [{ seller: { terms_url: 'javascript:alert(1)' } }, '/seller/terms_url'],
      [{ mail: { off: ['everything'] } }, '/mail/off/0'],
      [{ mail: { reply_to: 'nobody' } }, '/mail/reply_to'],
    ] as const;
    for (const [body, pointer] of refused) {
      const { status, json } = await api.patch(path, body);
      expect([status, json.errors[0].pointer]).toEqual([400, pointer]);
    }
  });

  it('write nothing where nothing changes', async () => {
    const before = await api.get(path);
    expect((await api.patch(path, { name: before.json.name, test_key: {} })).json).toEqual(before.json);
    expect((await api.patch(path, {})).json).toEqual(before.json);
  });

  it('lose neither of two changes at once', async () => {
    for (let i = 0; i < 5; i++) {
      const days = 100 + i;
      await Promise.all([
        api.patch(path, { test_key: { days } }),
        api.patch(path, { support_url: `https://help.example/${i}` }),
        api.patch(path, { new_products: { claim_on: i % 2 === 0 ? 'feed' : 'download' } }),
      ]);
      expect((await api.get(path)).json).toMatchObject({
        ...{ support_url: `https://help.example/${i}`, test_key: { days } },
        new_products: { claim_on: i % 2 === 0 ? 'feed' : 'download' },
      });
    }
  });

  it.each<[string, object, string[]]>([
    ['a prefix of another form', { key_prefix: 'fg1' }, ['/key_prefix']],
    [
      'addresses that no browser opens',
      { renew_url: 'javascript:alert(1)', support_url: 'x' },
      ['/support_url', '/renew_url'],
    ],
    ['fields that are not known', { slug: 'x', test_key: { hours: 1 } }, ['/test_key/hours', '/slug']],
    ['numbers out of bounds', { test_key: { days: 0, sites: -1 } }, ['/test_key/days', '/test_key/sites']],
    [
      'a channel that there is not',
      { new_products: { open_channels: ['stable', 'gold'] } },
      ['/new_products/open_channels/1'],
    ],
    [
      'words for null',
      { new_products: { mode: 'free', platforms: ['wordpress'] } },
      ['/new_products/platforms/0', '/new_products/mode'],
    ],
  ])('refuse %s', async (_, body, pointers) => {
    const before = (await api.get(path)).json;
    const { status, json } = await api.patch(path, body);
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([...pointers].sort());
    expect((await api.get(path)).json).toEqual(before);
  });

  it('take a package of their own for test keys, one that can be given alone and is sold', async () => {
    const { db } = database();
    const stranger = await seedShop(db);
    const foreign = await seedPackage(db, stranger.organization);
    const addon = await seedPackage(db, shop.organization, { kind: 'addon' });
    const master = await seedPackage(db, shop.organization, { kind: 'master' });
    for (const { id } of [foreign, addon, master, { id: 'pkg_nothing' }]) {
      const { status, json } = await api.patch(path, { test_key: { package_id: id } });
      expect([status, json.errors?.[0]?.pointer]).toEqual([400, '/test_key/package_id']);
    }
  });

  it('are changed by their own owner only', async () => {
    const stranger = await seedShop(database().db);
    const theirs = await api.token({ organizationId: stranger.organization.id });
    expect((await api.as(theirs).patch(path, { name: 'x' })).status).toBe(404);
    const reader = await api.token({ organizationId: shop.organization.id, scopes: ['licenses:write'] });
    expect((await api.as(reader).patch(path, { name: 'x' })).json.code).toBe('FORBIDDEN');
  });

  it('make new keys under a new prefix, and go on reading the old ones as theirs', async () => {
    const { db } = database();
    const other = await seedShop(db);
    const oldKey = newKeyText('FG1');
    await api.patch(path, { key_prefix: 'ACME1' });
    const { json } = await api.patch(path, { key_prefix: 'ACME2' });
    expect(json).toMatchObject({ key_prefix: 'ACME2', former_key_prefixes: ['FG1', 'ACME1'] });
    const known = await db.read(prefixesInUse);
    expect(known).toEqual(expect.arrayContaining(['FG1', 'ACME1', 'ACME2']));
    for (const text of [oldKey, newKeyText('ACME1'), newKeyText('ACME2')])
      expect(parseKeyText(text.toLowerCase().replaceAll('-', ' '), known)).toEqual({ kind: 'ours', text });
    const sold = await seedSoldLicense(db, shop, {});
    const made = await api.post(`/licenses/${sold.license.id}/keys`, {});
    expect(made.json.hint ?? made.json.key.hint).toMatch(/^ACME2…/);
    expect((await api.patch(path, { key_prefix: 'FG1' })).json.former_key_prefixes).toEqual(['ACME1', 'ACME2']);
    expect((await api.get(`/organizations/${other.organization.slug}`)).json.key_prefix).toBe('FG1');
  });

  it('share a prefix with others, but wear none that reads like it', async () => {
    const other = await seedShop(database().db);
    const theirs = `/organizations/${other.organization.slug}`;
    expect((await api.patch(theirs, { key_prefix: 'ACME1' })).status).toBe(200);
    await api.patch(theirs, { key_prefix: 'FGI1' });
    const { status, json } = await api.patch(path, { key_prefix: 'FGL1' });
    expect([status, json.errors]).toEqual([
      400,
      [{ pointer: '/key_prefix', detail: 'a key prefix must not look like FGI1, which is in use here' }],
    ]);
  });

  it('lead to their own shop where a product names none', async () => {
    const { db } = database();
    const revision = async () => (await db.read((tx) => findProduct(tx, shop.product.id)))?.revision ?? 0;
    const before = await revision();
    await api.patch(path, { renew_url: 'https://shop.example/acme' });
    expect(await revision()).toBe(before + 1);
    const sold = await seedSoldLicense(db, shop, { given: SEED_NOW - 2 * DAY });
    const ask = { key: sold.key.text, product: shop.path };
    const validated = async () => (await api.post('/licenses/validate', ask)).json;
    expect(await validated()).toMatchObject({ valid: true, renew_url: 'https://shop.example/acme' });
    await api.patch(`/products/${shop.product.id}`, { settings: { renew_url: 'https://shop.example/hello' } });
    expect(await validated()).toMatchObject({ renew_url: 'https://shop.example/hello' });
  });
});
