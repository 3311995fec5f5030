import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyInstant,
  anyLedger,
  gatedProduct,
  grantOf,
  on,
  type PackageWish,
  siteOf,
  soldPackage,
} from '../../test/support/seed-ledger.ts';
import { type Access, downloadCode, type GatedRelease, visibleReleases } from './access.ts';
import type { Grant } from './package-terms.ts';
import { type GatedProduct, type KeyFound, type LicenseSnapshot, MODES, type Question, verdict } from './verdict.ts';

const NOW = on('2026-06-01');

function release(version: string, channel: string, seen: string, security = false): GatedRelease {
  return { version, channel, security, firstSeenAt: on(seen) };
}

/** Newest first, as feeds order them. */
const releases = [
  release('3.0.0-beta1', 'beta', '2026-05-20'),
  release('2.2.0', 'stable', '2026-05-01'),
  release('2.1.1', 'stable', '2026-03-01', true),
  release('2.1.0-beta1', 'beta', '2026-01-20'),
  release('2.0.0', 'stable', '2026-01-10'),
];

function keyOf(grants: Grant[], change: Partial<LicenseSnapshot> = {}): KeyFound {
  const bounds = { siteLimit: null, countedSites: 0, endsAt: null, replacedBy: null, purpose: 'commercial' };
  const key = { id: 'key-1', suspended: false, revoked: false, domains: null, ...bounds };
  const license = {
    id: 'lic-1',
    organizationId: 'org-a',
    suspended: false,
    revoked: false,
    key,
    grants,
    held: [],
    idlest: null,
  };
  return { kind: 'found', license: { ...license, countedSites: 0, exemptSites: 0, ...change } };
}

const sold = (wish: PackageWish = {}) => [grantOf(soldPackage(wish), '2026-01-01')];
const ended = (wish: PackageWish = {}) => sold({ length: { value: 1, unit: 'month' }, ...wish });
const none: KeyFound = { kind: 'none' };

interface Asker {
  key?: KeyFound;
  kind?: Question['kind'];
  now?: number;
}

function answer(product: GatedProduct, { key = none, kind = 'feed', now = NOW }: Asker) {
  return verdict({ now, kind, product, key, site: siteOf('shop.example.com') });
}

/** `version` for a file, `(version)` for one that is listed only. */
function seen(change: Partial<GatedProduct>, asker: Asker): string[] {
  const product = gatedProduct(change);
  const visible = visibleReleases(product, answer(product, asker), releases);
  return visible.map(({ release: { version }, access }) => (access === 'file' ? version : `(${version})`));
}

function codes(change: Partial<GatedProduct>, asker: Asker): string[] {
  const product = gatedProduct(change);
  const given = answer(product, { kind: 'download', ...asker });
  const visible = visibleReleases(product, given, releases);
  return releases.map((each) => {
    const access: Access = visible.find((one) => one.release === each)?.access ?? 'hidden';
    return `${each.version} ${access} ${downloadCode(given, each, access)}`;
  });
}

const stable = ['2.2.0', '2.1.1', '2.0.0'];
const all = ['3.0.0-beta1', '2.2.0', '2.1.1', '2.1.0-beta1', '2.0.0'];
const listed = ['(2.2.0)', '(2.1.1)', '(2.0.0)'];

describe('the modes', () => {
  it.each<[string, Partial<GatedProduct>, Asker, string[]]>([
    ['open, no key: open channels, free', { mode: 'open' }, {}, stable],
    ['listed, no key: open channels, without files', { mode: 'listed' }, {}, listed],
    ['strict, no key: nothing', { mode: 'strict' }, {}, []],
    ['open, key: plus the license’s channels', { mode: 'open' }, { key: keyOf(sold({ channels: ['beta'] })) }, all],
    ['listed, key: list and files of the license’s channels', { mode: 'listed' }, { key: keyOf(sold()) }, stable],
    ['strict, key: list and files of the license’s channels', { mode: 'strict' }, { key: keyOf(sold()) }, stable],
    ['strict, key with all of it', { mode: 'strict' }, { key: keyOf(sold({ channels: ['*'] })) }, all],
    [
      'listed, key without the open channel: it stays listed',
      { mode: 'listed' },
      { key: keyOf(sold({ channels: ['beta'] })) },
      ['3.0.0-beta1', '(2.2.0)', '2.1.1', '2.1.0-beta1', '(2.0.0)'],
    ],
    ['open with another open channel', { mode: 'open', openChannels: ['beta'] }, {}, ['3.0.0-beta1', '2.1.0-beta1']],
    ['open with no open channel', { mode: 'open', openChannels: [] }, {}, []],
    ['strict has no open channels, whatever is set', { mode: 'strict', openChannels: ['stable', 'beta'] }, {}, []],
  ])('%s', (_, product, asker, expected) => {
    expect(seen(product, asker)).toEqual(expected);
  });
});

describe('a bad key never makes an answer worse than none', () => {
  const bad: [string, KeyFound, boolean][] = [
    ['malformed', { kind: 'malformed' }, false],
    ['unknown', { kind: 'unknown' }, false],
    ['of another organization', keyOf(sold(), { organizationId: 'org-b' }), false],
    ['of another product', keyOf(sold({ repositoryId: 'rep-b' })), false],
    ['revoked', keyOf(sold(), { revoked: true }), false],
    ['suspended', keyOf(sold(), { suspended: true }), false],
    ['ended', keyOf(ended()), true],
    ['on a site too many', keyOf(sold(), { countedSites: 1 }), true],
  ];

  it.each(bad)('%s', (_, key, security) => {
    for (const mode of MODES) {
      const without = seen({ mode }, {});
      const expected = security
        ? { open: without, listed: ['(2.2.0)', '2.1.1', '(2.0.0)'], strict: ['2.1.1'] }[mode]
        : without;
      expect(seen({ mode }, { key })).toEqual(expected);
    }
  });
});

describe('security releases', () => {
  it.each<[string, Partial<GatedProduct>, Asker, boolean]>([
    ['for a key in force, of a channel that it has not', {}, { key: keyOf(sold({ channels: ['beta'] })) }, true],
    ['for an ended key', {}, { key: keyOf(ended()) }, true],
    ['for a refunded key', {}, { key: keyOf(sold().map((grant) => ({ ...grant, closedAt: NOW }))) }, true],
    ['for no key', {}, {}, false],
    ['for no key, where the product says so', { securityOpen: true }, {}, true],
    [
      'for a revoked key, where the product says so for everyone',
      { securityOpen: true },
      { key: keyOf(sold(), { revoked: true }) },
      true,
    ],
    ['not for a revoked key', {}, { key: keyOf(sold(), { revoked: true }) }, false],
    ['not for a suspended key', {}, { key: keyOf(sold(), { suspended: true }) }, false],
    ['not for an unknown key', {}, { key: { kind: 'unknown' } }, false],
    ['not for a key of another product', {}, { key: keyOf(sold({ repositoryId: 'rep-b' })) }, false],
  ])('%s', (_, product, asker, open) => {
    for (const mode of ['strict', 'listed'] as const)
      expect(seen({ mode, ...product }, asker).includes('2.1.1')).toBe(open);
  });
});

describe('after the end', () => {
  it.each<[string, PackageWish, Partial<GatedProduct>, string[]]>([
    ['nothing: what no key gets, and security', {}, {}, ['2.1.1']],
    ['nothing, listed', {}, { mode: 'listed' }, ['(2.2.0)', '2.1.1', '(2.0.0)']],
    ['shown: the newest version, without the file', { afterEnd: 'shown' }, {}, ['(2.2.0)', '2.1.1']],
    [
      'shown: the newest of the channels as they stood',
      { afterEnd: 'shown', channels: ['stable', 'beta'] },
      {},
      ['(3.0.0-beta1)', '2.1.1'],
    ],
    ['owned: releases from before the end', { afterEnd: 'owned' }, {}, ['2.1.1', '2.0.0']],
    ['owned: in the channels as they stood', { afterEnd: 'owned', channels: ['beta'] }, {}, ['2.1.1', '2.1.0-beta1']],
    ['owned: grace counts', { afterEnd: 'owned', graceDays: 95 }, {}, ['2.2.0', '2.1.1', '2.0.0']],
    ['owned, listed: the rest stays listed', { afterEnd: 'owned' }, { mode: 'listed' }, ['(2.2.0)', '2.1.1', '2.0.0']],
    ['owned, open', { afterEnd: 'owned' }, { mode: 'open' }, stable],
  ])('%s', (_, wish, product, expected) => {
    expect(seen(product, { key: keyOf(ended(wish)) })).toEqual(expected);
  });

  it('owned ends to the ms where the end is', () => {
    const product = gatedProduct();
    const at = (firstSeenAt: number) => ({ version: '1', channel: 'stable', security: false, firstSeenAt });
    const edge = on('2026-02-01');
    const given = answer(product, { key: keyOf(ended({ afterEnd: 'owned' })) });
    expect(visibleReleases(product, given, [at(edge), at(edge - 1)]).map((each) => each.release.firstSeenAt)).toEqual([
      edge - 1,
    ]);
  });

  it('stays beside what is in force', () => {
    const grants = [...ended({ id: 'o', afterEnd: 'owned' }), ...sold({ id: 'l', channels: ['beta'] })];
    expect(seen({}, { key: keyOf(grants) })).toEqual(['3.0.0-beta1', '2.1.1', '2.1.0-beta1', '2.0.0']);
  });

  it('a revoked or suspended key gets what no key gets', () => {
    for (const stop of [{ revoked: true }, { suspended: true }])
      expect(seen({}, { key: keyOf(ended({ afterEnd: 'owned' }), stop) })).toEqual([]);
  });

  it('a site that the license has no room for gets nothing of what is left', () => {
    expect(seen({}, { key: keyOf(ended({ afterEnd: 'owned' }), { countedSites: 1 }) })).toEqual(['2.1.1']);
  });
});

describe('the code of a download', () => {
  it.each<[string, Partial<GatedProduct>, Asker, string[]]>([
    ['no key, strict', {}, {}, ['3.0.0-beta1 hidden NOT_FOUND', '2.2.0 hidden NOT_FOUND']],
    ['no key, listed', { mode: 'listed' }, {}, ['3.0.0-beta1 hidden NOT_FOUND', '2.2.0 listed NOT_FOUND']],
    ['no key, open', { mode: 'open' }, {}, ['3.0.0-beta1 hidden NOT_FOUND', '2.2.0 file OPEN']],
    ['key', {}, { key: keyOf(sold()) }, ['3.0.0-beta1 hidden CHANNEL_NOT_INCLUDED', '2.2.0 file VALID']],
    ['ended, nothing left', {}, { key: keyOf(ended()) }, ['3.0.0-beta1 hidden EXPIRED', '2.2.0 hidden EXPIRED']],
    [
      'ended, shown',
      {},
      { key: keyOf(ended({ afterEnd: 'shown' })) },
      ['3.0.0-beta1 hidden EXPIRED', '2.2.0 listed EXPIRED'],
    ],
    [
      'ended, owned',
      {},
      { key: keyOf(ended({ afterEnd: 'owned' })) },
      [
        '3.0.0-beta1 hidden EXPIRED',
        '2.2.0 hidden UPDATES_EXPIRED',
        '2.1.1 file EXPIRED',
        '2.1.0-beta1 hidden EXPIRED',
        '2.0.0 file EXPIRED',
      ],
    ],
    [
      'full',
      {},
      { key: keyOf(sold(), { countedSites: 1 }) },
      ['3.0.0-beta1 hidden SITE_LIMIT', '2.2.0 hidden SITE_LIMIT', '2.1.1 file SITE_LIMIT'],
    ],
    [
      'revoked',
      {},
      { key: keyOf(sold(), { revoked: true }) },
      ['3.0.0-beta1 hidden REVOKED', '2.2.0 hidden REVOKED', '2.1.1 hidden REVOKED'],
    ],
    [
      'revoked, open',
      { mode: 'open' },
      { key: keyOf(sold(), { revoked: true }) },
      ['3.0.0-beta1 hidden REVOKED', '2.2.0 file REVOKED'],
    ],
    ['malformed', {}, { key: { kind: 'malformed' } }, ['3.0.0-beta1 hidden KEY_MALFORMED']],
  ])('%s', (_, product, asker, expected) => {
    expect(codes(product, asker).slice(0, expected.length)).toEqual(expected);
  });
});

describe('properties', () => {
  const anyRelease = fc.record({
    version: fc.constantFrom('1', '2', '3', '4'),
    channel: fc.constantFrom('stable', 'rc', 'beta', 'dev', 'lts'),
    security: fc.boolean(),
    firstSeenAt: anyInstant,
  });
  const anyProduct = fc.record({
    mode: fc.constantFrom(...MODES),
    openChannels: fc.subarray(['stable', 'beta']),
    securityOpen: fc.boolean(),
  });
  const anyKey = fc.oneof(
    fc.constantFrom<KeyFound>({ kind: 'malformed' }, { kind: 'unknown' }),
    fc
      .tuple(anyLedger, fc.boolean(), fc.boolean(), fc.nat(4))
      .map(([grants, revoked, suspended, countedSites]) => keyOf(grants, { revoked, suspended, countedSites })),
  );
  const worth = { hidden: 0, listed: 1, file: 2 };

  it('whoever has a key, good or bad, sees at least what no key sees, and never gets less of it', () => {
    fc.assert(
      fc.property(anyProduct, anyKey, fc.array(anyRelease, { maxLength: 8 }), anyInstant, (change, key, every, now) => {
        const product = gatedProduct(change);
        for (const kind of ['feed', 'download'] as const) {
          const access = (asker: Asker) => {
            const visible = visibleReleases(product, answer(product, { ...asker, kind, now }), every);
            return every.map((each) => worth[visible.find((one) => one.release === each)?.access ?? 'hidden']);
          };
          const without = access({});
          for (const [i, mine] of access({ key }).entries()) expect(mine).toBeGreaterThanOrEqual(without[i] ?? 0);
        }
      }),
    );
  });

  it('keeps the order it was given and adds nothing', () => {
    fc.assert(
      fc.property(anyProduct, anyKey, fc.array(anyRelease, { maxLength: 8 }), anyInstant, (change, key, every, now) => {
        const product = gatedProduct(change);
        const visible = visibleReleases(product, answer(product, { key, now }), every).map((each) =>
          every.indexOf(each.release),
        );
        expect(visible).toEqual([...visible].sort((a, b) => a - b));
        expect(new Set(visible).size).toBe(visible.length);
      }),
    );
  });

  it('an unknown key and one of another product see the same bytes', () => {
    fc.assert(
      fc.property(
        anyProduct,
        anyLedger,
        fc.array(anyRelease, { maxLength: 8 }),
        anyInstant,
        (change, grants, every, now) => {
          const product = gatedProduct(change);
          const of = (key: KeyFound) => visibleReleases(product, answer(product, { key, now }), every);
          expect(of(keyOf(grants, { organizationId: 'org-b' }))).toEqual(of({ kind: 'unknown' }));
        },
      ),
    );
  });
});
