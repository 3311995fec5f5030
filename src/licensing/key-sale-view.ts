import { z } from 'zod';
import { instant } from './fields.ts';
import { GrantView } from './grant-view.ts';
import { KeyView, keyView } from './key-view.ts';
import { LICENSE_STATUSES } from './license-status.ts';
import { LicenseView, licenseView, type WholeLicense } from './license-view.ts';
import type { KeyRecord } from './store-keys.ts';

/** What a shop deals with: a key together with its license. */

export const LicenseKeyView = KeyView.extend({
  status: z.enum(LICENSE_STATUSES).meta({ description: "The license's, unless the key itself is stopped" }),
  valid_until: instant.nullable(),
  license: LicenseView,
}).meta({ id: 'LicenseKey' });

export const LicenseKeyDetails = LicenseKeyView.extend({
  grants: z.array(GrantView).meta({ description: "The license's ledger; on a repository's routes only its own lines" }),
}).meta({ id: 'LicenseKeyDetails' });

export const SoldKeyView = LicenseKeyDetails.extend({
  key: z.string().nullable().meta({
    description:
      'The full license key, for the token whose sale made it, also when it asks again; another token gets it with the scope licenses:write only',
  }),
  grant_id: z.string().meta({ description: 'The line of the ledger that this sale wrote' }),
}).meta({ id: 'SoldKey' });

export function licenseKeyView(
  { key, license }: { key: KeyRecord; license: WholeLicense },
  repositoryId: string | null,
  now: number,
): z.input<typeof LicenseKeyView> {
  const shown = licenseView(license, repositoryId, now);
  const { key_status: own, ...rest } = keyView(key, now);
  const status = own === 'active' || shown.status === 'revoked' ? shown.status : own === 'ended' ? 'expired' : own;
  return { ...rest, key_status: own, status, valid_until: shown.valid_until, license: shown };
}
