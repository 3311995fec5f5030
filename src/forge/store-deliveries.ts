import type { Tx } from '../db/dialect.ts';
import { fromRow, toRow } from '../db/rows.ts';

/**
 * One delivery as it came in. `queued`: a job will look; `done`: one has looked; `failed`: it could not, and will try again;
 * `ignored`: signed, but it concerns nobody.
 */
export interface DeliveryRecord {
  id: string;
  forgeId: string;
  deliveryId: string;
  event: string;
  action: string | null;
  repositoryId: string | null;
  /** The raw body; null once it is older than 30 days. */
  body: string | null;
  bodySha256: string;
  state: 'queued' | 'done' | 'failed' | 'ignored';
  detail: string;
  receivedAt: string;
}

/** A delivery that came before is not stored again, but one that failed is queued anew (GitHub redelivers under the same id). */
export async function saveDelivery(
  tx: Tx,
  delivery: DeliveryRecord,
): Promise<Pick<DeliveryRecord, 'state' | 'detail'>> {
  const inserted = await tx('hook_deliveries')
    .insert(toRow(delivery))
    .onConflict(['forge_id', 'delivery_id'])
    .ignore()
    .returning('id');
  if (inserted.length > 0) return delivery;
  const where = { forge_id: delivery.forgeId, delivery_id: delivery.deliveryId };
  const known = fromRow<DeliveryRecord>(await tx('hook_deliveries').where(where).first());
  if (known.state !== 'failed') return { state: 'ignored', detail: 'this delivery was received before' };
  await tx('hook_deliveries')
    .where(where)
    .update({ state: delivery.state, detail: delivery.detail, received_at: delivery.receivedAt });
  return delivery;
}

/** Raw bodies hold names and mail addresses, so they go after a while; ids and hashes stay. */
export async function forgetBodies(tx: Tx, before: string): Promise<number> {
  return tx('hook_deliveries').where('received_at', '<', before).whereNotNull('body').update({ body: null });
}

export async function lastDelivery(tx: Tx, forgeId: string): Promise<DeliveryRecord | null> {
  const row = await tx('hook_deliveries').where({ forge_id: forgeId }).orderBy('received_at', 'desc').first();
  return row ? fromRow(row) : null;
}

/** The look that a repository's deliveries asked for went wrong. */
export async function failDeliveries(tx: Tx, repositoryId: string, detail: string): Promise<void> {
  await tx('hook_deliveries')
    .where({ repository_id: repositoryId, state: 'queued' })
    .update({ state: 'failed', detail });
}

/** A look that began then has seen everything that deliveries told of until then. */
export async function settleDeliveries(tx: Tx, repositoryId: string, begunAt: string): Promise<void> {
  await tx('hook_deliveries')
    .where({ repository_id: repositoryId })
    .whereIn('state', ['queued', 'failed'])
    .where('received_at', '<=', begunAt)
    .update({ state: 'done', detail: '' });
}
