import type { Tx } from '../db/dialect.ts';

/** What is not over yet, a page of it at a time, in the order of ids. */
export interface OpenThing {
  id: string;
  /** The external id of what is looked at. */
  externalId: string;
}

export interface OpenPage {
  accountId: string;
  after: string;
  most: number;
}

function things(rows: { id: string; external_id: string }[]): OpenThing[] {
  return rows.map(({ id, external_id: externalId }) => ({ id, externalId }));
}

/** Orders whose buyer is still on his way, made in that time. */
export async function openOrders(
  tx: Tx,
  { accountId, after, most }: OpenPage,
  { since, until }: { since: string; until: string },
): Promise<OpenThing[]> {
  const query = tx('orders')
    .where({ account_id: accountId })
    .whereIn('state', ['open', 'processing'])
    .whereNotNull('external_id')
    .whereBetween('created_at', [since, until])
    .where('id', '>', after);
  return things(await query.orderBy('id').limit(most).select('id', 'external_id'));
}

/** Subscriptions that may still change by themselves and were not looked at since. */
export async function runningSubscriptions(
  tx: Tx,
  { accountId, after, most }: OpenPage,
  fetchedBefore: string,
): Promise<OpenThing[]> {
  const query = tx('subscriptions')
    .where({ account_id: accountId })
    .whereNotIn('state', ['canceled', 'expired'])
    .where('fetched_at', '<=', fetchedBefore)
    .where('id', '>', after);
  return things(await query.orderBy('id').limit(most).select('id', 'external_id'));
}

/** Orders and subscriptions that a payment is under way for; the second by `subscription`. */
export async function pendingPayments(
  tx: Tx,
  { accountId, after, most }: OpenPage,
): Promise<(OpenThing & { subscription: boolean })[]> {
  const rows = await tx('payments as p')
    .leftJoin('subscriptions as s', 's.id', 'p.subscription_id')
    .leftJoin('orders as o', 'o.id', 'p.order_id')
    .where({ 'p.account_id': accountId, 'p.state': 'pending' })
    .where('p.id', '>', after)
    .orderBy('p.id')
    .limit(most)
    .select('p.id', 's.external_id as subscription_ext', 'o.external_id as order_ext');
  return rows.map(({ id, subscription_ext: ofSubscription, order_ext: ofOrder }) => ({
    id,
    externalId: ofSubscription ?? ofOrder ?? '',
    subscription: ofSubscription !== null,
  }));
}
