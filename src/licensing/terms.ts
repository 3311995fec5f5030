import {
  type AfterEnd,
  covers,
  type EntitlementValue,
  type Grant,
  type PackageTerms,
  type ScopedProduct,
} from './package-terms.ts';
import { openGrants, type Span, spansOf } from './spans.ts';

/** Every channel, also those that the organization makes later. Only master packages have it. */
export const EVERY_CHANNEL = '*';

export const LIMITS = ['sites', 'devices', 'seats', 'sessions'] as const;
export type Limits = Record<(typeof LIMITS)[number], number | null>;

/** What a base grant leaves after its end (and grace). */
export interface Remainder {
  kind: Exclude<AfterEnd, 'nothing'>;
  channels: string[];
  limits: Limits;
  siteUnit: PackageTerms['siteUnit'];
  overagePercent: number;
  takeoverDays: number | null;
  /** `owned`: releases first seen before this instant, ms UTC. */
  before: number;
}

/**
 * `none`: no grant was ever for this product. `canceled`: all that were are closed. `not_yet`: paid, not begun.
 * `active` and `grace`: in force. `ended`: over.
 */
type TermsState = 'none' | 'canceled' | 'not_yet' | 'active' | 'grace' | 'ended';

/** What a license gives for one product at one instant. */
export interface Terms {
  state: TermsState;
  /** Sorted; `*` is every channel. Empty unless the state is `active` or `grace`. */
  channels: string[];
  limits: Limits;
  siteUnit: PackageTerms['siteUnit'];
  /** How many sites more than the limit are let in and flagged, in percent of the limit; 0: none. */
  overagePercent: number;
  /** After so many silent days a site's slot may be taken when the license is full; null: never. */
  takeoverDays: number | null;
  entitlements: Record<string, EntitlementValue>;
  trial: boolean;
  master: boolean;
  /** End of the unbroken run of base, trial and master grants, ms UTC; null: without an end. */
  end: number | null;
  /** Until when grace lasts, if the state is `grace`. */
  graceEnd: number | null;
  /** It is in grace since a charge of its subscription failed. */
  pastDue: boolean;
  /** What ends last goes on by itself, so that its end is none to warn of. */
  renews: boolean;
  startsAt: number | null;
  canceledAt: number | null;
  remainders: Remainder[];
  /** Grants that start at first use and have not been used. */
  unstarted: string[];
}

/** The written merge rule (DESIGN §2). `grants` is the whole ledger of one license. */
export function termsAt(grants: readonly Grant[], product: ScopedProduct, now: number): Terms {
  // Chains run over the whole license: a package's scope may have changed between two of its versions.
  const spans = trimTrials(spansOf(grants).filter((span) => covers(span.grant.package, product)));
  const merged = mergeAt(spans, now);
  const mains = spans.filter(isMain);
  const status = mains.length > 0 ? statusAt(mains, now) : statusWithoutSpans(grants, product);
  return { ...merged, ...status, remainders: remaindersAt(spans, merged.channels, now) };
}

/** An add-on carries nothing by itself. */
function isMain({ grant }: { grant: Grant }): boolean {
  return grant.package.kind !== 'addon';
}

function isLive(span: Span, now: number): boolean {
  return span.start <= now && (span.graceEnd === null || now < span.graceEnd);
}

/** A trial counts only until a base grant starts. */
function trimTrials(spans: readonly Span[]): Span[] {
  const base = spans.find((span) => span.grant.package.kind === 'base');
  if (!base) return [...spans];
  return spans.flatMap((span) => {
    if (span.grant.package.kind !== 'trial') return [span];
    if (span.start >= base.start) return [];
    const end = earlier(span.end, base.start);
    return [{ ...span, end, graceEnd: earlier(span.graceEnd, Math.max(base.start, end)) }];
  });
}

function earlier(a: number | null, b: number): number {
  return a === null ? b : Math.min(a, b);
}

type Merged = Pick<Terms, 'channels' | 'limits' | 'entitlements' | 'trial' | 'master' | 'unstarted' | keyof SiteRules>;

function mergeAt(spans: readonly Span[], now: number): Merged {
  const live = spans.filter((span) => isLive(span, now));
  const mains = live.filter(isMain);
  // An add-on counts only beside something that it adds to.
  const counting = mains.length > 0 ? live : [];
  const grants = counting.map((span) => span.grant);
  return {
    channels: mergeChannels(grants),
    limits: mergeLimits(grants),
    ...mergeSiteRules(grants),
    entitlements: mergeEntitlements(grants),
    trial: mains.length > 0 && mains.every((span) => span.grant.package.kind === 'trial'),
    master: mains.some((span) => span.grant.package.kind === 'master'),
    unstarted: counting.filter((span) => span.unstarted).map((span) => span.grant.id),
  };
}

function mergeChannels(grants: readonly Grant[]): string[] {
  const union = new Set(grants.flatMap((grant) => grant.package.terms.channels));
  return union.has(EVERY_CHANNEL) ? [EVERY_CHANNEL] : [...union].sort();
}

function mergeLimits(grants: readonly Grant[]): Limits {
  const sum = (name: keyof Limits) =>
    grants.reduce<number | null>((total, grant) => {
      const limit = grant.package.terms[name];
      return total === null || limit === null ? null : total + limit * grant.quantity;
    }, 0);
  return { sites: sum('sites'), devices: sum('devices'), seats: sum('seats'), sessions: sum('sessions') };
}

type SiteRules = Pick<Terms, 'siteUnit' | 'overagePercent' | 'takeoverDays'>;

/** Of each the one that is kinder to the customer, whatever the quantity. */
function mergeSiteRules(grants: readonly Grant[]): SiteRules {
  const terms = grants.map((grant) => grant.package.terms);
  const takeovers = terms.flatMap(({ takeoverDays }) => (takeoverDays === null ? [] : [takeoverDays]));
  return {
    siteUnit: terms.some(({ siteUnit }) => siteUnit === 'registrable') ? 'registrable' : 'host',
    overagePercent: Math.max(0, ...terms.map(({ overage }) => overage?.percent ?? 0)),
    takeoverDays: takeovers.length === 0 ? null : Math.min(...takeovers),
  };
}

/** Booleans OR, numbers add, of texts the add-on's wins over the base's; the later given decides among equals and among kinds. */
function mergeEntitlements(grants: readonly Grant[]): Record<string, EntitlementValue> {
  const rank = (grant: Grant) => (grant.package.kind === 'addon' ? 1 : 0);
  const order = [...grants].sort((a, b) => rank(a) - rank(b) || a.givenAt - b.givenAt || (a.id < b.id ? -1 : 1));
  const merged: Record<string, EntitlementValue> = {};
  for (const { package: sold, quantity } of order) {
    for (const [name, raw] of Object.entries(sold.terms.entitlements)) {
      const value = typeof raw === 'number' ? raw * quantity : raw;
      const before = Object.hasOwn(merged, name) ? merged[name] : undefined;
      if (typeof before === 'number' && typeof value === 'number') merged[name] = before + value;
      else if (typeof before === 'boolean' && typeof value === 'boolean') merged[name] = before || value;
      else merged[name] = value;
    }
  }
  return merged;
}

type Status = Pick<Terms, 'state' | 'end' | 'graceEnd' | 'pastDue' | 'renews' | 'startsAt' | 'canceledAt'>;

const NO_STATUS: Status = {
  ...{ state: 'none', end: null, graceEnd: null, pastDue: false, renews: false, startsAt: null, canceledAt: null },
};

/** All that was for the product is closed, or was cut before it began. */
function statusWithoutSpans(grants: readonly Grant[], product: ScopedProduct): Status {
  const canceledAt = canceledSince(grants, product);
  if (canceledAt !== null) return { ...NO_STATUS, state: 'canceled', canceledAt };
  const wasSold = grants.some((grant) => isMain({ grant }) && covers(grant.package, product));
  return wasSold ? { ...NO_STATUS, state: 'ended' } : NO_STATUS;
}

function statusAt(mains: readonly Span[], now: number): Status {
  const end = endOfRun(mains, now);
  const live = mains.filter((span) => isLive(span, now));
  if (live.some(({ end: last }) => last === null || now < last)) {
    const renews = mains.some((span) => span.end === end && span.grant.subscription?.renews === true);
    return { ...NO_STATUS, state: 'active', end, renews };
  }
  if (live.length > 0) {
    const graceEnd = Math.max(...live.map((span) => span.graceEnd ?? span.start));
    const pastDue = live.some(({ grant }) => grant.subscription?.pastDue === true);
    return { ...NO_STATUS, state: 'grace', end, graceEnd, pastDue };
  }
  const startsAt = Math.min(...mains.map((span) => span.start));
  if (now < startsAt) return { ...NO_STATUS, state: 'not_yet', end, startsAt };
  return { ...NO_STATUS, state: 'ended', end };
}

/** The end of the unbroken run that holds `now`, not yet begun grants included, else of the last run. */
function endOfRun(mains: readonly Span[], now: number): number | null {
  let run: { start: number; end: number | null } | null = null;
  for (const span of mains) {
    if (run !== null && (run.end === null || span.start <= run.end)) {
      run.end = run.end === null || span.end === null ? null : Math.max(run.end, span.end);
      continue;
    }
    if (run !== null && run.start <= now && (run.end === null || now < run.end)) return run.end;
    run = { start: span.start, end: span.end };
  }
  return run?.end ?? null;
}

/** What ended grants leave beside what is in force; one whose channels are all open anyway leaves nothing. */
function remaindersAt(spans: readonly Span[], open: readonly string[], now: number): Remainder[] {
  return spans.flatMap((span) => {
    const { kind, terms } = span.grant.package;
    if (kind !== 'base' || terms.afterEnd === 'nothing' || span.end === null || span.graceEnd === null) return [];
    if (now < span.graceEnd) return [];
    const { channels, limits, siteUnit, overagePercent, takeoverDays } = mergeAt(spans, span.end - 1);
    if (open.includes(EVERY_CHANNEL) || channels.every((channel) => open.includes(channel))) return [];
    const left = { channels, limits, siteUnit, overagePercent, takeoverDays };
    return [{ kind: terms.afterEnd, ...left, before: span.graceEnd }];
  });
}

/**
 * Until when a license lasts, over all products: the latest end. `products` are those of its organization; whatever else an
 * organization package covers is looked at as well. null: without an end, or nothing is open.
 */
export function validUntil(grants: readonly Grant[], products: readonly ScopedProduct[], now: number): number | null {
  const others: ScopedProduct[] = [
    { id: '', repositoryId: null },
    ...grants.map((grant) => ({ id: '', repositoryId: grant.package.repositoryId })),
  ];
  let latest: number | null = null;
  for (const product of [...products, ...others]) {
    const terms = termsAt(grants, product, now);
    if (terms.state === 'none' || terms.state === 'canceled') continue;
    if (terms.end === null && terms.state !== 'ended') return null;
    if (terms.end !== null && (latest === null || terms.end > latest)) latest = terms.end;
  }
  return latest;
}

/**
 * Since when nothing that carries the license is open any more (for one product, where it is named), ms UTC; null while something
 * is, and where nothing ever was.
 */
export function canceledSince(grants: readonly Grant[], product: ScopedProduct | null = null): number | null {
  const open = new Set(openGrants(grants));
  const mains = grants.filter((grant) => isMain({ grant }) && (product === null || covers(grant.package, product)));
  if (mains.length === 0 || mains.some((grant) => open.has(grant))) return null;
  return Math.max(...mains.map((grant) => grant.closedAt ?? 0));
}
