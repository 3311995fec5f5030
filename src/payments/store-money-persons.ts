import type { Knex } from 'knex';
import { addressedTo } from '../db/addressees.ts';
import type { Tx } from '../db/dialect.ts';
import type { OrderState } from './order-states.ts';

/** What is kept of people beside money: given out to them, and taken away. Sums, ids and times are the books' and stay. */

type FileRow = Record<string, string | number | boolean | null>;

export const ORDER_FILE_COLUMNS = [
  ...[
    'id',
    'provider',
    'mode',
    'state',
    'external_id',
    'external_customer_id',
    'email',
    'name',
    'language',
    'currency',
  ],
  ...['subtotal_minor', 'consent', 'paid_at', 'created_at'],
];
export const SUBSCRIPTION_FILE_COLUMNS = [
  ...['id', 'provider', 'mode', 'state', 'external_id', 'external_customer_id', 'order_id', 'license_id', 'currency'],
  ...['paid_through', 'cancel_at', 'ended_at', 'created_at'],
];
export const PAYMENT_FILE_COLUMNS = [
  ...['id', 'provider', 'mode', 'state', 'external_id', 'kind', 'order_id', 'subscription_id', 'amount_minor'],
  ...['refunded_minor', 'currency', 'paid_at', 'failed_at'],
];
export const WITHDRAWAL_FILE_COLUMNS = ['id', 'order_id', 'order_ref', 'email', 'name', 'statement', 'at', 'closed_at'];

/** Of who never paid nothing but his address says whose an order is. */
function ordersOfCustomers(tx: Tx, customerIds: readonly string[]): Knex.QueryBuilder {
  return tx('orders').where((own) =>
    own
      .whereIn('customer_id', customerIds)
      .orWhere((open) => open.whereNull('customer_id').whereExists(addressedTo(tx, 'orders', customerIds))),
  );
}

/** By the customer, or by a license that is his. */
function subscriptionsOfCustomers(tx: Tx, customerIds: readonly string[]): Knex.QueryBuilder {
  const licenses = tx('licenses').whereIn('customer_id', customerIds).select('id');
  return tx('subscriptions').where((own) => own.whereIn('customer_id', customerIds).orWhereIn('license_id', licenses));
}

function paymentsOfCustomers(tx: Tx, customerIds: readonly string[]): Knex.QueryBuilder {
  return tx('payments').where((own) =>
    own
      .whereIn('order_id', ordersOfCustomers(tx, customerIds).select('id'))
      .orWhereIn('subscription_id', subscriptionsOfCustomers(tx, customerIds).select('id')),
  );
}

function withdrawalsOfCustomers(tx: Tx, customerIds: readonly string[]): Knex.QueryBuilder {
  return tx('withdrawals').where((own) =>
    own
      .whereIn('order_id', ordersOfCustomers(tx, customerIds).select('id'))
      .orWhereExists(addressedTo(tx, 'withdrawals', customerIds)),
  );
}

export function orderFileRows(tx: Tx, customerIds: readonly string[]): Promise<FileRow[]> {
  return ordersOfCustomers(tx, customerIds).orderBy('id').select(ORDER_FILE_COLUMNS);
}

export function subscriptionFileRows(tx: Tx, customerIds: readonly string[]): Promise<FileRow[]> {
  return subscriptionsOfCustomers(tx, customerIds).orderBy('id').select(SUBSCRIPTION_FILE_COLUMNS);
}

export function paymentFileRows(tx: Tx, customerIds: readonly string[]): Promise<FileRow[]> {
  return paymentsOfCustomers(tx, customerIds).orderBy('id').select(PAYMENT_FILE_COLUMNS);
}

export function withdrawalFileRows(tx: Tx, customerIds: readonly string[]): Promise<FileRow[]> {
  return withdrawalsOfCustomers(tx, customerIds).orderBy('id').select(WITHDRAWAL_FILE_COLUMNS);
}

/** Ids of all that somebody may have done something to. */
export async function moneyThingsOf(tx: Tx, customerIds: readonly string[]): Promise<string[]> {
  const all = [ordersOfCustomers, subscriptionsOfCustomers, paymentsOfCustomers, withdrawalsOfCustomers];
  const ids: string[] = [];
  for (const of of all) ids.push(...(await of(tx, customerIds).pluck('id')));
  return ids;
}

/** Names and addresses go, and the bodies of what providers told about these orders and subscriptions. */
export async function forgetMoney(tx: Tx, customerIds: readonly string[]): Promise<void> {
  const told = (kind: keyof typeof SUBJECTS, things: Knex.QueryBuilder) =>
    tx('payment_events as e')
      .whereNotNull('e.body')
      .whereExists(
        things
          .select(tx.raw('1'))
          .whereRaw(`e.account_id = ${kind}s.account_id and e.subject = ? || ${kind}s.external_id`, [SUBJECTS[kind]]),
      )
      .pluck('e.id');
  const gone: string[] = [
    ...(await told('order', ordersOfCustomers(tx, customerIds))),
    ...(await told('subscription', subscriptionsOfCustomers(tx, customerIds))),
  ];
  for (let i = 0; i < gone.length; i += SLICE)
    await tx('payment_events')
      .whereIn('id', gone.slice(i, i + SLICE))
      .update({ body: null });
  await withdrawalsOfCustomers(tx, customerIds).update({ email: '', name: '', statement: '' });
  // A page of the provider's shows whoever opens it the name and the address of the buyer.
  await ordersOfCustomers(tx, customerIds).update({ email: '', name: '', external_url: null });
}

const SUBJECTS = { order: 'checkout:', subscription: 'subscription:' } as const;
const SLICE = 500;

const UNPAID: readonly OrderState[] = ['open', 'failed', 'expired'];

/** Orders from before `before` that nobody paid, at most `most`: names and addresses go. Returns how many had some. */
export async function forgetUnpaid(tx: Tx, before: string, most: number): Promise<number> {
  const old = tx('orders')
    .whereIn('state', UNPAID)
    .where('created_at', '<', before)
    // Somebody came back to it since.
    .where((over) => over.whereNull('expires_at').orWhere('expires_at', '<', before))
    .where((known) =>
      known.whereNot('email', '').orWhereNot('name', '').orWhereNotNull('success_url').orWhereNotNull('cancel_url'),
    )
    .limit(most)
    .select('id');
  // Said twice: what is paid while this waits for its row keeps its buyer.
  const unpaid = tx('orders').whereIn('state', UNPAID).whereIn('id', old);
  return unpaid.update({ email: '', name: '', success_url: null, cancel_url: null });
}
