import {
  captureBody,
  disputeBody,
  orderBody,
  refundBody,
  saleBody,
  saleRefundBody,
  subscriptionBody,
} from './fake-paypal-bodies.ts';
import {
  type FakeBuyer,
  type FakeDispute,
  type FakeOrder,
  type FakePayment,
  type FakePaypalWorld,
  type FakePlan,
  type FakeRefund,
  type FakeSubscription,
  refundedOf,
  settleStatus,
} from './fake-paypal-world.ts';

/** What happens at PayPal: by the buyer, by the vendor on paypal.com, or by time. Each tells the webhooks. */

const SOMEBODY: FakeBuyer = {
  email: 'buyer@example.com',
  givenName: 'Berta',
  surname: 'Käufer',
  payerId: 'PAYERBERTA001',
};

export function must<T>(found: T | undefined, id: string): T {
  if (found === undefined) throw new Error(`the fake PayPal knows no ${id}`);
  return found;
}

/** The buyer agrees to an order, a subscription, or a revision of one. */
export async function approve(world: FakePaypalWorld, id: string, buyer: Partial<FakeBuyer> = {}): Promise<void> {
  const order = world.orders.get(id);
  if (order) {
    order.status = 'APPROVED';
    order.updatedAt = world.now();
    order.buyer = { ...SOMEBODY, ...buyer };
    return world.emit('CHECKOUT.ORDER.APPROVED', 'checkout-order', orderBody(world, order), '2.0');
  }
  const subscription = must(world.subscriptions.get(id), id);
  if (subscription.revision) return agree(world, subscription);
  subscription.buyer = { ...SOMEBODY, ...buyer };
  subscription.startedAt = world.now();
  setStatus(world, subscription, 'ACTIVE');
  const charged = advance(world, subscription, world.now());
  await tellSubscription(world, 'ACTIVATED', subscription);
  if (charged) await world.emit('PAYMENT.SALE.COMPLETED', 'sale', saleBody(world, charged));
}

async function agree(world: FakePaypalWorld, subscription: FakeSubscription): Promise<void> {
  Object.assign(subscription, subscription.revision, { revision: null });
  await tellSubscription(world, 'UPDATED', subscription);
}

/** Answers the capture, or why there is none. */
export async function capture(
  world: FakePaypalWorld,
  order: FakeOrder,
): Promise<'ORDER_NOT_APPROVED' | 'ORDER_ALREADY_CAPTURED' | 'INSTRUMENT_DECLINED' | FakePayment> {
  if (order.status === 'COMPLETED') return 'ORDER_ALREADY_CAPTURED';
  if (order.status !== 'APPROVED') return 'ORDER_NOT_APPROVED';
  const status = world.nextCaptures.shift() ?? 'COMPLETED';
  if (status === 'INSTRUMENT_DECLINED') return status;
  order.status = 'COMPLETED';
  order.updatedAt = world.now();
  const payment = pay(world, { orderId: order.id, status, currency: order.currency, amount: order.total });
  await world.emit(`PAYMENT.CAPTURE.${status}`, 'capture', captureBody(world, payment), '2.0');
  return payment;
}

/** An eCheck arrives, or does not. */
export async function settle(world: FakePaypalWorld, id: string, status: 'COMPLETED' | 'DECLINED'): Promise<void> {
  const payment = must(world.payments.get(id), id);
  payment.status = status;
  payment.updatedAt = world.now();
  if (payment.orderId) await world.emit(`PAYMENT.CAPTURE.${status}`, 'capture', captureBody(world, payment), '2.0');
  else await world.emit(`PAYMENT.SALE.${status === 'DECLINED' ? 'DENIED' : status}`, 'sale', saleBody(world, payment));
}

/** The next cycle of a subscription is charged, now, or the charge fails. Gives the id of the payment that succeeded. */
export async function charge(world: FakePaypalWorld, id: string, outcome: 'paid' | 'failed'): Promise<string | null> {
  const subscription = must(world.subscriptions.get(id), id);
  if (outcome === 'failed') {
    const plan = must(world.plans.get(subscription.planId), subscription.planId);
    pay(world, {
      ...forSubscription(subscription, plan),
      status: 'DECLINED',
      amount: plan.price * subscription.quantity,
    });
    subscription.failed = { count: subscription.failed.count + 1, at: world.now() };
    await tellSubscription(world, 'PAYMENT.FAILED', subscription);
    return null;
  }
  subscription.failed = { ...subscription.failed, count: 0 };
  const payment = advance(world, subscription, subscription.nextAt ?? world.now());
  if (payment) await world.emit('PAYMENT.SALE.COMPLETED', 'sale', saleBody(world, payment));
  return payment?.id ?? null;
}

export async function changeStatus(world: FakePaypalWorld, id: string, status: keyof typeof TOLD): Promise<void> {
  const subscription = must(world.subscriptions.get(id), id);
  const again = subscription.status === 'SUSPENDED' && status === 'ACTIVE';
  setStatus(world, subscription, status);
  if (status === 'CANCELLED' || status === 'EXPIRED') subscription.nextAt = null;
  await tellSubscription(world, again ? 'RE-ACTIVATED' : TOLD[status], subscription);
}

const TOLD = { ACTIVE: 'ACTIVATED', SUSPENDED: 'SUSPENDED', CANCELLED: 'CANCELLED', EXPIRED: 'EXPIRED' };

export async function refund(
  world: FakePaypalWorld,
  paymentId: string,
  units: number | null,
  more: { status?: string; note?: string; reversed?: boolean } = {},
): Promise<FakeRefund | 'REFUND_AMOUNT_EXCEEDED'> {
  const payment = must(world.payments.get(paymentId), paymentId);
  const rest = payment.amount - refundedOf(world, paymentId);
  const amount = units ?? rest;
  if (amount > rest || rest === 0) return 'REFUND_AMOUNT_EXCEEDED';
  const { status = 'COMPLETED', note = '', reversed = false } = more;
  const made: FakeRefund = {
    ...{ id: world.nextId('R'), paymentId, status, amount, currency: payment.currency, at: world.now(), note },
  };
  world.refunds.set(made.id, made);
  settleStatus(world, payment);
  await tellRefund(world, made, reversed ? 'REVERSED' : 'REFUNDED');
  return made;
}

/** A refund that was pending; of one that fails the money comes back. */
export async function settleRefund(world: FakePaypalWorld, id: string, status: 'COMPLETED' | 'FAILED'): Promise<void> {
  const found = must(world.refunds.get(id), id);
  found.status = status;
  settleStatus(world, must(world.payments.get(found.paymentId), found.paymentId));
  await tellRefund(world, found, 'REFUNDED');
}

async function tellRefund(world: FakePaypalWorld, made: FakeRefund, word: 'REFUNDED' | 'REVERSED'): Promise<void> {
  const payment = must(world.payments.get(made.paymentId), made.paymentId);
  if (payment.orderId) await world.emit(`PAYMENT.CAPTURE.${word}`, 'refund', refundBody(world, made), '2.0');
  else await world.emit(`PAYMENT.SALE.${word}`, 'refund', saleRefundBody(world, made));
}

export async function dispute(
  world: FakePaypalWorld,
  paymentIds: string[],
  more: Partial<FakeDispute> = {},
): Promise<FakeDispute> {
  const payments = paymentIds.map((id) => must(world.payments.get(id), id));
  const made: FakeDispute = {
    ...{ id: world.nextId('PP-D-'), paymentIds, reason: 'MERCHANDISE_OR_SERVICE_NOT_RECEIVED' },
    ...{ status: 'WAITING_FOR_SELLER_RESPONSE', stage: 'CHARGEBACK', outcome: null, at: world.now() },
    amount: payments.reduce((sum, { amount }) => sum + amount, 0),
    currency: payments[0]?.currency ?? 'EUR',
    dueAt: world.now() + 10 * 24 * 3_600_000,
    ...more,
  };
  world.disputes.set(made.id, made);
  await world.emit('CUSTOMER.DISPUTE.CREATED', 'dispute', disputeBody(world, made));
  return made;
}

export async function changeDispute(world: FakePaypalWorld, id: string, change: Partial<FakeDispute>): Promise<void> {
  const found = must(world.disputes.get(id), id);
  Object.assign(found, change);
  const word = found.status === 'RESOLVED' ? 'RESOLVED' : 'UPDATED';
  await world.emit(`CUSTOMER.DISPUTE.${word}`, 'dispute', disputeBody(world, found));
}

export async function tellSubscription(
  world: FakePaypalWorld,
  word: string,
  subscription: FakeSubscription,
): Promise<void> {
  const body = subscriptionBody(world, subscription);
  await world.emit(`BILLING.SUBSCRIPTION.${word}`, 'subscription', body, '2.0');
}

function setStatus(world: FakePaypalWorld, subscription: FakeSubscription, status: string): void {
  subscription.status = status;
  subscription.statusAt = world.now();
}

/** One cycle further: the next charge is due then. null: there was nothing to charge. */
function advance(world: FakePaypalWorld, subscription: FakeSubscription, from: number): FakePayment | null {
  const plan = must(world.plans.get(subscription.planId), subscription.planId);
  const { cyclesDone } = subscription;
  const trial = plan.trial && cyclesDone.trial < plan.trial.cycles ? plan.trial : null;
  const first = cyclesDone.trial + cyclesDone.regular === 0;
  const price = (trial ? trial.price : plan.price) * subscription.quantity + (first ? plan.setupFee : 0);
  if (trial) cyclesDone.trial++;
  else cyclesDone.regular++;
  subscription.nextAt = later(from, trial ?? plan.interval);
  if (price === 0) return null;
  return pay(world, { ...forSubscription(subscription, plan), status: 'COMPLETED', amount: price });
}

function forSubscription({ id }: FakeSubscription, { currency }: FakePlan) {
  return { subscriptionId: id, currency };
}

function pay(
  world: FakePaypalWorld,
  payment: Pick<FakePayment, 'status' | 'currency' | 'amount'> & Partial<FakePayment>,
): FakePayment {
  const at = world.now();
  const made = { id: world.nextId(''), orderId: null, subscriptionId: null, at, updatedAt: at, ...payment };
  world.payments.set(made.id, made);
  return made;
}

/** The calendar's way, clipped to the last day of a shorter month. */
function later(from: number, { unit, count }: FakePlan['interval']): number {
  if (unit === 'DAY' || unit === 'WEEK') return from + count * (unit === 'WEEK' ? 7 : 1) * 24 * 3_600_000;
  const at = new Date(from);
  const day = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() + count * (unit === 'YEAR' ? 12 : 1));
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(day, last));
  return at.getTime();
}
