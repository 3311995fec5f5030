import sdk from '@paypal/checkout-server-sdk';
import type { CheckoutFact, PaymentFact, PaymentLine, Snapshot } from '../facts.ts';
import type { Known } from '../gateway.ts';
import { demand, issuesOf, look, type Paypal, refusal } from './calls.ts';
import { toMinor } from './money.ts';
import { moneyBack, type Paid, refundedId, refundOf } from './money-back.ts';
import { type Capture, type Money, nameOf, Order, ourOrder, type Unit, webUrl } from './shapes.ts';

const PAYMENT_STATES: Record<string, PaymentFact['state']> = {
  COMPLETED: 'paid',
  PARTIALLY_REFUNDED: 'paid',
  REFUNDED: 'paid',
  PENDING: 'pending',
  DECLINED: 'failed',
  FAILED: 'failed',
};

const CHECKOUT_STATES: Record<string, CheckoutFact['state']> = {
  CREATED: 'open',
  SAVED: 'open',
  PAYER_ACTION_REQUIRED: 'open',
  APPROVED: 'open',
  VOIDED: 'failed',
};

/** The buyer has to choose another way to pay, or to agree once more: the order stays open for him. */
const UP_TO_THE_BUYER = [
  'INSTRUMENT_DECLINED',
  'ORDER_NOT_APPROVED',
  'PAYER_ACTION_REQUIRED',
  'PAYER_CANNOT_PAY',
  'REDIRECT_PAYER_FOR_ALTERNATE_FUNDING',
  'TRANSACTION_REFUSED',
];

/**
 * An order with all that came of it. One of ours that the buyer has agreed to is captured here, by whatever road we hear of it: he may
 * never come back to our page.
 */
export async function readOrder(paypal: Paypal, orderId: string, known?: Known): Promise<Snapshot | null> {
  const found = await look(paypal, new sdk.orders.OrdersGetRequest(orderId), Order);
  if (found === null) return null;
  // Anybody may write an order id of ours into an order of his: money is taken only for one that we have sent a buyer to.
  const isOurs = known?.isOrdered !== false;
  const order = isOurs && isToCapture(found) ? await captured(paypal, found) : found;
  const [unit] = order.purchase_units;
  const payments = unit.payments.captures.map((capture) => paymentOf(paypal, order.id, unit, capture));
  const listed = unit.payments.refunds.flatMap((refund) => {
    const of = refundedId(refund) ?? payments[0]?.externalId;
    return of === undefined ? [] : [refundOf(paypal, refund, of)];
  });
  const back = await moneyBack(paypal, payments, listed, known);
  return { checkout: checkoutOf(order, payments), subscription: null, payments: payments.map(plain), ...back };
}

/** Another shop may use the same account and capture its orders itself. */
function isToCapture(order: Order): boolean {
  return order.status === 'APPROVED' && order.intent === 'CAPTURE' && orderIdOf(order) !== null;
}

/**
 * The key names the state that is captured too: an order that was declined and agreed to once more must not be answered with what was
 * said the first time. Twice is never taken: the second capture of an order is ORDER_ALREADY_CAPTURED.
 */
async function captured(paypal: Paypal, order: Order): Promise<Order> {
  const key = `${order.id}-${Date.parse(order.update_time ?? '') || 0}`;
  const request = new sdk.orders.OrdersCaptureRequest(order.id).payPalRequestId(key).prefer('return=representation');
  const answer = await paypal.execute(request.requestBody({}));
  const issues = issuesOf(answer);
  if (answer.statusCode < 300) {
    const whole = Order.safeParse(answer.result);
    if (whole.success && whole.data.purchase_units[0].payments.captures.length > 0) return whole.data;
  } else if (!issues.includes('ORDER_ALREADY_CAPTURED')) {
    if (issues.some((issue) => UP_TO_THE_BUYER.includes(issue))) return order;
    throw refusal(answer, request);
  }
  const again = new sdk.orders.OrdersGetRequest(order.id);
  return demand(await paypal.execute(again), Order, again);
}

/** Ours have one unit. */
function orderIdOf(order: Order): string | null {
  return order.purchase_units.length === 1 ? ourOrder(order.purchase_units[0].custom_id) : null;
}

function checkoutOf(order: Order, payments: readonly PaymentFact[]): CheckoutFact {
  const [unit] = order.purchase_units;
  const { amount } = unit;
  const totalMinor = minorOf(amount);
  const paid = payments.find(({ state }) => state === 'paid') ?? payments[0];
  return {
    externalId: order.id,
    orderId: orderIdOf(order),
    state: stateOf(order.status, payments),
    providerState: order.status,
    currency: amount.currency_code,
    subtotalMinor: amount.breakdown?.item_total ? minorOf(amount.breakdown.item_total) : totalMinor,
    discountMinor: amount.breakdown?.discount ? minorOf(amount.breakdown.discount) : 0,
    taxMinor: amount.breakdown?.tax_total ? minorOf(amount.breakdown.tax_total) : 0,
    totalMinor,
    lines: linesOf(unit).map(({ priceId, quantity, amountMinor }) => ({ priceId, quantity, amountMinor })),
    email: order.payer?.email_address ?? null,
    name: nameOf(order.payer),
    externalCustomerId: order.payer?.payer_id ?? null,
    paymentId: paid?.externalId ?? null,
    subscriptionId: null,
  };
}

function stateOf(status: string, payments: readonly PaymentFact[]): CheckoutFact['state'] {
  if (status !== 'COMPLETED') return CHECKOUT_STATES[status] ?? 'unknown';
  const is = (wanted: PaymentFact['state']) => payments.some(({ state }) => state === wanted);
  if (is('paid')) return 'paid';
  if (is('pending')) return 'processing';
  return is('failed') ? 'failed' : 'unknown';
}

/** The price of ours that was sold stands where shops write their article number. */
function linesOf({ items }: Unit): PaymentLine[] {
  return items.map(({ quantity, unit_amount, sku }, at) => ({
    ...{ id: String(at + 1), item: null, priceId: sku ?? null, quantity: Number(quantity) },
    amountMinor: minorOf(unit_amount) * Number(quantity),
    ...{ start: null, end: null, proration: false },
  }));
}

/** `create_time` stands still; the other instant moves with every refund. */
function paymentOf(paypal: Paypal, checkoutId: string, unit: Unit, capture: Capture): Paid {
  const state = PAYMENT_STATES[capture.status] ?? 'unknown';
  const at = Date.parse(capture.create_time);
  return {
    externalId: capture.id,
    ...{ kind: 'one_off', checkoutId, subscriptionId: null, state, providerState: capture.status },
    amountMinor: minorOf(capture.amount),
    currency: capture.amount.currency_code,
    paidAt: state === 'paid' ? at : null,
    failedAt: state === 'failed' ? at : null,
    lines: linesOf(unit),
    aliases: [],
    url: webUrl(paypal.account.mode, `/activity/payment/${capture.id}`),
    customerUrl: null,
  };
}

export function plain({ providerState: _, ...payment }: Paid): PaymentFact {
  return payment;
}

function minorOf({ value, currency_code }: Money): number {
  return toMinor(value, currency_code);
}
