import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { DAY, toIso } from '../../src/clock.ts';
import { newKeyText } from '../../src/licensing/license-key.ts';
import { ensureMaster } from '../../src/licensing/packages.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedCustomer,
  seedLicense,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../support/seed.ts';

onEachDatabase('licenses, grants, keys, sites and usage', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    base = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  const idsOf = ({ json }: { json: { items: { id: string }[] } }) => json.items.map(({ id }) => id);
  const lastAudit = () =>
    database().db.read((tx) => tx('audit_events').orderBy('id', 'desc').first('action', 'entity_id', 'changes'));

  it('lists licenses by customer and by package', async () => {
    const { db } = database();
    const customer = await seedCustomer(db, shop.organization, { email: 'grace@example.com' });
    const one = await seedLicense(db, shop.organization, { customerId: customer.id });
    const sold = await seedSoldLicense(db, shop);
    const by = (query: string) => api.get(`${base}/licenses?${query}`);
    expect(idsOf(await by('customer_email=Grace@Example.com'))).toEqual([one.id]);
    expect(idsOf(await by(`package_id=${sold.package.id}`))).toEqual([sold.license.id]);
    expect(idsOf(await by(`package_id=${sold.package.id}&customer_email=grace@example.com`))).toEqual([]);
    const all = await by('limit=1');
    expect(all.json.items).toHaveLength(1);
    expect(all.json.total).toBeGreaterThan(1);
    const mixedUp = await by(`package_id=${one.id}`);
    expect([mixedUp.status, mixedUp.json.code]).toEqual([400, 'WRONG_ID_KIND']);
    expect((await by('nothing=x')).status).toBe(400);
  });

  it('sells a license with its first key', async () => {
    const sold = await seedPackage(database().db, shop.organization, { terms: { sites: null } });
    const body = {
      package_id: sold.id,
      customer_name: 'Ada',
      customer_email: 'a@example.com',
      payment_ref: 'invoice-1',
    };
    const headers = { 'Idempotency-Key': '"invoice-1"' };
    const made = await api.post(`${base}/licenses`, body, { headers });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ id: expect.stringMatching(/^lic_/), key: expect.stringMatching(/^FG1-/) });
    expect(made.json.limits.sites.max).toBeNull();
    const kept = await api.post(`${base}/licenses`, body, { headers });
    expect([kept.status, kept.json]).toEqual([201, made.json]);
    const again = await api.post(`${base}/licenses`, body);
    expect([again.status, again.json]).toEqual([200, made.json]);
    const other = await api.post(`${base}/licenses`, { ...body, quantity: 2 }, { headers });
    expect([other.status, other.json.code]).toEqual([422, 'IDEMPOTENCY_KEY_CONFLICT']);
    const shown = await api.get(`/licenses/${made.json.id}`);
    expect(shown.json.valid_until).toBe('2027-01-01T12:00:00.000Z');
    const { headers: found } = shown;
    const fresh = await api.get(`/licenses/${made.json.id}`, { headers: { 'If-None-Match': found.get('etag') ?? '' } });
    expect(fresh.status).toBe(304);
  });

  it('says what a license is for each product, and as a whole the best of it', async () => {
    const { db } = database();
    const two = await seedShop(db);
    const organization = `/organizations/${two.organization.slug}`;
    const short = await seedPackage(db, two.organization, { terms: { length: { value: 1, unit: 'day' } } });
    const wide = await seedPackage(db, two.organization, {
      repository: two.repository,
      terms: { sites: 3, channels: ['beta', 'stable'] },
    });
    const buyer = { customer_name: 'Ada', customer_email: 'a@example.com' };
    const { json } = await api.post(`${organization}/license-keys`, { ...buyer, package_id: short.id });
    expect(json.license.products).toHaveLength(1);
    const later = async () => (await api.get(`/licenses/${json.license_id}`)).json;
    api.pass(2 * DAY);
    expect(await later()).toMatchObject({
      status: 'expired',
      valid_until: '2026-01-02T12:00:00.000Z',
      over_limit: false,
    });
    expect((await later()).limits.sites.max).toBe(1);
    await api.post(`/licenses/${json.license_id}/grants`, { package_id: wide.id, source: 'admin' });
    expect(await later()).toMatchObject({
      status: 'active',
      products: [{ path: two.path, status: 'active', channels: ['beta', 'stable'], max_sites: 3 }],
    });
    api.pass(-2 * DAY);
  });

  it('changes notes, suspends, resumes and revokes', async () => {
    const { license } = await seedSoldLicense(database().db, shop);
    const path = `/licenses/${license.id}`;
    expect((await api.patch(path, { notes: 'calls on Mondays' })).json.notes).toBe('calls on Mondays');
    const suspended = await api.post(`${path}/suspend`);
    expect([suspended.json.status, suspended.json.suspended_at]).toEqual(['suspended', toIso(SEED_NOW)]);
    expect((await api.post(`${path}/resume`, {})).json.status).toBe('active');
    expect((await api.post(`${path}/revoke`)).json.status).toBe('revoked');
    expect(await lastAudit()).toMatchObject({ action: 'license.revoke', entity_id: license.id });
    const sold = await seedPackage(database().db, shop.organization);
    const late = await api.post(`${path}/grants`, { package_id: sold.id });
    expect([late.status, late.json.code]).toEqual([409, 'STILL_IN_USE']);
    expect((await api.patch(path, { notes: 'x', status: 'active' })).json.errors[0].pointer).toBe('/status');
  });

  it('leaves a master license alone, and gives its key a successor', async () => {
    const { db } = database();
    const other = await seedShop(db);
    await db.tx((tx) =>
      ensureMaster(tx, seedSecrets, other.organization, null, { actor: SYSTEM_ACTOR, requestId: null, now: SEED_NOW }),
    );
    const organization = `/organizations/${other.organization.slug}`;
    const [master] = (await api.get(`${organization}/licenses`)).json.items;
    expect(master).toMatchObject({ master: true, status: 'active', valid_until: null });
    expect(master.products[0].channels).toEqual(['*']);
    const refused = await api.post(`/licenses/${master.id}/suspend`);
    expect([refused.status, refused.json.code]).toEqual([409, 'MASTER_IS_FIXED']);
    const [grant] = (await api.get(`/licenses/${master.id}/grants`)).json.items;
    expect((await api.post(`/grants/${grant.id}/close`)).json.code).toBe('MASTER_IS_FIXED');
    const key = (await api.get(`${organization}/keys`)).json.items[0];
    const ends = await api.patch(`${organization}/license-keys/${key.id}`, { valid_until: '2030-01-01T00:00:00Z' });
    expect(ends.json.code).toBe('MASTER_IS_FIXED');
    const answers = await Promise.all([1, 2, 3].map(() => api.post(`/keys/${key.id}/revoke`, { reason: 'leaked' })));
    const next = answers.map(({ json }) => json.next_key_id).filter((id) => id !== null);
    expect(next).toHaveLength(1);
    expect(answers[0]?.json).toMatchObject({ key_status: 'revoked', revoke_reason: 'leaked' });
    const keys = (await api.get(`${organization}/keys`)).json.items;
    expect(keys.map(({ id, key_status }: { id: string; key_status: string }) => [id, key_status])).toEqual([
      [key.id, 'revoked'],
      [next[0], 'active'],
    ]);
  });

  it('adds, shows, binds, names, suspends and revokes keys', async () => {
    const { license } = await seedSoldLicense(database().db, shop);
    const headers = { 'Idempotency-Key': 'one more key' };
    const wish = { label: 'Shop 2', domains: ['www.Example.com'] };
    const made = await api.post(`/licenses/${license.id}/keys`, wish, { headers });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ role: 'normal', label: 'Shop 2', domains: ['example.com'], text_known: true });
    expect((await api.post(`/licenses/${license.id}/keys`, wish, { headers })).json).toEqual(made.json);
    const path = `/keys/${made.json.id}`;
    expect((await api.get(path)).json).not.toHaveProperty('key');
    expect((await api.get(`${path}/text`)).json).toEqual({ id: made.json.id, key: made.json.key });
    expect(await lastAudit()).toMatchObject({ action: 'key.show', entity_id: made.json.id });
    const changed = await api.patch(path, { label: 'Shop 3', domains: [] });
    expect([changed.json.label, changed.json.domains]).toEqual(['Shop 3', []]);
    expect((await api.post(`${path}/suspend`)).json.key_status).toBe('suspended');
    expect((await api.post(`${path}/resume`)).json.key_status).toBe('active');
    expect((await api.post(`${path}/revoke`, {})).json).toMatchObject({ key_status: 'revoked', next_key_id: null });
    expect(idsOf(await api.get(`${base}/keys?hint=${encodeURIComponent(made.json.hint)}`))).toEqual([made.json.id]);
  });

  it('takes a key of which only the hash is known, and finds it when it is typed', async () => {
    const { license } = await seedSoldLicense(database().db, shop);
    const add = (body: object) => api.post(`/licenses/${license.id}/keys`, body);
    const text = 'SOLD-ELSEWHERE-0815';
    const sha256 = createHash('sha256').update(text).digest('hex');
    const headers = { 'Idempotency-Key': 'an imported hash' };
    const made = await api.post(`/licenses/${license.id}/keys`, { sha256: sha256.toUpperCase() }, { headers });
    expect(made.json).toMatchObject({ key: null, text_known: false });
    expect(
      (await api.post(`/licenses/${license.id}/keys`, { sha256: sha256.toUpperCase() }, { headers })).json,
    ).toEqual(made.json);
    expect((await api.get(`/keys/${made.json.id}/text`)).status).toBe(404);
    const product = `${shop.organization.slug}/${shop.product.slug}`;
    const valid = await api.post('/licenses/validate', { key: ` ${text} `, product });
    expect(valid.json).toMatchObject({ valid: true, license: { id: license.id } });
    expect((await add({ key: text })).json.code).toBe('ALREADY_EXISTS');
    expect((await add({ key: 'other', sha256 })).json.errors).toMatchObject([{ pointer: '/sha256' }]);
    expect((await add({ sha256: 'abc' })).json.errors).toMatchObject([{ pointer: '/sha256' }]);
  });

  it('takes an own key once, and tells a typing error in one of ours', async () => {
    const { license } = await seedSoldLicense(database().db, shop);
    const add = (key: string) => api.post(`/licenses/${license.id}/keys`, { key });
    const own = await add('  OLD-SHOP-4711 ');
    expect([own.status, own.json.key]).toEqual([201, 'OLD-SHOP-4711']);
    const twice = await add('OLD-SHOP-4711');
    expect([twice.status, twice.json.code]).toEqual([409, 'ALREADY_EXISTS']);
    const ours = newKeyText();
    expect((await add(ours.toLowerCase())).json.key).toBe(ours);
    const typo = await add(`${newKeyText().slice(0, -2)}`);
    expect([typo.status, typo.json.code]).toEqual([400, 'KEY_MALFORMED']);
    expect(typo.text).not.toContain('FG1-');
  });

  it('shows an imported hash as a key without a text', async () => {
    const { key } = await seedSoldLicense(database().db, shop);
    await database().db.tx((tx) => tx('license_keys').where({ id: key.id }).update({ sealed: null }));
    expect((await api.get(`/keys/${key.id}`)).json.text_known).toBe(false);
    expect((await api.get(`/keys/${key.id}/text`)).status).toBe(404);
  });

  it('keeps a ledger: lines with their time, closings and reopenings', async () => {
    const { license, package: sold } = await seedSoldLicense(database().db, shop);
    const path = `/licenses/${license.id}/grants`;
    const body = { package_id: sold.id, quantity: 2, payment_ref: 'wire-1', source: 'renewal' };
    const added = await api.post(path, body);
    expect([added.status, added.json.starts_at]).toEqual([201, '2027-01-01T12:00:00.000Z']);
    expect((await api.post(path, body)).status).toBe(200);
    expect((await api.post(path, { ...body, line: '2', source: 'master' })).json.errors[0].pointer).toBe('/source');
    const list = await api.get(path);
    expect(list.json).toMatchObject({ total: 2, next_cursor: null });
    expect(list.json.items.map(({ source }: { source: string }) => source)).toEqual(['purchase', 'renewal']);
    const grant = `/grants/${added.json.id}`;
    const closed = await api.post(`${grant}/close`, { reason: 'dispute' });
    expect(closed.json).toMatchObject({
      state: 'closed',
      starts_at: null,
      closings: [{ kind: 'close', reason: 'dispute' }],
    });
    expect((await api.post(`${grant}/close`)).json.closings).toHaveLength(1);
    const reopened = await api.post(`${grant}/reopen`, { reason: 'won' });
    expect([reopened.json.state, reopened.json.closings.length]).toEqual(['open', 2]);
    const [first] = list.json.items;
    await api.post(`/grants/${first.id}/close`);
    await api.post(`${grant}/close`);
    expect((await api.get(`/licenses/${license.id}`)).json).toMatchObject({
      status: 'canceled',
      canceled_at: toIso(SEED_NOW),
    });
    const dead = await api.patch(`${base}/license-keys/${(await keyOf(license.id)).id}`, { valid_until: null });
    expect([dead.status, dead.json.code]).toEqual([409, 'NOTHING_OPEN']);
  });

  const keyOf = async (licenseId: string) => (await api.get(`${base}/keys?license_id=${licenseId}`)).json.items[0];

  it('lists and frees sites, on an ended license too', async () => {
    const { db } = database();
    const { license } = await seedSoldLicense(db, shop, { given: SEED_NOW - 400 * DAY });
    const one = await seedSite(db, license, 'one.example.com');
    const two = await seedSite(db, license, 'two.example.com');
    const spare = await seedSite(db, license, 'dev.example.com', { counted: false, exemptReason: 'staging' });
    const path = `/licenses/${license.id}`;
    const page = await api.get(`${path}/sites?limit=2`);
    expect(page.json).toMatchObject({ total: 3, items: [{ id: one.id, host: 'one.example.com', counted: true }, {}] });
    expect(idsOf(await api.get(`${path}/sites?cursor=${page.json.next_cursor}`))).toEqual([spare.id]);
    const before = (await api.get(path)).json;
    expect([before.limits.sites, before.over_limit]).toEqual([{ used: 2, exempt: 1, max: 1 }, true]);
    expect((await api.delete(`${path}/sites/${one.id}`)).status).toBe(204);
    expect((await api.delete(`${path}/sites/${one.id}`)).status).toBe(204);
    const after = (await api.get(path)).json;
    expect([after.limits.sites, after.over_limit]).toEqual([{ used: 1, exempt: 1, max: 1 }, false]);
    expect(idsOf(await api.get(`${path}/sites`))).toEqual([two.id, spare.id]);
    const other = await seedSoldLicense(db, shop);
    expect((await api.delete(`/licenses/${other.license.id}/sites/${two.id}`)).status).toBe(404);
    expect(idsOf(await api.get(`${path}/sites`))).toContain(two.id);
  });

  it('counts usage by day, rolled up or not', async () => {
    const { key } = await seedSoldLicense(database().db, shop, { terms: { sites: null } });
    const poll = (site: string) => api.post('/licenses/validate', { key: key.text, product: shop.path, site });
    await poll('one.customer-a.com');
    await rollUp(database().db);
    for (const site of ['one.customer-a.com', 'two.customer-a.com']) await poll(site);
    api.pass(DAY);
    await poll('one.customer-a.com');
    const path = `${base}/license-keys/${key.id}/usage`;
    const whole = await api.get(path);
    expect([whole.json.from, whole.json.to]).toEqual(['2025-12-04', '2026-01-02']);
    const shown = (rows: { day: string; site: string; count: number }[]) =>
      rows.map(({ day, site, count }) => [day, site, count]);
    const all = [
      ['2026-01-02', 'one.customer-a.com', 1],
      ['2026-01-01', 'one.customer-a.com', 2],
      ['2026-01-01', 'two.customer-a.com', 1],
    ];
    expect(shown(whole.json.items)).toEqual(all);
    expect(whole.json.items[0]).toMatchObject({ kind: 'validate', code: 'VALID', product_id: shop.product.id });
    const paged = [];
    let cursor = '';
    do {
      const page = await api.get(`${path}?limit=1${cursor && `&cursor=${cursor}`}`);
      paged.push(...page.json.items);
      cursor = page.json.next_cursor ?? '';
    } while (cursor !== '');
    expect(shown(paged)).toEqual(all);
    expect(shown((await api.get(`${path}?from=2026-01-02&to=2026-01-02`)).json.items)).toEqual(all.slice(0, 1));
    for (const query of ['from=2026-01-03&to=2026-01-02', 'from=2020-01-01', 'from=01.01.2026']) {
      const refused = await api.get(`${path}?${query}`);
      expect([refused.status, refused.json.errors[0].pointer]).toEqual([400, '/query/from']);
    }
    api.pass(-DAY);
  });
});
