import Stripe from 'stripe';
import type { Clock } from '../../src/clock.ts';
import { EVENT_TYPES } from '../../src/payments/stripe/events.ts';
import { customerShape, type Made, type PriceWish, priceShape, productShape } from './fake-stripe-shapes.ts';

/** One event on its way to a webhook: the bytes and the signature. */
export interface Delivery {
  event: Stripe.Event;
  body: string;
  headers: Record<string, string>;
}

/** What a session was opened with and Stripe shows nowhere. */
export interface SessionWishes {
  subscriptionMetadata: Record<string, string>;
  intentMetadata: Record<string, string>;
  customerCreation: boolean;
  invoice: boolean;
  /** What a session took off, and put on top. */
  discount: Discount | null;
  taxPercent: number;
}

export interface Discount {
  percent?: number;
  amount?: number;
  /** On every invoice and not on the first alone. */
  forever?: boolean;
}

export interface SubscriptionExtras {
  discount: Discount | null;
  taxPercent: number;
  /** Items of a schedule's next phase, and when it begins. */
  next: { at: number; items: { price: string; quantity: number }[] } | null;
}

/** Everything that this Stripe holds. Objects refer to each other by id, as they come from the API unexpanded. */
export class StripeWorld {
  readonly customers = new Map<string, Stripe.Customer>();
  readonly products = new Map<string, Stripe.Product>();
  readonly prices = new Map<string, Stripe.Price>();
  readonly sessions = new Map<string, Stripe.Checkout.Session>();
  readonly sessionLines = new Map<string, Stripe.LineItem[]>();
  readonly sessionWishes = new Map<string, SessionWishes>();
  readonly subscriptions = new Map<string, Stripe.Subscription>();
  readonly extras = new Map<string, SubscriptionExtras>();
  readonly schedules = new Map<string, Stripe.SubscriptionSchedule>();
  readonly invoices = new Map<string, Stripe.Invoice>();
  readonly invoicePayments = new Map<string, Stripe.InvoicePayment>();
  readonly intents = new Map<string, Stripe.PaymentIntent>();
  readonly charges = new Map<string, Stripe.Charge>();
  readonly refunds = new Map<string, Stripe.Refund>();
  readonly disputes = new Map<string, Stripe.Dispute>();
  readonly warnings = new Map<string, Stripe.Radar.EarlyFraudWarning>();
  readonly events = new Map<string, Stripe.Event>();
  readonly endpoints = new Map<string, Stripe.WebhookEndpoint>();
  readonly meterEvents = new Map<string, Stripe.Billing.MeterEvent>();

  /** What was not delivered yet, oldest first. */
  readonly deliveries: Delivery[] = [];
  /** So many of the next charges fail. */
  declines = 0;
  /** Customers whose card fails until they are taken out. */
  readonly badCards = new Set<string>();
  /** What becomes of a subscription when its last retry failed. */
  dunning: 'canceled' | 'unpaid' | 'past_due' = 'canceled';
  /** How proration lines name what they are for: its item, or (older billing) only its price and what it credits. */
  prorations: 'item' | 'invoice_item' = 'item';
  /** The secret that signs deliveries, and the version that their events have. */
  hookSecret = 'whsec_fake';
  apiVersion: string = Stripe.API_VERSION;
  /** Changes an event before it is stored, e.g. into the shape of an old version. */
  shapeEvent: (event: Stripe.Event) => Stripe.Event = (event) => event;
  readonly live: boolean;

  private readonly clock: Clock;
  private readonly salt: string;
  private count = 0;
  private moment: number | null = null;

  constructor(options: { clock: Clock; live?: boolean; salt?: string }) {
    this.clock = options.clock;
    this.live = options.live ?? false;
    this.salt = options.salt ?? '';
  }

  /** Seconds. */
  now(): number {
    return this.moment ?? Math.floor(this.clock() / 1_000);
  }

  /** Runs as if it were `seconds`: what fell due while nobody looked. */
  at(seconds: number, run: () => void): void {
    const before = this.moment;
    this.moment = seconds;
    try {
      run();
    } finally {
      this.moment = before;
    }
  }

  made(prefix: string): Made {
    this.count += 1;
    const number = this.count.toString(36).padStart(6, '0');
    return { id: `${prefix}_${this.salt}${number}`, created: this.now(), live: this.live };
  }

  customer(email: string | null, name: string | null = null): Stripe.Customer {
    const customer = customerShape(this.made('cus'), email, name);
    this.customers.set(customer.id, customer);
    return customer;
  }

  price(wish: PriceWish): Stripe.Price {
    const product = productShape(this.made('prod'), wish.name ?? 'Product');
    const made = this.made('price');
    const price = priceShape({ ...made, id: wish.id ?? made.id }, wish, product.id);
    this.products.set(product.id, product);
    this.prices.set(price.id, price);
    return price;
  }

  accepts(customer: string | null): boolean {
    if (this.declines > 0) {
      this.declines -= 1;
      return false;
    }
    return customer === null || !this.badCards.has(customer);
  }

  /** Into the list of events, and to the webhook if it is told of this type. */
  emit(type: Stripe.Event.Type, object: object): Stripe.Event {
    const plain = {
      id: this.made('evt').id,
      object: 'event',
      api_version: this.apiVersion,
      created: this.now(),
      data: { object: structuredClone(object) as Stripe.Event.Data.Object },
      livemode: this.live,
      pending_webhooks: 1,
      request: null,
      type,
    } satisfies Stripe.EventBase;
    const event = this.shapeEvent(plain as unknown as Stripe.Event);
    this.events.set(event.id, event);
    if ((EVENT_TYPES as readonly string[]).includes(type)) this.deliveries.push(this.sign(event));
    return event;
  }

  /** As it is sent now: every try is signed anew. */
  sign(event: Stripe.Event): Delivery {
    const body = JSON.stringify(event, null, 2);
    return { event, body, headers: this.headersFor(body) };
  }

  headersFor(payload: string, secret = this.hookSecret, timestamp = this.now()): Record<string, string> {
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
    return { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature };
  }
}
