import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { installationId, isInstallation, type Sign, takeSigns } from './installed.ts';
import { type SiteSeen, touchActivations } from './store-activations.ts';
import { knownInstallations, saveInstallations } from './store-installations.ts';
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
  await noteInstallations(tx, signs);
  await touchActivations(tx, sitesSeen(signs));
  await touchKeys(tx, rows);
  await dropUsage(tx, rows);
  return rows.length;
}

/** Signs come oldest first, so that the last of a site stays. */
function sitesSeen(signs: readonly Sign[]): SiteSeen[] {
  const seen = new Map<string, SiteSeen>();
  for (const { licenseId, site, at } of signs)
    if (licenseId !== '' && site !== '') seen.set(`${licenseId}\n${site}`, { licenseId, site, at });
  return [...seen.values()];
}

async function noteInstallations(tx: Tx, signs: readonly Sign[]): Promise<void> {
  const groups = new Map<string, Sign[]>();
  for (const sign of signs.filter(isInstallation)) {
    const group = groups.get(installationId(sign));
    if (group) group.push(sign);
    else groups.set(installationId(sign), [sign]);
  }
  const known = await knownInstallations(
    tx,
    [...groups.values()].flatMap(([first]) => first ?? []),
  );
  const seen = [...groups].map(([id, group]) => takeSigns(known.get(id), group));
  const installations = seen.map(({ installation }) => installation);
  await saveInstallations(tx, installations);
  const counts = seen.flatMap((each) => each.counts);
  await countVersions(tx, counts);
}
