import type Stripe from 'stripe';

/**
 * Stripe's objects in the shape of the pinned version, as far as anybody here looks. `satisfies` refuses members that the version
 * does not have (any more); what is left out is `undefined` for the reader.
 */

export type Made = { id: string; created: number; live: boolean };

const head = ({ id, created, live }: Made) => ({ id, created, livemode: live });

export function listOf<T>(data: T[], url: string): Stripe.ApiList<T> {
  return { object: 'list', data, has_more: false, url };
}

export function customerShape(made: Made, email: string | null, name: string | null): Stripe.Customer {
  const customer = {
    ...head(made),
    object: 'customer',
    email,
    name,
    balance: 0,
    metadata: {},
  } satisfies Partial<Stripe.Customer>;
  return customer as unknown as Stripe.Customer;
}

export function productShape(made: Made, name: string): Stripe.Product {
  const product = {
    ...head(made),
    object: 'product',
    active: true,
    name,
    metadata: {},
  } satisfies Partial<Stripe.Product>;
  return product as unknown as Stripe.Product;
}

export interface PriceWish {
  id?: string;
  amount: number;
  currency?: string;
  /** Missing: a one-off. */
  interval?: 'day' | 'week' | 'month' | 'year';
  count?: number;
  name?: string;
}

export function priceShape(made: Made, wish: PriceWish, product: string): Stripe.Price {
  const price = {
    ...head(made),
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    currency: wish.currency ?? 'eur',
    custom_unit_amount: null,
    lookup_key: null,
    metadata: {},
    nickname: null,
    product,
    recurring: wish.interval
      ? {
          interval: wish.interval,
          interval_count: wish.count ?? 1,
          meter: null,
          trial_period_days: null,
          usage_type: 'licensed',
        }
      : null,
    tax_behavior: 'exclusive',
    type: wish.interval ? 'recurring' : 'one_time',
    unit_amount: wish.amount,
  } satisfies Partial<Stripe.Price>;
  return price as unknown as Stripe.Price;
}

export function sessionShape(made: Made, params: Partial<Stripe.Checkout.Session>): Stripe.Checkout.Session {
  const session = {
    object: 'checkout.session',
    amount_subtotal: 0,
    amount_total: 0,
    client_reference_id: null,
    currency: null,
    customer: null,
    customer_details: null,
    customer_email: null,
    expires_at: made.created + 86_400,
    invoice: null,
    metadata: {},
    mode: 'payment',
    payment_intent: null,
    payment_status: 'unpaid',
    status: 'open',
    subscription: null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    url: `https://checkout.stripe.com/c/pay/${made.id}`,
    ...params,
    ...head(made),
  } satisfies Partial<Stripe.Checkout.Session>;
  return session as unknown as Stripe.Checkout.Session;
}

export function lineItemShape(id: string, price: Stripe.Price, quantity: number): Stripe.LineItem {
  const subtotal = (price.unit_amount ?? 0) * quantity;
  const line = {
    id,
    object: 'item',
    amount_discount: 0,
    amount_subtotal: subtotal,
    amount_tax: 0,
    amount_total: subtotal,
    currency: price.currency,
    description: null,
    metadata: {},
    price,
    quantity,
  } satisfies Partial<Stripe.LineItem>;
  return line as unknown as Stripe.LineItem;
}

export function subscriptionShape(
  made: Made,
  params: Pick<Stripe.Subscription, 'currency' | 'customer' | 'items' | 'status'> & Partial<Stripe.Subscription>,
): Stripe.Subscription {
  const subscription = {
    object: 'subscription',
    billing_cycle_anchor: made.created,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: 'charge_automatically',
    ended_at: null,
    latest_invoice: null,
    metadata: {},
    pause_collection: null,
    pending_update: null,
    schedule: null,
    start_date: made.created,
    trial_end: null,
    trial_start: null,
    ...params,
    ...head(made),
  } satisfies Partial<Stripe.Subscription>;
  return subscription as unknown as Stripe.Subscription;
}

export function itemShape(
  made: Made,
  subscription: string,
  price: Stripe.Price,
  quantity: number,
  period: { start: number; end: number },
): Stripe.SubscriptionItem {
  const item = {
    id: made.id,
    created: made.created,
    object: 'subscription_item',
    current_period_start: period.start,
    current_period_end: period.end,
    metadata: {},
    price,
    quantity,
    subscription,
  } satisfies Partial<Stripe.SubscriptionItem>;
  return item as unknown as Stripe.SubscriptionItem;
}

export function invoiceShape(made: Made, params: Partial<Stripe.Invoice>): Stripe.Invoice {
  const invoice = {
    object: 'invoice',
    amount_due: 0,
    amount_paid: 0,
    amount_remaining: 0,
    attempt_count: 0,
    attempted: false,
    billing_reason: 'manual',
    collection_method: 'charge_automatically',
    currency: 'eur',
    customer: null,
    customer_email: null,
    due_date: null,
    ending_balance: 0,
    hosted_invoice_url: `https://invoice.stripe.com/i/${made.id}`,
    metadata: {},
    next_payment_attempt: null,
    parent: null,
    // The period before, as Stripe has it: whoever takes it for the service is wrong.
    period_start: made.created,
    period_end: made.created,
    starting_balance: 0,
    status: 'open',
    status_transitions: {
      finalized_at: made.created,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: 0,
    total: 0,
    total_discount_amounts: [],
    total_taxes: [],
    ...params,
    ...head(made),
  } satisfies Partial<Stripe.Invoice>;
  return invoice as unknown as Stripe.Invoice;
}

export interface LineWish {
  amount: number;
  price: Stripe.Price;
  quantity: number;
  period: { start: number; end: number };
  subscription: string | null;
  item: string | null;
  proration?: boolean;
  /** Lines that a credit takes back. */
  credited?: string[];
}

export function invoiceLineShape(id: string, invoice: string, live: boolean, wish: LineWish): Stripe.InvoiceLineItem {
  const { subscription, item, proration = false } = wish;
  const credits = wish.credited ? { credited_items: { invoice, invoice_line_items: wish.credited } } : null;
  const line = {
    id,
    object: 'line_item',
    amount: wish.amount,
    currency: wish.price.currency,
    description: null,
    invoice,
    livemode: live,
    metadata: {},
    parent:
      item === null
        ? {
            type: 'invoice_item_details',
            invoice_item_details: { invoice_item: `ii_${id}`, proration, proration_details: credits, subscription },
            subscription_item_details: null,
          }
        : {
            type: 'subscription_item_details',
            invoice_item_details: null,
            subscription_item_details: {
              invoice_item: null,
              proration,
              proration_details: credits,
              subscription,
              subscription_item: item,
            },
          },
    period: wish.period,
    pricing: {
      type: 'price_details',
      price_details: { price: wish.price.id, product: wish.price.product as string },
      unit_amount_decimal: null,
    },
    quantity: wish.quantity,
    subscription,
    subtotal: wish.amount,
  } satisfies Partial<Stripe.InvoiceLineItem>;
  return line as unknown as Stripe.InvoiceLineItem;
}

export function invoicePaymentShape(
  made: Made,
  invoice: Stripe.Invoice,
  payment_intent: string,
): Stripe.InvoicePayment {
  const payment = {
    ...head(made),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    payment: { type: 'payment_intent', payment_intent },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  } satisfies Stripe.InvoicePayment;
  return payment;
}

export function intentShape(
  made: Made,
  params: Pick<Stripe.PaymentIntent, 'amount' | 'currency' | 'customer' | 'status'> & Partial<Stripe.PaymentIntent>,
): Stripe.PaymentIntent {
  const intent = {
    object: 'payment_intent',
    latest_charge: null,
    last_payment_error: null,
    metadata: {},
    ...params,
    ...head(made),
  } satisfies Partial<Stripe.PaymentIntent>;
  return intent as unknown as Stripe.PaymentIntent;
}

export function chargeShape(
  made: Made,
  intent: Stripe.PaymentIntent,
  status: 'succeeded' | 'failed' | 'pending',
): Stripe.Charge {
  const charge = {
    ...head(made),
    object: 'charge',
    amount: intent.amount,
    amount_captured: status === 'succeeded' ? intent.amount : 0,
    amount_refunded: 0,
    captured: status === 'succeeded',
    currency: intent.currency,
    customer: intent.customer as string | null,
    disputed: false,
    metadata: intent.metadata,
    paid: status === 'succeeded',
    payment_intent: intent.id,
    receipt_url: `https://pay.stripe.com/receipts/${made.id}`,
    refunded: false,
    status,
  } satisfies Partial<Stripe.Charge>;
  return charge as unknown as Stripe.Charge;
}

export function refundShape(made: Made, charge: Stripe.Charge, amount: number, status: string): Stripe.Refund {
  const refund = {
    id: made.id,
    created: made.created,
    object: 'refund',
    amount,
    charge: charge.id,
    currency: charge.currency,
    metadata: {},
    payment_intent: charge.payment_intent as string | null,
    reason: 'requested_by_customer',
    status,
  } satisfies Partial<Stripe.Refund>;
  return refund as unknown as Stripe.Refund;
}

export function disputeShape(
  made: Made,
  charge: Stripe.Charge,
  wish: { amount?: number; reason?: string; status?: Stripe.Dispute.Status },
): Stripe.Dispute {
  const dispute = {
    ...head(made),
    object: 'dispute',
    amount: wish.amount ?? charge.amount,
    charge: charge.id,
    currency: charge.currency,
    evidence_details: {
      due_by: made.created + 7 * 86_400,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    is_charge_refundable: false,
    metadata: {},
    payment_intent: charge.payment_intent as string | null,
    reason: wish.reason ?? 'fraudulent',
    status: wish.status ?? 'needs_response',
  } satisfies Partial<Stripe.Dispute>;
  return dispute as unknown as Stripe.Dispute;
}

export function warningShape(made: Made, charge: Stripe.Charge): Stripe.Radar.EarlyFraudWarning {
  return {
    ...head(made),
    object: 'radar.early_fraud_warning',
    actionable: true,
    charge: charge.id,
    fraud_type: 'made_with_stolen_card',
    payment_intent: charge.payment_intent as string,
  } satisfies Stripe.Radar.EarlyFraudWarning;
}

export function endpointShape(made: Made, params: Partial<Stripe.WebhookEndpoint>): Stripe.WebhookEndpoint {
  return {
    object: 'webhook_endpoint',
    api_version: null,
    application: null,
    description: null,
    enabled_events: [],
    metadata: {},
    status: 'enabled',
    url: '',
    ...params,
    ...head(made),
  } satisfies Stripe.WebhookEndpoint;
}

export function scheduleShape(
  made: Made,
  subscription: Stripe.Subscription,
  phase: { start_date: number; end_date: number },
): Stripe.SubscriptionSchedule {
  const schedule = {
    ...head(made),
    object: 'subscription_schedule',
    canceled_at: null,
    completed_at: null,
    current_phase: phase,
    customer: subscription.customer as string,
    end_behavior: 'release',
    metadata: {},
    phases: [],
    released_at: null,
    released_subscription: null,
    status: 'active',
    subscription: subscription.id,
  } satisfies Partial<Stripe.SubscriptionSchedule>;
  return schedule as unknown as Stripe.SubscriptionSchedule;
}

export function portalShape(made: Made, customer: string, returnUrl: string | null): Stripe.BillingPortal.Session {
  const session = {
    ...head(made),
    object: 'billing_portal.session',
    customer,
    return_url: returnUrl,
    url: `https://billing.stripe.com/p/session/${made.id}`,
  } satisfies Partial<Stripe.BillingPortal.Session>;
  return session as unknown as Stripe.BillingPortal.Session;
}

export function meterShape(
  made: Pick<Made, 'created' | 'live'>,
  params: Pick<Stripe.Billing.MeterEvent, 'event_name' | 'identifier' | 'payload' | 'timestamp'>,
): Stripe.Billing.MeterEvent {
  return {
    object: 'billing.meter_event',
    created: made.created,
    livemode: made.live,
    ...params,
  } satisfies Stripe.Billing.MeterEvent;
}
