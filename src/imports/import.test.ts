import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedClosing,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { keyText } from '../licensing/keys.ts';
import { lookupAll } from '../licensing/lookup.ts';
import { createPackage } from '../licensing/packages.ts';
import { findKeyByHash } from '../licensing/store-keys.ts';
import { updatePackage } from '../licensing/store-packages.ts';
import { verdict } from '../licensing/verdict.ts';
import { aliasesOf } from '../releases/store-products.ts';
import { makeSecrets } from '../secrets.ts';
import { bringIn } from './bring-in.ts';
import { giveOut } from './give-out.ts';
import type { ImportRow, RowReport } from './import-format.ts';
import { type CsvRecord, rowsOfJsonLines, rowsOfTable } from './import-rows.ts';
import { type ImportKind, PROFILES } from './profiles.ts';

const BY = { actor: CLI_ACTOR, requestId: null, now: SEED_NOW };

async function* each<T>(list: readonly T[]): AsyncIterable<T> {
  yield* list;
}

function csv(text: string): AsyncIterable<CsvRecord> {
  return each(
    text
      .trim()
      .split('\n')
      .map((line, i) => ({ line: i + 1, cells: line.trim().split(',') })),
  );
}

onEachDatabase('an import', (database) => {
  interface Run {
    source?: string;
    isDry?: boolean;
    db?: Db;
    secrets?: typeof seedSecrets;
  }

  async function run(shop: Pick<Shop, 'organization'>, rows: AsyncIterable<ImportRow>, wish: Run = {}) {
    const { db = database().db, secrets = seedSecrets, source = 'shop', isDry = false } = wish;
    const reports: RowReport[] = [];
    const { organization } = shop;
    const summary = await bringIn({ db, secrets }, { organization, source, fileName: 'x', isDry }, rows, BY, (row) => {
      reports.push(row);
    });
    return { summary, reports, told: reports.map(({ line, code, words }) => [line, code, words]) };
  }

  function table(kind: ImportKind, text: string, { from = 'csv', zone = null as string | null } = {}) {
    const profile = PROFILES[from];
    if (!profile) throw new Error(from);
    return rowsOfTable(csv(text), { kind, profile, zone, map: new Map() }, () => undefined);
  }

  const count = async (name: string) =>
    Number((await database().db.read((tx) => tx(name).count({ n: '*' }).first()))?.['n']);
  const counts = () =>
    Promise.all(['customers', 'licenses', 'grants', 'license_keys', 'activations', 'packages'].map(count));

  async function ask(shop: Shop, text: string, now = SEED_NOW, db = database().db, secrets = seedSecrets) {
    const hash = secrets.lookupHash(text);
    const [found] = await db.read((tx) => lookupAll(tx, [{ paths: [], keyHash: hash, site: null }]));
    if (!found) throw new Error('no answer');
    return verdict({ now, kind: 'feed', product: shop.product, key: found.key, site: null });
  }

  const KEYS = `license_key,plan,customer_email,customer_name,expires,urls,payment_id,activation_limit,status
MOKO-0001,Yearly,ada@example.com,Ada,2027-01-31T00:00:00Z,one.com two.com,pay-1,2,active
MOKO-0002,Yearly,ada@example.com,Ada,2025-01-31T00:00:00Z,,,,active
MOKO-0003,Yearly,bob@example.com,Bob,,,,,revoked`;

  async function aShop() {
    const { db } = database();
    const shop = await seedShop(db);
    const wish = { repositoryId: null, name: 'Yearly', kind: 'base' as const };
    const terms = (await seedPackage(db, (await seedShop(db)).organization, { terms: { sites: 3 } })).terms;
    await db.tx((tx) => createPackage(tx, seedSecrets, shop.organization, { ...wish, terms }, BY));
    return shop;
  }

  it('of keys makes customers, licenses with their end, keys, sites and states', async () => {
    const shop = await aShop();
    const { summary, told } = await run(shop, table('keys', KEYS));
    expect(summary).toMatchObject({ rows: 3, created: 3, unchanged: 0, refused: 0, codes: { NEW: 3 } });
    expect(told).toEqual([
      [2, 'NEW', 'a license with 1 key, 2 sites, until 2027-01-31T00:00:00.000Z'],
      [3, 'NEW', 'a license with 1 key, ended 2025-01-31T00:00:00.000Z'],
      [4, 'NEW', 'a license with 1 key'],
    ]);
    expect((await ask(shop, 'MOKO-0001')).code).toBe('VALID');
    expect((await ask(shop, 'MOKO-0002')).code).toBe('EXPIRED');
    expect((await ask(shop, 'MOKO-0003')).code).toBe('KEY_REVOKED');
    const { db } = database();
    const key = await db.read((tx) => findKeyByHash(tx, seedSecrets.lookupHash('MOKO-0001')));
    expect(key && [keyText(seedSecrets, key), key.siteLimit]).toEqual(['MOKO-0001', 2]);
    const license = await db.read((tx) => tx('licenses').where({ id: key?.licenseId }).first());
    expect(license).toMatchObject({ counted_sites: 2, valid_until: '2027-01-31T00:00:00.000Z', over_limit_at: null });
    const customers = await db.read((tx) =>
      tx('customers').where({ organization_id: shop.organization.id, email: 'ada@example.com' }),
    );
    expect(customers.length).toBe(1);
  });

  it('changes nothing when it comes again, and nothing at all when it only looks', async () => {
    const shop = await aShop();
    const own = KEYS.replaceAll('MOKO', 'AGAIN').replace('pay-1', 'pay-2');
    const before = await counts();
    const dry = await run(shop, table('keys', own), { isDry: true });
    expect(await counts()).toEqual(before);
    const first = await run(shop, table('keys', own));
    expect(dry.told).toEqual(first.told);
    const after = await counts();
    for (const source of ['shop', 'another name']) {
      const again = await run(shop, table('keys', own), { source });
      expect([source, again.summary.faults]).toEqual([source, []]);
      expect(again.summary).toMatchObject({ created: 0, unchanged: 3, refused: 0 });
      expect(await counts()).toEqual(after);
    }
    const more = await run(shop, table('keys', `${own}\nAGAIN-0004,Yearly,cy@example.com,Cy,,,,,active`));
    expect(more.summary).toMatchObject({ created: 1, unchanged: 3 });
  });

  it('goes on where it was stopped in the middle', async () => {
    const shop = await aShop();
    const lines = Array.from({ length: 130 }, (_, i) => `key-of-${i},Yearly,c${i % 7}@example.com`);
    const text = ['key,package,customer_email', ...lines].join('\n');
    async function* broken() {
      let n = 0;
      for await (const row of table('keys', text)) {
        if (++n > 75) throw new Error('killed');
        yield row;
      }
    }
    await expect(run(shop, broken())).rejects.toThrow('killed');
    const { summary } = await run(shop, table('keys', text));
    expect(summary).toMatchObject({ rows: 130, created: 80, unchanged: 50, refused: 0 });
    const licenses = await database().db.read((tx) =>
      tx('licenses').where({ organization_id: shop.organization.id, master: false }),
    );
    expect(licenses.length).toBe(130);
  });

  it('tells all that is wrong of each row, and brings in the others', async () => {
    const shop = await aShop();
    const stranger = await seedSoldLicense(database().db, await seedShop(database().db));
    const { told, summary } = await run(
      shop,
      table(
        'keys',
        `key,package,customer_email,valid_until,given_at,status,site_limit,domains,sites,payment_ref
good,Yearly,a@example.com,,,,,,,p1
,Yearly,a@example.com,,,,,,,
k1,Nothing,a@example.com,,,,,,,
k2,Yearly,nobody,2027-01-31,,odd,many,,,
k3,Yearly,a@example.com,20000-01-01T00:00:00Z,,,,,,
k4,Yearly,a@example.com,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,,,,,
k5,Yearly,a@example.com,,,,,*.com,,
k6,Yearly,a@example.com,,,,,,not_a host!,
k7,Yearly,a@example.com,,,,,,,p1
good,Yearly,a@example.com,,,,,,,
FG1-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA,Yearly,a@example.com,,,,,,,
${stranger.key.text},Yearly,a@example.com,,,,,,,
k8,Yearly
=1,Yearly,a@example.com,,,,,,,`,
      ),
    );
    const codes = told.map(([line, code]) => [line, code]);
    expect(codes).toEqual([
      ...[
        [2, 'NEW'],
        [3, 'INVALID'],
        [4, 'PACKAGE_UNKNOWN'],
        [5, 'INVALID'],
        [6, 'INVALID'],
        [7, 'INVALID'],
        [8, 'INVALID'],
      ],
      ...[
        [9, 'INVALID'],
        [10, 'PAYMENT_TAKEN'],
        [11, 'TWICE_IN_FILE'],
        [12, 'KEY_MALFORMED'],
        [13, 'KEY_TAKEN'],
      ],
      ...[
        [14, 'INVALID'],
        [15, 'NEW'],
      ],
    ]);
    const words = told.map(([, , text]) => String(text));
    expect(words[3]).toContain('names no time zone');
    expect(words[3]).toContain('status: "odd"');
    expect(words[3]).toContain('site_limit: "many"');
    expect(words[3]).toContain('must be an e-mail address');
    expect(words.join(' ')).not.toContain(stranger.key.text);
    expect(summary.faults.length).toBe(12);
  });

  it('names the columns that are wrong before it reads a row', async () => {
    const shop = await aShop();
    const rows = table('keys', 'serial,owner\n1,2');
    await expect(run(shop, rows)).rejects.toThrow('no column means key or key_sha256; the file has serial, owner');
  });

  it('reads a date without a zone in the zone that is named, a last day to its end', async () => {
    const shop = await aShop();
    const rows = table('keys', 'key,package,valid_until\nzoned,Yearly,2027-07-31', { zone: 'Europe/Berlin' });
    expect((await run(shop, rows)).told).toEqual([[2, 'NEW', 'a license with 1 key, until 2027-07-31T22:00:00.000Z']]);
  });

  it('takes hashed keys, a master key beside ours, 0 as unlimited and other channel words from the model product', async () => {
    const shop = await aShop();
    const packages = `name,duration_days,max_sites,channels
Lifetime,0,0,development release-candidate
Pro,365,5,stable`;
    await run(shop, table('packages', packages, { from: 'mokogitea' }));
    const rows = await database().db.read((tx) =>
      tx('packages as p')
        .join('package_versions as v', 'v.package_id', 'p.id')
        .where('p.organization_id', shop.organization.id)
        .whereIn('p.name', ['Lifetime', 'Pro'])
        .orderBy('p.name')
        .select('v.terms'),
    );
    expect(rows.map(({ terms }) => JSON.parse(terms as string))).toMatchObject([
      { length: null, sites: null, channels: ['stable', 'dev', 'rc'] },
      { length: { value: 365, unit: 'day' }, sites: 5, channels: ['stable'] },
    ]);
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    const keys = `key_hash,package_name,licensee_name,licensee_email,max_sites,end_date,is_internal
${sha('MOKO-HASH')},Lifetime,Ada,ada@example.com,0,0,0
${sha('MOKO-MASTER')},,,,0,0,1`;
    expect((await run(shop, table('keys', keys, { from: 'mokogitea' }))).told).toEqual([
      [2, 'NEW', 'a license with 1 key'],
      [3, 'NEW', '1 master key beside the one that is here'],
    ]);
    expect((await ask(shop, 'MOKO-HASH')).channels).toEqual(['dev', 'rc', 'stable']);
    expect((await ask(shop, 'MOKO-MASTER')).channels).toEqual(['*']);
  });

  it('of sites adds those that a license lacks, by its key', async () => {
    const shop = await aShop();
    await run(shop, table('keys', 'key,package,sites\nsite-key,Yearly,one.com'));
    const text = `key,site,first_seen_at
site-key,one.com,2025-01-01T00:00:00Z
site-key,https://www.two.com/,2025-01-01T00:00:00Z
nobodys,three.com,2025-01-01T00:00:00Z`;
    expect((await run(shop, table('sites', text))).told.map(([, code]) => code)).toEqual(['KNOWN', 'NEW', 'REFUSED']);
    expect((await run(shop, table('sites', text))).summary).toMatchObject({ created: 0, unchanged: 2, refused: 1 });
    const key = await database().db.read((tx) => findKeyByHash(tx, seedSecrets.lookupHash('site-key')));
    const license = await database().db.read((tx) => tx('licenses').where({ id: key?.licenseId }).first());
    expect(license?.counted_sites).toBe(2);
  });

  describe('of an export', () => {
    /** A shop with licenses of every kind of life. */
    async function livelyShop() {
      const { db } = database();
      const shop = await seedShop(db);
      const texts: string[] = [];
      const terms = { length: { value: 1, unit: 'year' as const }, sites: 2, afterEnd: 'owned' as const, graceDays: 7 };
      const first = await seedPackage(db, shop.organization, { terms });
      await db.tx((tx) =>
        createPackage(
          tx,
          seedSecrets,
          shop.organization,
          { repositoryId: null, name: 'Own', kind: 'base', terms: first.terms },
          BY,
        ),
      );
      const add = async (change: Parameters<typeof seedLicense>[2], ...grants: Parameters<typeof seedGrant>[3][]) => {
        const license = await seedLicense(db, shop.organization, change);
        const made = [];
        for (const grant of grants) made.push(await seedGrant(db, license, first, grant));
        const key = await seedKey(db, license, { domains: ['one.example'], label: 'a label' });
        texts.push(key.text);
        return { license, made, key };
      };
      await add({}, { given: SEED_NOW - 30 * DAY }, { given: SEED_NOW - 2 * DAY, quantity: 2, paymentRef: 'pay-9' });
      await add({}, { given: SEED_NOW - 800 * DAY });
      await add({ suspendedAt: toIso(SEED_NOW) }, { given: SEED_NOW });
      const refunded = await add({}, { given: SEED_NOW - 10 * DAY });
      await seedClosing(db, refunded.made[0] as never, 'close');
      const cut = await add({}, { given: SEED_NOW - 10 * DAY });
      await seedGrant(db, cut.license, first, {
        source: 'admin',
        given: SEED_NOW,
        lengthValue: null,
        lengthUnit: null,
        endsAt: toIso(SEED_NOW + DAY),
        supersedes: [cut.made[0]?.id as string],
      });
      await db.tx((tx) =>
        updatePackage(tx, first, { terms: { ...first.terms, channels: ['stable', 'beta'] } }, 'test', toIso(SEED_NOW)),
      );
      const { license } = await add({}, { given: SEED_NOW - 5 * DAY, packageVersion: 2 });
      await seedSite(db, license, 'one.example');
      await seedSite(db, license, 'old.example', { counted: false, exemptReason: 'copy' });
      return { shop, texts };
    }

    const lines = async (shop: Shop, withKeys: boolean) => {
      const all: { line: number; text: string }[] = [];
      for await (const item of giveOut(database().db, seedSecrets, { organization: shop.organization, withKeys }))
        all.push({ line: all.length + 1, text: JSON.stringify(item) });
      return all;
    };

    const comparable = ({ terms, firstUse: _, ...rest }: ReturnType<typeof verdict>) => ({
      ...rest,
      terms: terms && { ...terms, unstarted: terms.unstarted.length },
    });

    it.each([true, false])(
      'gives every key the verdict that it had, here and in years, under another pepper: %s',
      async (withKeys) => {
        const { shop, texts } = await livelyShop();
        const exported = (await lines(shop, withKeys)).map(({ line, text }) => ({
          line,
          text: withKeys
            ? text.replace('"aliases":[]', '"aliases":[{"path":"old/there/updates.xml","document":"updates.xml"}]')
            : text,
        }));
        for (const text of texts) expect(exported.some((line) => line.text.includes(text))).toBe(withKeys);
        const other = makeSecrets(Buffer.alloc(32, 7), Buffer.alloc(32, 8));
        const there = await seedShop(database().db, { slug: shop.product.slug });
        const rows = () => rowsOfJsonLines(each(exported), () => undefined);
        const dry = await run(there, rows(), { isDry: true, secrets: other });
        const done = await run(there, rows(), { secrets: other });
        expect(done.summary.faults).toEqual([]);
        const aliases = database().db.read((tx) => aliasesOf(tx, there.product.id));
        if (withKeys) expect((await aliases).map(({ path }) => path)).toContain('old/there/updates.xml');
        expect(dry.told.map(([line]) => line)).toEqual(done.told.map(([line]) => line));
        for (const text of texts)
          for (const days of [-1, 0, 2, 40, 364, 372, 800]) {
            const at = SEED_NOW + days * DAY;
            const expected = comparable(await ask(shop, text, at));
            expect(comparable(await ask(there, text, at, database().db, other))).toEqual(expected);
          }
        const before = await counts();
        const again = await run(there, rows(), { secrets: other });
        expect(again.summary).toMatchObject({ created: 0, refused: 0 });
        expect(await counts()).toEqual(before);
      },
    );

    it('brought in where it comes from, changes nothing', async () => {
      const { shop } = await livelyShop();
      const before = await counts();
      const { summary } = await run(
        shop,
        rowsOfJsonLines(each(await lines(shop, true)), () => undefined),
      );
      expect([summary.created - (summary.codes['NEW'] ?? 0), summary.refused]).toEqual([0, 0]);
      expect(await counts()).toEqual(before);
    });
  });
});
