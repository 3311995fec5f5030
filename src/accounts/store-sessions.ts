import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { Person } from './person.ts';
import type { Session } from './session.ts';

const COLUMNS = columnsOf('id', 'userId', 'agent', 'network', 'seenAt', 'expiresAt', 'endedAt', 'createdAt');

export async function insertSession(tx: Tx, session: Session, hash: string): Promise<void> {
  await tx('sessions').insert({ ...toRow(session), hash, created_by: session.userId });
}

/** Whose session a cookie names; ended and expired ones are found too. `hash` is the look-up hash of the cookie. */
export async function sessionByHash(tx: Tx, hash: string): Promise<{ session: Session; person: Person } | null> {
  const row = await tx('sessions as s')
    .join('users as u', 'u.id', 's.user_id')
    .where('s.hash', hash)
    .first([...COLUMNS.map((each) => `s.${each}`), 'u.forge_id', 'u.remote_id', 'u.login', 'u.name']);
  if (!row) return null;
  const { forgeId, remoteId, login, name, ...session } = fromRow<Session & Omit<Person, 'id'>>(row);
  return { session, person: { id: session.userId, forgeId, remoteId, login, name } };
}

/** Of one person, the latest first, ended ones left out; those that are over by the clock are still there. */
export async function openSessionsOf(tx: Tx, userId: string): Promise<Session[]> {
  const rows = await tx('sessions')
    .where({ user_id: userId })
    .whereNull('ended_at')
    .orderBy('id', 'desc')
    .select(COLUMNS);
  return rows.map((row) => fromRow<Session>(row));
}

export async function touchSession(tx: Tx, id: string, nowIso: string): Promise<void> {
  await tx('sessions').where({ id }).update({ seen_at: nowIso });
}

/** False: there is no such open session of this person. */
export async function endSessionRow(tx: Tx, userId: string, id: string, nowIso: string): Promise<boolean> {
  const open = tx('sessions').where({ id, user_id: userId }).whereNull('ended_at');
  return (await open.update({ ended_at: nowIso })) > 0;
}

/** Ends all sessions of the people of a forge; returns how many. */
export async function endSessionsOfForge(tx: Tx, forgeId: string, nowIso: string): Promise<number> {
  const people = tx('users').where({ forge_id: forgeId }).select('id');
  return tx('sessions').whereIn('user_id', people).whereNull('ended_at').update({ ended_at: nowIso });
}

/** Networks and browsers are kept no longer than this; the user stays, whom changes name. */
export async function deleteSessionsSeenBefore(tx: Tx, before: string): Promise<number> {
  return tx('sessions').where('seen_at', '<', before).delete();
}
