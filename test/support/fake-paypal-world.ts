/** Amounts are in the smallest piece that PayPal knows of a currency: cents, or whole yen, forints and Taiwan dollars. */
export interface FakePlan {
  id: string;
  name: string;
  status: 'CREATED' | 'ACTIVE' | 'INACTIVE';
  currency: string;
  price: number;
  interval: { unit: 'DAY' | 'WEEK' | 'MONTH' | 'YEAR'; count: number };
  /** Before the regular cycle. */
  trial: { price: number; unit: 'DAY' | 'WEEK' | 'MONTH' | 'YEAR'; count: number; cycles: number } | null;
  setupFee: number;
}

export interface FakeBuyer {
  email: string;
  givenName: string;
  surname: string;
  payerId: string;
}

export interface FakeOrder {
  kind: 'order';
  id: string;
  status: string;
  /** As it was sent in. */
  unit: Record<string, unknown>;
  currency: string;
  total: number;
  returnUrl: string;
  cancelUrl: string;
  buyer: FakeBuyer | null;
  createdAt: number;
  updatedAt: number;
}

export interface FakeSubscription {
  kind: 'subscription';
  id: string;
  status: string;
  statusAt: number;
  planId: string;
  quantity: number;
  customId: string | null;
  startedAt: number;
  createdAt: number;
  returnUrl: string;
  cancelUrl: string;
  buyer: FakeBuyer | null;
  cyclesDone: { trial: number; regular: number };
  failed: { count: number; at: number | null };
  /** When it is charged next; null: never. Scenarios may set it wrong. */
  nextAt: number | null;
  /** What the buyer must agree to yet. */
  revision: { planId: string; quantity: number } | null;
}

/** A capture of an order, or a transaction of a subscription ("sale"). */
export interface FakePayment {
  id: string;
  orderId: string | null;
  subscriptionId: string | null;
  status: string;
  currency: string;
  amount: number;
  at: number;
  updatedAt: number;
}

export interface FakeRefund {
  id: string;
  paymentId: string;
  status: string;
  amount: number;
  currency: string;
  at: number;
  note: string;
}

export interface FakeDispute {
  id: string;
  paymentIds: string[];
  reason: string;
  status: string;
  stage: string;
  amount: number;
  currency: string;
  outcome: { code: string; refunded: number | null } | null;
  at: number;
  dueAt: number | null;
}

export interface FakeWebhook {
  id: string;
  url: string;
  types: string[];
}

export interface FakeEvent {
  id: string;
  event_version: string;
  resource_version: string;
  create_time: string;
  resource_type: string;
  event_type: string;
  summary: string;
  resource: unknown;
  links: { href: string; rel: string; method: string }[];
}

export interface FakePaypalWorld {
  url: string;
  now(): number;
  nextId(prefix: string): string;
  plans: Map<string, FakePlan>;
  orders: Map<string, FakeOrder>;
  subscriptions: Map<string, FakeSubscription>;
  /** In the order of their making. */
  payments: Map<string, FakePayment>;
  refunds: Map<string, FakeRefund>;
  disputes: Map<string, FakeDispute>;
  webhooks: Map<string, FakeWebhook>;
  /** What PayPal lists, oldest first. */
  events: FakeEvent[];
  /** What becomes of the next captures; then they are complete. */
  nextCaptures: ('COMPLETED' | 'PENDING' | 'DECLINED' | 'INSTRUMENT_DECLINED')[];
  /** Kinds of things that the application may not see: `disputes`, `subscriptions`. */
  closed: Set<string>;
  emit(type: string, resourceType: string, resource: unknown, version?: string): Promise<void>;
}

export interface Answer {
  status: number;
  body?: unknown;
}

const WHOLE_ONLY = ['JPY', 'HUF', 'TWD'];

export function unitsOf(value: string, currency: string): number {
  return Math.round(Number(value) * (WHOLE_ONLY.includes(currency) ? 1 : 100));
}

export function textOf(units: number, currency: string): string {
  return WHOLE_ONLY.includes(currency) ? String(units) : (units / 100).toFixed(2);
}

export function money(units: number, currency: string): { currency_code: string; value: string } {
  return { currency_code: currency, value: textOf(units, currency) };
}

/** PayPal's instants have no fractions of a second. */
export function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function failure(status: number, name: string, issue?: string): Answer {
  const details = issue === undefined ? {} : { details: [{ issue, description: `told of ${issue}` }] };
  return { status, body: { name, message: `The fake says ${name}.`, debug_id: 'f00dfeed', ...details } };
}

export const GONE = failure(404, 'RESOURCE_NOT_FOUND', 'INVALID_RESOURCE_ID');

export function refundedOf(world: FakePaypalWorld, paymentId: string): number {
  const counted = [...world.refunds.values()].filter((refund) => refund.paymentId === paymentId);
  return counted.filter(({ status }) => status === 'COMPLETED').reduce((sum, { amount }) => sum + amount, 0);
}

/** After a refund came, or came back. */
export function settleStatus(world: FakePaypalWorld, payment: FakePayment): void {
  const refunded = refundedOf(world, payment.id);
  payment.status = refunded === 0 ? 'COMPLETED' : refunded < payment.amount ? 'PARTIALLY_REFUNDED' : 'REFUNDED';
  payment.updatedAt = world.now();
}
