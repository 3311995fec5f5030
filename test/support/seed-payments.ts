import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import type { By } from '../../src/licensing/keys.ts';
import type {
  CheckoutFact,
  DisputeFact,
  PaymentFact,
  PaymentLine,
  RefundFact,
  Snapshot,
  SubscriptionFact,
} from '../../src/payments/facts.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { insertOrder, type OrderLineRecord, type OrderRecord } from '../../src/payments/store-orders.ts';
import { SEED_NOW } from './seed.ts';

/** Builders of orders and of what a provider says, as in seed.ts. Amounts are in EUR cents. */

let made = 0;

export function worker(now: number): By {
  return { actor: SYSTEM_ACTOR, requestId: null, now };
}

type LineWish = Partial<OrderLineRecord> & Pick<OrderLineRecord, 'packageId'>;

/** An open order that was sent to the checkout `externalId`; one line of 1000 unless more are named. */
export async function seedOrder(
  db: Db,
  account: AccountRecord,
  wishes: readonly LineWish[],
  change: Partial<OrderRecord> = {},
): Promise<{ order: OrderRecord; lines: OrderLineRecord[] }> {
  made += 1;
  const id = newId('order');
  const lines = wishes.map((wish, i): OrderLineRecord => {
    const line = { orderId: id, line: String(i + 1), packageVersion: 1, priceCode: `code${i + 1}`, quantity: 1 };
    const price = { priceExternalId: `price_${i + 1}`, unitMinor: 1_000, lengthValue: null, lengthUnit: null };
    return { ...line, ...price, recurring: false, kind: 'new', licenseId: null, ...wish };
  });
  const order: OrderRecord = {
    ...{ id, organizationId: account.organizationId, accountId: account.id, provider: account.provider },
    ...{ mode: account.mode, state: 'open', customerId: null, email: `buyer${made}@example.com`, name: 'Ada Buyer' },
    ...{ language: 'en', currency: 'EUR' },
    subtotalMinor: lines.reduce((sum, { unitMinor, quantity }) => sum + unitMinor * quantity, 0),
    ...{ externalId: `cs_${made}`, externalUrl: null, externalCustomerId: null, attempt: 1, expiresAt: null },
    ...{ successUrl: null, cancelUrl: null, consent: {}, trouble: '', paidAt: null },
    ...{ createdAt: toIso(SEED_NOW), createdBy: 'test' },
    ...change,
  };
  await db.tx((tx) => insertOrder(tx, order, lines));
  return { order, lines };
}

export function checkoutOf(
  { order, lines }: { order: OrderRecord; lines: readonly OrderLineRecord[] },
  change: Partial<CheckoutFact> = {},
): CheckoutFact {
  return {
    ...{ externalId: order.externalId ?? '', orderId: order.id, state: 'paid', providerState: 'complete/paid' },
    ...{ currency: order.currency, subtotalMinor: order.subtotalMinor, discountMinor: 0, taxMinor: 0 },
    totalMinor: order.subtotalMinor,
    lines: lines.map(({ priceExternalId: priceId, quantity, unitMinor }) => ({
      ...{ priceId, quantity },
      amountMinor: unitMinor * quantity,
    })),
    ...{ email: order.email, name: order.name, externalCustomerId: 'cus_1', paymentId: null, subscriptionId: null },
    ...change,
  };
}

export function paymentOf(externalId: string, paidAt: number, change: Partial<PaymentFact> = {}): PaymentFact {
  return {
    ...{ externalId, kind: 'one_off', checkoutId: null, subscriptionId: null, state: 'paid', amountMinor: 1_000 },
    ...{ currency: 'EUR', paidAt, failedAt: null, lines: [], aliases: [], url: '', customerUrl: null },
    ...change,
  };
}

/** One line of an invoice; 1000 for the price `price_1` on the item `si_1`. */
export function periodLine(start: number, end: number, change: Partial<PaymentLine> = {}): PaymentLine {
  return {
    ...{ id: `il_${start}`, item: 'si_1', priceId: 'price_1', quantity: 1, amountMinor: 1_000, start, end },
    ...{ proration: false },
    ...change,
  };
}

export function invoiceOf(externalId: string, line: PaymentLine, change: Partial<PaymentFact> = {}): PaymentFact {
  return paymentOf(externalId, line.start ?? 0, { kind: 'period', subscriptionId: 'sub_1', lines: [line], ...change });
}

export function subscriptionOf(change: Partial<SubscriptionFact> = {}): SubscriptionFact {
  return {
    ...{ externalId: 'sub_1', orderId: null, checkoutId: null, state: 'active', providerState: 'active' },
    ...{ items: [{ id: 'si_1', priceId: 'price_1', quantity: 1 }], currency: 'EUR', externalCustomerId: 'cus_1' },
    ...{ email: null, startedAt: SEED_NOW, periodStart: null, periodEnd: null, cancelAt: null, canceledAt: null },
    ...{ endedAt: null, pausedAt: null, failedAt: null, url: '' },
    ...change,
  };
}

export function refundOf(
  externalId: string,
  paymentId: string,
  amountMinor: number,
  change: Partial<RefundFact> = {},
): RefundFact {
  const what = { externalId, paymentId, state: 'succeeded' as const, amountMinor, currency: 'EUR' };
  return { ...what, reason: '', at: SEED_NOW, url: '', ...change };
}

export function disputeOf(externalId: string, paymentId: string, change: Partial<DisputeFact> = {}): DisputeFact {
  const what = { externalId, paymentId, state: 'open' as const, providerState: 'needs_response', amountMinor: 1_000 };
  return { ...what, currency: 'EUR', reason: '', at: SEED_NOW, dueAt: null, url: '', ...change };
}

export function snapshotOf(change: Partial<Snapshot>): Snapshot {
  return { checkout: null, subscription: null, payments: [], refunds: [], disputes: [], ...change };
}
