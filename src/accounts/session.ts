import { DAY, fromIso, HOUR, MINUTE, toIso } from '../clock.ts';

/** A sign-in that lasts. Instants are ISO-8601 UTC. The text of its cookie is stored nowhere. */
export interface Session {
  id: string;
  userId: string;
  /** What the browser called itself, cut short; for the person to know his own by. */
  agent: string;
  /** The network (/24 or /48) that it was begun from. */
  network: string;
  /** To within a few minutes. */
  seenAt: string;
  /** The last instant that it may live to, however much it is used. */
  expiresAt: string;
  /** Signed out, or ended from elsewhere. */
  endedAt: string | null;
  createdAt: string;
}

interface Life {
  /** How long it lasts without being used. */
  idleMs: number;
  /** How long at most. */
  mostMs: number;
}

/** The operator may do everything everywhere, so that his sessions are short. */
const LIVES: Record<'person' | 'operator', Life> = {
  person: { idleMs: 12 * HOUR, mostMs: 7 * DAY },
  operator: { idleMs: HOUR, mostMs: 12 * HOUR },
};

/** Use is written down once in this time, however often it happens; an hour of silence may so be counted as 55 minutes. */
export const SEEN_EVERY_MS = 5 * MINUTE;

export const AGENT_LENGTH = 200;

export function lifeOf(isOperator: boolean): Life {
  return LIVES[isOperator ? 'operator' : 'person'];
}

/** The ends themselves are outside: a session that expires now is over. */
export function isSessionOver(
  session: Pick<Session, 'seenAt' | 'expiresAt' | 'endedAt'>,
  isOperator: boolean,
  now: number,
): boolean {
  if (session.endedAt !== null || session.expiresAt <= toIso(now)) return true;
  return fromIso(session.seenAt) + lifeOf(isOperator).idleMs <= now;
}

/**
 * A path of our own to go to after signing in, or null. Only what no browser could take for another address: one slash in front,
 * no backslash, no control character, and the same origin once it is read as browsers read it.
 */
export function localPath(text: string | undefined): string | null {
  if (text === undefined || text.length > 500 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return null;
  const base = 'https://here.invalid';
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search + url.hash : null;
}
