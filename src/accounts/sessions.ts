import { randomBytes } from 'node:crypto';
import { audit } from '../audit/audit.ts';
import { DAY, fromIso, SECOND, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { SessionFacts } from '../http/actor.ts';
import { cookieJar } from '../http/cookies.ts';
import { isOwnRequest } from '../http/own-request.ts';
import { redactKeys } from '../http/redact.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { type Actor, personActor } from './actor.ts';
import type { Person, PersonAnswer, SignedIn } from './person.ts';
import { AGENT_LENGTH, isSessionOver, lifeOf, SEEN_EVERY_MS, type Session } from './session.ts';
import {
  deleteSessionsSeenBefore,
  endSessionRow,
  insertSession,
  openSessionsOf,
  sessionByHash,
  touchSession,
} from './store-sessions.ts';
import { deleteAttemptsExpiredBefore, deleteLoginLinksExpiredBefore } from './store-sign-ins.ts';
import { saveUser, touchUser } from './store-users.ts';

export interface SessionDeps {
  db: Db;
  secrets: Pick<Secrets, 'lookupHash'>;
  publicUrl: string;
}

/** What is known of the browser that signs in. */
export interface Browser {
  /** The whole `Cookie` header. */
  cookie: string | undefined;
  agent: string;
  network: string;
}

export interface StartedSession {
  /** Goes into the cookie and nowhere else. */
  text: string;
  maxAgeSeconds: number;
  person: SignedIn;
}

export function newSecretText(): string {
  return randomBytes(32).toString('base64url');
}

/** Whose session the request belongs to. A cookie that names no living session is `ended`. */
export async function findPerson(deps: SessionDeps, facts: SessionFacts, now: number): Promise<PersonAnswer> {
  const text = cookieJar(deps.publicUrl).read(facts.cookie, 'session');
  if (text === null) return { kind: 'none' };
  const found = await deps.db.read((tx) => sessionByHash(tx, deps.secrets.lookupHash(text)));
  if (!found || isSessionOver(found.session, found.person.forgeId === null, now)) return { kind: 'ended' };
  if (!isOwnRequest(facts, deps.publicUrl)) return { kind: 'other_site' };
  const { session, person } = found;
  if (fromIso(session.seenAt) <= now - SEEN_EVERY_MS) {
    await deps.db.tx(async (tx) => {
      await touchSession(tx, session.id, toIso(now));
      await touchUser(tx, person.id, toIso(now));
    });
  }
  return { kind: 'active', person: { ...person, sessionId: session.id } };
}

/**
 * A new session for somebody who has just proved who he is, with a cookie that nobody had before; the session that this browser had
 * until now ends.
 */
export async function startSession(
  tx: Tx,
  deps: Pick<SessionDeps, 'secrets' | 'publicUrl'>,
  who: Omit<Person, 'id'>,
  browser: Browser,
  { now, requestId }: { now: number; requestId: string | null },
): Promise<StartedSession> {
  await endCurrent(tx, deps, browser.cookie, { now, requestId });
  const id = await saveUser(tx, { ...who, id: newId('user', now) }, toIso(now));
  const { mostMs } = lifeOf(who.forgeId === null);
  const session: Session = {
    id: newId('session', now),
    userId: id,
    agent: redactKeys(browser.agent)
      .replace(/[^\x20-\x7e]/g, '')
      .slice(0, AGENT_LENGTH),
    network: browser.network,
    seenAt: toIso(now),
    expiresAt: toIso(now + mostMs),
    endedAt: null,
    createdAt: toIso(now),
  };
  const text = newSecretText();
  await insertSession(tx, session, deps.secrets.lookupHash(text));
  const person = { ...who, id, sessionId: session.id };
  await note(
    tx,
    personActor(person),
    'session.start',
    session.id,
    { user_id: id, forge_id: who.forgeId },
    now,
    requestId,
  );
  return { text, maxAgeSeconds: mostMs / SECOND, person };
}

/** Ends the session of this browser; nothing where there is none. */
export async function signOut(
  deps: SessionDeps,
  cookie: string | undefined,
  by: { now: number; requestId: string | null },
): Promise<void> {
  await deps.db.tx((tx) => endCurrent(tx, deps, cookie, by));
}

async function endCurrent(
  tx: Tx,
  deps: Pick<SessionDeps, 'secrets' | 'publicUrl'>,
  cookie: string | undefined,
  { now, requestId }: { now: number; requestId: string | null },
): Promise<void> {
  const text = cookieJar(deps.publicUrl).read(cookie, 'session');
  const found = text === null ? null : await sessionByHash(tx, deps.secrets.lookupHash(text));
  if (found && (await endSessionRow(tx, found.person.id, found.session.id, toIso(now))))
    await note(tx, personActor(found.person), 'session.end', found.session.id, {}, now, requestId);
}

/** The living sessions of a person, the latest first. */
export async function sessionsOf(db: Db, person: Person, now: number): Promise<Session[]> {
  const open = await db.read((tx) => openSessionsOf(tx, person.id));
  return open.filter((each) => !isSessionOver(each, person.forgeId === null, now));
}

/** Ends one of a person's own sessions. Throws NOT_FOUND, for another one's as for none. */
export async function endSession(
  db: Db,
  person: Person,
  id: string,
  { now, requestId }: { now: number; requestId: string | null },
): Promise<void> {
  await db.tx(async (tx) => {
    if (!(await endSessionRow(tx, person.id, id, toIso(now)))) throw problem('NOT_FOUND', 'you have no such session');
    await note(tx, personActor(person), 'session.end', id, {}, now, requestId);
  });
}

/** Ends all sessions of a person but the one that he asks with; returns how many. */
export async function endOtherSessions(
  db: Db,
  person: SignedIn,
  { now, requestId }: { now: number; requestId: string | null },
): Promise<number> {
  return db.tx(async (tx) => {
    const others = (await openSessionsOf(tx, person.id)).filter(({ id }) => id !== person.sessionId);
    for (const { id } of others) {
      await endSessionRow(tx, person.id, id, toIso(now));
      await note(tx, personActor(person), 'session.end', id, {}, now, requestId);
    }
    return others.length;
  });
}

/** How long networks and browsers are kept after a session was last used, and how long a link is known to be used up. */
const KEPT_DAYS = 30;

/** Takes old sessions, links and attempts away. People stay: what they did names them. */
export async function purgeSignIns(db: Db, now: number): Promise<void> {
  const before = toIso(now - KEPT_DAYS * DAY);
  await db.tx(async (tx) => {
    await deleteSessionsSeenBefore(tx, before);
    await deleteLoginLinksExpiredBefore(tx, before);
    await deleteAttemptsExpiredBefore(tx, toIso(now));
  });
}

async function note(
  tx: Tx,
  actor: Actor,
  action: string,
  entityId: string,
  changes: Record<string, string | null>,
  now: number,
  requestId: string | null,
): Promise<void> {
  await audit(tx, { actor, action, entity: 'session', entityId, changes, requestId }, now);
}
