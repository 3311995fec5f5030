import type Stripe from 'stripe';
import {
  chargeShape,
  disputeShape,
  intentShape,
  invoicePaymentShape,
  refundShape,
  warningShape,
} from './fake-stripe-shapes.ts';
import type { StripeWorld } from './fake-stripe-world.ts';

/** Payment intents, charges, invoices being paid, and whatever takes the money back. */

export type Outcome = 'paid' | 'declined' | 'pending';

export function intentOf(
  world: StripeWorld,
  wish: { amount: number; currency: string; customer: string | null; metadata?: Record<string, string> },
): Stripe.PaymentIntent {
  const intent = intentShape(world.made('pi'), { status: 'requires_payment_method', metadata: {}, ...wish });
  world.intents.set(intent.id, intent);
  return intent;
}

/** One try to take the money. */
export function tryIntent(world: StripeWorld, intent: Stripe.PaymentIntent, outcome: Outcome): Stripe.Charge {
  const status = { paid: 'succeeded', declined: 'failed', pending: 'pending' } as const;
  const charge = chargeShape(world.made('ch'), intent, status[outcome]);
  world.charges.set(charge.id, charge);
  intent.latest_charge = charge.id;
  intent.status = outcome === 'paid' ? 'succeeded' : outcome === 'pending' ? 'processing' : 'requires_payment_method';
  if (outcome === 'paid') {
    world.emit('charge.succeeded', charge);
    world.emit('payment_intent.succeeded', intent);
  } else if (outcome === 'declined') {
    world.emit('payment_intent.payment_failed', intent);
  }
  return charge;
}

/** What was pending came, or did not. */
export function settleIntent(world: StripeWorld, intent: Stripe.PaymentIntent, outcome: 'paid' | 'declined'): void {
  const charge = world.charges.get(intent.latest_charge as string) as Stripe.Charge;
  charge.status = outcome === 'paid' ? 'succeeded' : 'failed';
  charge.paid = outcome === 'paid';
  intent.status = outcome === 'paid' ? 'succeeded' : 'requires_payment_method';
}

/** Makes a try at an open invoice; without anything to pay it is paid as it is. true: it is paid. */
export function tryInvoice(world: StripeWorld, invoice: Stripe.Invoice, outcome?: Outcome): boolean {
  if (invoice.status !== 'open') return invoice.status === 'paid';
  if (invoice.amount_due === 0) {
    markPaid(world, invoice);
    return true;
  }
  const customer = invoice.customer as string | null;
  const got = outcome ?? (world.accepts(customer) ? 'paid' : 'declined');
  tryIntent(world, intentOfInvoice(world, invoice), got);
  invoice.attempt_count += 1;
  invoice.attempted = true;
  if (got === 'paid') markPaid(world, invoice);
  else if (got === 'declined') world.emit('invoice.payment_failed', invoice);
  return got === 'paid';
}

export function intentOfInvoice(world: StripeWorld, invoice: Stripe.Invoice): Stripe.PaymentIntent {
  const known = paymentOf(world, invoice);
  if (known) return world.intents.get(known.payment.payment_intent as string) as Stripe.PaymentIntent;
  const { amount_due: amount, currency } = invoice;
  const intent = intentOf(world, { amount, currency, customer: invoice.customer as string | null });
  const payment = invoicePaymentShape(world.made('inpay'), invoice, intent.id);
  world.invoicePayments.set(payment.id, payment);
  return intent;
}

function paymentOf(world: StripeWorld, invoice: Stripe.Invoice): Stripe.InvoicePayment | undefined {
  return [...world.invoicePayments.values()].find((payment) => payment.invoice === invoice.id);
}

export function markPaid(world: StripeWorld, invoice: Stripe.Invoice): void {
  invoice.status = 'paid';
  invoice.amount_paid = invoice.amount_due;
  invoice.amount_remaining = 0;
  invoice.next_payment_attempt = null;
  invoice.status_transitions.paid_at = world.now();
  const payment = paymentOf(world, invoice);
  if (payment) {
    payment.status = 'paid';
    payment.amount_paid = invoice.amount_due;
    payment.status_transitions.paid_at = world.now();
  }
  world.emit('invoice.paid', invoice);
  world.emit('invoice.payment_succeeded', invoice);
}

export function voidInvoice(world: StripeWorld, invoice: Stripe.Invoice): void {
  invoice.status = 'void';
  invoice.next_payment_attempt = null;
  invoice.status_transitions.voided_at = world.now();
  world.emit('invoice.voided', invoice);
}

/** By the id of a charge, an intent, an invoice, a session or a subscription (then its newest). */
function chargeOf(world: StripeWorld, reference: string): Stripe.Charge {
  const direct = world.charges.get(reference);
  if (direct) return direct;
  const intent =
    world.intents.get(reference) ??
    intentOfSession(world, reference) ??
    intentById(world, invoiceIdOf(world, reference)) ??
    null;
  const charge = intent && world.charges.get(intent.latest_charge as string);
  if (!charge) throw new Error(`${reference} was never charged`);
  return charge;
}

function intentOfSession(world: StripeWorld, id: string): Stripe.PaymentIntent | undefined {
  return world.intents.get((world.sessions.get(id)?.payment_intent as string | null) ?? '');
}

/** Invoices of nothing were never charged. */
function invoiceIdOf(world: StripeWorld, reference: string): string {
  if (world.invoices.has(reference)) return reference;
  const subscription = world.sessions.get(reference)?.subscription ?? reference;
  const charged = [...world.invoices.values()].filter(
    ({ id, parent }) => parent?.subscription_details?.subscription === subscription && intentById(world, id),
  );
  return charged.at(-1)?.id ?? '';
}

function intentById(world: StripeWorld, invoice: string): Stripe.PaymentIntent | undefined {
  const payment = [...world.invoicePayments.values()].find((one) => one.invoice === invoice);
  return world.intents.get((payment?.payment.payment_intent as string | undefined) ?? '');
}

export interface RefundWish {
  /** Missing: all that is left. */
  amount?: number;
  status?: 'succeeded' | 'pending' | 'failed' | 'canceled' | 'requires_action' | (string & {});
}

export function refund(world: StripeWorld, reference: string, wish: RefundWish = {}): Stripe.Refund {
  const charge = chargeOf(world, reference);
  const amount = wish.amount ?? charge.amount - charge.amount_refunded;
  const made = refundShape(world.made('re'), charge, amount, wish.status ?? 'succeeded');
  world.refunds.set(made.id, made);
  count(world, charge);
  world.emit('refund.created', made);
  world.emit('charge.refunded', charge);
  return made;
}

/** What was pending came to its end; a bank may also give back what had succeeded. */
export function moveRefund(world: StripeWorld, id: string, status: 'succeeded' | 'failed' | 'canceled'): void {
  const made = world.refunds.get(id) as Stripe.Refund;
  made.status = status;
  count(world, world.charges.get(made.charge as string) as Stripe.Charge);
  world.emit('refund.updated', made);
  if (status === 'failed') world.emit('refund.failed', made);
}

function count(world: StripeWorld, charge: Stripe.Charge): void {
  const gone = [...world.refunds.values()].filter(
    ({ charge: of, status }) => of === charge.id && status !== 'failed' && status !== 'canceled',
  );
  charge.amount_refunded = gone.reduce((sum, { amount }) => sum + amount, 0);
  charge.refunded = charge.amount_refunded >= charge.amount;
}

export function dispute(
  world: StripeWorld,
  reference: string,
  wish: { amount?: number; reason?: string; status?: Stripe.Dispute.Status } = {},
): Stripe.Dispute {
  const charge = chargeOf(world, reference);
  const made = disputeShape(world.made('du'), charge, wish);
  charge.disputed = true;
  world.disputes.set(made.id, made);
  world.emit('charge.dispute.created', made);
  return made;
}

const OVER: readonly string[] = ['won', 'lost', 'warning_closed', 'prevented'];

export function moveDispute(world: StripeWorld, id: string, status: Stripe.Dispute.Status): void {
  const made = world.disputes.get(id) as Stripe.Dispute;
  made.status = status;
  world.emit(OVER.includes(status) ? 'charge.dispute.closed' : 'charge.dispute.updated', made);
  if (status === 'won') world.emit('charge.dispute.funds_reinstated', made);
}

export function warn(world: StripeWorld, reference: string): Stripe.Radar.EarlyFraudWarning {
  const made = warningShape(world.made('issfr'), chargeOf(world, reference));
  world.warnings.set(made.id, made);
  world.emit('radar.early_fraud_warning.created', made);
  return made;
}
