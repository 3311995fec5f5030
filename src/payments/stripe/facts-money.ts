import type Stripe from 'stripe';
import type { DisputeFact, RefundFact } from '../facts.ts';
import type { Mode } from '../gateway.ts';
import { currencyOf, dashboardUrl, disputeStateOf, instantOf, minorOf, refundStateOf } from './words.ts';

export function refundFactOf(refund: Stripe.Refund, paymentId: string, mode: Mode): RefundFact {
  return {
    externalId: refund.id,
    paymentId,
    state: refundStateOf(refund.status),
    amountMinor: minorOf(refund.amount, refund.currency),
    currency: currencyOf(refund.currency),
    reason: refund.reason ?? '',
    at: instantOf(refund.created),
    url: dashboardUrl(mode, `refunds/${refund.id}`),
  };
}

export function disputeFactOf(dispute: Stripe.Dispute, paymentId: string, mode: Mode): DisputeFact {
  return {
    externalId: dispute.id,
    paymentId,
    state: disputeStateOf(dispute.status),
    providerState: dispute.status,
    amountMinor: minorOf(dispute.amount, dispute.currency),
    currency: currencyOf(dispute.currency),
    reason: dispute.reason,
    at: instantOf(dispute.created),
    dueAt: instantOf(dispute.evidence_details?.due_by),
    url: dashboardUrl(mode, `disputes/${dispute.id}`),
  };
}

/** The bank of the card suspects fraud: no money moves yet. Once it was refunded or disputed nothing is left to be done about it. */
export function warningFactOf(
  warning: Stripe.Radar.EarlyFraudWarning,
  charge: Pick<Stripe.Charge, 'amount' | 'currency' | 'id'>,
  paymentId: string,
  mode: Mode,
): DisputeFact {
  return {
    externalId: warning.id,
    paymentId,
    state: warning.actionable ? 'warning' : 'closed',
    providerState: warning.actionable ? 'actionable' : 'not_actionable',
    amountMinor: minorOf(charge.amount, charge.currency),
    currency: currencyOf(charge.currency),
    reason: warning.fraud_type,
    at: instantOf(warning.created),
    dueAt: null,
    url: dashboardUrl(mode, `payments/${charge.id}`),
  };
}
