import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow } from '../db/rows.ts';

/** What hangs together with money: lines of the ledger, events of providers. */

/** A line of the ledger that was paid for. */
export interface PaidGrantRecord {
  id: string;
  licenseId: string;
  paymentRef: string;
  subscriptionId: string | null;
}

/** By the provider's id of the payment, which is the reference in the ledger, or by subscription. */
export async function paidGrants(
  tx: Tx,
  organizationId: string,
  refs: readonly string[],
  subscriptionIds: readonly string[],
): Promise<PaidGrantRecord[]> {
  const columns = columnsOf('id', 'licenseId', 'paymentRef', 'subscriptionId');
  const of = () => tx('grants').where({ organization_id: organizationId }).whereNotNull('payment_ref').select(columns);
  const rows = [
    ...(refs.length === 0 ? [] : await of().whereIn('payment_ref', refs)),
    ...(subscriptionIds.length === 0 ? [] : await of().whereIn('subscription_id', subscriptionIds)),
  ];
  const unique = new Map(rows.map((row) => [row.id as string, fromRow<PaidGrantRecord>(row)]));
  return [...unique.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** An event as it is named beside what it is about. */
export interface NamedEventRecord {
  id: string;
  accountId: string;
  eventId: string;
  type: string;
  objectId: string;
  subject: string;
  state: string;
  detail: string;
  receivedAt: string;
}

/** The newest events of each subject and of each object, at most so many of each; newest first. */
export async function newestEvents(
  tx: Tx,
  accountIds: readonly string[],
  by: { column: 'subject' | 'object_id'; values: readonly string[] },
  most: number,
): Promise<NamedEventRecord[]> {
  if (by.values.length === 0) return [];
  const columns = columnsOf(
    ...['id', 'accountId', 'eventId', 'type', 'objectId', 'subject', 'state', 'detail', 'receivedAt'],
  );
  const ranked = tx('payment_events')
    .whereIn('account_id', accountIds)
    .whereIn(by.column, by.values)
    .select([
      ...columns,
      tx.raw('row_number() over (partition by account_id, ?? order by id desc) as place', [by.column]),
    ]);
  const rows = await tx.from(ranked.as('e')).where('place', '<=', most).orderBy('id', 'desc').select(columns);
  return rows.map((row) => fromRow<NamedEventRecord>(row));
}

/** Ids and addresses of what orders led to. */
export interface OfOrderRecord {
  id: string;
  orderId: string;
  externalId: string;
  url: string;
}

export async function ofOrders(
  tx: Tx,
  table: 'payments' | 'subscriptions',
  orderIds: readonly string[],
): Promise<OfOrderRecord[]> {
  const columns = columnsOf('id', 'orderId', 'externalId', 'url');
  const rows = await tx(table).whereIn('order_id', orderIds).orderBy('id').select(columns);
  return rows.map((row) => fromRow<OfOrderRecord>(row));
}
