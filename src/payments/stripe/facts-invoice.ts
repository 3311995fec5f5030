import type Stripe from 'stripe';
import type { PaymentFact, PaymentLine } from '../facts.ts';
import type { Mode } from '../gateway.ts';
import { currencyOf, dashboardUrl, idOf, instantOf, minorOf } from './words.ts';

export interface InvoiceParts {
  invoice: Stripe.Invoice;
  lines: Stripe.InvoiceLineItem[];
}

type ItemOf = (line: Stripe.InvoiceLineItem) => string | null;

/**
 * Every invoice of a subscription is a payment of a period, also one of nothing. Drafts are none yet. `underway`: invoices with a
 * charge that is not decided, e.g. a debit.
 */
export function periodsOf(
  subscriptionId: string,
  items: readonly Stripe.SubscriptionItem[],
  invoices: readonly InvoiceParts[],
  underway: ReadonlySet<string>,
  mode: Mode,
): PaymentFact[] {
  const itemOf = itemFinder(items, invoices);
  return invoices
    .filter(({ invoice }) => invoice.status !== 'draft')
    .map((parts) => periodOf(subscriptionId, parts, itemOf, underway.has(parts.invoice.id) ? 1 : 0, mode));
}

function periodOf(
  subscriptionId: string,
  { invoice, lines }: InvoiceParts,
  itemOf: ItemOf,
  undecided: number,
  mode: Mode,
): PaymentFact {
  const failedAt = failedAtOf(invoice, undecided);
  const paid = invoice.status === 'paid';
  return {
    externalId: invoice.id,
    kind: 'period',
    checkoutId: null,
    subscriptionId,
    state: stateOf(invoice, failedAt !== null),
    // What was taken from a credit of the customer is nothing that could be paid back.
    amountMinor: minorOf(paid ? invoice.amount_paid : invoice.amount_due, invoice.currency),
    currency: currencyOf(invoice.currency),
    paidAt: paid ? instantOf(invoice.status_transitions.paid_at ?? invoice.created) : null,
    failedAt,
    lines: lines
      .filter((line) => (subscriptionOf(line) ?? subscriptionId) === subscriptionId)
      .map((line) => lineOf(line, itemOf)),
    aliases: intentsOf(invoice),
    url: dashboardUrl(mode, `invoices/${invoice.id}`),
    customerUrl: invoice.hosted_invoice_url ?? null,
  };
}

/**
 * The first try is made as soon as it is final; Stripe keeps no time of later ones. An invoice that was paid at the second try or
 * later had failed once.
 */
function failedAtOf(invoice: Stripe.Invoice, undecided: number): number | null {
  const failures = invoice.attempt_count - (invoice.status === 'paid' ? 1 : undecided);
  return failures > 0 ? instantOf(invoice.status_transitions.finalized_at ?? invoice.created) : null;
}

function stateOf({ status }: Stripe.Invoice, failed: boolean): PaymentFact['state'] {
  switch (status) {
    case 'paid':
      return 'paid';
    case 'open':
      return failed ? 'failed' : 'pending';
    case 'uncollectible':
      return 'failed';
    case 'void':
      return 'void';
    default:
      return 'unknown';
  }
}

/** Payment intents and charges that were to pay it. */
export function intentsOf(invoice: Stripe.Invoice): string[] {
  const ids = (invoice.payments?.data ?? []).map(({ payment }) => idOf(payment.payment_intent) ?? idOf(payment.charge));
  return ids.filter((id) => id !== null);
}

function lineOf(line: Stripe.InvoiceLineItem, itemOf: ItemOf): PaymentLine {
  const item = itemOf(line);
  return {
    id: line.id,
    item,
    priceId: priceOf(line),
    quantity: line.quantity ?? 1,
    amountMinor: minorOf(line.amount, line.currency),
    // The invoice's own period is the one before; only the line names the time that it pays for.
    start: item === null ? null : instantOf(line.period.start),
    end: item === null ? null : instantOf(line.period.end),
    proration: isProration(line),
  };
}

/** What is billed for a change within a period may name no item, but only the lines that it takes back, or just its price. */
function itemFinder(items: readonly Stripe.SubscriptionItem[], invoices: readonly InvoiceParts[]): ItemOf {
  const lines = invoices.flatMap((parts) => parts.lines);
  const named = (line: Stripe.InvoiceLineItem) => line.parent?.subscription_item_details?.subscription_item ?? null;
  const byId = new Map(lines.map((line) => [line.id, named(line)]));
  const itemsOfPrice = new Map<string, Set<string>>();
  const note = (price: string | null, item: string | null) => {
    if (price === null || item === null) return;
    itemsOfPrice.set(price, (itemsOfPrice.get(price) ?? new Set()).add(item));
  };
  for (const line of lines) note(priceOf(line), named(line));
  for (const { id, price } of items) note(price.id, id);
  return (line) => {
    const item = named(line);
    if (item !== null || !isProration(line)) return item;
    const credited = line.parent?.invoice_item_details?.proration_details?.credited_items?.invoice_line_items ?? [];
    const taken = credited.map((id) => byId.get(id)).find((id) => id != null);
    if (taken) return taken;
    const candidates = [...(itemsOfPrice.get(priceOf(line) ?? '') ?? [])];
    if (candidates.length === 1) return candidates[0] as string;
    return items.length === 1 ? (items[0]?.id ?? null) : null;
  };
}

function isProration({ parent }: Stripe.InvoiceLineItem): boolean {
  return parent?.subscription_item_details?.proration ?? parent?.invoice_item_details?.proration ?? false;
}

function subscriptionOf(line: Stripe.InvoiceLineItem): string | null {
  const { subscription_item_details: item, invoice_item_details: extra } = line.parent ?? {};
  return item?.subscription ?? extra?.subscription ?? idOf(line.subscription);
}

function priceOf(line: Stripe.InvoiceLineItem): string | null {
  return idOf(line.pricing?.price_details?.price);
}
