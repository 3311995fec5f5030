import fc from 'fast-check';
import { DAY } from '../../src/clock.ts';
import type { Grant, PackageKind, PackageTerms, SoldPackage } from '../../src/licensing/package-terms.ts';
import type { Activation, SiteClaim } from '../../src/licensing/slots.ts';
import type { GatedProduct } from '../../src/licensing/verdict.ts';

/** Plain data for the pure rules: nothing here is stored. Each builder takes a change of what matters to a test. */

/** ms UTC of a day, with a time of day where it matters: `on('2026-01-31')`, `on('2026-01-31T10:00')`. */
export function on(text: string): number {
  return Date.parse(text.includes('T') ? `${text}Z` : `${text}T00:00Z`);
}

/** The terms of a package: one year, `stable`, one site, no grace, nothing after the end. */
export function packageTerms(change: Partial<PackageTerms> = {}): PackageTerms {
  return {
    length: { value: 1, unit: 'year' },
    fixed: null,
    startsOn: 'issue',
    channels: ['stable'],
    sites: 1,
    devices: 0,
    seats: 0,
    sessions: 0,
    siteUnit: 'host',
    graceDays: 0,
    afterEnd: 'nothing',
    products: null,
    entitlements: {},
    overage: null,
    takeoverDays: null,
    ...change,
  };
}

export interface PackageWish extends Partial<PackageTerms> {
  id?: string;
  kind?: PackageKind;
  repositoryId?: string | null;
}

export function soldPackage({
  id = 'pkg-a',
  kind = 'base',
  repositoryId = null,
  ...terms
}: PackageWish = {}): SoldPackage {
  return { id, kind, repositoryId, terms: packageTerms(terms) };
}

/** A grant with its package's length, given on a day. */
export function grantOf(sold: SoldPackage, given: string, change: Partial<Grant> = {}): Grant {
  const givenAt = on(given);
  return {
    id: `grt-${sold.id}-${given}`,
    package: sold,
    source: sold.kind === 'trial' || sold.kind === 'master' ? sold.kind : 'purchase',
    givenAt,
    length: sold.terms.length,
    endsAt: null,
    quantity: 1,
    paymentRef: null,
    supersedes: [],
    firstUsedAt: null,
    closedAt: null,
    subscription: null,
    ...change,
  };
}

/** A `strict` product of a repository; slots by the first download; a missing site is allowed. */
export function gatedProduct(change: Partial<GatedProduct> = {}): GatedProduct {
  return {
    id: 'prd-a',
    repositoryId: 'rep-a',
    organizationId: 'org-a',
    mode: 'strict',
    openChannels: ['stable'],
    securityOpen: false,
    claimOn: 'download',
    missingSite: 'allow',
    ...change,
  };
}

/** What a client with this host sends; `registrable` is its last two labels. */
export function siteOf(host: string, change: Partial<SiteClaim> = {}): SiteClaim {
  const registrable = host.split('.').slice(-2).join('.');
  return { host, registrable, exempt: null, exemptBeside: null, instance: null, byInstance: false, ...change };
}

/** A counted slot of a host. */
export function slotOf(host: string, change: Partial<Activation> = {}): Activation {
  return {
    id: `act-${host}`,
    identity: host,
    host,
    instance: null,
    counted: true,
    exemptReason: null,
    firstSeenAt: on('2026-01-01'),
    lastSeenAt: on('2026-01-01'),
    ...change,
  };
}

const channels = fc.subarray(['stable', 'rc', 'beta', 'dev'], { minLength: 1 });
const limits = fc.option(fc.integer({ min: 0, max: 5 }), { nil: null });
const lengths = fc.oneof(
  fc.record({ value: fc.integer({ min: 1, max: 400 }), unit: fc.constant('day' as const) }),
  fc.record({ value: fc.integer({ min: 1, max: 14 }), unit: fc.constant('month' as const) }),
  fc.record({ value: fc.integer({ min: 1, max: 3 }), unit: fc.constant('year' as const) }),
);
const START = on('2026-01-31');

/** Any package of the kinds that are sold, over the products `prd-a` and `prd-b`. */
export function anyPackage(id: string): fc.Arbitrary<SoldPackage> {
  return fc.record({
    id: fc.constant(id),
    kind: fc.constantFrom<PackageKind>('base', 'base', 'addon', 'trial'),
    repositoryId: fc.constantFrom(null, 'rep-a', 'rep-b'),
    terms: fc.record({
      length: fc.option(lengths, { nil: null, freq: 8 }),
      fixed: fc.option(fc.constant({ from: START + 30 * DAY, until: START + 200 * DAY }), { nil: null, freq: 6 }),
      startsOn: fc.constantFrom<PackageTerms['startsOn']>('issue', 'issue', 'first_use'),
      channels,
      sites: limits,
      devices: limits,
      seats: limits,
      sessions: limits,
      siteUnit: fc.constantFrom<PackageTerms['siteUnit']>('host', 'registrable'),
      graceDays: fc.constantFrom(0, 7, 30),
      afterEnd: fc.constantFrom<PackageTerms['afterEnd']>('nothing', 'shown', 'owned'),
      products: fc.constantFrom(null, ['prd-a'], ['prd-b'], ['prd-a', 'prd-b']),
      entitlements: fc.constantFrom<PackageTerms['entitlements']>(
        {},
        { support: true },
        { seats: 3 },
        { tier: 'gold' },
      ),
      overage: fc.option(fc.record({ percent: fc.constantFrom(10, 50, 200) }), { nil: null }),
      takeoverDays: fc.constantFrom(null, 14, 30),
    }),
  });
}

/** A ledger of up to eight open grants of three packages, none of which supersedes another. */
export const anyLedger: fc.Arbitrary<Grant[]> = fc
  .tuple(anyPackage('pkg-a'), anyPackage('pkg-b'), anyPackage('pkg-c'))
  .chain((packages) =>
    fc.array(
      fc.record({
        sold: fc.constantFrom(...packages),
        day: fc.integer({ min: 0, max: 900 }),
        quantity: fc.integer({ min: 1, max: 3 }),
        used: fc.option(fc.integer({ min: 0, max: 40 }), { nil: null }),
      }),
      { maxLength: 8 },
    ),
  )
  .map((rows) =>
    rows.map(({ sold, day, quantity, used }, i) => {
      const givenAt = START + day * DAY;
      const firstUsedAt = used === null ? null : givenAt + used * DAY;
      return { ...grantOf(sold, '2026-01-31'), id: `grt-${i}`, givenAt, quantity, firstUsedAt };
    }),
  );

/** The instants of a ledger at which something may change, and one of them at random with its neighbours. */
export const anyInstant: fc.Arbitrary<number> = fc.integer({ min: -10, max: 2_200 }).map((day) => START + day * DAY);
