import type Stripe from 'stripe';
import { type GatewayAccount, type ParsedEvent, subjectOf } from '../gateway.ts';
import { askList, askOrNull, clientOf } from './client.ts';
import { idOf } from './words.ts';

/** From whatever an event names to the payment page or subscription that it belongs to. */
export async function locateSubject(
  account: GatewayAccount,
  { objectType, objectId }: Pick<ParsedEvent, 'objectType' | 'objectId'>,
): Promise<string | null> {
  const stripe = clientOf(account);
  switch (objectType) {
    case 'checkout.session':
      return subjectOf('checkout', objectId);
    case 'subscription':
      return subjectOf('subscription', objectId);
    case 'invoice':
      return ofInvoice(stripe, objectId);
    case 'payment_intent':
      return ofIntent(stripe, objectId);
    case 'charge':
      return ofCharge(stripe, objectId);
    case 'refund':
      return ofPart(stripe, await askOrNull(stripe.refunds.retrieve(objectId), 'refund'));
    case 'dispute':
      return ofPart(stripe, await askOrNull(stripe.disputes.retrieve(objectId), 'dispute'));
    case 'radar.early_fraud_warning': {
      const asked = stripe.radar.earlyFraudWarnings.retrieve(objectId);
      return ofPart(stripe, await askOrNull(asked, 'radar.early_fraud_warning'));
    }
    default:
      return null;
  }
}

interface Part {
  charge: string | Stripe.Charge | null;
  payment_intent?: string | Stripe.PaymentIntent | null;
}

async function ofPart(stripe: Stripe, part: Part | null): Promise<string | null> {
  const intent = idOf(part?.payment_intent);
  if (intent !== null) return ofIntent(stripe, intent);
  const charge = idOf(part?.charge);
  return charge === null ? null : ofCharge(stripe, charge);
}

async function ofCharge(stripe: Stripe, id: string): Promise<string | null> {
  const charge = await askOrNull(stripe.charges.retrieve(id), 'charge');
  const intent = idOf(charge?.payment_intent);
  return intent === null ? null : ofIntent(stripe, intent);
}

async function ofIntent(stripe: Stripe, id: string): Promise<string | null> {
  const sessions = await askList(stripe.checkout.sessions.list({ payment_intent: id, limit: 1 }));
  const session = sessions.data[0];
  if (session) return subjectOf('checkout', session.id);
  const payment = { type: 'payment_intent', payment_intent: id };
  const paid = await askList(stripe.invoicePayments.list({ payment, limit: 1, expand: ['data.invoice'] }));
  const invoice = paid.data[0]?.invoice;
  return typeof invoice === 'object' && !invoice.deleted ? subscriptionOf(invoice) : null;
}

async function ofInvoice(stripe: Stripe, id: string): Promise<string | null> {
  const invoice = await askOrNull(stripe.invoices.retrieve(id, { expand: ['payments'] }), 'invoice');
  if (!invoice) return null;
  const subscription = subscriptionOf(invoice);
  if (subscription) return subscription;
  const intent = idOf(invoice.payments?.data[0]?.payment.payment_intent);
  return intent === null ? null : ofIntent(stripe, intent);
}

function subscriptionOf(invoice: Stripe.Invoice): string | null {
  const id = idOf(invoice.parent?.subscription_details?.subscription);
  return id === null ? null : subjectOf('subscription', id);
}
