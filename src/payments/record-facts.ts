import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { PaymentFact, Snapshot, SubscriptionFact } from './facts.ts';
import { orderOutcome } from './order-state.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  findPaymentByExternal,
  findSubscriptionByExternal,
  insertPayment,
  insertSubscription,
  lockSubscription,
  type PaymentRecord,
  type SubscriptionRecord,
  saveDispute,
  saveRefund,
  updatePayment,
  updateSubscription,
} from './store-facts.ts';
import { findOrderByExternal, linesOfOrder, lockOrder, type OrderRecord, updateOrder } from './store-orders.ts';

/** What a snapshot is about, in our own rows, locked; and how they were before. */
export interface Recorded {
  order: OrderRecord | null;
  orderBefore: OrderRecord | null;
  subscription: SubscriptionRecord | null;
  subscriptionBefore: SubscriptionRecord | null;
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
  for (const payment of snapshot.payments)
    await recordPayment(tx, account, { payment, order, subscription, unknown }, by);
  const missing = await recordReturns(tx, account, snapshot, unknown, by);
  return { order, orderBefore: found, subscription, subscriptionBefore: known, unknown, mismatch, missing };
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
  const { state, trouble, detail } = orderOutcome(order, await linesOfOrder(tx, order.id), checkout);
  const paidAt = payments.find(({ state: each, paidAt: at }) => each === 'paid' && at !== null)?.paidAt ?? null;
  const change = {
    ...{ state, trouble },
    paidAt: state === 'paid' ? (order.paidAt ?? (paidAt === null ? null : toIso(paidAt))) : order.paidAt,
    email: order.email === '' ? (checkout.email ?? '') : order.email,
    name: order.name === '' ? (checkout.name ?? '') : order.name,
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
  const iso = (ms: number | null) => (ms === null ? null : toIso(ms));
  return {
    state: keeps ? known.state : fact.state,
    providerState: fact.providerState,
    items: fact.items,
    currency: fact.currency,
    externalCustomerId: fact.externalCustomerId,
    periodStart: iso(fact.periodStart),
    periodEnd: iso(fact.periodEnd),
    cancelAt: iso(fact.cancelAt),
    canceledAt: iso(fact.canceledAt) ?? known?.canceledAt ?? null,
    endedAt: iso(fact.endedAt) ?? (isOver ? known.endedAt : null),
    pausedAt: iso(fact.pausedAt),
    url: fact.url,
    fetchedAt: toIso(now),
  };
}

interface PaymentInput {
  payment: PaymentFact;
  order: OrderRecord | null;
  subscription: SubscriptionRecord | null;
  unknown: string[];
}

/** Money that was taken stays taken: only a refund says that it was given back. */
async function recordPayment(
  tx: Tx,
  account: AccountRecord,
  { payment: fact, order, subscription, unknown }: PaymentInput,
  by: By,
): Promise<void> {
  const known = await findPaymentByExternal(tx, account.id, fact.externalId);
  if (fact.state === 'unknown') unknown.push(`payment ${fact.externalId}`);
  const keeps = known !== null && (fact.state === 'unknown' || (known.state === 'paid' && fact.state !== 'paid'));
  const iso = (ms: number | null) => (ms === null ? null : toIso(ms));
  const change = {
    state: keeps ? known.state : fact.state,
    amountMinor: fact.amountMinor,
    currency: fact.currency,
    paidAt: known?.paidAt ?? iso(fact.paidAt),
    failedAt: earlier(known?.failedAt ?? null, iso(fact.failedAt)),
    lines: fact.lines,
    charges: [...new Set([...(known?.charges ?? []), ...fact.aliases])],
    url: fact.url,
    fetchedAt: toIso(by.now),
  };
  if (known !== null) {
    await updatePayment(tx, known.id, change);
    return;
  }
  const made: PaymentRecord = {
    ...headOf(account, newId('payment', by.now), fact.externalId, by),
    ...{ ...change, kind: fact.kind, refundedMinor: 0, trouble: '' },
    orderId: fact.kind === 'one_off' || subscription === null ? (order?.id ?? null) : null,
    subscriptionId: fact.kind === 'period' ? (subscription?.id ?? null) : null,
  };
  await insertPayment(tx, made);
}

function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** Gives what is missing where money came back of a payment that nobody has told us of; all the rest is written. */
async function recordReturns(
  tx: Tx,
  account: AccountRecord,
  { refunds, disputes }: Snapshot,
  unknown: string[],
  by: By,
): Promise<string> {
  const missing: string[] = [];
  for (const fact of refunds) {
    const payment = await findPaymentByExternal(tx, account.id, fact.paymentId);
    if (payment === null) {
      missing.push(`the refund ${fact.externalId} is of ${fact.paymentId}, which is not known`);
      continue;
    }
    if (fact.state === 'unknown') unknown.push(`refund ${fact.externalId}`);
    const { amountMinor, currency, reason, url, state } = fact;
    const row = { paymentId: payment.id, amountMinor, currency, reason, url, state, at: toIso(fact.at) };
    await saveRefund(tx, { ...headOf(account, newId('refund', by.now), fact.externalId, by), ...row });
  }
  for (const fact of disputes) {
    const payment = await findPaymentByExternal(tx, account.id, fact.paymentId);
    if (payment === null) {
      missing.push(`the dispute ${fact.externalId} is of ${fact.paymentId}, which is not known`);
      continue;
    }
    if (fact.state === 'unknown') unknown.push(`dispute ${fact.externalId}: ${fact.providerState}`);
    const { amountMinor, currency, reason, url, state, providerState } = fact;
    const row = { paymentId: payment.id, amountMinor, currency, reason, url, state, providerState, at: toIso(fact.at) };
    const dueAt = fact.dueAt === null ? null : toIso(fact.dueAt);
    const head = headOf(account, newId('dispute', by.now), fact.externalId, by);
    await saveDispute(tx, { ...head, ...row, dueAt, heldAt: null });
  }
  return missing.join('; ');
}

function headOf(
  { id: accountId, organizationId, provider, mode }: AccountRecord,
  id: string,
  externalId: string,
  by: By,
) {
  const made = { createdAt: toIso(by.now), createdBy: by.actor.id };
  return { id, organizationId, accountId, provider, mode, externalId, ...made };
}
