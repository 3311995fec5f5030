import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { DAY, toIso } from '../../src/clock.ts';
import { makeBatch } from '../../src/licensing/batches.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedCustomer,
  seedPackage,
  seedRepository,
  seedSecrets,
  seedShop,
} from '../support/seed.ts';

onEachDatabase('keys made in advance, and test keys', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    base = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  const count = async (table: string) =>
    Number((await database().db.read((tx) => tx(table).count('id as n').first()))?.['n']);
  const linesOf = (text: string) => text.trim().split('\r\n');

  it('makes keys with a license each, gives them again, and makes none twice', async () => {
    const sold = await seedPackage(database().db, shop.organization, { terms: { sites: 3 } });
    const body = { name: '=doli 1', package_id: sold.id, count: 3, label: '+x', quantity: 2 };
    const made = await api.post(`${base}/license-keys/batch`, body);
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: '=doli 1', count: 3, made: 3, package_id: sold.id });
    expect(new Set(made.json.keys.map(({ license_id }: { license_id: string }) => license_id)).size).toBe(3);
    const before = await count('licenses');
    const again = await api.post(`${base}/license-keys/batch`, body);
    expect(again.json).toEqual(made.json);
    expect(await count('licenses')).toBe(before);
    const other = await api.post(`${base}/license-keys/batch`, { ...body, count: 4 });
    expect([other.status, other.json.code, other.json.errors[0].pointer]).toEqual([409, 'ALREADY_EXISTS', '/name']);

    const [first] = made.json.keys;
    const license = (await api.get(`/licenses/${first.license_id}`)).json;
    expect(license).toMatchObject({
      customer: { name: 'Unsold stock', kind: 'reseller' },
      status: 'active',
      valid_until: first.valid_until,
      limits: { sites: { max: 6 } },
    });
    const valid = await api.post('/licenses/validate', { key: first.key, product: shop.product.id });
    expect([valid.json.valid, valid.json.code]).toEqual([true, 'VALID']);
    const key = (await api.get(`/keys/${first.key_id}`)).json;
    expect(key).toMatchObject({ label: '+x', batch_id: made.json.id, purpose: 'commercial', key_status: 'active' });
    const found = (await api.get(`${base}/licenses?package_id=${sold.id}`)).json;
    expect(found.total).toBe(3);
    expect(
      await database().db.read((tx) => tx('audit_events').where({ entity_id: first.key_id }).pluck('action')),
    ).toEqual(['key.create']);
  });

  it('gives them as CSV to who may see keys, without formulas, and remembers it', async () => {
    const sold = await seedPackage(database().db, shop.organization);
    await database().db.tx((tx) => tx('packages').where({ id: sold.id }).update({ name: '=HYPERLINK("x")' }));
    const made = await api.post(`${base}/license-keys/batch`, { package_id: sold.id, count: 2 });
    const csv = await api.get(`/batches/${made.json.id}/keys`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head, ...rows] = linesOf(csv.text);
    expect(head).toBe('key,key_id,license_id,package,valid_until,key_status');
    expect(rows).toHaveLength(2);
    const { key, key_id, license_id, valid_until } = made.json.keys[0];
    expect(rows[0]).toBe(`${key},${key_id},${license_id},"'=HYPERLINK(""x"")",${valid_until},active`);
    const reader = api.as(await api.token({ scopes: ['licenses:read'] }));
    expect((await reader.get(`/batches/${made.json.id}/keys`)).status).toBe(403);
    expect((await reader.get(`/batches/${made.json.id}`)).json).toMatchObject({ made: 2, name: made.json.id });
    expect((await reader.get(`${base}/batches`)).json.items[0].id).toBe(made.json.id);
    const shown = await database().db.read((tx) =>
      tx('audit_events').where({ entity_id: made.json.id }).pluck('action'),
    );
    expect(shown).toEqual(['batch.create', 'batch.show']);
    expect(api.lines.join('')).not.toContain(key);
  });

  it('makes one batch for one Idempotency-Key, also when it is sent at once, and keeps no key in the reply', async () => {
    const sold = await seedPackage(database().db, shop.organization);
    const headers = { 'Idempotency-Key': 'stock-7' };
    const body = { package_id: sold.id, count: 4 };
    const first = await api.post(`${base}/license-keys/batch`, body, { headers });
    const kept = await api.post(`${base}/license-keys/batch`, body, { headers });
    expect([kept.headers.get('idempotent-replayed'), kept.json]).toEqual(['true', first.json]);
    await api.forgetReplies();
    expect((await api.post(`${base}/license-keys/batch`, body, { headers })).json.id).toBe(first.json.id);
    const replies = await database().db.read((tx) => tx('idempotency_keys').select('response'));
    expect(JSON.stringify(replies)).not.toContain(first.json.keys[0].key);
    const named = { ...body, name: 'at once' };
    const both = await Promise.all([1, 2, 3].map(() => api.post(`${base}/license-keys/batch`, named)));
    expect(new Set(both.map(({ json }) => json.id)).size).toBe(1);
    expect(both.map(({ json }) => json.keys.length)).toEqual([4, 4, 4]);
  });

  it('goes on where it was stopped, and brings back nothing that was deleted', async () => {
    const { db } = database();
    const sold = await seedPackage(db, shop.organization);
    const level = { organization: shop.organization, repository: null };
    const wish = {
      ...{ name: 'big', packageId: sold.id, count: 600, quantity: 1, customerId: null, label: '' },
      ...({ purpose: 'commercial', source: 'admin' } as const),
    };
    const by = { actor: CLI_ACTOR, requestId: null, now: SEED_NOW };
    const deps = { db, secrets: seedSecrets };
    const stopped = makeBatch(deps, level, wish, by, (made) => {
      if (made >= 250) throw new Error('killed');
    });
    await expect(stopped).rejects.toThrow('killed');
    const progress: number[] = [];
    const batch = await makeBatch(deps, level, wish, by, (made) => progress.push(made));
    expect([batch.made, progress]).toEqual([600, [500, 600]]);
    const keys = () => db.read((tx) => tx('license_keys').where({ batch_id: batch.id }).pluck('id'));
    const [gone] = await keys();
    expect((await api.delete(`/keys/${gone}`)).status).toBe(204);
    await makeBatch(deps, level, wish, by);
    expect(await keys()).toHaveLength(599);
  });

  it('refuses what cannot be made in advance', async () => {
    const { db } = database();
    const sold = await seedPackage(db, shop.organization);
    const send = async (change: object) => {
      const { status, json } = await api.post(`${base}/license-keys/batch`, {
        package_id: sold.id,
        count: 1,
        ...change,
      });
      return [status, json.code];
    };
    const addon = await seedPackage(db, shop.organization, { kind: 'addon' });
    const trial = await seedPackage(db, shop.organization, { kind: 'trial' });
    const inactive = await seedPackage(db, shop.organization, { active: false });
    const stranger = await seedCustomer(db, (await seedShop(db)).organization);
    expect(await send({ count: 0 })).toEqual([400, 'INVALID_REQUEST']);
    expect(await send({ count: 1_001 })).toEqual([400, 'INVALID_REQUEST']);
    expect(await send({ package_id: addon.id })).toEqual([422, 'ADDON_NEEDS_LICENSE']);
    expect(await send({ package_id: trial.id })).toEqual([409, 'TRIAL_USED']);
    expect(await send({ package_id: inactive.id })).toEqual([409, 'PACKAGE_INACTIVE']);
    expect(await send({ customer_id: stranger.id })).toEqual([404, 'NOT_FOUND']);
    const own = await seedCustomer(db, shop.organization, { kind: 'reseller' });
    expect(await send({ customer_id: own.id })).toEqual([201, undefined]);
    const repos = `/repos/${shop.organization.slug}/${shop.repository.name}`;
    const wrong = await api.post(`${repos}/license-keys/batch`, { package_id: sold.id, count: 1 });
    expect([wrong.status, wrong.json.code]).toEqual([422, 'PACKAGE_NOT_OF_REPOSITORY']);
  });

  it('makes a test key in one call, as the organization has it', async () => {
    const { db } = database();
    const other = await seedShop(db);
    const path = `/organizations/${other.organization.slug}/test-key`;
    const none = await api.post(path);
    expect([none.status, none.json.code]).toEqual([422, 'PACKAGE_UNCLEAR']);
    const first = await seedPackage(db, other.organization, { terms: { sites: 5 } });
    const made = await api.post(path, {});
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...{ key: expect.stringMatching(/^FG1-/), purpose: 'test', label: 'Test key', site_limit: 1, status: 'active' },
      valid_until: toIso(api.now() + 14 * DAY),
      license: { customer: { name: 'Test keys', kind: 'internal' } },
    });
    const newest = await seedPackage(db, other.organization, { terms: { sites: 2 } });
    const second = await api.post(path, { days: 3, sites: 2, label: 'for Ada', product_id: other.product.id });
    expect(second.json.grants[0]).toMatchObject({ package_id: newest.id, source: 'admin' });
    expect(second.json).toMatchObject({ site_limit: 2, valid_until: toIso(api.now() + 3 * DAY) });
    const many = await api.post(path, { sites: 3 });
    expect([many.status, many.json.code]).toEqual([422, 'LIMIT_ABOVE_LICENSE']);
    const settings = JSON.stringify({ testKey: { packageId: first.id, days: 30, sites: null } });
    await db.tx((tx) => tx('organizations').where({ id: other.organization.id }).update({ settings }));
    const usual = await api.post(path, {});
    expect(usual.json).toMatchObject({ site_limit: null, valid_until: toIso(api.now() + 30 * DAY) });
    expect(usual.json.grants[0].package_id).toBe(first.id);
    const [one, two] = [made.json.license.customer.id, usual.json.license.customer.id];
    expect(one).toBe(two);
    const stranger = await api.post(path, { product_id: shop.product.id });
    expect([stranger.status, stranger.json.errors[0].pointer]).toEqual([404, '/product_id']);
  });

  it("makes one on a repository's route of its own packages only", async () => {
    const { db } = database();
    const path = `/repos/${shop.organization.slug}/${shop.repository.name}/test-key`;
    expect((await api.post(path)).json.code).toBe('PACKAGE_UNCLEAR');
    const neighbour = await seedRepository(db, shop.organization);
    await seedPackage(db, shop.organization, { repository: neighbour });
    expect((await api.post(path)).json.code).toBe('PACKAGE_UNCLEAR');
    const mine = await seedPackage(db, shop.organization, { repository: shop.repository });
    const headers = { 'Idempotency-Key': 'try-1' };
    const made = await api.post(path, {}, { headers });
    expect(made.json.grants[0].package_id).toBe(mine.id);
    await api.forgetReplies();
    const again = await api.post(path, {}, { headers });
    expect([again.status, again.json.key]).toEqual([200, made.json.key]);
  });
});
