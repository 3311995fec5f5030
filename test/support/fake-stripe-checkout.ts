import type Stripe from 'stripe';
import { intentOf, settleIntent, tryIntent } from './fake-stripe-money.ts';
import { invoiceLineShape, invoicePaymentShape, invoiceShape, listOf } from './fake-stripe-shapes.ts';
import { discountOf, settlePending, subscribe } from './fake-stripe-subscriptions.ts';
import type { Discount, SessionWishes, StripeWorld } from './fake-stripe-world.ts';

export interface Buyer {
  email?: string;
  name?: string;
  /** A coupon that the buyer typed in. */
  discount?: Discount;
  taxPercent?: number;
  trialDays?: number;
  /** `delayed`: confirmed, the money comes later (`settleSession`). `declined`: the page stays open. */
  outcome?: 'paid' | 'delayed' | 'declined';
}

/** The buyer fills in the payment page. */
export function complete(world: StripeWorld, id: string, buyer: Buyer = {}): Stripe.Checkout.Session {
  const session = world.sessions.get(id);
  if (session?.status !== 'open') throw new Error(`the payment page ${id} is not open`);
  const wishes = world.sessionWishes.get(id) as SessionWishes;
  const email = buyer.email ?? session.customer_email ?? 'buyer@example.com';
  const details = { email, name: buyer.name ?? 'Bo Buyer' } as Stripe.Checkout.Session.CustomerDetails;
  price(world, session, buyer);
  if (buyer.outcome === 'declined') {
    decline(world, session);
    return session;
  }
  session.customer_details = details;
  if (session.customer === null && (session.mode === 'subscription' || wishes.customerCreation)) {
    session.customer = world.customer(email, details.name).id;
  }
  if (session.mode === 'subscription') buySubscription(world, session, wishes, buyer);
  else buyOnce(world, session, wishes, buyer);
  session.status = 'complete';
  session.url = null;
  world.emit('checkout.session.completed', session);
  return session;
}

function price(
  world: StripeWorld,
  session: Stripe.Checkout.Session,
  { discount, taxPercent = 0, trialDays }: Buyer,
): void {
  const lines = world.sessionLines.get(session.id) ?? [];
  const counted = lines.filter((line) => !(trialDays && line.price?.recurring));
  const subtotal = counted.reduce((sum, { amount_subtotal }) => sum + amount_subtotal, 0);
  const off = discountOf(subtotal, discount ?? null);
  const tax = Math.round(((subtotal - off) * taxPercent) / 100);
  session.amount_subtotal = subtotal;
  session.amount_total = subtotal - off + tax;
  session.total_details = { amount_discount: off, amount_shipping: 0, amount_tax: tax };
}

function decline(world: StripeWorld, session: Stripe.Checkout.Session): void {
  const { amount_total, currency } = session;
  const intent = intentOf(world, { amount: amount_total ?? 0, currency: currency ?? 'eur', customer: null });
  tryIntent(world, intent, 'declined');
}

function buyOnce(world: StripeWorld, session: Stripe.Checkout.Session, wishes: SessionWishes, buyer: Buyer): void {
  if (session.amount_total === 0) {
    session.payment_status = 'no_payment_required';
    return;
  }
  const intent = intentOf(world, {
    amount: session.amount_total ?? 0,
    currency: session.currency ?? 'eur',
    customer: session.customer as string | null,
    metadata: wishes.intentMetadata,
  });
  session.payment_intent = intent.id;
  tryIntent(world, intent, buyer.outcome === 'delayed' ? 'pending' : 'paid');
  session.payment_status = buyer.outcome === 'delayed' ? 'unpaid' : 'paid';
  if (wishes.invoice && session.payment_status === 'paid') invoiceOf(world, session, intent);
}

/** The receipt of a one-off sale: an invoice of no subscription. */
function invoiceOf(world: StripeWorld, session: Stripe.Checkout.Session, intent: Stripe.PaymentIntent): void {
  const made = world.made('in');
  const now = world.now();
  const lines = (world.sessionLines.get(session.id) ?? []).map((line) =>
    invoiceLineShape(world.made('il').id, made.id, world.live, {
      amount: line.amount_subtotal,
      price: line.price as Stripe.Price,
      quantity: line.quantity ?? 1,
      period: { start: now, end: now },
      subscription: null,
      item: null,
    }),
  );
  const invoice = invoiceShape(made, {
    amount_due: intent.amount,
    amount_paid: intent.amount,
    currency: intent.currency,
    customer: session.customer as string,
    lines: listOf(lines, `/v1/invoices/${made.id}/lines`),
    status: 'paid',
    status_transitions: { finalized_at: now, marked_uncollectible_at: null, paid_at: now, voided_at: null },
    total: intent.amount,
  });
  const payment = invoicePaymentShape(world.made('inpay'), invoice, intent.id);
  world.invoices.set(invoice.id, invoice);
  world.invoicePayments.set(payment.id, { ...payment, amount_paid: intent.amount, status: 'paid' });
  session.invoice = invoice.id;
  world.emit('invoice.paid', invoice);
}

function buySubscription(
  world: StripeWorld,
  session: Stripe.Checkout.Session,
  wishes: SessionWishes,
  buyer: Buyer,
): void {
  const lines = world.sessionLines.get(session.id) ?? [];
  const subscription = subscribe(world, {
    customer: session.customer as string,
    lines: lines.map((line) => ({ price: line.price?.id ?? '', quantity: line.quantity ?? 1 })),
    metadata: wishes.subscriptionMetadata,
    ...(buyer.trialDays ? { trialDays: buyer.trialDays } : {}),
    discount: buyer.discount ?? null,
    taxPercent: buyer.taxPercent ?? 0,
    outcome: buyer.outcome === 'delayed' ? 'pending' : 'paid',
  });
  session.subscription = subscription.id;
  session.invoice = subscription.latest_invoice as string;
  if (buyer.outcome === 'delayed' && session.amount_total !== 0) session.payment_status = 'unpaid';
  else session.payment_status = session.amount_total === 0 ? 'no_payment_required' : 'paid';
}

/** A delayed payment came, or did not. */
export function settleSession(world: StripeWorld, id: string, outcome: 'paid' | 'declined'): void {
  const session = world.sessions.get(id) as Stripe.Checkout.Session;
  if (session.mode === 'subscription') {
    settlePending(world, world.invoices.get(session.invoice as string) as Stripe.Invoice, outcome);
  } else {
    settleIntent(world, world.intents.get(session.payment_intent as string) as Stripe.PaymentIntent, outcome);
  }
  if (outcome === 'paid') session.payment_status = 'paid';
  const type = outcome === 'paid' ? 'async_payment_succeeded' : 'async_payment_failed';
  world.emit(`checkout.session.${type}`, session);
}

export function expireSession(world: StripeWorld, id: string): Stripe.Checkout.Session {
  const session = world.sessions.get(id) as Stripe.Checkout.Session;
  session.status = 'expired';
  session.url = null;
  world.emit('checkout.session.expired', session);
  return session;
}
