import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toIso } from '../../src/clock.ts';
import { PaymentTrouble } from '../../src/errors.ts';
import { newId } from '../../src/ids.ts';
import { openAccount } from '../../src/payments/accounts.ts';
import type { GatewayAccount } from '../../src/payments/gateway.ts';
import { shopGateway } from '../../src/payments/shop/driver.ts';
import { findAccount } from '../../src/payments/store-accounts.ts';
import { insertOrder } from '../../src/payments/store-orders.ts';
import { type ApiServer, type Caller, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { playGateway } from '../support/played-gateway.ts';
import { SEED_NOW, type Shop, seedPackage, seedShop } from '../support/seed.ts';

const KEY = 'sk_test_51Abcdefghijklmnopqrs';
const NEW_KEY = 'sk_test_51Zyxwvutsrqponmlkjih';
const FIRST = 'whsec_firstfirstfirstfirst01';
const SECOND = 'whsec_secondsecondsecond0002';

onEachDatabase('payment accounts', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let owner: Caller;
  let list: string;
  /** What the provider answers to a check and to the wish for a webhook. */
  let answers: {
    check(account: GatewayAccount, hookUrl: string): Promise<{ externalId: string | null; findings: [] }>;
    secret: string | null;
  };
  /** What it was asked with. */
  const asked: { account: GatewayAccount; hookUrl: string }[] = [];
  const stripe = playGateway('stripe');

  beforeAll(async () => {
    Object.assign(stripe, {
      credentials: z.object({ secret_key: z.string().regex(/^[sr]k_/, 'must begin with sk_ or rk_') }),
      modeOf: ({ secret_key: key }: Record<string, string>) => (key?.includes('_live_') ? 'live' : 'test'),
      check: (account: GatewayAccount, hookUrl: string) => answers.check(account, hookUrl),
      async registerHook(account: GatewayAccount, hookUrl: string) {
        asked.push({ account, hookUrl });
        return { hookId: 'we_1', secret: answers.secret };
      },
    });
    api = await startApi(database(), { gateways: { stripe, shop: shopGateway } });
  });
  beforeEach(async () => {
    shop = await seedShop(database().db);
    owner = api.as(await api.token({ organizationId: shop.organization.id }));
    list = `/organizations/${shop.organization.slug}/payments/accounts`;
    asked.length = 0;
    answers = { secret: SECOND, check: async () => ({ externalId: 'acct_1', findings: [] }) };
  });
  afterAll(() => api.close());

  const connect = (change: object = {}) =>
    owner.post(list, {
      ...{ provider: 'stripe', mode: 'test', credentials: { secret_key: KEY }, hook_secrets: [FIRST], ...change },
    });
  const opened = async (id: string) => {
    const account = await database().db.read((tx) => findAccount(tx, id));
    if (!account) throw new Error('it is gone');
    return openAccount(api.core.payments, account);
  };
  /** All that could be seen from outside, or stands in a table. */
  async function everything(): Promise<string> {
    const { db } = database();
    const tables = ['payment_accounts', 'audit_events', 'idempotency_replies', 'webhook_events'];
    const rows = await db.read(async (tx) => {
      const all = [];
      for (const table of tables) if (await tx.schema.hasTable(table)) all.push(await tx(table).select());
      return all;
    });
    return JSON.stringify([rows, api.lines]);
  }

  it('are connected, and never show a secret again: not in answers, rows, audit, replies or logs', async () => {
    const sent = { 'Idempotency-Key': newId('job') };
    const body = { provider: 'stripe', mode: 'test', credentials: { secret_key: KEY }, hook_secrets: [FIRST] };
    const made = await owner.post(list, { ...body, settings: { invoices: true } }, { headers: sent });
    expect(made.status).toBe(201);
    expect(made.json).toEqual({
      ...{
        id: expect.stringMatching(/^pac_/),
        organization_id: shop.organization.id,
        provider: 'stripe',
        mode: 'test',
      },
      ...{ source: 'api', active: true, external_id: null, hook_id: null, hook_secret: null },
      credentials: { secret_key: 'sk_…pqrs' },
      hook_url: `https://updates.example.com/api/stripe/webhook/${shop.organization.slug}`,
      hook_secrets: ['whs…st01'],
      settings: { automatic_tax: false, tax_ids: false, invoices: true, promotion_codes: false },
      ...{ checked_at: null, findings: [], reconciled_at: null, created_at: toIso(api.now()) },
      created_by: expect.stringMatching(/^tok_/),
    });
    const { hook_secret: _, ...shown } = made.json;
    expect((await owner.get(`/payments/accounts/${made.json.id}`)).json).toEqual(shown);
    expect((await owner.get(list)).json).toMatchObject({ items: [shown], total: 1 });
    const again = (await owner.post(list, { ...body, settings: { invoices: true } }, { headers: sent })).json;
    expect([again.id, again.credentials, again.hook_secret]).toEqual([made.json.id, { secret_key: '***' }, undefined]);

    await owner.patch(`/payments/accounts/${made.json.id}`, {
      ...{ credentials: { secret_key: NEW_KEY }, add_hook_secret: SECOND },
    });
    expect(await opened(made.json.id)).toMatchObject({
      ...{ credentials: { secret_key: NEW_KEY }, hookSecrets: [SECOND, FIRST] },
    });
    const { items } = (await owner.get(`/audit/${made.json.id}`)).json;
    expect(items.map(({ action, changes }: { action: string; changes: object }) => [action, changes])).toEqual(
      expect.arrayContaining([
        ['payment_account.connect', { provider: 'stripe', mode: 'test', source: 'api', hook_secrets: 1 }],
        ['payment_account.change', { credentials: 'secret_key', hook_secrets: { from: 1, to: 2 } }],
      ]),
    );
    const seen = await everything();
    for (const secret of [KEY, NEW_KEY, FIRST, SECOND]) expect(seen).not.toContain(secret.slice(4));
  });

  it('case 44: a new webhook secret counts beside the old one until that is dropped', async () => {
    const { json } = await owner.post(list, { provider: 'shop', mode: 'test', credentials: {} });
    const old = json.hook_secret as string;
    const path = `/payments/accounts/${json.id}`;
    const fresh = (await owner.post(`${path}/hook`, {})).json.hook_secret as string;
    expect([old, fresh]).toEqual([expect.stringMatching(/^whsec_/), expect.stringMatching(/^whsec_/)]);
    expect(fresh).not.toBe(old);
    const verdictOf = async (secret: string) => {
      const at = new Date(SEED_NOW);
      const headers = {
        ...{ 'webhook-id': 'evt_1', 'webhook-timestamp': String(SEED_NOW / 1_000) },
        'webhook-signature': new Webhook(secret).sign('evt_1', at, '{}'),
      };
      return (await shopGateway.verify(Buffer.from('{}'), headers, await opened(json.id), SEED_NOW)).ok;
    };
    expect([await verdictOf(old), await verdictOf(fresh)]).toEqual([true, true]);
    expect((await owner.patch(path, { drop_old_hook_secrets: true })).json.hook_secrets).toHaveLength(1);
    expect([await verdictOf(old), await verdictOf(fresh)]).toEqual([false, true]);
    expect((await owner.get(path)).text).not.toContain(fresh.slice(6));
  });

  it('keep a limited number of webhook secrets', async () => {
    const { id } = (await connect()).json;
    for (const n of [1, 2, 3, 4])
      expect((await owner.patch(`/payments/accounts/${id}`, { add_hook_secret: `whsec_${n}` })).status).toBe(200);
    const more = await owner.patch(`/payments/accounts/${id}`, { add_hook_secret: 'whsec_5' });
    expect([more.status, more.json.errors[0].pointer]).toEqual([400, '/add_hook_secret']);
    const only = await owner.patch(`/payments/accounts/${id}`, {
      add_hook_secret: 'whsec_5',
      drop_old_hook_secrets: true,
    });
    expect([only.status, (await opened(id)).hookSecrets]).toEqual([200, ['whsec_5']]);
  });

  it('are not made a webhook that would have one secret too many', async () => {
    const { id } = (await owner.post(list, { provider: 'shop', mode: 'test', credentials: {} })).json;
    const path = `/payments/accounts/${id}`;
    for (const _ of [2, 3, 4, 5]) expect((await owner.post(`${path}/hook`, {})).status).toBe(200);
    const more = await owner.post(`${path}/hook`, {});
    expect([more.status, more.json.code]).toEqual([409, 'STILL_IN_USE']);
    expect((await owner.patch(path, { credentials: {} })).status).toBe(200);
    await owner.patch(path, { drop_old_hook_secrets: true });
    expect((await owner.post(`${path}/hook`, {})).json.hook_secrets).toHaveLength(2);
  });

  it('are changed part by part', async () => {
    const { id } = (await connect({ settings: { tax_ids: true } })).json;
    const path = `/payments/accounts/${id}`;
    const on = await owner.patch(path, { settings: { promotion_codes: true }, hook_id: 'we_9' });
    expect(on.json).toMatchObject({
      hook_id: 'we_9',
      settings: { tax_ids: true, promotion_codes: true, invoices: false },
    });
    expect((await owner.patch(path, { active: false })).json).toMatchObject({ active: false, hook_id: 'we_9' });
    expect((await opened(id)).credentials).toEqual({ secret_key: KEY });
  });

  describe('are refused', () => {
    it.each([
      [
        'a key of the other mode',
        { mode: 'live' },
        '/credentials',
        'are of test mode, and the account is for live mode',
      ],
      [
        'a live key in test mode',
        { credentials: { secret_key: 'rk_live_12345678' } },
        '/credentials',
        'are of live mode',
      ],
      ['another kind of key', { credentials: { secret_key: 'pk_test_1' } }, '/credentials/secret_key', 'sk_ or rk_'],
      ['a key with a newline', { credentials: { secret_key: `${KEY}\n` } }, '/credentials/secret_key', 'one word'],
      ['no key', { credentials: {} }, '/credentials/secret_key', 'is missing'],
      ['more than is asked for', { credentials: { secret_key: KEY, pin: '1' } }, '/credentials/pin', 'nothing that'],
      ['a webhook secret with a newline', { hook_secrets: ['whsec_a\nb'] }, '/hook_secrets/0', 'one word'],
      ['an unknown provider', { provider: 'toString' }, '/provider', 'is one of stripe, shop'],
      ['an empty webhook secret', { hook_secrets: [''] }, '/hook_secrets/0', ''],
      ['a mistyped field', { secret: KEY }, '/secret', ''],
    ])('with %s', async (_what, change, pointer, words) => {
      const { status, json, text } = await connect(change);
      expect([status, json.code, json.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', pointer]);
      expect(json.errors[0].detail).toContain(words);
      expect(text).not.toContain(KEY);
      expect((await owner.get(list)).json.total).toBe(0);
    });

    it('twice for one provider and mode, also at once', async () => {
      const all = await Promise.all([connect(), connect(), connect()]);
      expect(all.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      expect((await connect({ mode: 'live', credentials: { secret_key: 'sk_live_1' } })).status).toBe(201);
    });

    it('to whoever is of another organization, or may not administer this one', async () => {
      const { id } = (await connect()).json;
      const other = await seedShop(database().db);
      const stranger = api.as(await api.token({ organizationId: other.organization.id }));
      const clerk = api.as(await api.token({ organizationId: shop.organization.id, scopes: ['licenses:write'] }));
      for (const [method, path, body] of [
        ['get', list],
        ['get', `/payments/accounts/${id}`],
        ['patch', `/payments/accounts/${id}`, { active: false }],
        ['delete', `/payments/accounts/${id}`],
        ['post', `/payments/accounts/${id}/check`, {}],
        ['post', `/payments/accounts/${id}/hook`, {}],
      ] as const) {
        expect((await stranger[method](path, body as never)).status).toBe(404);
        expect((await clerk[method](path, body as never)).status).toBe(403);
      }
      expect((await owner.get(`/payments/accounts/${shop.product.id}`)).json.code).toBe('WRONG_ID_KIND');
    });
  });

  describe('are removed', () => {
    it('with what was told through them, as long as nothing was ordered', async () => {
      const { id } = (await connect()).json;
      expect((await owner.delete(`/payments/accounts/${id}`)).status).toBe(204);
      expect((await owner.get(`/payments/accounts/${id}`)).status).toBe(404);
      expect((await connect()).status).toBe(201);
    });

    it('never once something was', async () => {
      const { id } = (await connect()).json;
      const { id: packageId, version } = await seedPackage(database().db, shop.organization);
      await database().db.tx((tx) => insertOrder(tx, ...orderThrough(id, shop, packageId, version)));
      const kept = await owner.delete(`/payments/accounts/${id}`);
      expect([kept.status, kept.json.code]).toEqual([409, 'STILL_IN_USE']);
      expect((await owner.patch(`/payments/accounts/${id}`, { active: false })).status).toBe(200);
    });
  });

  describe('are checked', () => {
    const check = async () => {
      const { id } = (await connect()).json;
      return (await owner.post(`/payments/accounts/${id}/check`, {})).json;
    };

    it('at the provider, and what was found is kept', async () => {
      const json = await check();
      expect(json).toMatchObject({ external_id: 'acct_1', checked_at: toIso(api.now()), findings: [] });
      expect((await owner.get(`/payments/accounts/${json.id}`)).json).toEqual(json);
    });

    it('with their prices', async () => {
      const price = { provider: 'stripe', external_id: `price_${shop.organization.slug}`, code: 'pro' };
      const body = { name: 'Pro', duration: null, sites: 1, prices: [price] };
      await owner.post(`/organizations/${shop.organization.slug}/packages`, body);
      expect((await check()).findings).toMatchObject([{ severity: 'error', code: 'PRICE_GONE' }]);
    });

    it('and a provider that does not answer, or refuses the key, is a finding', async () => {
      answers.check = () => Promise.reject(new PaymentTrouble('unauthorized', 'the key is not taken'));
      expect((await check()).findings).toEqual([
        {
          ...{ severity: 'error', code: 'PROVIDER_UNAUTHORIZED', detail: 'the key is not taken' },
          fix: 'Hand over credentials that the provider takes.',
        },
      ]);
    });

    it('for being those of the account that sold what was sold', async () => {
      const first = await check();
      const { id: packageId, version } = await seedPackage(database().db, shop.organization);
      await database().db.tx((tx) => insertOrder(tx, ...orderThrough(first.id, shop, packageId, version)));
      answers.check = async () => ({ externalId: 'acct_2', findings: [] });
      const again = (await owner.post(`/payments/accounts/${first.id}/check`, {})).json;
      expect(again).toMatchObject({ external_id: 'acct_1', findings: [{ severity: 'error', code: 'OTHER_ACCOUNT' }] });
    });
  });

  describe('get their webhook made', () => {
    it('and keep its secret, which nobody is shown, beside an earlier one', async () => {
      const { id } = (await connect()).json;
      const made = await owner.post(`/payments/accounts/${id}/hook`, {});
      expect([made.status, made.json.hook_id, made.json.hook_secret]).toEqual([200, 'we_1', null]);
      expect(asked[0]).toMatchObject({ hookUrl: made.json.hook_url, account: { credentials: { secret_key: KEY } } });
      expect((await opened(id)).hookSecrets).toEqual([SECOND, FIRST]);
      answers.secret = null;
      await owner.post(`/payments/accounts/${id}/hook`, {});
      expect((await opened(id)).hookSecrets).toEqual([SECOND, FIRST]);
      expect(await everything()).not.toContain(SECOND.slice(6));
    });

    it('unless there is none to make', async () => {
      const bare = { ...stripe, registerHook: null };
      const server = await startApi(database(), { gateways: { stripe: bare } });
      const { id } = (await connect()).json;
      const refused = await server.post(`/payments/accounts/${id}/hook`, {});
      await server.close();
      expect([refused.status, refused.json.code]).toEqual([409, 'NOT_SUPPORTED']);
    });
  });
});

function orderThrough(
  accountId: string,
  { organization }: Shop,
  packageId: string,
  packageVersion: number,
): [Parameters<typeof insertOrder>[1], Parameters<typeof insertOrder>[2]] {
  const id = newId('order');
  const at = toIso(SEED_NOW);
  return [
    {
      ...{ id, organizationId: organization.id, accountId, provider: 'stripe', mode: 'test', state: 'open' },
      ...{ customerId: null, email: 'ada@example.com', name: 'Ada', language: 'en', currency: 'EUR', subtotalMinor: 1 },
      ...{ externalId: null, externalUrl: null, externalCustomerId: null, attempt: 1, expiresAt: null },
      ...{
        successUrl: null,
        cancelUrl: null,
        consent: {},
        trouble: '',
        paidAt: null,
        createdAt: at,
        createdBy: 'test',
      },
    },
    [
      {
        ...{ orderId: id, line: '1', packageId, packageVersion, priceCode: 'a', priceExternalId: 'p', quantity: 1 },
        ...{ unitMinor: 1, lengthValue: null, lengthUnit: null, recurring: false, kind: 'new', licenseId: null },
      },
    ],
  ];
}
