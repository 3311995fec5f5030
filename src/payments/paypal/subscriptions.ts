import type { CheckoutFact, PaymentFact, Snapshot, SubscriptionFact, SubscriptionState } from '../facts.ts';
import type { Known } from '../gateway.ts';
import { machineTime } from '../send-io.ts';
import { get, inPath, look, type Paypal } from './calls.ts';
import { chargesOf, freeTrialOf, readTransactions } from './charges.ts';
import { toMinor } from './money.ts';
import { moneyBack } from './money-back.ts';
import { plain } from './orders.ts';
import { Plans, priceOf, regularOf, trialOf } from './plans.ts';
import { nameOf, ourOrder, type PlanTerms, Subscription, type Transaction, webUrl } from './shapes.ts';

const STATES: Record<string, SubscriptionState> = {
  APPROVAL_PENDING: 'incomplete',
  APPROVED: 'incomplete',
  ACTIVE: 'active',
  SUSPENDED: 'paused',
  CANCELLED: 'canceled',
  EXPIRED: 'expired',
};

/** A subscription with all that was charged for it. Where it was begun by an order of ours it is that order's checkout as well. */
export async function readSubscription(paypal: Paypal, id: string, known?: Known): Promise<Snapshot | null> {
  const path = `/v1/billing/subscriptions/${inPath(id)}`;
  const first = await look(paypal, get(path), Subscription);
  if (first === null) return null;
  const found =
    first.plan_overridden && !first.plan ? await look(paypal, get(path, { fields: 'plan' }), Subscription) : first;
  const subscription = found ?? first;
  const plans = new Plans(paypal);
  const plan = subscription.plan?.billing_cycles.length ? subscription.plan : await plans.get(subscription.plan_id);
  const transactions = isBegun(subscription) ? await readTransactions(paypal, subscription, machineTime()) : [];
  const { charges, unclear } = await chargesOf(paypal, { subscription, plan, plans, transactions, known });
  const trial = isBegun(subscription) && plan ? freeTrialOf(paypal, subscription, plan) : null;
  const payments = [...(trial ? [trial] : []), ...charges.map(plain)];
  const back = await moneyBack(paypal, [...charges, ...unclear], [], known);
  const fact = subscriptionFact(paypal, subscription, plan, transactions, payments);
  return { checkout: checkoutOf(fact, subscription, plan, payments), subscription: fact, payments, ...back };
}

function isBegun({ status }: Subscription): boolean {
  return STATES[status] !== 'incomplete';
}

export function subscriptionFact(
  paypal: Paypal,
  subscription: Subscription,
  plan: PlanTerms | null,
  transactions: readonly Transaction[],
  payments: readonly PaymentFact[],
): SubscriptionFact {
  const { id, status, plan_id: priceId, subscriber, status_update_time: at } = subscription;
  const line = payments.filter(({ state }) => state === 'paid').at(-1)?.lines[0];
  const failedAt = firstFailure(subscription, transactions, line?.end ?? null);
  const changedAt = at === undefined ? null : Date.parse(at);
  const orderId = ourOrder(subscription.custom_id);
  return {
    externalId: id,
    orderId,
    checkoutId: orderId === null ? null : id,
    state: stateOf(subscription, plan, failedAt),
    providerState: status,
    items: [{ id, priceId, quantity: Number(subscription.quantity) }],
    currency: currencyOf(subscription, plan, transactions),
    externalCustomerId: subscriber?.payer_id ?? null,
    email: subscriber?.email_address ?? null,
    startedAt: beginOf(subscription),
    periodStart: line?.start ?? null,
    periodEnd: line?.end ?? null,
    cancelAt: status === 'CANCELLED' ? (line?.end ?? changedAt) : null,
    canceledAt: status === 'CANCELLED' ? changedAt : null,
    endedAt: status === 'EXPIRED' || status === 'CANCELLED' ? changedAt : null,
    pausedAt: status === 'SUSPENDED' ? changedAt : null,
    failedAt,
    url: webUrl(paypal.account.mode, `/billing/subscriptions/${id}`),
  };
}

function beginOf({ start_time, create_time }: Subscription): number {
  return Date.parse(start_time ?? create_time);
}

function stateOf(
  { status, billing_info: billing }: Subscription,
  plan: PlanTerms | null,
  failedAt: number | null,
): SubscriptionState {
  const state = STATES[status] ?? 'unknown';
  if (state !== 'active') return state;
  if (failedAt !== null) return 'past_due';
  const regular = billing?.cycle_executions.find(({ tenure_type }) => tenure_type === 'REGULAR');
  const trial = plan && trialOf(plan);
  return trial && (regular?.cycles_completed ?? 0) === 0 ? 'trialing' : state;
}

/**
 * The first failed charge since the last one that succeeded. The transactions tell them all; where they do not, PayPal names the last
 * one only, and the first was due when what was paid ended.
 */
function firstFailure(
  { status, billing_info: billing }: Subscription,
  transactions: readonly Transaction[],
  paidUntil: number | null,
): number | null {
  if (!billing || billing.failed_payments_count === 0 || !['ACTIVE', 'SUSPENDED'].includes(status)) return null;
  const lastPaid = Math.max(
    0,
    ...transactions.filter((it) => it.status !== 'DECLINED').map(({ time }) => Date.parse(time)),
  );
  const declined = transactions.filter((it) => it.status === 'DECLINED' && Date.parse(it.time) >= lastPaid);
  if (declined.length > 0) return Math.min(...declined.map(({ time }) => Date.parse(time)));
  const last = billing.last_failed_payment ? Date.parse(billing.last_failed_payment.time) : null;
  if (last === null || last < lastPaid) return null;
  return billing.failed_payments_count > 1 && paidUntil !== null ? Math.min(last, paidUntil) : last;
}

function currencyOf(
  { billing_info: billing }: Subscription,
  plan: PlanTerms | null,
  transactions: readonly Transaction[],
): string {
  const cycle = plan && regularOf(plan);
  const ofPlan = cycle && priceOf(cycle)?.currency_code;
  const [first] = transactions;
  return (
    ofPlan ??
    first?.amount_with_breakdown.gross_amount.currency_code ??
    billing?.last_payment?.amount.currency_code ??
    ''
  );
}

/**
 * A subscription is its own payment page: its order knows it by the same id. What was bought is what was first charged, whatever the
 * plan was changed to since.
 */
function checkoutOf(
  fact: SubscriptionFact,
  subscription: Subscription,
  plan: PlanTerms | null,
  payments: readonly PaymentFact[],
): CheckoutFact | null {
  const first = payments.find(({ state }) => state === 'paid') ?? payments[0];
  const bought = first ? first.lines[0] : { priceId: subscription.plan_id, quantity: Number(subscription.quantity) };
  if (fact.orderId === null || bought === undefined) return null;
  const cycle = plan && regularOf(plan);
  const price = cycle && priceOf(cycle);
  const ofPlan = price ? toMinor(price.value, price.currency_code) * bought.quantity : 0;
  const paidFor = first?.lines[0]?.amountMinor ?? 0;
  const subtotalMinor = paidFor === 0 ? ofPlan : paidFor;
  const totalMinor = first && first.amountMinor < subtotalMinor ? first.amountMinor : subtotalMinor;
  return {
    externalId: fact.externalId,
    orderId: fact.orderId,
    state: checkoutState(subscription.status, first),
    providerState: subscription.status,
    currency: fact.currency,
    ...{ subtotalMinor, totalMinor, discountMinor: subtotalMinor - totalMinor, taxMinor: 0 },
    lines: [{ priceId: bought.priceId, quantity: bought.quantity, amountMinor: subtotalMinor }],
    email: fact.email,
    name: nameOf(subscription.subscriber),
    externalCustomerId: fact.externalCustomerId,
    paymentId: first?.externalId ?? null,
    subscriptionId: fact.externalId,
  };
}

function checkoutState(status: string, first: PaymentFact | undefined): CheckoutFact['state'] {
  if (first?.state === 'paid') return 'paid';
  if (status === 'APPROVAL_PENDING') return 'open';
  if (status === 'CANCELLED') return 'failed';
  if (status === 'EXPIRED') return 'expired';
  return STATES[status] === undefined ? 'unknown' : 'processing';
}
