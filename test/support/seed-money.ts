import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { type AlertRecord, raiseAlert } from '../../src/payments/store-alerts.ts';
import {
  type DisputeRecord,
  insertPayment,
  insertSubscription,
  type PaymentRecord,
  type RefundRecord,
  type SubscriptionRecord,
  saveDispute,
  saveRefund,
} from '../../src/payments/store-facts.ts';
import { insertOrder, type OrderLineRecord, type OrderRecord } from '../../src/payments/store-orders.ts';
import { SEED_NOW } from './seed.ts';
import { seedAccount } from './seed-accounts.ts';

/** Rows of money as the worker would have written them: nothing here asks a provider or writes into the ledger. */

const AT = toIso(SEED_NOW);
const MADE = { createdAt: AT, createdBy: 'test' };
let count = 0;

function external(word: string): string {
  count += 1;
  return `${word}_${count}`;
}

function headOf(account: AccountRecord, word: string) {
  const { id: accountId, organizationId, provider, mode } = account;
  return { organizationId, accountId, provider, mode, externalId: external(word), ...MADE };
}

/** A paid order without lines, unless some are given. */
export async function seedOrder(
  db: Db,
  account: AccountRecord,
  change: Partial<OrderRecord> = {},
  lines: readonly Partial<OrderLineRecord>[] = [],
): Promise<OrderRecord> {
  const order: OrderRecord = {
    ...{ id: newId('order'), ...headOf(account, 'cs'), state: 'paid', customerId: null, email: '', name: '' },
    ...{ language: 'en', currency: 'EUR', subtotalMinor: 4_900, externalUrl: null, externalCustomerId: null },
    ...{ attempt: 1, expiresAt: null, successUrl: null, cancelUrl: null, consent: {}, trouble: '', paidAt: AT },
    ...change,
  };
  const whole = lines.map((line, i) => ({
    ...{ orderId: order.id, line: String(i + 1), packageId: '', packageVersion: 1, priceCode: 'p', quantity: 1 },
    ...{ priceExternalId: 'price_1', unitMinor: 4_900, lengthValue: null, lengthUnit: null, recurring: false },
    ...{ kind: 'new' as const, licenseId: null, ...line },
  }));
  await db.tx((tx) => insertOrder(tx, order, whole));
  return order;
}

/** An active subscription of one item, paid for 30 days. */
export async function seedSubscription(
  db: Db,
  account: AccountRecord,
  change: Partial<SubscriptionRecord> = {},
): Promise<SubscriptionRecord> {
  const end = toIso(SEED_NOW + 30 * 86_400_000);
  const subscription: SubscriptionRecord = {
    ...{ id: newId('subscription'), ...headOf(account, 'sub'), state: 'active', orderId: null, licenseId: null },
    ...{ customerId: null, providerState: 'active', items: [{ id: 'si_1', priceId: 'price_1', quantity: 1 }] },
    ...{ currency: 'EUR', externalCustomerId: 'cus_ext', periodStart: AT, periodEnd: end, cancelAt: null },
    ...{ canceledAt: null, endedAt: null, pausedAt: null, paidThrough: end, failedAt: null, graceUntil: null },
    ...{ runs: true, trouble: '', url: 'https://pay.example.com/sub', fetchedAt: AT },
    ...change,
  };
  await db.tx((tx) => insertSubscription(tx, subscription));
  return subscription;
}

/** A paid one-off of 49 euros. */
export async function seedPayment(
  db: Db,
  account: AccountRecord,
  change: Partial<PaymentRecord> = {},
): Promise<PaymentRecord> {
  const payment: PaymentRecord = {
    ...{ id: newId('payment'), ...headOf(account, 'pi'), state: 'paid', kind: 'one_off', orderId: null },
    ...{ subscriptionId: null, amountMinor: 4_900, refundedMinor: 0, currency: 'EUR', paidAt: AT, failedAt: null },
    ...{ lines: [], charges: [], trouble: '', url: 'https://pay.example.com/pi', fetchedAt: AT },
    ...change,
  };
  await db.tx((tx) => insertPayment(tx, payment));
  return payment;
}

/** A refund of the whole payment. */
export async function seedRefund(
  db: Db,
  account: AccountRecord,
  payment: PaymentRecord,
  change: Partial<RefundRecord> = {},
): Promise<RefundRecord> {
  const { id: paymentId, amountMinor, currency } = payment;
  const refund: RefundRecord = {
    ...{ id: newId('refund'), ...headOf(account, 're'), state: 'succeeded', paymentId, amountMinor, currency },
    ...{ reason: 'requested_by_customer', at: AT, url: 'https://pay.example.com/re' },
    ...change,
  };
  await db.tx((tx) => saveRefund(tx, refund));
  return refund;
}

/** An open dispute of the whole payment. */
export async function seedDispute(
  db: Db,
  account: AccountRecord,
  payment: PaymentRecord,
  change: Partial<DisputeRecord> = {},
): Promise<DisputeRecord> {
  const { id: paymentId, amountMinor, currency } = payment;
  const dispute: DisputeRecord = {
    ...{ id: newId('dispute'), ...headOf(account, 'dp'), state: 'open', providerState: 'needs_response', paymentId },
    ...{ amountMinor, currency, reason: 'fraudulent', at: AT, url: 'https://pay.example.com/dp', dueAt: null },
    ...{ heldAt: null, ...change },
  };
  await db.tx((tx) => saveDispute(tx, dispute));
  return dispute;
}

/** An event that came in and was worked on; its id. */
export async function seedPaymentEvent(
  db: Db,
  account: AccountRecord,
  change: Partial<Record<string, string | number | null>> = {},
): Promise<string> {
  const id = newId('payment_event');
  const row = {
    ...{ id, organization_id: account.organizationId, account_id: account.id, event_id: external('evt') },
    ...{
      delivery_id: null,
      type: 'invoice.paid',
      api_version: '2026-10-28',
      object_type: 'invoice',
      object_id: 'in_1',
    },
    ...{ subject: 'subscription:sub_1', body: '{}', body_sha256: 'a'.repeat(64), via: 'webhook', state: 'done' },
    ...{ attempts: 0, next_at: null, lease_id: null, lease_until: null, detail: '', received_at: AT, done_at: AT },
    ...change,
  };
  await db.tx((tx) => tx('payment_events').insert(row));
  return id;
}

/** Something that a vendor must look at; its id. */
export async function seedAlert(db: Db, account: AccountRecord, change: Partial<AlertRecord> = {}): Promise<string> {
  const id = newId('payment_alert');
  const alert: AlertRecord = {
    ...{ id, organizationId: account.organizationId, accountId: account.id, code: 'UNKNOWN_PRICE' },
    ...{ subject: external('in'), detail: 'price_9 sells no package', count: 1, firstAt: AT, lastAt: AT },
    ...{ dismissedAt: null, ...change },
  };
  await db.tx((tx) => raiseAlert(tx, alert));
  return id;
}

/** One of each: what a buyer's subscription leaves behind. */
export async function seedBusiness(
  db: Db,
  organization: { id: string },
  change: { customerId?: string; licenseId?: string; packageId?: string; account?: AccountRecord } = {},
) {
  const account = change.account ?? (await seedAccount(db, organization));
  const { customerId = null, licenseId = null, packageId } = change;
  const lines = packageId === undefined ? [] : [{ packageId, licenseId, recurring: true }];
  const order = await seedOrder(db, account, { customerId, email: 'ada@example.com' }, lines);
  const subscription = await seedSubscription(db, account, { orderId: order.id, customerId, licenseId });
  const payment = await seedPayment(db, account, {
    kind: 'period',
    orderId: order.id,
    subscriptionId: subscription.id,
  });
  const refund = await seedRefund(db, account, payment);
  const dispute = await seedDispute(db, account, payment);
  const subject = `subscription:${subscription.externalId}`;
  const event = await seedPaymentEvent(db, account, { subject, object_id: payment.externalId });
  return { account, order, subscription, payment, refund, dispute, event, alert: await seedAlert(db, account) };
}
