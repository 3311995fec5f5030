import { forUpdate, insertMany, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** `planned`: counted and not begun. `canceled`: given up, before or in the middle. */
type BulkState = 'planned' | 'queued' | 'running' | 'done' | 'canceled';

/** Before the run what would become of a license, then what became of it. */
export type BulkItemState =
  | 'would_change'
  | 'would_stay'
  | 'would_refuse'
  | 'changed'
  | 'unchanged'
  | 'refused'
  | 'failed';
const WAITING: readonly BulkItemState[] = ['would_change', 'would_stay', 'would_refuse'];

export interface BulkRecord {
  id: string;
  organizationId: string;
  action: string;
  /** JSON: what is done to each, and why. */
  params: string;
  /** JSON: how the licenses were chosen. */
  selection: string;
  state: BulkState;
  total: number;
  startedAt: string | null;
  startedBy: string | null;
  endedAt: string | null;
  createdAt: string;
  createdBy: string;
}

export interface BulkItemRecord {
  licenseId: string;
  state: BulkItemState;
  /** Why not, where it is not changed. */
  code: string | null;
  detail: string;
  doneAt: string | null;
}

const RUN = columnsOf(
  ...['id', 'organizationId', 'action', 'params', 'selection', 'state', 'total', 'startedAt', 'startedBy'],
  ...['endedAt', 'createdAt', 'createdBy'],
);
const ITEM = columnsOf('licenseId', 'state', 'code', 'detail', 'doneAt');

export async function insertBulk(tx: Tx, run: BulkRecord): Promise<void> {
  await tx('bulk_runs').insert(toRow(run));
}

export async function findBulk(tx: Tx, id: string): Promise<BulkRecord | null> {
  const row = await tx('bulk_runs').select(RUN).where({ id }).first();
  return row ? fromRow<BulkRecord>(row) : null;
}

export async function lockBulk(tx: Tx, id: string): Promise<BulkRecord | null> {
  const row = (await forUpdate(tx, tx('bulk_runs').select(RUN).where({ id })))[0];
  return row ? fromRow<BulkRecord>(row) : null;
}

export async function updateBulk(
  tx: Tx,
  id: string,
  change: Partial<Pick<BulkRecord, 'state' | 'startedAt' | 'startedBy' | 'endedAt'>>,
): Promise<void> {
  await tx('bulk_runs').where({ id }).update(toRow(change));
}

/** Newest first, behind `before`. */
export async function bulkRunsOf(
  tx: Tx,
  organizationId: string,
  before: string | null,
  limit: number,
): Promise<BulkRecord[]> {
  const query = tx('bulk_runs').select(RUN).where({ organization_id: organizationId });
  if (before !== null) query.where('id', '<', before);
  return (await query.orderBy('id', 'desc').limit(limit)).map((row) => fromRow<BulkRecord>(row));
}

export async function countBulkRuns(tx: Tx, organizationId: string, most: number): Promise<number> {
  return (await tx('bulk_runs').where({ organization_id: organizationId }).select('id').limit(most)).length;
}

export async function insertItems(tx: Tx, bulkId: string, items: readonly BulkItemRecord[]): Promise<void> {
  const rows = items.map(({ licenseId, state, code, detail, doneAt }) => ({
    ...{ bulk_id: bulkId, license_id: licenseId, state, code, detail, done_at: doneAt },
  }));
  await insertMany(tx, 'bulk_items', ['bulk_id', 'license_id', 'state', 'code', 'detail', 'done_at'], rows);
}

/** The next licenses of a run whose turn has not come yet, in the order of their ids. */
export async function waitingItems(tx: Tx, bulkId: string, after: string, limit: number): Promise<string[]> {
  return tx('bulk_items')
    .where({ bulk_id: bulkId })
    .where('license_id', '>', after)
    .whereIn('state', WAITING)
    .orderBy('license_id')
    .limit(limit)
    .pluck('license_id');
}

/** Items that came out alike, e.g. refused for one reason, with one statement. */
export async function finishItems(
  tx: Tx,
  bulkId: string,
  licenseIds: readonly string[],
  outcome: Omit<BulkItemRecord, 'licenseId'>,
): Promise<void> {
  await tx('bulk_items').where({ bulk_id: bulkId }).whereIn('license_id', licenseIds).update(toRow(outcome));
}

export interface BulkCountRecord {
  state: BulkItemState;
  code: string | null;
  count: number;
}

export async function bulkCounts(tx: Tx, bulkId: string): Promise<BulkCountRecord[]> {
  const rows = await tx('bulk_items')
    .where({ bulk_id: bulkId })
    .groupBy('state', 'code')
    .orderBy(['state', 'code'])
    .select('state', 'code')
    .count('license_id as count');
  return rows.map(({ state, code, count }) => ({ state, code, count: Number(count) })) as BulkCountRecord[];
}

export async function itemsOfBulk(
  tx: Tx,
  bulkId: string,
  filter: { state?: BulkItemState | undefined; after: string | null },
  limit: number,
): Promise<BulkItemRecord[]> {
  const query = tx('bulk_items').select(ITEM).where({ bulk_id: bulkId });
  if (filter.state !== undefined) query.where({ state: filter.state });
  if (filter.after !== null) query.where('license_id', '>', filter.after);
  return (await query.orderBy('license_id').limit(limit)).map((row) => fromRow<BulkItemRecord>(row));
}

/** Takes away plans that nobody ran; returns how many. */
export async function deleteOldPlans(tx: Tx, before: string, most: number): Promise<number> {
  const ids: string[] = await tx('bulk_runs')
    .where({ state: 'planned' })
    .where('created_at', '<', before)
    .limit(most)
    .pluck('id');
  await tx('bulk_items').whereIn('bulk_id', ids).delete();
  await tx('bulk_runs').whereIn('id', ids).delete();
  return ids.length;
}
