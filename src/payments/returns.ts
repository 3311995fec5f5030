import type { PaymentPolicy } from './policy.ts';
import type { DisputeRecord, PaymentRecord, RefundRecord } from './store-facts.ts';

type Returnable = Pick<PaymentRecord, 'id' | 'kind' | 'amountMinor'>;

/** What came back of a payment: refunds that succeeded and what lost disputes took, never more than was paid. Minor units. */
export function takenOf(
  { id, amountMinor }: Pick<Returnable, 'id' | 'amountMinor'>,
  refunds: readonly RefundRecord[],
  disputes: readonly DisputeRecord[],
): number {
  const given = refunds.filter(({ paymentId, state }) => paymentId === id && state === 'succeeded');
  const lost = disputes.filter(({ paymentId, state }) => paymentId === id && state === 'lost');
  return Math.min(amountMinor, sum(given) + sum(lost));
}

function sum(all: readonly { amountMinor: number }[]): number {
  return all.reduce((total, { amountMinor }) => total + amountMinor, 0);
}

/**
 * Why what a payment bought is closed; null: it stays. In any order of refunds, since only their sum counts; one that failed in the
 * end counts no more.
 */
export function returnOf(
  payment: Returnable,
  refunds: readonly RefundRecord[],
  disputes: readonly DisputeRecord[],
  policy: PaymentPolicy,
): string | null {
  const taken = takenOf(payment, refunds, disputes);
  if (taken === 0) return null;
  const share = policy.partialRefundPercent ?? 100;
  // In whole numbers: a third of an amount is no exact percentage.
  if (taken * 100 < payment.amountMinor * share) return null;
  const isLost = disputes.some(({ paymentId, state }) => paymentId === payment.id && state === 'lost');
  if (isLost) return 'a dispute was lost';
  // The time goes on to its end, and no further.
  if (payment.kind === 'period' && policy.periodRefund === 'keep') return null;
  return taken === payment.amountMinor ? 'refunded' : 'refunded in part';
}

/** Disputes that keep the licenses of their payment suspended. */
export function holding(disputes: readonly DisputeRecord[], policy: PaymentPolicy): DisputeRecord[] {
  return disputes.filter(
    ({ state }) =>
      (state === 'open' && policy.disputeOpened === 'suspend') ||
      (state === 'warning' && policy.fraudWarning === 'suspend'),
  );
}
