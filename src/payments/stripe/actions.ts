import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount, SubscriptionActions } from '../gateway.ts';
import { ask, clientOf } from './client.ts';
import { changeAtPeriodEnd, releaseSchedule } from './schedule.ts';

const find = (stripe: Stripe, id: string) => ask(stripe.subscriptions.retrieve(id), 'subscription');
const isOver = ({ status }: Stripe.Subscription) => status === 'canceled' || status === 'incomplete_expired';

/** Looks first, so that what is so already is no trouble, and what cannot be any more is told in words. */
async function change(
  account: GatewayAccount,
  id: string,
  key: string,
  paramsOf: (now: Stripe.Subscription) => Stripe.SubscriptionUpdateParams | null,
): Promise<void> {
  const stripe = clientOf(account);
  const now = await running(stripe, id);
  const params = paramsOf(now);
  if (params) await ask(stripe.subscriptions.update(id, params, { idempotencyKey: key }), 'subscription');
}

async function running(stripe: Stripe, id: string): Promise<Stripe.Subscription> {
  const now = await find(stripe, id);
  if (isOver(now)) throw new PaymentTrouble('refused', 'the subscription is over');
  return now;
}

async function cancel(account: GatewayAccount, id: string, when: 'period_end' | 'now', key: string): Promise<void> {
  const stripe = clientOf(account);
  const now = await find(stripe, id);
  if (isOver(now)) return;
  // Of a subscription with a schedule Stripe takes no cancellation.
  await releaseSchedule(stripe, now, key);
  if (when === 'now') {
    await ask(stripe.subscriptions.cancel(id, {}, { idempotencyKey: key }), 'subscription');
  } else if (!now.cancel_at_period_end) {
    const params = { cancel_at_period_end: true };
    await ask(stripe.subscriptions.update(id, params, { idempotencyKey: key }), 'subscription');
  }
}

function uncancel(account: GatewayAccount, id: string, key: string): Promise<void> {
  return change(account, id, key, (now) => {
    if (now.cancel_at_period_end) return { cancel_at_period_end: false };
    return now.cancel_at === null ? null : { cancel_at: '' };
  });
}

/** Invoices of the time between are void: nobody owes for a pause, and what was paid stays paid. */
function pause(account: GatewayAccount, id: string, key: string): Promise<void> {
  return change(account, id, key, (now) =>
    now.pause_collection || now.status === 'paused' ? null : { pause_collection: { behavior: 'void' } },
  );
}

async function resume(account: GatewayAccount, id: string, key: string): Promise<void> {
  const stripe = clientOf(account);
  const now = await running(stripe, id);
  // Paused as a whole, e.g. after a trial without a card: a new period begins, and is charged.
  if (now.status === 'paused') await ask(stripe.subscriptions.resume(id, {}, { idempotencyKey: key }), 'subscription');
  else if (now.pause_collection) {
    await ask(stripe.subscriptions.update(id, { pause_collection: '' }, { idempotencyKey: key }), 'subscription');
  }
}

type Change = NonNullable<SubscriptionActions['change']>;

/** Charged at once, and only what is paid for holds: until then Stripe keeps it as a pending update. */
const changeItem: Change = async (account, id, { itemId, priceId, quantity, when }, key) => {
  const stripe = clientOf(account);
  const now = await running(stripe, id);
  if (when === 'period_end') {
    await changeAtPeriodEnd(stripe, now, { itemId, priceId, quantity }, key);
    return { approvalUrl: null };
  }
  await releaseSchedule(stripe, now, key);
  const params: Stripe.SubscriptionUpdateParams = {
    items: [{ id: itemId, price: priceId, quantity }],
    proration_behavior: 'always_invoice',
    payment_behavior: 'pending_if_incomplete',
    expand: ['latest_invoice'],
  };
  const changed = await ask(stripe.subscriptions.update(id, params, { idempotencyKey: key }), 'subscription');
  const invoice = typeof changed.latest_invoice === 'object' ? changed.latest_invoice : null;
  return { approvalUrl: changed.pending_update ? (invoice?.hosted_invoice_url ?? null) : null };
};

export const subscriptionActions: SubscriptionActions = { cancel, uncancel, pause, resume, change: changeItem };
