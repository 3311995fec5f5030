import { PaymentTrouble } from '../../errors.ts';
import type { Length } from '../../licensing/package-terms.ts';
import type { DisputeFact, RefundFact, SubscriptionState } from '../facts.ts';
import type { Mode } from '../gateway.ts';

/** Stripe's words in ours. All of its lists are open: what is not here is `unknown`. */

const SUBSCRIPTION: Readonly<Record<string, SubscriptionState>> = {
  incomplete: 'incomplete',
  incomplete_expired: 'expired',
  trialing: 'trialing',
  active: 'active',
  past_due: 'past_due',
  // All tries are over and the vendor chose to let it stand: still owed, and nothing comes by itself.
  unpaid: 'past_due',
  paused: 'paused',
  canceled: 'canceled',
};

const DISPUTE: Readonly<Record<string, DisputeFact['state']>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'closed',
  needs_response: 'open',
  under_review: 'open',
  appeal_needs_response: 'open',
  appeal_under_review: 'open',
  won: 'won',
  lost: 'lost',
  // Stripe gave the money back before the bank asked for it.
  prevented: 'lost',
};

const REFUND: Readonly<Record<string, RefundFact['state']>> = {
  pending: 'pending',
  requires_action: 'pending',
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
};

export const subscriptionStateOf = (status: string): SubscriptionState => wordOf(SUBSCRIPTION, status);
export const disputeStateOf = (status: string): DisputeFact['state'] => wordOf(DISPUTE, status);
export const refundStateOf = (status: string | null): RefundFact['state'] => wordOf(REFUND, status ?? '');

function wordOf<T extends string>(words: Readonly<Record<string, T>>, word: string): T | 'unknown' {
  return Object.hasOwn(words, word) ? (words[word] as T) : 'unknown';
}

/** Without decimals by ISO 4217, and counted in hundredths by Stripe all the same. */
const HUNDREDTHS_AT_STRIPE = new Set(['ISK', 'UGX']);

export function currencyOf(currency: string | null): string {
  return (currency ?? '').toUpperCase();
}

/** Stripe counts in minor units itself, also where a currency has none or three decimals. */
export function minorOf(amount: number | null | undefined, currency: string | null): number {
  const minor = amount ?? 0;
  return HUNDREDTHS_AT_STRIPE.has(currencyOf(currency)) ? Math.round(minor / 100) : minor;
}

/** Its instants are seconds. */
export function instantOf(seconds: number): number;
export function instantOf(seconds: number | null | undefined): number | null;
export function instantOf(seconds: number | null | undefined): number | null {
  return typeof seconds === 'number' ? seconds * 1_000 : null;
}

export function idOf(value: string | { id: string } | null | undefined): string | null {
  return typeof value === 'string' ? value : (value?.id ?? null);
}

/** Where the vendor sees an object. */
export function dashboardUrl(mode: Mode, path: string): string {
  return `https://dashboard.stripe.com/${mode === 'test' ? 'test/' : ''}${path}`;
}

export function intervalOf({ interval, interval_count }: { interval: string; interval_count: number }): Length {
  switch (interval) {
    case 'week':
      return { value: 7 * interval_count, unit: 'day' };
    case 'day':
    case 'month':
    case 'year':
      return { value: interval_count, unit: interval };
    default:
      throw new PaymentTrouble('bad_answer', `Stripe names an interval that is not known: ${interval}`);
  }
}
