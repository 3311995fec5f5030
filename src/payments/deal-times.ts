import { fromIso, msOrNull } from '../clock.ts';
import type { Deal, Wanted } from './deal.ts';
import type { PaymentPolicy } from './policy.ts';
import type { PaymentRecord, SubscriptionRecord } from './store-facts.ts';
import { type SubscriptionTimes, subscriptionTimes } from './subscription-times.ts';

/** What the subscription of a deal amounts to; null: it has none. */
export function dealTimes(deal: Deal, wanted: readonly Wanted[], policy: PaymentPolicy): SubscriptionTimes | null {
  const { subscription } = deal;
  if (subscription === null) return null;
  const periods = wanted.flatMap(({ time, open, packageId }) =>
    time.kind === 'period' ? [{ end: time.end, open, packageId }] : [],
  );
  const paid = [...deal.imported, ...periods.filter(({ open }) => open)];
  const last = paid.reduce<(typeof paid)[number] | null>((a, b) => (a === null || b.end >= a.end ? b : a), null);
  const named = [...deal.prices.values()].find(({ packageId }) => packageId === last?.packageId)?.graceDays ?? 0;
  return subscriptionTimes({
    ...{ state: subscription.state, cancelAt: endOf(subscription), endedAt: msOrNull(subscription.endedAt) },
    ...{ paid, returned: periods.filter(({ open }) => !open) },
    failures: failuresOf(deal, last?.end ?? null),
    graceDays: named > 0 ? named : policy.graceDays,
  });
}

/** An end that lies behind the period that runs is yet far away: until then it is charged by itself. */
function endOf({ cancelAt, periodEnd }: SubscriptionRecord): number | null {
  return cancelAt !== null && periodEnd !== null && cancelAt > periodEnd ? null : msOrNull(cancelAt);
}

/**
 * Of the time behind what is paid: a period that was given up long ago, or a change within a paid one, is none of it. The first try is
 * what counts: a provider that only tells the last one is held to what it said before.
 */
function failuresOf({ payments, subscription, failedAt }: Deal, paidThrough: number | null): number[] {
  const isBehind = ({ lines }: PaymentRecord) =>
    lines.length === 0 || lines.some(({ end }) => end === null || end > (paidThrough ?? 0));
  const unpaid = payments.filter(
    (payment) =>
      payment.kind === 'period' && (payment.state === 'pending' || payment.state === 'failed') && isBehind(payment),
  );
  const said = unpaid.flatMap((payment) => (payment.failedAt === null ? [] : [fromIso(payment.failedAt)]));
  if (failedAt === null) return said;
  const isSame = subscription !== null && msOrNull(subscription.paidThrough) === paidThrough;
  const known = isSame && subscription.failedAt !== null ? [fromIso(subscription.failedAt)] : [];
  return [...said, failedAt, ...known];
}
