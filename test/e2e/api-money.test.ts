import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY, toIso } from '../../src/clock.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { updateSubscription } from '../../src/payments/store-facts.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedCustomer, seedGrant, seedLicense, seedPackage, seedShop } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import {
  seedBusiness,
  seedDispute,
  seedOrder,
  seedPayment,
  seedPaymentEvent,
  seedRefund,
  seedSubscription,
} from '../support/seed-money.ts';

const KINDS = ['order', 'subscription', 'payment', 'refund', 'dispute'] as const;

onEachDatabase('the money of an organization', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let account: AccountRecord;
  let base: string;
  beforeAll(async () => {
    api = await startApi(database());
  });
  beforeEach(async () => {
    shop = await seedShop(database().db);
    account = await seedAccount(database().db, shop.organization);
    base = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  const idsIn = async (path: string) => {
    const { status, json } = await api.get(`${base}/${path}`);
    expect([path, status]).toEqual([path, 200]);
    return json.items.map(({ id }: { id: string }) => id);
  };
  const sold = async () => {
    const { db } = database();
    const customer = await seedCustomer(db, shop.organization, { email: 'ada@example.com' });
    const license = await seedLicense(db, shop.organization, { customerId: customer.id });
    const each = await seedPackage(db, shop.organization);
    const made = await seedBusiness(db, shop.organization, {
      ...{ account, customerId: customer.id, licenseId: license.id, packageId: each.id },
    });
    const grant = await seedGrant(db, license, each, {
      ...{ paymentRef: made.payment.externalId, subscriptionId: made.subscription.id, startsAt: toIso(SEED_NOW) },
      endsAt: made.subscription.paidThrough,
    });
    return { ...made, customer, license, grant };
  };

  it('tells of each thing with the link to the provider, what it made and what touched it', async () => {
    const { order, subscription, payment, refund, dispute, event, grant, license } = await sold();
    const made = [
      {
        ...{ id: grant.id, license_id: license.id, package_id: grant.packageId, source: 'purchase', quantity: 1 },
        ...{ state: 'open', starts_at: toIso(SEED_NOW), ends_at: subscription.paidThrough },
      },
    ];
    for (const [kind, thing, url] of [
      ['order', order, subscription.url],
      ['subscription', subscription, subscription.url],
      ['payment', payment, payment.url],
      ['refund', refund, refund.url],
      ['dispute', dispute, dispute.url],
    ] as const) {
      const { status, json } = await api.get(`/${kind}s/${thing.id}`);
      expect([kind, status]).toEqual([kind, 200]);
      expect(json).toMatchObject({ id: thing.id, mode: 'live', provider: 'fake', url, external_id: thing.externalId });
      expect([kind, json.grants]).toEqual([kind, made]);
      expect([kind, json.events.map(({ id }: { id: string }) => id)]).toEqual([kind, [event]]);
      expect((await api.get(`${base}/${kind}s`)).json).toEqual({ items: [json], next_cursor: null, total: 1 });
    }
    expect((await api.get(`/payments/${payment.id}`)).json).toMatchObject({ amount_minor: 4_900, currency: 'EUR' });
    expect((await api.get(`/orders/${order.id}`)).json).toMatchObject({
      ...{ payment_ids: [payment.id], subscription_ids: [subscription.id], email: 'ada@example.com', consent: null },
      lines: [{ line: '1', license_id: license.id, recurring: true, kind: 'new', duration: null }],
    });
  });

  it('tells of what is only played what was played, and of real money what that bought', async () => {
    const { db } = database();
    const each = await seedPackage(db, shop.organization);
    const license = await seedLicense(db, shop.organization);
    const played = await seedAccount(db, shop.organization, { mode: 'test' });
    const wanted: string[] = [];
    for (const [place, paymentRef] of [
      [account, '1001'],
      [played, 'test:1001'],
    ] as const) {
      const order = await seedOrder(db, place);
      const payment = await seedPayment(db, place, { externalId: '1001', orderId: order.id });
      const refund = await seedRefund(db, place, payment);
      const grant = await seedGrant(db, license, each, { paymentRef });
      for (const path of [`orders/${order.id}`, `payments/${payment.id}`, `refunds/${refund.id}`]) {
        wanted.push(grant.id);
        const { grants } = (await api.get(`/${path}`)).json;
        expect([path, grants.map((made: { id: string }) => made.id)]).toEqual([path, [grant.id]]);
      }
    }
    expect(new Set(wanted).size).toBe(2);
  });

  it('names an event once, the newest first, and at most 20', async () => {
    const { db } = database();
    const { subscription } = await seedBusiness(db, shop.organization, { account });
    const subject = `subscription:${subscription.externalId}`;
    const ids: string[] = [];
    for (let i = 0; i < 22; i++)
      ids.push(await seedPaymentEvent(db, account, { subject, object_id: subscription.externalId }));
    // The same words at another account say nothing.
    const other = await seedAccount(db, shop.organization, { mode: 'test' });
    await seedPaymentEvent(db, other, { subject, object_id: subscription.externalId });
    const { json } = await api.get(`/subscriptions/${subscription.id}`);
    expect(json.events.map(({ id }: { id: string }) => id)).toEqual(ids.reverse().slice(0, 20));
  });

  it('finds things by whose they are, by the license that they went into and by the address that was given', async () => {
    const { db } = database();
    const own = await sold();
    await seedBusiness(db, shop.organization, { account });
    await seedOrder(db, account, { email: 'Grace@Example.com', customerId: null });
    for (const kind of KINDS) {
      const id = own[kind].id;
      expect(await idsIn(`${kind}s?customer_id=${own.customer.id}`)).toEqual([id]);
      expect(await idsIn(`${kind}s?license_id=${own.license.id}`)).toEqual([id]);
      expect(await idsIn(`${kind}s?license_id=${(await seedLicense(db, shop.organization)).id}`)).toEqual([]);
      expect(await idsIn(`${kind}s?email=nobody@example.com`)).toEqual([]);
      expect(await idsIn(`${kind}s?email=ADA@example.com`)).toContain(id);
      expect(await idsIn(`${kind}s?external_id=${own[kind].externalId}`)).toEqual([id]);
      expect(await idsIn(`${kind}s?order_id=${own.order.id}`)).toEqual([id]);
      expect(await idsIn(`${kind}s?subscription_id=${own.subscription.id}`)).toEqual([id]);
      expect(await idsIn(`${kind}s?payment_id=${own.payment.id}`)).toEqual([id]);
      expect((await api.get(`${base}/${kind}s`)).json.items.length).toBeGreaterThan(1);
    }
    expect(await idsIn('orders?email=grace@example.com')).toHaveLength(1);
  });

  it('finds what is of a customer who was merged into another', async () => {
    const own = await sold();
    const double = await seedCustomer(database().db, shop.organization, { mergedInto: own.customer.id });
    expect(await idsIn(`payments?customer_id=${double.id}`)).toEqual([own.payment.id]);
    const stranger = await seedCustomer(database().db, (await seedShop(database().db)).organization);
    expect(await idsIn(`payments?customer_id=${stranger.id}`)).toEqual([]);
  });

  it('finds things by state, provider, other names, trouble and time', async () => {
    const { db } = database();
    const late = toIso(SEED_NOW + DAY);
    const payment = await seedPayment(db, account, {
      ...{ state: 'failed', failedAt: late, paidAt: null, charges: ['ch_%1', 'py_1'], trouble: 'WRONG_AMOUNT' },
    });
    const other = await seedPayment(db, account);
    const order = await seedOrder(db, account, { state: 'mismatch', trouble: 'WRONG_AMOUNT', createdAt: late });
    await seedOrder(db, account);
    expect(await idsIn('payments?state=failed')).toEqual([payment.id]);
    expect(await idsIn('payments?provider=fake')).toEqual([other.id, payment.id]);
    expect(await idsIn('payments?provider=other')).toEqual([]);
    expect(await idsIn(`payments?external_id=${encodeURIComponent('ch_%1')}`)).toEqual([payment.id]);
    expect(await idsIn(`payments?external_id=${encodeURIComponent('ch_%')}`)).toEqual([]);
    expect(await idsIn('payments?trouble=true')).toEqual([payment.id]);
    expect(await idsIn('payments?trouble=false')).toEqual([other.id]);
    expect(await idsIn(`payments?from=${late}`)).toEqual([payment.id]);
    expect(await idsIn(`payments?to=${late}`)).toEqual([other.id]);
    expect(await idsIn(`orders?from=${late}`)).toEqual([order.id]);
    expect(await idsIn('orders?state=mismatch&trouble=true')).toEqual([order.id]);
    for (const query of [
      'state=refunded',
      'mode=sandbox',
      'trouble=perhaps',
      'email=x',
      'from=monday',
      'order_id=pay_1',
    ])
      expect([query, (await api.get(`${base}/payments?${query}`)).status]).toEqual([query, 400]);
  });

  it('turns pages and counts', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await seedPayment(database().db, account)).id);
    const first = (await api.get(`${base}/payments?limit=3`)).json;
    expect(first.items.map(({ id }: { id: string }) => id)).toEqual([...ids].reverse().slice(0, 3));
    expect([first.total, first.next_cursor !== null]).toEqual([5, true]);
    const second = (await api.get(`${base}/payments?limit=3&cursor=${first.next_cursor}`)).json;
    expect(second.items.map(({ id }: { id: string }) => id)).toEqual([...ids].reverse().slice(3));
    expect([second.next_cursor, second.total]).toEqual([null, 5]);
    expect((await api.get(`${base}/orders?cursor=${first.next_cursor}`)).status).toBe(400);
  });

  describe('of live and test mode', () => {
    it('is never in one list', async () => {
      const { db } = database();
      const test = await seedAccount(db, shop.organization, { mode: 'test' });
      const [live, other] = [await seedBusiness(db, shop.organization, { account }), test];
      const played = await seedBusiness(db, shop.organization, { account: other });
      for (const kind of KINDS) {
        expect(await idsIn(`${kind}s`)).toEqual([live[kind].id]);
        expect(await idsIn(`${kind}s?mode=test`)).toEqual([played[kind].id]);
      }
    });

    it('is summed apart, by currency, between two instants', async () => {
      const { db } = database();
      const test = await seedAccount(db, shop.organization, { mode: 'test' });
      const paid = await seedPayment(db, account, { paidAt: toIso(SEED_NOW - DAY) });
      await seedPayment(db, account, {
        paidAt: toIso(SEED_NOW - DAY),
        currency: 'JPY',
        amountMinor: 5_000_000_000_000,
      });
      await seedPayment(db, account, { paidAt: toIso(SEED_NOW - 40 * DAY), amountMinor: 7 });
      await seedPayment(db, account, { state: 'failed', paidAt: null });
      await seedPayment(db, test, { paidAt: toIso(SEED_NOW - DAY), amountMinor: 1 });
      const at = toIso(SEED_NOW - DAY);
      await seedRefund(db, account, paid, { at, amountMinor: 900 });
      await seedRefund(db, account, paid, { at, state: 'failed' });
      await seedDispute(db, account, paid, { at, state: 'lost', amountMinor: 4_000 });
      await seedDispute(db, account, paid, { at, state: 'inquiry' });
      await seedSubscription(db, account);
      await seedSubscription(db, account, { state: 'past_due' });
      await seedSubscription(db, account, { runs: false, cancelAt: toIso(SEED_NOW + DAY) });
      await seedSubscription(db, account, { state: 'canceled', runs: false, endedAt: at, cancelAt: at });
      const { json } = await api.get(`${base}/payments/summary`);
      const none = { count: 0, amount_minor: 0 };
      expect(json).toEqual({
        from: toIso(SEED_NOW - 30 * DAY),
        to: toIso(SEED_NOW),
        live: {
          currencies: [
            {
              ...{
                currency: 'EUR',
                paid: { count: 1, amount_minor: 4_900 },
                refunded: { count: 1, amount_minor: 900 },
              },
              disputed: { count: 1, amount_minor: 4_000 },
            },
            {
              ...{ currency: 'JPY', paid: { count: 1, amount_minor: 5_000_000_000_000 }, refunded: none },
              disputed: none,
            },
          ],
          subscriptions: { running: 2, past_due: 1, canceling: 1 },
        },
        test: {
          currencies: [{ currency: 'EUR', paid: { count: 1, amount_minor: 1 }, refunded: none, disputed: none }],
          subscriptions: { running: 0, past_due: 0, canceling: 0 },
        },
      });
      const early = `from=${toIso(SEED_NOW - 50 * DAY)}&to=${toIso(SEED_NOW - 2 * DAY)}`;
      const before = (await api.get(`${base}/payments/summary?${early}`)).json;
      expect(before.live.currencies).toEqual([
        { currency: 'EUR', paid: { count: 1, amount_minor: 7 }, refunded: none, disputed: none },
      ]);
      const turned = await api.get(`${base}/payments/summary?from=${toIso(SEED_NOW)}&to=${at}`);
      expect([turned.status, turned.json.errors[0].pointer]).toEqual([400, '/query/from']);
    });
  });

  it('shows with the license that it pays for, which is changed by the subscription alone', async () => {
    const { license, subscription, grant } = await sold();
    const { json } = await api.get(`/licenses/${license.id}`);
    const shown = {
      ...{ id: subscription.id, provider: 'fake', mode: 'live', state: 'active', runs: true, past_due: false },
      ...{ paid_through: subscription.paidThrough, grace_until: null, cancel_at: null },
      next_at: subscription.paidThrough,
    };
    expect(json.subscriptions).toEqual([shown]);
    for (const [path, body] of [
      ['renew', { payment_ref: 'order-2' }],
      ['extend', { days: 3 }],
      ['switch', { package_id: grant.packageId, quantity: 2 }],
    ] as const) {
      const refused = await api.post(`/licenses/${license.id}/${path}`, body);
      expect([path, refused.status, refused.json.code]).toEqual([path, 409, 'SUBSCRIPTION_RUNS']);
    }
    const more = await api.post(`/licenses/${license.id}/grants`, { package_id: grant.packageId, payment_ref: 'o-3' });
    expect([more.status, more.json.code]).toEqual([409, 'SUBSCRIPTION_RUNS']);
    const { db } = database();
    const late = { failedAt: toIso(SEED_NOW), graceUntil: toIso(SEED_NOW + 7 * DAY), state: 'past_due' as const };
    await db.tx((tx) => updateSubscription(tx, subscription.id, late));
    const [due] = (await api.get(`/licenses/${license.id}`)).json.subscriptions;
    expect(due).toMatchObject({ state: 'past_due', past_due: true, grace_until: late.graceUntil });
    await db.tx((tx) => updateSubscription(tx, subscription.id, { runs: false, endedAt: toIso(SEED_NOW) }));
    expect((await api.get(`/licenses/${license.id}`)).json.subscriptions).toEqual([]);
    expect((await api.post(`/licenses/${license.id}/extend`, { days: 3 })).status).toBe(200);
  });

  it('is not there for another organization', async () => {
    const { db } = database();
    const own = await seedBusiness(db, shop.organization, { account });
    const other = await seedShop(db);
    const stranger = api.as(await api.token({ organizationId: other.organization.id }));
    for (const kind of KINDS) {
      const { status, json } = await stranger.get(`/${kind}s/${own[kind].id}`);
      expect([kind, status, json.code]).toEqual([kind, 404, 'NOT_FOUND']);
      expect((await stranger.get(`${base}/${kind}s`)).status).toBe(404);
      expect((await stranger.get(`/organizations/${other.organization.slug}/${kind}s`)).json.total).toBe(0);
      const wrong = await api.get(`/${kind}s/${own.account.id}`);
      expect([wrong.status, wrong.json.code]).toEqual([400, 'WRONG_ID_KIND']);
    }
    expect((await stranger.get(`${base}/payments/summary`)).status).toBe(404);
  });
});
