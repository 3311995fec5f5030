import { createHash } from 'node:crypto';
import type { DomainPattern } from './domain-pattern.ts';
import type { KeyPurpose } from './license-key.ts';
import { LICENSE_STATUSES } from './license-status.ts';

/** `expiring`: active or a trial, and over within 14 days. The others are the status that is shown. */
export const LISTED_STATUSES = [...LICENSE_STATUSES, 'expiring'] as const;
export type ListedStatus = (typeof LISTED_STATUSES)[number];

/** Which licenses or keys of an organization are meant; all that is said must hold. Instants are ISO. */
export interface LicenseFilter {
  organizationId: string;
  /** Licenses that have any line of a package of this repository. */
  repositoryId?: string | undefined;
  licenseId?: string | undefined;
  keyHash?: string | undefined;
  hint?: string | undefined;
  email?: string | undefined;
  emailPrefix?: string | undefined;
  customerId?: string | undefined;
  /** Beginnings of words of name, e-mail and organization name; each must be found. Empty: nothing is. */
  words?: readonly string[] | undefined;
  externalCustomerId?: string | undefined;
  externalWorkspaceId?: string | undefined;
  domain?: DomainPattern | undefined;
  packageId?: string | undefined;
  productId?: string | undefined;
  paymentRef?: string | undefined;
  status?: ListedStatus | undefined;
  purpose?: KeyPurpose | undefined;
  /** Still lasts, and ends before then. */
  expiringBefore?: string | undefined;
  /** Has ended, before then. */
  expiredBefore?: string | undefined;
  neverUsed?: boolean | undefined;
  overLimit?: boolean | undefined;
  createdFrom?: string | undefined;
  createdBefore?: string | undefined;
}

/** `-` before a name: the greatest first. What has no value comes last either way. */
export const LICENSE_SORTS = ['created', '-created', 'valid_until', '-valid_until', 'customer', '-customer'] as const;
export type LicenseSort = (typeof LICENSE_SORTS)[number];
export const KEY_SORTS = [...LICENSE_SORTS, 'last_used', '-last_used'] as const;
export type KeySort = (typeof KEY_SORTS)[number];

/** The same for the same filter and order, so that a cursor is refused by another list than its own. */
export function listFingerprint(filter: object, sort: string): string {
  const said = Object.entries(filter).filter(([, value]) => value !== undefined);
  const text = JSON.stringify([sort, said.sort(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}
