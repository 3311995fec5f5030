import { isoOrNull, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { Snapshot, SubscriptionFact } from './facts.ts';
import { orderOutcome } from './order-state.ts';
import { headOf, recordPayment, recordReturns } from './record-money.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  findSubscriptionByExternal,
  insertSubscription,
  lockSubscription,
  type PaymentRecord,
  paymentsByExternal,
  type SubscriptionRecord,
  updateSubscription,
} from './store-facts.ts';
import { findOrderByExternal, linesOfOrder, lockOrder, type OrderRecord, updateOrder } from './store-orders.ts';

/** What a snapshot is about, in our own rows, locked; and how they were before. */
export interface Recorded {
  order: OrderRecord | null;
  orderBefore: OrderRecord | null;
  subscription: SubscriptionRecord | null;
  subscriptionBefore: SubscriptionRecord | null;
  /** That the snapshot names, by the provider's id. */
  payments: ReadonlyMap<string, PaymentRecord>;
  paymentsBefore: ReadonlyMap<string, PaymentRecord>;
  /** Words of the provider that we do not know: they changed nothing. */
  unknown: string[];
  /** Of an order that does not fit. */
  mismatch: string;
  /** Money that came back of a payment which is not known (yet); '' : none did. */
  missing: string;
}

/** Nothing of ours is meant, as far as is known now. */
export interface Parentless {
  parentless: string;
}

/**
 * Writes the facts by the provider's ids: whatever came before or comes again, the rows say what was read last. A checkout or
 * subscription is ours only where an order knows its very id; what its metadata says is anybody's word.
 */
export async function recordFacts(
  tx: Tx,
  account: AccountRecord,
  snapshot: Snapshot,
  by: By,
): Promise<Recorded | Parentless> {
  const orderBefore = await orderOf(tx, account, snapshot);
  const known = await subscriptionOf(tx, account, snapshot);
  const found = orderBefore ?? (known?.orderId ? await lockOrder(tx, known.orderId) : null);
  if (found === null && known === null) return { parentless: whyParentless(snapshot) };
  const unknown: string[] = [];
  const { order, mismatch } = await recordOrder(tx, found, snapshot, unknown);
  const subscription = await recordSubscription(tx, account, { known, order, snapshot, unknown }, by);
  const paymentsBefore = await paymentsByExternal(tx, account.id, paymentsNamed(snapshot));
  const payments = new Map(paymentsBefore);
  for (const payment of snapshot.payments) {
    const input = { payment, known: payments.get(payment.externalId) ?? null, order, subscription, unknown };
    payments.set(payment.externalId, await recordPayment(tx, account, input, by));
  }
  const missing = await recordReturns(tx, account, { snapshot, payments, unknown }, by);
  const before = { orderBefore: found, subscriptionBefore: known, paymentsBefore };
  return { order, subscription, payments, ...before, unknown, mismatch, missing };
}

function paymentsNamed({ payments, refunds, disputes }: Snapshot): string[] {
  return [
    ...payments.map(({ externalId }) => externalId),
    ...[...refunds, ...disputes].map(({ paymentId }) => paymentId),
  ];
}

async function orderOf(tx: Tx, { id }: AccountRecord, snapshot: Snapshot): Promise<OrderRecord | null> {
  const { checkout, subscription } = snapshot;
  // A provider without pages for subscriptions has the subscription itself as what the order was sent to.
  const ofPayments = snapshot.payments.map(({ checkoutId }) => checkoutId);
  const ids = [checkout?.externalId, subscription?.checkoutId, subscription?.externalId, ...ofPayments];
  for (const externalId of ids) {
    const found = externalId ? await findOrderByExternal(tx, id, externalId) : null;
    if (found) return lockOrder(tx, found.id);
  }
  return null;
}

async function subscriptionOf(tx: Tx, { id }: AccountRecord, snapshot: Snapshot): Promise<SubscriptionRecord | null> {
  const externalId =
    snapshot.subscription?.externalId ?? snapshot.payments.find((each) => each.subscriptionId)?.subscriptionId;
  const found = externalId ? await findSubscriptionByExternal(tx, id, externalId) : null;
  return found && lockSubscription(tx, found.id);
}

function whyParentless({ checkout, subscription, payments }: Snapshot): string {
  const what = checkout?.externalId ?? subscription?.externalId ?? payments[0]?.externalId ?? 'it';
  return `no order of ours knows ${what}`;
}

async function recordOrder(
  tx: Tx,
  order: OrderRecord | null,
  { checkout, payments }: Snapshot,
  unknown: string[],
): Promise<{ order: OrderRecord | null; mismatch: string }> {
  if (order === null || checkout === null || checkout.externalId !== order.externalId) return { order, mismatch: '' };
  if (checkout.state === 'unknown') unknown.push(`checkout ${checkout.externalId}: ${checkout.providerState}`);
  // Who was anonymized since he paid is not to come back by a look at what he paid.
  const { email, name } = order.state === 'paid' ? order : checkout;
  const { state, trouble, detail } = orderOutcome(order, await linesOfOrder(tx, order.id), checkout);
  const paidAt = payments.find(({ state: each, paidAt: at }) => each === 'paid' && at !== null)?.paidAt ?? null;
  const change = {
    ...{ state, trouble },
    paidAt: state === 'paid' ? (order.paidAt ?? (paidAt === null ? null : toIso(paidAt))) : order.paidAt,
    email: order.email || (email ?? ''),
    name: order.name || (name ?? ''),
    externalCustomerId: checkout.externalCustomerId ?? order.externalCustomerId,
  };
  await updateOrder(tx, order.id, change);
  return { order: { ...order, ...change }, mismatch: detail };
}

interface SubscriptionInput {
  known: SubscriptionRecord | null;
  order: OrderRecord | null;
  snapshot: Snapshot;
  unknown: string[];
}

async function recordSubscription(
  tx: Tx,
  account: AccountRecord,
  { known, order, snapshot: { subscription: fact }, unknown }: SubscriptionInput,
  by: By,
): Promise<SubscriptionRecord | null> {
  if (fact === null) return known;
  if (fact.state === 'unknown') unknown.push(`subscription ${fact.externalId}: ${fact.providerState}`);
  const change = subscriptionFields(fact, known, by.now);
  if (known !== null) {
    await updateSubscription(tx, known.id, change);
    return { ...known, ...change };
  }
  const computed = { paidThrough: null, failedAt: null, graceUntil: null, runs: false, trouble: '' };
  const made: SubscriptionRecord = {
    ...headOf(account, newId('subscription', by.now), fact.externalId, by),
    ...{ ...change, ...computed, orderId: order?.id ?? null, licenseId: null, customerId: order?.customerId ?? null },
  };
  await insertSubscription(tx, made);
  return made;
}

/** One that is over never lives again under its id, whatever is read late. */
function subscriptionFields(fact: SubscriptionFact, known: SubscriptionRecord | null, now: number) {
  const isOver = known?.state === 'canceled' || known?.state === 'expired';
  const keeps =
    known !== null && (fact.state === 'unknown' || (isOver && !['canceled', 'expired'].includes(fact.state)));
  return {
    state: keeps ? known.state : fact.state,
    providerState: fact.providerState,
    items: fact.items,
    currency: fact.currency,
    externalCustomerId: fact.externalCustomerId,
    periodStart: isoOrNull(fact.periodStart),
    periodEnd: isoOrNull(fact.periodEnd),
    cancelAt: isoOrNull(fact.cancelAt),
    canceledAt: isoOrNull(fact.canceledAt) ?? known?.canceledAt ?? null,
    endedAt: isoOrNull(fact.endedAt) ?? (isOver ? known.endedAt : null),
    pausedAt: isoOrNull(fact.pausedAt),
    url: fact.url,
    fetchedAt: toIso(now),
  };
}
