import { DAY, HOUR, SECOND } from '../clock.ts';
import { PaymentTrouble, Problem } from '../errors.ts';

/** How long an event is tried, by clock and by number: a server that was down for days gives up nothing at its first look. */
const PATIENCE_MS = 3 * DAY;
const FEWEST_LOOKS = 10;
/** A provider may know of a thing a moment later than it tells of it. */
const LOOKS_FOR_UNKNOWN = 5;
/** How long an account's events wait after its credentials were refused. */
export const UNAUTHORIZED_PAUSE_MS = HOUR;

const FIRST_PAUSE_MS = 5 * SECOND;
const LONGEST_PAUSE_MS = HOUR;

/** 5 s, 10 s, 20 s ... at most an hour; a provider that says when it will answer again is believed. */
export function pauseAfter(attempts: number, namedMs: number | undefined): number {
  const planned = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_PAUSE_MS);
  return Math.min(Math.max(planned, namedMs ?? 0), LONGEST_PAUSE_MS);
}

/** What the vendor is told where something of ours was paid for and nothing could be given. `subject` null: that of the event. */
export interface Owed {
  code: string;
  subject: string | null;
}

export const STUCK: Owed = { code: 'EVENT_STUCK', subject: null };

/** What a look came to that did not come to its end. */
export interface Setback {
  /**
   * `parked`: what it belongs to is missing. `unknown`: the provider knows nothing of it. `failed`: tried again. `refused`: the same
   * question would get the same answer. `unauthorized`: the account cannot be asked at all.
   */
  kind: 'parked' | 'unknown' | 'failed' | 'refused' | 'unauthorized';
  detail: string;
  /** How long the provider wants to be left alone. */
  waitMs?: number | undefined;
  /** Of what is parked or unknown. */
  owed?: Owed | null | undefined;
}

/** In words that hold nothing of what was being written: an error of the database quotes the whole statement before its own words. */
export function setbackOf(error: unknown): Setback {
  if (error instanceof PaymentTrouble) {
    const { reason, message, retryAfterMs } = error;
    if (reason === 'unauthorized' || reason === 'refused') return { kind: reason, detail: message };
    return { kind: 'failed', detail: message, waitMs: retryAfterMs };
  }
  if (error instanceof Problem) return { kind: 'failed', detail: error.message };
  const words = error instanceof Error ? (error.message.split(' - ').at(-1) as string) : String(error);
  return { kind: 'failed', detail: `something went wrong on our side: ${words.slice(0, 300)}` };
}

/** What becomes of an event that is not tried again after this; null: it is tried for as long as it takes. */
export function endOf({
  kind,
  owed,
}: Setback): { state: 'stuck' | 'ignored'; looks: number; patienceMs: number } | null {
  switch (kind) {
    case 'parked':
      return { state: owed ? 'stuck' : 'ignored', looks: FEWEST_LOOKS, patienceMs: PATIENCE_MS };
    case 'unknown':
      return { state: owed ? 'stuck' : 'ignored', looks: LOOKS_FOR_UNKNOWN, patienceMs: 0 };
    case 'failed':
      return { state: 'stuck', looks: FEWEST_LOOKS, patienceMs: PATIENCE_MS };
    case 'refused':
      return { state: 'stuck', looks: 1, patienceMs: 0 };
    case 'unauthorized':
      return null;
  }
}
