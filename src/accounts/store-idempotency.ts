import { forUpdate, type Tx } from '../db/dialect.ts';

/** One use of an Idempotency-Key. Instants are ISO-8601 UTC; `status` and `response` are null while the request runs. */
export interface ReplyRow {
  token_id: string;
  route: string;
  key: string;
  body_sha256: string;
  status: number | null;
  /** JSON text. */
  response: string | null;
  expires_at: string;
  created_at: string;
  created_by: string;
}

export type ReplyId = Pick<ReplyRow, 'token_id' | 'route' | 'key'>;

/** False: there is a row for this use already. Of two at once one wins, and the other waits for it. */
export async function insertReplyRow(tx: Tx, row: ReplyRow): Promise<boolean> {
  const made: unknown[] = await tx('idempotency_keys')
    .insert(row)
    .onConflict(['token_id', 'route', 'key'])
    .ignore()
    .returning('key');
  return made.length > 0;
}

export async function lockReplyRow(tx: Tx, { token_id, route, key }: ReplyId): Promise<ReplyRow | null> {
  const rows: ReplyRow[] = await forUpdate(tx, tx('idempotency_keys').where({ token_id, route, key }).select('*'));
  return rows[0] ?? null;
}

/** Starts a row anew: the run before it crashed, or its reply is out of date. */
export async function restartReplyRow(tx: Tx, { token_id, route, key, ...rest }: ReplyRow): Promise<void> {
  await tx('idempotency_keys').where({ token_id, route, key }).update(rest);
}

/** Keeps the reply of the run that began at `createdAt`; of a run that was taken over meanwhile it is dropped. */
export async function completeReplyRow(
  tx: Tx,
  { token_id, route, key }: ReplyId,
  createdAt: string,
  reply: { status: number; response: string },
): Promise<void> {
  await tx('idempotency_keys')
    .where({ token_id, route, key, created_at: createdAt })
    .whereNull('status')
    .update({ status: reply.status, response: reply.response });
}

export async function deleteRunningReplyRow(tx: Tx, { token_id, route, key }: ReplyId, createdAt: string) {
  await tx('idempotency_keys').where({ token_id, route, key, created_at: createdAt }).whereNull('status').delete();
}

/** How many rows were out of date and are gone. */
export async function deleteExpiredReplyRows(tx: Tx, nowIso: string): Promise<number> {
  return tx('idempotency_keys').where('expires_at', '<=', nowIso).delete();
}
