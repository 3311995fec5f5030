import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import type { CellRow } from '../http/rows-stream.ts';
import type { Secrets } from '../secrets.ts';
import { keyStatus } from './key-view.ts';
import { type By, keyText } from './keys.ts';
import type { PageQuery } from './licenses.ts';
import { type BatchRecord, batchesOf, countBatches, findBatch, keysOfBatch } from './store-batches.ts';
import { findPackage } from './store-packages.ts';

async function batchOf(tx: Tx, actor: Actor, id: string): Promise<BatchRecord> {
  const found = await findBatch(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export async function readBatch(db: Db, actor: Actor, id: string): Promise<BatchRecord> {
  return db.read((tx) => batchOf(tx, actor, id));
}

/** Newest first. */
export async function listBatches(db: Db, organizationId: string, query: PageQuery): Promise<Page<BatchRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await batchesOf(tx, organizationId, after, limit + 1);
    const counted = await countBatches(tx, organizationId, COUNT_LIMIT + 1);
    return pageFrom(rows, limit, counted, ({ id }) => [id]);
  });
}

const SLICE = 500;
const MOST_IN_ANSWER = 1_000;
export const BATCH_COLUMNS = ['key', 'key_id', 'license_id', 'package', 'valid_until', 'key_status'] as const;

/** The keys of a batch with their texts, as rows; that somebody took them out is remembered. */
export async function batchRows(
  { db, secrets }: { db: Db; secrets: Pick<Secrets, 'open'> },
  id: string,
  by: By,
): Promise<AsyncIterable<CellRow[]>> {
  const sold = await db.tx(async (tx) => {
    const batch = await batchOf(tx, by.actor, id);
    const event = { actor: by.actor, action: 'batch.show', entity: 'batch', entityId: id, changes: {} };
    await audit(tx, { ...event, requestId: by.requestId, organizationId: batch.organizationId }, by.now);
    return (await findPackage(tx, batch.packageId))?.name ?? batch.packageId;
  });
  return rowsOf(db, secrets, id, sold, by.now);
}

async function* rowsOf(
  db: Db,
  secrets: Pick<Secrets, 'open'>,
  id: string,
  sold: string,
  now: number,
): AsyncIterable<CellRow[]> {
  for (let after: string | null = null; ; ) {
    const keys = await db.read((tx) => keysOfBatch(tx, id, after, SLICE));
    yield keys.map((key) => ({
      key: key.sealed === null ? null : keyText(secrets, key),
      key_id: key.id,
      license_id: key.licenseId,
      package: sold,
      valid_until: key.validUntil,
      key_status: keyStatus(key, now),
    }));
    after = keys.at(-1)?.id ?? null;
    if (keys.length < SLICE) return;
  }
}

/** The keys of a batch that is made at once, for its answer. */
export async function keysInBatch({ db, secrets }: { db: Db; secrets: Pick<Secrets, 'open'> }, id: string) {
  const keys = await db.read((tx) => keysOfBatch(tx, id, null, MOST_IN_ANSWER));
  return keys.map((key) => ({
    key: key.sealed === null ? null : keyText(secrets, key),
    key_id: key.id,
    license_id: key.licenseId,
    valid_until: key.validUntil,
  }));
}
