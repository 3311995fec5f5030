import { DAY } from '../clock.ts';
import type { ProblemCode } from '../errors.ts';
import type { Chain } from './chains.ts';
import type { Grant, GrantSource, Length, SoldPackage } from './package-terms.ts';
import { addMonths } from './spans.ts';
import type { PackageRecord } from './store-packages.ts';

/** A step in time, or the instant itself: days clip nowhere, months as those of a grant do. */
export type Move = { by: Length } | { to: number };

/** What can be done to a license that exists, for one or for many. `packageId` null: what carries the license. */
export type LicenseChange =
  | { kind: 'renew'; packageId: string | null; quantity: number | null }
  | { kind: 'extend'; packageId: string | null; move: Move }
  | { kind: 'shorten'; packageId: string | null; move: Move | 'now' }
  /** `end` null: without an end. */
  | { kind: 'end'; packageId: string | null; end: number | null; repositoryId?: string | null }
  /** `end` missing: that of what it takes the place of. */
  | { kind: 'switch'; to: string; from: string | null; quantity: number | null; end?: number | null }
  | { kind: 'suspend' }
  | { kind: 'resume' }
  | { kind: 'revoke' };

/** A line of the ledger that is to be written. */
export interface NewGrant {
  sold: SoldPackage;
  /** A version of the package, or the one that this grant was sold in. */
  version: number | { of: string };
  source: GrantSource;
  length: Length | null;
  endsAt: number | null;
  quantity: number;
  supersedes: string[];
}

export interface Refusal {
  kind: 'refused';
  code: ProblemCode;
  detail: string;
  /** The field of the request that is to blame. */
  pointer?: string;
}

export type Decision =
  | Refusal
  /** It is so already. */
  | { kind: 'unchanged' }
  | { kind: 'state' }
  | { kind: 'grants'; grants: NewGrant[] };

export type Offer = Pick<PackageRecord, 'id' | 'name' | 'kind' | 'repositoryId' | 'active' | 'version' | 'terms'>;

export interface LicenseNow {
  license: { master: boolean; suspendedAt: string | null; revokedAt: string | null; heldAt: string | null };
  ledger: readonly Grant[];
  /** The packages of the organization as they are sold now, by id. */
  offers: ReadonlyMap<string, Offer>;
  /** Packages that a running subscription pays for: what it pays for is changed by it alone. */
  running: ReadonlySet<string>;
  now: number;
}

export function refused(code: ProblemCode, detail: string, pointer?: string): Refusal {
  return { kind: 'refused', code, detail, ...(pointer === undefined ? {} : { pointer }) };
}

export function nothingOpen(packageId: string | null): Refusal {
  return packageId === null
    ? refused('NOTHING_OPEN', 'the license holds nothing open that this could be done to')
    : refused('NOTHING_OPEN', `the license holds nothing open of ${packageId}`, '/package_id');
}

/** Several packages carry the license and none was named. */
export function unclear(chains: readonly Chain[], { offers }: Pick<LicenseNow, 'offers'>, pointer: string): Refusal {
  const names = chains.map(({ packageId }) => `${packageId} ("${offers.get(packageId)?.name ?? ''}")`).join(', ');
  return refused('PACKAGE_UNCLEAR', `the license holds several packages; name one of ${names}`, pointer);
}

/** Why a package can't be given out now; null: it can. */
export function whyNotSold({ name, active, terms }: Offer, now: number): Refusal | null {
  if (!active) return refused('PACKAGE_INACTIVE', `"${name}" is not sold any more`, '/package_id');
  const isOver = terms.fixed !== null && terms.fixed.until <= now;
  return isOver ? refused('PACKAGE_INACTIVE', `"${name}" ended`, '/package_id') : null;
}

export function soldAs({ id, kind, repositoryId, terms }: Offer): SoldPackage {
  return { id, kind, repositoryId, terms };
}

const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** So much later, or with `sign` -1 earlier. */
export function moved(from: number, { value, unit }: Length, sign: 1 | -1): number {
  if (unit === 'day') return Math.min(from + sign * value * DAY, LAST_INSTANT);
  return addMonths(from, sign * value * (unit === 'year' ? 12 : 1));
}
