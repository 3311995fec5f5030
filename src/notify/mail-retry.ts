import { DAY, HOUR, MINUTE } from '../clock.ts';

/** How long after a failure the next attempt comes: over four days, since a mail server that is down on a Friday is mended on Monday. */
const WAITS: readonly number[] = [
  ...[MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 20 * HOUR, DAY, DAY, DAY],
];
/** Up to a tenth is added, so that what failed together does not come back together. */
const JITTER = 0.1;

/** When a mail that failed so many times is tried again; null: it is given up. `dice` is a random number from 0 to 1. */
export function nextTry(attempts: number, now: number, dice: number): number | null {
  const wait = WAITS[attempts - 1];
  return wait === undefined ? null : now + wait * (1 + JITTER * dice);
}
