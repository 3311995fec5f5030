import { covers, type Grant, type ScopedProduct } from './package-terms.ts';
import { canceledSince, LIMITS, type Limits, type Terms, termsAt, validUntil } from './terms.ts';

/** What people are told a license is. Suspended and revoked go before everything that its time says. */
export const LICENSE_STATUSES = [
  'active',
  'trial',
  'grace',
  'not_yet_valid',
  'expired',
  'canceled',
  'suspended',
  'revoked',
] as const;
export type LicenseStatus = (typeof LICENSE_STATUSES)[number];

export interface StatusFlags {
  suspended: boolean;
  revoked: boolean;
}

const BY_TIME: Record<Terms['state'], LicenseStatus> = {
  active: 'active',
  grace: 'grace',
  not_yet: 'not_yet_valid',
  ended: 'expired',
  canceled: 'canceled',
  none: 'expired',
};

/** The one place where a status is decided (DESIGN §9). */
export function licenseStatus(flags: StatusFlags, terms: Pick<Terms, 'state' | 'trial'>): LicenseStatus {
  if (flags.revoked) return 'revoked';
  if (flags.suspended) return 'suspended';
  return terms.state === 'active' && terms.trial ? 'trial' : BY_TIME[terms.state];
}

/** A license as a whole: the best that it is for any product. Times are ms UTC. */
export interface WholeTerms<P extends ScopedProduct> {
  state: Terms['state'];
  trial: boolean;
  /** The latest end over all products; null: without an end, or nothing is open. */
  validUntil: number | null;
  startsAt: number | null;
  graceUntil: number | null;
  canceledAt: number | null;
  limits: Limits;
  /** Each of the given products that a grant was ever for. */
  products: { product: P; terms: Terms; limits: Limits }[];
}

const BEST_FIRST: readonly Terms['state'][] = ['active', 'grace', 'not_yet', 'ended', 'canceled', 'none'];

/**
 * What a ledger amounts to at one instant. `products` are those of the organization; what else a package would cover (a product
 * that comes later, or none yet) counts for the whole.
 */
export function wholeTerms<P extends ScopedProduct>(
  grants: readonly Grant[],
  products: readonly P[],
  now: number,
): WholeTerms<P> {
  const termsOf = rememberedTerms(grants, now);
  const known = products.map((product) => ({ product, ...termsOf(product) }));
  const later = [null, ...grants.map((grant) => grant.package.repositoryId)];
  const all = [...known, ...later.map((repositoryId) => termsOf({ id: '', repositoryId }))];
  const ranked = all.map(({ terms }) => terms).sort(byRank);
  const best = ranked[0] as Terms;
  const same = ranked.filter((terms) => terms.state === best.state);
  return {
    state: best.state,
    trial: best.trial,
    validUntil: validUntil(grants, products, now),
    startsAt: same.reduce<number | null>((first, { startsAt }) => pick(Math.min, first, startsAt), null),
    graceUntil: same.reduce<number | null>((last, { graceEnd }) => pick(Math.max, last, graceEnd), null),
    canceledAt: canceledSince(grants),
    limits: mostOf(all.filter(({ terms }) => terms.state === best.state).map(({ limits }) => limits)),
    products: known.filter(({ terms }) => terms.state !== 'none'),
  };
}

function pick(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : choose(a, b);
}

function byRank(a: Terms, b: Terms): number {
  return BEST_FIRST.indexOf(a.state) - BEST_FIRST.indexOf(b.state) || Number(a.trial) - Number(b.trial);
}

/** Products that the same grants cover have the same terms: of many products few are computed. */
function rememberedTerms(grants: readonly Grant[], now: number) {
  const known = new Map<string, { terms: Terms; limits: Limits }>();
  return (product: ScopedProduct) => {
    const coverage = grants.map((grant) => (covers(grant.package, product) ? '1' : '0')).join('');
    const found = known.get(coverage);
    if (found) return found;
    const terms = termsAt(grants, product, now);
    const made = { terms, limits: limitsShown(grants, product, terms) };
    known.set(coverage, made);
    return made;
  };
}

/** The limits to show: while nothing is in force, those of the first or the last instant at which something was. */
export function limitsShown(grants: readonly Grant[], product: ScopedProduct, terms: Terms): Limits {
  if (terms.state === 'not_yet' && terms.startsAt !== null) return termsAt(grants, product, terms.startsAt).limits;
  if (terms.state === 'ended' && terms.end !== null) return termsAt(grants, product, terms.end - 1).limits;
  return terms.limits;
}

function mostOf(all: readonly Limits[]): Limits {
  const most = (name: keyof Limits) =>
    all.reduce<number | null>((best, { [name]: limit }) => {
      return best === null || limit === null ? null : Math.max(best, limit);
    }, 0);
  return Object.fromEntries(LIMITS.map((name) => [name, most(name)])) as Limits;
}
