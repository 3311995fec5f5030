import { z } from 'zod';

/** The words of what is sold and owned. Everything here is plain data; the rules stand in spans.ts, terms.ts and verdict.ts. */

export const PACKAGE_KINDS = ['base', 'addon', 'trial', 'master'] as const;
export type PackageKind = (typeof PACKAGE_KINDS)[number];

export const LENGTH_UNITS = ['day', 'month', 'year'] as const;
export const AFTER_END = ['nothing', 'shown', 'owned'] as const;
export type AfterEnd = (typeof AFTER_END)[number];

const MAX_LIMIT = 1_000_000_000;
export const MAX_OVERAGE_PERCENT = 1_000;
export const MAX_TAKEOVER_DAYS = 3_650;
const limit = z.number().int().min(0).max(MAX_LIMIT).nullable();

/** How long one sale lasts; null where it has no end. */
export const Length = z.object({ value: z.number().int().min(1).max(36_500), unit: z.enum(LENGTH_UNITS) });
export type Length = z.infer<typeof Length>;

export const Entitlement = z.union([z.boolean(), z.number(), z.string().max(500)]);
export type EntitlementValue = z.infer<typeof Entitlement>;

/**
 * What one sold version of a package gives. A later edit of the package makes a new version and does not touch what was sold.
 * Limits: `null` is unlimited, 0 adds none.
 */
export const PackageTerms = z.object({
  length: Length.nullable(),
  /** Fixed dates, ms UTC: every grant of it has just these; a renewal moves neither. */
  fixed: z.object({ from: z.number().int(), until: z.number().int() }).nullable(),
  startsOn: z.enum(['issue', 'first_use']),
  channels: z.array(z.string().min(1).max(40)).min(1).max(30),
  sites: limit,
  devices: limit,
  seats: limit,
  sessions: limit,
  siteUnit: z.enum(['host', 'registrable']),
  graceDays: z.number().int().min(0).max(3_650),
  afterEnd: z.enum(AFTER_END),
  /** Products it covers: null is every product of its level (organization or repository), later ones too. */
  products: z.array(z.string()).max(1_000).nullable(),
  entitlements: z.record(z.string().min(1).max(60), Entitlement),
  /** How many sites more than the limit are let in and flagged, in percent of the limit; null: none. */
  overage: z.object({ percent: z.number().int().min(1).max(MAX_OVERAGE_PERCENT) }).nullable(),
  /** A full license may take the slot of a site that was silent for so many days; null: never. */
  takeoverDays: z.number().int().min(1).max(MAX_TAKEOVER_DAYS).nullable(),
});
export type PackageTerms = z.infer<typeof PackageTerms>;

/** For terms that came after a version was stored: it was sold without them. */
const LATER_TERMS = { overage: null, takeoverDays: null } satisfies Partial<PackageTerms>;

/** Terms as they are stored. What stands there was checked when it was written, and a poll has no time to check it again. */
export function storedTerms(text: string): PackageTerms {
  return { ...LATER_TERMS, ...(JSON.parse(text) as PackageTerms) };
}

export interface SoldPackage {
  id: string;
  kind: PackageKind;
  /** null: a package of the organization. */
  repositoryId: string | null;
  terms: PackageTerms;
}

export const GRANT_SOURCES = ['purchase', 'renewal', 'card', 'admin', 'switch', 'trial', 'import', 'master'] as const;
export type GrantSource = (typeof GRANT_SOURCES)[number];

/** One line of a license's ledger, with the package in the version that was sold. Times are ms UTC. */
export interface Grant {
  id: string;
  package: SoldPackage;
  source: GrantSource;
  givenAt: number;
  /** Of this grant; null together with a null `endsAt` means no end. */
  length: Length | null;
  /** An end that is set by hand or by a provider; goes before `length`. */
  endsAt: number | null;
  quantity: number;
  paymentRef: string | null;
  supersedes: readonly string[];
  /** When a grant that starts at first use was first used. */
  firstUsedAt: number | null;
  /** Since when it is closed (refunded); null while it is open. */
  closedAt: number | null;
  /** Where a subscription paid for it; null: any other. */
  subscription: PaidPeriod | null;
}

/** The time that one charge of a subscription pays for: from `start` to the grant's `endsAt`, whatever else is in its chain. */
export interface PaidPeriod {
  id: string;
  /** ms UTC. */
  start: number;
  /** Of the last paid period: how long access goes on behind it, ms UTC. null: not at all. */
  graceUntil: number | null;
  /** A charge for the time behind it is known to have failed. */
  pastDue: boolean;
  /** The time behind it is charged by itself. */
  renews: boolean;
}

/** A product as the scope of a package sees it. */
export interface ScopedProduct {
  id: string;
  repositoryId: string | null;
}

export function covers(sold: SoldPackage, product: ScopedProduct): boolean {
  if (sold.repositoryId !== null && sold.repositoryId !== product.repositoryId) return false;
  return sold.terms.products === null || sold.terms.products.includes(product.id);
}
