import { afterEach, beforeEach, expect, it } from 'vitest';
import { DAY, toIso } from '../../src/clock.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { newId } from '../../src/ids.ts';
import { PackagePrice } from '../../src/licensing/package-price.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import { subjectOf } from '../../src/payments/gateway.ts';
import { type AccountRecord, insertAccount, updateAccount } from '../../src/payments/store-accounts.ts';
import { findOrder } from '../../src/payments/store-orders.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { collide } from '../support/crc-collision.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakePaypal, startFakePaypal } from '../support/fake-paypal.ts';
import { gatewayFor } from '../support/paypal-account.ts';
import { SEED_NOW, seedForge, seedOrganization, seedPackage, seedSecrets } from '../support/seed.ts';

const MONTH = { value: 1, unit: 'month' as const };

/** From a click on "buy" to the license, through the real gateway, inbox, worker and ledger. */
onEachDatabase('selling through PayPal', (database) => {
  const time = { now: SEED_NOW };
  let test: TestCore;
  let paypal: FakePaypal;
  let organization: OrganizationRecord;
  let account: AccountRecord;
  let planId: string;

  beforeEach(async () => {
    time.now = SEED_NOW;
    paypal = await startFakePaypal({ clock: () => time.now });
    const gateway = gatewayFor(paypal);
    test = await openTestCore(database(), {
      time,
      gateways: { paypal: gateway },
      config: { payments: { accounts: [], apiBases: { paypal: paypal.url } } },
    });
    const { db } = test.core;
    organization = await seedOrganization(db, await seedForge(db));
    planId = paypal.addPlan({ price: '10.00' }).id;
    await sell('pro', { external_id: 'pro', amount_minor: 4_900 });
    await sell('monthly', { external_id: planId, amount_minor: 1_000, interval: MONTH });
    account = await connect();
    const hook = await gateway.registerHook?.(opened(), hookUrl());
    await db.tx((tx) => updateAccount(tx, account.id, { hookId: hook?.hookId ?? null }));
  });
  afterEach(async () => {
    await test.close();
    await paypal.close();
  });

  const hookUrl = () => `${test.url}/api/paypal/webhook/${organization.slug}`;
  const credentials = () => ({ client_id: paypal.clientId, client_secret: paypal.secret });
  const opened = () => {
    const { id, mode, settings } = account;
    const none = { hookSecrets: [], hookId: null, externalId: null };
    return { id, mode, settings, ...none, credentials: credentials(), apiBase: paypal.url };
  };

  async function connect(): Promise<AccountRecord> {
    const id = newId('payment_account');
    const made: AccountRecord = {
      ...{ id, organizationId: organization.id, provider: 'paypal', mode: 'live', hookId: null, externalId: null },
      ...sealedAccount(seedSecrets, id, { credentials: credentials(), hookSecrets: [] }),
      settings: { automaticTax: false, taxIds: false, invoices: false, promotionCodes: false },
      ...{ source: 'api', active: true, cursor: null, reconciledAt: null, checkedAt: null, faults: [] },
      ...{ createdAt: toIso(time.now), createdBy: 'test' },
    };
    await test.core.db.tx((tx) => insertAccount(tx, made));
    return made;
  }

  async function sell(code: string, price: object): Promise<void> {
    const made = await seedPackage(test.core.db, organization, { terms: { length: { value: 1, unit: 'year' } } });
    const whole = PackagePrice.parse({ provider: 'paypal', code, currency: 'EUR', ...price });
    await test.core.db.tx((tx) => replacePrices(tx, made, [whole], 'test', toIso(time.now)));
  }

  /** Begins a checkout as a marketing site does; gives our order and what PayPal calls it. */
  async function buy(code: string): Promise<{ orderId: string; externalId: string }> {
    const body = JSON.stringify({ organization: organization.slug, items: [{ price: code }] });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${test.url}/api/checkout/session`, { method: 'POST', headers, body });
    const { order_id: orderId } = (await answer.json()) as { order_id: string };
    expect(answer.status).toBe(201);
    const order = await orderOf(orderId);
    return { orderId, externalId: order?.externalId ?? '' };
  }

  const orderOf = (id: string) => test.core.db.read((tx) => findOrder(tx, id));
  const work = () => test.core.paymentEvents.worker.drain();
  const rows = (table: string) => test.core.db.read((tx) => tx(table).where({ organization_id: organization.id }));
  const licenses = async () => (await rows('licenses')).map(({ status }) => status);
  const subscription = async () => (await rows('subscriptions'))[0];
  const events = async () => (await rows('payment_events')).map(({ type, state }) => `${type} ${state}`);

  async function deliver({ raw, headers }: { raw: Uint8Array; headers: Record<string, string> }) {
    const answer = await fetch(hookUrl(), { method: 'POST', headers, body: new Uint8Array(raw) });
    await answer.body?.cancel();
    return answer.status;
  }

  async function subscribe() {
    const bought = await buy('monthly');
    await paypal.approve(bought.externalId);
    await work();
    return bought;
  }

  it('case 40: a buyer who never comes back is captured by the webhook, once, and has his license', async () => {
    const { orderId, externalId } = await buy('pro');
    paypal.copies = 2;
    await paypal.approve(externalId);
    await work();
    await work();
    expect(paypal.deliveries.map(({ status }) => status)).toEqual(paypal.deliveries.map(() => 200));
    expect(await orderOf(orderId)).toMatchObject({ state: 'paid', email: 'buyer@example.com', trouble: '' });
    expect([...paypal.payments.values()]).toHaveLength(1);
    expect(await licenses()).toHaveLength(1);
    expect(await rows('payments')).toMatchObject([{ state: 'paid', kind: 'one_off' }]);
    expect(await events()).toEqual(['CHECKOUT.ORDER.APPROVED done', 'PAYMENT.CAPTURE.COMPLETED done']);
  });

  it('case 20: nothing is taken for an order that only says that it is ours', async () => {
    const { orderId } = await buy('pro');
    const line = { line: '1', name: 'Pro', priceId: 'pro', quantity: 1, unitMinor: 100, recurring: false };
    const forged = await gatewayFor(paypal).startCheckout?.(opened(), {
      ...{ orderId, attempt: 9, currency: 'EUR', lines: [line], email: '', externalCustomerId: null, language: 'en' },
      ...{ successUrl: 'https://evil.example', cancelUrl: 'https://evil.example', brand: '' },
    });
    await paypal.approve(forged?.externalId ?? '');
    await work();
    expect([...paypal.payments.values()]).toEqual([]);
    expect(await licenses()).toEqual([]);
    expect(await orderOf(orderId)).toMatchObject({ state: 'open' });
  });

  it('a subscription is looked at under one name, whoever asks', async () => {
    const { externalId } = await subscribe();
    await test.core.paymentEvents.worker.syncNow(account.id, subjectOf('checkout', externalId));
    const { paymentEvents, db } = test.core;
    const hold = { account_id: account.id, subject: `subscription:${externalId}`, lease_id: 'l' };
    await db.tx((tx) => tx('payment_locks').insert({ ...hold, lease_until: toIso(time.now + 60_000) }));
    const asked = await paymentEvents.worker.syncNow(account.id, subjectOf('checkout', externalId));
    expect(asked.state).toBe('elsewhere');
  });

  it('case 40: pending money waits; complete it gives, denied it does not', async () => {
    for (const [end, state, count] of [
      ['DECLINED', 'failed', 0],
      ['COMPLETED', 'paid', 1],
    ] as const) {
      const { orderId, externalId } = await buy('pro');
      paypal.nextCaptures.push('PENDING');
      await paypal.approve(externalId);
      await work();
      expect(await orderOf(orderId)).toMatchObject({ state: 'processing' });
      await paypal.settle(paypal.lastPayment(externalId), end);
      await work();
      expect(await orderOf(orderId)).toMatchObject({ state });
      expect(await licenses()).toHaveLength(count);
    }
  });

  it('a full refund closes what it paid for, and a lost event is made up for by the list', async () => {
    const { orderId, externalId } = await buy('pro');
    paypal.drop(2);
    await paypal.approve(externalId);
    await work();
    expect(await orderOf(orderId)).toMatchObject({ state: 'open' });
    await test.core.paymentEvents.reconcileNow(account.id);
    await work();
    expect(await orderOf(orderId)).toMatchObject({ state: 'paid' });
    await paypal.refund(paypal.lastPayment(externalId));
    await work();
    expect(await rows('refunds')).toMatchObject([{ state: 'succeeded' }]);
    expect(await rows('payments')).toMatchObject([{ refunded_minor: expect.anything() }]);
    expect(Number((await rows('payments'))[0].refunded_minor)).toBe(4_900);
  });

  it('case 40: a cancellation that nobody was told of is found by looking, and the paid time stays', async () => {
    await subscribe();
    expect(await subscription()).toMatchObject({ state: 'active' });
    const paidThrough = (await subscription()).paid_through;
    time.now += DAY;
    paypal.forget(1);
    await paypal.cancel([...paypal.subscriptions.keys()][0] ?? '');
    await work();
    expect(await subscription()).toMatchObject({ state: 'active' });
    await test.core.paymentEvents.reconcileNow(account.id);
    await work();
    expect(await subscription()).toMatchObject({ state: 'canceled', paid_through: paidThrough });
  });

  it('case 40: suspended is paused, and activated it runs on', async () => {
    const { externalId } = await subscribe();
    await paypal.suspend(externalId);
    await work();
    expect(await subscription()).toMatchObject({ state: 'paused' });
    await paypal.reactivate(externalId);
    await work();
    expect(await subscription()).toMatchObject({ state: 'active' });
  });

  it('case 40: paid through is the time of the charge and an interval, whatever PayPal says comes next', async () => {
    const began = time.now;
    const { externalId } = await buy('monthly');
    await paypal.approve(externalId);
    const there = paypal.subscriptions.get(externalId);
    if (there) there.nextAt = began + 5 * 365 * DAY;
    await work();
    const end = new Date(began);
    end.setUTCMonth(end.getUTCMonth() + 1);
    expect(await subscription()).toMatchObject({ paid_through: end.toISOString() });
  });

  it('a renewal that fails has its grace from the first try, and is paid at last', async () => {
    const { externalId } = await subscribe();
    time.now = Date.parse((await subscription()).paid_through);
    const first = toIso(time.now);
    await paypal.fail(externalId);
    await work();
    expect(await subscription()).toMatchObject({ state: 'past_due', failed_at: first });
    const grace = (await subscription()).grace_until;
    time.now += 3 * DAY;
    await paypal.fail(externalId);
    await work();
    expect(await subscription()).toMatchObject({ failed_at: first, grace_until: grace });
    await paypal.renew(externalId);
    await work();
    expect(await subscription()).toMatchObject({ state: 'active', failed_at: null });
    expect(await rows('payments')).toHaveLength(2);
    expect(await licenses()).toHaveLength(1);
  });

  it('a part that was given back of a renewal is known, though PayPal lists no refunds of it', async () => {
    const { externalId } = await subscribe();
    await paypal.refund(paypal.lastPayment(externalId), '4.00');
    await work();
    expect((await rows('refunds')).map(({ amount_minor }) => Number(amount_minor))).toEqual([400]);
    paypal.drop(1);
    await paypal.refund(paypal.lastPayment(externalId));
    await test.core.paymentEvents.sweep('all');
    await work();
    await test.core.paymentEvents.reconcileNow(account.id);
    await work();
    const refunds = (await rows('refunds')).filter(({ state }) => state === 'succeeded');
    expect(refunds.reduce((sum, { amount_minor }) => sum + Number(amount_minor), 0)).toBe(1_000);
  });

  it('a change of plan keeps what was paid under the old one', async () => {
    const { externalId } = await subscribe();
    const yearly = paypal.addPlan({ price: '99.00', interval: { unit: 'YEAR', count: 1 } });
    await sell('yearly', { external_id: yearly.id, amount_minor: 9_900, interval: { value: 1, unit: 'year' } });
    const paidThrough = (await subscription()).paid_through;
    const gateway = gatewayFor(paypal);
    const to = { itemId: externalId, priceId: yearly.id, quantity: 1, when: 'now' as const, returnUrl: test.url };
    await gateway.subscriptions?.change?.(opened(), externalId, to, 'change');
    await paypal.approve(externalId);
    await work();
    expect(await subscription()).toMatchObject({ paid_through: paidThrough, trouble: '' });
    expect(await rows('orders')).toMatchObject([{ state: 'paid' }]);
    time.now = Date.parse(paidThrough);
    await paypal.renew(externalId);
    await work();
    const until = new Date(paidThrough);
    until.setUTCFullYear(until.getUTCFullYear() + 1);
    expect(await subscription()).toMatchObject({ paid_through: until.toISOString(), trouble: '' });
  });

  it('case 19: a second body under one delivery is refused, though its signature holds', async () => {
    const hookId = [...paypal.webhooks.keys()][0] ?? '';
    const real = paypal.signed('{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"1"}}', hookId);
    expect(await deliver(real)).toBe(200);
    expect(await deliver(real)).toBe(200);
    const raw = collide(real.raw, '{"id":"WH-2","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"9","note":"');
    expect(await deliver({ ...real, raw })).toBe(400);
    expect((await rows('payment_events')).map(({ event_id }) => event_id)).toEqual(['WH-1']);
  });

  it('case 19: what is not PayPal’s, or not for us, is refused and leaves nothing', async () => {
    const hookId = [...paypal.webhooks.keys()][0] ?? '';
    const body = '{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"1"}}';
    const { raw, headers } = paypal.signed(body, hookId);
    const { 'paypal-transmission-sig': _, ...unsigned } = headers;
    const all = [
      { raw, headers: unsigned },
      { raw: Buffer.from(`${body} `), headers },
      { raw, headers: { ...headers, 'paypal-cert-url': 'https://api.paypal.com.evil.tld/v1/notifications/certs/X' } },
      paypal.signed(body, 'WH-OTHER'),
      paypal.signed(body, 'WEBHOOK_ID'),
    ];
    for (const delivery of all) expect(await deliver(delivery)).toBe(400);
    expect(await events()).toEqual([]);
    expect(await deliver({ raw, headers })).toBe(200);
  });

  it('case 39: tokens that are refused, broken answers and outages end nothing: it is tried again', async () => {
    const { orderId, externalId } = await buy('pro');
    await paypal.approve(externalId);
    const pass = async () => {
      time.now += 3_600_000;
      await work();
    };
    for (const how of ['garbage', 'no-type', 'bad-gzip', 'html', 'truncated'] as const) {
      paypal.break(/checkout\/orders/, how, 3);
      await pass();
      expect(await orderOf(orderId)).toMatchObject({ state: 'open' });
    }
    paypal.expireTokens();
    paypal.break(/oauth2/, { status: 500 }, 3);
    await pass();
    expect(await orderOf(orderId)).toMatchObject({ state: 'open' });
    await pass();
    expect(await orderOf(orderId)).toMatchObject({ state: 'paid' });
    expect(subjectOf('checkout', externalId)).toBe((await rows('payment_events'))[0].subject);
  });

  it('no secret of the account stands in a log', async () => {
    await subscribe();
    for (const line of test.lines) expect(line).not.toContain(paypal.secret);
  });
});
