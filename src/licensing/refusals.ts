import type { ProblemCode } from '../errors.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * What a change that is asked for with a license key answers where the gate says no: the one table from verdicts to problems. null:
 * such a verdict refuses no change.
 */
const REFUSALS = {
  KEY_MALFORMED: 'KEY_MALFORMED',
  NOT_FOUND: 'LICENSE_NOT_FOUND',
  KEY_REVOKED: 'KEY_REVOKED',
  REVOKED: 'LICENSE_REVOKED',
  SUSPENDED: 'LICENSE_SUSPENDED',
  NOT_YET_VALID: 'LICENSE_NOT_YET_VALID',
  CANCELED: 'LICENSE_CANCELED',
  // Also where the package leaves something after its end: that may be used, and nothing new begins.
  EXPIRED: 'LICENSE_EXPIRED',
  SITE_REQUIRED: 'INVALID_REQUEST',
  SITE_NOT_ALLOWED: 'SITE_NOT_ALLOWED',
  SITE_LIMIT: 'SITE_LIMIT',
  CHANNEL_NOT_INCLUDED: null,
  UPDATES_EXPIRED: null,
  ENTITLEMENT_MISSING: null,
  GRACE: null,
  PAST_DUE: null,
  TRIAL: null,
  EXPIRING: null,
  VALID: null,
  OPEN: null,
  UNAVAILABLE: 'UNAVAILABLE',
} as const satisfies Record<VerdictCode, ProblemCode | null>;

export function refusalOf(code: VerdictCode): ProblemCode | null {
  return REFUSALS[code];
}
