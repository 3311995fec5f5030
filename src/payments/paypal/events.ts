import sdk from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { type ParsedEvent, type ParseResult, subjectOf } from '../gateway.ts';
import { get, inPath, look, type Paypal } from './calls.ts';
import { readDispute, refundedId } from './money-back.ts';
import { Capture, ourOrder, Refund, Sale, SaleRefund } from './shapes.ts';

/** What our webhook is told of. */
export const EVENT_TYPES = [
  ...['CHECKOUT.ORDER.APPROVED', 'CHECKOUT.ORDER.COMPLETED', 'CHECKOUT.PAYMENT-APPROVAL.REVERSED'],
  ...['PENDING', 'COMPLETED', 'DECLINED', 'DENIED', 'REFUNDED', 'REVERSED'].map((word) => `PAYMENT.CAPTURE.${word}`),
  ...['COMPLETED', 'PENDING', 'DENIED', 'REFUNDED', 'REVERSED'].map((word) => `PAYMENT.SALE.${word}`),
  ...['CREATED', 'ACTIVATED', 'UPDATED', 'EXPIRED', 'CANCELLED', 'SUSPENDED', 'RE-ACTIVATED', 'PAYMENT.FAILED'].map(
    (word) => `BILLING.SUBSCRIPTION.${word}`,
  ),
  ...['UPDATED', 'DEACTIVATED', 'PRICING-CHANGE.ACTIVATED'].map((word) => `BILLING.PLAN.${word}`),
  ...['CREATED', 'UPDATED', 'RESOLVED'].map((word) => `CUSTOMER.DISPUTE.${word}`),
];

/** Ids only: what is true is read afresh. */
const Resource = z.object({
  id: z.string().optional(),
  order_id: z.string().optional(),
  sale_id: z.string().optional(),
  dispute_id: z.string().optional(),
  billing_agreement_id: z.string().nullish(),
  supplementary_data: Capture.shape.supplementary_data.catch(undefined),
});
type Resource = z.infer<typeof Resource>;

const Envelope = z.object({
  id: z.string().min(1).max(200),
  event_type: z.string().min(1).max(200),
  event_version: z.string().default(''),
  resource_version: z.string().default(''),
  resource: Resource.catch({}),
});

type About = Pick<ParsedEvent, 'objectType' | 'objectId' | 'subject'>;

/** Of the bytes of a delivery, which is named by its transmission. */
export function parseEvent(raw: Uint8Array, transmissionId: string | null): ParseResult {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    return { ok: false, detail: 'it is not JSON' };
  }
  return parsedEvent(body, transmissionId);
}

export function parsedEvent(body: unknown, transmissionId: string | null): ParseResult {
  const read = Envelope.safeParse(body);
  if (!read.success) return { ok: false, detail: 'it is not an event of PayPal' };
  const { id, event_type: type, event_version, resource_version, resource } = read.data;
  return {
    ok: true,
    event: {
      ...{ eventId: id, deliveryId: transmissionId, type, live: null, accountId: null },
      apiVersion: [event_version, resource_version].filter((part) => part !== '').join('/'),
      ...aboutOf(type, resource),
    },
  };
}

function aboutOf(type: string, resource: Resource): About {
  const { id = '', order_id, sale_id, dispute_id = '', billing_agreement_id, supplementary_data } = resource;
  const isBack = /\.(REFUNDED|REVERSED)$/.test(type);
  if (type.startsWith('CHECKOUT.')) return found('checkout-order', id || (order_id ?? ''), 'checkout');
  if (type.startsWith('BILLING.SUBSCRIPTION.')) return found('subscription', id, 'subscription');
  if (type.startsWith('BILLING.PLAN.')) return found('plan', id, 'price');
  if (type.startsWith('CUSTOMER.DISPUTE.')) return toLocate('dispute', dispute_id || id);
  if (type.startsWith('PAYMENT.REFUND.') || (type.startsWith('PAYMENT.CAPTURE.') && isBack))
    return toLocate('refund', id);
  if (type.startsWith('PAYMENT.SALE.')) {
    if (isBack && sale_id !== undefined) return toLocate('refund', id);
    if (!billing_agreement_id) return toLocate('sale', id);
    return { objectType: 'sale', objectId: id, subject: subjectOf('subscription', billing_agreement_id) };
  }
  if (!type.startsWith('PAYMENT.CAPTURE.')) return { objectType: '', objectId: id, subject: null };
  const orderId = supplementary_data?.related_ids?.order_id;
  if (!orderId) return toLocate('capture', id);
  return { objectType: 'capture', objectId: id, subject: subjectOf('checkout', orderId) };
}

function found(objectType: string, objectId: string, kind: 'checkout' | 'subscription' | 'price'): About {
  return { objectType, objectId, subject: objectId === '' ? null : subjectOf(kind, objectId) };
}

function toLocate(objectType: string, objectId: string): About {
  return { objectType, objectId, subject: objectId === '' ? null : '' };
}

/** By asking PayPal from the one to the next: refund, payment, and what the payment is of. */
export async function locate(
  paypal: Paypal,
  { type, objectType, objectId }: Pick<ParsedEvent, 'type' | 'objectType' | 'objectId'>,
): Promise<string | null> {
  if (objectType === 'capture') return (await ofCapture(paypal, objectId))?.subject ?? null;
  if (objectType === 'sale') return (await ofSale(paypal, objectId))?.subject ?? null;
  if (objectType === 'refund') return ofRefund(paypal, objectId, type.startsWith('PAYMENT.SALE.'));
  if (objectType === 'dispute') return ofDispute(paypal, objectId);
  return null;
}

interface Found {
  subject: string;
  /** It names an order of ours. */
  ours: boolean;
}

async function ofRefund(paypal: Paypal, id: string, isOfSale: boolean): Promise<string | null> {
  if (isOfSale) {
    const refund = await look(paypal, get(`/v1/payments/refund/${inPath(id)}`), SaleRefund);
    if (refund?.sale_id) return (await ofPayment(paypal, refund.sale_id))?.subject ?? null;
  }
  const refund = await look(paypal, new sdk.payments.RefundsGetRequest(id), Refund);
  const paymentId = refund && refundedId(refund);
  return paymentId ? ((await ofPayment(paypal, paymentId))?.subject ?? null) : null;
}

/** It may be about several payments: the first that is ours counts. */
async function ofDispute(paypal: Paypal, id: string): Promise<string | null> {
  const dispute = await readDispute(paypal, id);
  let some: Found | null = null;
  for (const { seller_transaction_id } of dispute?.disputed_transactions ?? []) {
    const payment = await ofPayment(paypal, seller_transaction_id);
    if (payment?.ours) return payment.subject;
    some ??= payment;
  }
  return some?.subject ?? null;
}

async function ofPayment(paypal: Paypal, id: string): Promise<Found | null> {
  return (await ofCapture(paypal, id)) ?? (await ofSale(paypal, id));
}

async function ofCapture(paypal: Paypal, id: string): Promise<Found | null> {
  const capture = await look(paypal, new sdk.payments.CapturesGetRequest(id), Capture);
  const orderId = capture?.supplementary_data?.related_ids?.order_id;
  return orderId ? { subject: subjectOf('checkout', orderId), ours: ourOrder(capture?.custom_id) !== null } : null;
}

async function ofSale(paypal: Paypal, id: string): Promise<Found | null> {
  const sale = await look(paypal, get(`/v1/payments/sale/${inPath(id)}`), Sale);
  const subscriptionId = sale?.billing_agreement_id;
  if (!subscriptionId) return null;
  return { subject: subjectOf('subscription', subscriptionId), ours: ourOrder(sale?.custom) !== null };
}
