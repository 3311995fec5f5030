import { toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import type { LicenseRecord } from './store-licenses.ts';

/** The row of a license that has nothing in its ledger yet. */
export function newLicense(
  of: Pick<LicenseRecord, 'organizationId' | 'customerId' | 'master'>,
  now: number,
): LicenseRecord {
  return {
    ...of,
    id: newId('license', now),
    validUntil: null,
    countedSites: 0,
    exemptSites: 0,
    overLimitAt: null,
    suspendedAt: null,
    revokedAt: null,
    heldAt: null,
    stateReason: null,
    notes: '',
    revision: 1,
    createdAt: toIso(now),
  };
}
