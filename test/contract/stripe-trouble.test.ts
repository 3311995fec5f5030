import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PaymentTrouble, type PaymentTroubleReason } from '../../src/errors.ts';
import type { CheckoutRequest, Gateway } from '../../src/payments/gateway.ts';
import { gateways } from '../../src/payments/registry.ts';
import { stripeTransport } from '../../src/payments/sdk-transport-io.ts';
import { type FakeStripe, startFakeStripe } from '../support/fake-stripe.ts';
import type { StripeFault } from '../support/fake-stripe-server.ts';

const gateway = gateways['stripe'] as Gateway;

let stripe: FakeStripe;
let page: string;
beforeAll(async () => {
  stripe = await startFakeStripe({ clock: () => Date.UTC(2026, 0, 31) });
  stripe.price({ id: 'price_once', amount: 4900 });
  page = (await gateway.startCheckout?.(stripe.account(), REQUEST))?.externalId ?? '';
});
afterAll(() => stripe.close());
beforeEach(() => {
  stripe.faults.length = 0;
  stripe.requests.length = 0;
});

const REQUEST: CheckoutRequest = {
  orderId: 'ord_1',
  attempt: 1,
  currency: 'EUR',
  lines: [{ line: '1', name: 'Pro', priceId: 'price_once', quantity: 1, unitMinor: 4900, recurring: false }],
  email: '',
  externalCustomerId: null,
  language: 'en',
  successUrl: 'https://shop.example/thanks',
  cancelUrl: 'https://shop.example/',
  brand: '',
};

const trouble = (asked: Promise<unknown> | undefined) =>
  (asked as Promise<unknown>).then(
    () => null,
    (error: unknown) => error as PaymentTrouble,
  );

describe('case 38: a Stripe that does not do its part', () => {
  it.each<[StripeFault, PaymentTroubleReason]>([
    ['401', 'unauthorized'],
    ['403', 'unauthorized'],
    ['429', 'rate_limited'],
    ['409', 'bad_answer'],
    ['500', 'bad_answer'],
    ['bare-404', 'bad_answer'],
    ['bare-502', 'bad_answer'],
    ['html', 'bad_answer'],
    ['empty', 'bad_answer'],
    ['list', 'bad_answer'],
    ['wrong-object', 'bad_answer'],
    ['half-json', 'bad_answer'],
    ['cut', 'unreachable'],
  ])('%s is %s, for whatever is asked', async (fault, reason) => {
    stripe.faults.push({ fault });
    const account = stripe.account();
    const asked = [
      gateway.read(account, `checkout:${page}`),
      gateway.read(account, 'subscription:sub_1'),
      gateway.startCheckout?.(account, { ...REQUEST, orderId: 'ord_2' }),
      gateway.listEvents?.(account, 0, null),
      gateway.readPrice?.(account, 'price_once'),
      gateway.registerHook?.(account, 'https://feedgate.example/api/stripe/webhook'),
      gateway.subscriptions?.cancel(account, 'sub_1', 'now', 'key'),
    ];
    for (const error of await Promise.all(asked.map(trouble))) {
      expect(error).toBeInstanceOf(PaymentTrouble);
      expect(error).toMatchObject({ reason });
      expect(error?.message).not.toMatch(/sk_test_|fakefake/);
    }
  });

  it('a refused key is asked once, and a slow down says how long', async () => {
    stripe.faults.push({ fault: '401', times: 1 }, { fault: '429', times: 1 });
    await trouble(gateway.readPrice?.(stripe.account(), 'price_once'));
    expect(stripe.requests).toHaveLength(1);
    const error = await trouble(gateway.readPrice?.(stripe.account(), 'price_once'));
    expect(error).toMatchObject({ reason: 'rate_limited', retryAfterMs: 7_000 });
  });

  it('a list without an end comes to one', async () => {
    stripe.faults.push({ fault: 'endless', on: /^GET .v1.invoices/ });
    const error = await trouble(gateway.read(stripe.account(), 'subscription:sub_none'));
    expect(error).toMatchObject({ reason: 'bad_answer', message: 'a list of Stripe does not end' });
  });

  it('nobody at the address, and a name that is none, is unreachable', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    for (const apiBase of [`http://127.0.0.1:${port}`, 'http://stripe.invalid']) {
      const error = await trouble(gateway.readPrice?.(stripe.account({ apiBase }), 'price_once'));
      expect(error).toMatchObject({ reason: 'unreachable' });
    }
  });

  it('no TLS where TLS is needed is unreachable', async () => {
    const apiBase = stripe.url.replace('http:', 'https:');
    const error = await trouble(gateway.readPrice?.(stripe.account({ apiBase }), 'price_once'));
    expect(error).toMatchObject({ reason: 'unreachable' });
  });

  it.each<StripeFault>(['slow', 'drip'])('an answer that is %s has a time for the whole of it', async (fault) => {
    stripe.faults.push({ fault });
    const { port } = new URL(stripe.url);
    const asked = stripeTransport.makeRequest('127.0.0.1', port, '/v1/balance', 'GET', {}, '', 'http', 60);
    await expect(asked).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('a page whose answer was lost is the same page when it is asked for again', async () => {
    stripe.faults.push({ fault: 'lost', on: /^POST/, times: 2 });
    const request = { ...REQUEST, orderId: 'ord_lost' };
    expect(await trouble(gateway.startCheckout?.(stripe.account(), request))).toMatchObject({ reason: 'unreachable' });
    const before = stripe.world.sessions.size;
    const started = await gateway.startCheckout?.(stripe.account(), request);
    expect(stripe.world.sessions.size).toBe(before);
    expect(stripe.world.sessions.get(started?.externalId ?? '')?.metadata).toEqual({ order_id: 'ord_lost' });
  });
});
