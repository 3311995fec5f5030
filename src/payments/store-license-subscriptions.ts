import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow } from '../db/rows.ts';
import type { SubscriptionState } from './facts.ts';
import type { Mode } from './gateway.ts';

/** A subscription as its license shows it. */
export interface LicenseSubscriptionRecord {
  id: string;
  licenseId: string;
  provider: string;
  mode: Mode;
  state: SubscriptionState;
  runs: boolean;
  paidThrough: string | null;
  failedAt: string | null;
  graceUntil: string | null;
  cancelAt: string | null;
  endedAt: string | null;
}

/** Of each license, the oldest first. */
export async function subscriptionsOfLicenses(
  tx: Tx,
  licenseIds: readonly string[],
): Promise<LicenseSubscriptionRecord[]> {
  if (licenseIds.length === 0) return [];
  const columns = columnsOf(
    ...['id', 'licenseId', 'provider', 'mode', 'state', 'runs', 'paidThrough', 'failedAt', 'graceUntil', 'cancelAt'],
    'endedAt',
  );
  const rows = await tx('subscriptions').whereIn('license_id', licenseIds).orderBy('id').select(columns);
  return rows.map((row) => fromRow<LicenseSubscriptionRecord>(row, { booleans: ['runs'] }));
}
