import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { findLicense, type LicenseRecord } from '../../src/licensing/store-licenses.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { accountsOf } from '../../src/payments/store-accounts.ts';
import type { SubscriptionRecord } from '../../src/payments/store-facts.ts';
import type { Teller } from './api-examples.ts';
import { SEED_NOW, seedGrant, seedPackage } from './seed.ts';
import { seedAccount, seedShopAccount } from './seed-accounts.ts';
import {
  seedAlert,
  seedDispute,
  seedOrder,
  seedPayment,
  seedPaymentEvent,
  seedRefund,
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
  const account = await seedAccount(db, organization, {
    // Off, so that nobody asks the provider itself.
    ...{ provider: 'stripe', externalId: 'acct_1Acme', active: false },
  });
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
  const running = await seeRunning(db, license, monthly);
  return {
    order,
    subscription,
    payment,
    refund,
    dispute,
    shop,
    running,
    event: { id: event },
    alert: { id: alert },
    ...(await seeCare(db, running)),
  };
}

/** Events that somebody sees to. */
async function seeCare(db: Db, { accountId, externalId, organizationId }: SubscriptionRecord) {
  const [account] = await db.read((tx) => accountsOf(tx, { organizationId, provider: 'acmepay' }));
  if (account?.id !== accountId) throw new Error('the account of the story is another one');
  const about = { type: 'subscription.paid', object_type: 'subscription', object_id: externalId, done_at: null };
  const subject = `subscription:${externalId}`;
  const stuck = { ...about, subject, state: 'stuck', attempts: 31, detail: 'the provider knows nothing of it' };
  const waiting = await seedPaymentEvent(db, account, { ...stuck, event_id: 'acme-1' });
  return {
    waiting: { id: waiting },
    stuck: { id: await seedPaymentEvent(db, account, { ...stuck, event_id: 'acme-2' }) },
  };
}

/** A subscription at a provider that is played, so that things can be done to it. */
async function seeRunning(db: Db, license: LicenseRecord, monthly: PackageRecord) {
  const { organizationId, customerId, id: licenseId } = license;
  const [known] = await db.read((tx) => accountsOf(tx, { organizationId, provider: 'acmepay' }));
  const account = known ?? (await seedAccount(db, { id: organizationId }, { provider: 'acmepay' }));
  const price = {
    ...{ provider: 'acmepay', external_id: 'monthly', code: 'premium_monthly', amount_minor: 900, currency: 'EUR' },
    ...{ interval: { value: 1, unit: 'month' as const }, duration: null },
  };
  await db.tx((tx) => replacePrices(tx, monthly, [price], 'test', toIso(SEED_NOW)));
  return seedSubscription(db, account, {
    ...{ externalId: 'S-1', customerId, licenseId, externalCustomerId: 'ada' },
    ...{ items: [{ id: 'S-1', priceId: 'monthly', quantity: 1 }], url: 'https://acmepay.example/S-1' },
  });
}

/** What is done to a subscription, by support and by the buyer himself. */
async function steered(does: Does, { id }: { id: string }, key: string): Promise<void> {
  await does('cancelSubscription', { params: { id }, body: { when: 'period_end' } });
  await does('uncancelSubscription', { params: { id } });
  await does('pauseSubscription', { params: { id } });
  await does('resumeSubscription', { params: { id } });
  const change = { price: 'premium_monthly', quantity: 2, when: 'now' };
  await does('changeSubscription', { params: { id }, body: change });
  await does('openSubscriptionPortal', { params: { id } });
  await does('openOwnPortal', { body: { key, subscription_id: id }, token: null });
  await does('cancelOwnSubscription', { body: { key, subscription_id: id }, token: null });
}

/** The money of an organization, as its support looks at it. */
export async function money(does: Does, paid: Awaited<ReturnType<typeof seeMoney>>, key: string): Promise<void> {
  await does('listOrders', { params: ORG, query: { email: 'ada@example.com' } });
  await does('getOrder', { params: { id: paid.order.id } });
  await does('listSubscriptions', { params: ORG, query: { state: 'active' } });
  await does('getSubscription', { params: { id: paid.subscription.id } });
  const used = { name: 'api_calls', value: 120, identifier: 'calls-2026-01-31', at: toIso(SEED_NOW) };
  await does('reportSubscriptionUsage', { params: { id: paid.subscription.id }, body: used });
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
  await does('reconcilePayments', { params: { org: ORG.org } });
  await does('retryPaymentEvent', { params: paid.waiting });
  await does('dismissPaymentEvent', { params: paid.stuck, body: { reason: 'a test of long ago' } });
  await steered(does, paid.running, key);
}
