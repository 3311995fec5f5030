import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { findLicense } from '../../src/licensing/store-licenses.ts';
import type { Teller } from './api-examples.ts';
import { SEED_NOW, seedGrant, seedPackage } from './seed.ts';
import {
  seedAccount,
  seedAlert,
  seedDispute,
  seedOrder,
  seedPayment,
  seedPaymentEvent,
  seedRefund,
  seedShopAccount,
  seedSubscription,
} from './seed-money.ts';

type Does = Teller['does'];

const ORG = { org: 'acme' };
const SITE = 'https://dashboard.stripe.com';

/** What a monthly subscription of a license leaves behind, with names that are the same in every run. */
export async function seeMoney(db: Db, licenseId: string) {
  const license = await db.read((tx) => findLicense(tx, licenseId));
  if (!license) throw new Error(`there is no ${licenseId}`);
  const organization = { id: license.organizationId };
  const account = await seedAccount(db, organization, { provider: 'stripe', externalId: 'acct_1Acme' });
  const monthly = await seedPackage(db, organization, { terms: { length: { value: 1, unit: 'month' } } });
  const { customerId } = license;
  const order = await seedOrder(
    db,
    account,
    {
      ...{ externalId: 'cs_1Ada', customerId, email: 'ada@example.com', name: 'Ada Lovelace', subtotalMinor: 900 },
      consent: { version: '2026-01', text: 'I agree to the terms.', at: toIso(SEED_NOW) },
    },
    [
      {
        ...{ packageId: monthly.id, priceCode: 'premium_monthly', priceExternalId: 'price_1Monthly', unitMinor: 900 },
        ...{ recurring: true, licenseId, lengthValue: 1, lengthUnit: 'month' },
      },
    ],
  );
  const items = [{ id: 'si_1Ada', priceId: 'price_1Monthly', quantity: 1 }];
  const subscription = await seedSubscription(db, account, {
    ...{ externalId: 'sub_1Ada', orderId: order.id, customerId, licenseId, items, externalCustomerId: 'cus_1Ada' },
    url: `${SITE}/subscriptions/sub_1Ada`,
  });
  const payment = await seedPayment(db, account, {
    ...{ externalId: 'in_1Ada', kind: 'period', orderId: order.id, subscriptionId: subscription.id, amountMinor: 900 },
    ...{ refundedMinor: 300, charges: ['pi_1Ada', 'ch_1Ada'], url: `${SITE}/invoices/in_1Ada` },
  });
  await seedGrant(db, license, monthly, {
    ...{ paymentRef: 'in_1Ada', subscriptionId: subscription.id, startsAt: toIso(SEED_NOW) },
    endsAt: subscription.paidThrough,
  });
  const refund = await seedRefund(db, account, payment, {
    ...{ externalId: 're_1Ada', amountMinor: 300, url: `${SITE}/payments/pi_1Ada` },
  });
  const dispute = await seedDispute(db, account, payment, {
    ...{ externalId: 'dp_1Ada', amountMinor: 600, dueAt: toIso(SEED_NOW + 864e5), url: `${SITE}/payments/pi_1Ada` },
  });
  const event = await seedPaymentEvent(db, account, {
    ...{ event_id: 'evt_1Ada', subject: 'subscription:sub_1Ada', object_id: 'in_1Ada' },
  });
  // Its address is signed for its id, which therefore is the same in every run.
  const shop = await seedShopAccount(db, organization, { id: 'pac_00000000000000000000000001' });
  const alert = await seedAlert(db, account, { subject: 'in_1Eve' });
  return { order, subscription, payment, refund, dispute, shop, event: { id: event }, alert: { id: alert } };
}

/** The money of an organization, as its support looks at it. */
export async function money(does: Does, paid: Awaited<ReturnType<typeof seeMoney>>): Promise<void> {
  await does('listOrders', { params: ORG, query: { email: 'ada@example.com' } });
  await does('getOrder', { params: { id: paid.order.id } });
  await does('listSubscriptions', { params: ORG, query: { state: 'active' } });
  await does('getSubscription', { params: { id: paid.subscription.id } });
  await does('listPayments', { params: ORG, query: { subscription_id: paid.subscription.id } });
  await does('getPayment', { params: { id: paid.payment.id } });
  await does('listRefunds', { params: ORG, query: { payment_id: paid.payment.id } });
  await does('getRefund', { params: { id: paid.refund.id } });
  await does('listDisputes', { params: ORG, query: { state: 'open' } });
  await does('getDispute', { params: { id: paid.dispute.id } });
  const wish = { preset: 'fastspring', sell: 'premium_yearly' };
  await does('makeKeyAddress', { params: { id: paid.shop.id }, body: wish });
  await does('getMoneySummary', { params: ORG, query: { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' } });
  await does('listPaymentEvents', { params: ORG, query: { subject: 'subscription:sub_1Ada' } });
  await does('getPaymentEvent', { params: paid.event });
  await does('getPaymentEventBody', { params: paid.event });
  await does('listPaymentAlerts', { params: ORG });
  await does('dismissPaymentAlert', { params: paid.alert, body: { reason: 'sold by the old shop' } });
}
