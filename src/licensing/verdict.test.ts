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
  slotOf,
  soldPackage,
} from '../../test/support/seed-ledger.ts';
import { DAY } from '../clock.ts';
import type { Grant } from './package-terms.ts';
import type { SiteClaim } from './slots.ts';
import {
  type GatedProduct,
  type KeyFound,
  type LicenseSnapshot,
  limitsInForce,
  opensChannel,
  type Question,
  VERDICT_CODES,
  type Verdict,
  type VerdictCode,
  verdict,
} from './verdict.ts';
import { reasonOf } from './verdict-reasons.ts';

const NOW = on('2026-06-01');
const site = siteOf('shop.example.com');

function grantFor(wish: PackageWish = {}, given = '2026-01-01', change: Partial<Grant> = {}): Grant {
  return grantOf(soldPackage(wish), given, change);
}

type LicenseWish = Partial<Omit<LicenseSnapshot, 'key'>> & { key?: Partial<LicenseSnapshot['key']> };

const KEY: LicenseSnapshot['key'] = {
  ...{ id: 'key-1', suspended: false, revoked: false, domains: null },
  ...{ siteLimit: null, countedSites: 0, endsAt: null, replacedBy: null, purpose: 'commercial' },
};

function licenseOf({ key, ...change }: LicenseWish = {}): LicenseSnapshot {
  return {
    id: 'lic-1',
    organizationId: 'org-a',
    suspended: false,
    revoked: false,
    grants: [grantFor()],
    countedSites: 0,
    exemptSites: 0,
    held: [],
    idlest: null,
    ...change,
    key: { ...KEY, ...key },
  };
}

const found = (wish: LicenseWish = {}): KeyFound => ({ kind: 'found', license: licenseOf(wish) });

function ask(change: Partial<Omit<Question, 'product'>> & { product?: Partial<GatedProduct> } = {}): Verdict {
  const { product, ...rest } = change;
  return verdict({ now: NOW, kind: 'feed', key: found(), site, product: gatedProduct(product), ...rest });
}

const year = (days: number) => on('2027-01-01') + days * DAY;
const month: PackageWish = { length: { value: 1, unit: 'month' } };

describe('codes of refusals', () => {
  it.each<[VerdictCode, Parameters<typeof ask>[0]]>([
    ['KEY_MALFORMED', { key: { kind: 'malformed' } }],
    ['NOT_FOUND', { key: { kind: 'unknown' } }],
    ['NOT_FOUND', { key: found({ organizationId: 'org-b' }) }],
    ['NOT_FOUND', { key: found({ grants: [] }) }],
    ['NOT_FOUND', { key: found({ grants: [grantFor({ repositoryId: 'rep-b' })] }) }],
    ['NOT_FOUND', { key: found({ grants: [grantFor({ kind: 'addon' })] }) }],
    ['KEY_REVOKED', { key: found({ key: { revoked: true } }) }],
    ['REVOKED', { key: found({ revoked: true }) }],
    ['SUSPENDED', { key: found({ suspended: true }) }],
    ['SUSPENDED', { key: found({ key: { suspended: true } }) }],
    ['NOT_YET_VALID', { key: found({ grants: [grantFor({}, '2026-07-01')] }) }],
    ['CANCELED', { key: found({ grants: [grantFor({}, '2026-01-01', { closedAt: on('2026-02-01') })] }) }],
    ['EXPIRED', { key: found({ grants: [grantFor(month)] }) }],
    ['SITE_REQUIRED', { site: null, product: { missingSite: 'deny' } }],
    ['SITE_NOT_ALLOWED', { key: found({ key: { domains: ['other.example.org'] } }) }],
    ['SITE_LIMIT', { key: found({ countedSites: 1 }) }],
  ])('%s', (code, question) => {
    for (const kind of ['feed', 'download', 'validate'] as const) {
      const answer = ask({ ...question, kind });
      expect(answer).toMatchObject({ allowed: false, code, channels: [], remainders: [], claim: null, firstUse: [] });
    }
  });
});

describe('codes of what is allowed', () => {
  it.each<[VerdictCode, number, Grant[]]>([
    ['GRACE', year(5), [grantFor({ graceDays: 14 })]],
    ['TRIAL', NOW, [grantFor({ kind: 'trial' })]],
    ['TRIAL', year(-3), [grantFor({ kind: 'trial' })]],
    ['VALID', NOW, [grantFor()]],
    ['VALID', NOW, [grantFor({ length: null })]],
    ['VALID', year(-14) - 1, [grantFor()]],
    ['EXPIRING', year(-14), [grantFor()]],
    ['EXPIRING', year(0) - 1, [grantFor()]],
    ['VALID', year(-3), [grantFor(), grantFor({}, '2026-12-01')]],
    ['VALID', NOW, [grantFor({ kind: 'trial', id: 't' }), grantFor({}, '2026-05-01')]],
    ['VALID', NOW, [grantFor({ startsOn: 'first_use' })]],
    ['EXPIRED', year(1), [grantFor({ afterEnd: 'owned' })]],
    ['EXPIRED', year(1), [grantFor({ afterEnd: 'shown' })]],
    ['EXPIRED', year(14), [grantFor({ afterEnd: 'owned', graceDays: 14 })]],
    ['GRACE', year(14) - 1, [grantFor({ afterEnd: 'owned', graceDays: 14 })]],
  ])('%s at %d', (code, now, grants) => {
    expect(ask({ now, key: found({ grants }) })).toMatchObject({ allowed: true, code, security: true });
  });

  it('opens the channels of the license', () => {
    const grants = [grantFor({ channels: ['stable', 'beta'] })];
    expect(ask({ key: found({ grants }) }).channels).toEqual(['beta', 'stable']);
  });
});

describe('without a key', () => {
  it.each<[GatedProduct['mode'], Question['kind'], boolean, VerdictCode]>([
    ['open', 'feed', true, 'OPEN'],
    ['open', 'download', true, 'OPEN'],
    ['listed', 'feed', true, 'OPEN'],
    ['listed', 'download', false, 'NOT_FOUND'],
    ['strict', 'feed', false, 'NOT_FOUND'],
    ['strict', 'download', false, 'NOT_FOUND'],
  ])('%s %s', (mode, kind, allowed, code) => {
    expect(ask({ key: { kind: 'none' }, kind, product: { mode } })).toMatchObject({
      allowed,
      code,
      channels: [],
      security: false,
      terms: null,
    });
  });
});

describe('precedence', () => {
  const rank = (code: VerdictCode) => VERDICT_CODES.indexOf(code);

  it('is the closed list of the design, each code once', () => {
    expect(VERDICT_CODES).toEqual([
      ...['KEY_MALFORMED', 'NOT_FOUND', 'KEY_REVOKED', 'REVOKED', 'SUSPENDED', 'NOT_YET_VALID', 'CANCELED', 'EXPIRED'],
      ...['SITE_REQUIRED', 'SITE_NOT_ALLOWED', 'SITE_LIMIT', 'CHANNEL_NOT_INCLUDED', 'UPDATES_EXPIRED'],
      ...['ENTITLEMENT_MISSING', 'GRACE', 'PAST_DUE', 'TRIAL', 'EXPIRING', 'VALID', 'OPEN', 'UNAVAILABLE'],
    ]);
  });

  it('has a reason in one sentence for each, and no two the same', () => {
    const reasons = VERDICT_CODES.map(reasonOf);
    for (const reason of reasons) expect(reason).toMatch(/^[A-Z].*\.$/);
    expect(new Set(reasons).size).toBe(VERDICT_CODES.length);
  });

  it('gives the first code that applies, whatever applies besides, and always the same', () => {
    const states: Record<string, [VerdictCode, Grant]> = {
      later: ['NOT_YET_VALID', grantFor({}, '2026-07-01')],
      refunded: ['CANCELED', grantFor({}, '2026-01-01', { closedAt: NOW })],
      over: ['EXPIRED', grantFor(month)],
      grace: ['GRACE', grantFor({ ...month, graceDays: 365 })],
      trial: ['TRIAL', grantFor({ kind: 'trial', length: { value: 155, unit: 'day' } })],
      soon: ['EXPIRING', grantFor({ length: { value: 155, unit: 'day' } })],
      fine: ['VALID', grantFor()],
    };
    const faults = fc.record({
      otherOrganization: fc.boolean(),
      keyRevoked: fc.boolean(),
      revoked: fc.boolean(),
      keySuspended: fc.boolean(),
      suspended: fc.boolean(),
      noSite: fc.boolean(),
      otherDomain: fc.boolean(),
      full: fc.boolean(),
      state: fc.constantFrom(...Object.keys(states)),
    });
    fc.assert(
      fc.property(faults, fc.constantFrom('feed', 'download', 'validate'), (is, kind) => {
        const [code, grant] = states[is.state] as [VerdictCode, Grant];
        const key = found({
          organizationId: is.otherOrganization ? 'org-b' : 'org-a',
          revoked: is.revoked,
          suspended: is.suspended,
          grants: [grant],
          countedSites: is.full ? 1 : 0,
          key: {
            revoked: is.keyRevoked,
            suspended: is.keySuspended,
            domains: is.otherDomain ? ['example.org'] : ['shop.example.com'],
          },
        });
        const applying: [VerdictCode, boolean][] = [
          ['NOT_FOUND', is.otherOrganization],
          ['KEY_REVOKED', is.keyRevoked],
          ['REVOKED', is.revoked],
          ['SUSPENDED', is.suspended || is.keySuspended],
          ['SITE_REQUIRED', is.noSite],
          ['SITE_NOT_ALLOWED', !is.noSite && is.otherDomain],
          ['SITE_LIMIT', !is.noSite && is.full],
          [code, true],
        ];
        const codes = applying.flatMap(([each, applies]) => (applies ? [each] : []));
        const expected = codes.sort((a, b) => rank(a) - rank(b))[0];
        const question = { kind, key, site: is.noSite ? null : site, product: { missingSite: 'deny' as const } };
        const answer = ask(question);
        expect(answer.code).toBe(expected);
        expect(answer.allowed).toBe(rank(answer.code) >= rank('GRACE'));
        expect(ask(question)).toEqual(answer);
      }),
    );
  });
});

describe('who is told what', () => {
  it.each(['open', 'listed', 'strict'] as const)(
    'an unknown key and one of another product get the same (%s)',
    (mode) => {
      for (const kind of ['feed', 'download', 'validate'] as const) {
        const unknown = ask({ kind, key: { kind: 'unknown' }, product: { mode } });
        const others: LicenseWish[] = [
          { organizationId: 'org-b' },
          { grants: [grantFor({ repositoryId: 'rep-b' })] },
          { grants: [grantFor({ products: ['prd-b'] })] },
          { organizationId: 'org-b', revoked: true, key: { revoked: true } },
          { grants: [grantFor({ repositoryId: 'rep-b' })], suspended: true },
          { grants: [] },
        ];
        for (const other of others) expect(ask({ kind, key: found(other), product: { mode } })).toEqual(unknown);
      }
    },
  );

  it('whoever holds a real key sees what it gives, also when it is stopped', () => {
    expect(ask({ key: found({ revoked: true }) }).terms?.end).toBe(on('2027-01-01'));
    expect(ask({ key: { kind: 'unknown' } }).terms).toBeNull();
  });

  it.each<[string, LicenseWish, SiteClaim | null, boolean]>([
    ['in force', {}, site, true],
    ['ended', { grants: [grantFor(month)] }, site, true],
    ['canceled', { grants: [grantFor({}, '2026-01-01', { closedAt: NOW })] }, site, true],
    ['not begun', { grants: [grantFor({}, '2026-07-01')] }, site, true],
    ['on a site too many', { countedSites: 1 }, site, true],
    ['on a foreign site', { key: { domains: ['example.org'] } }, site, true],
    ['without the site that is required', {}, null, true],
    ['revoked', { revoked: true }, site, false],
    ['with a revoked key', { key: { revoked: true } }, site, false],
    ['suspended', { suspended: true }, site, false],
    ['with a suspended key', { key: { suspended: true } }, site, false],
    ['of another product', { organizationId: 'org-b' }, site, false],
  ])('security releases for a key %s', (_, license, from, security) => {
    expect(ask({ key: found(license), site: from, product: { missingSite: 'deny' } }).security).toBe(security);
  });
});

describe('sites', () => {
  const counted = { claim: { kind: 'claim', counted: true, identity: 'shop.example.com' } };

  it.each<[Question['kind'], GatedProduct['claimOn'], boolean]>([
    ['feed', 'download', false],
    ['download', 'download', true],
    ['validate', 'download', false],
    ['feed', 'feed', true],
    ['download', 'feed', true],
    ['validate', 'feed', false],
  ])('a %s of a product that claims on %s claims: %s', (kind, claimOn, claims) => {
    expect(ask({ kind, product: { claimOn } })).toMatchObject(claims ? counted : { allowed: true, claim: null });
  });

  it('writes nothing for a site that holds its slot, at the limit too', () => {
    const key = found({ countedSites: 1, held: [slotOf('shop.example.com')] });
    expect(ask({ kind: 'download', key })).toMatchObject({ allowed: true, claim: null });
  });

  it('refuses an unknown site of a full license on feed and download alike', () => {
    for (const kind of ['feed', 'download'] as const)
      expect(ask({ kind, key: found({ countedSites: 1 }) }).code).toBe('SITE_LIMIT');
  });

  it.each<[string, SiteClaim | null, 'allow' | 'deny', VerdictCode]>([
    ['no site, allowed', null, 'allow', 'VALID'],
    ['no site, denied', null, 'deny', 'SITE_REQUIRED'],
    ['an instance alone', siteOf('', { instance: 'a'.repeat(64), byInstance: true }), 'deny', 'VALID'],
  ])('%s', (_, from, missingSite, code) => {
    expect(ask({ site: from, product: { missingSite } }).code).toBe(code);
  });

  it('lets a missing site pass a full license, since nothing is known of it', () => {
    expect(ask({ kind: 'download', site: null, key: found({ countedSites: 1 }) })).toMatchObject({
      allowed: true,
      claim: null,
    });
  });

  it.each<[string, readonly string[] | null, VerdictCode]>([
    ['no list', null, 'VALID'],
    ['an empty list', [], 'VALID'],
    ['the host', ['shop.example.com'], 'VALID'],
    ['a wildcard above it', ['*.example.com'], 'VALID'],
    ['its domain only', ['example.com'], 'SITE_NOT_ALLOWED'],
    ['a look-alike', ['op.example.com'], 'SITE_NOT_ALLOWED'],
  ])('the key’s own list: %s', (_, domains, code) => {
    for (const kind of ['feed', 'download'] as const)
      expect(ask({ kind, key: found({ key: { domains } }) }).code).toBe(code);
  });

  it('the key’s own list says nothing of an instance that names no host', () => {
    const from = siteOf('', { instance: 'a'.repeat(64), byInstance: true });
    expect(ask({ site: from, key: found({ key: { domains: ['example.com'] } }) }).code).toBe('VALID');
  });

  it('is asked of the sum of all packages, and of the unit that is kinder', () => {
    const grants = [grantFor(), grantFor({ id: 'b', kind: 'addon', sites: 2, siteUnit: 'registrable' })];
    expect(ask({ kind: 'download', key: found({ grants, countedSites: 2 }) }).claim).toMatchObject({
      identity: 'example.com',
    });
    expect(ask({ key: found({ grants, countedSites: 3 }) }).code).toBe('SITE_LIMIT');
  });

  it('has after the end the limits as they stood then', () => {
    const grants = [grantFor({ ...month, sites: 3, siteUnit: 'registrable', afterEnd: 'owned' })];
    const kind = 'download';
    expect(ask({ kind, key: found({ grants, countedSites: 2 }) })).toMatchObject({
      code: 'EXPIRED',
      claim: { counted: true, identity: 'example.com' },
    });
    expect(ask({ kind, key: found({ grants, countedSites: 3 }) }).code).toBe('SITE_LIMIT');
  });

  it('takes the limits of the last of several ends', () => {
    const grants = [
      grantFor({ ...month, id: 'a', sites: 9, afterEnd: 'shown' }),
      grantFor({ ...month, id: 'b', sites: 2, afterEnd: 'owned' }, '2026-03-01'),
    ];
    const { terms } = ask({ key: found({ grants }) });
    expect(terms && limitsInForce(terms).limits.sites).toBe(2);
  });

  it('a master key never counts sites and needs none', () => {
    const master = found({
      grants: [grantFor({ kind: 'master', channels: ['*'], sites: 0, length: null })],
      countedSites: 99,
    });
    for (const from of [site, null])
      expect(
        ask({ kind: 'download', key: master, site: from, product: { missingSite: 'deny', claimOn: 'feed' } }),
      ).toMatchObject({
        allowed: true,
        code: 'VALID',
        channels: ['*'],
        claim: null,
      });
  });
});

describe('first use', () => {
  const grants = [grantFor({ startsOn: 'first_use' })];
  const stamped = [grants[0]?.id];

  it.each<[string, Parameters<typeof ask>[0], unknown[]]>([
    ['the first allowed poll', { kind: 'feed' }, stamped],
    ['the first allowed download', { kind: 'download' }, stamped],
    ['a validation', { kind: 'validate' }, []],
    ['a refused site', { key: found({ grants, countedSites: 1 }) }, []],
    ['a revoked key', { key: found({ grants, revoked: true }) }, []],
    ['one used before', { key: found({ grants: grants.map((grant) => ({ ...grant, firstUsedAt: NOW })) }) }, []],
    [
      'a product that it is not for',
      {
        product: { repositoryId: 'rep-b' },
        key: found({
          grants: [
            grantFor({ repositoryId: 'rep-b' }),
            grantFor({ id: 'u', startsOn: 'first_use', repositoryId: 'rep-a' }),
          ],
        }),
      },
      [],
    ],
  ])('%s', (_, question, expected) => {
    expect(ask({ key: found({ grants }), ...question }).firstUse).toEqual(expected);
  });
});

describe('channels', () => {
  it.each([
    [['stable'], 'stable', true],
    [['stable'], 'beta', false],
    [['*'], 'anything', true],
    [['dev'], 'stable', false],
    [[], 'stable', false],
  ])('%j opens %s: %s', (channels, channel, opens) => {
    expect(opensChannel(channels, channel)).toBe(opens);
  });
});

describe('properties', () => {
  it('an allowed answer of a real key comes with terms, a refused one opens no channel and claims nothing', () => {
    fc.assert(
      fc.property(
        anyLedger,
        anyInstant,
        fc.constantFrom('feed', 'download', 'validate'),
        fc.nat(6),
        (grants, now, kind, countedSites) => {
          const answer = ask({ now, kind, key: found({ grants, countedSites }) });
          if (answer.allowed) expect(answer.terms).not.toBeNull();
          else expect(answer).toMatchObject({ channels: [], remainders: [], claim: null, firstUse: [] });
          expect(answer.allowed).toBe(
            VERDICT_CODES.indexOf(answer.code) >= VERDICT_CODES.indexOf('GRACE') ||
              (answer.code === 'EXPIRED' && answer.remainders.length > 0),
          );
        },
      ),
    );
  });

  it('a site that holds its slot is never refused for the limit, however it shrinks', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, fc.constantFrom('feed', 'download'), (grants, now, kind) => {
        const held = [slotOf('shop.example.com')];
        expect(ask({ now, kind, key: found({ grants, held, countedSites: 50 }) }).code).not.toBe('SITE_LIMIT');
      }),
    );
  });

  it('validate answers what a poll would get, and writes nothing', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, fc.nat(6), (grants, now, countedSites) => {
        const key = found({ grants, countedSites });
        const { claim, firstUse, ...poll } = ask({ now, key });
        expect(ask({ now, key, kind: 'validate' })).toEqual({ ...poll, claim: null, firstUse: [] });
        expect(claim).toBeNull();
        expect(firstUse).toEqual(poll.allowed ? poll.terms?.unstarted : []);
      }),
    );
  });
});
