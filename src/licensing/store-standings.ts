import { isoOrNull } from '../clock.ts';
import { forUpdate, type Tx } from '../db/dialect.ts';
import type { Standing } from './standing.ts';

export interface OverdueRecord {
  id: string;
  organizationId: string;
}

/** No change of the license itself: its revision stays. Its keys have the state too, for lists of keys. */
export async function saveStanding(tx: Tx, licenseId: string, standing: Standing): Promise<void> {
  await tx('licenses')
    .where({ id: licenseId })
    .update({
      state: standing.state,
      state_until: isoOrNull(standing.until),
      valid_until: isoOrNull(standing.validUntil),
      sites_allowed: standing.sites,
    });
  await tx('license_keys')
    .where({ license_id: licenseId })
    .whereNot({ state: standing.state })
    .update({ state: standing.state });
}

/** Licenses whose standing may have changed with time, or was never computed. */
export async function overdueLicenses(tx: Tx, now: string, most: number): Promise<string[]> {
  return tx('licenses').where('state_until', '<=', now).orderBy('state_until').limit(most).pluck('id');
}

/** The same once more, under their locks; in one order, so that two instances don't wait for each other. */
export async function lockOverdue(tx: Tx, ids: readonly string[], now: string): Promise<OverdueRecord[]> {
  const query = tx('licenses').whereIn('id', ids).where('state_until', '<=', now).orderBy('id');
  const rows = await forUpdate(tx, query.select('id', 'organization_id'));
  return rows.map((row) => ({ id: row.id as string, organizationId: row.organization_id as string }));
}
