import type Stripe from 'stripe';
import type { SubscriptionFact } from '../facts.ts';
import type { Mode } from '../gateway.ts';
import { currencyOf, dashboardUrl, idOf, instantOf, subscriptionStateOf } from './words.ts';

/** `checkoutId`: the session that made it, where that was looked for. */
export function subscriptionFactOf(
  subscription: Stripe.Subscription,
  items: readonly Stripe.SubscriptionItem[],
  checkoutId: string | null,
  mode: Mode,
): SubscriptionFact {
  const { status, pause_collection: paused } = subscription;
  const state = subscriptionStateOf(status);
  const periodEnd = instantOf(latest(items.map((item) => item.current_period_end)));
  return {
    externalId: subscription.id,
    orderId: subscription.metadata['order_id'] ?? null,
    licenseRef: subscription.metadata['license_id'] ?? subscription.metadata['license_key'] ?? null,
    checkoutId,
    // Nothing is charged while collection is paused, though the subscription goes on being active.
    state: paused && (state === 'active' || state === 'trialing') ? 'paused' : state,
    providerState: paused ? `${status}, collection paused` : status,
    items: items.map(({ id, price, quantity }) => ({ id, priceId: price.id, quantity: quantity ?? 1 })),
    currency: currencyOf(subscription.currency),
    externalCustomerId: idOf(subscription.customer),
    email: emailOf(subscription.customer),
    startedAt: instantOf(subscription.start_date),
    periodStart: instantOf(latest(items.map((item) => item.current_period_start))),
    periodEnd,
    cancelAt: instantOf(subscription.cancel_at) ?? (subscription.cancel_at_period_end ? periodEnd : null),
    canceledAt: instantOf(subscription.canceled_at),
    endedAt: instantOf(subscription.ended_at),
    pausedAt: instantOf(subscription.status_details?.paused?.transitioned_at),
    failedAt: overdueSince(subscription),
    url: dashboardUrl(mode, `subscriptions/${subscription.id}`),
  };
}

function latest(seconds: readonly number[]): number | null {
  return seconds.length === 0 ? null : Math.max(...seconds);
}

function emailOf(customer: Stripe.Subscription['customer']): string | null {
  return typeof customer === 'object' && !customer.deleted ? customer.email : null;
}

/** An invoice that is sent for payment fails by its due date, without any try. */
function overdueSince({ status, collection_method, latest_invoice: invoice }: Stripe.Subscription): number | null {
  if (status !== 'past_due' || collection_method !== 'send_invoice') return null;
  return typeof invoice === 'object' && invoice?.status === 'open' ? instantOf(invoice.due_date) : null;
}
