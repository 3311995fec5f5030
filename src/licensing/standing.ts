import { type LicenseStatus, licenseStatus, wholeTerms } from './license-status.ts';
import type { Grant, ScopedProduct } from './package-terms.ts';
import { spansOf } from './spans.ts';

/** What the row of a license remembers of its ledger, so that lists can filter and sort by it. Times are ms UTC. */
export interface Standing {
  /** Its status by time alone: who looks at it puts `suspended` and `revoked` before it. */
  state: Exclude<LicenseStatus, 'suspended' | 'revoked'>;
  /** From then on it may be another one, and must be computed again; null: it stays. */
  until: number | null;
  validUntil: number | null;
  /** Sites that it may have, as it is shown; null: as many as one likes, or none of its lines is open. */
  sites: number | null;
}

const FLAGLESS = { suspended: false, revoked: false };

/**
 * The standing of a ledger at one instant and until when it holds. Between two edges of its spans nothing changes, so only these
 * are looked at. `products` are those of the organization.
 */
export function standingAt(grants: readonly Grant[], products: readonly ScopedProduct[], now: number): Standing {
  const here = standing(grants, products, now);
  const until = edgesAfter(grants, now).find((edge) => !isSame(standing(grants, products, edge), here));
  return { ...here, until: until ?? null };
}

type Here = Omit<Standing, 'until'>;

function standing(grants: readonly Grant[], products: readonly ScopedProduct[], now: number): Here {
  const whole = wholeTerms(grants, products, now);
  const isOpen = whole.state !== 'canceled' && whole.state !== 'none';
  return {
    state: licenseStatus(FLAGLESS, whole) as Here['state'],
    validUntil: whole.validUntil,
    sites: isOpen ? whole.limits.sites : null,
  };
}

function isSame(a: Here, b: Here): boolean {
  return a.state === b.state && a.validUntil === b.validUntil && a.sites === b.sites;
}

function edgesAfter(grants: readonly Grant[], now: number): number[] {
  const edges = spansOf(grants).flatMap(({ start, end, graceEnd }) => [start, end, graceEnd]);
  const later = edges.filter((edge): edge is number => edge !== null && edge > now);
  return [...new Set(later)].sort((a, b) => a - b);
}
