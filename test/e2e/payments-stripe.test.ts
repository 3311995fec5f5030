import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY } from '../../src/clock.ts';
import { fromRow } from '../../src/db/rows.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import type { Gateway } from '../../src/payments/gateway.ts';
import { gateways } from '../../src/payments/registry.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import type { EventRecord } from '../../src/payments/store-events.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeStripe, startFakeStripe } from '../support/fake-stripe.ts';
import { seedForge, seedOrganization } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';

const stripeGateway = gateways['stripe'] as Gateway;
const OLD_SECRET = 'whsec_old';

/** Deliveries of Stripe, signed as Stripe signs, through the route that takes them in. */
onEachDatabase('deliveries of Stripe', (database) => {
  let test: TestCore;
  let stripe: FakeStripe;
  let account: AccountRecord;

  beforeAll(async () => {
    test = await openTestCore(database(), { gateways: { stripe: stripeGateway } });
    stripe = await startFakeStripe({ clock: () => test.time.now });
    const organization = await seedOrganization(database().db, await seedForge(database().db));
    account = await seedAccount(database().db, organization, {
      provider: 'stripe',
      mode: 'test',
      externalId: 'acct_ours',
    });
    await signWith([stripe.world.hookSecret, OLD_SECRET]);
  });
  afterAll(async () => {
    await test.close();
    await stripe.close();
  });
  beforeEach(async () => {
    // Refusals of one test are no flood for the next.
    test.time.now += DAY;
    await database().db.tx((tx) => tx('payment_events').delete());
  });

  async function signWith(hookSecrets: string[]): Promise<void> {
    const sealed = sealedAccount(test.core.secrets, account.id, {
      credentials: stripe.account().credentials,
      hookSecrets,
    });
    const row = { credentials_sealed: sealed.credentialsSealed, hook_secrets_sealed: sealed.hookSecretsSealed };
    await database().db.tx((tx) => tx('payment_accounts').where({ id: account.id }).update(row));
  }

  const seconds = () => stripe.world.now();
  const event = (id: string, change: object = {}) => ({
    id,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: seconds(),
    livemode: false,
    type: 'customer.subscription.updated',
    data: { object: { id: 'sub_1', object: 'subscription', metadata: {} } },
    ...change,
  });
  const text = (id: string, change: object = {}) => JSON.stringify(event(id, change));

  async function post(body: string | Uint8Array, headers: Record<string, string>): Promise<number> {
    const answer = await fetch(`${test.url}/api/stripe/webhook`, { method: 'POST', body, headers });
    await answer.arrayBuffer();
    return answer.status;
  }

  /** Signed as the fake signs. */
  function send(body: string, secret?: string, at?: number): Promise<number> {
    return post(body, stripe.world.headersFor(body, secret, at));
  }

  async function events(): Promise<EventRecord[]> {
    return (await database().db.read((tx) => tx('payment_events').orderBy('id'))).map((row) => fromRow(row));
  }

  const signatureOf = (body: string, secret?: string) =>
    stripe.world.headersFor(body, secret)['stripe-signature'] ?? '';

  it('case 13: takes what one of its secrets signed, and nothing else', async () => {
    const body = text('evt_1');
    const good = signatureOf(body);
    const bad = signatureOf(body, 'whsec_other');
    const refused: Record<string, string>[] = [
      {},
      { 'stripe-signature': '' },
      { 'stripe-signature': 'garbled' },
      { 'stripe-signature': bad },
      { 'stripe-signature': signatureOf(body, 'whsec_fake\n') },
      { 'stripe-signature': good.replace('v1=', 'v0=') },
      { 'stripe-signature': good.replace('t=', 't=1,t=') },
      { 'stripe-signature': good.replace(/t=\d+/, 't=') },
    ];
    for (const headers of refused) expect([headers, await post(body, headers)]).toEqual([headers, 400]);
    expect(await events()).toEqual([]);
    const second = bad.slice(bad.indexOf('v1='));
    expect(await post(body, { 'stripe-signature': `${good},${second},v0=00` })).toBe(200);
    expect(await events()).toMatchObject([
      { eventId: 'evt_1', subject: 'subscription:sub_1', apiVersion: '2026-10-28.endive' },
    ]);
  });

  it('case 13: an empty secret or one with a line break signs nothing', async () => {
    for (const secret of ['', ' ', 'whsec_fake\n']) {
      await signWith([secret]);
      expect(await send(text('evt_1'), secret === '' ? 'x' : secret)).toBe(400);
    }
    await signWith([]);
    expect(await send(text('evt_1'))).toBe(400);
    await signWith([stripe.world.hookSecret, OLD_SECRET]);
  });

  it('case 14: five minutes to both sides', async () => {
    for (const [offset, status] of [
      [-299, 200],
      [-301, 400],
      [299, 200],
      [301, 400],
      [DAY / 1_000, 400],
    ] as const) {
      expect([offset, await send(text(`evt_${Math.abs(offset)}`), undefined, seconds() + offset)]).toEqual([
        offset,
        status,
      ]);
    }
  });

  it('case 15: the very bytes are signed', async () => {
    const body = text('evt_1');
    const headers = stripe.world.headersFor(body);
    const changed = [
      body.replace('sub_1', 'sub_2'),
      JSON.stringify(JSON.parse(body), null, 2),
      `\uFEFF${body}`,
      `${body}\n`,
      `${body}\0`,
      // An id that no UTF-8 holds: the SDK would hash another text.
      new Uint8Array([...Buffer.from(body), 0xff]),
    ];
    for (const each of changed) expect(await post(each, headers)).toBe(400);
    expect(await events()).toEqual([]);
    expect(await post(body, headers)).toBe(200);
    // Stripe sends it pretty-printed.
    expect(await send(JSON.stringify(event('evt_2'), null, 2))).toBe(200);
  });

  it('case 16: whatever signed bytes hold, they are taken for what they are', async () => {
    const cases: [string, number][] = [
      ['', 400],
      ['hello', 400],
      ['[]', 400],
      ['null', 400],
      ['"evt_1"', 400],
      ['{}', 400],
      [`[${text('evt_1')}]`, 400],
      [JSON.stringify({ id: 'evt_1', object: 'v2.core.event', type: 'v1.billing.meter.error_report_triggered' }), 400],
      [text('evt_1', { id: '' }), 400],
      [text('evt_1', { id: 7 }), 400],
      [text('evt_1', { type: null }), 400],
      [text('evt_1', { data: {} }), 400],
      [text('evt_1', { data: null }), 400],
      [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 400],
      // Once __proto__ is a name like any other, and once the id is only inherited from it.
      [`{"__proto__":${text('evt_proto')}}`, 400],
      [text('evt_deep').replace('"metadata":{}', `"metadata":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`), 200],
      [text('evt_own').replace('"metadata":{}', '"metadata":{"__proto__":{"id":"sub_2"},"constructor":1}'), 200],
      // Of two the last counts, and it is only what is looked at afresh.
      [text('evt_twice').replace('"object":"event"', '"object":"event","id":"evt_last"'), 200],
    ];
    for (const [body, status] of cases)
      expect([body.slice(0, 80), await send(body)]).toEqual([body.slice(0, 80), status]);
    expect((await events()).map(({ eventId, subject }) => [eventId, subject]).sort()).toEqual([
      ['evt_deep', 'subscription:sub_1'],
      ['evt_last', 'subscription:sub_1'],
      ['evt_own', 'subscription:sub_1'],
    ]);
    expect(({} as { id?: string }).id).toBeUndefined();
  });

  it('case 16: more than a megabyte is refused, packed or not', async () => {
    const large = text('evt_1', { pad: 'x'.repeat(2 ** 20) });
    expect(await send(large)).toBe(413);
    const packed = { ...stripe.world.headersFor(large), 'content-encoding': 'gzip' };
    expect(await post(gzipSync(large), packed)).toBe(413);
    const rest = 2 ** 20 - Buffer.byteLength(text('evt_2', { pad: '' }));
    expect(await send(text('evt_2', { pad: 'x'.repeat(rest) }))).toBe(200);
    expect(await send(text('evt_3', { pad: 'x'.repeat(rest + 1) }))).toBe(413);
  });

  it('case 17: events of the other mode or of another account are kept, and nothing follows', async () => {
    await send(text('evt_live', { livemode: true }));
    await send(text('evt_other', { account: 'acct_other' }));
    await send(text('evt_context', { context: 'acct_other' }));
    await send(text('evt_ours', { account: 'acct_ours' }));
    await database().db.tx((tx) => tx('payment_accounts').where({ id: account.id }).update({ mode: 'live' }));
    await send(text('evt_test'));
    await database().db.tx((tx) => tx('payment_accounts').where({ id: account.id }).update({ mode: 'test' }));
    expect((await events()).map(({ eventId, state }) => [eventId, state])).toEqual([
      ['evt_live', 'ignored'],
      ['evt_other', 'ignored'],
      ['evt_context', 'ignored'],
      ['evt_ours', 'pending'],
      ['evt_test', 'ignored'],
    ]);
  });

  it('case 41: an event leads to the same subject in whatever version it comes', async () => {
    const invoices = [
      { parent: { type: 'subscription_details', subscription_details: { subscription: 'sub_1' } } },
      { parent: { subscription_details: { subscription: { id: 'sub_1', object: 'subscription' } } } },
      { subscription: 'sub_1', parent: null },
      { subscription: { id: 'sub_1', object: 'subscription', current_period_end: 1 }, paid: true, charge: 'ch_1' },
    ];
    for (const [i, invoice] of invoices.entries()) {
      const object = { id: 'in_1', object: 'invoice', ...invoice };
      await send(
        text(`evt_${i}`, {
          api_version: i < 2 ? '2026-10-28.endive' : '2022-11-15',
          type: 'invoice.paid',
          data: { object },
        }),
      );
    }
    await send(
      text('evt_old', { api_version: null, data: { object: { id: 'sub_1', object: 'subscription', plan: {} } } }),
    );
    expect((await events()).map(({ subject }) => subject)).toEqual(Array(5).fill('subscription:sub_1'));
  });

  it.each([
    ['checkout.session', { id: 'cs_1', mode: 'payment' }, 'checkout:cs_1'],
    ['checkout.session', { id: 'cs_1', mode: 'payment', subscription: 'sub_9' }, 'checkout:cs_1'],
    ['checkout.session', { id: 'cs_1', mode: 'subscription', subscription: null }, 'checkout:cs_1'],
    ['checkout.session', { id: 'cs_1', mode: 'subscription', subscription: 'sub_9' }, 'subscription:sub_9'],
    ['price', { id: 'price_1' }, 'price:price_1'],
    ['product', { id: 'prod_1' }, 'price:prod_1'],
    ['charge', { id: 'ch_1', invoice: 'in_1' }, ''],
    ['refund', { id: 're_1' }, ''],
    ['dispute', { id: 'du_1' }, ''],
    ['radar.early_fraud_warning', { id: 'issfr_1' }, ''],
    ['invoice', { id: 'in_1', parent: null }, ''],
    ['customer', { id: 'cus_1' }, null],
    ['quantum', { id: 'q_1' }, null],
    ['balance', {}, null],
  ])('an event of a %s %j is about %j', (objectType, object, subject) => {
    const raw = Buffer.from(text('evt_1', { type: 'x.y', data: { object: { object: objectType, ...object } } }));
    expect(stripeGateway.parse(raw, {})).toMatchObject({ ok: true, event: { subject, objectType } });
  });

  it('case 44: two secrets count at a time, and a dropped one no more', async () => {
    expect(await send(text('evt_1'))).toBe(200);
    expect(await send(text('evt_2'), OLD_SECRET)).toBe(200);
    await signWith([stripe.world.hookSecret]);
    expect(await send(text('evt_3'), OLD_SECRET)).toBe(400);
    expect(await send(text('evt_4'))).toBe(200);
    await signWith([stripe.world.hookSecret, OLD_SECRET]);
  });
});
