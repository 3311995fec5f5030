import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyInstant,
  anyLedger,
  anyPackage,
  gatedProduct,
  grantOf,
  on,
  type PackageWish,
  soldPackage,
} from '../../test/support/seed-ledger.ts';
import { DAY } from '../clock.ts';
import type { Grant, ScopedProduct } from './package-terms.ts';
import { canceledSince, EVERY_CHANNEL, LIMITS, type Terms, termsAt, validUntil } from './terms.ts';

const product = gatedProduct();
const elsewhere = gatedProduct({ id: 'prd-b', repositoryId: 'rep-b' });
const app = gatedProduct({ id: 'prd-app', repositoryId: null });

/** One grant of a package of its own, given 2026-01-01 for a year. */
function sold(wish: PackageWish, change: Partial<Grant> = {}, given = '2026-01-01'): Grant {
  const id = wish.id ?? `pkg-${JSON.stringify(wish)}`;
  return grantOf(soldPackage({ ...wish, id }), given, { id: `grt-${id}-${given}`, ...change });
}

const june = on('2026-06-01');
const at = (grants: Grant[], now = june, of: ScopedProduct = product) => termsAt(grants, of, now);

describe('which products a package covers', () => {
  it.each<[string, PackageWish, boolean, boolean, boolean]>([
    ['an organization package: every product, apps and later ones too', {}, true, true, true],
    ['an organization package that names products', { products: ['prd-b'] }, false, true, false],
    ['a repository package: the products of its repository', { repositoryId: 'rep-a' }, true, false, false],
    [
      'a repository package that names an edition',
      { repositoryId: 'rep-a', products: ['prd-a-pro'] },
      false,
      false,
      false,
    ],
    [
      'a repository package that names a product of another one',
      { repositoryId: 'rep-a', products: ['prd-b'] },
      false,
      false,
      false,
    ],
    ['no product at all', { products: [] }, false, false, false],
  ])('%s', (_, wish, mine, other, ofApp) => {
    const covered = [product, elsewhere, app].map((each) => at([sold(wish)], june, each).state === 'active');
    expect(covered).toEqual([mine, other, ofApp]);
  });

  it('says none where nothing ever was for the product, also with an add-on alone', () => {
    expect(at([]).state).toBe('none');
    expect(at([sold({ repositoryId: 'rep-b' })]).state).toBe('none');
    expect(at([sold({ kind: 'addon' }), sold({ repositoryId: 'rep-b' })]).state).toBe('none');
  });
});

describe('merge: channels', () => {
  it('is the union of what is named; no channel implies another', () => {
    expect(at([sold({ channels: ['stable', 'beta'] }), sold({ channels: ['lts', 'stable'] })]).channels).toEqual([
      'beta',
      'lts',
      'stable',
    ]);
    expect(at([sold({ channels: ['dev', 'stable'] })]).channels).toEqual(['dev', 'stable']);
  });

  it('is every channel with a master package', () => {
    const master = sold({ kind: 'master', channels: [EVERY_CHANNEL], length: null });
    expect(at([sold({ channels: ['beta'] }), master])).toMatchObject({ channels: ['*'], master: true, end: null });
  });

  it('is empty before, after and without', () => {
    expect(at([sold({})], on('2025-12-31')).channels).toEqual([]);
    expect(at([sold({})], on('2027-01-01')).channels).toEqual([]);
  });
});

describe('merge: limits', () => {
  it.each<[string, Grant[], number | null]>([
    ['one', [sold({ sites: 3 })], 3],
    ['times the quantity', [sold({ sites: 3 }, { quantity: 4 })], 12],
    ['the sum of packages', [sold({ sites: 3 }), sold({ sites: 5, id: 'b' })], 8],
    ['an add-on adds', [sold({ sites: 1 }), sold({ kind: 'addon', sites: 10 }, { quantity: 2 })], 21],
    ['0 adds none', [sold({ sites: 3 }), sold({ sites: 0, id: 'b' })], 3],
    ['0 alone is none, never unlimited', [sold({ sites: 0 })], 0],
    ['one that says unlimited', [sold({ sites: 3 }), sold({ sites: null, id: 'b' })], null],
    ['unlimited times a quantity', [sold({ sites: null }, { quantity: 9 })], null],
    ['unlimited first, a number behind it', [sold({ sites: null }), sold({ sites: 0, id: 'b' })], null],
    ['an add-on without its base', [sold({ kind: 'addon', sites: null })], 0],
    ['a package for another product', [sold({ sites: 2 }), sold({ sites: 5, repositoryId: 'rep-b' })], 2],
    [
      'a second grant with fixed dates',
      ['2026-01-01', '2026-02-01'].map((day) =>
        sold({ id: 'f', sites: 3, fixed: { from: on('2026-01-01'), until: on('2027-01-01') } }, {}, day),
      ),
      6,
    ],
    [
      'a renewal adds time and not sites',
      ['2026-01-01', '2026-02-01'].map((day) => sold({ id: 'r', sites: 3 }, {}, day)),
      3,
    ],
  ])('%s', (_, grants, expected) => {
    expect(at(grants).limits.sites).toBe(expected);
  });

  it('sums sites, devices, seats and sessions each by itself', () => {
    const grants = [
      sold({ sites: 1, devices: 2, seats: null, sessions: 4 }, { quantity: 2 }),
      sold({ id: 'b', sites: 1, devices: null, seats: 1, sessions: 0 }),
    ];
    expect(at(grants).limits).toEqual({ sites: 3, devices: null, seats: null, sessions: 8 });
  });

  it('n at once is the same as n parallel grants', () => {
    fc.assert(
      fc.property(anyPackage('pkg-a'), fc.integer({ min: 1, max: 6 }), anyInstant, (each, quantity, now) => {
        const parallel = Array.from({ length: quantity }, (_, i) => grantOf({ ...each, id: `pkg-${i}` }, '2026-01-31'));
        const { limits, entitlements } = termsAt([grantOf(each, '2026-01-31', { quantity })], product, now);
        expect(termsAt(parallel, product, now)).toMatchObject({ limits, entitlements });
      }),
    );
  });
});

describe('merge: rules of sites, each the one kinder to the customer', () => {
  const ten = { percent: 10 };

  it.each<[string, Grant[], { overagePercent: number; takeoverDays: number | null }]>([
    ['nothing said', [sold({})], { overagePercent: 0, takeoverDays: null }],
    ['one', [sold({ overage: ten, takeoverDays: 30 })], { overagePercent: 10, takeoverDays: 30 }],
    [
      'the higher overage, the earlier takeover',
      [sold({ overage: ten, takeoverDays: 30 }), sold({ id: 'b', overage: { percent: 50 }, takeoverDays: 14 })],
      { overagePercent: 50, takeoverDays: 14 },
    ],
    [
      'allowed by one is allowed',
      [sold({}), sold({ id: 'b', kind: 'addon', overage: ten, takeoverDays: 7 })],
      { overagePercent: 10, takeoverDays: 7 },
    ],
    ['whatever the quantity', [sold({ overage: ten }, { quantity: 5 })], { overagePercent: 10, takeoverDays: null }],
    [
      'an add-on alone',
      [sold({ kind: 'addon', overage: ten, takeoverDays: 7 })],
      { overagePercent: 0, takeoverDays: null },
    ],
  ])('%s', (_, grants, expected) => {
    expect(at(grants)).toMatchObject(expected);
  });

  it('stay after the end as they stood then', () => {
    const ended = sold({ afterEnd: 'owned', overage: ten, takeoverDays: 30 });
    expect(at([ended], on('2027-02-01'))).toMatchObject({
      ...{ state: 'ended', overagePercent: 0, takeoverDays: null },
      remainders: [{ overagePercent: 10, takeoverDays: 30 }],
    });
  });

  it('one package more never makes them worse', () => {
    const days = ({ takeoverDays }: Terms) => takeoverDays ?? Number.POSITIVE_INFINITY;
    fc.assert(
      fc.property(anyLedger, anyPackage('pkg-z'), anyInstant, (ledger, more, now) => {
        const before = termsAt(ledger, product, now);
        fc.pre(before.state === 'active' && more.kind === 'addon');
        const after = termsAt([...ledger, grantOf(more, '2026-01-31', { id: 'grt-z' })], product, now);
        expect(after.overagePercent).toBeGreaterThanOrEqual(before.overagePercent);
        expect(days(after)).toBeLessThanOrEqual(days(before));
      }),
    );
  });

  it('are those of some grant, in any order of the ledger', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, (ledger, now) => {
        const { overagePercent, takeoverDays } = termsAt(ledger, product, now);
        const said = ledger.map((grant) => grant.package.terms);
        expect([0, ...said.map(({ overage }) => overage?.percent)]).toContain(overagePercent);
        expect([null, ...said.map((each) => each.takeoverDays)]).toContain(takeoverDays);
        expect(termsAt([...ledger].reverse(), product, now)).toMatchObject({ overagePercent, takeoverDays });
      }),
    );
  });
});

describe('merge: an add-on counts only while a base, trial or master grant is in force for the product', () => {
  const addon = sold({ kind: 'addon', channels: ['beta'], sites: 5, length: null });

  it.each<[string, Grant[], string[], number | null]>([
    ['beside a base', [sold({}), addon], ['beta', 'stable'], 6],
    ['beside a trial', [sold({ kind: 'trial' }), addon], ['beta', 'stable'], 6],
    ['beside a base for another product', [sold({ repositoryId: 'rep-b' }), addon], [], 0],
    ['after the base has ended', [sold({ length: { value: 1, unit: 'month' } }), addon], [], 0],
    ['before the base begins', [sold({}, {}, '2026-07-01'), addon], [], 0],
    ['beside a refunded base', [sold({}, { closedAt: june }), addon], [], 0],
  ])('%s', (_, grants, channels, sites) => {
    expect(at(grants)).toMatchObject({ channels, limits: { sites } });
  });

  it('moves no end', () => {
    expect(at([sold({}), addon]).end).toBe(on('2027-01-01'));
    expect(validUntil([sold({}), addon], [product], june)).toBe(on('2027-01-01'));
  });
});

describe('merge: entitlements', () => {
  it.each<[string, Grant[], Terms['entitlements']]>([
    ['booleans: or', [sold({ entitlements: { a: true } }), sold({ id: 'b', entitlements: { a: false } })], { a: true }],
    [
      'booleans: no and no',
      [sold({ entitlements: { a: false } }), sold({ id: 'b', entitlements: { a: false } })],
      { a: false },
    ],
    ['numbers add', [sold({ entitlements: { n: 2 } }), sold({ id: 'b', entitlements: { n: 3 } })], { n: 5 }],
    ['numbers of a quantity add', [sold({ entitlements: { n: 2 } }, { quantity: 3 })], { n: 6 }],
    [
      'a text of the add-on wins over the base’s, though it was given before',
      [sold({ entitlements: { t: 'base' } }, {}, '2026-03-01'), sold({ kind: 'addon', entitlements: { t: 'addon' } })],
      { t: 'addon' },
    ],
    [
      'each name by itself',
      [sold({ entitlements: { a: true } }), sold({ id: 'b', entitlements: { n: 3 } })],
      { a: true, n: 3 },
    ],
    ['of an add-on without its base: nothing', [sold({ kind: 'addon', entitlements: { a: true } })], {}],
  ])('%s', (_, grants, expected) => {
    expect(at(grants).entitlements).toEqual(expected);
    expect(at([...grants].reverse()).entitlements).toEqual(expected);
  });
});

describe('merge: site unit', () => {
  it('is the kinder one', () => {
    expect(at([sold({ siteUnit: 'host' }), sold({ siteUnit: 'registrable' })]).siteUnit).toBe('registrable');
    expect(at([sold({ siteUnit: 'host' })]).siteUnit).toBe('host');
  });
});

describe('merge: trials', () => {
  const trial = sold({ kind: 'trial', id: 't', length: { value: 60, unit: 'day' }, channels: ['beta'], graceDays: 30 });
  const base = sold({ id: 'b', length: { value: 5, unit: 'day' } }, {}, '2026-01-11');

  it('is a trial while nothing else is in force', () => {
    expect(at([trial], on('2026-01-05'))).toMatchObject({
      state: 'active',
      trial: true,
      channels: ['beta'],
      end: on('2026-03-02'),
    });
  });

  it('is no trial beside a master grant', () => {
    const master = sold({ kind: 'master', channels: ['*'], length: null });
    expect(at([trial, master], on('2026-01-05')).trial).toBe(false);
  });

  it('counts only until a base grant for the product starts, then never again', () => {
    expect(at([trial, base], on('2026-01-10'))).toMatchObject({ trial: true, channels: ['beta'] });
    expect(at([trial, base], on('2026-01-11'))).toMatchObject({ state: 'active', trial: false, channels: ['stable'] });
    expect(at([trial, base], on('2026-01-20'))).toMatchObject({ state: 'ended', channels: [], end: on('2026-01-16') });
  });

  it('goes on for the products that the base is not for', () => {
    const other = sold({ id: 'b', repositoryId: 'rep-b' }, {}, '2026-01-11');
    expect(at([trial, other], on('2026-01-20'))).toMatchObject({ trial: true, channels: ['beta'] });
  });

  it('does not begin after the base', () => {
    expect(at([base, { ...trial, givenAt: on('2026-02-01') }], on('2026-02-02')).state).toBe('ended');
  });

  it('is not ended by an add-on or by a refunded base', () => {
    const addon = sold({ kind: 'addon' }, {}, '2026-01-11');
    expect(at([trial, addon], on('2026-01-20'))).toMatchObject({ state: 'active', trial: true });
    expect(at([trial, { ...base, closedAt: on('2026-01-12') }], on('2026-01-20')).trial).toBe(true);
  });

  it('has its grace cut where the base starts', () => {
    const late = sold({ id: 'b', length: { value: 5, unit: 'day' } }, {}, '2026-03-10');
    expect(at([trial, late], on('2026-03-05')).state).toBe('grace');
    expect(at([trial, late], on('2026-03-16')).state).toBe('ended');
  });
});

describe('merge: state and end', () => {
  const first = sold({ id: 'a', graceDays: 14 });
  const renewal = sold({ id: 'a', graceDays: 14 }, {}, '2026-06-01');
  const later = sold({ id: 's', fixed: { from: on('2029-01-01'), until: on('2030-01-01') } });

  it.each<[string, Grant[], string, Partial<Terms>]>([
    ['not begun', [later], '2026-06-01', { state: 'not_yet', startsAt: on('2029-01-01'), end: on('2030-01-01') }],
    ['at its start', [first], '2026-01-01', { state: 'active', end: on('2027-01-01') }],
    ['one ms before its end', [first], '2026-12-31T23:59:59.999', { state: 'active' }],
    [
      'at its end, with grace',
      [first],
      '2027-01-01',
      { state: 'grace', end: on('2027-01-01'), graceEnd: on('2027-01-15') },
    ],
    ['at the end of grace', [first], '2027-01-15', { state: 'ended', end: on('2027-01-01') }],
    ['at its end, without grace', [sold({})], '2027-01-01', { state: 'ended', end: on('2027-01-01') }],
    ['with what is paid ahead', [first, renewal], '2026-06-02', { state: 'active', end: on('2028-01-01') }],
    [
      'an end that another package carries on',
      [first, sold({ id: 'b' }, {}, '2026-12-01')],
      '2026-06-01',
      { end: on('2027-12-01') },
    ],
    ['a break ends the run', [first, later], '2026-06-01', { state: 'active', end: on('2027-01-01') }],
    [
      'before the first of two runs: the last run',
      [later, sold({ id: 'r', fixed: { from: on('2031-01-01'), until: on('2032-01-01') } })],
      '2026-06-01',
      { state: 'not_yet', startsAt: on('2029-01-01'), end: on('2032-01-01') },
    ],
    ['in a break: the last run', [first, later], '2028-06-01', { state: 'ended', end: on('2030-01-01') }],
    [
      'the run of another product is not looked at',
      [first, sold({ id: 'b', repositoryId: 'rep-b', length: null })],
      '2026-06-01',
      { end: on('2027-01-01') },
    ],
    ['without an end', [first, sold({ id: 'b', length: null }, {}, '2026-12-01')], '2026-06-01', { end: null }],
    [
      'in force by one while another is in grace',
      [first, sold({ id: 'b' }, {}, '2026-12-01')],
      '2027-01-05',
      { state: 'active', end: on('2027-12-01') },
    ],
    [
      'unstarted',
      [sold({ startsOn: 'first_use', id: 'u' })],
      '2029-01-01',
      { state: 'active', end: null, unstarted: ['grt-u-2026-01-01'] },
    ],
  ])('%s', (_, grants, now, expected) => {
    expect(at(grants, on(now))).toMatchObject(expected);
  });

  it('is canceled since the last closing, when no base, trial or master grant is open', () => {
    const closed = [
      sold({ id: 'a' }, { closedAt: on('2026-02-01') }),
      sold({ id: 'b' }, { closedAt: on('2026-03-01') }),
    ];
    expect(at(closed)).toMatchObject({ state: 'canceled', canceledAt: on('2026-03-01'), end: null, channels: [] });
    expect(at([...closed, sold({ kind: 'addon' })]).state).toBe('canceled');
    expect(canceledSince(closed)).toBe(on('2026-03-01'));
    expect(canceledSince([...closed, sold({ id: 'c' })])).toBeNull();
    expect(canceledSince([])).toBeNull();
  });

  it('is canceled with an end set by hand on what is refunded', () => {
    const a = sold({ id: 'a' }, { closedAt: on('2026-03-01') });
    const byHand = sold({ id: 'a' }, { source: 'admin', supersedes: [a.id], endsAt: on('2030-01-01') }, '2026-02-01');
    expect(at([a, byHand])).toMatchObject({ state: 'canceled', canceledAt: on('2026-03-01') });
  });

  it('is ended and not canceled while one that was cut before it began is open', () => {
    const a = sold({ id: 'a' });
    const queued = sold({ id: 'a' }, {}, '2026-02-01');
    const moved = sold(
      { id: 'b', repositoryId: 'rep-b' },
      { source: 'switch', supersedes: [a.id, queued.id] },
      '2026-03-01',
    );
    expect(at([{ ...a, closedAt: june }, { ...queued, givenAt: on('2026-03-01') }, moved]).state).toBe('ended');
  });

  it('has no grace when it is canceled or refunded', () => {
    expect(at([{ ...first, closedAt: on('2027-01-05') }], on('2027-01-06')).state).toBe('canceled');
  });

  it('keeps what was sold when a later version of the package says otherwise', () => {
    const old = grantOf(soldPackage({ id: 'p', sites: 5, channels: ['beta', 'stable'] }), '2026-01-01', { id: 'old' });
    const renewed = grantOf(soldPackage({ id: 'p', sites: 1 }), '2026-12-01', { id: 'new' });
    expect(at([old, renewed])).toMatchObject({ limits: { sites: 5 }, channels: ['beta', 'stable'] });
    expect(at([old, renewed], on('2027-02-01'))).toMatchObject({ limits: { sites: 1 }, channels: ['stable'] });
  });
});

describe('valid_until', () => {
  it('is the latest over all products', () => {
    const grants = [sold({ repositoryId: 'rep-a' }), sold({ repositoryId: 'rep-b' }, {}, '2026-05-01')];
    expect(validUntil(grants, [product, elsewhere], june)).toBe(on('2027-05-01'));
  });

  it('is looked for beyond the products that exist', () => {
    expect(validUntil([sold({})], [], june)).toBe(on('2027-01-01'));
    expect(validUntil([sold({ repositoryId: 'rep-new' })], [product], june)).toBe(on('2027-01-01'));
  });

  it.each<[string, Grant[], number | null]>([
    ['no end', [sold({ length: null }), sold({ id: 'b' })], null],
    ['unstarted', [sold({ startsOn: 'first_use' })], null],
    ['nothing open', [sold({}, { closedAt: june })], null],
    ['nothing at all', [], null],
    ['over already', [sold({ length: { value: 1, unit: 'month' } })], on('2026-02-01')],
    ['not begun', [sold({ fixed: { from: on('2029-01-01'), until: on('2030-01-01') } })], on('2030-01-01')],
  ])('%s', (_, grants, expected) => {
    expect(validUntil(grants, [product, elsewhere], june)).toBe(expected);
  });
});

describe('after the end', () => {
  const owned = sold({
    id: 'o',
    channels: ['stable', 'beta'],
    sites: 3,
    siteUnit: 'registrable',
    afterEnd: 'owned',
    graceDays: 14,
  });

  it('leaves nothing by default', () => {
    expect(at([sold({})], on('2027-02-01')).remainders).toEqual([]);
  });

  it('leaves channels and limits as they stood at that end, once grace is over', () => {
    expect(at([owned], on('2027-01-14')).remainders).toEqual([]);
    expect(at([owned], on('2027-01-15'))).toMatchObject({
      state: 'ended',
      channels: [],
      remainders: [
        {
          kind: 'owned',
          channels: ['beta', 'stable'],
          limits: { sites: 3 },
          siteUnit: 'registrable',
          before: on('2027-01-15'),
        },
      ],
    });
  });

  it('has what add-ons gave at that end', () => {
    const addon = sold({ kind: 'addon', channels: ['lts'], sites: 2, length: null });
    const gone = sold({ kind: 'addon', id: 'gone', channels: ['dev'], sites: 7, length: { value: 1, unit: 'month' } });
    expect(at([owned, addon, gone], on('2027-02-01')).remainders).toMatchObject([
      { channels: ['beta', 'lts', 'stable'], limits: { sites: 5 } },
    ]);
  });

  it('stays beside what is in force where it opens more', () => {
    const lesser = sold({ id: 'l', channels: ['stable'] }, {}, '2027-03-01');
    expect(at([owned, lesser], on('2027-04-01'))).toMatchObject({
      state: 'active',
      channels: ['stable'],
      remainders: [{ kind: 'owned', channels: ['beta', 'stable'] }],
    });
  });

  it('is no more than a repetition behind a renewal, and so is left out', () => {
    const renewal = sold({ id: 'o', channels: ['stable', 'beta'], afterEnd: 'owned' }, {}, '2026-06-01');
    expect(at([owned, renewal], on('2027-04-01'))).toMatchObject({ state: 'active', remainders: [] });
  });

  it.each<[string, PackageWish]>([
    ['an add-on', { kind: 'addon', afterEnd: 'owned' }],
    ['a trial', { kind: 'trial', afterEnd: 'owned' }],
  ])('%s leaves nothing', (_, wish) => {
    expect(at([sold(wish)], on('2027-02-01')).remainders).toEqual([]);
  });

  it('is taken away by a refund', () => {
    expect(at([{ ...owned, closedAt: on('2027-02-01') }], on('2027-02-02')).remainders).toEqual([]);
  });

  it('begins at once where an upgrade cuts the grant', () => {
    const upgrade = sold({ id: 'u', channels: ['lts'] }, { source: 'switch', supersedes: [owned.id] }, '2026-06-01');
    expect(at([owned, upgrade], on('2026-06-02')).remainders).toMatchObject([
      { kind: 'owned', before: on('2026-06-01') },
    ]);
  });
});

describe('properties', () => {
  it('refunding a grant gives what a customer has who never bought it, but for the word canceled', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, fc.nat(7), (ledger, now, index) => {
        fc.pre(index < ledger.length);
        const refunded = ledger.map((grant, i) => (i === index ? { ...grant, closedAt: now } : grant));
        const without = termsAt(ledger.toSpliced(index, 1), product, now);
        const { state, canceledAt, ...rest } = termsAt(refunded, product, now);
        expect({ ...rest, state: state === 'canceled' ? 'none' : state, canceledAt: null }).toEqual(without);
        expect(canceledAt === null).toBe(state !== 'canceled');
      }),
    );
  });

  it('the order of rows and of refunds is irrelevant', () => {
    const shuffled = anyLedger.chain((ledger) =>
      fc.tuple(fc.constant(ledger), fc.shuffledSubarray(ledger, { minLength: ledger.length })),
    );
    fc.assert(
      fc.property(shuffled, anyInstant, ([ledger, other], now) => {
        const sorted = (terms: Terms) => ({ ...terms, unstarted: [...terms.unstarted].sort() });
        expect(sorted(termsAt(other, product, now))).toEqual(sorted(termsAt(ledger, product, now)));
      }),
    );
  });

  it('a base or an add-on that is given last takes no channel and no limit away', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, (ledger, now) => {
        const sorted = [...ledger].sort((a, b) => a.givenAt - b.givenAt || (a.id < b.id ? -1 : 1));
        fc.pre(sorted.length > 0 && sorted.every((grant) => grant.package.kind !== 'trial'));
        const before = termsAt(sorted.slice(0, -1), product, now);
        const after = termsAt(sorted, product, now);
        expect(after.channels).toEqual(expect.arrayContaining(before.channels));
        for (const name of LIMITS) {
          const limit = after.limits[name];
          if (limit !== null) expect(limit).toBeGreaterThanOrEqual(before.limits[name] ?? Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  it('gives channels and limits in force and in grace only, and an end that is not over while active', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, (ledger, now) => {
        const { state, channels, limits, end, graceEnd } = termsAt(ledger, product, now);
        const isOn = state === 'active' || state === 'grace';
        expect(channels.length > 0).toBe(isOn);
        if (!isOn) expect(limits).toEqual({ sites: 0, devices: 0, seats: 0, sessions: 0 });
        if (state === 'active') expect(end === null || end > now).toBe(true);
        if (state === 'grace') expect(graceEnd).toBeGreaterThan(now);
      }),
    );
  });

  it('changes only at instants that a span begins or ends at', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, (ledger, now) => {
        const here = termsAt(ledger, product, now + DAY / 2);
        const near = termsAt(ledger, product, now + DAY / 2 + 1);
        expect(near).toEqual(here);
      }),
    );
  });
});
