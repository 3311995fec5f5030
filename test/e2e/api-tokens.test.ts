import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { SCOPES, type Scope } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { auditRowsOf } from '../../src/audit/store-audit.ts';
import { DAY, HOUR, toIso } from '../../src/clock.ts';
import { isTokenText } from '../../src/licensing/license-key.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedProduct, seedSecrets, seedShop } from '../support/seed.ts';

onEachDatabase('API tokens by API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  const wish = { name: 'CI', scopes: ['licenses:read', 'releases:write'] };

  beforeAll(async () => {
    api = await startApi(database());
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    shop = await seedShop(database().db);
    base = `/organizations/${shop.organization.slug}/tokens`;
  });

  async function tokenFor(
    change: { organizationId?: string | null; productId?: string | null; scopes?: Scope[] } = {},
  ) {
    const bound = { organizationId: shop.organization.id, productId: null, scopes: [...SCOPES], ...change };
    return createToken(
      { db: database().db, secrets: seedSecrets },
      { name: 'test', expiresAt: null, ...bound },
      CLI_ACTOR,
      api.now(),
    );
  }

  it('are made with an end, shown once, listed and read without their text', async () => {
    const ends = '2026-06-30T12:00:00+02:00';
    const made = await api.post(base, { ...wish, expires_at: ends });
    expect(made.status).toBe(201);
    expect(isTokenText(made.json.token)).toBe(true);
    const { token: text, ...shown } = made.json;
    expect(shown).toMatchObject({
      ...{ name: 'CI', organization_id: shop.organization.id, product_id: null, scopes: wish.scopes, state: 'active' },
      ...{ expires_at: '2026-06-30T10:00:00.000Z', last_used_at: null, replaced_by: null, revoked_at: null },
      ...{ created_by: expect.stringMatching(/^tok_/), hint: `fgt_…${text.slice(-4)}` },
    });
    expect((await api.get(base)).json.items).toEqual([shown]);
    expect((await api.get(`/tokens/${shown.id}`)).json).toEqual(shown);
    expect((await api.as(text).get(`/organizations/${shop.organization.slug}`)).status).toBe(200);
    expect((await api.get(`/tokens/${shown.id}`)).json.last_used_at).toBe(toIso(api.now()));
    expect(api.lines.join('')).not.toContain(text);
  });

  it('are made once for an Idempotency-Key, and the repeated answer holds no text', async () => {
    const ask = { headers: { 'Idempotency-Key': `make-${shop.organization.id}` } };
    const first = await api.post(base, wish, ask);
    const again = await api.post(base, wish, ask);
    const { token: text, ...shown } = first.json;
    expect([again.status, again.json]).toEqual([201, shown]);
    const kept = await database().db.read((tx) => tx('idempotency_keys').pluck('response'));
    expect(JSON.stringify(kept)).not.toContain(text);
  });

  it.each<[string, object, string]>([
    ['an end in the past', { expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    ['the year 20000', { expires_at: '20000-01-01T00:00:00Z' }, '/expires_at'],
    ['a day without zone', { expires_at: '2027-01-01T00:00:00' }, '/expires_at'],
    ['unknown fields', { admin: true }, '/admin'],
    ['unknown scopes', { scopes: ['root'] }, '/scopes/0'],
    ['no scopes', { scopes: [] }, '/scopes'],
    ['no name', { name: ' ' }, '/name'],
  ])('refuse %s', async (_, change, pointer) => {
    const { status, json } = await api.post(base, { ...wish, ...change });
    expect([status, json.code, json.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', pointer]);
    expect((await api.get(base)).json.total).toBe(0);
  });

  describe('for one product', () => {
    it('are made by their organization or at the product, and are good for that alone', async () => {
      const { id } = shop.product;
      const other = await seedProduct(database().db, shop.organization, null);
      const made = await api.post(base, { ...wish, product_id: id, scopes: ['admin'] });
      const beside = await api.post(`/products/${id}/tokens`, wish);
      await api.post(base, wish);
      expect([made.json.product_id, beside.json.product_id]).toEqual([id, id]);
      expect((await api.get(`/products/${id}/tokens`)).json.total).toBe(2);
      expect((await api.get(base)).json.total).toBe(3);
      const bound = api.as(made.json.token);
      expect((await bound.patch(`/products/${id}`, { name: 'x' })).status).toBe(200);
      expect((await bound.patch(`/products/${other.id}`, { name: 'x' })).status).toBe(403);
    });

    it('cannot be of another organization', async () => {
      const stranger = await seedShop(database().db);
      const { status, json } = await api.post(base, { ...wish, product_id: stranger.product.id });
      expect([status, json.code]).toEqual([404, 'NOT_FOUND']);
      expect((await api.post(base, { ...wish, product_id: shop.organization.id })).json.code).toBe('WRONG_ID_KIND');
    });
  });

  describe('give no more than their maker has', () => {
    it('a token of a product makes tokens of that product only', async () => {
      const other = await seedProduct(database().db, shop.organization, null);
      const bound = api.as((await tokenFor({ productId: shop.product.id })).text);
      const whole = (await tokenFor()).token;
      const elsewhere = (await tokenFor({ productId: other.id })).token;
      expect((await bound.post(base, wish)).status).toBe(403);
      expect((await bound.post(base, { ...wish, product_id: shop.product.id })).status).toBe(403);
      expect((await bound.get(base)).status).toBe(403);
      expect((await bound.post(`/products/${other.id}/tokens`, wish)).status).toBe(403);
      for (const { id } of [whole, elsewhere]) {
        expect((await bound.get(`/tokens/${id}`)).status).toBe(403);
        expect((await bound.post(`/tokens/${id}/rotate`, {})).status).toBe(403);
        expect((await bound.post(`/tokens/${id}/revoke`)).status).toBe(403);
      }
      const made = await bound.post(`/products/${shop.product.id}/tokens`, wish);
      expect([made.status, made.json.product_id]).toEqual([201, shop.product.id]);
    });

    it('a token of an organization sees and makes none of others, nor one that is good for all', async () => {
      const mine = api.as((await tokenFor()).text);
      const stranger = await seedShop(database().db);
      const theirs = (await tokenFor({ organizationId: stranger.organization.id })).token;
      const all = (await tokenFor({ organizationId: null })).token;
      expect((await mine.post(`/organizations/${stranger.organization.slug}/tokens`, wish)).status).toBe(404);
      expect((await mine.post(`/products/${stranger.product.id}/tokens`, wish)).status).toBe(404);
      for (const { id } of [theirs, all]) {
        for (const answer of [
          await mine.get(`/tokens/${id}`),
          await mine.post(`/tokens/${id}/rotate`, {}),
          await mine.post(`/tokens/${id}/revoke`),
        ])
          expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
        expect((await api.get(`/tokens/${id}`)).json.state).toBe('active');
      }
    });

    it.each(SCOPES.filter((scope) => scope !== 'admin'))('a token with %s makes none', async (scope) => {
      const caller = api.as((await tokenFor({ scopes: [scope] })).text);
      const { token } = await tokenFor();
      for (const answer of [
        await caller.post(base, { ...wish, scopes: [scope] }),
        await caller.get(base),
        await caller.get(`/tokens/${token.id}`),
        await caller.post(`/tokens/${token.id}/rotate`, {}),
        await caller.post(`/tokens/${token.id}/revoke`),
      ])
        expect([answer.status, answer.json.code]).toEqual([403, 'FORBIDDEN']);
    });

    it('and so does the verb, for whoever calls it', async () => {
      const actor = {
        ...{
          kind: 'token' as const,
          id: 'tok_1',
          organizations: [shop.organization.id],
          repositoryIds: null,
          productId: null,
        },
        ...{ scopes: new Set<Scope>(['licenses:read']), role: 'admin' as const },
      };
      const deps = { db: database().db, secrets: seedSecrets };
      const plain = { name: 'x', organizationId: shop.organization.id, expiresAt: null };
      await expect(createToken(deps, { ...plain, scopes: ['admin'] }, actor, SEED_NOW)).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      const unbound = { ...plain, organizationId: null, scopes: ['licenses:read' as const] };
      await expect(createToken(deps, unbound, actor, SEED_NOW)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });
  });

  describe('are replaced', () => {
    it('with an overlap, by themselves too', async () => {
      const { token, text } = await tokenFor();
      const made = await api.as(text).post(`/tokens/${token.id}/rotate`, { overlap_hours: 48 });
      expect([made.status, made.json.scopes, made.json.expires_at]).toEqual([201, [...SCOPES].sort(), null]);
      expect((await api.get(`/tokens/${token.id}`)).json).toMatchObject({
        ...{ replaced_by: made.json.id, state: 'active', expires_at: toIso(api.now() + 48 * HOUR) },
      });
      for (const each of [text, made.json.token]) expect((await api.as(each).get(base)).status).toBe(200);
      const [event] = await database().db.read((tx) => auditRowsOf(tx, token.id, 1));
      expect(event).toMatchObject({ action: 'token.rotate', actor: token.id });
      expect(JSON.stringify(event)).not.toContain(made.json.token);
    });

    it('after a day where nothing is said, at once where 0 is', async () => {
      const [one, two] = [await tokenFor(), await tokenFor()];
      await api.post(`/tokens/${one.token.id}/rotate`, {});
      expect((await api.get(`/tokens/${one.token.id}`)).json.expires_at).toBe(toIso(api.now() + DAY));
      await api.post(`/tokens/${two.token.id}/rotate`, { overlap_hours: 0 });
      expect((await api.as(two.text).get(base)).status).toBe(401);
    });

    it('by one that says its end, where the old one had one', async () => {
      const made = (await api.post(base, { ...wish, expires_at: '2026-02-01T00:00:00Z' })).json;
      const refused = await api.post(`/tokens/${made.id}/rotate`, {});
      expect([refused.status, refused.json.errors[0].pointer]).toEqual([400, '/expires_at']);
      const past = await api.post(`/tokens/${made.id}/rotate`, { expires_at: '2020-01-01T00:00:00Z' });
      expect(past.json.errors[0].pointer).toBe('/expires_at');
      const next = await api.post(`/tokens/${made.id}/rotate`, { expires_at: '2026-09-01T00:00:00Z' });
      expect(next.json.expires_at).toBe('2026-09-01T00:00:00.000Z');
    });

    it('once, also when two ask at once, and never after their end', async () => {
      const { token } = await tokenFor();
      const both = await Promise.all([1, 2].map(() => api.post(`/tokens/${token.id}/rotate`, {})));
      expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect(both.find(({ status }) => status === 409)?.json.code).toBe('TOKEN_ENDED');
      expect((await api.post(`/tokens/${token.id}/rotate`, { overlap_hours: 721 })).status).toBe(400);
    });
  });

  it('are revoked at once, and twice is no error', async () => {
    const { token, text } = await tokenFor();
    expect((await api.post(`/tokens/${token.id}/revoke`)).json).toMatchObject({
      state: 'revoked',
      revoked_at: toIso(api.now()),
    });
    expect((await api.post(`/tokens/${token.id}/revoke`)).status).toBe(200);
    expect((await api.as(text).get(base)).json.code).toBe('UNAUTHENTICATED');
    expect((await database().db.read((tx) => auditRowsOf(tx, token.id, 9))).length).toBe(2);
  });
});
