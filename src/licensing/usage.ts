import type { Db } from '../db/connect.ts';
import { touchActivation } from './store-activations.ts';
import { rollUpUsage } from './store-usage.ts';

/** So many rows take a few milliseconds; the writer is free for claims and polls in between. */
const SLICE = 2_000;

/** Folds the log of answers into the day counters, slice by slice, and notes when each site was seen last. Returns the rows. */
export async function rollUp(db: Db): Promise<number> {
  let total = 0;
  for (;;) {
    const { rows } = await db.tx(async (tx) => {
      const done = await rollUpUsage(tx, SLICE);
      for (const { license_id, site, at } of done.seen) await touchActivation(tx, license_id, [site], at);
      return done;
    });
    total += rows;
    if (rows < SLICE) return total;
  }
}
