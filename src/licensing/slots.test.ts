import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { on, siteOf, slotOf } from '../../test/support/seed-ledger.ts';
import { DAY } from '../clock.ts';
import {
  type Activation,
  decideSlot,
  exemptCap,
  possibleIdentities,
  type SiteClaim,
  type SlotDecision,
  type SlotInput,
  slotIdentity,
} from './slots.ts';

const NOW = on('2026-06-01');
const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const daysAgo = (days: number) => NOW - days * DAY;

function decide(claim: SiteClaim, held: Activation[] = [], change: Partial<SlotInput> = {}): SlotDecision {
  const counted = held.filter((slot) => slot.counted).length;
  return decideSlot({
    claim,
    unit: 'host',
    limit: 5,
    ...{ overagePercent: 0, keyRoom: null, takeoverDays: null, idlest: null },
    counted,
    exempt: held.length - counted,
    held,
    now: NOW,
    ...change,
  });
}

const FULL = { limit: 1, counted: 1 };
const site = siteOf('shop.example.com');
const localhost = siteOf('localhost', { registrable: 'localhost', exempt: 'loopback' });
const staging = siteOf('dev.example.com', { exempt: 'staging', exemptBeside: 'example.com' });

describe('the identity of a slot', () => {
  it.each<[string, SiteClaim, SlotInput['unit'], string]>([
    ['a host', site, 'host', 'shop.example.com'],
    ['the registered domain, where the package counts those', site, 'registrable', 'example.com'],
    ['an instance beside a host stays the host (Joomla)', { ...site, instance: ID }, 'host', 'shop.example.com'],
    [
      'the instance, where it is the slot (Dolibarr)',
      { ...site, instance: ID, byInstance: true },
      'host',
      `instance:${ID}`,
    ],
    [
      'the instance, also where domains count',
      { ...site, instance: ID, byInstance: true },
      'registrable',
      `instance:${ID}`,
    ],
    ['the instance, where no host is known', siteOf('', { instance: ID }), 'host', `instance:${ID}`],
    ['an exempt host, where domains count', { ...site, exempt: 'hoster' }, 'registrable', 'shop.example.com'],
    ['a staging host', staging, 'host', 'dev.example.com'],
    ['the domain that a staging host belongs to, where domains count', staging, 'registrable', 'example.com'],
  ])('is %s', (_, claim, unit, expected) => {
    expect(slotIdentity(claim, unit)).toBe(expected);
  });

  it('is always one of those that are looked up', () => {
    for (const claim of [
      site,
      staging,
      localhost,
      { ...site, instance: ID, byInstance: true },
      siteOf('', { instance: ID }),
    ])
      for (const unit of ['host', 'registrable'] as const)
        expect(possibleIdentities(claim)).toContain(slotIdentity(claim, unit));
  });

  it('is looked up once each, with the host that a staging host stands beside', () => {
    expect(possibleIdentities(siteOf('example.com'))).toEqual(['example.com', '*.example.com']);
    expect(possibleIdentities({ ...staging, instance: ID })).toEqual([
      'dev.example.com',
      'example.com',
      `instance:${ID}`,
      '*.dev.example.com',
      '*.example.com',
    ]);
  });
});

describe('a new site', () => {
  it.each<[string, Partial<SlotInput>, SlotDecision['kind']]>([
    ['the first', { limit: 1, counted: 0 }, 'claim'],
    ['the last that fits', { limit: 5, counted: 4 }, 'claim'],
    ['one more than fits', { limit: 5, counted: 5 }, 'refused'],
    ['over the limit after it shrank', { limit: 2, counted: 5 }, 'refused'],
    ['no sites at all', { limit: 0, counted: 0 }, 'refused'],
    ['unlimited', { limit: null, counted: 1_000_000 }, 'claim'],
  ])('%s', (_, change, kind) => {
    expect(decide(site, [], change).kind).toBe(kind);
  });

  it('claims a counted slot under its identity', () => {
    expect(decide(site)).toMatchObject({
      kind: 'claim',
      identity: 'shop.example.com',
      counted: true,
      exemptReason: null,
    });
    expect(decide(site, [], { unit: 'registrable' })).toMatchObject({ identity: 'example.com' });
  });

  it('is one of its own on every host, and one for all hosts of a domain where domains count', () => {
    const blog = siteOf('blog.example.com');
    expect(decide(blog, [slotOf('shop.example.com')], FULL).kind).toBe('refused');
    const domain = slotOf('shop.example.com', { identity: 'example.com' });
    expect(decide(blog, [domain], { ...FULL, unit: 'registrable' })).toEqual({ kind: 'held', id: domain.id });
  });
});

describe('the same site again is always fine', () => {
  const full = { limit: 0, counted: 9 };
  const slot = slotOf('shop.example.com');

  it.each<[string, SiteClaim, Activation, SlotInput['unit']]>([
    ['at the limit', site, slot, 'host'],
    ['after a new installation made another instance', { ...site, instance: OTHER }, { ...slot, instance: ID }, 'host'],
    ['with an instance now and none before', { ...site, instance: ID }, slot, 'host'],
    ['without an instance now', site, { ...slot, instance: ID }, 'host'],
    ['on Dolibarr, with an instance now and none before', { ...site, instance: ID, byInstance: true }, slot, 'host'],
    [
      'the same instance on another host (Dolibarr)',
      siteOf('new.example.org', { instance: ID, byInstance: true }),
      slotOf('old.example.com', { identity: `instance:${ID}`, instance: ID }),
      'host',
    ],
    [
      'the same instance without the platform’s name (Dolibarr)',
      { ...site, instance: ID },
      slotOf('shop.example.com', { identity: `instance:${ID}`, instance: ID }),
      'host',
    ],
    ['claimed while hosts counted, now domains do', site, slot, 'registrable'],
    [
      'claimed while domains counted, now hosts do',
      site,
      slotOf('shop.example.com', { identity: 'example.com' }),
      'host',
    ],
    [
      'a site that Joomla’s command line does not name',
      siteOf('', { instance: ID }),
      { ...slot, instance: ID },
      'host',
    ],
    [
      'first seen by the command line, now by its host',
      { ...site, instance: ID },
      slotOf('', { identity: `instance:${ID}`, instance: ID }),
      'host',
    ],
    ['an exempt one', localhost, slotOf('localhost', { counted: false, exemptReason: 'loopback' }), 'host'],
    [
      'a staging host whose parent has gone',
      staging,
      slotOf('dev.example.com', { counted: false, exemptReason: 'staging' }),
      'host',
    ],
    ['a staging host that counts', staging, slotOf('dev.example.com'), 'host'],
  ])('%s', (_, claim, held, unit) => {
    expect(decide(claim, [held], { ...full, unit })).toEqual({ kind: 'held', id: held.id });
  });

  it('but another site is not taken for it', () => {
    const domain = slotOf('shop.example.com', { identity: 'example.com' });
    expect(decide(siteOf('blog.example.com'), [domain], full).kind).toBe('refused');
    const twin = siteOf('shop.example.com', { instance: OTHER, byInstance: true });
    const dolibarr = slotOf('shop.example.com', { identity: `instance:${ID}`, instance: ID });
    expect(decide(twin, [dolibarr], full).kind).toBe('refused');
  });
});

describe('sites that do not count', () => {
  it('are claimed uncounted, with the reason, also when the license is full', () => {
    expect(decide(localhost, [], FULL)).toMatchObject({
      kind: 'claim',
      identity: 'localhost',
      counted: false,
      exemptReason: 'loopback',
    });
  });

  it.each([
    [0, 5],
    [1, 5],
    [2, 6],
    [10, 30],
    [null, Number.POSITIVE_INFINITY],
  ])('at a limit of %s are capped at %d', (limit, cap) => {
    expect(exemptCap(limit)).toBe(cap);
    if (cap === Number.POSITIVE_INFINITY) return;
    expect(decide(localhost, [], { limit, exempt: cap - 1 }).kind).toBe('claim');
    expect(decide(localhost, [], { limit, exempt: cap }).kind).toBe('refused');
  });

  it('a staging host is free only while its parent holds a counted slot', () => {
    expect(decide(staging, [slotOf('example.com')], FULL)).toMatchObject({ counted: false, exemptReason: 'staging' });
    expect(decide(staging)).toMatchObject({ kind: 'claim', identity: 'dev.example.com', counted: true });
    expect(decide(staging, [], FULL).kind).toBe('refused');
    expect(decide(staging, [slotOf('example.com', { counted: false, exemptReason: 'copy' })], FULL).kind).toBe(
      'refused',
    );
    expect(decide(staging, [slotOf('other.example.com')], FULL).kind).toBe('refused');
  });

  it('a staging host shares the slot of its domain where domains count, whichever came first', () => {
    const domain = slotOf('dev.example.com', { identity: 'example.com' });
    expect(decide(staging, [slotOf('example.com')], { ...FULL, unit: 'registrable' }).kind).toBe('held');
    expect(decide(staging, [], { unit: 'registrable' })).toMatchObject({ identity: 'example.com', counted: true });
    expect(decide(siteOf('example.com'), [domain], { ...FULL, unit: 'registrable' }).kind).toBe('held');
  });

  it('a Dolibarr instance counts wherever it stands', () => {
    expect(decide({ ...localhost, instance: ID, byInstance: true })).toMatchObject({
      counted: true,
      identity: `instance:${ID}`,
    });
  });
});

describe('an instance that shows up on a new host (Joomla)', () => {
  const claim = siteOf('new.example.org', { instance: ID });
  const original = (silentDays: number) => slotOf('old.example.com', { instance: ID, lastSeenAt: daysAgo(silentDays) });
  const copy = (ageDays: number) =>
    slotOf('new.example.org', { instance: ID, counted: false, exemptReason: 'copy', firstSeenAt: daysAgo(ageDays) });

  it.each([
    [14, 'move'],
    [13.9, 'claim'],
    [0, 'claim'],
  ])('after %d silent days of the old host: %s', (days, kind) => {
    expect(decide(claim, [original(days)], FULL).kind).toBe(kind);
  });

  it('takes its slot along', () => {
    expect(decide(claim, [original(20)], FULL)).toEqual({
      kind: 'move',
      id: 'act-old.example.com',
      identity: 'new.example.org',
    });
  });

  it('is a copy free of charge beside an original that is alive', () => {
    expect(decide(claim, [original(1)], FULL)).toMatchObject({
      kind: 'claim',
      identity: 'new.example.org',
      counted: false,
      exemptReason: 'copy',
    });
  });

  it.each<[string, Activation[], Partial<SlotInput>, object]>([
    ['for 14 days', [copy(13.9), original(0)], FULL, { kind: 'held', id: 'act-new.example.org' }],
    [
      'then it needs a slot of its own',
      [copy(14), original(0)],
      { limit: 2, counted: 1 },
      { kind: 'count', id: 'act-new.example.org', takes: null },
    ],
    ['which a full license has not', [copy(14), original(0)], FULL, { kind: 'refused' }],
    [
      'unless the original has fallen silent',
      [copy(14), original(14)],
      FULL,
      { kind: 'count', id: 'act-new.example.org', takes: 'act-old.example.com' },
    ],
    [
      'or was released',
      [copy(14)],
      { limit: 1, counted: 0 },
      { kind: 'count', id: 'act-new.example.org', takes: null },
    ],
  ])('a copy is free %s', (_, held, change, expected) => {
    expect(decide(claim, held, change)).toMatchObject(expected);
  });

  it('is a host like any other where its original does not count', () => {
    expect(decide(claim, [{ ...original(1), counted: false, exemptReason: 'staging' }], { counted: 0 })).toMatchObject({
      counted: true,
    });
  });

  it('moves no slot to a host that does not count: the original comes back to its own', () => {
    expect(decide({ ...localhost, instance: ID }, [original(20)], FULL)).toMatchObject({
      kind: 'claim',
      exemptReason: 'loopback',
    });
  });

  it('is known by the slot that counts, where the command line names no host and a copy is held too', () => {
    expect(decide(siteOf('', { instance: ID }), [copy(20), original(1)], FULL)).toEqual({
      kind: 'held',
      id: 'act-old.example.com',
    });
  });

  it('a copy whose free time is over claims no second slot for having become a staging host', () => {
    const held = [slotOf('dev.example.com', { counted: false, exemptReason: 'copy' }), slotOf('example.com')];
    expect(decide({ ...staging, instance: ID }, held, FULL).kind).toBe('refused');
    expect(decide({ ...staging, instance: ID }, held, { limit: 2, counted: 1 }).kind).toBe('count');
  });

  it('copies are capped like all that is free', () => {
    expect(decide(claim, [original(1)], { ...FULL, exempt: 5 }).kind).toBe('refused');
  });
});

describe('properties', () => {
  const hosts = fc.constantFrom(
    'example.com',
    'shop.example.com',
    'blog.example.com',
    'dev.example.com',
    'example.org',
    'localhost',
  );
  const instances = fc.constantFrom(null, ID, OTHER);
  const claims = fc
    .record({ host: hosts, instance: instances, dolibarr: fc.boolean() })
    .map(({ host, instance, dolibarr }): SiteClaim => {
      const byInstance = dolibarr && instance !== null;
      if (host === 'localhost') return { ...localhost, instance, byInstance };
      return host === 'dev.example.com' ? { ...staging, instance, byInstance } : siteOf(host, { instance, byInstance });
    });

  /** Plays claims in order, as the writer does, and answers what is held at the end. */
  function play(all: readonly SiteClaim[], limit: number | null, unit: SlotInput['unit']): Activation[] {
    let held: Activation[] = [];
    for (const [i, claim] of all.entries()) {
      const decision = decide(claim, held, { limit, unit });
      if (decision.kind === 'claim') {
        const { identity, counted, exemptReason } = decision;
        const seen = { firstSeenAt: NOW, lastSeenAt: NOW };
        held = [
          ...held,
          slotOf(claim.host, { id: `act-${i}`, identity, instance: claim.instance, counted, exemptReason, ...seen }),
        ];
      }
    }
    return held;
  }

  it('the limit holds, exempt slots stay below their cap and no identity has two slots', () => {
    fc.assert(
      fc.property(
        fc.array(claims, { maxLength: 30 }),
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom('host', 'registrable'),
        (all, limit, unit) => {
          const held = play(all, limit, unit);
          expect(held.filter(({ counted }) => counted).length).toBeLessThanOrEqual(limit);
          expect(held.filter(({ counted }) => !counted).length).toBeLessThanOrEqual(exemptCap(limit));
          expect(new Set(held.map(({ identity }) => identity)).size).toBe(held.length);
        },
      ),
    );
  });

  it('whoever was let in is let in again, at once, whatever the limit and the unit have become', () => {
    const units = fc.constantFrom<SlotInput['unit']>('host', 'registrable');
    fc.assert(
      fc.property(fc.array(claims, { minLength: 1, maxLength: 12 }), units, units, (all, before, after) => {
        const held = play(all, 3, before);
        for (const slot of held) {
          const claim = all[Number(slot.id.slice(4))] as SiteClaim;
          expect(decide(claim, held, { limit: 0, unit: after }).kind).toBe('held');
        }
      }),
    );
  });
});
