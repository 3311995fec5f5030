import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { deleteStrikes, lockStrikes, saveStrikes } from './store-strikes.ts';
import { FORGOTTEN_AFTER, struck } from './strike.ts';

/**
 * Counts a key that was not found against the network that asked, in the database, so that all instances count together. Called
 * after the look-up only: a known key is never refused for its network. Throws LOCKED_OUT.
 */
export async function strike(db: Db, network: string, now: number): Promise<void> {
  const retryAfterSeconds = await db.tx(async (tx) => {
    const before = await lockStrikes(tx, network, now);
    const { after, retryAfterSeconds } = struck(before, now);
    await saveStrikes(tx, network, after);
    return retryAfterSeconds;
  });
  if (retryAfterSeconds !== null)
    throw problem('LOCKED_OUT', 'too many keys were not found; wait, and look at the key again', { retryAfterSeconds });
}

/** Forgets networks that have been silent for longer than any lock counts; returns how many. */
export async function purgeStrikes(db: Db, now: number): Promise<number> {
  return db.tx((tx) => deleteStrikes(tx, toIso(now - 2 * FORGOTTEN_AFTER)));
}
