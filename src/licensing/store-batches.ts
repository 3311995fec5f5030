import { insertMany, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** Keys that were made in advance, for a marketplace. */
export interface BatchRecord {
  id: string;
  organizationId: string;
  /** Whose route made it; null: the organization's. */
  repositoryId: string | null;
  packageId: string;
  customerId: string;
  name: string;
  /** What was asked for, as JSON. */
  wish: string;
  /** How many there are to be. */
  count: number;
  /** How many were made by now; one that was deleted since is not made again. */
  made: number;
  createdAt: string;
}

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'repositoryId', 'packageId', 'customerId', 'name', 'wish', 'count', 'made', 'createdAt'],
);

export async function insertBatch(tx: Tx, batch: BatchRecord, actor: string): Promise<void> {
  await tx('key_batches').insert({ ...toRow(batch), created_by: actor });
}

export async function findBatch(tx: Tx, id: string): Promise<BatchRecord | null> {
  const row = await tx('key_batches').select(COLUMNS).where({ id }).first();
  return row ? fromRow<BatchRecord>(row) : null;
}

export async function findBatchNamed(tx: Tx, organizationId: string, name: string): Promise<BatchRecord | null> {
  const row = await tx('key_batches').select(COLUMNS).where({ organization_id: organizationId, name }).first();
  return row ? fromRow<BatchRecord>(row) : null;
}

/** Newest first, behind `before`. */
export async function batchesOf(
  tx: Tx,
  organizationId: string,
  before: string | null,
  limit: number,
): Promise<BatchRecord[]> {
  const query = tx('key_batches').select(COLUMNS).where({ organization_id: organizationId });
  if (before !== null) query.where('id', '<', before);
  return (await query.orderBy('id', 'desc').limit(limit)).map((row) => fromRow<BatchRecord>(row));
}

export async function countBatches(tx: Tx, organizationId: string, most: number): Promise<number> {
  return (await tx('key_batches').where({ organization_id: organizationId }).select('id').limit(most)).length;
}

export async function countUp(tx: Tx, id: string, by: number): Promise<void> {
  await tx('key_batches').where({ id }).increment('made', by);
}

/** A key of a batch, with until when its license lasts. */
export interface BatchKeyRecord {
  id: string;
  licenseId: string;
  sealed: string | null;
  suspendedAt: string | null;
  revokedAt: string | null;
  endsAt: string | null;
  validUntil: string | null;
}

export async function keysOfBatch(tx: Tx, id: string, after: string | null, limit: number): Promise<BatchKeyRecord[]> {
  const query = tx('license_keys as k')
    .join('licenses as l', 'l.id', 'k.license_id')
    .where('k.batch_id', id)
    .orderBy('k.id')
    .limit(limit)
    .select('k.id', 'k.license_id', 'k.sealed', 'k.suspended_at', 'k.revoked_at', 'k.ends_at', 'l.valid_until');
  return (await (after === null ? query : query.where('k.id', '>', after))).map((row) => fromRow<BatchKeyRecord>(row));
}

/** Rows whose columns are the fields of the first one; all rows have the same. */
export async function insertRows(
  tx: Tx,
  table: 'licenses' | 'license_keys' | 'grants',
  records: readonly object[],
  json: readonly string[] = [],
): Promise<void> {
  const rows = records.map((record) => toRow(record, { json }) as Row);
  const [first] = rows;
  if (first) await insertMany(tx, table, Object.keys(first), rows);
}
