import { PaymentTrouble } from '../../errors.ts';
import type { SubscriptionFact } from '../facts.ts';
import type { GatewayAccount, ListedEvents } from '../gateway.ts';
import { askList, clientOf } from './client.ts';
import { EVENT_TYPES } from './events.ts';
import { subscriptionFactOf } from './facts-subscription.ts';
import { parseEvent } from './parse.ts';

const PAGE = 100;
const OURS = new Set<string>(EVENT_TYPES);

/** Stripe tells the newest first; each page is turned round. The filter by types takes 20 at most, so that is done here. */
export async function listEvents(account: GatewayAccount, since: number, page: string | null): Promise<ListedEvents> {
  const list = await askList(
    clientOf(account).events.list({
      created: { gte: Math.floor(since / 1_000) },
      limit: PAGE,
      ...(page === null ? {} : { starting_after: page }),
    }),
  );
  const events = list.data
    .map((event) => parseEvent(event))
    .flatMap((parsed) => (parsed.ok && OURS.has(parsed.event.type) ? [parsed.event] : []));
  return { events: events.reverse(), next: nextOf(list) };
}

/** Without those that are over: that is what Stripe lists where no status is asked for. */
export async function listSubscriptions(
  account: GatewayAccount,
  page: string | null,
): Promise<{ subscriptions: SubscriptionFact[]; next: string | null }> {
  const list = await askList(
    clientOf(account).subscriptions.list({
      limit: PAGE,
      expand: ['data.customer'],
      ...(page === null ? {} : { starting_after: page }),
    }),
  );
  const subscriptions = list.data
    .map((subscription) => subscriptionFactOf(subscription, subscription.items.data, null, account.mode))
    .filter(({ state }) => state !== 'expired' && state !== 'canceled');
  return { subscriptions, next: nextOf(list) };
}

function nextOf({ data, has_more }: { data: readonly { id: string }[]; has_more: boolean }): string | null {
  if (!has_more) return null;
  const last = data.at(-1);
  if (!last) throw new PaymentTrouble('bad_answer', 'a list of Stripe does not end');
  return last.id;
}
