import type Stripe from 'stripe';
import type { CheckoutFact, PaymentFact } from '../facts.ts';
import type { Mode } from '../gateway.ts';
import { currencyOf, dashboardUrl, idOf, instantOf, minorOf } from './words.ts';

type Session = Stripe.Checkout.Session;

/** As `read` asks for them. */
export interface SessionParts {
  session: Session;
  lines: Stripe.LineItem[];
}

export function checkoutFactOf({ session, lines }: SessionParts): CheckoutFact {
  const money = (amount: number | null | undefined) => minorOf(amount, session.currency);
  const subtotalMinor = money(session.amount_subtotal);
  const discountMinor = money(session.total_details?.amount_discount);
  const totalMinor = money(session.amount_total);
  return {
    externalId: session.id,
    orderId: session.metadata?.['order_id'] ?? session.client_reference_id,
    state: stateOf(session),
    providerState: `${session.status}/${session.payment_status}`,
    currency: currencyOf(session.currency),
    ...{ subtotalMinor, discountMinor, totalMinor },
    // What comes on top of the prices. Of a price with its tax inside nothing does, whatever `amount_tax` says.
    taxMinor: totalMinor - subtotalMinor + discountMinor,
    lines: lines.map(({ price, quantity, amount_subtotal }) => ({
      priceId: price?.id ?? null,
      quantity: quantity ?? 1,
      amountMinor: money(amount_subtotal),
    })),
    email: session.customer_details?.email ?? null,
    name: session.customer_details?.name ?? null,
    externalCustomerId: idOf(session.customer),
    paymentId: session.mode === 'subscription' ? idOf(session.invoice) : oneOffIdOf(session),
    subscriptionId: idOf(session.subscription),
  };
}

function stateOf(session: Session): CheckoutFact['state'] {
  switch (session.status) {
    case 'open':
      return 'open';
    case 'expired':
      return 'expired';
    case 'complete':
      return completeStateOf(session);
    default:
      return 'unknown';
  }
}

function completeStateOf(session: Session): CheckoutFact['state'] {
  switch (session.payment_status) {
    case 'paid':
    case 'no_payment_required':
      return 'paid';
    case 'unpaid':
      return hasFailed(session) ? 'failed' : 'processing';
    default:
      return 'unknown';
  }
}

/** The session itself never tells that a delayed payment did not come. */
function hasFailed({ payment_intent, subscription }: Session): boolean {
  if (typeof subscription === 'object' && subscription) return subscription.status === 'incomplete_expired';
  if (typeof payment_intent !== 'object' || !payment_intent) return false;
  return payment_intent.status === 'canceled' || payment_intent.status === 'requires_payment_method';
}

/** Nothing to pay makes no payment intent. */
function oneOffIdOf(session: Session): string | null {
  return idOf(session.payment_intent) ?? (session.status === 'complete' ? session.id : null);
}

/** The one payment of a session that is no subscription; null: nobody tried to pay yet. */
export function oneOffOf({ session, lines }: SessionParts, mode: Mode): PaymentFact | null {
  const id = oneOffIdOf(session);
  if (id === null || session.status !== 'complete') return null;
  const intent = typeof session.payment_intent === 'object' ? session.payment_intent : null;
  const charge = chargeOf(intent);
  const state = paymentStateOf(completeStateOf(session), intent);
  const invoice = typeof session.invoice === 'object' ? session.invoice : null;
  return {
    externalId: id,
    kind: 'one_off',
    checkoutId: session.id,
    subscriptionId: null,
    state,
    amountMinor: minorOf(session.amount_total, session.currency),
    currency: currencyOf(session.currency),
    paidAt: state === 'paid' ? instantOf(charge?.created ?? session.created) : null,
    failedAt: state === 'failed' ? instantOf(charge?.created ?? session.created) : null,
    lines: lines.map((line) => ({
      id: line.id,
      item: null,
      priceId: line.price?.id ?? null,
      quantity: line.quantity ?? 1,
      amountMinor: minorOf(line.amount_subtotal, session.currency),
      start: null,
      end: null,
      proration: false,
    })),
    aliases: [intent?.id, charge?.id, idOf(session.invoice)].filter((alias) => alias != null),
    url: dashboardUrl(mode, intent ? `payments/${intent.id}` : `checkout/sessions/${session.id}`),
    customerUrl: invoice?.hosted_invoice_url ?? charge?.receipt_url ?? null,
  };
}

export function chargeOf(intent: Stripe.PaymentIntent | null): Stripe.Charge | null {
  return typeof intent?.latest_charge === 'object' ? intent.latest_charge : null;
}

function paymentStateOf(state: CheckoutFact['state'], intent: Stripe.PaymentIntent | null): PaymentFact['state'] {
  if (state === 'paid') return 'paid';
  if (intent?.status === 'canceled') return 'void';
  if (state === 'failed') return 'failed';
  return state === 'processing' ? 'pending' : 'unknown';
}
