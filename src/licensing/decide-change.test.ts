import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyInstant, anyLedger, anyPackage, grantOf, on, soldPackage } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import { decideChange } from './decide-change.ts';
import type { Decision, LicenseChange, NewGrant, Offer } from './license-change.ts';
import type { Grant, SoldPackage } from './package-terms.ts';
import { spansOf } from './spans.ts';
import { termsAt } from './terms.ts';

const NOW = on('2026-07-01');
const LICENSE = { master: false, suspendedAt: null, revokedAt: null, heldAt: null };
const yearly = soldPackage({ id: 'pkg-year', length: { value: 1, unit: 'year' }, sites: 1 });
const team = soldPackage({
  id: 'pkg-team',
  length: { value: 1, unit: 'year' },
  sites: 5,
  channels: ['stable', 'beta'],
});
const graceful = soldPackage({ id: 'pkg-grace', graceDays: 30 });
const endless = soldPackage({ id: 'pkg-life', length: null });
const trial = soldPackage({ id: 'pkg-trial', kind: 'trial', length: { value: 14, unit: 'day' } });
const addon = soldPackage({ id: 'pkg-addon', kind: 'addon', length: null, sites: 5 });
const firstUse = soldPackage({ id: 'pkg-first', startsOn: 'first_use' });
const season = soldPackage({
  id: 'pkg-season',
  length: null,
  fixed: { from: on('2026-01-01'), until: on('2026-12-31') },
});
const past = soldPackage({ id: 'pkg-past', length: null, fixed: { from: on('2025-01-01'), until: on('2025-12-31') } });
const PACKAGES = [yearly, team, graceful, endless, trial, addon, firstUse, season, past];

function offersOf(packages: readonly SoldPackage[], change: Partial<Offer> = {}): Map<string, Offer> {
  return new Map(
    packages.map((sold) => [sold.id, { ...sold, name: sold.id.slice(4), active: true, version: 2, ...change }]),
  );
}

function decide(
  change: LicenseChange,
  ledger: readonly Grant[],
  more: { now?: number; offers?: Map<string, Offer>; running?: Set<string> } = {},
) {
  return decideChange(change, {
    license: LICENSE,
    ledger,
    offers: more.offers ?? offersOf(PACKAGES),
    running: more.running ?? new Set(),
    now: more.now ?? NOW,
  });
}

/** What a decision says, in one line. */
function inWords(decision: Decision): string {
  if (decision.kind === 'refused')
    return `${decision.code}${decision.pointer === undefined ? '' : ` ${decision.pointer}`}`;
  if (decision.kind !== 'grants') return decision.kind;
  return decision.grants
    .map(({ sold, source, endsAt, length, quantity, supersedes }) => {
      const time = length ? `${length.value}${length.unit}` : endsAt === null ? 'no end' : toIso(endsAt).slice(0, 10);
      return `${source} ${sold.id} x${quantity} ${time}${supersedes.length === 0 ? '' : ` for ${supersedes.join('+')}`}`;
    })
    .join('; ');
}

/** The ledger with what a decision writes in it. */
function withDecision(ledger: readonly Grant[], decision: Decision, now = NOW): Grant[] {
  if (decision.kind !== 'grants') throw new Error(inWords(decision));
  return [...ledger, ...decision.grants.map((draft, i) => written(draft, `new-${i}`, now))];
}

function written({ version: _, ...draft }: NewGrant, id: string, now: number): Grant {
  const { sold, ...rest } = draft;
  return {
    ...rest,
    id,
    package: sold,
    givenAt: now,
    paymentRef: null,
    firstUsedAt: null,
    closedAt: null,
    subscription: null,
  };
}

const running = grantOf(yearly, '2026-01-15', { id: 'a' });
const queued = grantOf(yearly, '2026-02-01', { id: 'b' });
const over = grantOf(yearly, '2024-01-15', { id: 'o' });
const inGrace = grantOf(graceful, '2025-06-20', { id: 'g' });
const team1 = grantOf(team, '2026-03-01', { id: 't' });
const more = grantOf(addon, '2026-03-01', { id: 'x' });

const renew: LicenseChange = { kind: 'renew', packageId: null, quantity: null };
const extend = (value: number, unit: 'day' | 'month' | 'year' = 'day'): LicenseChange => ({
  kind: 'extend',
  packageId: null,
  move: { by: { value, unit } },
});
const until = (day: string, kind: 'extend' | 'shorten' = 'extend'): LicenseChange => ({
  kind,
  packageId: null,
  move: { to: on(day) },
});
const shorten = (value: number): LicenseChange => ({
  kind: 'shorten',
  packageId: null,
  move: { by: { value, unit: 'month' } },
});
const endNow: LicenseChange = { kind: 'shorten', packageId: null, move: 'now' };
const end = (day: string | null): LicenseChange => ({
  kind: 'end',
  packageId: null,
  end: day === null ? null : on(day),
});
const to = (sold: SoldPackage, change: object = {}): LicenseChange => ({
  ...{ kind: 'switch', to: sold.id, from: null, quantity: null },
  ...change,
});

describe('renew: one more of its package', () => {
  it.each<[string, LicenseChange, Grant[], string]>([
    ['what runs', renew, [running], 'renewal pkg-year x1 1year'],
    ['as many times as it runs', renew, [{ ...running, quantity: 3 }], 'renewal pkg-year x3 1year'],
    ['another number of times', { ...renew, quantity: 2 }, [running], 'renewal pkg-year x2 1year'],
    ['what is over', renew, [over], 'renewal pkg-year x1 1year'],
    ['beside an add-on', renew, [running, more], 'renewal pkg-year x1 1year'],
    ['the one of two that is named', { ...renew, packageId: team.id }, [running, team1], 'renewal pkg-team x1 1year'],
    ['one of two that nobody named', renew, [running, team1], 'PACKAGE_UNCLEAR /package_id'],
    ['what was sold after the trial', renew, [grantOf(trial, '2026-01-01'), running], 'renewal pkg-year x1 1year'],
    ['only a trial', renew, [grantOf(trial, '2026-06-25')], 'NOTHING_OPEN'],
    ['nothing', renew, [], 'NOTHING_OPEN'],
    ['what was refunded', renew, [{ ...running, closedAt: NOW - DAY }], 'NOTHING_OPEN'],
    ['what has no end', renew, [grantOf(endless, '2026-01-01')], 'NO_END_TO_EXTEND'],
    ['fixed dates', renew, [grantOf(season, '2026-01-01')], 'NO_END_TO_EXTEND'],
    ['a package it has not', { ...renew, packageId: team.id }, [running], 'NOTHING_OPEN /package_id'],
    ['the later of two that are over', renew, [over, grantOf(team, '2023-01-01')], 'renewal pkg-year x1 1year'],
  ])('%s', (_, change, ledger, expected) => {
    expect(inWords(decide(change, ledger))).toBe(expected);
  });

  it('refuses a package that is not sold any more', () => {
    expect(inWords(decide(renew, [running], { offers: offersOf([yearly], { active: false }) }))).toBe(
      'PACKAGE_INACTIVE /package_id',
    );
  });

  it('goes on with what a license was switched to, also when that is over', () => {
    const both = withDecision([running], decide(to(team), [running]));
    expect(inWords(decide(renew, both, { now: on('2028-01-01') }))).toBe('renewal pkg-team x1 1year');
  });
});

describe('extend and shorten', () => {
  it.each<[string, LicenseChange, Grant[], string]>([
    ['days', extend(10), [running], 'admin pkg-year x1 2027-01-25 for a'],
    [
      'months clip',
      extend(1, 'month'),
      [grantOf(yearly, '2026-01-31', { id: 'c' })],
      'admin pkg-year x1 2027-02-28 for c',
    ],
    ['behind what is queued', extend(10), [running, queued], 'admin pkg-year x1 2028-01-25 for a+b'],
    ['from now, what is over', extend(10), [over], 'admin pkg-year x1 2026-07-11 for o'],
    ['from its end, what is in grace', extend(20), [inGrace], 'admin pkg-grace x1 2026-07-10 for g'],
    ['grace that it would cut short', extend(5), [inGrace], 'END_NOT_LATER /until'],
    [
      'every package by itself',
      extend(10),
      [running, team1],
      'admin pkg-year x1 2027-01-25 for a; admin pkg-team x1 2027-03-11 for t',
    ],
    ['to a day, only what ends before', until('2027-02-01'), [running, team1], 'admin pkg-year x1 2027-02-01 for a'],
    ['to a day that is not later', until('2027-01-01'), [running], 'END_NOT_LATER /until'],
    ['no end', extend(10), [grantOf(endless, '2026-01-01')], 'NO_END_TO_EXTEND'],
    ['what begins at first use', extend(10), [grantOf(firstUse, '2026-01-01')], 'NO_END_TO_EXTEND'],
    [
      'what begins at first use, to a day',
      until('2027-01-01'),
      [grantOf(firstUse, '2026-01-01', { id: 'f' })],
      'admin pkg-first x1 2027-01-01 for f',
    ],
    ['past the year 9999', extend(36_500, 'year'), [running], 'admin pkg-year x1 9999-12-31 for a'],
    ['a named add-on', { ...extend(1), packageId: addon.id } as LicenseChange, [running, more], 'NO_END_TO_EXTEND'],
    ['nothing', extend(1), [], 'NOTHING_OPEN'],
    ['shorter by months', shorten(2), [running], 'admin pkg-year x1 2026-11-15 for a'],
    ['shorter than now', shorten(7), [running], 'END_IN_PAST /until'],
    ['shorter to a day', until('2026-09-01', 'shorten'), [running], 'admin pkg-year x1 2026-09-01 for a'],
    ['shorter to a later day', until('2027-09-01', 'shorten'), [running], 'END_NOT_EARLIER /until'],
    ['shorter to yesterday', until('2026-06-30', 'shorten'), [running], 'END_IN_PAST /until'],
    [
      'an end for what has none',
      until('2026-09-01', 'shorten'),
      [grantOf(endless, '2026-01-01', { id: 'e' })],
      'admin pkg-life x1 2026-09-01 for e',
    ],
    ['no end to count back from', shorten(1), [grantOf(endless, '2026-01-01')], 'NO_END_TO_EXTEND'],
    ['at once', endNow, [running, queued], 'admin pkg-year x1 2026-07-01 for a+b'],
    ['at once, grace too', endNow, [inGrace], 'admin pkg-grace x1 2026-07-01 for g'],
    ['at once, what is over', endNow, [over], 'NOTHING_OPEN'],
  ])('%s', (_, change, ledger, expected) => {
    expect(inWords(decide(change, ledger))).toBe(expected);
  });

  it('cuts what waits behind a grant that has not begun', () => {
    const ledger = [grantOf(firstUse, '2026-01-01', { id: 'f' }), grantOf(firstUse, '2026-02-01', { id: 'h' })];
    const decision = decide(endNow, ledger);
    expect(inWords(decision)).toBe('admin pkg-first x1 2026-07-01 for f+h');
    expect(spansOf(withDecision(ledger, decision)).filter((span) => (span.end ?? NOW + 1) > NOW)).toEqual([]);
  });

  it('opens nothing from the moment on at which it is ended', () => {
    for (const ledger of [[running, queued], [inGrace], [running, team1, more]]) {
      const ended = withDecision(ledger, decide(endNow, ledger));
      expect(termsAt(ended, { id: 'p', repositoryId: null }, NOW)).toMatchObject({ state: 'ended', channels: [] });
    }
  });

  it('gives the time that it says, and takes it back with a refund', () => {
    const ledger = [running, queued];
    const longer = withDecision(ledger, decide(extend(10), ledger));
    const endsOf = (grants: readonly Grant[]) =>
      spansOf(grants)
        .map((span) => toIso(span.end ?? 0).slice(0, 10))
        .at(-1);
    expect(endsOf(longer)).toBe('2028-01-25');
    expect(endsOf(longer.map((grant) => (grant.id === 'b' ? { ...grant, closedAt: NOW } : grant)))).toBe('2027-01-15');
  });
});

describe('an end that is set', () => {
  it.each<[string, LicenseChange, Grant[], string]>([
    ['later', end('2030-01-01'), [running], 'admin pkg-year x1 2030-01-01 for a'],
    ['none', end(null), [running], 'admin pkg-year x1 no end for a'],
    ['as it is', end('2027-01-15'), [running], 'unchanged'],
    ['past', end('2026-06-30'), [running], 'END_IN_PAST /valid_until'],
    ['of what is over', end('2027-01-01'), [over], 'admin pkg-year x1 2027-01-01 for o'],
    [
      'not of what is over beside what runs',
      end('2030-01-01'),
      [grantOf(team, '2020-01-01'), running],
      'admin pkg-year x1 2030-01-01 for a',
    ],
    [
      'of the package of one repository',
      { ...end('2030-01-01'), repositoryId: 'rep-a' } as LicenseChange,
      [running],
      'NOTHING_OPEN',
    ],
  ])('%s', (_, change, ledger, expected) => {
    expect(inWords(decide(change, ledger))).toBe(expected);
  });
});

describe('switch: another package or quantity at once', () => {
  it.each<[string, LicenseChange, Grant[], string]>([
    ['to the same end', to(team), [running], 'switch pkg-team x1 2027-01-15 for a'],
    ['with what is queued', to(team), [running, queued], 'switch pkg-team x1 2028-01-15 for a+b'],
    ['as many times', to(team), [{ ...running, quantity: 4 }], 'switch pkg-team x4 2027-01-15 for a'],
    ['another quantity', to(yearly, { quantity: 3 }), [running], 'switch pkg-year x3 2027-01-15 for a'],
    ['nothing new', to(yearly), [running], 'unchanged'],
    ['to another end', to(team, { end: on('2029-01-01') }), [running], 'switch pkg-team x1 2029-01-01 for a'],
    ['without an end', to(team, { end: null }), [running], 'switch pkg-team x1 no end for a'],
    ['to the end of the dates', to(season, { end: null }), [running], 'switch pkg-season x1 2026-12-31 for a'],
    ['to a day that is past', to(team, { end: on('2026-06-01') }), [running], 'END_IN_PAST /valid_until'],
    ['what has no end', to(team), [grantOf(endless, '2026-01-01', { id: 'e' })], 'switch pkg-team x1 no end for e'],
    [
      'what begins at first use',
      to(team),
      [grantOf(firstUse, '2026-01-01', { id: 'f' })],
      'switch pkg-team x1 1year for f',
    ],
    ['from a trial', to(team), [grantOf(trial, '2026-06-25', { id: 'r' })], 'switch pkg-team x1 2026-07-09 for r'],
    ['what is in grace', to(team), [inGrace], 'END_NOT_LATER /valid_until'],
    [
      'what is in grace, to a day',
      to(team, { end: on('2027-01-01') }),
      [inGrace],
      'switch pkg-team x1 2027-01-01 for g',
    ],
    ['what is over', to(team), [over], 'NOTHING_OPEN'],
    ['one of two that nobody named', to(endless), [running, team1], 'PACKAGE_UNCLEAR /from_package_id'],
    [
      'the one that is named',
      to(endless, { from: yearly.id }),
      [running, team1],
      'switch pkg-life x1 2027-01-15 for a',
    ],
    ['one that it has not', to(endless, { from: team.id }), [running], 'NOTHING_OPEN /package_id'],
    ['to what it has beside it', to(team, { from: yearly.id }), [running, team1], 'ALREADY_EXISTS /package_id'],
    ['an add-on to more of it', to(addon, { quantity: 2 }), [running, more], 'switch pkg-addon x2 no end for x'],
    ['a base package to an add-on', to(addon, { from: yearly.id }), [running], 'INVALID_REQUEST /package_id'],
    ['to a trial', to(trial), [running], 'INVALID_REQUEST /package_id'],
    ['to dates that are over', to(past), [running], 'PACKAGE_INACTIVE /package_id'],
    ['to nothing', { ...to(team), to: 'pkg-none' } as LicenseChange, [running], 'NOT_FOUND /package_id'],
  ])('%s', (_, change, ledger, expected) => {
    expect(inWords(decide(change, ledger))).toBe(expected);
  });

  it('starts now also where the new package is in grace', () => {
    const ledger = [{ ...inGrace, id: 'g' }, running];
    const decision = decide(to(graceful, { from: yearly.id }), ledger);
    expect(inWords(decision)).toBe('switch pkg-grace x1 2027-01-15 for a+g');
    expect(spansOf(withDecision(ledger, decision)).at(-1)).toMatchObject({ start: NOW, end: on('2027-01-15') });
  });

  it('gives what a customer has who bought the new package now, to the same end', () => {
    const target = anyPackage('pkg-new').filter(({ kind }) => kind === 'base');
    const products = ['prd-a', 'prd-b'].flatMap((id) => [
      { id, repositoryId: 'rep-a' },
      { id, repositoryId: 'rep-b' },
    ]);
    fc.assert(
      fc.property(anyLedger, target, anyInstant, fc.array(anyInstant, { minLength: 1 }), (all, sold, now, instants) => {
        // A trial steps back for the old package too, which a customer who never had that would not see.
        const ledger = all.filter((grant) => grant.givenAt <= now && grant.package.kind !== 'trial');
        const from = ledger.find((grant) => grant.package.kind === 'base')?.package.id ?? '';
        const decision = decide(to(sold, { from }), ledger, { now, offers: offersOf([sold]) });
        if (decision.kind !== 'grants') return;
        const switched = withDecision(ledger, decision, now);
        const [draft] = decision.grants as [NewGrant];
        const others = ledger.filter((grant) => grant.package.id !== from);
        const twin = [...others, { ...written(draft, 'new-0', now), supersedes: [] }];
        for (const at of [now, ...instants.filter((instant) => instant >= now)]) {
          for (const product of products) {
            const { remainders: _, ...given } = termsAt(switched, product, at);
            const { remainders: __, ...bought } = termsAt(twin, product, at);
            if (bought.state === 'none' || bought.state === 'not_yet') continue;
            // Of what is over, the old package may have been the last.
            const end = bought.state === 'active' ? bought.end : given.end;
            expect(given).toEqual({ ...bought, end });
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a license as a whole', () => {
  const state = (license: Partial<Record<'suspendedAt' | 'revokedAt' | 'heldAt', string>> & { master?: boolean }) => ({
    license: { ...LICENSE, ...license },
    ledger: [running],
    offers: offersOf(PACKAGES),
    running: new Set<string>(),
    now: NOW,
  });
  const at = '2026-06-01T00:00:00.000Z';

  it('is suspended, resumed and revoked once', () => {
    expect(decideChange({ kind: 'suspend' }, state({})).kind).toBe('state');
    expect(decideChange({ kind: 'suspend' }, state({ suspendedAt: at })).kind).toBe('unchanged');
    expect(decideChange({ kind: 'resume' }, state({})).kind).toBe('unchanged');
    expect(decideChange({ kind: 'suspend' }, state({ suspendedAt: at, heldAt: at })).kind).toBe('state');
    expect(decideChange({ kind: 'resume' }, state({ suspendedAt: at })).kind).toBe('state');
    expect(decideChange({ kind: 'revoke' }, state({})).kind).toBe('state');
    expect(decideChange({ kind: 'revoke' }, state({ revokedAt: at })).kind).toBe('unchanged');
  });

  it('takes nothing once it is revoked, and a master license never takes anything', () => {
    const changes: LicenseChange[] = [renew, extend(1), shorten(1), endNow, end(null), to(team)];
    for (const change of changes) {
      expect(inWords(decideChange(change, state({ revokedAt: at })))).toBe('STILL_IN_USE');
      expect(inWords(decideChange(change, state({ master: true })))).toBe('MASTER_IS_FIXED');
    }
    for (const kind of ['suspend', 'resume', 'revoke'] as const)
      expect(inWords(decideChange({ kind }, state({ master: true })))).toBe('MASTER_IS_FIXED');
  });
});

describe('what a running subscription pays for', () => {
  const ledger = [grantOf(yearly, '2026-01-01'), grantOf(team, '2026-01-01')];
  const running = new Set([yearly.id]);

  it('is changed by the subscription alone', () => {
    const changes: LicenseChange[] = [
      ...[renew, extend(1), shorten(1), endNow, end(null)].map((each) => ({ ...each, packageId: yearly.id })),
    ] as LicenseChange[];
    for (const change of changes) expect(inWords(decide(change, ledger, { running }))).toBe('SUBSCRIPTION_RUNS');
    const alone = [grantOf(yearly, '2026-01-01')];
    expect(inWords(decide(to(team), alone, { running }))).toBe('SUBSCRIPTION_RUNS');
    const other = { kind: 'renew', packageId: team.id, quantity: null } as const;
    expect(inWords(decide(other, ledger, { running }))).not.toBe('SUBSCRIPTION_RUNS');
    expect(decide({ kind: 'suspend' }, ledger, { running }).kind).toBe('state');
  });
});
