import { afterAll, beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { DAY, toIso } from '../../src/clock.ts';
import { ensureMaster } from '../../src/licensing/packages.ts';
import { appendUsage } from '../../src/licensing/store-usage.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedPackage, seedSecrets, seedShop, seedSite, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('keys and licenses day by day', (database) => {
  let api: ApiServer;
  let shop: Shop;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
  });
  afterAll(() => api.close());

  const told = ({ status, json }: { status: number; json: { code?: string } }) => [status, json?.code];
  const validate = (key: string) => api.post('/licenses/validate', { key, product: shop.product.id });
  const grantsOf = async (id: string) =>
    (await api.get(`/licenses/${id}/grants`)).json.items.map(({ source }: { source: string }) => source);

  it('gives a license several keys, each with what is said of it', async () => {
    const { license } = await seedSoldLicense(database().db, shop, { terms: { sites: 5 } });
    const made = await api.post(`/licenses/${license.id}/keys`, {
      ...{ label: 'agency', purpose: 'internal', domains: ['Example.com'], site_limit: 2, key: 'OLD-SHOP-4711' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...{ key: 'OLD-SHOP-4711', label: 'agency', purpose: 'internal', domains: ['example.com'], site_limit: 2 },
      ...{ ends_at: null, replaced_by: null },
    });
    const changed = await api.patch(`/keys/${made.json.id}`, { purpose: 'test', site_limit: null, label: 'x' });
    expect(changed.json).toMatchObject({ purpose: 'test', site_limit: null, label: 'x', domains: ['example.com'] });
    const many = await api.patch(`/keys/${made.json.id}`, { site_limit: 6 });
    expect([...told(many), many.json.errors[0].pointer]).toEqual([422, 'LIMIT_ABOVE_LICENSE', '/site_limit']);
    expect(told(await api.patch(`/keys/${made.json.id}`, { site_limit: 0 }))).toEqual([400, 'INVALID_REQUEST']);
    expect(told(await api.patch(`/keys/${made.json.id}`, { purpose: 'gift' }))).toEqual([400, 'INVALID_REQUEST']);
    const domains = Array.from({ length: 10_000 }, (_, i) => `a${i}.example.com`);
    expect(told(await api.patch(`/keys/${made.json.id}`, { domains }))).toEqual([400, 'INVALID_REQUEST']);
    expect(told(await api.post(`/licenses/${license.id}/keys`, { key: 'OLD-SHOP-4711' }))).toEqual([
      ...[409, 'ALREADY_EXISTS'],
    ]);
  });

  it('replaces a key once, also when it is asked for twice at once; the old one ends after its overlap', async () => {
    const { key, license } = await seedSoldLicense(database().db, shop, { terms: { sites: 1 } });
    await seedSite(database().db, license, 'one.example.com', { keyId: key.id });
    await api.patch(`/keys/${key.id}`, { label: 'mine', domains: ['one.example.com'], purpose: 'internal' });
    const answers = await Promise.all([1, 2, 3].map(() => api.post(`/keys/${key.id}/replace`, { reason: 'leaked' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    const next = answers[0]?.json;
    expect(next).toMatchObject({
      ...{ label: 'mine', domains: ['one.example.com'], purpose: 'internal', replaces: key.id },
      old_key_ends_at: toIso(api.now() + 14 * DAY),
    });
    expect((await api.get(`/licenses/${license.id}`)).json.limits.sites.used).toBe(1);
    expect((await validate(key.text)).json.valid).toBe(true);
    expect((await validate(next.key)).json.valid).toBe(true);
    expect((await api.get(`/keys/${key.id}`)).json).toMatchObject({ key_status: 'active', replaced_by: next.id });
    api.pass(15 * DAY);
    expect((await api.get(`/keys/${key.id}`)).json.key_status).toBe('ended');
    expect((await validate(key.text)).json.valid).toBe(false);
    expect((await validate(next.key)).json.valid).toBe(true);
    const revoked = await api.post(`/keys/${key.id}/revoke`, { reason: 'over' });
    expect([revoked.status, revoked.json.key_status, revoked.json.next_key_id]).toEqual([200, 'revoked', null]);
    api.pass(-15 * DAY);
    const now = await api.post(`/keys/${next.id}/replace`, { overlap_days: 0 });
    expect(now.json.old_key_ends_at).toBe(toIso(api.now()));
    expect(told(await api.post(`/keys/${next.id}/replace`, { overlap_days: 366 }))).toEqual([400, 'INVALID_REQUEST']);
    await api.post(`/keys/${now.json.id}/revoke`, {});
    expect(told(await api.post(`/keys/${now.json.id}/replace`, {}))).toEqual([409, 'KEY_ENDED']);
  });

  it('keeps one master key alive while it is replaced and revoked and sites poll', async () => {
    const { db } = database();
    const by = { actor: SYSTEM_ACTOR, requestId: null, now: SEED_NOW };
    await db.tx((tx) => ensureMaster(tx, seedSecrets, shop.organization, null, by));
    const keys = async () =>
      (await api.get(`/organizations/${shop.organization.slug}/keys?limit=200`)).json.items.filter(
        ({ role }: { role: string }) => role === 'master',
      );
    const [first] = await keys();
    expect(told(await api.delete(`/keys/${first.id}`))).toEqual([409, 'MASTER_IS_FIXED']);
    expect(told(await api.patch(`/keys/${first.id}`, { site_limit: 1 }))).toEqual([409, 'MASTER_IS_FIXED']);
    const next = (await api.post(`/keys/${first.id}/replace`, { overlap_days: 2 })).json;
    expect(next.role).toBe('master');
    // The old one has its successor: to revoke it makes no other.
    expect((await api.post(`/keys/${first.id}/revoke`, {})).json.next_key_id).toBeNull();
    const [revoked, ...polls] = await Promise.all([
      api.post(`/keys/${next.id}/revoke`, { reason: 'leaked' }),
      validate(next.key),
      validate(next.key),
    ]);
    expect(polls.map(({ status }) => status)).toEqual([200, 200]);
    expect((await validate(next.key)).json.code).toBe('KEY_REVOKED');
    const alive = (await keys()).filter(({ key_status }: { key_status: string }) => key_status === 'active');
    expect(alive.map(({ id }: { id: string }) => id)).toEqual([revoked.json.next_key_id]);
    for (const act of ['renew', 'extend', 'shorten'] as const) {
      const answer = await api.post(`/licenses/${first.license_id}/${act}`, act === 'renew' ? {} : { days: 1 });
      expect(told(answer)).toEqual([409, 'MASTER_IS_FIXED']);
    }
    expect(told(await api.delete(`/licenses/${first.license_id}`))).toEqual([409, 'MASTER_IS_FIXED']);
  });

  it('deletes a key and keeps its sites; a license only where nobody paid', async () => {
    const { db } = database();
    const { key, license, package: sold } = await seedSoldLicense(db, shop);
    const site = await seedSite(db, license, 'two.example.com', { keyId: key.id });
    expect((await api.delete(`/keys/${key.id}`)).status).toBe(204);
    expect(told(await api.get(`/keys/${key.id}`))).toEqual([404, 'NOT_FOUND']);
    const left = await db.read((tx) => tx('activations').where({ id: site.id }).first('key_id', 'released_at'));
    expect(left).toEqual({ key_id: null, released_at: null });
    const event = await db.read((tx) => tx('audit_events').where({ action: 'key.delete', entity_id: key.id }).first());
    expect(JSON.parse(event.changes)).toMatchObject({ hint: key.hint });
    expect(told(await api.delete(`/licenses/${license.id}`))).toEqual([409, 'STILL_IN_USE']);
    const buyer = { customer_name: 'Ada', customer_email: 'ada@example.com' };
    const path = `/organizations/${shop.organization.slug}/licenses`;
    const given = await api.post(path, { ...buyer, package_id: sold.id, source: 'admin' });
    const third = await seedSite(db, given.json, 'three.example.com', { keyId: given.json.key_id });
    const runs = {
      ...{ at: toIso(SEED_NOW), day: '2026-01-01', product_id: shop.product.id, key_id: given.json.key_id },
      ...{ license_id: given.json.id, site: third.host, kind: 'updates.xml', platform_version: '', code: 'VALID' },
      ...{ version: '1.0', channel: '', refused: 0 as const },
    };
    await db.tx((tx) => appendUsage(tx, [runs]));
    await rollUp(db);
    const running = async () => (await api.get(`/products/${shop.product.id}/installations`)).json.total;
    const ran = await running();
    expect((await api.delete(`/licenses/${given.json.id}`)).status).toBe(204);
    expect(await running()).toBe(ran - 1);
    expect(told(await api.get(`/licenses/${given.json.id}`))).toEqual([404, 'NOT_FOUND']);
    const mine = api.as(await api.token({ organizationId: shop.organization.id }));
    expect(told(await mine.delete(`/licenses/${license.id}`))).toEqual([403, 'FORBIDDEN']);
  });

  it('renews, extends, shortens and switches, each once for one Idempotency-Key', async () => {
    const { db } = database();
    const { license, package: sold } = await seedSoldLicense(db, shop);
    const team = await seedPackage(db, shop.organization, { terms: { sites: 5 } });
    const path = `/licenses/${license.id}`;
    const twice = async (act: string, body: object) => {
      const headers = { 'Idempotency-Key': `${act}-${license.id}` };
      const first = await api.post(`${path}/${act}`, body, { headers });
      await database().db.tx((tx) => tx('idempotency_keys').delete());
      const again = await api.post(`${path}/${act}`, body, { headers });
      expect([first.status, again.status, again.json.grant_ids]).toEqual([200, 200, first.json.grant_ids]);
      return again.json.valid_until;
    };
    expect(await twice('renew', {})).toBe('2028-01-01T12:00:00.000Z');
    expect(await twice('extend', { months: 1, reason: 'outage' })).toBe('2028-02-01T12:00:00.000Z');
    expect(await twice('shorten', { until: '2027-06-01T00:00:00Z' })).toBe('2027-06-01T00:00:00.000Z');
    expect(await twice('switch', { package_id: team.id })).toBe('2027-06-01T00:00:00.000Z');
    expect(await grantsOf(license.id)).toEqual(['purchase', 'renewal', 'admin', 'admin', 'switch']);
    expect((await api.get(path)).json.limits.sites.max).toBe(5);
    const headers = { 'Idempotency-Key': `renew-${license.id}` };
    const other = await api.post(`${path}/switch`, { package_id: sold.id }, { headers });
    expect(told(other)).toEqual([422, 'IDEMPOTENCY_KEY_CONFLICT']);
    const paid = await api.post(`${path}/renew`, { payment_ref: 'inv-9' });
    const again = await api.post(`${path}/renew`, { payment_ref: 'inv-9' });
    expect(again.json.grant_ids).toEqual(paid.json.grant_ids);
    const { license: second } = await seedSoldLicense(db, shop);
    expect(told(await api.post(`/licenses/${second.id}/renew`, { payment_ref: 'inv-9' }))).toEqual([
      ...[409, 'PAYMENT_LINE_CONFLICT'],
    ]);
    const set = await api.patch(path, { valid_until: null, notes: 'for ever' });
    expect([set.json.valid_until, set.json.notes]).toEqual([null, 'for ever']);
    expect(told(await api.post(`${path}/extend`, { days: 1 }))).toEqual([409, 'NO_END_TO_EXTEND']);
    const ended = await api.post(`${path}/shorten`, { end_now: true });
    expect(ended.json.status).toBe('expired');
  });

  it('switches once when two ask at once for the same, and one after the other for two things', async () => {
    const { db } = database();
    const { license } = await seedSoldLicense(db, shop);
    const [a, b] = [
      await seedPackage(db, shop.organization),
      await seedPackage(db, shop.organization, { terms: { sites: 9 } }),
    ];
    const path = `/licenses/${license.id}/switch`;
    const same = await Promise.all([1, 2].map(() => api.post(path, { package_id: b.id })));
    expect(same.map(({ status }) => status)).toEqual([200, 200]);
    expect(await grantsOf(license.id)).toEqual(['purchase', 'switch']);
    await Promise.all([api.post(path, { package_id: a.id }), api.post(path, { package_id: b.id, quantity: 2 })]);
    const { limits, valid_until } = (await api.get(`/licenses/${license.id}`)).json;
    expect([1, 2, 18]).toContain(limits.sites.max);
    expect(valid_until).toBe('2027-01-01T12:00:00.000Z');
  });

  it('refuses an end that is none, in words', async () => {
    const { license } = await seedSoldLicense(database().db, shop);
    const path = `/licenses/${license.id}`;
    expect(told(await api.patch(path, { valid_until: '2020-01-01T00:00:00Z' }))).toEqual([422, 'END_IN_PAST']);
    expect(told(await api.post(`${path}/extend`, { until: '2026-02-01T00:00:00Z' }))).toEqual([422, 'END_NOT_LATER']);
    expect(told(await api.post(`${path}/shorten`, { until: '2025-02-01T00:00:00Z' }))).toEqual([422, 'END_IN_PAST']);
    expect(told(await api.post(`${path}/shorten`, { until: '2030-02-01T00:00:00Z' }))).toEqual([
      422,
      'END_NOT_EARLIER',
    ]);
    for (const valid_until of ['20000-01-01T00:00:00Z', '2027-01-01T00:00:00', '2027-01-01', 'never', 7]) {
      const answer = await api.patch(path, { valid_until });
      expect([...told(answer), answer.json.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', '/valid_until']);
    }
    for (const body of [{}, { days: 1, months: 1 }, { days: 0 }, { days: -1 }, { weeks: 1 }])
      expect(told(await api.post(`${path}/extend`, body))).toEqual([400, 'INVALID_REQUEST']);
    const stranger = await seedPackage(database().db, (await seedShop(database().db)).organization);
    expect(told(await api.post(`${path}/switch`, { package_id: stranger.id }))).toEqual([404, 'NOT_FOUND']);
  });
});
