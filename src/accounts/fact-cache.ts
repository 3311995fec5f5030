import { MINUTE, SECOND } from '../clock.ts';
import { ForgeTrouble, type ForgeTroubleReason, problem } from '../errors.ts';

/** What a forge says of somebody: true at a moment, asked again when it is old. */
export interface FactCache {
  /**
   * The answer to `name`, asked by `look` where what is remembered is older than a minute; everybody who asks meanwhile waits for the
   * same look. Where the forge cannot be asked, a read goes on with what was true a quarter of an hour ago; a write does not.
   * Throws FORGE_TROUBLE.
   */
  ask<T>(forgeId: string, name: string, when: { now: number; isWrite: boolean }, look: () => Promise<T>): Promise<T>;
  /** Everything of a forge is asked anew, and looks that are under way count for nothing. */
  forget(forgeId: string): void;
}

export const FACT_FRESH_MS = MINUTE;
export const FACT_KEPT_MS = 15 * MINUTE;
/** A forge that does not answer is not asked again at once: each asking may take as long as its time-out. */
export const RETRY_AFTER_MS = 10 * SECOND;

interface Entry {
  value: unknown;
  /** When it was asked that the value answers; null: there is no value yet. */
  askedAt: number | null;
  failed: { at: number; why: ForgeTroubleReason } | null;
  running: Promise<unknown> | null;
}

export function makeFactCache(most = 50_000): FactCache {
  const forges = new Map<string, Map<string, Entry>>();

  function entryOf(forgeId: string, name: string): Entry {
    const known = forges.get(forgeId) ?? new Map<string, Entry>();
    forges.set(forgeId, known);
    const entry = known.get(name) ?? { value: undefined, askedAt: null, failed: null, running: null };
    // The first entry of a Map is then the one that was not asked for the longest.
    known.delete(name);
    known.set(name, entry);
    const [oldest] = known.keys();
    if (known.size > most && oldest !== undefined) known.delete(oldest);
    return entry;
  }

  return {
    async ask<T>(forgeId: string, name: string, when: { now: number; isWrite: boolean }, look: () => Promise<T>) {
      const entry = entryOf(forgeId, name);
      const { now } = when;
      if (isWithin(entry.askedAt, now, FACT_FRESH_MS)) return entry.value as T;
      if (entry.running === null && isWithin(entry.failed?.at ?? null, now, RETRY_AFTER_MS))
        return fallBack<T>(entry, when);
      entry.running ??= lookOnce(entry, now, look);
      try {
        return (await entry.running) as T;
      } catch (error) {
        if (!(error instanceof ForgeTrouble)) throw error;
        return fallBack<T>(entry, when);
      }
    },
    forget: (forgeId) => void forges.delete(forgeId),
  };
}

async function lookOnce(entry: Entry, now: number, look: () => Promise<unknown>): Promise<unknown> {
  try {
    const value = await look();
    Object.assign(entry, { value, askedAt: now, failed: null });
    return value;
  } catch (error) {
    if (error instanceof ForgeTrouble) entry.failed = { at: now, why: error.reason };
    throw error;
  } finally {
    entry.running = null;
  }
}

function fallBack<T>(entry: Entry, { now, isWrite }: { now: number; isWrite: boolean }): T {
  if (!isWrite && isWithin(entry.askedAt, now, FACT_KEPT_MS)) return entry.value as T;
  const why = entry.failed === null ? '' : ` (${entry.failed.why})`;
  throw problem('FORGE_TROUBLE', `the forge could not be asked for your role${why}; nothing was done, try again later`);
}

/** A clock that was set back makes nothing older. */
function isWithin(at: number | null, now: number, ms: number): boolean {
  return at !== null && now - at < ms;
}
