import type { Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';
import type { PaymentLine } from './facts.ts';
import { type Known, partsOfSubject } from './gateway.ts';

/**
 * What is stored of a subject already, for a provider that lists no refunds and forgets prices: its payments under the price that they
 * were read with, their refunds, and every refund that an event of it named.
 */
export async function knownOf(tx: Tx, accountId: string, subject: string): Promise<Known> {
  const { externalId } = partsOfSubject(subject);
  const mine = { account_id: accountId, external_id: externalId };
  const payments = await tx('payments')
    .where('account_id', accountId)
    .where((of) =>
      of
        .whereIn('subscription_id', tx('subscriptions').where(mine).select('id'))
        .orWhereIn('order_id', tx('orders').where(mine).select('id')),
    )
    .orderBy('id')
    .select('id', 'external_id', 'lines');
  const ids: string[] = payments.map(({ id }) => id);
  const stored = await tx('refunds').whereIn('payment_id', ids).orderBy('id').select('external_id');
  const told = await tx('payment_events')
    .where({ account_id: accountId, subject, object_type: 'refund' })
    .orderBy('id')
    .select('object_id');
  const refunds = [...stored.map((row) => String(row.external_id)), ...told.map((row) => String(row.object_id))];
  const order = await tx('orders').where(mine).first('id');
  return { refunds: [...new Set(refunds)], payments: payments.map(knownPayment), isOrdered: order !== undefined };
}

/** Something that was sold here: a subscription that is not over, or an order that is paid or under way. */
export async function isSoldHere(tx: Tx, accountId: string, subject: string): Promise<boolean> {
  const { externalId } = partsOfSubject(subject);
  const mine = { account_id: accountId, external_id: externalId };
  const over = ['incomplete', 'canceled', 'expired'];
  const subscription = await tx('subscriptions').where(mine).whereNotIn('state', over).first('id');
  if (subscription) return true;
  return (await tx('orders').where(mine).whereIn('state', ['paid', 'processing']).first('id')) !== undefined;
}

function knownPayment(row: object): Known['payments'][number] {
  const { externalId, lines } = fromRow<{ externalId: string; lines: PaymentLine[] }>(row, { json: ['lines'] });
  const [line] = lines;
  return { externalId, priceId: line?.priceId ?? null, quantity: line?.quantity ?? 1 };
}
