import { dayOf, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { addMonths } from './spans.ts';
import { deleteInstallations, deleteRefusals, foldSites } from './store-retention.ts';

/** So many keys of a day take some ten milliseconds; polls go in between. */
const KEYS = 200;
const ROWS = 1_000;

/**
 * Takes the names of sites out of usage that is older than `months`: counters stay, by day, product, key and answer. What was heard
 * of no more since goes. A second run changes nothing.
 */
export async function forgetOldUsage(db: Db, now: number, months: number): Promise<void> {
  const before = addMonths(now, -months);
  const beforeDay = dayOf(before);
  while (await db.tx((tx) => foldSites(tx, beforeDay, KEYS)));
  while (await db.tx((tx) => deleteRefusals(tx, beforeDay, ROWS)));
  while (await db.tx((tx) => deleteInstallations(tx, toIso(before), ROWS)));
}
