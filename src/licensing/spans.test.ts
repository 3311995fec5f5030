import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLedger, grantOf, on, soldPackage } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import type { Grant, Length } from './package-terms.ts';
import { addMonths, openGrants, spansOf } from './spans.ts';

/** `id start..end+graceEnd`, days only where the time is midnight; readable in a table. */
function shown(grants: readonly Grant[]): string[] {
  return spansOf(grants).map(({ grant, start, end, graceEnd, unstarted }) => {
    const grace = graceEnd === end ? '' : ` grace ${day(graceEnd)}`;
    return `${grant.id} ${day(start)}..${end === null ? '' : day(end)}${grace}${unstarted ? ' unstarted' : ''}`;
  });
}

function day(ms: number | null): string {
  if (ms === null) return 'never';
  const text = toIso(ms);
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.replace('.000Z', '');
}

const months = (value: number): Length => ({ value, unit: 'month' });
const days = (value: number): Length => ({ value, unit: 'day' });
const monthly = soldPackage({ length: months(1) });
const yearly = soldPackage({ length: { value: 1, unit: 'year' } });
const yearlyWithGrace = soldPackage({ length: { value: 1, unit: 'year' }, graceDays: 14 });
const endless = soldPackage({ length: null });

describe('a grant has a length, an end, or neither', () => {
  it.each<[string, Grant, string]>([
    ['days', grantOf(soldPackage({ length: days(30) }), '2026-01-31'), '2026-01-31..2026-03-02'],
    ['months', grantOf(monthly, '2026-01-15'), '2026-01-15..2026-02-15'],
    ['years', grantOf(yearly, '2026-01-15'), '2026-01-15..2027-01-15'],
    ['a leap day', grantOf(yearly, '2028-02-29'), '2028-02-29..2029-02-28'],
    ['an end', grantOf(yearly, '2026-01-15', { endsAt: on('2026-05-01') }), '2026-01-15..2026-05-01'],
    ['neither', grantOf(endless, '2026-01-15'), '2026-01-15..'],
    [
      'an end given beside no length',
      grantOf(endless, '2026-01-15', { endsAt: on('2026-05-01') }),
      '2026-01-15..2026-05-01',
    ],
  ])('%s', (_, grant, expected) => {
    expect(shown([{ ...grant, id: 'g' }])).toEqual([`g ${expected}`]);
  });
});

describe('1: chains', () => {
  it('starts a renewal at the end of the grant before it, so that it adds time', () => {
    expect(shown([grantOf(yearly, '2026-01-15', { id: 'a' }), grantOf(yearly, '2026-11-01', { id: 'b' })])).toEqual([
      'a 2026-01-15..2027-01-15',
      'b 2027-01-15..2028-01-15',
    ]);
  });

  it('queues several renewals one behind the other', () => {
    const given = ['2026-01-15', '2026-01-15', '2026-02-01'].map((date, i) => grantOf(yearly, date, { id: `g${i}` }));
    expect(shown(given)).toEqual([
      'g0 2026-01-15..2027-01-15',
      'g1 2027-01-15..2028-01-15',
      'g2 2028-01-15..2029-01-15',
    ]);
  });

  it.each([
    ['within grace: at the end of the one before', '2027-01-28', '2027-01-15'],
    ['one ms before grace is over', '2027-01-28T23:59:59.999', '2027-01-15'],
    ['when grace is over, to the ms: when given', '2027-01-29', '2027-01-29'],
    ['after grace: when given', '2027-03-01', '2027-03-01'],
  ])('a renewal %s', (_, given, start) => {
    const spans = spansOf([
      grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }),
      grantOf(yearlyWithGrace, given, { id: 'b' }),
    ]);
    expect(spans.map((span) => day(span.start))).toEqual(['2026-01-15', start]);
  });

  it('lets grants of different packages run beside each other', () => {
    const other = soldPackage({ id: 'pkg-b' });
    expect(shown([grantOf(yearly, '2026-01-15', { id: 'a' }), grantOf(other, '2026-06-01', { id: 'b' })])).toEqual([
      'a 2026-01-15..2027-01-15',
      'b 2026-06-01..2027-06-01',
    ]);
  });

  it.each<[string, Partial<Grant>, Partial<Grant>]>([
    ['payment reference', { id: 'z', paymentRef: 'pay-1' }, { id: 'a', paymentRef: 'pay-2' }],
    ['id', { id: 'a' }, { id: 'z' }],
    ['payment reference, none first', { id: 'z' }, { id: 'a', paymentRef: 'pay-1' }],
  ])('orders grants of one instant by %s', (_, first, second) => {
    const one = grantOf(monthly, '2026-01-15', first);
    const two = grantOf(yearly, '2026-01-15', second);
    expect(spansOf([two, one]).map(({ grant }) => grant.id)).toEqual([first.id, second.id]);
  });
});

describe('2: grace and refunds', () => {
  it('lets grace follow the end', () => {
    expect(shown([grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' })])).toEqual([
      'a 2026-01-15..2027-01-15 grace 2027-01-29',
    ]);
  });

  it('ends grace where the next of the chain starts', () => {
    const chain = [
      grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }),
      grantOf(yearlyWithGrace, '2027-01-20', { id: 'b' }),
    ];
    expect(shown(chain)).toEqual(['a 2026-01-15..2027-01-15', 'b 2027-01-15..2028-01-15 grace 2028-01-29']);
  });

  it('keeps the grace of another package', () => {
    const other = soldPackage({ id: 'pkg-b' });
    const spans = shown([
      grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }),
      grantOf(other, '2027-01-20', { id: 'b' }),
    ]);
    expect(spans[0]).toBe('a 2026-01-15..2027-01-15 grace 2027-01-29');
  });

  it('moves the rest of the chain up when the first is refunded', () => {
    const first = grantOf(yearly, '2026-01-15', { id: 'a', closedAt: on('2026-03-01') });
    expect(shown([first, grantOf(yearly, '2026-11-01', { id: 'b' })])).toEqual(['b 2026-11-01..2027-11-01']);
  });

  it('moves up what was queued behind a refunded renewal', () => {
    const chain = [
      grantOf(yearly, '2026-01-15', { id: 'a' }),
      grantOf(yearly, '2026-02-01', { id: 'b', closedAt: on('2026-03-01') }),
      grantOf(yearly, '2026-03-01', { id: 'c' }),
    ];
    expect(shown(chain)).toEqual(['a 2026-01-15..2027-01-15', 'c 2027-01-15..2028-01-15']);
  });
});

describe('3: fixed dates and given ends', () => {
  const season = soldPackage({ fixed: { from: on('2026-09-01'), until: on('2027-09-01') } });

  it('has its package’s dates, whenever it was given, and a second one the same', () => {
    expect(shown([grantOf(season, '2026-01-15', { id: 'a' }), grantOf(season, '2027-02-01', { id: 'b' })])).toEqual([
      'a 2026-09-01..2027-09-01',
      'b 2026-09-01..2027-09-01',
    ]);
  });

  it('keeps the whole grace of both', () => {
    const kind = soldPackage({ fixed: { from: on('2026-09-01'), until: on('2027-09-01') }, graceDays: 10 });
    const spans = spansOf([grantOf(kind, '2026-01-15', { id: 'a' }), grantOf(kind, '2027-02-01', { id: 'b' })]);
    expect(spans.map(({ graceEnd }) => day(graceEnd))).toEqual(['2027-09-11', '2027-09-11']);
  });

  it('does not start at first use', () => {
    const used = soldPackage({ fixed: { from: on('2026-09-01'), until: on('2027-09-01') }, startsOn: 'first_use' });
    expect(shown([grantOf(used, '2026-01-15', { id: 'a' })])).toEqual(['a 2026-09-01..2027-09-01']);
  });

  it('keeps an end that was given, and lets a later length follow it', () => {
    const chain = [
      grantOf(monthly, '2026-01-15', { id: 'a', endsAt: on('2026-02-20') }),
      grantOf(monthly, '2026-02-10', { id: 'b', endsAt: on('2026-03-20') }),
      grantOf(monthly, '2026-02-10T01:00', { id: 'c' }),
    ];
    expect(shown(chain)).toEqual(['a 2026-01-15..2026-02-20', 'b 2026-02-20..2026-03-20', 'c 2026-03-20..2026-04-20']);
  });
});

describe('4: first use', () => {
  const onUse = soldPackage({ length: months(1), startsOn: 'first_use' });

  it('is in force without an end until it is used', () => {
    expect(shown([grantOf(onUse, '2026-01-15', { id: 'a' })])).toEqual(['a 2026-01-15.. unstarted']);
  });

  it('starts at the first use', () => {
    expect(shown([grantOf(onUse, '2026-01-15', { id: 'a', firstUsedAt: on('2026-04-01') })])).toEqual([
      'a 2026-04-01..2026-05-01',
    ]);
  });

  it('does not wait for a use where an end was given', () => {
    const imported = grantOf(onUse, '2026-01-15', { id: 'a', source: 'import', endsAt: on('2026-05-01') });
    expect(shown([imported])).toEqual(['a 2026-01-15..2026-05-01']);
  });

  it('stamps only the first of a chain; the next follows it by the rule of chains', () => {
    const second = grantOf(onUse, '2026-02-01', { id: 'b' });
    expect(shown([grantOf(onUse, '2026-01-15', { id: 'a' }), second])).toEqual(['a 2026-01-15.. unstarted']);
    expect(shown([grantOf(onUse, '2026-01-15', { id: 'a', firstUsedAt: on('2026-04-01') }), second])).toEqual([
      'a 2026-04-01..2026-05-01',
      'b 2026-05-01..2026-06-01',
    ]);
  });

  it('makes the second the first when the first is refunded', () => {
    const first = grantOf(onUse, '2026-01-15', { id: 'a', closedAt: on('2026-02-02') });
    expect(shown([first, grantOf(onUse, '2026-02-01', { id: 'b' })])).toEqual(['b 2026-02-01.. unstarted']);
  });
});

describe('6: grants in the place of others', () => {
  const admin = (given: string, endsAt: string | null, supersedes: string[], id = 'x'): Grant =>
    grantOf(yearly, given, {
      id,
      source: 'admin',
      length: null,
      endsAt: endsAt === null ? null : on(endsAt),
      supersedes,
    });
  const a = grantOf(yearly, '2026-01-15', { id: 'a' });
  const queued = grantOf(yearly, '2026-02-01', { id: 'b' });

  it.each<[string, Grant[], string[]]>([
    [
      'a later end set by hand',
      [a, admin('2026-06-01', '2029-01-01', ['a'])],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2029-01-01'],
    ],
    [
      'an earlier end set by hand',
      [a, admin('2026-06-01', '2026-07-01', ['a'])],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-07-01'],
    ],
    [
      'an end that is not later than now only cuts',
      [a, admin('2026-06-01', '2026-06-01', ['a'])],
      ['a 2026-01-15..2026-06-01'],
    ],
    ['an end in the past only cuts', [a, admin('2026-06-01', '2026-02-01', ['a'])], ['a 2026-01-15..2026-06-01']],
    ['without an end', [a, admin('2026-06-01', null, ['a'])], ['a 2026-01-15..2026-06-01', 'x 2026-06-01..']],
    [
      'what is queued goes too, without having begun',
      [a, queued, admin('2026-06-01', '2026-12-01', ['a', 'b'])],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-12-01'],
    ],
    [
      'what is queued and not named starts behind it',
      [grantOf(yearly, '2026-06-02', { id: 'b' }), a, admin('2026-06-01', '2026-12-01', ['a'])],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-12-01', 'b 2026-12-01..2027-12-01'],
    ],
    [
      'one that was without an end',
      [grantOf(endless, '2026-01-15', { id: 'a' }), admin('2026-06-01', '2026-12-01', ['a'])],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-12-01'],
    ],
    [
      'a second one by hand takes the place of the first, and what the first cut stays cut',
      [a, admin('2026-06-01', '2026-12-01', ['a']), admin('2026-07-01', '2028-01-01', ['x'], 'y')],
      ['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-07-01', 'y 2026-07-01..2028-01-01'],
    ],
    [
      'a switch to another package at once',
      [a, grantOf(soldPackage({ id: 'pkg-b' }), '2026-06-01', { id: 's', source: 'switch', supersedes: ['a'] })],
      ['a 2026-01-15..2026-06-01', 's 2026-06-01..2027-06-01'],
    ],
  ])('%s', (_, grants, expected) => {
    expect(shown(grants)).toEqual(expected);
  });

  it('counts the first of two that take the place of one', () => {
    const twice = [a, admin('2026-08-01', '2026-08-01', ['a'], 'y'), admin('2026-06-01', '2026-06-01', ['a'])];
    for (const grants of [twice, [...twice].reverse()]) expect(shown(grants)).toEqual(['a 2026-01-15..2026-06-01']);
  });

  it('sets an end in a package of fixed dates as well', () => {
    const season = soldPackage({ fixed: { from: on('2026-01-01'), until: on('2027-01-01') } });
    const byHand = grantOf(season, '2026-06-01', {
      id: 'x',
      source: 'admin',
      endsAt: on('2028-03-01'),
      supersedes: ['a'],
    });
    expect(shown([grantOf(season, '2026-02-01', { id: 'a' }), byHand])).toEqual([
      'a 2026-01-01..2026-06-01',
      'x 2026-06-01..2028-03-01',
    ]);
  });

  it('cuts without grace', () => {
    const cut = shown([grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }), admin('2026-06-01', '2026-06-01', ['a'])]);
    expect(cut).toEqual(['a 2026-01-15..2026-06-01']);
  });

  it('ends the grace that runs when it is given, and does not take away the grace that was', () => {
    const grants = [grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }), admin('2027-01-20', '2027-12-01', ['a'])];
    expect(shown(grants)).toEqual(['a 2026-01-15..2027-01-15 grace 2027-01-20', 'x 2027-01-20..2027-12-01']);
  });

  it('changes nothing in a grant whose grace is over', () => {
    const grants = [grantOf(yearlyWithGrace, '2026-01-15', { id: 'a' }), admin('2027-03-01', '2027-12-01', ['a'])];
    expect(shown(grants)[0]).toBe('a 2026-01-15..2027-01-15 grace 2027-01-29');
  });

  it('takes the unstarted state from a grant that it cuts', () => {
    const onUse = soldPackage({ length: months(1), startsOn: 'first_use' });
    const grants = [grantOf(onUse, '2026-01-15', { id: 'a' }), admin('2026-06-01', '2026-12-01', ['a'])];
    expect(shown(grants)).toEqual(['a 2026-01-15..2026-06-01', 'x 2026-06-01..2026-12-01']);
  });

  it('is void once a grant that it supersedes is closed, and what it cut besides is whole again', () => {
    const refunded = { ...a, closedAt: on('2026-08-01') };
    expect(shown([refunded, queued, admin('2026-06-01', '2030-01-01', ['a', 'b'])])).toEqual([
      'b 2026-02-01..2027-02-01',
    ]);
  });

  it('is void as well where what it stands on is void', () => {
    const refunded = { ...a, closedAt: on('2026-08-01') };
    const second = admin('2026-07-01', '2031-01-01', ['x'], 'y');
    expect(openGrants([second, admin('2026-06-01', '2030-01-01', ['a']), refunded])).toEqual([]);
  });

  it('stays where the closed grant is reopened', () => {
    expect(openGrants([a, admin('2026-06-01', '2030-01-01', ['a'])]).map(({ id }) => id)).toEqual(['a', 'x']);
  });

  it('lets a paid switch stand when what it replaced is refunded', () => {
    const other = grantOf(soldPackage({ id: 'pkg-b' }), '2026-06-01', { id: 's', source: 'switch', supersedes: ['a'] });
    expect(shown([{ ...a, closedAt: on('2026-08-01') }, other])).toEqual(['s 2026-06-01..2027-06-01']);
  });

  it('gives back what it cut when it is itself closed', () => {
    expect(shown([a, { ...admin('2026-06-01', '2026-07-01', ['a']), closedAt: on('2026-06-02') }])).toEqual([
      'a 2026-01-15..2027-01-15',
    ]);
  });
});

describe('7: instants and months', () => {
  it.each([
    ['2026-01-31', 1, '2026-02-28'],
    ['2028-01-31', 1, '2028-02-29'],
    ['2026-01-31', 2, '2026-03-31'],
    ['2026-03-31', 1, '2026-04-30'],
    ['2026-12-31', 2, '2027-02-28'],
    ['2028-02-29', 12, '2029-02-28'],
    ['2028-02-29', 48, '2032-02-29'],
    ['2026-01-31T23:59:59.999', 1, '2026-02-28T23:59:59.999Z'],
  ])('%s and %d months are %s', (from, count, expected) => {
    expect(day(addMonths(on(from), count))).toBe(expected);
  });

  it('counts the months of an unbroken run from the first start, so that the day comes back after February', () => {
    const chain = ['2026-01-31', '2026-02-27', '2026-03-20', '2026-04-29'].map((date, i) =>
      grantOf(monthly, date, { id: `g${i}` }),
    );
    expect(spansOf(chain).map(({ end }) => day(end))).toEqual(['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31']);
  });

  it('starts a new run after a gap, after days, and after an end that was set', () => {
    const last = (grants: Grant[]) => day(spansOf(grants).at(-1)?.end ?? null);
    const january = grantOf(monthly, '2026-01-31', { id: 'a' });
    expect(last([january, grantOf(monthly, '2026-03-01', { id: 'b' })])).toBe('2026-04-01');
    expect(
      last([
        january,
        grantOf(monthly, '2026-02-01', { id: 'b', length: days(3) }),
        grantOf(monthly, '2026-02-02', { id: 'c' }),
      ]),
    ).toBe('2026-04-03');
    expect(last([{ ...january, endsAt: on('2026-02-27') }, grantOf(monthly, '2026-02-01', { id: 'b' })])).toBe(
      '2026-03-27',
    );
  });

  it('starts a new run where a grant of it was cut', () => {
    const x = grantOf(monthly, '2026-02-10', { id: 'x', source: 'admin', supersedes: ['a'] });
    expect(shown([grantOf(monthly, '2026-01-31', { id: 'a' }), x])).toEqual([
      'a 2026-01-31..2026-02-10',
      'x 2026-02-10..2026-03-10',
    ]);
  });

  it('never passes the year 9999, whatever the unit, since instants have a fixed width', () => {
    const far = soldPackage({ length: { value: 36_500, unit: 'year' } });
    const grants = [
      grantOf(far, '2026-01-01', { id: 'a', endsAt: on('9999-12-20') }),
      grantOf(far, '2026-01-02', { id: 'b', length: days(36_500) }),
    ];
    for (const { end } of spansOf(grants)) expect(toIso(end ?? 0)).toHaveLength(24);
    expect(toIso(addMonths(on('2026-01-01'), 36_500 * 12))).toBe('9999-12-31T23:59:59.999Z');
    expect(toIso(addMonths(on('2026-01-01'), Number.MAX_SAFE_INTEGER))).toBe('9999-12-31T23:59:59.999Z');
  });
});

describe('properties', () => {
  const dates = (grants: readonly Grant[]) =>
    spansOf(grants).map(({ grant, start, end, graceEnd, unstarted }) => [grant.id, start, end, graceEnd, unstarted]);
  const isLive = (grants: readonly Grant[], now: number) =>
    spansOf(grants).some(({ start, graceEnd }) => start <= now && (graceEnd === null || now < graceEnd));

  it('refunding grants in any number gives the dates of a customer who never bought them', () => {
    fc.assert(
      fc.property(anyLedger, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (ledger, refunds) => {
        const refunded = ledger.map((grant, i) => (refunds[i] ? { ...grant, closedAt: grant.givenAt + DAY } : grant));
        expect(dates(refunded)).toEqual(dates(ledger.filter((_, i) => !refunds[i])));
      }),
    );
  });

  it('the order of rows is irrelevant', () => {
    const shuffled = anyLedger.chain((ledger) =>
      fc.tuple(fc.constant(ledger), fc.shuffledSubarray(ledger, { minLength: ledger.length })),
    );
    fc.assert(fc.property(shuffled, ([ledger, other]) => void expect(dates(other)).toEqual(dates(ledger))));
  });

  it('spans are sorted; those of a chain without fixed dates never overlap, nor does a grace with the next span', () => {
    fc.assert(
      fc.property(anyLedger, (ledger) => {
        const spans = spansOf(ledger);
        expect(spans.map(({ start }) => start)).toEqual(spans.map(({ start }) => start).sort((a, b) => a - b));
        for (const id of ['pkg-a', 'pkg-b', 'pkg-c']) {
          const chain = spans.filter(({ grant }) => grant.package.id === id && grant.package.terms.fixed === null);
          for (const [i, next] of chain.slice(1).entries()) {
            expect(chain[i]?.end).not.toBeNull();
            expect(chain[i]?.graceEnd).toBeLessThanOrEqual(next.start);
          }
        }
      }),
    );
  });

  it('every span is longer than nothing and its grace is not before its end', () => {
    fc.assert(
      fc.property(anyLedger, (ledger) => {
        for (const { start, end, graceEnd } of spansOf(ledger)) {
          expect(end === null || end > start).toBe(true);
          expect(end === null ? graceEnd === null : graceEnd !== null && graceEnd >= end).toBe(true);
        }
      }),
    );
  });

  it('a grant that is given last shortens nothing', () => {
    fc.assert(
      fc.property(anyLedger, fc.integer({ min: -10, max: 2_000 }), (ledger, at) => {
        fc.pre(ledger.length > 0);
        const sorted = [...ledger].sort((a, b) => a.givenAt - b.givenAt || (a.id < b.id ? -1 : 1));
        const now = on('2026-01-31') + at * DAY;
        if (isLive(sorted.slice(0, -1), now)) expect(isLive(sorted, now)).toBe(true);
      }),
    );
  });

  it('a run of month grants keeps its anchor day, clipped to each month', () => {
    const terms = fc.record({
      start: fc.integer({ min: on('2020-01-01') / DAY, max: on('2040-01-01') / DAY }).map((each) => each * DAY),
      lengths: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }),
    });
    fc.assert(
      fc.property(terms, ({ start, lengths }) => {
        const chain = lengths.map((value, i) =>
          grantOf(monthly, day(start), { id: `g${i + 100}`, length: months(value) }),
        );
        const anchor = new Date(start).getUTCDate();
        for (const { end } of spansOf(chain)) {
          const date = new Date(end ?? 0);
          const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
          expect(date.getUTCDate()).toBe(Math.min(anchor, lastDay));
        }
        const total = lengths.reduce((sum, value) => sum + value, 0);
        expect(spansOf(chain).at(-1)?.end).toBe(addMonths(start, total));
      }),
    );
  });
});

describe('3: the paid periods of a subscription', () => {
  const period = (from: string, to: string, change: Partial<Grant['subscription'] & object> = {}, id = 'p') => ({
    ...grantOf(yearlyWithGrace, from, { id, length: null, endsAt: on(to) }),
    subscription: { id: 'sbs', start: on(from), graceUntil: null, pastDue: false, renews: false, ...change },
  });

  it('lie where they were paid for, and have the grace of the subscription, not of the package', () => {
    expect(
      shown([
        period('2026-01-31', '2026-02-28', {}, 'a'),
        period('2026-02-28', '2026-03-31', { graceUntil: on('2026-04-07') }, 'b'),
      ]),
    ).toEqual(['a 2026-01-31..2026-02-28', 'b 2026-02-28..2026-03-31 grace 2026-04-07']);
  });

  it('move neither forward nor back when one is closed, or when time was bought before', () => {
    const refunded = { ...period('2026-01-01', '2026-02-01', {}, 'a'), closedAt: on('2026-01-20') };
    expect(shown([refunded, period('2026-02-01', '2026-03-01', {}, 'b')])).toEqual(['b 2026-02-01..2026-03-01']);
    expect(shown([grantOf(yearly, '2025-06-01', { id: 'y' }), period('2026-01-01', '2026-02-01', {}, 'a')])).toEqual([
      'y 2025-06-01..2026-06-01',
      'a 2026-01-01..2026-02-01',
    ]);
  });

  it('are gone on with by what is bought once the subscription is over', () => {
    const last = period('2026-01-01', '2026-02-01', {}, 'a');
    expect(shown([last, grantOf(yearly, '2026-01-20', { id: 'y' })])).toEqual([
      'a 2026-01-01..2026-02-01',
      'y 2026-02-01..2027-02-01',
    ]);
    expect(
      shown([grantOf(yearly, '2025-06-01', { id: 'x' }), last, grantOf(yearly, '2026-02-20', { id: 'y' })]),
    ).toEqual(['x 2025-06-01..2026-06-01', 'a 2026-01-01..2026-02-01', 'y 2026-06-01..2027-06-01']);
  });

  it('are cut without grace by a switch at once', () => {
    const now = period('2026-01-01', '2026-02-01', { graceUntil: on('2026-02-08') }, 'a');
    const bigger = {
      ...period('2026-01-15', '2026-02-01', { graceUntil: on('2026-02-08') }, 'b'),
      package: soldPackage({ id: 'pkg-b' }),
      source: 'switch' as const,
      supersedes: ['a'],
    };
    expect(shown([now, bigger])).toEqual(['a 2026-01-01..2026-01-15', 'b 2026-01-15..2026-02-01 grace 2026-02-08']);
  });
});
