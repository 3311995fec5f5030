import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PaymentTrouble } from '../../src/errors.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { NOTHING_FOUND, type SubscriptionFact } from '../../src/payments/facts.ts';
import { type AccountRecord, updateAccount } from '../../src/payments/store-accounts.ts';
import { type SubscriptionRecord, updateSubscription } from '../../src/payments/store-facts.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type PlayedGateway, playGateway } from '../support/played-gateway.ts';
import { type AskedOf, playSubscriptions } from '../support/played-subscriptions.ts';
import { SEED_NOW, type SeededKey, type Shop, seedPackage, seedShop, seedSoldLicense } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedSubscription } from '../support/seed-money.ts';

onEachDatabase('what is done to a subscription', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let account: AccountRecord;
  let played: PlayedGateway;
  let asked: AskedOf[];
  let subscription: SubscriptionRecord;
  let key: SeededKey;
  beforeAll(async () => {
    played = playGateway('fake');
    asked = playSubscriptions(played);
    const poor = playGateway('poor');
    api = await startApi(database(), { gateways: { fake: played, poor } });
  });
  beforeEach(async () => {
    const { db } = database();
    asked.length = 0;
    played.failure = null;
    shop = await seedShop(db);
    account = await seedAccount(db, shop.organization);
    const sold = await seedSoldLicense(db, shop);
    key = sold.key;
    subscription = await seedSubscription(db, account, { licenseId: sold.license.id });
  });
  afterAll(() => api.close());

  const post = (path: string, body: object = {}, id = subscription.id) =>
    api.post(`/subscriptions/${id}/${path}`, body);
  const saidOf = (change: Partial<SubscriptionFact>): SubscriptionFact => ({
    ...{
      externalId: subscription.externalId,
      orderId: null,
      checkoutId: null,
      state: 'active',
      providerState: 'active',
    },
    ...{ items: subscription.items, currency: 'EUR', externalCustomerId: 'cus_ext', email: null },
    ...{
      startedAt: SEED_NOW,
      periodStart: SEED_NOW,
      periodEnd: SEED_NOW + 30 * 864e5,
      cancelAt: null,
      canceledAt: null,
    },
    ...{ endedAt: null, pausedAt: null, failedAt: null, url: 'https://pay.example.com/sub' },
    ...change,
  });

  it('is done by the provider, with a key of its own for each wish, and looked at at once', async () => {
    const { externalId } = subscription;
    const cancelAt = SEED_NOW + 30 * 864e5;
    const snapshot = { ...NOTHING_FOUND, subscription: saidOf({ cancelAt }) };
    played.snapshots.set(`subscription:${externalId}`, snapshot);
    const { status, json } = await post('cancel');
    expect([status, json.id]).toEqual([200, subscription.id]);
    expect(json.cancel_at).toBe(new Date(cancelAt).toISOString());
    expect(asked).toMatchObject([{ action: 'cancel', externalId, more: { when: 'period_end' } }]);
    expect(asked[0]?.account).toMatchObject({ id: account.id, credentials: { secret: 'sk_1' } });
    for (const each of ['uncancel', 'pause', 'resume']) expect((await post(each)).status).toBe(200);
    expect((await post('cancel', { when: 'now' })).status).toBe(200);
    expect(asked.map(({ action }) => action)).toEqual(['cancel', 'uncancel', 'pause', 'resume', 'cancel']);
    expect(new Set(asked.map((each) => each.key)).size).toBe(5);
    for (const each of asked) expect(each.key).toMatch(/^fg-[0-9a-f]{40}$/);
    const told = await api.get(`/audit/${subscription.id}`);
    const requests = told.json.items.filter(({ action }: { action: string }) => action === 'subscription.request');
    expect(requests.map(({ changes }: { changes: object }) => changes).reverse()).toMatchObject([
      ...[{ asked: 'cancel', when: 'period_end' }, { asked: 'uncancel' }, { asked: 'pause' }, { asked: 'resume' }],
      { asked: 'cancel', when: 'now' },
    ]);
    played.snapshots.clear();
  });

  it('is one wish to the provider where the caller says so, also when our reply was lost', async () => {
    const ask = { headers: { 'Idempotency-Key': 'wish-1' } };
    await api.post(`/subscriptions/${subscription.id}/pause`, {}, ask);
    await api.post(`/subscriptions/${subscription.id}/pause`, {}, ask);
    expect(asked).toHaveLength(1);
    await api.forgetReplies();
    await api.post(`/subscriptions/${subscription.id}/pause`, {}, ask);
    expect(asked.map((each) => each.key)).toEqual([asked[0]?.key, asked[0]?.key]);
  });

  it('is another wish a second time, though the caller sends one id with every request', async () => {
    const ask = { headers: { 'X-Request-Id': 'always-the-same' } };
    for (const each of ['cancel', 'uncancel', 'cancel']) {
      expect((await api.post(`/subscriptions/${subscription.id}/${each}`, {}, ask)).status).toBe(200);
      api.pass(1_000);
    }
    expect(new Set(asked.map((each) => each.key)).size).toBe(3);
  });

  it('is refused in words', async () => {
    const { db } = database();
    const poor = await seedAccount(db, shop.organization, { provider: 'poor' });
    const gone = await seedAccount(db, shop.organization, { provider: 'gone' });
    const over = await seedSubscription(db, account, { state: 'canceled', runs: false });
    const unable = await seedSubscription(db, poor);
    const lost = await seedSubscription(db, gone);
    for (const [path, id, code] of [
      ['cancel', over.id, 'SUBSCRIPTION_ENDED'],
      ['uncancel', over.id, 'SUBSCRIPTION_ENDED'],
      ['cancel', unable.id, 'NOT_SUPPORTED'],
      ['portal', unable.id, 'NOT_SUPPORTED'],
      ['cancel', lost.id, 'NOT_CONNECTED'],
      ['portal', lost.id, 'NOT_CONNECTED'],
    ] as const) {
      const { status, json } = await post(path, {}, id);
      expect([path, status, json.code]).toEqual([path, 409, code]);
      expect(json.detail).not.toBe(json.title);
    }
    played.failure = { error: new PaymentTrouble('unreachable', 'the provider did not answer'), after: false };
    const { status, json } = await post('pause');
    expect([status, json.code]).toEqual([502, 'PAYMENT_TROUBLE']);
    played.failure = null;
    await db.tx((tx) => updateAccount(tx, account.id, { active: false }));
    expect((await post('pause')).json.code).toBe('NOT_CONNECTED');
    expect((await post('cancel', { when: 'tomorrow' })).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('is another price or quantity, of a package that is sold and paid by and by', async () => {
    const { db } = database();
    const sold = await seedPackage(db, shop.organization);
    const old = await seedPackage(db, shop.organization, { active: false });
    const price = (code: string, change: object = {}) => ({
      ...{ provider: 'fake', external_id: `price_${code}`, code, amount_minor: 900, currency: 'EUR' },
      ...{ interval: { value: 1, unit: 'month' as const }, duration: null, ...change },
    });
    const at = new Date(SEED_NOW).toISOString();
    const prices = [price('1'), price('more'), price('once', { interval: null }), price('usd', { currency: 'USD' })];
    await db.tx((tx) => replacePrices(tx, sold, prices, 'test', at));
    await db.tx((tx) => replacePrices(tx, old, [price('old')], 'test', at));
    const done = await post('change', { price: 'more', quantity: 3, when: 'period_end' });
    expect([done.status, done.json.approval_url]).toEqual([200, null]);
    expect(asked).toMatchObject([
      { action: 'change', more: { itemId: 'si_1', priceId: 'price_more', quantity: 3, when: 'period_end' } },
    ]);
    for (const [body, code, pointer] of [
      [{ price: 'none' }, 'INVALID_REQUEST', '/price'],
      [{ price: 'once' }, 'INVALID_REQUEST', '/price'],
      [{ price: 'usd' }, 'INVALID_REQUEST', '/price'],
      [{ price: 'more', item: 'si_9' }, 'INVALID_REQUEST', '/item'],
      [{ price: 'more', quantity: 0 }, 'INVALID_REQUEST', '/quantity'],
      [{ price: 'old' }, 'PACKAGE_INACTIVE', undefined],
    ] as const) {
      const { json } = await post('change', { when: 'now', ...body });
      expect([body, json.code, json.errors[0]?.pointer]).toEqual([body, code, pointer]);
    }
    expect(asked).toHaveLength(1);
  });

  it('is caught up with on demand; a provider that does not answer keeps no other from being asked', async () => {
    const base = `/organizations/${shop.organization.slug}/payments/reconcile`;
    await seedAccount(database().db, shop.organization, { provider: 'poor' });
    played.failure = { error: new PaymentTrouble('unreachable', 'no answer'), after: false };
    const { status, json } = await api.post(base, {});
    expect(status).toBe(200);
    const troubles = json.accounts.map(({ provider, trouble }: Record<string, string>) => [provider, trouble]);
    expect(troubles.map(([provider]: string[]) => provider)).toEqual(['fake', 'poor']);
    played.failure = null;
    expect((await api.post(base, {})).json.accounts[0].trouble).toBe(null);
    const stranger = api.as(await api.token({ organizationId: (await seedShop(database().db)).organization.id }));
    expect((await stranger.post(base, {})).status).toBe(404);
  });

  it('gives a link to the portal, which no stored reply keeps', async () => {
    const ask = { headers: { 'Idempotency-Key': 'portal-1' } };
    const { status, json } = await api.post(`/subscriptions/${subscription.id}/portal`, {}, ask);
    expect([status, json.url]).toEqual([200, 'https://pay.example.com/portal/cus_ext']);
    const kept = await database().db.read((tx) => tx('idempotency_keys').select('response'));
    expect(JSON.stringify(kept)).not.toContain('pay.example.com/portal');
    expect((await post('portal', { return_url: 'javascript:alert(1)' })).status).toBe(400);
  });

  it('is the buyer’s own to do, by the key of the license', async () => {
    const nobody = api.as(null);
    const portal = await nobody.post('/api/public/subscriptions/portal', { key: key.text });
    expect([portal.status, portal.json.url]).toEqual([200, 'https://pay.example.com/portal/cus_ext']);
    const canceled = await nobody.post('/api/public/subscriptions/cancel', { key: key.text });
    expect([canceled.status, canceled.json.id]).toEqual([200, subscription.id]);
    expect(asked).toMatchObject([{ action: 'portal' }, { action: 'cancel', more: { when: 'period_end' } }]);
    const told = await api.get(`/audit/${subscription.id}`);
    expect(told.json.items[0]).toMatchObject({ action: 'subscription.request', changes: { asked: 'cancel' } });
    expect(JSON.stringify(told.json)).not.toContain(key.text);
    const { db } = database();
    await db.tx((tx) => updateSubscription(tx, subscription.id, { cancelAt: subscription.paidThrough }));
    const again = await nobody.post('/api/public/subscriptions/cancel', { key: key.text });
    expect([again.status, again.json.cancel_at, asked.length]).toEqual([200, subscription.paidThrough, 2]);
  });

  it('is not for whoever got a part of the license', async () => {
    const { db } = database();
    const nobody = api.as(null);
    const limit = (site_limit: number | null) =>
      db.tx((tx) => tx('license_keys').where({ id: key.id }).update({ site_limit }));
    await limit(1);
    for (const each of ['portal', 'cancel']) {
      const { status, json } = await nobody.post(`/api/public/subscriptions/${each}`, { key: key.text });
      expect([status, json.code]).toEqual([403, 'FORBIDDEN']);
    }
    expect(asked).toEqual([]);
    await limit(null);
  });

  it('is nobody else’s: other keys, other subscriptions, guesses', async () => {
    const { db } = database();
    const nobody = api.as(null);
    const other = await seedSoldLicense(db, shop);
    const path = '/api/public/subscriptions/cancel';
    const none = await nobody.post(path, { key: other.key.text });
    expect([none.status, none.json.code]).toEqual([409, 'NOTHING_OPEN']);
    const foreign = await nobody.post(path, { key: other.key.text, subscription_id: subscription.id });
    expect([foreign.status, foreign.json.code]).toEqual([409, 'NOTHING_OPEN']);
    for (const [text, code] of [
      ['FG1-0000000-0000000-0000000-0000000', 'KEY_MALFORMED'],
      ['nothing-that-we-know', 'LICENSE_NOT_FOUND'],
    ])
      expect([text, (await nobody.post(path, { key: text })).json.code]).toEqual([text, code]);
    const strikes = await db.read((tx) => tx('strikes').select('misses'));
    expect(strikes.length).toBeGreaterThan(0);
    const stranger = api.as(await api.token({ organizationId: (await seedShop(db)).organization.id }));
    for (const each of ['cancel', 'uncancel', 'pause', 'resume', 'portal'])
      expect([each, (await stranger.post(`/subscriptions/${subscription.id}/${each}`, {})).status]).toEqual([
        each,
        404,
      ]);
    expect(asked).toEqual([]);
  });
});
