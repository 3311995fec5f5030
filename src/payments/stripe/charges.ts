import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import type { Snapshot } from '../facts.ts';
import type { Mode } from '../gateway.ts';
import { askAll } from './client.ts';
import { disputeFactOf, refundFactOf, warningFactOf } from './facts-money.ts';

type Undone = Pick<Snapshot, 'refunds' | 'disputes'>;
export const NOTHING_UNDONE: Undone = { refunds: [], disputes: [] };

/**
 * What took back the money of one charge: all refunds, the failed ones too, since a failure restores. `deep`: disputes and warnings
 * are looked for even where the charge does not say that it was ever disputed.
 */
export async function undoneOf(
  stripe: Stripe,
  charge: Stripe.Charge,
  paymentId: string,
  mode: Mode,
  deep: boolean,
): Promise<Undone> {
  const [refunds, disputes, warnings] = await Promise.all([
    refundsOf(stripe, charge),
    deep || charge.disputed ? askAll((at) => stripe.disputes.list({ charge: charge.id, ...at })) : [],
    deep ? warningsOf(stripe, charge) : [],
  ]);
  return {
    refunds: refunds.map((refund) => refundFactOf(refund, paymentId, mode)),
    disputes: [
      ...disputes.map((dispute) => disputeFactOf(dispute, paymentId, mode)),
      ...warnings.map((warning) => warningFactOf(warning, charge, paymentId, mode)),
    ],
  };
}

export function joined(all: readonly Undone[]): Undone {
  return { refunds: all.flatMap(({ refunds }) => refunds), disputes: all.flatMap(({ disputes }) => disputes) };
}

/** Expanded with the charge, as a first page. */
async function refundsOf(stripe: Stripe, { id, refunds }: Stripe.Charge): Promise<Stripe.Refund[]> {
  if (refunds && !refunds.has_more) return refunds.data;
  return askAll((at) => stripe.refunds.list({ charge: id, ...at }));
}

/** A restricted key that may not read them does without: they only ever flag. */
async function warningsOf(stripe: Stripe, { id }: Stripe.Charge): Promise<Stripe.Radar.EarlyFraudWarning[]> {
  try {
    return await askAll((at) => stripe.radar.earlyFraudWarnings.list({ charge: id, ...at }));
  } catch (error) {
    if (error instanceof PaymentTrouble && error.reason === 'unauthorized') return [];
    throw error;
  }
}
