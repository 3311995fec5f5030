import { DAY } from '../clock.ts';
import type { SubscriptionState } from './facts.ts';

/** What a subscription amounts to, from its facts alone. Instants in ms UTC. */
export interface SubscriptionTimes {
  /** Until when it is paid, refunds taken off; null: nothing is. */
  paidThrough: number | null;
  /** The first failed charge of the time behind that; null: none is known. */
  failedAt: number | null;
  /** Until when access goes on behind `paidThrough`; null: not at all. */
  graceUntil: number | null;
  /** It will be charged again by itself. */
  runs: boolean;
}

export interface TimesInput {
  state: SubscriptionState;
  cancelAt: number | null;
  endedAt: number | null;
  /** The periods that are paid and not given back, and those that were given back. */
  paid: readonly { end: number }[];
  returned: readonly { end: number }[];
  /** First failed charges of periods that are unpaid now. */
  failures: readonly number[];
  graceDays: number;
}

/** One that is paused is charged again only when somebody takes it up. */
const LIVING: readonly SubscriptionState[] = ['trialing', 'active', 'past_due'];

/**
 * Access comes from the last paid period, never from the one that the provider is in: that moves on while the charge still fails. A
 * failed charge gives a grace once, counted from the first try (DESIGN §9); who cancels, pauses or is refunded has none.
 */
export function subscriptionTimes(input: TimesInput): SubscriptionTimes {
  const { state, cancelAt, endedAt, paid, returned, graceDays } = input;
  const runs = LIVING.includes(state) && endedAt === null && cancelAt === null;
  const paidThrough = latest(paid);
  const failedAt = runs && input.failures.length > 0 ? Math.min(...input.failures) : null;
  const isReturned = (latest(returned) ?? 0) > (paidThrough ?? 0);
  const hasGrace = runs && paidThrough !== null && !isReturned;
  const graceUntil = hasGrace ? Math.max(paidThrough, (failedAt ?? paidThrough) + graceDays * DAY) : null;
  return { paidThrough, failedAt, graceUntil, runs };
}

function latest(periods: readonly { end: number }[]): number | null {
  return periods.length === 0 ? null : Math.max(...periods.map(({ end }) => end));
}
