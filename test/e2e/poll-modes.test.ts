import { beforeAll, describe, expect, it } from 'vitest';
import { toIso } from '../../src/clock.ts';
import type { PackageTerms } from '../../src/licensing/package-terms.ts';
import type { Mode } from '../../src/licensing/verdict.ts';
import type { Product } from '../../src/releases/product.ts';
import { updateProduct } from '../../src/releases/store-products.ts';
import {
  SEED_NOW,
  seedClosing,
  seedForge,
  seedGrant,
  seedKey,
  seedLicense,
  seedOrganization,
  seedPackage,
  seedProduct,
} from '../support/seed.ts';
import { ask, onEachServer, type Served, seedRelease } from '../support/served.ts';

/** What the key shows, what it opens, and with which code, in a feed and for a file that it does not open. */
interface Expected {
  listed: string[];
  files: string[];
  feedCode: string;
  /** Of each refused file; the code of the feed where none is named. */
  refused?: Record<string, string>;
  /** Of a file that is given out; the code of the feed where none is named. */
  given?: string;
}

const RC = '1.2.0-rc.1';
const NEW = '1.1.0';
/** A security release. */
const SAFE = '1.0.1';
const OLD = '1.0.0';
const STABLE = [NEW, SAFE, OLD];
const ALL = [RC, ...STABLE];

/** Before the start of this year. */
const GIVEN = Date.UTC(2025, 6, 1);
const GIVEN_LONG_AGO = Date.UTC(2024, 9, 1);

const BEHOLDERS = [
  'nobody',
  'malformed',
  'unknown',
  'of another vendor',
  'all channels',
  'stable only',
  'ended, nothing left',
  'ended, shown',
  'ended, owned',
  'in grace',
  'not begun',
  'canceled',
  'suspended',
  'key revoked',
  'license revoked',
] as const;
type Beholder = (typeof BEHOLDERS)[number];

const noneOf = (code: string): Expected => ({ listed: [], files: [], feedCode: code });
const safeOnly = (code: string): Expected => ({ listed: [SAFE], files: [SAFE], feedCode: code });

const STRICT: Record<Beholder, Expected> = {
  nobody: noneOf('NOT_FOUND'),
  malformed: noneOf('KEY_MALFORMED'),
  unknown: noneOf('NOT_FOUND'),
  'of another vendor': noneOf('NOT_FOUND'),
  'all channels': { listed: ALL, files: ALL, feedCode: 'VALID' },
  'stable only': { listed: STABLE, files: STABLE, feedCode: 'VALID', refused: { [RC]: 'CHANNEL_NOT_INCLUDED' } },
  'ended, nothing left': safeOnly('EXPIRED'),
  'ended, shown': { listed: [RC, SAFE], files: [SAFE], feedCode: 'EXPIRED' },
  'ended, owned': {
    listed: [SAFE, OLD],
    files: [SAFE, OLD],
    feedCode: 'EXPIRED',
    refused: { [RC]: 'UPDATES_EXPIRED', [NEW]: 'UPDATES_EXPIRED' },
  },
  'in grace': { listed: ALL, files: ALL, feedCode: 'GRACE' },
  'not begun': safeOnly('NOT_YET_VALID'),
  canceled: safeOnly('CANCELED'),
  suspended: noneOf('SUSPENDED'),
  'key revoked': noneOf('KEY_REVOKED'),
  'license revoked': noneOf('REVOKED'),
};

/** A bad key never makes an answer worse than none: the open channel is there for everyone. */
function withOpen(mode: 'listed' | 'open'): Record<Beholder, Expected> {
  return Object.fromEntries(
    Object.entries(STRICT).map(([beholder, strict]): [string, Expected] => {
      const listed = ALL.filter((version) => STABLE.includes(version) || strict.listed.includes(version));
      const files =
        mode === 'open' ? ALL.filter((each) => STABLE.includes(each) || strict.files.includes(each)) : strict.files;
      const nobody = beholder === 'nobody';
      const known = strict.feedCode !== 'NOT_FOUND';
      return [
        beholder,
        {
          ...strict,
          listed,
          files,
          feedCode: nobody ? 'OPEN' : strict.feedCode,
          ...(mode === 'open' && !known ? { given: 'OPEN' } : {}),
          ...(nobody ? { refused: Object.fromEntries(ALL.map((each) => [each, 'NOT_FOUND'])) } : {}),
        },
      ];
    }),
  ) as Record<Beholder, Expected>;
}

const EXPECTED: Record<Mode, Record<Beholder, Expected>> = {
  strict: STRICT,
  listed: withOpen('listed'),
  open: withOpen('open'),
};

interface World {
  products: Record<Mode, Product>;
  keys: Record<Beholder, string | null>;
}

async function makeWorld({ core }: Served): Promise<World> {
  const { db } = core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = async (mode: Mode) => {
    const made = await seedProduct(db, organization, null, { mode });
    await seedRelease(core, made, { version: OLD, seen: '2025-06-01T00:00:00.000Z' });
    await seedRelease(core, made, { version: SAFE, seen: '2025-09-01T00:00:00.000Z', security: true });
    await seedRelease(core, made, { version: NEW, seen: '2025-12-01T00:00:00.000Z' });
    await seedRelease(core, made, { version: RC, clientWord: 'rc', seen: '2025-12-20T00:00:00.000Z' });
    return made;
  };
  const products = { strict: await product('strict'), listed: await product('listed'), open: await product('open') };
  const sold = async (terms: Partial<PackageTerms> = {}, given = GIVEN, owner = organization) => {
    const made = await seedPackage(db, owner, { terms: { channels: ['stable', 'rc'], sites: null, ...terms } });
    const license = await seedLicense(db, owner);
    const grant = await seedGrant(db, license, made, { given });
    return { license, grant, key: (await seedKey(db, license)).text };
  };
  const stranger = await seedOrganization(db, await seedForge(db));
  const canceled = await sold();
  await seedClosing(db, canceled.grant, 'close', SEED_NOW - 1);
  const stopped = async (row: 'license_keys' | 'licenses', column: 'revoked_at' | 'suspended_at') => {
    const { license, key } = await sold();
    const where = row === 'licenses' ? { id: license.id } : { license_id: license.id };
    await db.tx((tx) =>
      tx(row)
        .where(where)
        .update({ [column]: toIso(SEED_NOW) }),
    );
    return key;
  };
  const valid = await sold();
  return {
    products,
    keys: {
      nobody: null,
      malformed: `${valid.key.slice(0, -1)}${valid.key.endsWith('0') ? '1' : '0'}`,
      unknown: 'some-key-of-another-shop',
      'of another vendor': (await sold({}, GIVEN, stranger)).key,
      'all channels': valid.key,
      'stable only': (await sold({ channels: ['stable'] })).key,
      'ended, nothing left': (await sold({ afterEnd: 'nothing' }, GIVEN_LONG_AGO)).key,
      'ended, shown': (await sold({ afterEnd: 'shown' }, GIVEN_LONG_AGO)).key,
      'ended, owned': (await sold({ afterEnd: 'owned' }, GIVEN_LONG_AGO)).key,
      'in grace': (await sold({ graceDays: 365 }, GIVEN_LONG_AGO)).key,
      'not begun': (await sold({}, SEED_NOW + 1_000)).key,
      canceled: canceled.key,
      suspended: await stopped('licenses', 'suspended_at'),
      'key revoked': await stopped('license_keys', 'revoked_at'),
      'license revoked': await stopped('licenses', 'revoked_at'),
    },
  };
}

onEachServer('what each key shows', (served) => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(served());
  });
  const at = ({ organizationSlug, slug }: Product, rest: string, key: string | null) =>
    `/${organizationSlug}/${slug}/${rest}${key === null ? '' : `?dlid=${key}`}`;

  describe.each(['strict', 'listed', 'open'] as const)('of a product in the mode %s', (mode) => {
    it.each(BEHOLDERS)('%s', async (beholder) => {
      const product = world.products[mode];
      const key = world.keys[beholder];
      const { listed, files, feedCode, refused, given } = EXPECTED[mode][beholder];
      const feed = await ask(served(), at(product, 'updates.xml', key));
      expect(feed.status).toBe(200);
      expect({ versions: feed.versions, code: feed.code }).toEqual({ versions: listed, code: feedCode });
      expect(feed.headers.get('cache-control')).toBe(key === null ? 'no-cache' : 'private, no-cache');
      if (key !== null) expect(feed.text).not.toContain(key);
      for (const version of ALL) {
        const file = await ask(served(), at(product, `download/${version}/com_example-${version}.zip`, key));
        const opens = files.includes(version);
        const code = opens ? (given ?? feedCode) : (refused?.[version] ?? feedCode);
        expect({ version, status: file.status, code: file.code }).toEqual({ version, status: opens ? 200 : 403, code });
        expect(file.headers.get('cache-control')).toMatch(/^private/);
        if (!opens) expect(file.bytes.length).toBeLessThan(200);
      }
    });
  });

  it('says in words what is missing where no key was sent, and not that it is unknown', async () => {
    const { text } = await ask(served(), at(world.products.strict, 'download/1.0.0/a.zip', null));
    expect(text).toMatch(/^A license key is needed for this file\. http/);
    const unknown = await ask(served(), at(world.products.strict, 'download/1.0.0/a.zip', 'nobodys'));
    expect(unknown.text).toMatch(/^There is no such license key for this product\. http/);
  });

  it('gives security releases to everyone where the product says so', async () => {
    const { core } = served();
    const product = { ...world.products.strict, securityOpen: true };
    await core.db.tx((tx) => updateProduct(tx, product));
    const feed = await ask(served(), at(product, 'updates.xml', null));
    expect(feed.versions).toEqual([SAFE]);
    expect((await ask(served(), at(product, `download/${SAFE}/a.zip`, null))).status).toBe(200);
    expect((await ask(served(), at(product, `download/${OLD}/a.zip`, null))).status).toBe(403);
    const revoked = world.keys['key revoked'];
    expect((await ask(served(), at(product, `download/${SAFE}/a.zip`, revoked))).status).toBe(200);
    await core.db.tx((tx) => updateProduct(tx, { ...product, securityOpen: false }));
  });

  it('gives the same bytes for an unknown product, an unknown key and a key of another vendor', async () => {
    const paths = [
      '/nobody/nothing/updates.xml',
      at(world.products.strict, 'updates.xml', 'nobodys'),
      at(world.products.strict, 'updates.xml', world.keys['of another vendor']),
    ];
    const answers = await Promise.all(paths.map((path) => ask(served(), path)));
    for (const { status, code, text, headers } of answers) {
      expect({ status, code, text }).toEqual({ status: 200, code: 'NOT_FOUND', text: answers[0]?.text });
      expect(headers.get('etag')).toBe(answers[0]?.headers.get('etag'));
    }
  });

  it('lets renewal be found: what is only shown leads there', async () => {
    const { text } = await ask(served(), at(world.products.strict, 'updates.xml', world.keys['ended, shown']));
    const infos = [...text.matchAll(/<infourl>([^<]*)</g)].map(([, url]) => url);
    expect(infos).toEqual([expect.stringMatching(/#renew$/), expect.not.stringMatching(/#renew$/)]);
  });
});
