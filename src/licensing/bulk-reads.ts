import { type Actor, requireOrganization } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import type { CellRow } from '../http/rows-stream.ts';
import { type BulkView, bulkItem, bulkView } from './bulk-view.ts';
import type { PageQuery } from './licenses.ts';
import {
  type BulkItemRecord,
  type BulkItemState,
  type BulkRecord,
  bulkCounts,
  bulkRunsOf,
  countBulkRuns,
  findBulk,
  itemsOfBulk,
} from './store-bulk.ts';

export async function bulkOf(tx: Tx, actor: Actor, id: string): Promise<BulkRecord> {
  const found = await findBulk(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

const SAMPLE = 10;

/** A bulk change with how many came out how, and some of its rows. */
export async function seeBulk(db: Db, actor: Actor, id: string): Promise<BulkView> {
  return db.read(async (tx) => {
    const run = await bulkOf(tx, actor, id);
    return bulkView(run, await bulkCounts(tx, id), await itemsOfBulk(tx, id, { after: null }, SAMPLE));
  });
}

/** Newest first. */
export async function listBulk(db: Db, organizationId: string, query: PageQuery): Promise<Page<BulkRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await bulkRunsOf(tx, organizationId, after, limit + 1);
    return pageFrom(rows, limit, await countBulkRuns(tx, organizationId, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

export async function bulkItems(
  db: Db,
  actor: Actor,
  id: string,
  query: PageQuery & { state?: BulkItemState | undefined },
): Promise<Page<BulkItemRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    await bulkOf(tx, actor, id);
    const rows = await itemsOfBulk(tx, id, { state: query.state, after }, limit + 1);
    const counts = (await bulkCounts(tx, id)).filter(({ state }) => query.state === undefined || state === query.state);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    return pageFrom(rows, limit, total, ({ licenseId }) => [licenseId]);
  });
}

const SLICE = 1_000;

/** Every row, in the order of the licenses' ids. Throws NOT_FOUND at once. */
export async function bulkReport(
  db: Db,
  actor: Actor,
  id: string,
  state: BulkItemState | undefined,
): Promise<AsyncIterable<CellRow[]>> {
  await db.read((tx) => bulkOf(tx, actor, id));
  return rowsOf(db, id, state);
}

async function* rowsOf(db: Db, id: string, state: BulkItemState | undefined): AsyncIterable<CellRow[]> {
  for (let after: string | null = null; ; ) {
    const from: string | null = after;
    const rows: BulkItemRecord[] = await db.read((tx) => itemsOfBulk(tx, id, { state, after: from }, SLICE));
    yield rows.map(bulkItem);
    after = rows.at(-1)?.licenseId ?? null;
    if (rows.length < SLICE) return;
  }
}
