import type { VerdictCode } from './verdict.ts';

const REASONS: Record<VerdictCode, string> = {
  KEY_MALFORMED: 'The license key has a typing error.',
  NOT_FOUND: 'There is no such license key for this product.',
  KEY_REVOKED: 'This license key was withdrawn; ask the vendor for the new one.',
  REVOKED: 'This license was withdrawn.',
  SUSPENDED: 'This license is suspended.',
  NOT_YET_VALID: 'This license has not begun.',
  CANCELED: 'This license was canceled.',
  EXPIRED: 'The time of this license for updates is over.',
  SITE_REQUIRED: 'The name of the site is needed.',
  SITE_NOT_ALLOWED: 'This license key is not for this site.',
  SITE_LIMIT: 'All sites of this license are taken.',
  CHANNEL_NOT_INCLUDED: 'This license does not include the channel.',
  UPDATES_EXPIRED: 'This version came after the end of the license.',
  ENTITLEMENT_MISSING: 'This license does not include the feature.',
  GRACE: 'The license has ended; its grace period lasts.',
  PAST_DUE: 'A payment is due.',
  TRIAL: 'This is a trial.',
  EXPIRING: 'The license ends soon.',
  VALID: 'The license is valid.',
  OPEN: 'No license key is needed.',
  UNAVAILABLE: 'The answer could not be recorded.',
};

/** The reason in one sentence, for people. */
export function reasonOf(code: VerdictCode): string {
  return REASONS[code];
}
