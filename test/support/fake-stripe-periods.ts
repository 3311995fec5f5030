import type Stripe from 'stripe';

const DAY = 86_400;

/** The period of a price that holds `at`, counted from the anchor, so that the 31st comes back after a short month. Seconds. */
export function periodFrom(
  anchor: number,
  recurring: Stripe.Price.Recurring,
  at: number,
): { start: number; end: number } {
  for (let n = 0; n < 5_000; n++) {
    const end = step(anchor, recurring, n + 1);
    if (at < end) return { start: step(anchor, recurring, n), end };
  }
  throw new Error('no period was found');
}

function step(anchor: number, { interval, interval_count }: Stripe.Price.Recurring, times: number): number {
  const count = interval_count * times;
  if (interval === 'day') return anchor + count * DAY;
  if (interval === 'week') return anchor + count * 7 * DAY;
  return addMonths(anchor, interval === 'year' ? count * 12 : count);
}

function addMonths(seconds: number, months: number): number {
  const from = new Date(seconds * 1_000);
  const to = new Date(seconds * 1_000);
  to.setUTCDate(1);
  to.setUTCMonth(to.getUTCMonth() + months);
  const last = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate();
  to.setUTCDate(Math.min(from.getUTCDate(), last));
  return Math.floor(to.getTime() / 1_000);
}
