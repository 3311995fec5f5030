/** Milliseconds since the Unix epoch, UTC. Every rule takes the time as an argument; only this type knows where it comes from. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

/** Fixed width (24 characters), so that instants stored as text sort and compare as time does. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

export function fromIso(text: string): number {
  return Date.parse(text);
}

/** Of an instant that may be missing. */
export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}

export function msOrNull(text: string | null): number | null {
  return text === null ? null : fromIso(text);
}

/** The UTC day of an instant, `YYYY-MM-DD`. */
export function dayOf(ms: number): string {
  return toIso(ms).slice(0, 10);
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
