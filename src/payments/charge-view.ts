import { z } from 'zod';
import { isoOrNull } from '../clock.ts';
import { instant } from '../licensing/fields.ts';
import { MONEY_STATES } from './money-filter.ts';
import { headShape, headView, linksShape, minor } from './money-view.ts';
import type { DisputeRecord, PaymentRecord, RefundRecord } from './store-facts.ts';

/** What people are shown of payments, refunds and disputes. */

const PaymentLineView = z
  .object({
    id: z.string(),
    ...{ item: z.string().nullable(), price_id: z.string().nullable(), quantity: z.number().int() },
    amount_minor: minor.meta({ description: 'Before discounts and tax; negative: given back within a period' }),
    ...{ starts_at: instant.nullable(), ends_at: instant.nullable(), proration: z.boolean() },
  })
  .meta({ id: 'PaymentLine' });

export const PaymentView = z
  .object({
    ...headShape,
    state: z.enum(MONEY_STATES.payment),
    kind: z.enum(['one_off', 'period']).meta({ description: 'period: of a subscription' }),
    ...{ order_id: z.string().nullable(), subscription_id: z.string().nullable() },
    amount_minor: minor,
    refunded_minor: minor.meta({ description: 'Refunds that succeeded, and what lost disputes took' }),
    currency: z.string(),
    ...{ paid_at: instant.nullable(), failed_at: instant.nullable() },
    lines: z.array(PaymentLineView),
    provider_ids: z.array(z.string()).meta({ description: 'Other ids by which the provider names it' }),
    trouble: z.string(),
    fetched_at: instant.meta({ description: 'When the provider was last asked about it' }),
    ...linksShape,
  })
  .meta({ id: 'Payment' });

export function paymentView(payment: PaymentRecord): Omit<z.input<typeof PaymentView>, 'grants' | 'events'> {
  return {
    ...headView(payment, payment.url),
    ...{ state: payment.state, kind: payment.kind, order_id: payment.orderId, subscription_id: payment.subscriptionId },
    ...{ amount_minor: payment.amountMinor, refunded_minor: payment.refundedMinor, currency: payment.currency },
    ...{ paid_at: payment.paidAt, failed_at: payment.failedAt },
    lines: payment.lines.map(({ id, item, priceId, quantity, amountMinor, start, end, proration }) => ({
      ...{ id, item, price_id: priceId, quantity, amount_minor: amountMinor },
      ...{ starts_at: isoOrNull(start), ends_at: isoOrNull(end), proration },
    })),
    ...{ provider_ids: payment.charges, trouble: payment.trouble, fetched_at: payment.fetchedAt },
  };
}

const ofPayment = {
  ...headShape,
  payment_id: z.string(),
  ...{ amount_minor: minor, currency: z.string(), reason: z.string(), at: instant },
};

function ofPaymentView(record: RefundRecord | DisputeRecord) {
  const { paymentId, amountMinor, currency, reason, at } = record;
  return {
    ...headView(record, record.url),
    ...{ payment_id: paymentId, amount_minor: amountMinor, currency, reason, at },
  };
}

export const RefundView = z
  .object({ ...ofPayment, state: z.enum(MONEY_STATES.refund), ...linksShape })
  .meta({ id: 'Refund' });

export function refundView(refund: RefundRecord): Omit<z.input<typeof RefundView>, 'grants' | 'events'> {
  return { ...ofPaymentView(refund), state: refund.state };
}

export const DisputeView = z
  .object({
    ...ofPayment,
    state: z.enum(MONEY_STATES.dispute),
    provider_state: z.string().meta({ description: "In the provider's own word" }),
    due_at: instant.nullable().meta({ description: 'Until when the vendor must answer, at the provider' }),
    held_at: instant.nullable().meta({ description: 'Since when it keeps the license suspended' }),
    ...linksShape,
  })
  .meta({ id: 'Dispute' });

export function disputeView(dispute: DisputeRecord): Omit<z.input<typeof DisputeView>, 'grants' | 'events'> {
  const { state, providerState, dueAt, heldAt } = dispute;
  return { ...ofPaymentView(dispute), state, provider_state: providerState, due_at: dueAt, held_at: heldAt };
}
