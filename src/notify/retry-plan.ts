import { DAY, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';

/** `gone`: the receiver answered 410. `failing`: nothing but failures for days. */
export type DisabledReason = 'gone' | 'failing';

/** How long after the failure before it each attempt comes, as the spec of Standard Webhooks proposes: over three days. */
export const SCHEDULE: readonly number[] = [
  ...[0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
];
/** Up to a tenth is added, so that what failed together does not come back together. */
const JITTER = 0.1;
/** The longest pause that a receiver may ask for. */
const LONGEST_PAUSE = DAY;
/** Where it asks for one without saying how long. */
const PAUSE = MINUTE;
/** Nothing but failures for so long, and a delivery that was given up: nobody is listening. */
export const DISABLE_AFTER = 5 * DAY;

/** What an attempt came to. */
export interface Outcome {
  /** null: there was no answer. */
  status: number | null;
  /** The header `Retry-After`. */
  retryAfter: string | null;
  /** In words, for whoever looks into the log; null: it went well. */
  error: string | null;
  durationMs: number;
  /** The beginning of the answer's body. */
  answer: string;
}

export interface AttemptState {
  /** Attempts of this round that failed before. */
  step: number;
  /** A test is tried once and says nothing about the endpoint. */
  isTest: boolean;
  active: boolean;
  failingSince: string | null;
}

/** What becomes of the delivery and of its endpoint. */
export interface Next {
  state: 'waiting' | 'delivered' | 'failed';
  step: number;
  nextAttemptAt: string | null;
  failingSince: string | null;
  heldUntil: string | null;
  disable: DisabledReason | null;
}

/** Only 2xx is success; a redirect is not followed and so is a failure. */
export function isDelivered({ status }: Pick<Outcome, 'status'>): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** What comes after an attempt that ended at `now`; `dice` is a random number from 0 to 1. */
export function afterAttempt(outcome: Outcome, state: AttemptState, now: number, dice: number): Next {
  const kept = { failingSince: state.failingSince, heldUntil: null, disable: null };
  const ended = { step: state.step, nextAttemptAt: null };
  if (isDelivered(outcome)) {
    return { ...kept, ...ended, state: 'delivered', failingSince: state.isTest ? state.failingSince : null };
  }
  if (state.isTest) return { ...kept, ...ended, state: 'failed' };
  const failingSince = state.failingSince ?? toIso(now);
  const step = state.step + 1;
  if (outcome.status === 410) return { ...kept, ...ended, step, failingSince, state: 'failed', disable: 'gone' };
  const pause = pauseOf(outcome, now);
  const held = isTooFast(outcome) ? toIso(now + (pause ?? PAUSE)) : null;
  const delay = state.active ? SCHEDULE[step] : undefined;
  if (delay === undefined) {
    const isDead = now - Date.parse(failingSince) >= DISABLE_AFTER;
    return { ...ended, step, failingSince, heldUntil: held, state: 'failed', disable: isDead ? 'failing' : null };
  }
  const wait = Math.max(delay * (1 + JITTER * dice), pause ?? 0);
  return { state: 'waiting', step, nextAttemptAt: toIso(now + wait), failingSince, heldUntil: held, disable: null };
}

/** The receiver is there and has too much to do: everything for it waits. */
function isTooFast({ status }: Outcome): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

/** `Retry-After`, in seconds or as a date; at most a day. */
function pauseOf({ retryAfter }: Outcome, now: number): number | null {
  if (retryAfter === null) return null;
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * SECOND : Date.parse(retryAfter) - now;
  return ms > 0 ? Math.min(ms, LONGEST_PAUSE) : null;
}
