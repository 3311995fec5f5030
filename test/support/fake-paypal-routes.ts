import { capture, changeStatus, refund, tellSubscription } from './fake-paypal-acts.ts';
import {
  captureBody,
  disputeBody,
  orderBody,
  planBody,
  refundBody,
  saleBody,
  saleRefundBody,
  subscriptionBody,
  transactionBody,
} from './fake-paypal-bodies.ts';
import {
  type Answer,
  type FakePaypalWorld,
  type FakeSubscription,
  failure,
  GONE,
  instant,
  unitsOf,
} from './fake-paypal-world.ts';

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

type Route = (world: FakePaypalWorld, call: Call, id: string) => Answer | Promise<Answer>;

/** Method, path with `*` for an id, and the kind of thing, where an application may be kept from it. */
const ROUTES: [string, string, Route, string?][] = [
  ['POST', '/v2/checkout/orders', createOrder],
  ['GET', '/v2/checkout/orders/*', (world, _, id) => shown(world.orders.get(id), (it) => orderBody(world, it))],
  ['POST', '/v2/checkout/orders/*/capture', captureOrder],
  ['GET', '/v2/payments/captures/*', (world, _, id) => shown(world.payments.get(id), (it) => captureBody(world, it))],
  ['POST', '/v2/payments/captures/*/refund', refundCapture],
  ['GET', '/v2/payments/refunds/*', (world, _, id) => shown(world.refunds.get(id), (it) => refundBody(world, it))],
  ['GET', '/v1/payments/sale/*', (world, _, id) => shown(saleOf(world, id), (it) => saleBody(world, it))],
  ['GET', '/v1/payments/refund/*', (world, _, id) => shown(world.refunds.get(id), (it) => saleRefundBody(world, it))],
  ['GET', '/v1/billing/plans', (world) => fine({ plans: [...world.plans.values()].map(planBody) }), 'subscriptions'],
  ['GET', '/v1/billing/plans/*', (world, _, id) => shown(world.plans.get(id), planBody), 'subscriptions'],
  ['GET', '/v1/billing/subscriptions', listSubscriptions, 'subscriptions'],
  ['POST', '/v1/billing/subscriptions', createSubscription, 'subscriptions'],
  ['GET', '/v1/billing/subscriptions/*', showSubscription, 'subscriptions'],
  ['GET', '/v1/billing/subscriptions/*/transactions', listTransactions, 'subscriptions'],
  ['POST', '/v1/billing/subscriptions/*/cancel', acting('CANCELLED', ['ACTIVE', 'SUSPENDED']), 'subscriptions'],
  ['POST', '/v1/billing/subscriptions/*/suspend', acting('SUSPENDED', ['ACTIVE']), 'subscriptions'],
  ['POST', '/v1/billing/subscriptions/*/activate', acting('ACTIVE', ['SUSPENDED']), 'subscriptions'],
  ['POST', '/v1/billing/subscriptions/*/revise', revise, 'subscriptions'],
  ['GET', '/v1/customer/disputes', listDisputes, 'disputes'],
  ['GET', '/v1/customer/disputes/*', showDispute, 'disputes'],
  ['GET', '/v1/notifications/webhooks', (world) => fine({ webhooks: [...world.webhooks.values()].map(webhookBody) })],
  ['POST', '/v1/notifications/webhooks', createWebhook],
  ['GET', '/v1/notifications/webhooks/*', (world, _, id) => shown(world.webhooks.get(id), webhookBody)],
  ['PATCH', '/v1/notifications/webhooks/*', patchWebhook],
  ['GET', '/v1/notifications/webhooks-events', listEvents],
  [
    'GET',
    '/v1/identity/oauth2/userinfo',
    () => fine({ user_id: 'https://www.paypal.com/webapps/auth/identity/user/x', payer_id: 'VENDORPAYER01' }),
  ],
];

export async function answerApi(world: FakePaypalWorld, call: Call): Promise<Answer> {
  for (const [method, pattern, route, kind] of ROUTES) {
    const match = new RegExp(`^${pattern.replace('*', '([^/]+)')}$`).exec(call.path);
    if (method !== call.method || match === null) continue;
    if (kind !== undefined && world.closed.has(kind)) return failure(403, 'NOT_AUTHORIZED', 'PERMISSION_DENIED');
    return route(world, call, decodeURIComponent(match[1] ?? ''));
  }
  return failure(404, 'NOT_FOUND');
}

function fine(body: unknown, status = 200): Answer {
  return { status, body };
}

function shown<T>(thing: T | undefined, show: (thing: T) => unknown): Answer {
  return thing === undefined ? GONE : fine(show(thing));
}

interface Amount {
  currency_code: string;
  value: string;
  breakdown?: { item_total?: Amount };
}

function createOrder(world: FakePaypalWorld, { body }: Call): Answer {
  const [unit = {}] = (body['purchase_units'] ?? []) as Record<string, unknown>[];
  const amount = unit['amount'] as Amount | undefined;
  const items = (unit['items'] ?? []) as { quantity: string; unit_amount: Amount; name: string; sku?: string }[];
  if (body['intent'] !== 'CAPTURE' || amount === undefined)
    return failure(400, 'INVALID_REQUEST', 'MISSING_REQUIRED_PARAMETER');
  const currency = amount.currency_code;
  if (!/^\d+(\.\d\d)?$/.test(amount.value) || (currency === 'JPY' && amount.value.includes('.'))) {
    return failure(422, 'UNPROCESSABLE_ENTITY', 'DECIMALS_NOT_SUPPORTED');
  }
  const total = unitsOf(amount.value, currency);
  const sum = items.reduce((all, item) => all + Number(item.quantity) * unitsOf(item.unit_amount.value, currency), 0);
  if (total === 0) return failure(422, 'UNPROCESSABLE_ENTITY', 'CANNOT_BE_ZERO_OR_NEGATIVE');
  if (items.length > 0 && sum !== unitsOf(amount.breakdown?.item_total?.value ?? '0', currency)) {
    return failure(422, 'UNPROCESSABLE_ENTITY', 'ITEM_TOTAL_MISMATCH');
  }
  if (items.some(({ name, sku = '' }) => name.length > 127 || sku.length > 127)) {
    return failure(400, 'INVALID_REQUEST', 'INVALID_STRING_LENGTH');
  }
  const context = (body['application_context'] ?? {}) as { return_url?: string; cancel_url?: string };
  const at = world.now();
  const id = world.nextId('');
  const urls = { returnUrl: context.return_url ?? '', cancelUrl: context.cancel_url ?? '' };
  const order = { kind: 'order' as const, id, status: 'CREATED', unit, currency, total, ...urls, buyer: null };
  world.orders.set(id, { ...order, createdAt: at, updatedAt: at });
  return fine(orderBody(world, { ...order, createdAt: at, updatedAt: at }), 201);
}

async function captureOrder(world: FakePaypalWorld, _: Call, id: string): Promise<Answer> {
  const order = world.orders.get(id);
  if (order === undefined) return GONE;
  const made = await capture(world, order);
  return typeof made === 'string' ? failure(422, 'UNPROCESSABLE_ENTITY', made) : fine(orderBody(world, order), 201);
}

async function refundCapture(world: FakePaypalWorld, { body }: Call, id: string): Promise<Answer> {
  const payment = world.payments.get(id);
  if (payment === undefined) return GONE;
  const amount = body['amount'] as Amount | undefined;
  const made = await refund(world, id, amount ? unitsOf(amount.value, payment.currency) : null);
  return typeof made === 'string' ? failure(422, 'UNPROCESSABLE_ENTITY', made) : fine(refundBody(world, made), 201);
}

function saleOf(world: FakePaypalWorld, id: string) {
  const payment = world.payments.get(id);
  return payment?.subscriptionId ? payment : undefined;
}

function createSubscription(world: FakePaypalWorld, { body }: Call): Answer {
  const plan = world.plans.get(String(body['plan_id']));
  if (plan === undefined) return GONE;
  if (plan.status !== 'ACTIVE') return failure(422, 'UNPROCESSABLE_ENTITY', 'PLAN_STATUS_INVALID');
  const context = (body['application_context'] ?? {}) as { return_url?: string; cancel_url?: string };
  const at = world.now();
  const subscription: FakeSubscription = {
    ...{ kind: 'subscription', id: world.nextId('I-'), status: 'APPROVAL_PENDING', statusAt: at, planId: plan.id },
    quantity: Number(body['quantity'] ?? 1),
    customId: (body['custom_id'] as string | undefined) ?? null,
    ...{ startedAt: at, createdAt: at, buyer: null, nextAt: null, revision: null },
    ...{ returnUrl: context.return_url ?? '', cancelUrl: context.cancel_url ?? '' },
    ...{ cyclesDone: { trial: 0, regular: 0 }, failed: { count: 0, at: null } },
  };
  world.subscriptions.set(subscription.id, subscription);
  return fine(subscriptionBody(world, subscription), 201);
}

function showSubscription(world: FakePaypalWorld, _: Call, id: string): Answer {
  return shown(world.subscriptions.get(id), (it) => subscriptionBody(world, it));
}

function listSubscriptions(world: FakePaypalWorld, { query }: Call): Answer {
  const statuses = query.get('statuses')?.split(',');
  const all = [...world.subscriptions.values()].filter(({ status }) => statuses?.includes(status) ?? true);
  const size = Number(query.get('page_size') ?? 10);
  const page = Number(query.get('page') ?? 1);
  const subscriptions = all.slice((page - 1) * size, page * size).map((it) => subscriptionBody(world, it));
  return fine({ subscriptions, total_items: all.length, total_pages: Math.ceil(all.length / size) });
}

function listTransactions(world: FakePaypalWorld, { query }: Call, id: string): Answer {
  const subscription = world.subscriptions.get(id);
  if (subscription === undefined) return GONE;
  const [from, until] = [query.get('start_time'), query.get('end_time')].map((text) => Date.parse(text ?? ''));
  if (!Number.isFinite(from) || !Number.isFinite(until))
    return failure(400, 'INVALID_REQUEST', 'MISSING_REQUIRED_PARAMETER');
  const theirs = [...world.payments.values()].filter(
    (each) => each.subscriptionId === id && each.at >= (from ?? 0) && each.at <= (until ?? 0),
  );
  return fine({ transactions: theirs.map((each) => transactionBody(each, subscription.buyer)) });
}

function acting(status: 'CANCELLED' | 'SUSPENDED' | 'ACTIVE', from: string[]): Route {
  return async (world, _, id) => {
    const subscription = world.subscriptions.get(id);
    if (subscription === undefined) return GONE;
    if (!from.includes(subscription.status)) {
      return failure(422, 'UNPROCESSABLE_ENTITY', 'SUBSCRIPTION_STATUS_INVALID');
    }
    await changeStatus(world, id, status);
    return { status: 204 };
  };
}

/** The buyer has to agree, unless nothing but a smaller quantity of the same plan is asked for. */
async function revise(world: FakePaypalWorld, { body }: Call, id: string): Promise<Answer> {
  const subscription = world.subscriptions.get(id);
  const planId = String(body['plan_id'] ?? subscription?.planId);
  if (subscription === undefined || !world.plans.has(planId)) return GONE;
  const quantity = Number(body['quantity'] ?? subscription.quantity);
  const wanted = { plan_id: planId, quantity: String(quantity) };
  if (planId === subscription.planId && quantity <= subscription.quantity) {
    subscription.quantity = quantity;
    await tellSubscription(world, 'UPDATED', subscription);
    return fine({ ...wanted, links: [] });
  }
  subscription.revision = { planId, quantity };
  return fine({ ...wanted, links: [{ href: `${world.url}/pay/${id}`, rel: 'approve', method: 'GET' }] });
}

/** As the list shows them: without the transactions and the outcome. */
function listDisputes(world: FakePaypalWorld, { query }: Call): Answer {
  const transaction = query.get('disputed_transaction_id');
  const found = [...world.disputes.values()].filter(
    (it) => transaction === null || it.paymentIds.includes(transaction),
  );
  const items = found.map((it) => {
    const { disputed_transactions: _, dispute_outcome: __, ...head } = disputeBody(world, it);
    return head;
  });
  return fine({ items, links: [] });
}

function showDispute(world: FakePaypalWorld, _: Call, id: string): Answer {
  return shown(world.disputes.get(id), (it) => disputeBody(world, it));
}

function webhookBody({ id, url, types }: { id: string; url: string; types: string[] }): unknown {
  return { id, url, event_types: types.map((name) => ({ name, status: 'ENABLED' })), links: [] };
}

function createWebhook(world: FakePaypalWorld, { body }: Call): Answer {
  const url = String(body['url']);
  if ([...world.webhooks.values()].some((each) => each.url === url)) {
    return failure(400, 'WEBHOOK_URL_ALREADY_EXISTS');
  }
  const types = (body['event_types'] as { name: string }[]).map(({ name }) => name);
  const webhook = { id: world.nextId('WH'), url, types };
  world.webhooks.set(webhook.id, webhook);
  return fine(webhookBody(webhook), 201);
}

function patchWebhook(world: FakePaypalWorld, { body }: Call, id: string): Answer {
  const webhook = world.webhooks.get(id);
  if (webhook === undefined) return GONE;
  for (const { path, value } of body as unknown as { path: string; value: unknown }[]) {
    if (path === '/url') webhook.url = String(value);
    if (path === '/event_types') webhook.types = (value as { name: string }[]).map(({ name }) => name);
  }
  return fine(webhookBody(webhook));
}

/** The newest first, and no more than thirty days back. */
function listEvents(world: FakePaypalWorld, { query }: Call): Answer {
  const from = Date.parse(query.get('start_time') ?? instant(world.now() - 30 * 24 * 3_600_000));
  const until = Date.parse(query.get('end_time') ?? instant(world.now() + 1_000));
  const size = Number(query.get('page_size') ?? 10);
  const offset = Number(query.get('offset') ?? 0);
  if (from < world.now() - 31 * 24 * 3_600_000) return failure(400, 'VALIDATION_ERROR', 'INVALID_START_TIME');
  const all = world.events.filter(
    ({ create_time }) => Date.parse(create_time) >= from && Date.parse(create_time) <= until,
  );
  const page = all.reverse().slice(offset, offset + size);
  const next = new URLSearchParams(query);
  next.set('offset', String(offset + size));
  const href = `https://api.sandbox.paypal.com/v1/notifications/webhooks-events?${next}`;
  const links = offset + size < all.length ? [{ href, rel: 'next', method: 'GET' }] : [];
  return fine({ events: page, count: page.length, links });
}
