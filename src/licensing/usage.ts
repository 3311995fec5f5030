import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { afterSigns, sitesSeen } from './sightings.ts';
import { slotsSeen, touchActivations } from './store-activations.ts';
import { saveInstallations } from './store-installations.ts';
import { countUsage, countVersions, dropUsage, lockOldestUsage, signsIn, touchKeys } from './store-roll-up.ts';

/** So many rows take a few milliseconds; the writer is free for claims and polls in between. */
const SLICE = 500;

/** Folds the log of answers into the counters, slice by slice, and notes where each site was seen last. Returns the rows. */
export async function rollUp(db: Db): Promise<number> {
  let total = 0;
  for (;;) {
    const rows = await db.tx((tx) => rollUpSlice(tx, SLICE));
    total += rows;
    if (rows < SLICE) return total;
  }
}

/** The oldest rows, at most `most`, so that each call takes a few milliseconds. */
export async function rollUpSlice(tx: Tx, most: number): Promise<number> {
  const rows = await lockOldestUsage(tx, most);
  if (rows.length === 0) return 0;
  await countUsage(tx, rows);
  const signs = await signsIn(tx, rows);
  const slots = await slotsSeen(tx, sitesSeen(signs));
  const seen = await afterSigns(tx, signs, slots);
  await saveInstallations(
    tx,
    seen.map(({ installation }) => installation),
  );
  await countVersions(
    tx,
    seen.flatMap(({ counts }) => counts),
  );
  await touchActivations(tx, slots);
  await touchKeys(tx, rows);
  await dropUsage(tx, rows);
  return rows.length;
}
