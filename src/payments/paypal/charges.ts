import { z } from 'zod';
import { DAY } from '../../clock.ts';
import type { PaymentFact, PaymentLine } from '../facts.ts';
import type { Known } from '../gateway.ts';
import { get, inPath, look, type Paypal } from './calls.ts';
import { toMinor } from './money.ts';
import type { Paid } from './money-back.ts';
import { chargeFor, endOf, lengthOf, type Plans, priceOf, timesOf, trialOf } from './plans.ts';
import { linkOf, type PlanTerms, type Subscription, Transaction, webUrl } from './shapes.ts';

/** PayPal pages nothing here as far as it says; whatever it does, this is enough. */
const MOST_PAGES = 50;
const STATES: Record<string, PaymentFact['state']> = {
  COMPLETED: 'paid',
  PARTIALLY_REFUNDED: 'paid',
  REFUNDED: 'paid',
  PENDING: 'pending',
};

const Page = z.object({
  transactions: z.array(Transaction).default([]),
  links: z.array(z.object({ href: z.string(), rel: z.string() })).default([]),
});

export interface ChargeGround {
  subscription: Subscription;
  /** What it is charged by today. */
  plan: PlanTerms | null;
  plans: Plans;
  transactions: readonly Transaction[];
  known: Known | undefined;
}

/** Oldest first. `now` is the machine's; where PayPal is ahead of it, PayPal's newest instant counts. */
export async function readTransactions(
  paypal: Paypal,
  { id, create_time, status_update_time, billing_info: billing }: Subscription,
  now: number,
): Promise<Transaction[]> {
  const instants = [status_update_time, billing?.last_payment?.time, billing?.last_failed_payment?.time];
  const newest = Math.max(now, ...instants.map((text) => (text === undefined ? 0 : Date.parse(text))));
  const range = { start_time: second(Date.parse(create_time) - DAY), end_time: second(newest + DAY) };
  let next: string | null = `/v1/billing/subscriptions/${inPath(id)}/transactions?${new URLSearchParams(range)}`;
  const found: Transaction[] = [];
  for (let page = 0; next !== null && page < MOST_PAGES; page++) {
    const read: z.infer<typeof Page> | null = await look(paypal, get(next), Page);
    found.push(...(read?.transactions ?? []));
    const link = linkOf(read?.links ?? [], 'next');
    // Never its host.
    next = link !== null && URL.canParse(link) ? new URL(link).pathname + new URL(link).search : null;
  }
  return found.sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || (a.id < b.id ? -1 : 1));
}

/**
 * Declined tries are not payments: a later one that succeeds has an id of its own. `unclear`: it is stored, and what it paid for cannot
 * be told any more, so that nothing is said of it but what comes back of it.
 */
export async function chargesOf(paypal: Paypal, ground: ChargeGround): Promise<{ charges: Paid[]; unclear: Paid[] }> {
  const real = ground.transactions.filter(({ status }) => status !== 'DECLINED');
  const charges: Paid[] = [];
  const unclear: Paid[] = [];
  for (const [at, transaction] of real.entries()) {
    const line = await lineOf(ground, transaction, at);
    const charge = chargeOf(paypal, ground.subscription, transaction, line);
    if (line === null) unclear.push(charge);
    else charges.push(charge);
  }
  return { charges, unclear };
}

/**
 * What a transaction paid for. PayPal does not say under which plan it was made: first counts what is known from the time when it was
 * made, then whether the amount is one of today's plan; else no price is named for it. null: it is known, and fits its plan no more.
 */
async function lineOf(
  { subscription, plan, plans, known }: ChargeGround,
  transaction: Transaction,
  at: number,
): Promise<PaymentLine | null> {
  const { gross_amount: gross, tax_amount: tax } = transaction.amount_with_breakdown;
  const grossMinor = toMinor(gross.value, gross.currency_code);
  const taxMinor = tax ? toMinor(tax.value, tax.currency_code) : 0;
  const start = Date.parse(transaction.time);
  const base = { id: '1', item: subscription.id, amountMinor: grossMinor - taxMinor, start, proration: false };
  const stored = known?.payments.find(({ externalId }) => externalId === transaction.id);
  const priceId = stored?.priceId ?? subscription.plan_id;
  const terms = priceId === subscription.plan_id ? plan : await plans.get(priceId);
  const quantity = stored?.quantity ?? Number(subscription.quantity);
  const charge = terms && chargeFor(terms, { gross: grossMinor, tax: taxMinor, at, quantity });
  if (charge) {
    const end = endOf(start, charge.length, Date.parse(subscription.start_time ?? subscription.create_time));
    return { ...base, priceId, quantity: charge.quantity, amountMinor: charge.amountMinor, end };
  }
  if (stored?.priceId) return null;
  return { ...base, priceId: null, quantity, end: null };
}

function chargeOf(paypal: Paypal, { id }: Subscription, transaction: Transaction, line: PaymentLine | null): Paid {
  const { gross_amount: gross } = transaction.amount_with_breakdown;
  const state = STATES[transaction.status] ?? 'unknown';
  return {
    externalId: transaction.id,
    ...{ kind: 'period', checkoutId: null, subscriptionId: id, state, providerState: transaction.status },
    amountMinor: toMinor(gross.value, gross.currency_code),
    currency: gross.currency_code,
    paidAt: state === 'paid' ? Date.parse(transaction.time) : null,
    failedAt: null,
    lines: line === null ? [] : [line],
    aliases: [],
    url: webUrl(paypal.account.mode, `/activity/payment/${transaction.id}`),
    customerUrl: null,
  };
}

/** PayPal makes no transaction of what costs nothing: the time is given all the same. */
export function freeTrialOf(paypal: Paypal, subscription: Subscription, plan: PlanTerms): PaymentFact | null {
  const trial = trialOf(plan);
  const price = trial && priceOf(trial);
  if (!trial || (price && Number(price.value) !== 0)) return null;
  const { id, plan_id: priceId, quantity } = subscription;
  const start = Date.parse(subscription.start_time ?? subscription.create_time);
  const end = endOf(start, timesOf(lengthOf(trial), Math.max(1, trial.total_cycles)), start);
  const regular = plan.billing_cycles.find(({ tenure_type }) => tenure_type === 'REGULAR');
  const line = { id: '1', item: id, priceId, quantity: Number(quantity), amountMinor: 0, start, end, proration: false };
  return {
    ...{ externalId: `trial:${id}`, kind: 'period', checkoutId: null, subscriptionId: id, state: 'paid' },
    ...{ amountMinor: 0, currency: (regular && priceOf(regular)?.currency_code) ?? '', paidAt: start, failedAt: null },
    ...{ lines: [line], aliases: [], url: webUrl(paypal.account.mode, `/billing/subscriptions/${id}`) },
    customerUrl: null,
  };
}

function second(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
