import type { Tx } from '../db/dialect.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import { type Owed, STUCK } from './event-plan.ts';
import type { Snapshot } from './facts.ts';
import type { AccountRecord } from './store-accounts.ts';
import { findOrder } from './store-orders.ts';

/**
 * Of what no order of ours knows: whether money was taken for something of ours all the same, since it names an order that is ours or was
 * paid at a price that is. null: it was not, as far as can be told, so that it is of another product or installation.
 */
export async function whatIsOwed(
  tx: Tx,
  { organizationId, provider }: AccountRecord,
  snapshot: Snapshot,
): Promise<Owed | null> {
  const { checkout, subscription, payments } = snapshot;
  const paid = payments.filter(({ state, amountMinor }) => state === 'paid' && amountMinor > 0);
  const isPaid = paid.length > 0 || (checkout?.state === 'paid' && checkout.totalMinor > 0);
  if (!isPaid) return null;
  for (const id of new Set([checkout?.orderId, subscription?.orderId])) {
    const order = id ? await findOrder(tx, id) : null;
    if (order?.organizationId === organizationId) return STUCK;
  }
  const ids = new Set([
    ...(checkout?.lines ?? []).map(({ priceId }) => priceId),
    ...paid.flatMap(({ lines }) => lines.map(({ priceId }) => priceId)),
  ]);
  const ours = (await pricesOfOrganization(tx, organizationId, provider)).find(({ external_id: id }) => ids.has(id));
  // One alert of a price, however many have paid it: a vendor may not have taken over what ran before.
  return ours ? { code: 'PAID_WITHOUT_ORDER', subject: ours.external_id } : null;
}
