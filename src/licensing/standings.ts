import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { standingAt } from './standing.ts';
import { ledgersOf } from './store-lookup.ts';
import { lockOverdue, overdueLicenses, saveStanding } from './store-standings.ts';

/** So many licenses take some ten milliseconds; the writer is free for polls in between. */
const SLICE = 100;
/** What one call does at most; the rest waits for the next one. */
const MOST_SLICES = 50;

/**
 * Computes anew what time has changed since it was written: licenses that ended, began or left their grace. Called before a list
 * that filters by it is read, and every few seconds. Returns how many there were.
 */
export async function settleStandings(db: Db, now: number): Promise<number> {
  const at = toIso(now);
  let settled = 0;
  for (let slice = 0; slice < MOST_SLICES; slice++) {
    const ids = await db.read((tx) => overdueLicenses(tx, at, SLICE));
    if (ids.length === 0) break;
    settled += await db.tx(async (tx) => {
      const overdue = await lockOverdue(tx, ids, at);
      const ledgers = await ledgersOf(
        tx,
        overdue.map(({ id }) => id),
      );
      const organizations = [...new Set(overdue.map(({ organizationId }) => organizationId))];
      for (const organizationId of organizations) {
        const products = await productsOfOrganization(tx, organizationId);
        for (const { id } of overdue.filter((each) => each.organizationId === organizationId))
          await saveStanding(tx, id, standingAt(ledgers.get(id) ?? [], products, now));
      }
      return overdue.length;
    });
  }
  return settled;
}
