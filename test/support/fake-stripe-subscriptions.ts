import type Stripe from 'stripe';
import { intentOfInvoice, markPaid, type Outcome, settleIntent, tryInvoice, voidInvoice } from './fake-stripe-money.ts';
import { periodFrom } from './fake-stripe-periods.ts';
import {
  invoiceLineShape,
  invoiceShape,
  itemShape,
  type LineWish,
  listOf,
  subscriptionShape,
} from './fake-stripe-shapes.ts';
import type { Discount, StripeWorld } from './fake-stripe-world.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const INCOMPLETE_LASTS = 23 * HOUR;
/** Days after the first try. */
const RETRIES = [3, 5, 7];

export interface SubscriptionWish {
  customer: string;
  lines: { price: string; quantity?: number }[];
  metadata?: Record<string, string>;
  trialDays?: number;
  discount?: Discount | null;
  taxPercent?: number;
  outcome?: Outcome;
}

const priceOf = (world: StripeWorld, id: string) => world.prices.get(id) as Stripe.Price;

/** Makes it and its first invoice, and tries to take the money. One-off prices go onto that invoice. */
export function subscribe(world: StripeWorld, wish: SubscriptionWish): Stripe.Subscription {
  const made = world.made('sub');
  const now = world.now();
  const prices = wish.lines.map(({ price, quantity = 1 }) => ({ price: priceOf(world, price), quantity }));
  const trialEnd = wish.trialDays ? now + wish.trialDays * DAY : null;
  const items = prices
    .filter(({ price }) => price.recurring)
    .map(({ price, quantity }) => {
      const end = trialEnd ?? periodFrom(now, price.recurring as Stripe.Price.Recurring, now).end;
      return itemShape(world.made('si'), made.id, price, quantity, { start: now, end });
    });
  const subscription = subscriptionShape(made, {
    currency: prices[0]?.price.currency ?? 'eur',
    customer: wish.customer,
    items: listOf(items, `/v1/subscription_items?subscription=${made.id}`),
    metadata: wish.metadata ?? {},
    status: 'incomplete',
    billing_cycle_anchor: trialEnd ?? now,
    trial_start: trialEnd === null ? null : now,
    trial_end: trialEnd,
  });
  world.subscriptions.set(made.id, subscription);
  const { discount = null, taxPercent = 0 } = wish;
  world.extras.set(made.id, { discount, taxPercent, next: null });
  const once = prices.filter(({ price }) => !price.recurring);
  const invoice = bill(world, subscription, 'subscription_create', [
    ...items.map((item) => itemLine(item, trialEnd === null ? undefined : 0)),
    ...once.map(({ price, quantity }) => ({
      amount: (price.unit_amount ?? 0) * quantity,
      ...{ price, quantity },
      period: { start: now, end: now },
      subscription: made.id,
      item: null,
    })),
  ]);
  world.emit('customer.subscription.created', subscription);
  const paid = tryInvoice(world, invoice, wish.outcome);
  const pending = wish.outcome === 'pending';
  if (paid || pending) subscription.status = trialEnd === null ? 'active' : 'trialing';
  if (paid || pending) world.emit('customer.subscription.updated', subscription);
  return subscription;
}

function itemLine(item: Stripe.SubscriptionItem, amount?: number): LineWish {
  const { price, quantity = 1 } = item;
  return {
    amount: amount ?? (price.unit_amount ?? 0) * quantity,
    ...{ price, quantity },
    period: { start: item.current_period_start, end: item.current_period_end },
    subscription: item.subscription,
    item: item.id,
  };
}

/** An invoice that is final. */
function bill(
  world: StripeWorld,
  subscription: Stripe.Subscription,
  reason: Stripe.Invoice.BillingReason,
  wishes: readonly LineWish[],
): Stripe.Invoice {
  const made = world.made('in');
  const customer = world.customers.get(subscription.customer as string);
  const extras = world.extras.get(subscription.id);
  const first = reason === 'subscription_create';
  const lines = wishes.map((wish) => invoiceLineShape(world.made('il').id, made.id, world.live, wish));
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const discount = first || extras?.discount?.forever ? discountOf(subtotal, extras?.discount ?? null) : 0;
  const tax = Math.max(0, Math.round(((subtotal - discount) * (extras?.taxPercent ?? 0)) / 100));
  const total = subtotal - discount + tax;
  const balance = customer?.balance ?? 0;
  const due = Math.max(0, total + balance);
  if (customer) customer.balance = Math.min(0, total + balance);
  const invoice = invoiceShape(made, {
    amount_due: due,
    amount_remaining: due,
    billing_reason: reason,
    currency: subscription.currency,
    customer: subscription.customer as string,
    customer_email: customer?.email ?? null,
    ending_balance: customer?.balance ?? 0,
    lines: listOf(lines, `/v1/invoices/${made.id}/lines`),
    parent: {
      type: 'subscription_details',
      quote_details: null,
      subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
    },
    starting_balance: balance,
    ...{ subtotal, total },
  });
  world.invoices.set(invoice.id, invoice);
  subscription.latest_invoice = invoice.id;
  world.emit('invoice.finalized', invoice);
  return invoice;
}

export function discountOf(subtotal: number, discount: Discount | null): number {
  if (!discount) return 0;
  const off = discount.amount ?? Math.round((subtotal * (discount.percent ?? 0)) / 100);
  return Math.max(0, Math.min(subtotal, off));
}

/** Begins the next period of everything that ended, and tries to take the money for it. */
export function renew(world: StripeWorld, subscription: Stripe.Subscription, outcome?: Outcome): Stripe.Invoice | null {
  const ended = endOf(subscription);
  if (subscription.cancel_at_period_end || (subscription.cancel_at !== null && subscription.cancel_at <= ended)) {
    end(world, subscription, 'cancellation_requested');
    return null;
  }
  nextPhase(world, subscription, ended);
  for (const item of subscription.items.data) {
    if (item.current_period_end > ended) continue;
    const recurring = item.price.recurring as Stripe.Price.Recurring;
    const period = periodFrom(subscription.billing_cycle_anchor, recurring, item.current_period_end);
    item.current_period_start = item.current_period_end;
    item.current_period_end = period.end;
  }
  const due = subscription.items.data.filter(({ current_period_start }) => current_period_start === ended);
  if (subscription.status === 'trialing') subscription.status = 'active';
  const lines = due.map((item) => itemLine(item));
  const invoice = bill(world, subscription, 'subscription_cycle', lines);
  if (subscription.pause_collection) voidInvoice(world, invoice);
  else settle(world, subscription, invoice, outcome);
  world.emit('customer.subscription.updated', subscription);
  return invoice;
}

function endOf({ items }: Stripe.Subscription): number {
  return Math.min(...items.data.map((item) => item.current_period_end));
}

function nextPhase(world: StripeWorld, subscription: Stripe.Subscription, at: number): void {
  const extras = world.extras.get(subscription.id);
  const schedule = world.schedules.get((subscription.schedule as string | null) ?? '');
  if (!extras?.next || extras.next.at > at) return;
  const { items } = extras.next;
  items.forEach(({ price, quantity }, at) => {
    const item = subscription.items.data[at];
    if (!item) return;
    if (!sameInterval(item.price, priceOf(world, price))) subscription.billing_cycle_anchor = item.current_period_end;
    item.price = priceOf(world, price);
    item.quantity = quantity;
  });
  extras.next = null;
  subscription.schedule = null;
  if (schedule) schedule.status = 'released';
}

function sameInterval(a: Stripe.Price, b: Stripe.Price): boolean {
  return a.recurring?.interval === b.recurring?.interval && a.recurring?.interval_count === b.recurring?.interval_count;
}

/** A try, and what it makes of the subscription. */
function settle(
  world: StripeWorld,
  subscription: Stripe.Subscription,
  invoice: Stripe.Invoice,
  outcome?: Outcome,
): void {
  if (tryInvoice(world, invoice, outcome)) {
    if (subscription.status !== 'canceled' && subscription.status !== 'trialing') subscription.status = 'active';
    return;
  }
  if (outcome === 'pending') return;
  if (subscription.status === 'active') subscription.status = 'past_due';
  const day = RETRIES[invoice.attempt_count - 1];
  const first = invoice.status_transitions.finalized_at ?? invoice.created;
  invoice.next_payment_attempt = day === undefined ? null : first + day * DAY;
  if (day !== undefined || subscription.status !== 'past_due') return;
  if (world.dunning === 'canceled') end(world, subscription, 'payment_failed');
  else subscription.status = world.dunning;
}

/** Another try at an invoice, by itself or by the customer on its page. */
export function retry(world: StripeWorld, invoice: Stripe.Invoice, outcome?: Outcome): void {
  const id = invoice.parent?.subscription_details?.subscription as string | undefined;
  const subscription = world.subscriptions.get(id ?? '');
  if (!subscription) {
    tryInvoice(world, invoice, outcome);
    return;
  }
  settle(world, subscription, invoice, outcome);
  if (invoice.status === 'paid' && subscription.pending_update && subscription.latest_invoice === invoice.id) {
    applyPending(world, subscription);
  }
  if (subscription.status !== 'canceled') world.emit('customer.subscription.updated', subscription);
}

/** What was pending (a debit) came, or did not. */
export function settlePending(world: StripeWorld, invoice: Stripe.Invoice, outcome: 'paid' | 'declined'): void {
  settleIntent(world, intentOfInvoice(world, invoice), outcome);
  if (outcome === 'paid') markPaid(world, invoice);
  else world.emit('invoice.payment_failed', invoice);
  const id = invoice.parent?.subscription_details?.subscription as string | undefined;
  const subscription = world.subscriptions.get(id ?? '');
  if (!subscription) return;
  subscription.status = outcome === 'paid' ? 'active' : 'past_due';
  world.emit('customer.subscription.updated', subscription);
}

export function end(
  world: StripeWorld,
  subscription: Stripe.Subscription,
  reason: Stripe.Subscription.CancellationDetails.Reason,
): void {
  subscription.status = 'canceled';
  subscription.ended_at = world.now();
  subscription.canceled_at ??= world.now();
  if (subscription.cancellation_details) subscription.cancellation_details.reason = reason;
  world.emit('customer.subscription.deleted', subscription);
}

export interface ItemChange {
  id?: string;
  price?: string;
  quantity?: number;
}

/** Another price or number within the period. `pending`: it holds only once it is paid. */
export function changeItems(
  world: StripeWorld,
  subscription: Stripe.Subscription,
  changes: readonly ItemChange[],
  how: { proration: string; pending: boolean; outcome?: Outcome },
): void {
  const before = structuredClone(subscription.items.data);
  const anchor = subscription.billing_cycle_anchor;
  const lines = changes.flatMap((change) => changeItem(world, subscription, change));
  if (how.proration !== 'always_invoice' || subscription.status === 'trialing') return;
  const invoice = bill(world, subscription, 'subscription_update', lines);
  if (tryInvoice(world, invoice, how.outcome)) return;
  if (!how.pending) {
    subscription.status = 'past_due';
    return;
  }
  subscription.pending_update = {
    billing_cycle_anchor: subscription.billing_cycle_anchor,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: world.now() + INCOMPLETE_LASTS,
    metadata: null,
    subscription_items: structuredClone(subscription.items.data),
    trial_end: null,
    trial_from_plan: null,
  };
  subscription.items.data = before;
  subscription.billing_cycle_anchor = anchor;
}

function changeItem(world: StripeWorld, subscription: Stripe.Subscription, change: ItemChange): LineWish[] {
  const { data } = subscription.items;
  const item = change.id ? data.find(({ id }) => id === change.id) : data[0];
  if (!item) return [];
  const now = world.now();
  const old = { price: item.price, quantity: item.quantity ?? 1 };
  const period = { start: item.current_period_start, end: item.current_period_end };
  item.price = change.price ? priceOf(world, change.price) : item.price;
  item.quantity = change.quantity ?? item.quantity ?? 1;
  const restart = !sameInterval(old.price, item.price);
  const rest = (period.end - now) / (period.end - period.start);
  if (restart) {
    subscription.billing_cycle_anchor = now;
    item.current_period_start = now;
    item.current_period_end = periodFrom(now, item.price.recurring as Stripe.Price.Recurring, now).end;
  }
  const share = (price: Stripe.Price, quantity: number, part: number) =>
    Math.round((price.unit_amount ?? 0) * quantity * part);
  const of = world.prorations === 'item' ? item.id : null;
  const common = { subscription: subscription.id, item: of, proration: true };
  return [
    {
      amount: -share(old.price, old.quantity, rest),
      ...old,
      period: { start: now, end: period.end },
      credited: paidLinesOf(world, item.id),
      ...common,
    },
    {
      amount: share(item.price, item.quantity, restart ? 1 : rest),
      price: item.price,
      quantity: item.quantity,
      period: { start: now, end: item.current_period_end },
      ...common,
    },
  ];
}

function paidLinesOf(world: StripeWorld, item: string): string[] {
  const lines = [...world.invoices.values()].flatMap(({ lines }) => lines.data);
  return lines
    .filter(({ parent }) => parent?.subscription_item_details?.subscription_item === item)
    .map(({ id }) => id)
    .slice(-1);
}

function applyPending(world: StripeWorld, subscription: Stripe.Subscription): void {
  const pending = subscription.pending_update;
  if (!pending) return;
  subscription.items.data = pending.subscription_items ?? subscription.items.data;
  subscription.billing_cycle_anchor = pending.billing_cycle_anchor ?? subscription.billing_cycle_anchor;
  subscription.pending_update = null;
  world.emit('customer.subscription.pending_update_applied', subscription);
}

/** Everything that falls due by itself until now, in the order of time: renewals, retries, ends, and what is given up. */
export function advance(world: StripeWorld): void {
  for (let count = 0; count < 10_000; count++) {
    const due = nextDue(world);
    if (!due || due.at > world.now()) return;
    world.at(due.at, due.run);
  }
  throw new Error('time does not come to an end');
}

interface Due {
  at: number;
  run: () => void;
}

function nextDue(world: StripeWorld): Due | null {
  const dues = [...world.subscriptions.values()].flatMap((subscription) => duesOf(world, subscription));
  return dues.reduce<Due | null>((first, due) => (first && first.at <= due.at ? first : due), null);
}

function duesOf(world: StripeWorld, subscription: Stripe.Subscription): Due[] {
  const { status } = subscription;
  const latest = world.invoices.get((subscription.latest_invoice as string | null) ?? '');
  const dues: Due[] = [];
  if (status === 'incomplete') {
    dues.push({ at: subscription.created + INCOMPLETE_LASTS, run: () => giveUp(world, subscription, latest) });
  }
  if (['active', 'trialing', 'past_due'].includes(status)) {
    dues.push({ at: endOf(subscription), run: () => renew(world, subscription) });
    if (subscription.cancel_at !== null && !subscription.cancel_at_period_end) {
      dues.push({ at: subscription.cancel_at, run: () => end(world, subscription, 'cancellation_requested') });
    }
  }
  const again = latest?.status === 'open' && status === 'past_due' ? latest.next_payment_attempt : null;
  if (latest && again) dues.push({ at: again, run: () => retry(world, latest) });
  if (subscription.pending_update) {
    dues.push({ at: subscription.pending_update.expires_at, run: () => dropPending(world, subscription, latest) });
  }
  return dues;
}

function giveUp(world: StripeWorld, subscription: Stripe.Subscription, invoice: Stripe.Invoice | undefined): void {
  subscription.status = 'incomplete_expired';
  subscription.ended_at = world.now();
  if (invoice?.status === 'open') voidInvoice(world, invoice);
  world.emit('customer.subscription.updated', subscription);
}

function dropPending(world: StripeWorld, subscription: Stripe.Subscription, invoice: Stripe.Invoice | undefined): void {
  subscription.pending_update = null;
  if (invoice?.status === 'open') voidInvoice(world, invoice);
  world.emit('customer.subscription.pending_update_expired', subscription);
}
