import { fromIso, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import type { Strikes } from './strike.ts';

/** Reads what is known of a network and holds its row, in one statement; one that is not known is known from now on. */
export async function lockStrikes(tx: Tx, network: string, now: number): Promise<Strikes> {
  const [row] = await tx('strikes')
    .insert({ network, misses: '[]', locks: 0, locked_until: null, last_at: toIso(now) })
    .onConflict('network')
    .merge(['last_at'])
    .returning(['misses', 'locks', 'locked_until']);
  return {
    misses: JSON.parse(row.misses) as number[],
    locks: Number(row.locks),
    lockedUntil: row.locked_until === null ? null : fromIso(row.locked_until),
  };
}

export async function saveStrikes(tx: Tx, network: string, { misses, locks, lockedUntil }: Strikes): Promise<void> {
  const locked = lockedUntil === null ? null : toIso(lockedUntil);
  await tx('strikes')
    .where({ network })
    .update({ misses: JSON.stringify(misses), locks, locked_until: locked });
}

/** How many networks were forgotten. */
export async function deleteStrikes(tx: Tx, before: string): Promise<number> {
  return tx('strikes').where('last_at', '<', before).delete();
}
