import { fromIso, msOrNull } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import type { By } from '../licensing/keys.ts';
import type { Secrets } from '../secrets.ts';
import { alertVendor } from './alerts.ts';
import { STUCK } from './event-plan.ts';
import type { PaymentFact, Snapshot, SubscriptionFact } from './facts.ts';
import { type Applied, applySnapshot } from './fulfil.ts';
import type { ShopEvent } from './shop-event.ts';
import { factsOfShop, isRenewalOf, type PricedLine, paymentIdOf } from './shop-facts.ts';
import { makeShopOrder, offeredLines, offersOf } from './shop-orders.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  findSubscription,
  findSubscriptionByExternal,
  type PaymentRecord,
  paymentsByExternal,
  paymentsOf,
  type SubscriptionRecord,
} from './store-facts.ts';
import { findOrder, findOrderByExternal, linesOfOrder } from './store-orders.ts';

/**
 * The same as `applySnapshot`, also for what a shop has told, which says less than what is read of a provider: the order is made by the
 * first that is heard of it, and what an event leaves out is put in from what is stored. In whatever order events come, they end alike.
 */
export async function applyFacts(
  tx: Tx,
  secrets: Secrets,
  account: AccountRecord,
  snapshot: Snapshot,
  by: By,
): Promise<Applied> {
  if (snapshot.told === undefined) return applySnapshot(tx, secrets, account, snapshot, by);
  const whole = await wholeFacts(tx, account, snapshot.told, by);
  return 'state' in whole ? whole : applySnapshot(tx, secrets, account, whole, by);
}

async function wholeFacts(tx: Tx, account: AccountRecord, event: ShopEvent, by: By): Promise<Snapshot | Applied> {
  if (event.type === 'refunded') return refunded(tx, account, event);
  const { subscription } = event;
  const known = subscription ? await findSubscriptionByExternal(tx, account.id, subscription.id) : null;
  const payments = known ? await paymentsOf(tx, { subscriptionId: known.id }) : [];
  if (event.type === 'canceled' || event.type === 'failed') {
    const order = await findOrderByExternal(tx, account.id, event.order);
    if (subscription && known === null) return parked(`the subscription ${subscription.id} is not known yet`);
    if (!subscription && order === null) return { state: 'ignored', detail: 'nothing was sold under this order' };
    if (known === null) return { ...factsOfShop(event, []), payments: [] };
  }
  const paidStart = (each: PaymentRecord) => each.state === 'paid' && each.lines[0]?.start === event.period?.start;
  if (event.type === 'failed' && payments.some(paidStart)) return { state: 'done', detail: 'that period is paid' };
  const lines = await linesFor(tx, account, event, known, by);
  if ('state' in lines) return lines;
  const facts = factsOfShop(event, lines.lines);
  return {
    ...facts,
    checkout: facts.checkout && fitted(facts.checkout, lines.rest),
    subscription: facts.subscription && goingOn(facts.subscription, event, known, payments, lines.orderId),
    payments: [
      ...facts.payments.map((each) => ({ ...each, currency: each.currency || (known?.currency ?? '') })),
      ...voided(event, payments),
    ],
  };
}

function parked(detail: string): Applied {
  // Whatever a shop signs is about something of ours.
  return { state: 'parked', detail, owed: STUCK };
}

interface Lines {
  lines: PricedLine[];
  /** What the order comes to, where nobody checks every price of it. */
  rest: number | null;
  /** Of the order that the event itself has begun. */
  orderId: string | null;
}

async function linesFor(
  tx: Tx,
  account: AccountRecord,
  event: ShopEvent,
  known: SubscriptionRecord | null,
  by: By,
): Promise<Lines | Applied> {
  if (event.items === undefined || event.type === 'failed' || event.type === 'canceled')
    return known === null
      ? parked('its subscription is not known yet')
      : { lines: await linesAsBefore(tx, known), rest: null, orderId: null };
  const { offers, unknown } = await offersOf(tx, account, event.items);
  if (unknown.length > 0) {
    const detail = `the order ${event.order} of a shop was paid for "${unknown.join('", "')}", which sells nothing; add the price, and it is taken up again`;
    const { organizationId, id: accountId } = account;
    await alertVendor(tx, { organizationId, accountId, code: 'UNKNOWN_PRICE', subject: event.order, detail }, by.now);
    return parked(detail);
  }
  const lines = offeredLines(event, offers);
  const order = await findOrderByExternal(tx, account.id, event.order);
  const takesOver = event.type === 'renewed' && known === null;
  if (takesOver && event.items.some(({ license }) => license === undefined))
    return parked('its subscription is not known yet; to take it over, its items must name their licenses');
  if (order === null && (event.type === 'paid' || takesOver)) await makeShopOrder(tx, account, event, offers, by);
  const isChecked = [...offers.values()].every(({ unitMinor }) => unitMinor !== null);
  const rest = isChecked ? null : lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  return { lines, rest, orderId: takesOver ? event.order : null };
}

/** A renewal that names no items is of what the subscription has, at the price of the order. */
async function linesAsBefore(tx: Tx, { items, orderId }: SubscriptionRecord): Promise<PricedLine[]> {
  const ordered = orderId === null ? [] : await linesOfOrder(tx, orderId);
  return items.map(({ id, priceId, quantity }) => {
    const unit = ordered.find(({ priceExternalId }) => priceExternalId === priceId)?.unitMinor ?? 0;
    return { line: id, priceId, quantity, amountMinor: unit * quantity };
  });
}

/** Where nobody knows what it should cost, it costs what was paid: cents that cannot be shared are no discount. */
function fitted(checkout: NonNullable<Snapshot['checkout']>, rest: number | null): Snapshot['checkout'] {
  if (rest === null) return checkout;
  return { ...checkout, subtotalMinor: rest, discountMinor: rest + checkout.taxMinor - checkout.totalMinor };
}

/** The later of two events holds: a cancellation is over once it is paid again, and one that is told late changes nothing. */
function goingOn(
  fact: SubscriptionFact,
  event: ShopEvent,
  known: SubscriptionRecord | null,
  payments: readonly PaymentRecord[],
  checkoutId: string | null,
): SubscriptionFact {
  const paid = payments.flatMap(({ paidAt }) => (paidAt === null ? [] : [fromIso(paidAt)]));
  if (event.type === 'paid' || event.type === 'renewed') paid.push(event.paid_at ?? event.at);
  const told = [fact.canceledAt, known?.canceledAt ? fromIso(known.canceledAt) : null].filter((at) => at !== null);
  const canceledAt = told.length === 0 ? null : Math.max(...told);
  const isCanceled = canceledAt !== null && paid.every((at) => at <= canceledAt);
  const ends = [known?.periodEnd ? fromIso(known.periodEnd) : 0, event.type === 'failed' ? 0 : (fact.periodEnd ?? 0)];
  const isNewest = (fact.periodEnd ?? 0) >= Math.max(...ends) && event.type !== 'failed';
  const before = { start: known?.periodStart ?? null, end: known?.periodEnd ?? null };
  const period =
    isNewest || known === null
      ? { start: fact.periodStart, end: fact.periodEnd }
      : { start: msOrNull(before.start), end: msOrNull(before.end) };
  const hasItems = isNewest && (event.items !== undefined || known === null);
  return {
    ...fact,
    ...{ checkoutId: fact.checkoutId ?? checkoutId, currency: fact.currency || (known?.currency ?? '') },
    items: hasItems || known === null ? fact.items : known.items,
    ...{ periodStart: period.start, periodEnd: period.end },
    ...{ canceledAt: isCanceled ? canceledAt : null, cancelAt: isCanceled ? (period.end ?? canceledAt) : null },
  };
}

/** A charge that failed under another order is of no account once its period is paid. */
function voided(event: ShopEvent, payments: readonly PaymentRecord[]): PaymentFact[] {
  const start = event.period?.start;
  const own = paymentIdOf(event);
  const same = payments.filter((each) => each.externalId !== own && each.lines.some((line) => line.start === start));
  if (start === undefined) return [];
  if (event.type === 'renewed' || event.type === 'paid')
    return same.filter(({ state }) => state === 'failed').map((each) => factOf(each, { state: 'void' }));
  return [];
}

/** As it is stored, for what is told beside it. */
function factOf(payment: PaymentRecord, change: Partial<PaymentFact> = {}): PaymentFact {
  const { externalId, kind, state, amountMinor, currency, lines, charges, url } = payment;
  return {
    ...{ externalId, kind, checkoutId: null, subscriptionId: null, state, amountMinor, currency },
    ...{ paidAt: msOrNull(payment.paidAt), failedAt: msOrNull(payment.failedAt), lines, aliases: charges, url },
    ...{ customerUrl: null, ...change },
  };
}

/** A refund is of the payment that its order and period name, or of the only renewal that was paid under its order. */
async function refunded(tx: Tx, account: AccountRecord, event: ShopEvent): Promise<Snapshot | Applied> {
  const [fact] = factsOfShop(event, []).refunds;
  const payment = await refundedPayment(tx, account, event);
  if (!fact || payment === null) return parked(`the payment of the order ${event.order} is not known yet`);
  const order = payment.orderId === null ? null : await findOrder(tx, payment.orderId);
  const subscription = payment.subscriptionId === null ? null : await findSubscription(tx, payment.subscriptionId);
  const where = { checkoutId: order?.externalId ?? null, subscriptionId: subscription?.externalId ?? null };
  return {
    ...{ checkout: null, subscription: null, disputes: [], payments: [factOf(payment, where)] },
    refunds: [{ ...fact, paymentId: payment.externalId, currency: payment.currency }],
  };
}

async function refundedPayment(tx: Tx, { id }: AccountRecord, event: ShopEvent): Promise<PaymentRecord | null> {
  const paymentId = paymentIdOf(event);
  const named = (await paymentsByExternal(tx, id, [paymentId])).get(paymentId) ?? null;
  if (named !== null || event.period !== undefined || !event.subscription) return named;
  const known = await findSubscriptionByExternal(tx, id, event.subscription.id);
  const all = known ? await paymentsOf(tx, { subscriptionId: known.id }) : [];
  const own = all.filter(({ externalId, state }) => state === 'paid' && isRenewalOf(externalId, event.order));
  return own.length === 1 ? (own[0] ?? null) : null;
}
