import { DAY, MINUTE, SECOND } from '../clock.ts';

/** What is remembered of a network that asked for keys which nobody has. Instants are ms UTC. */
export interface Strikes {
  /** The misses that count towards the next lock, oldest first. */
  misses: readonly number[];
  /** How often it was locked. */
  locks: number;
  lockedUntil: number | null;
}

export const NO_STRIKES: Strikes = { misses: [], locks: 0, lockedUntil: null };

/** So many misses in so long lock a network: enough for a typing error, too few for guessing. */
const MISSES = 5;
const WINDOW = 5 * MINUTE;
const FIRST_LOCK = 30 * SECOND;
const LONGEST_LOCK = 30 * MINUTE;
/** After so long without a lock the next one is short again. */
export const FORGOTTEN_AFTER = DAY;

/**
 * One more miss, which is refused itself where it is the one too many. While a network is locked nothing is counted, so that a
 * program which asks on and on is let in again all the same. `retryAfterSeconds` is rounded up; null: not locked.
 */
export function struck(before: Strikes, now: number): { after: Strikes; retryAfterSeconds: number | null } {
  const { lockedUntil } = before;
  if (lockedUntil !== null && lockedUntil > now)
    return { after: before, retryAfterSeconds: secondsTo(lockedUntil, now) };
  const isForgotten = lockedUntil !== null && now - lockedUntil >= FORGOTTEN_AFTER;
  const known = isForgotten ? NO_STRIKES : before;
  const misses = [...known.misses.filter((at) => now - at < WINDOW), now];
  if (misses.length < MISSES) return { after: { ...known, misses }, retryAfterSeconds: null };
  const until = now + Math.min(FIRST_LOCK * 2 ** known.locks, LONGEST_LOCK);
  return {
    after: { misses: [], locks: known.locks + 1, lockedUntil: until },
    retryAfterSeconds: secondsTo(until, now),
  };
}

function secondsTo(until: number, now: number): number {
  return Math.ceil((until - now) / SECOND);
}
