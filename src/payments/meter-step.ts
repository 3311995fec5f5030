import { DAY, fromIso, MINUTE } from '../clock.ts';

/**
 * `unconfirmed`: it was sent and no answer came, so that nobody knows whether it counts. `uncertain`: so it stayed, until sending it
 * again could count it twice. `dropped`: too old for the provider.
 */
export const USAGE_STATES = ['pending', 'unconfirmed', 'sent', 'uncertain', 'refused', 'dropped'] as const;
export type UsageState = (typeof USAGE_STATES)[number];

/** How long a provider knows an identifier again. */
const KNOWN_AGAIN_MS = DAY;
/** How old usage may be that a provider takes, and how far its clock may be ahead of ours. */
export const MAX_AGE_MS = 35 * DAY;
export const MAX_AHEAD_MS = 5 * MINUTE;

export interface UsageTimes {
  /** When it was used. */
  at: string;
  /** When it was first sent; null: never. */
  triedAt: string | null;
}

/** What is to be done with usage that is not settled. A try that may have counted comes before its age. */
export function stepOf({ at, triedAt }: UsageTimes, now: number): 'send' | 'uncertain' | 'dropped' {
  if (triedAt !== null && now - fromIso(triedAt) >= KNOWN_AGAIN_MS) return 'uncertain';
  return now - fromIso(at) > MAX_AGE_MS ? (triedAt === null ? 'dropped' : 'uncertain') : 'send';
}
