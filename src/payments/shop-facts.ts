import { toIso } from '../clock.ts';
import { NOTHING_FOUND, type PaymentFact, type PaymentLine, type Snapshot, type SubscriptionFact } from './facts.ts';
import { linesOf, type ShopEvent } from './shop-event.ts';

/** Of one line of an order: what it costs before discounts and tax. */
export interface PricedLine {
  line: string;
  /** What the shop calls the price: our code of it, or the id of a package. */
  priceId: string;
  quantity: number;
  amountMinor: number;
}

/**
 * How a payment is called: an order is paid once under its own reference; what a subscription pays again, under that of the order
 * with the start of the period. So a payment has the same name in whatever order its events come.
 */
export function paymentIdOf({ type, order, period }: Pick<ShopEvent, 'type' | 'order' | 'period'>): string {
  return type !== 'paid' && period ? renewalId(order, period.start) : order;
}

/** How a shop that has one order for all periods names the payment of one: by its start, ms UTC. */
export function renewalId(order: string, start: number): string {
  return `${order}@${toIso(start)}`;
}

/** True for a renewal that was paid under this order. */
export function isRenewalOf(paymentId: string, order: string): boolean {
  const start = paymentId.startsWith(`${order}@`) ? paymentId.slice(order.length + 1) : '';
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(start);
}

/** Before discounts and tax. */
function subtotalOf({ amount_minor: amount = 0, discount_minor: discount, tax_minor: tax }: ShopEvent): number {
  return amount + discount - tax;
}

/**
 * The lines with what each costs: as it says, else as `known` tells of the price, else its share of what the others leave of the
 * whole, in equal parts.
 */
export function pricedLines(event: ShopEvent, known: (price: string) => number | null = () => null): PricedLine[] {
  const items = event.items ?? [];
  const lines = linesOf(items);
  const named = items.map((item) => {
    const priceId = item.price ?? item.package ?? '';
    const unit = item.amount_minor === undefined ? known(priceId) : null;
    return { item, priceId, amount: item.amount_minor ?? (unit === null ? null : unit * item.quantity) };
  });
  const open = named.filter(({ amount }) => amount === null).length;
  const rest = subtotalOf(event) - named.reduce((sum, { amount }) => sum + (amount ?? 0), 0);
  const share = open === 0 ? 0 : Math.max(0, Math.floor(rest / open));
  let left = Math.max(0, rest) - share * open;
  return named.map(({ item, priceId, amount }, i) => {
    const extra = amount === null ? left : 0;
    if (amount === null) left = 0;
    return { line: lines[i] ?? '1', priceId, quantity: item.quantity, amountMinor: amount ?? share + extra };
  });
}

/** What an event says by itself. What it leaves out, such as the items of a renewal, is put in from what is known of the order. */
export function factsOfShop(event: ShopEvent, lines: readonly PricedLine[] = pricedLines(event)): Snapshot {
  return {
    ...NOTHING_FOUND,
    checkout: checkoutOf(event, lines),
    subscription: subscriptionOf(event, lines),
    payments: paymentOf(event, lines),
    refunds: refundOf(event),
    told: event,
  };
}

/** Only its first payment is about the order itself. An order that is called off was not paid: one that was is refunded. */
function checkoutOf(event: ShopEvent, lines: readonly PricedLine[]): Snapshot['checkout'] {
  const { type, order, subscription, customer } = event;
  if (type === 'renewed' || type === 'refunded' || (type !== 'paid' && subscription)) return null;
  return {
    ...{ externalId: order, orderId: null, providerState: type },
    state: ({ paid: 'paid', failed: 'failed', canceled: 'expired' } as const)[type],
    currency: event.currency ?? '',
    subtotalMinor: subtotalOf(event),
    discountMinor: event.discount_minor,
    taxMinor: event.tax_minor,
    totalMinor: event.amount_minor ?? 0,
    lines: lines.map(({ priceId, quantity, amountMinor }) => ({ priceId, quantity, amountMinor })),
    email: customer?.email ?? null,
    name: customer?.name ?? null,
    externalCustomerId: null,
    paymentId: type === 'paid' ? order : null,
    subscriptionId: subscription?.id ?? null,
  };
}

function subscriptionOf(event: ShopEvent, lines: readonly PricedLine[]): SubscriptionFact | null {
  const { type, order, subscription, period, customer, at } = event;
  if (!subscription || type === 'refunded') return null;
  return {
    ...{ externalId: subscription.id, orderId: null, checkoutId: type === 'paid' ? order : null },
    // It may be taken up again under its name, so that a cancellation is only an end that is set.
    state: 'active',
    providerState: type,
    items: lines.map(({ line, priceId, quantity }) => ({ id: line, priceId, quantity })),
    currency: event.currency ?? '',
    ...{ externalCustomerId: null, email: customer?.email ?? null, startedAt: period?.start ?? at },
    ...{ periodStart: period?.start ?? null, periodEnd: period?.end ?? null },
    ...{ cancelAt: null, canceledAt: type === 'canceled' ? at : null, endedAt: null, pausedAt: null, url: '' },
    // The payment that failed says it.
    failedAt: null,
  };
}

function paymentOf(event: ShopEvent, lines: readonly PricedLine[]): PaymentFact[] {
  const { type, order, subscription, at } = event;
  if (type === 'refunded' || type === 'canceled') return [];
  const isPaid = type !== 'failed';
  return [
    {
      externalId: paymentIdOf(event),
      kind: subscription ? 'period' : 'one_off',
      checkoutId: type === 'renewed' ? null : order,
      subscriptionId: subscription?.id ?? null,
      state: isPaid ? 'paid' : 'failed',
      amountMinor: event.amount_minor ?? 0,
      currency: event.currency ?? '',
      paidAt: isPaid ? (event.paid_at ?? at) : null,
      failedAt: isPaid ? null : at,
      lines: lines.map((line) => paymentLine(line, event)),
      ...{ aliases: [], url: '', customerUrl: null },
    },
  ];
}

function paymentLine({ line, priceId, quantity, amountMinor }: PricedLine, event: ShopEvent): PaymentLine {
  const { subscription, period } = event;
  return {
    ...{ id: line, item: subscription ? line : null, priceId, quantity, amountMinor },
    ...{ start: period?.start ?? null, end: period?.end ?? null, proration: false },
  };
}

function refundOf(event: ShopEvent): Snapshot['refunds'] {
  const { refund, currency, at } = event;
  if (!refund) return [];
  const { id, amount_minor: amountMinor, reason } = refund;
  const about = { externalId: id, paymentId: paymentIdOf(event), state: 'succeeded' as const };
  return [{ ...about, amountMinor, currency: currency ?? '', reason, at, url: '' }];
}
