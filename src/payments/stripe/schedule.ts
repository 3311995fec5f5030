import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import { ask } from './client.ts';
import { idOf } from './words.ts';

interface NewItem {
  itemId: string;
  priceId: string;
  quantity: number;
}

/**
 * A schedule: the running period stays as it is, and the next one begins with the new item. A plain change without proration would
 * show the new price at once, though it is not paid for yet.
 */
export async function changeAtPeriodEnd(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  to: NewItem,
  key: string,
): Promise<void> {
  const items = subscription.items.data;
  if (!items.some(({ id }) => id === to.itemId))
    throw new PaymentTrouble('refused', 'the subscription has no such item');
  // The plan would take the cancellation back, and charge who has canceled.
  if (subscription.cancel_at_period_end || subscription.cancel_at !== null)
    throw new PaymentTrouble('refused', 'the subscription is canceled; take that back first');
  const price = await ask(stripe.prices.retrieve(to.priceId), 'price');
  if (!price.recurring) throw new PaymentTrouble('refused', `the price ${to.priceId} is not charged again and again`);
  const { interval, interval_count } = price.recurring;
  const schedule = await scheduleOf(stripe, subscription, key);
  const running = schedule.current_phase;
  if (!running) throw new PaymentTrouble('refused', 'the schedule of the subscription does not run');
  const same = items.map(asItIs);
  const next = items.map((item) =>
    item.id === to.itemId ? { price: to.priceId, quantity: to.quantity } : asItIs(item),
  );
  const { metadata } = subscription;
  const params: Stripe.SubscriptionScheduleUpdateParams = {
    end_behavior: 'release',
    phases: [
      {
        items: same,
        metadata,
        start_date: running.start_date,
        end_date: periodEndOf(items),
        proration_behavior: 'none',
      },
      { items: next, metadata, duration: { interval, interval_count }, proration_behavior: 'none' },
    ],
  };
  await ask(
    stripe.subscriptionSchedules.update(schedule.id, params, { idempotencyKey: `${key}-phases` }),
    'subscription_schedule',
  );
}

/** What is billed by a meter has no quantity, and Stripe takes none. */
function asItIs({ price, quantity }: Stripe.SubscriptionItem) {
  return { price: price.id, ...(quantity === undefined ? {} : { quantity }) };
}

function periodEndOf(items: readonly Stripe.SubscriptionItem[]): number {
  return Math.max(...items.map((item) => item.current_period_end));
}

async function scheduleOf(
  stripe: Stripe,
  { id, schedule }: Stripe.Subscription,
  key: string,
): Promise<Stripe.SubscriptionSchedule> {
  const standing = idOf(schedule);
  const asked = standing
    ? stripe.subscriptionSchedules.retrieve(standing)
    : stripe.subscriptionSchedules.create({ from_subscription: id }, { idempotencyKey: `${key}-schedule` });
  return ask(asked, 'subscription_schedule');
}

/** What was planned is given up; the subscription goes on by itself. */
export async function releaseSchedule(stripe: Stripe, { schedule }: Stripe.Subscription, key: string): Promise<void> {
  const id = idOf(schedule);
  if (id === null) return;
  const options = { idempotencyKey: `${key}-release` };
  await ask(stripe.subscriptionSchedules.release(id, {}, options), 'subscription_schedule');
}
