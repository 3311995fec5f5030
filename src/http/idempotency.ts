import { problem } from '../errors.ts';
import type { Reply } from './answer.ts';

/** How long a reply is kept for a repeated request. */
export const REPLY_KEPT_MS = 24 * 60 * 60 * 1_000;
/** A run that has not ended after this long has crashed: its reservation is free again. */
export const RUN_LIMIT_MS = 60_000;

/** One use of an Idempotency-Key. `route` is an operation id; `fingerprint` tells one request from another. */
export interface ReplySlot {
  tokenId: string;
  route: string;
  key: string;
  fingerprint: string;
}

export type Reservation =
  /** It is ours to run. `ticket` proves later that nobody took the slot over meanwhile. */
  | { kind: 'run'; ticket: string }
  | { kind: 'replay'; reply: Reply }
  | { kind: 'in_flight' }
  | { kind: 'other_request' };

/** Where replies are kept; filled by the accounts. Each call is a short transaction of its own, never inside a handler's. */
export interface ReplyStore {
  reserve(slot: ReplySlot, now: number): Promise<Reservation>;
  complete(slot: ReplySlot, ticket: string, reply: Reply): Promise<void>;
  release(slot: ReplySlot, ticket: string): Promise<void>;
}

/**
 * The key in the header `Idempotency-Key`: bare, or quoted as in draft-ietf-httpapi-idempotency-key-header-07; 1 to 255 printable
 * ASCII characters. null: none was sent. Throws INVALID_REQUEST.
 */
export function readIdempotencyKey(values: readonly string[] | undefined): string | null {
  if (values === undefined || values.length === 0) return null;
  const text = values[0] ?? '';
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
  const key = quoted ?? text;
  const fits =
    values.length === 1 && /^[\x20-\x7e]{1,255}$/.test(key) && (quoted !== undefined || !key.startsWith('"'));
  if (fits) return key;
  const detail = 'must be one text of 1 to 255 printable ASCII characters, bare or in double quotes';
  throw problem('INVALID_REQUEST', `/header/Idempotency-Key: ${detail}`, {
    errors: [{ pointer: '/header/Idempotency-Key', detail }],
  });
}

export interface RunOnce {
  store: ReplyStore;
  slot: ReplySlot;
  now: number;
  /** Does the work. Refusals (4xx) are replies; what it throws is nobody's reply and frees the slot. */
  run(): Promise<Reply>;
  /** The reply as it may be stored: without secrets. */
  toStore(reply: Reply): Reply;
  /** Told when the reply could not be stored; the caller gets it all the same. */
  onStoreTrouble(error: unknown): void;
}

/** Runs a request at most once for its slot within 24 hours. Throws IDEMPOTENCY_KEY_CONFLICT and IDEMPOTENCY_IN_FLIGHT. */
export async function runOnce(once: RunOnce): Promise<{ reply: Reply; replayed: boolean }> {
  const { store, slot } = once;
  const reservation = await store.reserve(slot, once.now);
  if (reservation.kind === 'replay') return { reply: reservation.reply, replayed: true };
  if (reservation.kind === 'other_request') throw problem('IDEMPOTENCY_KEY_CONFLICT');
  if (reservation.kind === 'in_flight') {
    throw problem('IDEMPOTENCY_IN_FLIGHT', undefined, { retryAfterSeconds: 1 });
  }
  const { ticket } = reservation;
  let reply: Reply;
  try {
    reply = await once.run();
  } catch (error) {
    await store.release(slot, ticket).catch(once.onStoreTrouble);
    throw error;
  }
  const keep = isFinal(reply) ? store.complete(slot, ticket, once.toStore(reply)) : store.release(slot, ticket);
  // The work is done: a reply that cannot be kept is no reason to hide it.
  await keep.catch(once.onStoreTrouble);
  return { reply, replayed: false };
}

/** A reply that asks to come back later, or tells of our own trouble, must not stand for 24 hours. */
function isFinal({ status }: Reply): boolean {
  return status < 500 && status !== 429;
}
