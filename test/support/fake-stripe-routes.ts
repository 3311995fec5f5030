import type Stripe from 'stripe';
import { expireSession } from './fake-stripe-checkout.ts';
import { firstPage } from './fake-stripe-expand.ts';
import { type Form, inner, list, record, text, texts } from './fake-stripe-forms.ts';
import { refund, voidInvoice } from './fake-stripe-money.ts';
import type { Answer, Call, StripeFailure } from './fake-stripe-server.ts';
import {
  endpointShape,
  lineItemShape,
  meterShape,
  portalShape,
  scheduleShape,
  sessionShape,
} from './fake-stripe-shapes.ts';
import { changeItems, end, retry } from './fake-stripe-subscriptions.ts';
import type { StripeWorld } from './fake-stripe-world.ts';

type Run = (call: Call) => Answer;

const refused = (message: string, more: Partial<StripeFailure> = {}): Answer => ({
  error: { status: 400, type: 'invalid_request_error', message, ...more },
});
const missing = (id: string, param = 'id', status = 404): Answer =>
  refused(`No such object: '${id}'`, { status, code: 'resource_missing', param });

/** One object by its id. */
function get(place: (world: StripeWorld) => ReadonlyMap<string, object>): Run {
  return ({ world, id }) => {
    const found = place(world).get(id);
    return found ? { body: found } : missing(id);
  };
}

/** Newest first; of the parameters those filter that are named. */
function all<T extends object>(
  place: (world: StripeWorld) => ReadonlyMap<string, T>,
  ...filters: (keyof T & string)[]
): Run {
  return ({ world, form }) => {
    const since = Number(text(inner(form, 'created'), 'gte') ?? 0);
    const fits = (one: T) =>
      filters.every((name) => text(form, name) === undefined || one[name] === text(form, name)) &&
      ((one as { created?: number }).created ?? 0) >= since;
    return { list: [...place(world).values()].filter(fits).reverse() };
  };
}

function change<T extends object>(
  place: (world: StripeWorld) => ReadonlyMap<string, T>,
  run: (found: T, call: Call) => Answer | undefined,
): Run {
  return (call) => {
    const found = place(call.world).get(call.id);
    return found ? (run(found, call) ?? { body: found }) : missing(call.id);
  };
}

const createSession: Run = ({ world, form }) => {
  const wishes = list(form, 'line_items');
  const lines = wishes.map((line) => ({ price: world.prices.get(text(line, 'price') ?? ''), line }));
  const unknown = lines.find(({ price }) => !price);
  if (unknown) return missing(text(unknown.line, 'price') ?? '', 'line_items[0][price]', 400);
  const prices = lines.map(({ price }) => price as Stripe.Price);
  const mode = text(form, 'mode') ?? 'payment';
  const sold = refusalOf(world, form, prices, mode);
  if (sold) return sold;
  const session = sessionShape(world.made(world.live ? 'cs_live' : 'cs_test'), {
    client_reference_id: text(form, 'client_reference_id') ?? null,
    currency: prices[0]?.currency ?? null,
    customer: text(form, 'customer') ?? null,
    customer_email: text(form, 'customer_email') ?? null,
    metadata: record(form, 'metadata'),
    mode,
    success_url: text(form, 'success_url') ?? null,
    cancel_url: text(form, 'cancel_url') ?? null,
  });
  const items = lines.map(({ price, line }) =>
    lineItemShape(world.made('li').id, price as Stripe.Price, Number(text(line, 'quantity') ?? 1)),
  );
  session.amount_subtotal = items.reduce((sum, { amount_subtotal }) => sum + amount_subtotal, 0);
  session.amount_total = session.amount_subtotal;
  world.sessions.set(session.id, session);
  world.sessionLines.set(session.id, items);
  world.sessionWishes.set(session.id, {
    subscriptionMetadata: record(inner(form, 'subscription_data'), 'metadata'),
    intentMetadata: record(inner(form, 'payment_intent_data'), 'metadata'),
    customerCreation: text(form, 'customer_creation') === 'always',
    invoice: text(inner(form, 'invoice_creation'), 'enabled') === 'true',
    discount: null,
    taxPercent: 0,
  });
  return { body: session };
};

/** What Stripe refuses of a payment page. */
function refusalOf(world: StripeWorld, form: Form, prices: readonly Stripe.Price[], mode: string): Answer | null {
  const customer = text(form, 'customer');
  if (customer && !world.customers.has(customer)) return missing(customer, 'customer', 400);
  if ('payment_method_types' in form) return refused('Received unknown parameter: payment_method_types');
  if (prices.some(({ active }) => !active)) return refused('The price specified is inactive.', { param: 'line_items' });
  if (new Set(prices.map(({ currency }) => currency)).size > 1) return refused('All prices must have one currency.');
  if (mode === 'payment' && prices.some(({ recurring }) => recurring)) {
    return refused('You specified `payment` mode but passed a recurring price.');
  }
  const foreign = mode === 'payment' ? 'subscription_data' : 'payment_intent_data';
  if (foreign in form) return refused(`You can not pass \`${foreign}\` in \`${mode}\` mode.`);
  if (mode === 'subscription' && ('customer_creation' in form || 'invoice_creation' in form)) {
    return refused('`customer_creation` can only be used in `payment` mode.');
  }
  if (customer && 'customer_creation' in form)
    return refused('You may only specify one of these parameters: customer.');
  return null;
}

const updateSubscription = change(
  (world) => world.subscriptions,
  (subscription, { world, form }) => {
    if (subscription.status === 'canceled') {
      return refused('A canceled subscription can only update its cancellation_details and metadata.');
    }
    const atEnd = text(form, 'cancel_at_period_end');
    if (subscription.schedule && atEnd !== undefined) {
      return refused('The subscription is managed by a subscription schedule.');
    }
    if (atEnd !== undefined) cancelAtEnd(world, subscription, atEnd === 'true');
    if (text(form, 'cancel_at') === '') {
      subscription.cancel_at = null;
      subscription.canceled_at = null;
    }
    if (form['pause_collection'] === '') subscription.pause_collection = null;
    else if ('pause_collection' in form) {
      const behavior = text(inner(form, 'pause_collection'), 'behavior') ?? 'void';
      subscription.pause_collection = { behavior, resumes_at: null };
    }
    const items = list(form, 'items');
    if (items.length > 0) {
      const changes = items.map((item) => ({
        ...(text(item, 'id') ? { id: text(item, 'id') as string } : {}),
        ...(text(item, 'price') ? { price: text(item, 'price') as string } : {}),
        ...(text(item, 'quantity') ? { quantity: Number(text(item, 'quantity')) } : {}),
      }));
      const unknown = changes.find(({ price }) => price !== undefined && !world.prices.has(price));
      if (unknown) return missing(unknown.price ?? '', 'items[0][price]', 400);
      changeItems(world, subscription, changes, {
        proration: text(form, 'proration_behavior') ?? 'none',
        pending: text(form, 'payment_behavior') === 'pending_if_incomplete',
      });
    }
    if ('metadata' in form) Object.assign(subscription.metadata, record(form, 'metadata'));
    world.emit('customer.subscription.updated', subscription);
    return undefined;
  },
);

function cancelAtEnd(world: StripeWorld, subscription: Stripe.Subscription, yes: boolean): void {
  subscription.cancel_at_period_end = yes;
  const ends = subscription.items.data.map((item) => item.current_period_end);
  subscription.cancel_at = yes ? Math.max(...ends) : null;
  subscription.canceled_at = yes ? world.now() : null;
}

const cancelSubscription = change(
  (world) => world.subscriptions,
  (subscription, { world, id }) => {
    if (subscription.status === 'canceled') return missing(id);
    end(world, subscription, 'cancellation_requested');
    return undefined;
  },
);

const resumeSubscription = change(
  (world) => world.subscriptions,
  (subscription, { world }) => {
    if (subscription.status !== 'paused') return refused('Only paused subscriptions can be resumed.');
    subscription.status = 'active';
    world.emit('customer.subscription.resumed', subscription);
    return undefined;
  },
);

const createSchedule: Run = ({ world, form }) => {
  const subscription = world.subscriptions.get(text(form, 'from_subscription') ?? '');
  if (!subscription) return missing(text(form, 'from_subscription') ?? '', 'from_subscription', 400);
  if (subscription.schedule) return refused('The subscription already has a schedule.');
  const [item] = subscription.items.data;
  const phase = { start_date: item?.current_period_start ?? 0, end_date: item?.current_period_end ?? 0 };
  const schedule = scheduleShape(world.made('sub_sched'), subscription, phase);
  subscription.schedule = schedule.id;
  world.schedules.set(schedule.id, schedule);
  return { body: schedule };
};

const updateSchedule = change(
  (world) => world.schedules,
  (schedule, { world, form }) => {
    const [, next] = list(form, 'phases');
    const extras = world.extras.get(schedule.subscription as string);
    if (!next || !extras) return undefined;
    if (!('duration' in next) && !('end_date' in next)) return refused('The last phase needs an end.');
    const items = list(next, 'items').map((item) => ({
      price: text(item, 'price') ?? '',
      quantity: Number(text(item, 'quantity') ?? 1),
    }));
    extras.next = { at: Number(text(list(form, 'phases')[0] as Form, 'end_date')), items };
    return undefined;
  },
);

const releaseSchedule = change(
  (world) => world.schedules,
  (schedule, { world }) => {
    const subscription = world.subscriptions.get(schedule.subscription as string);
    const extras = world.extras.get(schedule.subscription as string);
    if (subscription) subscription.schedule = null;
    if (extras) extras.next = null;
    schedule.status = 'released';
    return undefined;
  },
);

const createEndpoint: Run = ({ world, form }) => {
  const endpoint = endpointShape(world.made('we'), {
    url: text(form, 'url') ?? '',
    api_version: text(form, 'api_version') ?? null,
    enabled_events: texts(form, 'enabled_events'),
    description: text(form, 'description') ?? null,
  });
  world.endpoints.set(endpoint.id, endpoint);
  world.hookSecret = `whsec_${endpoint.id}`;
  return { body: { ...endpoint, secret: world.hookSecret } };
};

const updateEndpoint = change(
  (world) => world.endpoints,
  (endpoint, { form }) => {
    if ('api_version' in form) return refused('Received unknown parameter: api_version');
    if ('enabled_events' in form) endpoint.enabled_events = texts(form, 'enabled_events');
    if (text(form, 'disabled') !== undefined)
      endpoint.status = text(form, 'disabled') === 'true' ? 'disabled' : 'enabled';
    return undefined;
  },
);

const createMeterEvent: Run = ({ world, form }) => {
  const payload = record(form, 'payload');
  const identifier = text(form, 'identifier') ?? world.made('mid').id;
  const timestamp = Number(text(form, 'timestamp') ?? world.now());
  if (!world.customers.has(payload['stripe_customer_id'] ?? '')) {
    return missing(payload['stripe_customer_id'] ?? '', 'payload[stripe_customer_id]', 400);
  }
  if (timestamp < world.now() - 35 * 86_400 || timestamp > world.now() + 300) {
    return refused('The timestamp must be within the past 35 calendar days.', { param: 'timestamp' });
  }
  const known = world.meterEvents.get(identifier);
  if (known && world.now() - known.created < 86_400) {
    return refused(`An event already exists with identifier ${identifier}.`, { param: 'identifier' });
  }
  const made = { created: world.now(), live: world.live };
  const event = meterShape(made, { event_name: text(form, 'event_name') ?? '', identifier, payload, timestamp });
  world.meterEvents.set(identifier, event);
  return { body: event };
};

const invoicesOf: Run = ({ world, form }) => {
  const subscription = text(form, 'subscription');
  const mine = (invoice: Stripe.Invoice) =>
    subscription === undefined || invoice.parent?.subscription_details?.subscription === subscription;
  return { list: [...world.invoices.values()].filter(mine).reverse().map(shortLines) };
};

/** A first page of its lines. */
function shortLines(invoice: Stripe.Invoice): object {
  return { ...invoice, lines: firstPage(invoice.lines.data, invoice.lines.url) };
}

const invoicePaymentsOf: Run = ({ world, form }) => {
  const intent = text(inner(form, 'payment'), 'payment_intent');
  const of = text(form, 'invoice');
  const fits = ({ payment, invoice }: Stripe.InvoicePayment) =>
    (intent === undefined || payment.payment_intent === intent) && (of === undefined || invoice === of);
  return { list: [...world.invoicePayments.values()].filter(fits).reverse() };
};

/** Without a status those that are canceled are left out. */
const subscriptionsOf: Run = ({ world, form }) => {
  const status = text(form, 'status');
  const fits = (one: Stripe.Subscription) =>
    status === 'all' || (status === undefined ? one.status !== 'canceled' : one.status === status);
  return { list: [...world.subscriptions.values()].filter(fits).reverse() };
};

const payInvoice = change(
  (world) => world.invoices,
  (invoice, { world }) => {
    retry(world, invoice);
    const unpaid = invoice.status !== 'paid';
    return unpaid
      ? { error: { status: 402, type: 'card_error', code: 'card_declined', message: 'declined' } }
      : undefined;
  },
);

export const routes: readonly (readonly [method: string, path: string, run: Run])[] = [
  ['GET', '/v1/account', () => ({ body: { id: 'acct_fake', object: 'account' } })],
  [
    'GET',
    '/v1/balance',
    ({ world }) => ({ body: { object: 'balance', livemode: world.live, available: [], pending: [] } }),
  ],
  [
    'POST',
    '/v1/customers',
    ({ world, form }) => ({ body: world.customer(text(form, 'email') ?? null, text(form, 'name') ?? null) }),
  ],
  ['GET', '/v1/customers/*', get((world) => world.customers)],
  ['GET', '/v1/products/*', get((world) => world.products)],
  ['GET', '/v1/products', all((world) => world.products)],
  ['GET', '/v1/prices/*', get((world) => world.prices)],
  ['GET', '/v1/prices', all((world) => world.prices, 'product')],
  ['POST', '/v1/checkout/sessions', createSession],
  ['GET', '/v1/checkout/sessions', all((world) => world.sessions, 'payment_intent', 'subscription', 'customer')],
  ['GET', '/v1/checkout/sessions/*', get((world) => world.sessions)],
  ['GET', '/v1/checkout/sessions/*/line_items', ({ world, id }) => ({ list: world.sessionLines.get(id) ?? [] })],
  ['POST', '/v1/checkout/sessions/*/expire', ({ world, id }) => ({ body: expireSession(world, id) })],
  ['GET', '/v1/subscriptions', subscriptionsOf],
  ['GET', '/v1/subscriptions/*', get((world) => world.subscriptions)],
  ['POST', '/v1/subscriptions/*', updateSubscription],
  ['DELETE', '/v1/subscriptions/*', cancelSubscription],
  ['POST', '/v1/subscriptions/*/resume', resumeSubscription],
  ['POST', '/v1/subscription_schedules', createSchedule],
  ['GET', '/v1/subscription_schedules/*', get((world) => world.schedules)],
  ['POST', '/v1/subscription_schedules/*', updateSchedule],
  ['POST', '/v1/subscription_schedules/*/release', releaseSchedule],
  ['GET', '/v1/invoices', invoicesOf],
  [
    'GET',
    '/v1/invoices/*',
    change(
      (world) => world.invoices,
      (invoice) => ({ body: shortLines(invoice) }),
    ),
  ],
  ['GET', '/v1/invoices/*/lines', ({ world, id }) => ({ list: world.invoices.get(id)?.lines.data ?? [] })],
  ['POST', '/v1/invoices/*/pay', payInvoice],
  [
    'POST',
    '/v1/invoices/*/void',
    change(
      (world) => world.invoices,
      (invoice, { world }) => void voidInvoice(world, invoice),
    ),
  ],
  ['GET', '/v1/invoice_payments', invoicePaymentsOf],
  ['GET', '/v1/payment_intents/*', get((world) => world.intents)],
  ['GET', '/v1/charges', all((world) => world.charges, 'customer', 'payment_intent')],
  ['GET', '/v1/charges/*', get((world) => world.charges)],
  [
    'POST',
    '/v1/refunds',
    ({ world, form }) => {
      const amount = text(form, 'amount');
      const of = text(form, 'charge') ?? text(form, 'payment_intent') ?? '';
      return { body: refund(world, of, amount ? { amount: Number(amount) } : {}) };
    },
  ],
  ['GET', '/v1/refunds', all((world) => world.refunds, 'charge', 'payment_intent')],
  ['GET', '/v1/refunds/*', get((world) => world.refunds)],
  ['GET', '/v1/disputes', all((world) => world.disputes, 'charge', 'payment_intent')],
  ['GET', '/v1/disputes/*', get((world) => world.disputes)],
  ['GET', '/v1/radar/early_fraud_warnings', all((world) => world.warnings, 'charge', 'payment_intent')],
  ['GET', '/v1/radar/early_fraud_warnings/*', get((world) => world.warnings)],
  ['GET', '/v1/events', all((world) => world.events, 'type')],
  ['GET', '/v1/events/*', get((world) => world.events)],
  ['POST', '/v1/webhook_endpoints', createEndpoint],
  ['GET', '/v1/webhook_endpoints', all((world) => world.endpoints)],
  ['POST', '/v1/webhook_endpoints/*', updateEndpoint],
  [
    'DELETE',
    '/v1/webhook_endpoints/*',
    ({ world, id }) => {
      world.endpoints.delete(id);
      return { body: { id, object: 'webhook_endpoint', deleted: true } };
    },
  ],
  [
    'POST',
    '/v1/billing_portal/sessions',
    ({ world, form }) => {
      const customer = text(form, 'customer') ?? '';
      if (!world.customers.has(customer)) return missing(customer, 'customer', 400);
      return { body: portalShape(world.made('bps'), customer, text(form, 'return_url') ?? null) };
    },
  ],
  ['POST', '/v1/billing/meter_events', createMeterEvent],
];
