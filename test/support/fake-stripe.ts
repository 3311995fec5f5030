import type Stripe from 'stripe';
import type { Clock } from '../../src/clock.ts';
import type { GatewayAccount } from '../../src/payments/gateway.ts';
import { type Buyer, complete, expireSession, settleSession } from './fake-stripe-checkout.ts';
import {
  dispute,
  moveDispute,
  moveRefund,
  type Outcome,
  type RefundWish,
  refund,
  voidInvoice,
  warn,
} from './fake-stripe-money.ts';
import { type FaultRule, type SeenRequest, type StripeServer, serve } from './fake-stripe-server.ts';
import type { PriceWish } from './fake-stripe-shapes.ts';
import {
  advance,
  changeItems,
  type ItemChange,
  renew,
  retry,
  type SubscriptionWish,
  subscribe,
} from './fake-stripe-subscriptions.ts';
import { type Delivery, StripeWorld } from './fake-stripe-world.ts';

/**
 * A Stripe on this machine: a real server that the real SDK talks to, with the state machine of what we use of it.
 *
 *   let now = Date.UTC(2026, 0, 31);
 *   const stripe = await startFakeStripe({ clock: () => now });
 *   const price = stripe.price({ id: 'price_month', amount: 1900, interval: 'month' });
 *   // ... our side opens a payment page through the gateway, with `stripe.account()` ...
 *   stripe.pay(sessionId, { email: 'bo@example.com' });           // the buyer pays
 *   await stripe.deliver(hookUrl);                                  // all events that wait, in their order
 *   now += 31 * DAY;
 *   stripe.declines = 1;                                            // the next charge fails
 *   stripe.advance();                                               // renewals, retries and ends that fell due
 *   for (const one of stripe.take().reverse()) await post(hookUrl, one);   // late, twice, out of order: as you like
 *   stripe.refund(sessionId, { amount: 500 });                      // also by id of a charge, intent, invoice or subscription
 *   const lost = stripe.dispute(sessionId); stripe.moveDispute(lost.id, 'lost');
 *   stripe.faults.push({ fault: '500', on: /^GET .v1.checkout/, times: 1 });
 *   await stripe.close();
 *
 * Nothing happens by itself: time passes by `advance`, events wait in `deliveries` until they are delivered, taken or dropped.
 * Amounts are in minor units, instants in Stripe's own objects in seconds. `world` holds every object, to look at or to change.
 */
export interface FakeStripe {
  url: string;
  world: StripeWorld;
  /** What the API was asked, oldest first. */
  requests: SeenRequest[];
  /** How it misbehaves; the first rule that fits and has times left counts. */
  faults: FaultRule[];
  /** Events that were not sent yet, oldest first. */
  deliveries: Delivery[];
  /** So many of the next charges fail. */
  declines: number;
  /** How our side names it; `change` for other secrets, settings or modes. */
  account(change?: Partial<GatewayAccount>): GatewayAccount;
  price(wish: PriceWish): Stripe.Price;
  customer(email: string | null, name?: string): Stripe.Customer;
  /** A subscription that was not made by a payment page. */
  subscribe(wish: SubscriptionWish): Stripe.Subscription;
  pay(sessionId: string, buyer?: Buyer): Stripe.Checkout.Session;
  /** A delayed payment comes, or does not. */
  settle(sessionId: string, outcome: 'paid' | 'declined'): void;
  expire(sessionId: string): void;
  /** Everything that fell due until now. */
  advance(): void;
  /** The next period at once, whatever the time is. null: it ended in its place. */
  renew(subscriptionId: string, outcome?: Outcome): Stripe.Invoice | null;
  /** Another try at an open invoice; of a subscription at its newest. */
  retry(id: string, outcome?: Outcome): void;
  void(invoiceId: string): void;
  /** As a vendor or customer does it at Stripe itself. */
  changeItems(
    subscriptionId: string,
    changes: readonly ItemChange[],
    how?: { proration?: string; pending?: boolean; outcome?: Outcome },
  ): void;
  refund(reference: string, wish?: RefundWish): Stripe.Refund;
  moveRefund(id: string, status: 'succeeded' | 'failed' | 'canceled'): void;
  dispute(
    reference: string,
    wish?: { amount?: number; reason?: string; status?: Stripe.Dispute.Status },
  ): Stripe.Dispute;
  moveDispute(id: string, status: Stripe.Dispute.Status): void;
  warn(reference: string): Stripe.Radar.EarlyFraudWarning;
  /** Takes all waiting events out. */
  take(): Delivery[];
  /** Posts all waiting events in their order, signed now; those that are not answered 2xx go on waiting. The statuses come back. */
  deliver(hookUrl: string): Promise<number[]>;
  close(): Promise<void>;
}

export interface FakeStripeOptions {
  clock: Clock;
  live?: boolean;
  secretKey?: string;
  hookSecret?: string;
  /** Part of every id, where several of them feed one database. */
  salt?: string;
}

export async function startFakeStripe(options: FakeStripeOptions): Promise<FakeStripe> {
  const world = new StripeWorld(options);
  world.hookSecret = options.hookSecret ?? world.hookSecret;
  const secretKey = options.secretKey ?? `sk_${world.live ? 'live' : 'test'}_fakefakefake`;
  const server = await serve(world, secretKey);
  const subscription = (id: string) => known(world.subscriptions, id);
  return {
    ...aboutServer(world, server),
    get declines() {
      return world.declines;
    },
    set declines(next) {
      world.declines = next;
    },
    price: (wish) => world.price(wish),
    customer: (email, name) => world.customer(email, name),
    subscribe: (wish) => subscribe(world, wish),
    pay: (id, buyer) => complete(world, id, buyer),
    settle: (id, outcome) => settleSession(world, id, outcome),
    expire: (id) => void expireSession(world, id),
    advance: () => advance(world),
    renew: (id, outcome) => renewNow(world, subscription(id), outcome),
    retry: (id, outcome) => retry(world, invoiceOf(world, id), outcome),
    void: (id) => voidInvoice(world, known(world.invoices, id)),
    changeItems(id, changes, { proration = 'always_invoice', pending = true, outcome } = {}) {
      changeItems(world, subscription(id), changes, { proration, pending, ...(outcome ? { outcome } : {}) });
      world.emit('customer.subscription.updated', subscription(id));
    },
    refund: (reference, wish) => refund(world, reference, wish),
    moveRefund: (id, status) => moveRefund(world, id, status),
    dispute: (reference, wish) => dispute(world, reference, wish),
    moveDispute: (id, status) => moveDispute(world, id, status),
    warn: (reference) => warn(world, reference),
    take: () => world.deliveries.splice(0),
    deliver: (hookUrl) => deliver(world, hookUrl),
  };
}

type AboutServer = 'url' | 'world' | 'requests' | 'faults' | 'deliveries' | 'account' | 'close';

function aboutServer(world: StripeWorld, server: StripeServer): Pick<FakeStripe, AboutServer> {
  const { url, requests, faults, secretKey } = server;
  return {
    ...{ url, world, requests, faults, deliveries: world.deliveries },
    account: (change = {}) => ({
      id: 'pac_fake',
      mode: world.live ? 'live' : 'test',
      credentials: { secret_key: secretKey },
      hookSecrets: [world.hookSecret],
      hookId: null,
      externalId: null,
      settings: { automaticTax: false, taxIds: false, invoices: false, promotionCodes: false },
      apiBase: url,
      ...change,
    }),
    close: () => server.close(),
  };
}

function known<T>(place: ReadonlyMap<string, T>, id: string): T {
  const found = place.get(id);
  if (!found) throw new Error(`there is no ${id}`);
  return found;
}

function invoiceOf(world: StripeWorld, id: string): Stripe.Invoice {
  return world.invoices.get(id) ?? known(world.invoices, known(world.subscriptions, id).latest_invoice as string);
}

/** Its period ends now. */
function renewNow(world: StripeWorld, subscription: Stripe.Subscription, outcome?: Outcome): Stripe.Invoice | null {
  const ends = Math.min(...subscription.items.data.map((item) => item.current_period_end));
  let invoice: Stripe.Invoice | null = null;
  world.at(Math.max(ends, world.now()), () => {
    invoice = renew(world, subscription, outcome);
  });
  return invoice;
}

async function deliver(world: StripeWorld, hookUrl: string): Promise<number[]> {
  const statuses: number[] = [];
  for (const delivery of world.deliveries.splice(0)) {
    const { body, headers } = world.sign(delivery.event);
    const answer = await fetch(hookUrl, { method: 'POST', body, headers });
    await answer.arrayBuffer();
    statuses.push(answer.status);
    if (!answer.ok) world.deliveries.push(delivery);
  }
  return statuses;
}
