import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** A sign-in that was begun and whose person is still at the forge. */
export interface AttemptRecord {
  /** Look-up hash of the `state` that goes to the forge and comes back. */
  stateHash: string;
  /** Look-up hash of the cookie of the browser that began it. */
  browserHash: string;
  forgeId: string;
  /** Nonce, PKCE verifier and where to go afterwards. */
  sealed: string;
  expiresAt: string;
}

/** A one-time link for the operator. */
export interface LoginLinkRecord {
  id: string;
  expiresAt: string;
  usedAt: string | null;
  createdAt: string;
  createdBy: string;
}

const ATTEMPT = columnsOf('stateHash', 'browserHash', 'forgeId', 'sealed', 'expiresAt');
const LINK = columnsOf('id', 'expiresAt', 'usedAt', 'createdAt', 'createdBy');

export async function insertAttempt(tx: Tx, attempt: AttemptRecord): Promise<void> {
  await tx('login_attempts').insert(toRow(attempt));
}

export async function findAttempt(tx: Tx, stateHash: string): Promise<AttemptRecord | null> {
  const row = await tx('login_attempts').where({ state_hash: stateHash }).first(ATTEMPT);
  return row ? fromRow<AttemptRecord>(row) : null;
}

/** False: somebody took it before. */
export async function takeAttempt(tx: Tx, stateHash: string): Promise<boolean> {
  return (await tx('login_attempts').where({ state_hash: stateHash }).delete()) > 0;
}

export async function deleteAttemptsExpiredBefore(tx: Tx, before: string): Promise<number> {
  return tx('login_attempts').where('expires_at', '<', before).delete();
}

export async function insertLoginLink(tx: Tx, link: LoginLinkRecord, hash: string): Promise<void> {
  await tx('login_links').insert({ ...toRow(link), hash });
}

export async function loginLinkByHash(tx: Tx, hash: string): Promise<LoginLinkRecord | null> {
  const row = await tx('login_links').where({ hash }).first(LINK);
  return row ? fromRow<LoginLinkRecord>(row) : null;
}

/** One statement decides who is first: false for everybody else. */
export async function takeLoginLink(tx: Tx, id: string, nowIso: string): Promise<boolean> {
  const open = tx('login_links').where({ id }).whereNull('used_at').where('expires_at', '>', nowIso);
  return (await open.update({ used_at: nowIso })) > 0;
}

export async function deleteLoginLinksExpiredBefore(tx: Tx, before: string): Promise<number> {
  return tx('login_links').where('expires_at', '<', before).delete();
}
