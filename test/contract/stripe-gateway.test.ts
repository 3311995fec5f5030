import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR } from '../../src/clock.ts';
import { NOTHING_FOUND, type Snapshot } from '../../src/payments/facts.ts';
import type { CheckoutRequest, Gateway, ListedEvents } from '../../src/payments/gateway.ts';
import { gateways } from '../../src/payments/registry.ts';
import { type FakeStripe, startFakeStripe } from '../support/fake-stripe.ts';

const START = Date.UTC(2026, 0, 31, 12);
const gateway = gateways['stripe'] as Required<Gateway>;

let now = START;
let stripe: FakeStripe;
beforeEach(async () => {
  now = START;
  stripe = await startFakeStripe({ clock: () => now });
});
afterEach(() => stripe.close());

function request(change: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return {
    orderId: 'ord_1',
    attempt: 1,
    currency: 'EUR',
    lines: [{ line: '1', name: 'Pro', priceId: 'price_once', quantity: 1, unitMinor: 4900, recurring: false }],
    email: 'bo@example.com',
    externalCustomerId: null,
    language: 'de',
    successUrl: 'https://shop.example/thanks',
    cancelUrl: 'https://shop.example/',
    brand: 'Acme',
    ...change,
  };
}

const monthly = (priceId = 'price_month', quantity = 1) => [
  { line: '1', name: 'Pro', priceId, quantity, unitMinor: 1900, recurring: true },
];

async function start(change: Partial<CheckoutRequest> = {}): Promise<string> {
  stripe.price({ id: 'price_once', amount: 4900 });
  stripe.price({ id: 'price_month', amount: 1900, interval: 'month' });
  stripe.price({ id: 'price_big', amount: 4900, interval: 'month' });
  stripe.price({ id: 'price_year', amount: 19_000, interval: 'year' });
  return (await gateway.startCheckout?.(stripe.account(), request(change)))?.externalId ?? '';
}

async function read(subject: string): Promise<Snapshot> {
  return (await gateway.read(stripe.account(), subject)) ?? NOTHING_FOUND;
}

async function subscribed(): Promise<{ session: string; id: string; subject: string }> {
  const session = await start({ lines: monthly() });
  const id = stripe.pay(session).subscription as string;
  return { session, id, subject: `subscription:${id}` };
}

describe('a one-off sale', () => {
  it('is opened as a payment page that knows the order everywhere', async () => {
    const id = await start();
    const session = stripe.world.sessions.get(id);
    expect(session).toMatchObject({ client_reference_id: 'ord_1', metadata: { order_id: 'ord_1' }, mode: 'payment' });
    expect(stripe.world.sessionWishes.get(id)).toMatchObject({
      intentMetadata: { order_id: 'ord_1' },
      customerCreation: true,
    });
    const asked = stripe.requests.find(({ path, method }) => method === 'POST' && path === '/v1/checkout/sessions');
    expect(asked?.headers['idempotency-key']).toBe('ord_1-1');
    expect(asked?.headers['stripe-version']).toBe('2026-10-28.endive');
    expect(asked?.headers['x-stripe-client-telemetry']).toBeUndefined();
    expect(asked?.form).toMatchObject({ locale: 'de', customer_email: 'bo@example.com' });
    expect(asked?.form).not.toHaveProperty('automatic_tax');
  });

  it('is one page however often it is asked for, and another one for another attempt', async () => {
    const first = await start();
    expect((await gateway.startCheckout?.(stripe.account(), request()))?.externalId).toBe(first);
    expect((await gateway.startCheckout?.(stripe.account(), request({ attempt: 2 })))?.externalId).not.toBe(first);
  });

  it('has what the vendor switched on', async () => {
    const settings = { automaticTax: true, taxIds: true, invoices: true, promotionCodes: true };
    stripe.price({ id: 'price_once', amount: 4900 });
    const { id: externalCustomerId } = stripe.customer('bo@example.com');
    await gateway.startCheckout?.(stripe.account({ settings }), request({ externalCustomerId }));
    expect(stripe.requests.at(-1)?.form).toMatchObject({
      automatic_tax: { enabled: 'true' },
      tax_id_collection: { enabled: 'true' },
      invoice_creation: { enabled: 'true', invoice_data: { metadata: { order_id: 'ord_1' } } },
      allow_promotion_codes: 'true',
      customer: externalCustomerId,
      customer_update: { address: 'auto', name: 'auto' },
    });
  });

  it('finds a new customer where the old one was deleted', async () => {
    const id = await start({ externalCustomerId: 'cus_gone' });
    expect(stripe.world.sessions.get(id)).toMatchObject({ customer: null, customer_email: 'bo@example.com' });
  });

  it('is read with one call for the session and two for what took money back', async () => {
    const id = await start();
    expect(await read(`checkout:${id}`)).toMatchObject({ checkout: { state: 'open', paymentId: null }, payments: [] });
    stripe.pay(id, { email: 'Bo@example.com', name: 'Bo' });
    stripe.requests.length = 0;
    const { checkout, payments, refunds, disputes } = await read(`checkout:${id}`);
    expect(stripe.requests.map(({ path }) => path)).toEqual([
      `/v1/checkout/sessions/${id}`,
      '/v1/disputes',
      '/v1/radar/early_fraud_warnings',
    ]);
    const [payment] = payments;
    expect(checkout).toEqual({
      externalId: id,
      orderId: 'ord_1',
      state: 'paid',
      providerState: 'complete/paid',
      currency: 'EUR',
      subtotalMinor: 4900,
      discountMinor: 0,
      taxMinor: 0,
      totalMinor: 4900,
      lines: [{ priceId: 'price_once', quantity: 1, amountMinor: 4900 }],
      email: 'Bo@example.com',
      name: 'Bo',
      externalCustomerId: expect.stringMatching(/^cus_/),
      paymentId: payment?.externalId,
      subscriptionId: null,
    });
    expect(payment).toMatchObject({
      externalId: expect.stringMatching(/^pi_/),
      kind: 'one_off',
      checkoutId: id,
      state: 'paid',
      amountMinor: 4900,
      currency: 'EUR',
      paidAt: START,
      failedAt: null,
      lines: [{ item: null, priceId: 'price_once', quantity: 1, amountMinor: 4900, start: null, end: null }],
    });
    expect(payment?.aliases.map((alias) => alias.split('_')[0])).toEqual(['pi', 'ch']);
    expect([refunds, disputes]).toEqual([[], []]);
  });

  it('with a coupon and tax comes to what was paid', async () => {
    const id = await start();
    stripe.pay(id, { discount: { percent: 10 }, taxPercent: 19 });
    const { checkout, payments } = await read(`checkout:${id}`);
    expect(checkout).toMatchObject({ subtotalMinor: 4900, discountMinor: 490, taxMinor: 838, totalMinor: 5248 });
    expect(payments[0]?.amountMinor).toBe(5248);
  });

  it('of nothing is paid, and the page stands for the payment', async () => {
    const id = await start();
    stripe.pay(id, { discount: { percent: 100 } });
    const { checkout, payments } = await read(`checkout:${id}`);
    expect(checkout).toMatchObject({ state: 'paid', totalMinor: 0, paymentId: id });
    expect(payments).toMatchObject([{ externalId: id, state: 'paid', amountMinor: 0 }]);
  });

  it('whose money comes later is processing, then paid or failed', async () => {
    const [first, second] = [await start(), await start({ orderId: 'ord_2' })];
    for (const id of [first, second]) stripe.pay(id, { outcome: 'delayed' });
    expect(await read(`checkout:${first}`)).toMatchObject({
      checkout: { state: 'processing' },
      payments: [{ state: 'pending', paidAt: null }],
    });
    stripe.settle(first, 'paid');
    stripe.settle(second, 'declined');
    expect(await read(`checkout:${first}`)).toMatchObject({
      checkout: { state: 'paid' },
      payments: [{ state: 'paid' }],
    });
    expect(await read(`checkout:${second}`)).toMatchObject({
      checkout: { state: 'failed' },
      payments: [{ state: 'failed', failedAt: START }],
    });
  });

  it('that was declined stays open, and one that was left expires', async () => {
    const id = await start();
    stripe.pay(id, { outcome: 'declined' });
    expect(await read(`checkout:${id}`)).toMatchObject({ checkout: { state: 'open' }, payments: [] });
    stripe.expire(id);
    expect(await read(`checkout:${id}`)).toMatchObject({ checkout: { state: 'expired' }, payments: [] });
  });

  it('shows every refund in its state', async () => {
    const id = await start();
    stripe.pay(id);
    const part = stripe.refund(id, { amount: 900 });
    const late = stripe.refund(id, { amount: 1000, status: 'pending' });
    const odd = stripe.refund(id, { amount: 1, status: 'on_its_way' });
    stripe.moveRefund(late.id, 'failed');
    const { refunds, payments } = await read(`checkout:${id}`);
    const paymentId = payments[0]?.externalId;
    expect(refunds).toMatchObject([
      { externalId: odd.id, state: 'unknown', amountMinor: 1 },
      { externalId: late.id, state: 'failed', amountMinor: 1000 },
      { externalId: part.id, paymentId, state: 'succeeded', amountMinor: 900, currency: 'EUR', at: START },
    ]);
  });

  it('lists refunds over pages', async () => {
    const id = await start();
    stripe.pay(id);
    for (let count = 0; count < 130; count++) stripe.refund(id, { amount: 10 });
    const { refunds } = await read(`checkout:${id}`);
    expect(new Set(refunds.map(({ externalId }) => externalId)).size).toBe(130);
  });

  it.each([
    ['warning_needs_response', 'inquiry'],
    ['warning_under_review', 'inquiry'],
    ['warning_closed', 'closed'],
    ['needs_response', 'open'],
    ['under_review', 'open'],
    ['appeal_needs_response', 'open'],
    ['appeal_under_review', 'open'],
    ['won', 'won'],
    ['lost', 'lost'],
    ['prevented', 'lost'],
    ['settled_by_duel', 'unknown'],
  ])('a dispute that Stripe calls %s is %s', async (status, state) => {
    const id = await start();
    stripe.pay(id);
    const { id: externalId } = stripe.dispute(id, { amount: 4000 });
    stripe.moveDispute(externalId, status);
    expect((await read(`checkout:${id}`)).disputes).toMatchObject([
      { externalId, state, providerState: status, amountMinor: 4000, reason: 'fraudulent', dueAt: START + 7 * DAY },
    ]);
  });

  it('an early fraud warning is a warning, and a key that may not read them does without', async () => {
    const id = await start();
    stripe.pay(id);
    const { id: externalId } = stripe.warn(id);
    expect((await read(`checkout:${id}`)).disputes).toMatchObject([{ externalId, state: 'warning' }]);
    stripe.faults.push({ fault: '403', on: /radar/ });
    expect((await read(`checkout:${id}`)).disputes).toEqual([]);
  });
});

describe('a subscription', () => {
  it('hands the order on to what Stripe makes of it', async () => {
    const { session, id, subject } = await subscribed();
    expect(stripe.world.subscriptions.get(id)?.metadata).toEqual({ order_id: 'ord_1' });
    const snapshot = await read(subject);
    expect(snapshot.checkout).toMatchObject({ externalId: session, subscriptionId: id, state: 'paid' });
    expect(snapshot.subscription).toMatchObject({
      externalId: id,
      orderId: 'ord_1',
      checkoutId: session,
      state: 'active',
      items: [{ priceId: 'price_month', quantity: 1 }],
      currency: 'EUR',
      email: 'bo@example.com',
      startedAt: START,
      periodStart: START,
      periodEnd: Date.UTC(2026, 1, 28, 12),
      cancelAt: null,
      endedAt: null,
      failedAt: null,
    });
    const [item] = snapshot.subscription?.items ?? [];
    expect(snapshot.payments).toMatchObject([
      {
        externalId: expect.stringMatching(/^in_/),
        kind: 'period',
        subscriptionId: id,
        state: 'paid',
        amountMinor: 1900,
        paidAt: START,
        failedAt: null,
        lines: [
          { item: item?.id, priceId: 'price_month', start: START, end: Date.UTC(2026, 1, 28, 12), proration: false },
        ],
        customerUrl: expect.stringContaining('https://invoice.stripe.com/'),
      },
    ]);
    expect(snapshot.payments[0]?.aliases.map((alias) => alias.split('_')[0])).toEqual(['pi', 'ch']);
    // The page that it was bought on leads to the same.
    expect(await read(`checkout:${session}`)).toEqual(snapshot);
  });

  it('is read with a call for each list, however many periods it has had', async () => {
    const { id, subject } = await subscribed();
    for (let month = 0; month < 14; month++) stripe.renew(id);
    stripe.requests.length = 0;
    const { payments } = await read(subject);
    expect(payments).toHaveLength(15);
    expect(stripe.requests.map(({ path }) => path).sort()).toEqual([
      '/v1/charges',
      '/v1/checkout/sessions',
      '/v1/disputes',
      '/v1/invoices',
      '/v1/radar/early_fraud_warnings',
      `/v1/subscriptions/${id}`,
    ]);
  });

  it('with hundreds of invoices and many lines is read over pages', async () => {
    const { id, subject } = await subscribed();
    for (let month = 0; month < 120; month++) stripe.renew(id);
    for (let count = 0; count < 6; count++) stripe.changeItems(id, [{ quantity: 2 + count }], { proration: 'none' });
    const invoice = stripe.renew(id);
    const wide = stripe.world.invoices.get(invoice?.id ?? '');
    const [line] = wide?.lines.data ?? [];
    for (let count = 0; count < 25; count++)
      if (line) wide?.lines.data.push({ ...structuredClone(line), id: `il_${count}` });
    const { payments } = await read(subject);
    expect(payments).toHaveLength(122);
    expect(payments.find(({ externalId }) => externalId === invoice?.id)?.lines).toHaveLength(26);
  });

  it('keeps the anchor of the 31st, and the leap day', async () => {
    const { id, subject } = await subscribed();
    for (let month = 0; month < 3; month++) stripe.renew(id);
    const ends = (await read(subject)).payments.map(({ lines }) =>
      new Date(lines[0]?.end ?? 0).toISOString().slice(0, 10),
    );
    expect(ends).toEqual(['2026-05-31', '2026-04-30', '2026-03-31', '2026-02-28']);
  });

  it('that fails to renew has moved on, and its invoice tells since when', async () => {
    const { id, subject } = await subscribed();
    now = Date.UTC(2026, 1, 28, 12);
    stripe.world.badCards.add(stripe.world.subscriptions.get(id)?.customer as string);
    stripe.advance();
    const failed = await read(subject);
    expect(failed.subscription).toMatchObject({ state: 'past_due', periodEnd: Date.UTC(2026, 2, 31, 12) });
    expect(failed.payments[0]).toMatchObject({ state: 'failed', failedAt: now, paidAt: null });
    now += 3 * DAY + HOUR;
    stripe.advance();
    expect((await read(subject)).payments[0]).toMatchObject({ state: 'failed', failedAt: Date.UTC(2026, 1, 28, 12) });
    stripe.world.badCards.clear();
    now += 2 * DAY;
    stripe.advance();
    expect((await read(subject)).subscription?.state).toBe('active');
    expect((await read(subject)).payments[0]).toMatchObject({
      state: 'paid',
      failedAt: Date.UTC(2026, 1, 28, 12),
      paidAt: Date.UTC(2026, 2, 5, 12),
    });
  });

  it.each([
    ['canceled', 'canceled'],
    ['unpaid', 'past_due'],
    ['past_due', 'past_due'],
  ] as const)('whose last retry failed is left %s', async (dunning, state) => {
    const { id, subject } = await subscribed();
    stripe.world.dunning = dunning;
    stripe.world.badCards.add(stripe.world.subscriptions.get(id)?.customer as string);
    now = Date.UTC(2026, 2, 10);
    stripe.advance();
    expect((await read(subject)).subscription).toMatchObject({ state, providerState: dunning });
  });

  it('that was never paid is incomplete and then expires', async () => {
    const customer = stripe.customer('bo@example.com').id;
    stripe.price({ id: 'price_month', amount: 1900, interval: 'month' });
    const { id } = stripe.subscribe({ customer, lines: [{ price: 'price_month' }], outcome: 'declined' });
    const first = await read(`subscription:${id}`);
    expect(first.subscription).toMatchObject({ state: 'incomplete', checkoutId: null, orderId: null });
    expect(first.checkout).toBeNull();
    now += DAY;
    stripe.advance();
    const later = await read(`subscription:${id}`);
    expect(later.subscription).toMatchObject({ state: 'expired', providerState: 'incomplete_expired' });
    expect(later.payments).toMatchObject([{ state: 'void' }]);
  });

  it('paid by a debit is pending, and that is no failure', async () => {
    const session = await start({ lines: monthly() });
    const id = stripe.pay(session, { outcome: 'delayed' }).subscription as string;
    expect(await read(`checkout:${session}`)).toMatchObject({
      checkout: { state: 'processing' },
      payments: [{ state: 'pending', failedAt: null }],
    });
    stripe.settle(session, 'paid');
    expect(await read(`subscription:${id}`)).toMatchObject({
      checkout: { state: 'paid' },
      payments: [{ state: 'paid', failedAt: null }],
    });
  });

  it('in a trial has a payment of nothing for the time of the trial', async () => {
    const session = await start({ lines: monthly() });
    const id = stripe.pay(session, { trialDays: 14 }).subscription as string;
    const trial = await read(`subscription:${id}`);
    expect(trial.subscription?.state).toBe('trialing');
    expect(trial.payments).toMatchObject([{ state: 'paid', amountMinor: 0, lines: [{ end: START + 14 * DAY }] }]);
    now = START + 14 * DAY;
    stripe.advance();
    expect(await read(`subscription:${id}`)).toMatchObject({
      subscription: { state: 'active' },
      payments: [{ amountMinor: 1900, lines: [{ start: START + 14 * DAY }] }, { amountMinor: 0 }],
    });
  });

  it('sold together with something once has a line of no item', async () => {
    const once = { line: '2', name: 'Setup', priceId: 'price_once', quantity: 1, unitMinor: 4900, recurring: false };
    const session = await start({ lines: [...monthly(), once] });
    stripe.pay(session);
    const { payments, checkout } = await read(`checkout:${session}`);
    expect(checkout?.totalMinor).toBe(6800);
    expect(payments[0]?.lines).toMatchObject([
      { priceId: 'price_month', item: expect.any(String) },
      { priceId: 'price_once', item: null, start: null, end: null, amountMinor: 4900 },
    ]);
  });

  it('has refunds and disputes under the invoice whose charge they are of', async () => {
    const { id, subject } = await subscribed();
    const [first, second] = [stripe.world.subscriptions.get(id)?.latest_invoice as string, stripe.renew(id)?.id ?? ''];
    stripe.renew(id);
    stripe.refund(first, { amount: 100 });
    stripe.refund(second);
    stripe.dispute(first);
    const { refunds, disputes } = await read(subject);
    expect(refunds.map(({ paymentId, amountMinor }) => [paymentId, amountMinor]).sort()).toEqual(
      [
        [first, 100],
        [second, 1900],
      ].sort(),
    );
    expect(disputes).toMatchObject([{ paymentId: first, state: 'open' }]);
  });

  it('with a paused collection is paused', async () => {
    const { id, subject } = await subscribed();
    await gateway.subscriptions?.pause?.(stripe.account(), id, 'k1');
    await gateway.subscriptions?.pause?.(stripe.account(), id, 'k2');
    expect((await read(subject)).subscription).toMatchObject({
      state: 'paused',
      providerState: 'active, collection paused',
    });
    now = Date.UTC(2026, 2, 1);
    stripe.advance();
    expect((await read(subject)).payments[0]).toMatchObject({ state: 'void' });
    await gateway.subscriptions?.resume?.(stripe.account(), id, 'k3');
    expect((await read(subject)).subscription?.state).toBe('active');
  });

  it('is canceled at the end of the period, taken back, and canceled at once', async () => {
    const { id, subject } = await subscribed();
    const actions = gateway.subscriptions;
    await actions?.cancel(stripe.account(), id, 'period_end', 'k1');
    await actions?.cancel(stripe.account(), id, 'period_end', 'k2');
    expect((await read(subject)).subscription).toMatchObject({
      state: 'active',
      cancelAt: Date.UTC(2026, 1, 28, 12),
      canceledAt: START,
    });
    await actions?.uncancel?.(stripe.account(), id, 'k3');
    expect((await read(subject)).subscription).toMatchObject({ cancelAt: null, canceledAt: null });
    await actions?.cancel(stripe.account(), id, 'now', 'k4');
    await actions?.cancel(stripe.account(), id, 'now', 'k5');
    expect((await read(subject)).subscription).toMatchObject({ state: 'canceled', endedAt: START });
    const late = actions?.uncancel?.(stripe.account(), id, 'k6');
    await expect(late).rejects.toMatchObject({ reason: 'refused', message: 'the subscription is over' });
  });

  it('that was canceled ends with its period', async () => {
    const { id, subject } = await subscribed();
    await gateway.subscriptions?.cancel(stripe.account(), id, 'period_end', 'k1');
    now = Date.UTC(2026, 3, 1);
    stripe.advance();
    const { subscription, payments } = await read(subject);
    expect(subscription).toMatchObject({ state: 'canceled', endedAt: Date.UTC(2026, 1, 28, 12) });
    expect(payments).toHaveLength(1);
  });
});

describe('a change of plan', () => {
  const to = (itemId: string, priceId: string, when: 'now' | 'period_end', quantity = 1) => ({
    ...{ itemId, priceId, when, quantity },
    returnUrl: 'https://shop.example/account',
  });

  async function itemOf(subject: string): Promise<string> {
    return (await read(subject)).subscription?.items[0]?.id ?? '';
  }

  it.each(['item', 'invoice_item'] as const)(
    'is charged for the rest of the period at once (lines name the %s)',
    async (named) => {
      const { id, subject } = await subscribed();
      stripe.world.prorations = named;
      const item = await itemOf(subject);
      now = Date.UTC(2026, 1, 14, 12);
      const change = to(item, 'price_big', 'now');
      expect(await gateway.subscriptions?.change?.(stripe.account(), id, change, 'k1')).toEqual({ approvalUrl: null });
      await gateway.subscriptions?.change?.(stripe.account(), id, change, 'k1');
      const { subscription, payments } = await read(subject);
      expect(payments).toHaveLength(2);
      expect(subscription?.items).toEqual([{ id: item, priceId: 'price_big', quantity: 1 }]);
      expect(payments[0]).toMatchObject({
        state: 'paid',
        amountMinor: 1500,
        lines: [
          { item, priceId: 'price_month', amountMinor: -950, proration: true },
          {
            item,
            priceId: 'price_big',
            amountMinor: 2450,
            proration: true,
            start: now,
            end: Date.UTC(2026, 1, 28, 12),
          },
        ],
      });
    },
  );

  it('that is not paid waits, and holds when it is', async () => {
    const { id, subject } = await subscribed();
    const item = await itemOf(subject);
    stripe.declines = 1;
    const answer = await gateway.subscriptions?.change?.(stripe.account(), id, to(item, 'price_big', 'now'), 'k1');
    expect(answer?.approvalUrl).toMatch(/^https:\/\/invoice\.stripe\.com\//);
    const waiting = await read(subject);
    expect(waiting.subscription).toMatchObject({ state: 'active', items: [{ priceId: 'price_month' }] });
    expect(waiting.payments[0]).toMatchObject({ state: 'failed' });
    stripe.retry(id);
    expect((await read(subject)).subscription?.items).toMatchObject([{ priceId: 'price_big' }]);
  });

  it('that is never paid is given up', async () => {
    const { id, subject } = await subscribed();
    stripe.declines = 1;
    await gateway.subscriptions?.change?.(stripe.account(), id, to(await itemOf(subject), 'price_big', 'now'), 'k1');
    now += DAY;
    stripe.advance();
    const { subscription, payments } = await read(subject);
    expect(subscription?.items).toMatchObject([{ priceId: 'price_month' }]);
    expect(payments[0]).toMatchObject({ state: 'void' });
  });

  it('at the end of the period leaves the paid one alone', async () => {
    const { id, subject } = await subscribed();
    const item = await itemOf(subject);
    for (const key of ['k1', 'k1', 'k2']) {
      await gateway.subscriptions?.change?.(stripe.account(), id, to(item, 'price_year', 'period_end'), key);
    }
    expect(await read(subject)).toMatchObject({
      subscription: { items: [{ priceId: 'price_month' }] },
      payments: [{}],
    });
    now = Date.UTC(2026, 1, 28, 12);
    stripe.advance();
    const { subscription, payments } = await read(subject);
    expect(subscription).toMatchObject({ items: [{ priceId: 'price_year' }], orderId: 'ord_1' });
    expect(payments[0]).toMatchObject({
      amountMinor: 19_000,
      lines: [{ item, priceId: 'price_year', start: now, end: Date.UTC(2027, 1, 28, 12) }],
    });
  });

  it('at the end of the period says no quantity of what is billed by a meter', async () => {
    await start();
    const subscription = stripe.subscribe({
      customer: stripe.customer('meter@example.com').id,
      lines: [{ price: 'price_month' }, { price: 'price_big' }],
    });
    const [first, metered] = stripe.world.subscriptions.get(subscription.id)?.items.data ?? [];
    delete metered?.quantity;
    stripe.requests.length = 0;
    const change = to(first?.id ?? '', 'price_year', 'period_end');
    await gateway.subscriptions?.change?.(stripe.account(), subscription.id, change, 'k1');
    const told = stripe.requests.find(({ method, path }) => method === 'POST' && /schedules\/./.test(path));
    expect(JSON.stringify(told?.form).match(/"quantity"/g)).toHaveLength(2);
  });

  it('at the end of the period is refused where it is canceled', async () => {
    const { id, subject } = await subscribed();
    const change = to(await itemOf(subject), 'price_big', 'period_end');
    await gateway.subscriptions?.cancel(stripe.account(), id, 'period_end', 'k1');
    const changed = () => gateway.subscriptions?.change?.(stripe.account(), id, change, 'k2');
    await expect(changed()).rejects.toMatchObject({
      reason: 'refused',
      message: 'the subscription is canceled; take that back first',
    });
    expect((await read(subject)).subscription?.cancelAt).toBe(Date.UTC(2026, 1, 28, 12));
    await gateway.subscriptions?.uncancel?.(stripe.account(), id, 'k3');
    expect(await changed()).toEqual({ approvalUrl: null });
  });

  it('that was planned is given up by a cancellation', async () => {
    const { id, subject } = await subscribed();
    await gateway.subscriptions?.change?.(
      stripe.account(),
      id,
      to(await itemOf(subject), 'price_big', 'period_end'),
      'k1',
    );
    await gateway.subscriptions?.cancel(stripe.account(), id, 'period_end', 'k2');
    expect((await read(subject)).subscription?.cancelAt).toBe(Date.UTC(2026, 1, 28, 12));
  });

  it('of no such item or to a price for once is refused', async () => {
    const { id, subject } = await subscribed();
    const change = (itemId: string, priceId: string) =>
      gateway.subscriptions?.change?.(stripe.account(), id, to(itemId, priceId, 'period_end'), 'k1');
    await expect(change('si_none', 'price_big')).rejects.toMatchObject({ reason: 'refused' });
    await expect(change(await itemOf(subject), 'price_once')).rejects.toMatchObject({ reason: 'refused' });
  });
});

describe('what an event is about', () => {
  const locate = (objectType: string, objectId: string) =>
    gateway.locate(stripe.account(), { type: 'x', objectType, objectId });

  it('is found from charges, intents, refunds, disputes and warnings of a one-off sale', async () => {
    const id = await start();
    const intent = stripe.pay(id).payment_intent as string;
    const charge = stripe.world.intents.get(intent)?.latest_charge as string;
    const places = [
      ['charge', charge],
      ['payment_intent', intent],
      ['refund', stripe.refund(id, { amount: 1 }).id],
      ['dispute', stripe.dispute(id).id],
      ['radar.early_fraud_warning', stripe.warn(id).id],
    ] as const;
    for (const [type, object] of places) expect(await locate(type, object)).toBe(`checkout:${id}`);
  });

  it('is found from charges and invoices of a period', async () => {
    const { id, subject } = await subscribed();
    const invoice = stripe.renew(id)?.id ?? '';
    expect(await locate('invoice', invoice)).toBe(subject);
    expect(await locate('refund', stripe.refund(invoice).id)).toBe(subject);
    expect(await locate('charge', stripe.dispute(invoice).charge as string)).toBe(subject);
  });

  it('is found from the receipt of a one-off sale', async () => {
    stripe.price({ id: 'price_once', amount: 4900 });
    const settings = { automaticTax: false, taxIds: false, invoices: true, promotionCodes: false };
    const started = await gateway.startCheckout?.(stripe.account({ settings }), request());
    const id = started?.externalId ?? '';
    expect(await locate('invoice', stripe.pay(id).invoice as string)).toBe(`checkout:${id}`);
    expect((await read(`checkout:${id}`)).payments[0]?.customerUrl).toMatch(/invoice\.stripe\.com/);
  });

  it('is nothing where Stripe knows no such thing', async () => {
    for (const type of ['charge', 'invoice', 'payment_intent', 'refund', 'dispute', 'customer']) {
      expect(await locate(type, 'x_none')).toBeNull();
    }
    for (const subject of ['checkout:cs_none', 'subscription:sub_none']) {
      expect(await gateway.read(stripe.account(), subject)).toBeNull();
    }
  });
});

describe('prices, lists and pages', () => {
  it('reads prices', async () => {
    await start();
    const price = (id: string) => gateway.readPrice?.(stripe.account(), id);
    expect(await price('price_once')).toEqual({
      externalId: 'price_once',
      active: true,
      name: 'Product',
      amountMinor: 4900,
      currency: 'EUR',
      interval: null,
    });
    expect((await price('price_year'))?.interval).toEqual({ value: 1, unit: 'year' });
    stripe.price({ id: 'price_weeks', amount: 1, interval: 'week', count: 2 });
    expect((await price('price_weeks'))?.interval).toEqual({ value: 14, unit: 'day' });
    expect(await price('price_none')).toBeNull();
    Object.assign(stripe.world.prices.get('price_once') ?? {}, { active: false });
    expect((await price('price_once'))?.active).toBe(false);
    Object.assign(stripe.world.prices.get('price_month') ?? {}, { unit_amount: null });
    await expect(price('price_month')).rejects.toMatchObject({ reason: 'refused' });
  });

  it.each([
    ['jpy', 5000, 5000],
    ['kwd', 12_340, 12_340],
    ['isk', 500_000, 5000],
    ['ugx', 100_000, 1000],
    ['huf', 500_000, 500_000],
  ])('counts %s in minor units', async (currency, at, minor) => {
    stripe.price({ id: 'price_x', amount: at, currency });
    expect(await gateway.readPrice?.(stripe.account(), 'price_x')).toMatchObject({
      currency: currency.toUpperCase(),
      amountMinor: minor,
    });
  });

  it('lists its events since an instant over pages, those of our types alone', async () => {
    const { id } = await subscribed();
    for (let month = 0; month < 60; month++) stripe.renew(id);
    const since = now + 40 * DAY;
    const seen: string[] = [];
    let page: string | null = null;
    do {
      const got: ListedEvents | undefined = await gateway.listEvents?.(stripe.account(), since, page);
      for (const { eventId, type } of got?.events ?? []) {
        seen.push(eventId);
        expect(gateway.eventTypes).toContain(type);
      }
      page = got?.next ?? null;
    } while (page !== null);
    const expected = [...stripe.world.events.values()]
      .filter(({ created, type }) => created * 1000 >= since && gateway.eventTypes.includes(type))
      .map(({ id }) => id);
    expect(new Set(seen)).toEqual(new Set(expected));
    expect(seen).toHaveLength(expected.length);
  });

  it('lists what runs', async () => {
    const { id } = await subscribed();
    const customer = stripe.customer('a@example.com').id;
    const many = Array.from(
      { length: 120 },
      () => stripe.subscribe({ customer, lines: [{ price: 'price_month' }] }).id,
    );
    await gateway.subscriptions?.cancel(stripe.account(), many[0] ?? '', 'now', 'k');
    const first = await gateway.listSubscriptions?.(stripe.account(), null);
    const second = await gateway.listSubscriptions?.(stripe.account(), first?.next ?? null);
    const ids = [...(first?.subscriptions ?? []), ...(second?.subscriptions ?? [])].map(({ externalId }) => externalId);
    expect(second?.next).toBeNull();
    expect(new Set(ids)).toEqual(new Set([id, ...many.slice(1)]));
    expect(first?.subscriptions[0]).toMatchObject({ email: 'a@example.com' });
  });

  it('gives a page on which a customer looks after payment', async () => {
    const { id } = stripe.customer('a@example.com');
    expect(await gateway.portal?.(stripe.account(), id, 'https://shop.example/')).toMatch(
      /^https:\/\/billing\.stripe\.com\//,
    );
    await expect(gateway.portal?.(stripe.account(), 'cus_none', 'https://shop.example/')).rejects.toMatchObject({
      reason: 'refused',
    });
  });

  it.each([
    [[]],
    [[{ line: '1', name: 'Pro', priceId: 'price_none', quantity: 1, unitMinor: 1, recurring: false }]],
    [[...monthly(), { line: '2', name: 'Yen', priceId: 'price_yen', quantity: 1, unitMinor: 1, recurring: false }]],
  ])('refuses what cannot be sold together', async (lines) => {
    stripe.price({ id: 'price_yen', amount: 1, currency: 'jpy' });
    await expect(start({ lines })).rejects.toMatchObject({ name: 'PaymentTrouble', reason: 'refused' });
  });
});

describe('the webhook and the key', () => {
  const HOOK = 'https://feedgate.example/api/stripe/webhook';
  const codes = async (change = {}) => {
    const { findings } = await gateway.check(stripe.account(change), HOOK);
    return findings.map(({ code }) => code);
  };

  it('is missing, is made, and stands', async () => {
    expect(await codes()).toEqual(['KEY_WORKS', 'HOOK_MISSING']);
    const made = await gateway.registerHook?.(stripe.account({ hookSecrets: [] }), HOOK);
    expect(made).toEqual({ hookId: expect.stringMatching(/^we_/), secret: expect.stringMatching(/^whsec_/) });
    const endpoint = stripe.world.endpoints.get(made?.hookId ?? '');
    expect(endpoint).toMatchObject({ api_version: '2026-10-28.endive', enabled_events: gateway.eventTypes, url: HOOK });
    const hookSecrets = [made?.secret ?? ''];
    expect(await codes({ hookSecrets })).toEqual(['KEY_WORKS', 'HOOK_STANDS']);
    const again = await gateway.registerHook?.(stripe.account({ hookSecrets }), HOOK);
    expect(again).toEqual({ hookId: made?.hookId, secret: null });
    expect(stripe.world.endpoints.size).toBe(1);
    expect((await gateway.check(stripe.account(), HOOK)).externalId).toBe('acct_fake');
  });

  it('is mended, and made anew where its version or its secret is of no use', async () => {
    const { hookId, secret } = (await gateway.registerHook?.(stripe.account({ hookSecrets: [] }), HOOK)) ?? {};
    const account = { hookSecrets: [secret ?? ''] };
    const endpoint = () => [...stripe.world.endpoints.values()][0];
    Object.assign(endpoint() ?? {}, { status: 'disabled', enabled_events: ['invoice.paid'] });
    expect(await codes(account)).toEqual(['KEY_WORKS', 'HOOK_DISABLED', 'HOOK_EVENTS_MISSING']);
    expect((await gateway.registerHook?.(stripe.account(account), HOOK))?.hookId).toBe(hookId);
    expect(await codes(account)).toEqual(['KEY_WORKS', 'HOOK_STANDS']);
    expect(await codes({ hookSecrets: [] })).toEqual(['KEY_WORKS', 'HOOK_SECRET_MISSING']);
    Object.assign(endpoint() ?? {}, { api_version: '2024-06-20' });
    expect(await codes(account)).toEqual(['KEY_WORKS', 'HOOK_VERSION']);
    const anew = await gateway.registerHook?.(stripe.account(account), HOOK);
    expect(anew?.hookId).not.toBe(hookId);
    expect(anew?.secret).toMatch(/^whsec_/);
    expect(stripe.world.endpoints.size).toBe(1);
  });

  it('is made anew where the one that stands is not the one whose secret is known', async () => {
    const old = await gateway.registerHook?.(stripe.account({ hookSecrets: [] }), HOOK);
    const account = { hookSecrets: [old?.secret ?? ''], hookId: old?.hookId ?? '' };
    Object.assign([...stripe.world.endpoints.values()][0] ?? {}, { api_version: '2024-06-20' });
    // It was made, and whoever made it died before its secret was kept.
    const lost = await gateway.registerHook?.(stripe.account(account), HOOK);
    const anew = await gateway.registerHook?.(stripe.account(account), HOOK);
    expect(anew).toEqual({ hookId: expect.stringMatching(/^we_/), secret: expect.stringMatching(/^whsec_/) });
    expect([...stripe.world.endpoints.keys()]).toEqual([anew?.hookId]);
    expect(anew?.hookId).not.toBe(lost?.hookId);
  });

  it('keeps its new secret though the old one does not go away', async () => {
    const { hookId, secret } = (await gateway.registerHook?.(stripe.account({ hookSecrets: [] }), HOOK)) ?? {};
    Object.assign([...stripe.world.endpoints.values()][0] ?? {}, { api_version: '2024-06-20' });
    stripe.faults.push({ fault: '403', on: /^DELETE .v1.webhook_endpoints/, times: 1 });
    const anew = await gateway.registerHook?.(
      stripe.account({ hookSecrets: [secret ?? ''], hookId: hookId ?? '' }),
      HOOK,
    );
    expect(anew?.secret).toMatch(/^whsec_/);
    expect(stripe.world.endpoints.size).toBe(2);
  });

  it('tells a key of the other mode and one that is refused', async () => {
    expect(await codes({ mode: 'live' })).toContain('KEY_OF_OTHER_MODE');
    const wrong = { credentials: { secret_key: 'sk_test_wrong' } };
    expect(await codes(wrong)).toEqual(['KEY_REFUSED']);
    expect(gateway.modeOf?.({ secret_key: 'rk_live_12345678' })).toBe('live');
    expect(gateway.modeOf?.({ secret_key: 'sk_test_12345678' })).toBe('test');
    expect(gateway.credentials.safeParse({ secret_key: 'pk_test_12345678' }).success).toBe(false);
  });
});
