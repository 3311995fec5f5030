import type Stripe from 'stripe';
import { NOTHING_FOUND, type Snapshot } from '../facts.ts';
import { type GatewayAccount, type Mode, partsOfSubject } from '../gateway.ts';
import { joined, NOTHING_UNDONE, undoneOf } from './charges.ts';
import { askAll, askList, askOrNull, clientOf } from './client.ts';
import { chargeOf, checkoutFactOf, oneOffOf, type SessionParts } from './facts-checkout.ts';
import { type InvoiceParts, intentsOf, periodsOf } from './facts-invoice.ts';
import { subscriptionFactOf } from './facts-subscription.ts';
import { idOf } from './words.ts';

/** Everything about a subject, afresh. */
export async function readSubject(account: GatewayAccount, subject: string): Promise<Snapshot | null> {
  const { kind, externalId } = partsOfSubject(subject);
  const stripe = clientOf(account);
  if (kind === 'checkout') return readCheckout(stripe, externalId, account.mode);
  return kind === 'subscription' ? readSubscription(stripe, externalId, account.mode) : null;
}

const OF_SESSION = ['line_items', 'payment_intent.latest_charge.refunds', 'subscription', 'invoice'];

async function readCheckout(stripe: Stripe, id: string, mode: Mode): Promise<Snapshot | null> {
  const session = await askOrNull(stripe.checkout.sessions.retrieve(id, { expand: OF_SESSION }), 'checkout.session');
  if (!session) return null;
  const parts = await partsOf(stripe, session);
  const checkout = checkoutFactOf(parts);
  if (session.mode === 'subscription') {
    const subscription = idOf(session.subscription);
    const rest = subscription ? await readSubscription(stripe, subscription, mode, parts) : null;
    return { ...(rest ?? NOTHING_FOUND), checkout };
  }
  const payment = oneOffOf(parts, mode);
  const charge = chargeOf(typeof session.payment_intent === 'object' ? session.payment_intent : null);
  const undone = payment && charge ? await undoneOf(stripe, charge, payment.externalId, mode, true) : NOTHING_UNDONE;
  return { checkout, subscription: null, payments: payment ? [payment] : [], ...undone };
}

async function partsOf(stripe: Stripe, session: Stripe.Checkout.Session): Promise<SessionParts> {
  const list = session.line_items;
  const whole = list !== undefined && !list.has_more;
  const lines = whole ? list.data : await askAll((at) => stripe.checkout.sessions.listLineItems(session.id, { ...at }));
  return { session, lines };
}

/** `known`: the session that made it, where that was read already. */
async function readSubscription(
  stripe: Stripe,
  id: string,
  mode: Mode,
  known: SessionParts | null = null,
): Promise<Snapshot | null> {
  const [subscription, invoices, made] = await Promise.all([
    askOrNull(stripe.subscriptions.retrieve(id, { expand: ['customer', 'latest_invoice'] }), 'subscription'),
    askAll((at) => stripe.invoices.list({ subscription: id, expand: ['data.payments'], ...at })),
    known ?? sessionOf(stripe, id),
  ]);
  if (!subscription) return null;
  const items = await itemsOf(stripe, subscription);
  const parts = await Promise.all(invoices.map((invoice) => withLines(stripe, invoice)));
  const fact = subscriptionFactOf(subscription, items, made?.session.id ?? null, mode);
  const charges = await chargesOf(stripe, subscription, parts);
  const underway = new Set(
    charges.filter(({ charge }) => charge.status === 'pending').map(({ invoiceId }) => invoiceId),
  );
  const payments = periodsOf(id, items, parts, underway, mode);
  const newest = charges.reduce<Charged | null>(
    (best, one) => (best && best.charge.created >= one.charge.created ? best : one),
    null,
  );
  const undone = await Promise.all(
    charges.map((one) => undoneOf(stripe, one.charge, one.invoiceId, mode, one === newest)),
  );
  for (const { charge, invoiceId } of charges) {
    payments.find(({ externalId }) => externalId === invoiceId)?.aliases.push(charge.id);
  }
  return { checkout: made ? checkoutFactOf(made) : null, subscription: fact, payments, ...joined(undone) };
}

/** null: it was not made by a payment page. */
async function sessionOf(stripe: Stripe, subscription: string): Promise<SessionParts | null> {
  const expand = ['data.line_items'];
  const { data } = await askList(stripe.checkout.sessions.list({ subscription, limit: 1, expand }));
  return data[0] ? partsOf(stripe, data[0]) : null;
}

async function itemsOf(stripe: Stripe, { id, items }: Stripe.Subscription): Promise<Stripe.SubscriptionItem[]> {
  return items.has_more ? askAll((at) => stripe.subscriptionItems.list({ subscription: id, ...at })) : items.data;
}

async function withLines(stripe: Stripe, invoice: Stripe.Invoice): Promise<InvoiceParts> {
  const { has_more, data } = invoice.lines;
  return {
    invoice,
    lines: has_more ? await askAll((at) => stripe.invoices.listLineItems(invoice.id, { ...at })) : data,
  };
}

interface Charged {
  charge: Stripe.Charge;
  invoiceId: string;
}

/** What pays an invoice of a subscription is no older than that, but for clocks. Seconds. */
const CLOCKS = 24 * 3_600;

/** One list of the customer's charges since the subscription began, instead of a question for each invoice. */
async function chargesOf(
  stripe: Stripe,
  { customer, created }: Stripe.Subscription,
  invoices: readonly InvoiceParts[],
): Promise<Charged[]> {
  const invoiceOf = new Map(invoices.flatMap(({ invoice }) => intentsOf(invoice).map((id) => [id, invoice.id])));
  const customerId = idOf(customer);
  if (invoiceOf.size === 0 || customerId === null) return [];
  const of = { customer: customerId, created: { gte: created - CLOCKS } };
  const all = await askAll((at) => stripe.charges.list({ ...of, expand: ['data.refunds'], ...at }));
  return all
    .filter(({ status }) => status !== 'failed')
    .flatMap((charge) => {
      const invoiceId = invoiceOf.get(idOf(charge.payment_intent) ?? charge.id);
      return invoiceId === undefined ? [] : [{ charge, invoiceId }];
    });
}
