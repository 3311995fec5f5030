import type { Knex } from 'knex';
import type { Tx } from '../db/dialect.ts';
import type { MoneyFilter, MoneyKind } from './money-filter.ts';

/** Finds orders, subscriptions, payments, refunds and disputes for people who look for them. */

/** When something happened, for `from` and `to`. */
const AT: Record<MoneyKind, string> = {
  order: 'created_at',
  subscription: 'created_at',
  payment: 'coalesce(paid_at, failed_at, created_at)',
  refund: 'at',
  dispute: 'at',
};

/** Ids, newest first. */
export async function moneyIds(
  tx: Tx,
  kind: MoneyKind,
  filter: MoneyFilter,
  before: string | null,
  limit: number,
): Promise<string[]> {
  const query = filtered(tx, kind, filter).orderBy('id', 'desc').limit(limit);
  return (before === null ? query : query.where('id', '<', before)).pluck('id');
}

export async function countMoney(tx: Tx, kind: MoneyKind, filter: MoneyFilter, most: number): Promise<number> {
  return (await filtered(tx, kind, filter).limit(most).select('id')).length;
}

function filtered(tx: Tx, kind: MoneyKind, filter: MoneyFilter): Knex.QueryBuilder {
  const { organizationId, mode, state, provider, externalId, trouble, from, to } = filter;
  const at = AT[kind];
  const query = tx(`${kind}s`).where({ organization_id: organizationId, mode });
  if (state !== undefined) query.where({ state });
  if (provider !== undefined) query.where({ provider });
  if (externalId !== undefined) query.where((own) => named(own, kind, externalId));
  if (from !== undefined) query.whereRaw(`${at} >= ?`, [from]);
  if (to !== undefined) query.whereRaw(`${at} < ?`, [to]);
  if (trouble !== undefined && kind !== 'refund' && kind !== 'dispute')
    query.where('trouble', trouble ? '<>' : '=', '');
  PARTIES[kind](tx, query, filter);
  return query;
}

/** A payment goes by several names. */
function named(query: Knex.QueryBuilder, kind: MoneyKind, externalId: string): void {
  query.where('external_id', externalId);
  if (kind !== 'payment') return;
  const text = JSON.stringify(externalId).replace(/[\\%_]/g, (sign) => `\\${sign}`);
  query.orWhereRaw(`charges like ? escape '\\'`, [`%${text}%`]);
}

/** Narrows a query down to what is somebody's, or belongs to another thing. */
const PARTIES: Record<MoneyKind, (tx: Tx, query: Knex.QueryBuilder, filter: MoneyFilter) => void> = {
  order(tx, query, filter) {
    ofBuyer(tx, query, filter);
    if (filter.orderId !== undefined) query.where('id', filter.orderId);
    if (filter.subscriptionId !== undefined)
      query.whereIn('id', tx('subscriptions').where('id', filter.subscriptionId).select('order_id'));
    if (filter.paymentId !== undefined)
      query.whereIn('id', tx('payments').where('id', filter.paymentId).select('order_id'));
  },
  subscription(tx, query, filter) {
    ofSubscriber(tx, query, filter);
    if (filter.orderId !== undefined) query.where('order_id', filter.orderId);
    if (filter.subscriptionId !== undefined) query.where('id', filter.subscriptionId);
    if (filter.paymentId !== undefined)
      query.whereIn('id', tx('payments').where('id', filter.paymentId).select('subscription_id'));
  },
  payment: ofPayer,
  refund: ofRefunded,
  dispute: ofRefunded,
};

type Who = Pick<MoneyFilter, 'organizationId' | 'customerId' | 'licenseId' | 'email'>;

function ofBuyer(tx: Tx, query: Knex.QueryBuilder, { organizationId, customerId, licenseId, email }: Who): void {
  if (customerId !== undefined) query.where('customer_id', customerId);
  if (licenseId !== undefined)
    query.whereIn('id', tx('order_lines').where({ license_id: licenseId }).select('order_id'));
  if (email !== undefined)
    query.where((own) =>
      own.whereRaw('lower(email) = ?', [email]).orWhereIn('customer_id', owners(tx, organizationId, email)),
    );
}

function ofSubscriber(tx: Tx, query: Knex.QueryBuilder, who: Who): void {
  const { organizationId, customerId, licenseId, email } = who;
  if (customerId !== undefined) query.where('customer_id', customerId);
  if (licenseId !== undefined) query.where('license_id', licenseId);
  if (email !== undefined)
    query.where((own) =>
      own
        .whereIn('customer_id', owners(tx, organizationId, email))
        .orWhereIn(
          'order_id',
          tx('orders').where({ organization_id: organizationId }).whereRaw('lower(email) = ?', [email]).select('id'),
        ),
    );
}

function ofPayer(tx: Tx, query: Knex.QueryBuilder, filter: MoneyFilter): void {
  const { organizationId, customerId, licenseId, email, orderId, subscriptionId, paymentId } = filter;
  if (orderId !== undefined) query.where('order_id', orderId);
  if (subscriptionId !== undefined) query.where('subscription_id', subscriptionId);
  if (paymentId !== undefined) query.where('id', paymentId);
  if (customerId === undefined && licenseId === undefined && email === undefined) return;
  const orders = tx('orders').where({ organization_id: organizationId }).select('id');
  ofBuyer(tx, orders, filter);
  const subscriptions = tx('subscriptions').where({ organization_id: organizationId }).select('id');
  ofSubscriber(tx, subscriptions, filter);
  query.where((own) => own.whereIn('order_id', orders).orWhereIn('subscription_id', subscriptions));
}

function ofRefunded(tx: Tx, query: Knex.QueryBuilder, filter: MoneyFilter): void {
  const { customerId, licenseId, email, orderId, subscriptionId, paymentId } = filter;
  if ([customerId, licenseId, email, orderId, subscriptionId, paymentId].every((each) => each === undefined)) return;
  const payments = tx('payments').where({ organization_id: filter.organizationId }).select('id');
  ofPayer(tx, payments, filter);
  query.whereIn('payment_id', payments);
}

/** Customers with an address, those who stand for a double with it too. */
function owners(tx: Tx, organizationId: string, email: string): Knex.QueryBuilder {
  const found = tx('customers').where({ organization_id: organizationId, email });
  return found.select(tx.raw('coalesce(merged_into, id)'));
}
