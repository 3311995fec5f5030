import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway, GatewayAccount } from '../../src/payments/gateway.ts';
import { makePaypalGateway } from '../../src/payments/paypal/driver.ts';
import { collide } from '../support/crc-collision.ts';
import { type Break, type FakePaypal, startFakePaypal } from '../support/fake-paypal.ts';
import { certify } from '../support/fake-paypal-certificates.ts';
import { accountAt, gatewayFor, paypalLine, paypalRequest } from '../support/paypal-account.ts';

const DAY = 24 * 3_600_000;
const START = Date.UTC(2026, 0, 31, 12);
const HOOK_URL = 'http://127.0.0.1:9/api/paypal/webhook';

let now = START;
let paypal: FakePaypal;
let gateway: Gateway;
let account: GatewayAccount;

beforeEach(async () => {
  now = START;
  paypal = await startFakePaypal({ clock: () => now });
  gateway = gatewayFor(paypal);
  account = accountAt(paypal);
});
afterEach(() => paypal.close());

async function start(more: Parameters<typeof paypalRequest>[0] = {}): Promise<string> {
  const started = await gateway.startCheckout?.(account, paypalRequest(more));
  return started?.externalId ?? '';
}

async function subscribe(price = '10.00', more = {}): Promise<{ id: string; planId: string }> {
  const plan = paypal.addPlan({ price, ...more });
  const lines = [paypalLine({ priceId: plan.id, unitMinor: 1_000, recurring: true })];
  const id = await start({ lines });
  await paypal.approve(id);
  return { id, planId: plan.id };
}

describe('an order', () => {
  it('is made once by its key, with lines, sum, way back and our id', async () => {
    const lines = [paypalLine({ quantity: 2 }), paypalLine({ line: '2', priceId: 'addon', unitMinor: 100 })];
    const first = await gateway.startCheckout?.(account, paypalRequest({ lines, email: 'a@example.com' }));
    const again = await gateway.startCheckout?.(account, paypalRequest({ lines, email: 'a@example.com' }));
    expect(again).toEqual(first);
    expect(first).toMatchObject({ url: `${paypal.url}/pay/${first?.externalId}`, expiresAt: null });
    expect(paypal.orders.size).toBe(1);
    const sent = paypal.requests.find(({ path }) => path === '/v2/checkout/orders');
    expect(sent).toMatchObject({
      requestId: 'ord_01-1',
      body: {
        intent: 'CAPTURE',
        purchase_units: [
          {
            custom_id: 'ord_01',
            amount: { value: '99.00', breakdown: { item_total: { value: '99.00', currency_code: 'EUR' } } },
          },
        ],
        application_context: { locale: 'de-DE', return_url: 'https://shop.example/done', brand_name: 'Verein' },
      },
    });
    expect(await gateway.read(account, `checkout:${first?.externalId}`)).toMatchObject({
      checkout: {
        ...{ orderId: 'ord_01', state: 'open', currency: 'EUR', subtotalMinor: 9_900, totalMinor: 9_900 },
        lines: [
          { priceId: 'premium', quantity: 2, amountMinor: 9_800 },
          { priceId: 'addon', quantity: 1, amountMinor: 100 },
        ],
      },
      payments: [],
    });
  });

  it('of yen and forints has no decimals, and fractions of them are refused', async () => {
    const yen = await start({ orderId: 'ord_yen', currency: 'JPY', lines: [paypalLine({ unitMinor: 500 })] });
    const forints = await start({ orderId: 'ord_huf', currency: 'HUF', lines: [paypalLine({ unitMinor: 50_000 })] });
    expect(paypal.orders.get(yen)?.unit).toMatchObject({ amount: { value: '500' } });
    expect(paypal.orders.get(forints)?.unit).toMatchObject({ amount: { value: '500' } });
    expect(await gateway.read(account, `checkout:${forints}`)).toMatchObject({ checkout: { totalMinor: 50_000 } });
    const odd = start({ orderId: 'ord_odd', currency: 'HUF', lines: [paypalLine({ unitMinor: 50_001 })] });
    await expect(odd).rejects.toMatchObject({ reason: 'refused' });
  });

  it('of nothing, and a subscription with something else, are refused', async () => {
    await expect(start({ lines: [paypalLine({ unitMinor: 0 })] })).rejects.toMatchObject({ reason: 'refused' });
    const mixed = [paypalLine(), paypalLine({ line: '2', recurring: true })];
    await expect(start({ lines: mixed })).rejects.toMatchObject({ reason: 'refused' });
    await expect(start({ lines: [paypalLine({ priceId: 'x'.repeat(200) })] })).rejects.toMatchObject({
      reason: 'refused',
    });
  });

  it('case 40: is captured without the buyer coming back, once', async () => {
    const id = await start();
    await paypal.approve(id, { email: 'berta@example.com' });
    const [first, second] = await Promise.all([
      gateway.read(account, `checkout:${id}`),
      gateway.read(account, `checkout:${id}`),
    ]);
    const third = await gateway.read(account, `checkout:${id}`);
    for (const snapshot of [first, second, third]) {
      expect(snapshot).toMatchObject({
        checkout: {
          state: 'paid',
          email: 'berta@example.com',
          name: 'Berta Käufer',
          externalCustomerId: 'PAYERBERTA001',
        },
        payments: [
          { kind: 'one_off', state: 'paid', amountMinor: 4_900, currency: 'EUR', paidAt: now, checkoutId: id },
        ],
      });
    }
    expect([...paypal.payments.values()]).toHaveLength(1);
  });

  it('case 40: captured by somebody else in the same moment is as good', async () => {
    const id = await start();
    await paypal.approve(id);
    paypal.break(/capture$/, {
      status: 422,
      body: '{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"ORDER_ALREADY_CAPTURED"}]}',
    });
    await expect(gateway.read(account, `checkout:${id}`)).resolves.toMatchObject({ checkout: { orderId: 'ord_01' } });
  });

  it('case 40: pending waits, and then is complete or denied', async () => {
    for (const end of ['COMPLETED', 'DECLINED'] as const) {
      const id = await start({ orderId: `ord_${end.toLowerCase()}` });
      paypal.nextCaptures.push('PENDING');
      await paypal.approve(id);
      expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({
        checkout: { state: 'processing' },
        payments: [{ state: 'pending', paidAt: null }],
      });
      await paypal.settle(paypal.lastPayment(id), end);
      const state = end === 'COMPLETED' ? 'paid' : 'failed';
      expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({
        checkout: { state },
        payments: [{ state }],
      });
    }
  });

  it('stays open where the buyer must choose another way to pay, and is captured after that', async () => {
    const id = await start();
    paypal.nextCaptures.push('INSTRUMENT_DECLINED');
    await paypal.approve(id);
    expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({ checkout: { state: 'open' } });
    now += 60_000;
    await paypal.approve(id);
    expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({ checkout: { state: 'paid' } });
  });

  it('of another shop is never captured, and one that PayPal forgot is nothing', async () => {
    const id = await start({ orderId: 'SHOP-4711' });
    await paypal.approve(id);
    expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({ checkout: { state: 'open', orderId: null } });
    expect(paypal.orders.get(id)?.status).toBe('APPROVED');
    expect(await gateway.read(account, 'checkout:8A4NOTHING')).toBeNull();
  });

  it('whose approval was taken back has failed', async () => {
    const id = await start();
    await paypal.withdraw(id);
    expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({ checkout: { state: 'failed' } });
  });
});

describe('money that comes back of an order', () => {
  let id: string;
  let captureId: string;
  beforeEach(async () => {
    id = await start();
    await paypal.approve(id);
    await gateway.read(account, `checkout:${id}`);
    captureId = paypal.lastPayment(id);
  });
  const read = async () => {
    const snapshot = await gateway.read(account, `checkout:${id}`);
    if (!snapshot) throw new Error('gone');
    return snapshot;
  };

  it('is refunds in part until all is gone', async () => {
    for (const value of ['10.00', '19.00', '20.00']) await paypal.refund(captureId, value);
    const { refunds, payments } = await read();
    expect(refunds.map(({ amountMinor, state, paymentId }) => [amountMinor, state, paymentId])).toEqual([
      [1_000, 'succeeded', captureId],
      [1_900, 'succeeded', captureId],
      [2_000, 'succeeded', captureId],
    ]);
    expect(payments).toMatchObject([{ state: 'paid', amountMinor: 4_900 }]);
  });

  it('pending and failed refunds say so', async () => {
    const refundId = await paypal.refund(captureId, undefined, 'PENDING');
    expect((await read()).refunds).toMatchObject([{ state: 'pending' }]);
    await paypal.settleRefund(refundId, 'FAILED');
    expect((await read()).refunds).toMatchObject([{ state: 'failed', amountMinor: 4_900 }]);
  });

  it('is a reversal by PayPal too', async () => {
    await paypal.reverse(captureId);
    expect((await read()).refunds).toMatchObject([{ state: 'succeeded', amountMinor: 4_900 }]);
  });

  it('case 25: is what a dispute took, in part where it was resolved in part', async () => {
    const dispute = await paypal.dispute([captureId], { stage: 'INQUIRY' });
    expect((await read()).disputes).toMatchObject([{ state: 'inquiry', amountMinor: 4_900, paymentId: captureId }]);
    await paypal.changeDispute(dispute.id, { stage: 'CHARGEBACK', status: 'UNDER_REVIEW' });
    expect((await read()).disputes).toMatchObject([{ state: 'open', dueAt: now + 10 * DAY }]);
    await paypal.resolve(dispute.id, 'RESOLVED_BUYER_FAVOUR', '3.00');
    expect((await read()).disputes).toMatchObject([{ externalId: dispute.id, state: 'lost', amountMinor: 300 }]);
  });

  it.each([
    ['RESOLVED_SELLER_FAVOUR', 'won'],
    ['DENIED', 'won'],
    ['CANCELED_BY_BUYER', 'closed'],
    ['RESOLVED_WITH_PAYOUT', 'closed'],
    ['ACCEPTED', 'lost'],
    ['SOMETHING_NEW', 'unknown'],
  ])('a dispute that ended with %s is %s', async (outcome, state) => {
    const { id: disputeId } = await paypal.dispute([captureId]);
    await paypal.resolve(disputeId, outcome);
    expect((await read()).disputes).toMatchObject([{ state }]);
  });

  it('a dispute about several payments is one of each', async () => {
    const other = await start({ orderId: 'ord_02' });
    await paypal.approve(other);
    await gateway.read(account, `checkout:${other}`);
    const dispute = await paypal.dispute([captureId, paypal.lastPayment(other)]);
    expect((await read()).disputes).toMatchObject([{ externalId: `${dispute.id}:${captureId}`, amountMinor: 4_900 }]);
    const twin = await gateway.read(account, `checkout:${other}`);
    expect(twin?.disputes).toMatchObject([{ externalId: `${dispute.id}:${paypal.lastPayment(other)}` }]);
  });

  it('is not looked at where the app may see no disputes, and the rest is', async () => {
    await paypal.dispute([captureId]);
    paypal.closed.add('disputes');
    expect(await read()).toMatchObject({ checkout: { state: 'paid' }, disputes: [] });
  });
});

describe('a subscription', () => {
  it('is its own page, is incomplete until it is agreed to, and paid by its first charge', async () => {
    const plan = paypal.addPlan({ price: '10.00' });
    const id = await start({
      lines: [paypalLine({ priceId: plan.id, quantity: 3, unitMinor: 1_000, recurring: true })],
    });
    expect(await gateway.read(account, `checkout:${id}`)).toMatchObject({
      checkout: { state: 'open', externalId: id, subtotalMinor: 3_000 },
      subscription: { state: 'incomplete' },
      payments: [],
    });
    await paypal.approve(id);
    expect(await gateway.read(account, `subscription:${id}`)).toMatchObject({
      checkout: {
        ...{ state: 'paid', orderId: 'ord_01', subtotalMinor: 3_000, totalMinor: 3_000, subscriptionId: id },
      },
      subscription: {
        ...{ state: 'active', orderId: 'ord_01', checkoutId: id, currency: 'EUR', failedAt: null },
        items: [{ id, priceId: plan.id, quantity: 3 }],
      },
      payments: [
        {
          ...{ kind: 'period', state: 'paid', amountMinor: 3_000, subscriptionId: id, paidAt: now },
          lines: [{ item: id, priceId: plan.id, quantity: 3, amountMinor: 3_000, start: now }],
        },
      ],
    });
  });

  it('case 40: is paid by time and interval, whatever PayPal says of the next charge', async () => {
    const { id } = await subscribe();
    const subscription = paypal.subscriptions.get(id);
    if (subscription) subscription.nextAt = now;
    const february = Date.UTC(2026, 1, 28, 12);
    const ends = async () =>
      (await gateway.read(account, `subscription:${id}`))?.payments.map(({ lines }) => lines[0]?.end);
    expect(await ends()).toEqual([february]);
    now = february;
    await paypal.renew(id);
    // It began on a 31st, and PayPal goes back to that day.
    expect(await ends()).toEqual([february, Date.UTC(2026, 2, 31, 12)]);
  });

  it('that fails is past due since the first try, whatever is tried later', async () => {
    const { id } = await subscribe();
    now += 28 * DAY;
    const first = now;
    await paypal.fail(id);
    now += 5 * DAY;
    await paypal.fail(id);
    const failing = await gateway.read(account, `subscription:${id}`);
    expect(failing?.subscription).toMatchObject({ state: 'past_due', failedAt: first });
    expect(failing?.payments).toHaveLength(1);
    now += DAY;
    await paypal.renew(id);
    const paid = await gateway.read(account, `subscription:${id}`);
    expect(paid?.subscription).toMatchObject({ state: 'active', failedAt: null });
    expect(paid?.payments).toHaveLength(2);
  });

  it('case 40: is found canceled by looking, where nobody was told', async () => {
    const { id } = await subscribe();
    paypal.forget(1);
    now += DAY;
    await paypal.cancel(id);
    expect(await gateway.read(account, `subscription:${id}`)).toMatchObject({
      subscription: { state: 'canceled', canceledAt: now, cancelAt: Date.UTC(2026, 1, 28, 12) },
      payments: [{ state: 'paid', lines: [{ end: Date.UTC(2026, 1, 28, 12) }] }],
    });
  });

  it('case 40: suspended is paused, and runs again when it is activated', async () => {
    const { id } = await subscribe();
    await paypal.suspend(id);
    expect((await gateway.read(account, `subscription:${id}`))?.subscription).toMatchObject({
      state: 'paused',
      pausedAt: now,
    });
    await paypal.reactivate(id);
    expect((await gateway.read(account, `subscription:${id}`))?.subscription).toMatchObject({
      state: 'active',
      pausedAt: null,
    });
    await paypal.expire(id);
    expect((await gateway.read(account, `subscription:${id}`))?.subscription).toMatchObject({ state: 'expired' });
  });

  it('is paused, resumed and canceled by its actions, twice as well as once', async () => {
    const { id } = await subscribe();
    const { subscriptions: actions } = gateway;
    for (const key of ['a', 'b']) await actions?.pause?.(account, id, `pause-${key}`);
    expect(paypal.subscriptions.get(id)?.status).toBe('SUSPENDED');
    for (const key of ['a', 'b']) await actions?.resume?.(account, id, `resume-${key}`);
    expect(paypal.subscriptions.get(id)?.status).toBe('ACTIVE');
    for (const key of ['a', 'b']) await actions?.cancel(account, id, 'period_end', `cancel-${key}`);
    expect(paypal.subscriptions.get(id)?.status).toBe('CANCELLED');
    await expect(actions?.resume?.(account, id, 'resume-c')).rejects.toMatchObject({ reason: 'refused' });
    expect(actions?.uncancel).toBeNull();
  });

  it('that was changed keeps what was paid under the plan of then', async () => {
    const { id, planId } = await subscribe();
    const known = async () => {
      const snapshot = await gateway.read(account, `subscription:${id}`);
      const payments = snapshot?.payments.map(({ externalId, lines: [line] }) => {
        return { externalId, priceId: line?.priceId ?? null, quantity: line?.quantity ?? 1 };
      });
      return { refunds: [], payments: payments ?? [], isOrdered: true };
    };
    const before = await known();
    const yearly = paypal.addPlan({ price: '99.00', interval: { unit: 'YEAR', count: 1 } });
    const to = {
      itemId: id,
      priceId: yearly.id,
      quantity: 1,
      when: 'now' as const,
      returnUrl: 'https://shop.example/back',
    };
    const change = await gateway.subscriptions?.change?.(account, id, to, 'change-1');
    expect(change).toEqual({ approvalUrl: `${paypal.url}/pay/${id}` });
    await paypal.approve(id);
    const after = await gateway.read(account, `subscription:${id}`, before);
    expect(after?.subscription?.items).toEqual([{ id, priceId: yearly.id, quantity: 1 }]);
    expect(after?.payments).toMatchObject([{ lines: [{ priceId: planId, end: Date.UTC(2026, 1, 28, 12) }] }]);
    expect(after?.checkout).toMatchObject({ subtotalMinor: 1_000, lines: [{ priceId: planId, quantity: 1 }] });
    // Nobody remembers: no price is guessed for it.
    const strange = await gateway.read(account, `subscription:${id}`);
    expect(strange?.payments).toMatchObject([{ lines: [{ priceId: null, end: null }] }]);
    now = Date.UTC(2026, 1, 28, 12);
    await paypal.renew(id);
    const renewed = await gateway.read(account, `subscription:${id}`, before);
    expect(renewed?.payments).toMatchObject([
      { lines: [{ priceId: planId }] },
      { lines: [{ priceId: yearly.id, end: Date.UTC(2027, 1, 28, 12) }] },
    ]);
  });

  it('with a fee and a cheaper first time is paid for at the regular price', async () => {
    const trial = { price: 100, unit: 'MONTH' as const, count: 1, cycles: 1 };
    const { id, planId } = await subscribe('10.00', { trial, setupFee: '5.00' });
    const snapshot = await gateway.read(account, `subscription:${id}`);
    expect(snapshot?.subscription?.state).toBe('trialing');
    expect(snapshot?.payments).toMatchObject([
      { amountMinor: 600, lines: [{ priceId: planId, amountMinor: 1_000, end: Date.UTC(2026, 1, 28, 12) }] },
    ]);
    expect(snapshot?.checkout).toMatchObject({
      state: 'paid',
      subtotalMinor: 1_000,
      discountMinor: 400,
      totalMinor: 600,
    });
  });

  it('has its free trial, of which PayPal makes no payment', async () => {
    const trial = { price: 0, unit: 'DAY' as const, count: 7, cycles: 2 };
    const { id } = await subscribe('10.00', { trial });
    expect(await gateway.read(account, `subscription:${id}`)).toMatchObject({
      checkout: { state: 'paid', subtotalMinor: 1_000 },
      subscription: { state: 'trialing' },
      payments: [{ externalId: `trial:${id}`, amountMinor: 0, lines: [{ start: now, end: now + 14 * DAY }] }],
    });
  });

  it('refunds that PayPal does not list are those we know, and what is missing when all is gone', async () => {
    const { id } = await subscribe();
    const sale = paypal.lastPayment(id);
    const first = await paypal.refund(sale, '4.00');
    const read = async (refunds: string[]) =>
      (await gateway.read(account, `subscription:${id}`, { refunds, payments: [], isOrdered: true }))?.refunds.map(
        ({ externalId, amountMinor, state }) => [externalId, amountMinor, state],
      );
    expect(await read([])).toEqual([]);
    expect(await read([first])).toEqual([[first, 400, 'succeeded']]);
    const second = await paypal.refund(sale);
    expect(await read([first])).toEqual([
      [first, 400, 'succeeded'],
      [`rest:${sale}`, 600, 'succeeded'],
    ]);
    expect(await read([first, second, `rest:${sale}`])).toEqual([
      [first, 400, 'succeeded'],
      [second, 600, 'succeeded'],
      [`rest:${sale}`, 0, 'failed'],
    ]);
  });

  it('can be listed, for taking over what runs already', async () => {
    for (let i = 0; i < 21; i++) {
      const plan = paypal.addPlan();
      const lines = [paypalLine({ priceId: plan.id, unitMinor: 1_000, recurring: true })];
      await paypal.approve(await start({ orderId: `ord_${i}`, lines }));
    }
    const first = await gateway.listSubscriptions?.(account, null);
    const second = await gateway.listSubscriptions?.(account, first?.next ?? null);
    expect([first?.subscriptions.length, second?.subscriptions.length, second?.next]).toEqual([20, 1, null]);
    expect(first?.subscriptions[0]).toMatchObject({ state: 'active', email: 'buyer@example.com', currency: 'EUR' });
  });
});

describe('events', () => {
  const locateAll = async () => {
    const subjects: Record<string, string | null> = {};
    for (const event of paypal.events) {
      const parsed = gateway.parse(Buffer.from(JSON.stringify(event)), {});
      if (!parsed.ok) throw new Error(parsed.detail);
      const { type, subject } = parsed.event;
      subjects[type] = subject === '' ? await gateway.locate(account, parsed.event) : subject;
    }
    return subjects;
  };

  it('lead to the order or the subscription that they are about', async () => {
    const id = await start();
    await paypal.approve(id);
    await gateway.read(account, `checkout:${id}`);
    await paypal.refund(paypal.lastPayment(id), '1.00');
    await paypal.dispute([paypal.lastPayment(id)]);
    const order = `checkout:${id}`;
    expect(await locateAll()).toEqual({
      'CHECKOUT.ORDER.APPROVED': order,
      'PAYMENT.CAPTURE.COMPLETED': order,
      'PAYMENT.CAPTURE.REFUNDED': order,
      'CUSTOMER.DISPUTE.CREATED': order,
    });
    paypal.events.length = 0;
    const { id: subscriptionId } = await subscribe();
    await paypal.fail(subscriptionId);
    await paypal.refund(paypal.lastPayment(subscriptionId));
    await paypal.dispute([paypal.lastPayment(subscriptionId)]);
    const subscription = `subscription:${subscriptionId}`;
    expect(await locateAll()).toEqual({
      'BILLING.SUBSCRIPTION.ACTIVATED': subscription,
      'PAYMENT.SALE.COMPLETED': subscription,
      'BILLING.SUBSCRIPTION.PAYMENT.FAILED': subscription,
      'PAYMENT.SALE.REFUNDED': subscription,
      'CUSTOMER.DISPUTE.CREATED': subscription,
    });
    const plan = { id: 'WH-9', event_type: 'BILLING.PLAN.DEACTIVATED', resource: { id: 'P-1' } };
    expect(gateway.parse(Buffer.from(JSON.stringify(plan)), {})).toMatchObject({ event: { subject: 'price:P-1' } });
    const other = { id: 'WH-9', event_type: 'INVOICING.INVOICE.PAID', resource: { id: 'INV-1' } };
    expect(gateway.parse(Buffer.from(JSON.stringify(other)), {})).toMatchObject({ event: { subject: null } });
    expect(
      await gateway.locate(account, { type: 'PAYMENT.CAPTURE.COMPLETED', objectType: 'capture', objectId: 'NO' }),
    ).toBeNull();
  });

  it.each(['', 'no json', '[]', '{"id":1}', '{"id":"WH-1"}', '"WH-1"', 'null'])('%j is no event', (text) => {
    expect(gateway.parse(Buffer.from(text), {})).toMatchObject({ ok: false });
  });

  it('are listed page by page, though not from before PayPal remembers', async () => {
    for (let i = 0; i < 150; i++) {
      now += 1_000;
      await paypal.emit('BILLING.SUBSCRIPTION.UPDATED', 'subscription', { id: `I-${i}` });
    }
    const first = await gateway.listEvents?.(account, START - DAY, null);
    const second = await gateway.listEvents?.(account, START - DAY, first?.next ?? null);
    expect([first?.events.length, second?.events.length, second?.next]).toEqual([100, 50, null]);
    expect(first?.events[0]?.objectId).toBe('I-50');
    expect(second?.events.at(-1)).toMatchObject({ objectId: 'I-49', subject: 'subscription:I-49', deliveryId: null });
    expect((await gateway.listEvents?.(account, START - 90 * DAY, null))?.events).toHaveLength(100);
  });
});

describe('signatures', () => {
  let hookId: string;
  const BODY = '{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"1","note":"Grüße 1.0"}}';
  beforeEach(() => {
    hookId = paypal.addWebhook('http://127.0.0.1:9/hook');
    account = accountAt(paypal, { hookId });
  });
  const verify = (raw: Uint8Array, headers: Record<string, string>, of = account, by = gateway) =>
    by.verify(raw, headers, of, now);
  const signed = (more = {}, body = BODY, id = hookId) => paypal.signed(body, id, more);

  it('case 19: a genuine delivery is let in, with its umlauts and its 1.0', async () => {
    const { raw, headers } = signed();
    expect(await verify(raw, headers)).toEqual({ ok: true });
    expect(gateway.parse(raw, headers)).toMatchObject({
      event: { eventId: 'WH-1', deliveryId: headers['paypal-transmission-id'] },
    });
    expect(paypal.requests.filter(({ path }) => path.includes('/certs/'))).toHaveLength(1);
    await verify(raw, headers);
    expect(paypal.requests.filter(({ path }) => path.includes('/certs/'))).toHaveLength(1);
  });

  it('case 19: other bytes, another webhook, a signed CRC and missing headers are refused', async () => {
    const { raw, headers } = signed();
    expect(await verify(Buffer.from(BODY.replace('1.0', '1')), headers)).toMatchObject({
      ok: false,
      reason: 'invalid',
    });
    expect(await verify(raw, headers, accountAt(paypal, { hookId: 'WH-OTHER' }))).toMatchObject({ reason: 'invalid' });
    expect(await verify(raw, headers, accountAt(paypal))).toMatchObject({ reason: 'foreign' });
    for (const name of Object.keys(headers).filter(
      (each) => each !== 'content-type' && each !== 'paypal-auth-version',
    )) {
      const { [name]: _, ...rest } = headers;
      expect(await verify(raw, rest)).toMatchObject({ ok: false, reason: 'unsigned' });
    }
    expect(await verify(raw, { ...headers, 'paypal-auth-algo': 'none' })).toMatchObject({ reason: 'invalid' });
    expect(await verify(raw, { ...headers, 'paypal-transmission-sig': '!!' })).toMatchObject({ reason: 'invalid' });
  });

  it('case 19: another body of the same CRC passes here, under the same delivery', async () => {
    const { raw, headers } = signed();
    const forged = collide(raw, '{"id":"WH-2","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"9","note":"');
    expect(await verify(forged, headers)).toEqual({ ok: true });
    const [real, fake] = [gateway.parse(raw, headers), gateway.parse(forged, headers)];
    if (!real.ok || !fake.ok) throw new Error('not parsed');
    // So that the inbox sees two bodies of one delivery, and refuses the second.
    expect(fake.event.deliveryId).toBe(real.event.deliveryId);
    expect(fake.event.eventId).not.toBe(real.event.eventId);
  });

  it('case 19: events of the simulator are for the sandbox only', async () => {
    const { raw, headers } = signed({}, BODY, 'WEBHOOK_ID');
    expect(await verify(raw, headers)).toEqual({ ok: true });
    expect(await verify(raw, headers, accountAt(paypal, { hookId, mode: 'live' }))).toMatchObject({
      reason: 'foreign',
    });
    expect(await verify(raw, headers, accountAt(paypal, { hookId: 'WEBHOOK_ID', mode: 'live' }))).toMatchObject({
      ok: false,
    });
  });

  it.each([
    'https://evil.example/v1/notifications/certs/CERT-FAKE',
    'https://api.paypal.com.evil.tld/v1/notifications/certs/CERT-FAKE',
    'https://api.paypal.com@evil.example/v1/notifications/certs/CERT-FAKE',
    'https://user:secret@api.paypal.com/v1/notifications/certs/CERT-FAKE',
    'http://api.paypal.com/v1/notifications/certs/CERT-FAKE',
    'https://api.paypal.com:8443/v1/notifications/certs/CERT-FAKE',
    'https://api.paypal.com/v1/notifications/other/CERT-FAKE',
    'https://api.paypal.com/v1/notifications/certs/../../files/CERT-FAKE',
    'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-FAKE',
    'file:///v1/notifications/certs/CERT-FAKE',
    'no address',
  ])('case 19: a certificate at %s is not fetched', async (certUrl) => {
    const { raw, headers } = signed({ certUrl });
    const live = accountAt(paypal, { hookId, mode: 'live' });
    expect(await verify(raw, headers, live)).toMatchObject({ ok: false, reason: 'invalid' });
  });

  it('case 19: redirects, huge files and no files are no certificates', async () => {
    const spoilt: Break[] = [
      { status: 302, headers: { location: `${paypal.url}/v1/notifications/certs/CERT-FAKE` } },
      { status: 200, body: 'x'.repeat(100_000) },
      { status: 404 },
    ];
    for (const how of spoilt) {
      paypal.break(/certs/, how);
      const { raw, headers } = signed();
      await expect(verify(raw, headers)).rejects.toMatchObject({ reason: 'bad_answer' });
    }
    paypal.certificates.set('EMPTY', 'nothing');
    const { raw, headers } = signed({ certUrl: paypal.certUrl('EMPTY') });
    expect(await verify(raw, headers)).toMatchObject({ ok: false, reason: 'invalid' });
    // What could not be fetched is fetched again.
    const good = signed();
    expect(await verify(good.raw, good.headers)).toEqual({ ok: true });
  });

  it('case 19: expired, self-signed, misnamed and misused certificates are refused', async () => {
    const name = 'messageverificationcerts.paypal.com';
    const { authority } = paypal;
    const evil = certify({ subject: 'Evil Authority', issuer: null, authority: true, ownKey: true });
    const made = {
      expired: certify({ subject: name, issuer: authority, until: now - 1_000 }),
      early: certify({ subject: name, issuer: authority, from: now + 1_000 }),
      self: certify({ subject: name, issuer: null, ownKey: true }),
      other: certify({ subject: 'www.paypal.com', issuer: authority }),
      // Signed by somebody whom nobody made an authority.
      misused: certify({ subject: name, issuer: paypal.signer, ownKey: true }),
      evil: certify({ subject: name, issuer: evil }),
    };
    for (const [label, certificate] of Object.entries(made)) {
      const chain = { misused: paypal.signer.pem, evil: evil.pem }[label] ?? '';
      paypal.certificates.set(label, certificate.pem + chain);
      const { raw, headers } = signed({ certUrl: paypal.certUrl(label), key: certificate.key });
      expect([label, await verify(raw, headers)]).toMatchObject([label, { ok: false, reason: 'invalid' }]);
    }
  });

  it('goes up a chain that was sent along', async () => {
    const middle = certify({ subject: 'Fake Intermediate', issuer: paypal.authority, authority: true, ownKey: true });
    const leaf = certify({ subject: 'messageverificationcerts.paypal.com', issuer: middle, ownKey: true });
    paypal.certificates.set('CHAIN', leaf.pem + middle.pem);
    const { raw, headers } = signed({ certUrl: paypal.certUrl('CHAIN'), key: leaf.key });
    expect(await verify(raw, headers)).toEqual({ ok: true });
  });

  it('asks PayPal itself, with the very text, where the chain was not sent to its end', async () => {
    const stranger = makePaypalGateway({ pause: async () => undefined });
    const { raw, headers } = signed();
    expect(await verify(raw, headers, account, stranger)).toEqual({ ok: true });
    expect(await verify(Buffer.from(BODY.replace('1.0', '1')), headers, account, stranger)).toMatchObject({
      ok: false,
    });
    for (const text of ['[]', '{}},"webhook_event":{}', 'x']) {
      expect(await verify(Buffer.from(text), headers, account, stranger)).toMatchObject({ ok: false });
    }
  });

  it('what was sent long ago or is sent tomorrow is refused', async () => {
    const at = (ms: number) => signed({ time: new Date(ms).toISOString() });
    for (const [ms, reason] of [
      [now - 31 * DAY, 'stale'],
      [now + DAY, 'early'],
    ] as const) {
      const { raw, headers } = at(ms);
      expect(await verify(raw, headers)).toMatchObject({ ok: false, reason });
    }
    const { raw, headers } = at(now - 3 * DAY);
    expect(await verify(raw, headers)).toEqual({ ok: true });
  });
});

describe('the way to PayPal', () => {
  const ask = () => gateway.readPrice?.(account, 'P-NONE') ?? Promise.resolve(undefined);
  const calls = (part: string) => paypal.requests.filter(({ path }) => path.includes(part)).length;

  it('case 39: a token is asked for once by many, and used on', async () => {
    await Promise.all(Array.from({ length: 20 }, ask));
    await ask();
    expect(calls('oauth2')).toBe(1);
  });

  it('case 39: a token that is taken back is renewed, once', async () => {
    await ask();
    paypal.expireTokens();
    await Promise.all(Array.from({ length: 10 }, ask));
    expect(calls('oauth2')).toBe(2);
    paypal.break(/billing/, { status: 401 }, 2);
    await expect(ask()).rejects.toMatchObject({ reason: 'unauthorized' });
  });

  it('case 39: a token ends by its time', async () => {
    let elapsed = 0;
    gateway = gatewayFor(paypal, { elapsed: () => elapsed });
    paypal.tokenSeconds = 600;
    await ask();
    elapsed = 500_000;
    await ask();
    expect(calls('oauth2')).toBe(1);
    elapsed = 541_000;
    await ask();
    expect(calls('oauth2')).toBe(2);
  });

  it('case 39: wrong credentials are told at once and not tried again', async () => {
    const wrong = accountAt(paypal, { credentials: { client_id: paypal.clientId, client_secret: 'wrong' } });
    const asked = gateway.readPrice?.(wrong, 'P-1');
    await expect(asked).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(asked).rejects.not.toThrow(/wrong/);
    expect(calls('oauth2')).toBe(1);
    expect(await ask()).toBeNull();
  });

  it('case 39: a token endpoint that fails is tried again, and fails cleanly', async () => {
    paypal.break(/oauth2/, { status: 500 }, 2);
    expect(await ask()).toBeNull();
    gateway = gatewayFor(paypal);
    paypal.break(/oauth2/, { status: 500 }, 3);
    await expect(ask()).rejects.toMatchObject({ reason: 'bad_answer' });
    expect(await ask()).toBeNull();
  });

  it('case 39: two hosts with one client id have a token each', async () => {
    const other = await startFakePaypal({ clock: () => now });
    try {
      await ask();
      expect(await gateway.readPrice?.(accountAt(other), 'P-NONE')).toBeNull();
      expect(other.requests.filter(({ path }) => path.includes('oauth2'))).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it.each<Break>(['garbage', 'no-type', 'bad-gzip', 'gzip', 'html', 'truncated', { status: 200 }, { status: 301 }])(
    'case 39: %j is told as trouble and ends nothing',
    async (how) => {
      await ask();
      paypal.break(/billing/, how, 3);
      gateway = gatewayFor(paypal, { tries: 1 });
      for (let i = 0; i < 3; i++) await expect(ask()).rejects.toMatchObject({ name: 'PaymentTrouble' });
      expect(await ask()).toBeNull();
    },
  );

  it('case 39: JSON without a type, and well packed, is read', async () => {
    const plan = paypal.addPlan();
    const whole = JSON.stringify({ id: plan.id, status: 'ACTIVE', billing_cycles: [] });
    paypal.break(/plans/, (response) => response.writeHead(200).end(whole));
    expect(await gateway.readPrice?.(account, plan.id)).toBeNull();
    paypal.break(/plans/, (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(whole)));
    expect(await gateway.readPrice?.(account, plan.id)).toBeNull();
  });

  it.each<Break>(['silent', 'drip'])('case 39: one that is %s is left in time', async (how) => {
    await ask();
    gateway = gatewayFor(paypal, { timeoutMs: 60, tries: 1 });
    paypal.break(/billing/, how);
    await expect(ask()).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('waits as long as it is told after too many requests, but not for ever', async () => {
    const waits: number[] = [];
    gateway = gatewayFor(paypal, { pause: async (ms) => void waits.push(ms) });
    paypal.break(/billing/, { status: 429, headers: { 'retry-after': '2' } });
    expect(await ask()).toBeNull();
    expect(waits).toEqual([2_000]);
    paypal.break(/billing/, { status: 429, headers: { 'retry-after': '600' } });
    await expect(ask()).rejects.toMatchObject({ reason: 'rate_limited', retryAfterMs: 600_000 });
  });

  it('sends again only what PayPal does once', async () => {
    paypal.break(/orders$/, { status: 503 }, 2);
    expect(await start()).not.toBe('');
    expect(calls('/v2/checkout/orders')).toBe(3);
    paypal.break(/webhooks$/, { status: 200, body: '{"webhooks":[]}' });
    paypal.break(/webhooks$/, { status: 503 });
    await expect(gateway.registerHook?.(account, HOOK_URL)).rejects.toMatchObject({ reason: 'bad_answer' });
  });

  it('a base address may have a path of its own', async () => {
    const beyond = accountAt(paypal, { apiBase: `${paypal.url}/proxy/` });
    await expect(gateway.readPrice?.(beyond, 'P-1')).rejects.toMatchObject({ name: 'PaymentTrouble' });
    expect(paypal.requests.at(-1)?.path).toBe('/proxy/v1/oauth2/token');
  });
});

describe('what a vendor sets up', () => {
  const codes = async (of = account) =>
    (await gateway.check(of, HOOK_URL)).findings.map(({ severity, code }) => `${severity} ${code}`);

  it('the webhook is made, mended and found again', async () => {
    expect(await codes()).toEqual(['error WEBHOOK_MISSING', 'ok CREDENTIALS']);
    const made = await gateway.registerHook?.(account, HOOK_URL);
    account = accountAt(paypal, { hookId: made?.hookId ?? null });
    expect(await codes()).toEqual(['ok WEBHOOK', 'ok CREDENTIALS']);
    const webhook = paypal.webhooks.get(made?.hookId ?? '');
    if (!webhook) throw new Error('no webhook');
    webhook.types = ['PAYMENT.SALE.COMPLETED'];
    expect(await codes()).toEqual(['error WEBHOOK_EVENTS', 'ok CREDENTIALS']);
    expect(await gateway.registerHook?.(account, HOOK_URL)).toEqual(made);
    expect(await codes()).toEqual(['ok WEBHOOK', 'ok CREDENTIALS']);
    webhook.url = 'https://elsewhere.example';
    expect(await codes()).toEqual(['error WEBHOOK_ADDRESS', 'ok CREDENTIALS']);
    expect(await codes(accountAt(paypal, { hookId: 'WH-GONE' }))).toEqual(['error WEBHOOK_GONE', 'ok CREDENTIALS']);
  });

  it('an event name that PayPal has no more costs none of the others', async () => {
    paypal.break(/webhooks$/, { status: 200, body: '{"webhooks":[]}' });
    paypal.break(/webhooks$/, { status: 400, body: '{"name":"VALIDATION_ERROR"}' });
    const made = await gateway.registerHook?.(account, HOOK_URL);
    expect(paypal.webhooks.get(made?.hookId ?? '')?.types).toEqual(['*']);
  });

  it('says what the app may not see, and what is wrong with the credentials', async () => {
    paypal.closed.add('disputes').add('subscriptions');
    expect(await codes()).toContain('warning DISPUTES_CLOSED');
    expect(await codes()).toContain('warning SUBSCRIPTIONS_CLOSED');
    const wrong = accountAt(paypal, { credentials: { client_id: 'nobody', client_secret: 'nothing' } });
    expect(await codes(wrong)).toEqual(['error CREDENTIALS_REFUSED']);
    expect((await gateway.check(account, HOOK_URL)).externalId).toBe('VENDORPAYER01');
  });

  it('prices are those of plans', async () => {
    const weekly = paypal.addPlan({ price: '2.50', interval: { unit: 'WEEK', count: 2 }, name: 'Weekly' });
    expect(await gateway.readPrice?.(account, weekly.id)).toEqual({
      ...{ externalId: weekly.id, active: true, name: 'Weekly', amountMinor: 250, currency: 'EUR' },
      interval: { value: 14, unit: 'day' },
    });
    weekly.status = 'INACTIVE';
    expect(await gateway.readPrice?.(account, weekly.id)).toMatchObject({ active: false });
    expect(await gateway.readPrice?.(account, 'P-NONE')).toBeNull();
  });
});
