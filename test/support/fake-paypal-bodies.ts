import {
  type FakeDispute,
  type FakeOrder,
  type FakePayment,
  type FakePaypalWorld,
  type FakePlan,
  type FakeRefund,
  type FakeSubscription,
  instant,
  money,
  refundedOf,
  textOf,
} from './fake-paypal-world.ts';

/** Things in the shape in which PayPal shows them. */

export function orderBody(world: FakePaypalWorld, order: FakeOrder): Record<string, unknown> {
  const captures = [...world.payments.values()].filter(({ orderId }) => orderId === order.id);
  const refunds = [...world.refunds.values()].filter(({ paymentId }) => captures.some(({ id }) => id === paymentId));
  const payments =
    captures.length === 0
      ? {}
      : {
          payments: {
            captures: captures.map((capture) => captureBody(world, capture)),
            ...(refunds.length === 0 ? {} : { refunds: refunds.map((refund) => refundBody(world, refund)) }),
          },
        };
  return {
    id: order.id,
    intent: 'CAPTURE',
    status: order.status,
    purchase_units: [{ ...order.unit, ...payments }],
    ...(order.buyer ? { payer: subscriberBody(order.buyer) } : {}),
    create_time: instant(order.createdAt),
    update_time: instant(order.updatedAt),
    links: [
      { href: `${world.url}/v2/checkout/orders/${order.id}`, rel: 'self', method: 'GET' },
      { href: `${world.url}/pay/${order.id}`, rel: 'approve', method: 'GET' },
    ],
  };
}

export function captureBody(world: FakePaypalWorld, capture: FakePayment): Record<string, unknown> {
  const order = world.orders.get(capture.orderId ?? '');
  return {
    id: capture.id,
    status: capture.status,
    ...(capture.status === 'PENDING' ? { status_details: { reason: 'ECHECK' } } : {}),
    amount: money(capture.amount, capture.currency),
    final_capture: true,
    ...(order ? { custom_id: order.unit['custom_id'], invoice_id: order.unit['invoice_id'] } : {}),
    ...(order ? { supplementary_data: { related_ids: { order_id: order.id } } } : {}),
    create_time: instant(capture.at),
    update_time: instant(capture.updatedAt),
    links: [{ href: `${world.url}/v2/payments/captures/${capture.id}`, rel: 'self', method: 'GET' }],
  };
}

export function refundBody(world: FakePaypalWorld, refund: FakeRefund): Record<string, unknown> {
  return {
    id: refund.id,
    status: refund.status,
    amount: money(refund.amount, refund.currency),
    note_to_payer: refund.note,
    create_time: instant(refund.at),
    update_time: instant(refund.at),
    links: [
      { href: `${world.url}/v2/payments/refunds/${refund.id}`, rel: 'self', method: 'GET' },
      { href: `${world.url}/v2/payments/captures/${refund.paymentId}`, rel: 'up', method: 'GET' },
    ],
  };
}

const SALE_STATES: Record<string, string> = { DECLINED: 'denied' };

/** The old shape, in which payments of subscriptions are told. */
export function saleBody(world: FakePaypalWorld, sale: FakePayment): Record<string, unknown> {
  return {
    id: sale.id,
    state: SALE_STATES[sale.status] ?? sale.status.toLowerCase(),
    amount: { total: textOf(sale.amount, sale.currency), currency: sale.currency },
    payment_mode: 'INSTANT_TRANSFER',
    billing_agreement_id: sale.subscriptionId,
    custom: world.subscriptions.get(sale.subscriptionId ?? '')?.customId ?? undefined,
    create_time: instant(sale.at),
    update_time: instant(sale.updatedAt),
    links: [{ href: `${world.url}/v1/payments/sale/${sale.id}`, rel: 'self', method: 'GET' }],
  };
}

export function saleRefundBody(world: FakePaypalWorld, refund: FakeRefund): Record<string, unknown> {
  return {
    id: refund.id,
    sale_id: refund.paymentId,
    state: refund.status.toLowerCase(),
    amount: { total: textOf(refund.amount, refund.currency), currency: refund.currency },
    total_refunded_amount: { value: textOf(refundedOf(world, refund.paymentId), refund.currency) },
    create_time: instant(refund.at),
    update_time: instant(refund.at),
    links: [{ href: `${world.url}/v1/payments/refund/${refund.id}`, rel: 'self', method: 'GET' }],
  };
}

export function planBody(plan: FakePlan): Record<string, unknown> {
  const { currency, interval, trial } = plan;
  const regular = {
    pricing_scheme: { version: 1, fixed_price: money(plan.price, currency) },
    frequency: { interval_unit: interval.unit, interval_count: interval.count },
    ...{ tenure_type: 'REGULAR', sequence: trial ? 2 : 1, total_cycles: 0 },
  };
  const before = trial && {
    ...(trial.price === 0 ? {} : { pricing_scheme: { version: 1, fixed_price: money(trial.price, currency) } }),
    frequency: { interval_unit: trial.unit, interval_count: trial.count },
    ...{ tenure_type: 'TRIAL', sequence: 1, total_cycles: trial.cycles },
  };
  const fee = plan.setupFee === 0 ? {} : { setup_fee: money(plan.setupFee, currency) };
  return {
    ...{ id: plan.id, product_id: 'PROD-1', name: plan.name, status: plan.status, quantity_supported: true },
    billing_cycles: before ? [before, regular] : [regular],
    payment_preferences: { auto_bill_outstanding: true, payment_failure_threshold: 0, ...fee },
  };
}

export function subscriptionBody(world: FakePaypalWorld, subscription: FakeSubscription): Record<string, unknown> {
  const { id, failed, buyer } = subscription;
  const currency = world.plans.get(subscription.planId)?.currency ?? 'EUR';
  const paid = [...world.payments.values()].filter((each) => each.subscriptionId === id && each.status !== 'DECLINED');
  const last = paid.at(-1);
  const lastPayment = last && { last_payment: { amount: money(last.amount, currency), time: instant(last.at) } };
  const amount = money(world.plans.get(subscription.planId)?.price ?? 0, currency);
  const lastFailed = failed.at !== null && { last_failed_payment: { amount, time: instant(failed.at) } };
  const begun = ['APPROVAL_PENDING', 'APPROVED'].includes(subscription.status) ? {} : billing();
  function billing() {
    const outstanding = money(failed.count * (world.plans.get(subscription.planId)?.price ?? 0), currency);
    const cycles = [
      { tenure_type: 'TRIAL', sequence: 1, cycles_completed: subscription.cyclesDone.trial },
      { tenure_type: 'REGULAR', sequence: 2, cycles_completed: subscription.cyclesDone.regular },
    ];
    const next = subscription.nextAt === null ? {} : { next_billing_time: instant(subscription.nextAt) };
    const count = { outstanding_balance: outstanding, cycle_executions: cycles, failed_payments_count: failed.count };
    return { billing_info: { ...count, ...lastPayment, ...lastFailed, ...next } };
  }
  return {
    ...{ id, plan_id: subscription.planId, status: subscription.status, plan_overridden: false },
    status_update_time: instant(subscription.statusAt),
    start_time: instant(subscription.startedAt),
    quantity: String(subscription.quantity),
    ...(subscription.customId === null ? {} : { custom_id: subscription.customId }),
    ...(buyer ? { subscriber: subscriberBody(buyer) } : {}),
    ...begun,
    create_time: instant(subscription.createdAt),
    links: [
      { href: `${world.url}/v1/billing/subscriptions/${id}`, rel: 'self', method: 'GET' },
      { href: `${world.url}/pay/${id}`, rel: 'approve', method: 'GET' },
    ],
  };
}

function subscriberBody(buyer: NonNullable<FakeOrder['buyer']>): Record<string, unknown> {
  const name = { given_name: buyer.givenName, surname: buyer.surname };
  return { email_address: buyer.email, payer_id: buyer.payerId, name };
}

export function transactionBody(payment: FakePayment, buyer: FakeOrder['buyer']): Record<string, unknown> {
  return {
    ...{ id: payment.id, status: payment.status, time: instant(payment.at), payer_email: buyer?.email },
    amount_with_breakdown: { gross_amount: money(payment.amount, payment.currency) },
  };
}

export function disputeBody(world: FakePaypalWorld, dispute: FakeDispute): Record<string, unknown> {
  const { currency, outcome } = dispute;
  const transactions = dispute.paymentIds.map((id) => {
    const payment = world.payments.get(id);
    const gross = payment ? { gross_amount: money(payment.amount, payment.currency) } : {};
    return { seller_transaction_id: id, buyer_transaction_id: `B${id}`, transaction_status: 'COMPLETED', ...gross };
  });
  const refunded = outcome?.refunded ?? null;
  return {
    ...{ dispute_id: dispute.id, reason: dispute.reason, status: dispute.status },
    disputed_transactions: transactions,
    dispute_state: dispute.status === 'RESOLVED' ? 'RESOLVED' : 'OPEN_INQUIRIES',
    dispute_life_cycle_stage: dispute.stage,
    dispute_channel: 'INTERNAL',
    dispute_amount: money(dispute.amount, currency),
    ...(dispute.dueAt === null ? {} : { seller_response_due_date: instant(dispute.dueAt) }),
    ...(outcome === null
      ? {}
      : {
          dispute_outcome: {
            outcome_code: outcome.code,
            ...(refunded === null ? {} : { amount_refunded: money(refunded, currency) }),
          },
        }),
    create_time: instant(dispute.at),
    update_time: instant(world.now()),
    links: [{ href: `${world.url}/v1/customer/disputes/${dispute.id}`, rel: 'self', method: 'GET' }],
  };
}
