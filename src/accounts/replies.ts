import { fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { REPLY_KEPT_MS, type ReplySlot, type ReplyStore, type Reservation, RUN_LIMIT_MS } from '../http/idempotency.ts';
import {
  completeReplyRow,
  deleteExpiredReplyRows,
  deleteRunningReplyRow,
  insertReplyRow,
  lockReplyRow,
  type ReplyId,
  type ReplyRow,
  restartReplyRow,
} from './store-idempotency.ts';

/** Replies to POSTs with an Idempotency-Key, in the database, so that any instance repeats what another one answered. */
export function makeReplyStore(db: Db): ReplyStore {
  return {
    reserve: (slot, now) => db.tx((tx) => reserve(tx, slot, now)),
    complete(slot, ticket, { status, headers, body }) {
      const response = JSON.stringify({ headers, body });
      return db.tx((tx) => completeReplyRow(tx, idOf(slot), ticket, { status, response }));
    },
    release: (slot, ticket) => db.tx((tx) => deleteRunningReplyRow(tx, idOf(slot), ticket)),
  };
}

/** Takes replies away whose 24 hours are over; returns how many. */
export async function purgeReplies(db: Db, now: number): Promise<number> {
  return db.tx((tx) => deleteExpiredReplyRows(tx, toIso(now)));
}

function idOf({ tokenId, route, key }: ReplySlot): ReplyId {
  return { token_id: tokenId, route, key };
}

/** The ticket is the instant of the reservation: a slot is taken over a minute later at the earliest, so no two are alike. */
async function reserve(tx: Tx, slot: ReplySlot, now: number): Promise<Reservation> {
  const fresh: ReplyRow = {
    ...idOf(slot),
    body_sha256: slot.fingerprint,
    status: null,
    response: null,
    expires_at: toIso(now + REPLY_KEPT_MS),
    created_at: toIso(now),
    created_by: slot.tokenId,
  };
  if (await insertReplyRow(tx, fresh)) return { kind: 'run', ticket: fresh.created_at };
  const held = await lockReplyRow(tx, idOf(slot));
  // It was given up between the two statements: whoever asks again finds the slot free.
  if (!held) return { kind: 'in_flight' };
  const over = held.expires_at <= fresh.created_at;
  if (!over && held.body_sha256 !== slot.fingerprint) return { kind: 'other_request' };
  if (!over && held.status !== null) return { kind: 'replay', reply: readReply(held.status, held.response) };
  if (!over && now - fromIso(held.created_at) < RUN_LIMIT_MS) return { kind: 'in_flight' };
  await restartReplyRow(tx, fresh);
  return { kind: 'run', ticket: fresh.created_at };
}

function readReply(status: number, response: string | null) {
  const { headers, body } = JSON.parse(response ?? '{}') as { headers?: Record<string, string>; body?: unknown };
  return { status, headers: headers ?? {}, body };
}
