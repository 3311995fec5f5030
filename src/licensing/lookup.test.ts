import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  seedClosing,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedProduct,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { siteOf } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import { insertAlias, updateProduct } from '../releases/store-products.ts';
import { type LookupRequest, makeLookup } from './lookup.ts';
import { releaseActivation } from './store-activations.ts';
import { updateKey } from './store-keys.ts';
import { updateLicense } from './store-licenses.ts';
import { updatePackage } from './store-packages.ts';
import type { LicenseSnapshot } from './verdict.ts';

const HASH = 'a'.repeat(64);

onEachDatabase('the look-up of a poll', (database) => {
  const look = (request: Partial<LookupRequest>) =>
    makeLookup(database().db)({ paths: [], keyHash: null, site: null, ...request });

  async function licenseBehind(request: Partial<LookupRequest>): Promise<LicenseSnapshot> {
    const { key } = await look(request);
    if (key.kind !== 'found') throw new Error('the key was not found');
    return key.license;
  }

  it('finds a product by its address, and says by which', async () => {
    const { db } = database();
    const { product, path, organization } = await seedShop(db);
    const edition = await seedProduct(db, organization, null, { slug: product.slug, edition: 'pro' });
    expect(await look({ paths: [path] })).toEqual({ product, path, document: null, key: { kind: 'none' } });
    expect(await look({ paths: ['no/such', `${path}/pro`, path] })).toMatchObject({
      product: edition,
      path: `${path}/pro`,
    });
    expect(await look({ paths: ['no/such'] })).toEqual({
      product: null,
      path: null,
      document: null,
      key: { kind: 'none' },
    });
    expect(await look({})).toMatchObject({ product: null, path: null });
  });

  it('finds it by an old address and says which document that was, and a retired one not at all', async () => {
    const { db } = database();
    const { product, path } = await seedShop(db);
    const old = `old/${product.slug}.xml`;
    const alias = { path: old, kind: 'manual' as const, document: 'updates.xml' };
    await db.tx((tx) => insertAlias(tx, alias, product.id, 'test', toIso(SEED_NOW)));
    expect(await look({ paths: [old] })).toMatchObject({
      product: { id: product.id },
      path: old,
      document: 'updates.xml',
    });
    await db.tx((tx) => updateProduct(tx, { ...product, retiredAt: toIso(SEED_NOW) }));
    for (const each of [path, old]) expect((await look({ paths: [each] })).product).toBeNull();
  });

  it('finds a license by the hash of a key, with all that the gate asks', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const {
      license,
      key,
      grant,
      package: sold,
    } = await seedSoldLicense(db, shop, { terms: { sites: 7, channels: ['beta'] }, quantity: 2 });
    expect(await licenseBehind({ keyHash: key.hash })).toEqual({
      id: license.id,
      organizationId: shop.organization.id,
      suspended: false,
      revoked: false,
      key: {
        ...{ id: key.id, suspended: false, revoked: false, domains: null },
        ...{ siteLimit: null, countedSites: 0, endsAt: null, replacedBy: null, purpose: 'commercial' },
      },
      idlest: null,
      grants: [
        {
          id: grant.id,
          package: { id: sold.id, kind: 'base', repositoryId: null, terms: sold.terms },
          source: 'purchase',
          givenAt: SEED_NOW,
          length: { value: 1, unit: 'year' },
          endsAt: null,
          quantity: 2,
          paymentRef: null,
          supersedes: [],
          firstUsedAt: null,
          closedAt: null,
          subscription: null,
        },
      ],
      countedSites: 0,
      exemptSites: 0,
      held: [],
    });
  });

  it('tells an unknown key from none', async () => {
    expect((await look({ keyHash: 'f'.repeat(64) })).key).toEqual({ kind: 'unknown' });
    expect((await look({ keyHash: null })).key).toEqual({ kind: 'none' });
  });

  it('sees at once what was written: a new key, a suspension, a revocation, domains', async () => {
    const { db } = database();
    const { license, key } = await seedSoldLicense(db, await seedShop(db));
    const at = toIso(SEED_NOW);
    await db.tx((tx) => updateKey(tx, key.id, { suspendedAt: at, domains: ['example.com'] }));
    expect((await licenseBehind({ keyHash: key.hash })).key).toMatchObject({
      suspended: true,
      revoked: false,
      domains: ['example.com'],
    });
    await db.tx((tx) => updateKey(tx, key.id, { suspendedAt: null, revokedAt: at }));
    expect((await licenseBehind({ keyHash: key.hash })).key).toMatchObject({ suspended: false, revoked: true });
    const second = await seedKey(db, license);
    await db.tx((tx) => updateLicense(tx, license.id, { suspendedAt: at }));
    expect(await licenseBehind({ keyHash: second.hash })).toMatchObject({
      suspended: true,
      revoked: false,
      key: { revoked: false },
    });
    await db.tx((tx) => updateLicense(tx, license.id, { suspendedAt: null, revokedAt: at }));
    expect(await licenseBehind({ keyHash: second.hash })).toMatchObject({ suspended: false, revoked: true });
  });

  it('has the ledger with the version that was sold, and with the last closing or reopening of each grant', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { license, key, package: sold, grant } = await seedSoldLicense(db, shop, { repository: shop.repository });
    const now = toIso(SEED_NOW);
    await db.tx((tx) => updatePackage(tx, sold, { terms: { ...sold.terms, sites: 99 } }, 'test', now));
    const byHand = await seedGrant(db, license, sold, {
      source: 'admin',
      endsAt: toIso(SEED_NOW + DAY),
      lengthValue: null,
      lengthUnit: null,
      supersedes: [grant.id],
    });
    const ledger = async () => {
      const { grants } = await licenseBehind({ keyHash: key.hash });
      return Object.fromEntries(grants.map((each) => [each.id, each]));
    };
    expect((await ledger())[grant.id]?.package).toEqual({
      id: sold.id,
      kind: 'base',
      repositoryId: shop.repository.id,
      terms: sold.terms,
    });
    expect((await ledger())[byHand.id]).toMatchObject({ length: null, endsAt: SEED_NOW + DAY, supersedes: [grant.id] });
    for (const [i, kind] of (['close', 'reopen', 'close', 'reopen'] as const).entries()) {
      const at = SEED_NOW + i * DAY;
      await seedClosing(db, grant, kind, at);
      expect((await ledger())[grant.id]?.closedAt).toBe(kind === 'close' ? at : null);
    }
  });

  it('shows of the slots only those that may be the asking site’s', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { license, key } = await seedSoldLicense(db, shop, { terms: { sites: 10 } });
    const [host, domain, byInstance, sameInstance, beside, other] = [
      await seedSite(db, license, 'dev.example.com'),
      await seedSite(db, license, 'shop.example.com', { identity: 'example.com' }),
      await seedSite(db, license, '', { identity: `instance:${HASH}`, instance: HASH }),
      await seedSite(db, license, 'old.example.org', { instance: HASH }),
      await seedSite(db, license, 'beside.example.net'),
      await seedSite(db, license, 'other.example.com'),
    ];
    const claim = siteOf('dev.example.com', { instance: HASH, exempt: 'staging', exemptBeside: 'beside.example.net' });
    const { held, countedSites } = await licenseBehind({ keyHash: key.hash, site: claim });
    expect(held.map(({ id }) => id).sort()).toEqual(
      [host.id, domain.id, byInstance.id, sameInstance.id, beside.id].sort(),
    );
    expect(countedSites).toBe(6);
    expect((await licenseBehind({ keyHash: key.hash })).held).toEqual([]);
    await db.tx((tx) => releaseActivation(tx, host.id, 'test', toIso(SEED_NOW)));
    const after = await licenseBehind({ keyHash: key.hash, site: siteOf('dev.example.com') });
    expect(after.held.map(({ id }) => id)).toEqual([domain.id]);
    expect(other.host).toBe('other.example.com');
  });

  it('answers many at once, each its own, also two keys of one license and one key from two sites', async () => {
    const { db } = database();
    const lookup = makeLookup(db);
    const shops = await Promise.all([seedShop(db), seedShop(db)]);
    const sold = await Promise.all(shops.map((shop) => seedSoldLicense(db, shop)));
    const expected: { request: LookupRequest; license: string; held: readonly string[] }[] = [];
    for (const [i, { license, key }] of sold.entries()) {
      const second = await seedKey(db, license);
      const slot = await seedSite(db, license, `site${i}.example.com`);
      for (const hash of [key.hash, second.hash])
        for (const [host, held] of [
          [slot.host, [slot.id]],
          ['new.example.com', []],
        ] as const)
          expected.push({
            request: { paths: [shops[i]?.path ?? ''], keyHash: hash, site: siteOf(host) },
            license: license.id,
            held,
          });
    }
    const many = Array.from({ length: 400 }, (_, i) => expected[i % expected.length]).flatMap((each) => each ?? []);
    const answers = await Promise.all(many.map(({ request }) => lookup(request)));
    for (const [i, answer] of answers.entries()) {
      const { request, license, held } = many[i] as (typeof many)[number];
      expect(answer.path).toBe(request.paths[0]);
      expect(answer.key).toMatchObject({ kind: 'found', license: { id: license } });
      if (answer.key.kind === 'found') expect(answer.key.license.held.map(({ id }) => id)).toEqual(held);
    }
  });

  it('never shows one license’s slots to another with the same site', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const [mine, theirs] = [await seedSoldLicense(db, shop), await seedSoldLicense(db, shop)];
    await seedSite(db, theirs.license, 'same.example.com', { instance: HASH });
    const claim = siteOf('same.example.com', { instance: HASH });
    const lookup = makeLookup(db);
    const [first, second] = await Promise.all(
      [mine, theirs].map(({ key }) => lookup({ paths: [], keyHash: key.hash, site: claim })),
    );
    expect(first?.key).toMatchObject({ license: { held: [] } });
    expect(second?.key).toMatchObject({ license: { held: [{ host: 'same.example.com' }] } });
  });

  it('is not brought down for the others by an address with a character that PostgreSQL refuses', async () => {
    const { db } = database();
    const { path, product } = await seedShop(db);
    const lookup = makeLookup(db);
    const request = { keyHash: null, site: null };
    const answers = await Promise.all([
      lookup({ ...request, paths: ['first/one'] }),
      lookup({ ...request, paths: [path] }),
      lookup({ ...request, paths: ['evil/\u0000', `${path}\u0000`] }),
      lookup({ ...request, paths: ["'; drop table aliases; --/\\u0000"] }),
    ]);
    expect(answers.map((answer) => answer.product?.id ?? null)).toEqual([null, product.id, null, null]);
  });

  it('gives up the whole batch when the database is gone, and answers again when it is back', async () => {
    const { db } = database();
    const { path } = await seedShop(db);
    let isGone = true;
    const lookup = makeLookup({ ...db, read: (fn) => (isGone ? Promise.reject(new Error('gone')) : db.read(fn)) });
    const ask = () => lookup({ paths: [path], keyHash: null, site: null });
    const results = await Promise.allSettled([ask(), ask(), ask()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    isGone = false;
    expect((await ask()).path).toBe(path);
  });

  it('finds a license without grants', async () => {
    const { db } = database();
    const { organization } = await seedShop(db);
    const license = await seedLicense(db, organization);
    const key = await seedKey(db, license);
    await seedPackage(db, organization);
    expect((await licenseBehind({ keyHash: key.hash })).grants).toEqual([]);
  });
});
