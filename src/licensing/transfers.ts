import { DAY } from '../clock.ts';

/** Slots that may be given up with the key in so many days: 5, or a fifth of the sites where that is more. */
const WINDOW_DAYS = 30;
const AT_LEAST = 5;
const SHARE = 0.2;

/** A window that looks back from now, ms UTC. */
export function transferWindow(now: number): number {
  return now - WINDOW_DAYS * DAY;
}

/** `limit` null: unlimited, so what counts now is what there is. A license that is beyond its limit counts as what it has. */
export function mostTransfers(limit: number | null, counted: number): number {
  return Math.max(AT_LEAST, Math.floor(Math.max(limit ?? 0, counted) * SHARE + 1e-9));
}

/** When the next slot may be given up: null: now. `released` are those of the window, oldest first, ms UTC. */
export function nextTransfer(released: readonly number[], most: number): number | null {
  const oldest = released[released.length - most];
  return oldest === undefined ? null : oldest + WINDOW_DAYS * DAY;
}
