import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onEachDatabase, type TestDatabase } from '../../test/support/databases.ts';
import {
  type PackageChange,
  SEED_NOW,
  type SeededKey,
  type Shop,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { gatedProduct, siteOf } from '../../test/support/seed-ledger.ts';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { type Asked, type Credentials, makeGate } from './gate.ts';
import { makeLookup } from './lookup.ts';
import { type Entry, makeRecorder } from './record.ts';
import { releaseActivation } from './store-activations.ts';
import { findLicense, lockLicense, updateLicense } from './store-licenses.ts';
import { usageCounts } from './store-usage.ts';
import { type Question, type Verdict, verdict } from './verdict.ts';

const HASHES = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
const [HASH = ''] = HASHES;

interface Wish extends Partial<Omit<Credentials, 'keyText'>> {
  kind?: Question['kind'];
}

/** One instance of the server: look-up, gate and recorder on its own connection. */
function instanceOn(db: Db, shop: Shop, clock: () => number = () => SEED_NOW) {
  const gate = makeGate({
    clock,
    secrets: seedSecrets,
    keyPrefixes: () => ['FG1'],
    lookup: makeLookup(db),
    record: makeRecorder(db),
  });

  async function ask(keyText: string | null, { kind = 'download', ...wish }: Wish): Promise<Asked> {
    const credentials = { keyText, siteText: null, instanceText: null, platform: null, ...wish };
    const asked = await gate.ask(kind, [shop.path], credentials);
    if (asked === null) throw new Error('the product is not there');
    return asked;
  }

  function record(asked: Asked): Promise<Verdict> {
    const { kind } = asked.question;
    const word = kind === 'feed' ? 'updates.xml' : kind;
    return gate.record(asked, {
      kind: word,
      platformVersion: 'joomla/5.2.1',
      extensionVersion: null,
      code: asked.verdict.code,
    });
  }

  return { ask, record, poll: async (keyText: string | null, wish: Wish) => record(await ask(keyText, wish)) };
}

interface SlotRow {
  identity: string;
  counted: boolean;
  instance: string | null;
}

async function slotsOf(db: Db, licenseId: string): Promise<SlotRow[]> {
  const rows = await db.read((tx) =>
    tx('activations')
      .where({ license_id: licenseId, released_at: null })
      .orderBy('identity')
      .select('identity', 'counted', 'instance'),
  );
  return rows.map((row) => ({ ...row, counted: Boolean(row.counted) }));
}

/** The counters of the license's row must always be those of its slots. */
async function expectTrueCounters(db: Db, licenseId: string): Promise<void> {
  const slots = await slotsOf(db, licenseId);
  const license = await db.read((tx) => findLicense(tx, licenseId));
  const counted = slots.filter((slot) => slot.counted).length;
  expect(license).toMatchObject({ countedSites: counted, exemptSites: slots.length - counted });
}

async function usageOf(db: Db, keyId: string): Promise<Record<string, number>> {
  const days = { fromDay: '0001-01-01', toDay: '9999-12-31' };
  const rows = await db.read((tx) => usageCounts(tx, { keyId, ...days }, 1_000));
  const counts: Record<string, number> = {};
  for (const { kind, code, count } of rows) counts[`${kind} ${code}`] = (counts[`${kind} ${code}`] ?? 0) + count;
  return counts;
}

const codesOf = (verdicts: readonly Verdict[]) => {
  const counts: Record<string, number> = {};
  for (const { code } of verdicts) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
};

/** What usage remembers beside who asked for what. */
const NO_MORE = { platform_version: '', version: '', channel: '', refused: 0 as const };

onEachDatabase('the group commit', (database) => {
  const rounds = (): number => (database().engine === 'postgres' ? 100 : 15);

  /** Two instances of the server on one database, and a license of a package. */
  async function scene({ engineClock, ...change }: PackageChange & { engineClock?: () => number } = {}) {
    const opened: TestDatabase = database();
    const shop = await seedShop(opened.db);
    const sold = await seedSoldLicense(opened.db, shop, change);
    const one = instanceOn(opened.db, shop, engineClock);
    const two = instanceOn(opened.another(), shop, engineClock);
    return { db: opened.db, shop, ...sold, one, two, both: [one, two] as const };
  }

  describe('slots', () => {
    it('gives the last one to exactly one of two sites that ask two instances at once', async () => {
      const { db, shop, package: sold, one, two } = await scene();
      for (let round = 0; round < rounds(); round++) {
        const license = await seedLicense(db, shop.organization);
        await seedGrant(db, license, sold);
        const { text } = await seedKey(db, license);
        const asked = [
          await one.ask(text, { siteText: 'a.example.com' }),
          await two.ask(text, { siteText: 'b.example.com' }),
        ];
        expect(asked.map((each) => each.verdict.code)).toEqual(['VALID', 'VALID']);
        const answers = await Promise.all([one.record(asked[0] as Asked), two.record(asked[1] as Asked)]);
        expect(codesOf(answers)).toEqual({ VALID: 1, SITE_LIMIT: 1 });
        const winner = answers[0]?.allowed ? 'a.example.com' : 'b.example.com';
        expect(await slotsOf(db, license.id)).toMatchObject([{ identity: winner, counted: true }]);
        await expectTrueCounters(db, license.id);
      }
    });

    it('lets 5 of 100 sites in at a limit of 5, and refuses the others', async () => {
      const { db, license, key, both } = await scene({ terms: { sites: 5 } });
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => both[i % 2 ? 1 : 0].poll(key.text, { siteText: `site${i}.example.com` })),
      );
      expect(codesOf(answers)).toEqual({ VALID: 5, SITE_LIMIT: 95 });
      expect(await slotsOf(db, license.id)).toHaveLength(5);
      expect(await usageOf(db, key.id)).toEqual({ 'download VALID': 5, 'download SITE_LIMIT': 95 });
      await expectTrueCounters(db, license.id);
    });

    it('makes one row of a site that asks 50 times at once', async () => {
      const { db, license, key, both } = await scene();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          both[i % 2 ? 1 : 0].poll(key.text, { siteText: 'https://www.example.com/' }),
        ),
      );
      expect(codesOf(answers)).toEqual({ VALID: 50 });
      expect(await slotsOf(db, license.id)).toEqual([{ identity: 'example.com', counted: true, instance: null }]);
      await expectTrueCounters(db, license.id);
    });

    it('makes one row of an instance that asks from 30 hosts at once (Dolibarr)', async () => {
      const { db, license, key, both } = await scene();
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          both[i % 2 ? 1 : 0].poll(key.text, {
            siteText: `host${i}.example.com`,
            instanceText: HASH,
            platform: 'dolibarr',
          }),
        ),
      );
      expect(codesOf(answers)).toEqual({ VALID: 30 });
      expect(await slotsOf(db, license.id)).toEqual([{ identity: `instance:${HASH}`, counted: true, instance: HASH }]);
    });

    it('gives the slots to exactly two of three instances that ask at once (Dolibarr)', async () => {
      const { db, license, key, both } = await scene({ terms: { sites: 2 } });
      const answers = await Promise.all(
        HASHES.map((instanceText, i) =>
          both[i % 2 ? 1 : 0].poll(key.text, { siteText: 'intranet', instanceText, platform: 'dolibarr' }),
        ),
      );
      expect(codesOf(answers)).toEqual({ VALID: 2, SITE_LIMIT: 1 });
      expect(await slotsOf(db, license.id)).toHaveLength(2);
    });

    it('moves the slot of a silent site to one of two new hosts; the other is a copy', async () => {
      for (let round = 0; round < Math.ceil(rounds() / 10); round++) {
        const { db, license, key, one, two } = await scene();
        const lastSeenAt = toIso(SEED_NOW - 20 * DAY);
        await seedSite(db, license, 'old.example.com', { instance: HASH, firstSeenAt: lastSeenAt, lastSeenAt });
        const wish = (siteText: string) => ({ siteText, instanceText: HASH });
        const asked = [
          await one.ask(key.text, wish('new.example.org')),
          await two.ask(key.text, wish('new.example.net')),
        ];
        expect(asked.map((each) => each.verdict.claim?.kind)).toEqual(['move', 'move']);
        await Promise.all([one.record(asked[0] as Asked), two.record(asked[1] as Asked)]);
        const slots = await slotsOf(db, license.id);
        expect(slots.map(({ identity }) => identity)).toEqual(['new.example.net', 'new.example.org']);
        expect(slots.filter(({ counted }) => counted)).toHaveLength(1);
        await expectTrueCounters(db, license.id);
      }
    });

    it('gives the one free slot to one of two copies whose free time is over', async () => {
      const { db, license, key, one, two } = await scene({ terms: { sites: 2 } });
      const old = toIso(SEED_NOW - 20 * DAY);
      await seedSite(db, license, 'old.example.com', { instance: HASH, firstSeenAt: old });
      for (const host of ['b.example.org', 'c.example.org'])
        await seedSite(db, license, host, { instance: HASH, counted: false, exemptReason: 'copy', firstSeenAt: old });
      const ask = (server: typeof one, siteText: string) => server.poll(key.text, { siteText, instanceText: HASH });
      const answers = await Promise.all([ask(one, 'b.example.org'), ask(two, 'c.example.org')]);
      expect(codesOf(answers)).toEqual({ VALID: 1, SITE_LIMIT: 1 });
      expect((await slotsOf(db, license.id)).filter(({ counted }) => counted)).toHaveLength(2);
      await expectTrueCounters(db, license.id);
    });

    it('lets a copy take the slot over when its original has fallen silent', async () => {
      const { db, license, key, one } = await scene();
      const old = toIso(SEED_NOW - 20 * DAY);
      await seedSite(db, license, 'old.example.com', { instance: HASH, firstSeenAt: old, lastSeenAt: old });
      await seedSite(db, license, 'b.example.org', {
        instance: HASH,
        counted: false,
        exemptReason: 'copy',
        firstSeenAt: old,
      });
      expect((await one.poll(key.text, { siteText: 'b.example.org', instanceText: HASH })).allowed).toBe(true);
      expect(await slotsOf(db, license.id)).toEqual([{ identity: 'b.example.org', counted: true, instance: HASH }]);
      expect((await one.poll(key.text, { siteText: 'old.example.com' })).code).toBe('SITE_LIMIT');
      await expectTrueCounters(db, license.id);
    });

    it('keeps sites that do not count out of the count, and below their cap', async () => {
      const { db, license, key, both } = await scene();
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => both[i % 2 ? 1 : 0].poll(key.text, { siteText: `192.168.0.${i + 1}` })),
      );
      expect(codesOf(answers)).toEqual({ VALID: 5, SITE_LIMIT: 7 });
      expect((await both[0].poll(key.text, { siteText: 'example.com' })).code).toBe('VALID');
      await expectTrueCounters(db, license.id);
    });

    it('gives a released slot to the next who asks, and the site its slot again when that one is released', async () => {
      const { db, license, key, one } = await scene();
      const release = async () => {
        const { id } = await db.read((tx) =>
          tx('activations').where({ license_id: license.id, released_at: null }).first('id'),
        );
        await db.tx(async (tx) => {
          await lockLicense(tx, license.id);
          expect(await releaseActivation(tx, id, 'test', toIso(SEED_NOW))).toBe(true);
        });
        await expectTrueCounters(db, license.id);
      };
      const ask = async (siteText: string) => (await one.poll(key.text, { siteText })).code;
      expect([await ask('a.example.com'), await ask('b.example.com')]).toEqual(['VALID', 'SITE_LIMIT']);
      await release();
      expect([await ask('b.example.com'), await ask('a.example.com')]).toEqual(['VALID', 'SITE_LIMIT']);
      await release();
      expect([await ask('a.example.com'), await ask('b.example.com')]).toEqual(['VALID', 'SITE_LIMIT']);
      expect(await slotsOf(db, license.id)).toHaveLength(1);
      await expectTrueCounters(db, license.id);
    });

    it('remembers the key that claimed it, and which of two keys that is does not matter', async () => {
      const { db, license, key, one } = await scene();
      const second = await seedKey(db, license);
      await one.poll(second.text, { siteText: 'example.com' });
      expect((await one.poll(key.text, { siteText: 'example.com' })).code).toBe('VALID');
      const rows = await db.read((tx) => tx('activations').where({ license_id: license.id }).select('key_id'));
      expect(rows).toEqual([{ key_id: second.id }]);
    });

    it('claims nothing for a feed, a validation, a refusal and a master key', async () => {
      const { db, shop, license, key, one } = await scene();
      for (const kind of ['feed', 'validate'] as const)
        expect((await one.poll(key.text, { kind, siteText: 'example.com' })).code).toBe('VALID');
      expect(await slotsOf(db, license.id)).toEqual([]);
      expect(await usageOf(db, key.id)).toEqual({ 'updates.xml VALID': 1, 'validate VALID': 1 });
      const master = await seedSoldLicense(db, shop, {
        kind: 'master',
        terms: { channels: ['*'], sites: null, length: null },
      });
      expect((await one.poll(master.key.text, { siteText: 'example.com' })).code).toBe('VALID');
      expect(await slotsOf(db, master.license.id)).toEqual([]);
    });
  });

  describe('what is true under the lock', () => {
    it('is asked again: a license revoked after the look-up gets no slot, and the row says why', async () => {
      const { db, license, key, one } = await scene();
      const asked = await one.ask(key.text, { siteText: 'example.com' });
      await db.tx((tx) => updateLicense(tx, license.id, { revokedAt: toIso(SEED_NOW) }));
      expect(await one.record(asked)).toMatchObject({ allowed: false, code: 'REVOKED' });
      expect(await slotsOf(db, license.id)).toEqual([]);
      expect(await usageOf(db, key.id)).toEqual({ 'download REVOKED': 1 });
    });

    it('may be kinder as well: a package bought after the look-up starts with its slot', async () => {
      const { db, shop, license, key, one } = await scene({ terms: { startsOn: 'first_use' } });
      const asked = await one.ask(key.text, { siteText: 'example.com' });
      const addon = await seedPackage(db, shop.organization, { kind: 'addon', terms: { channels: ['beta'] } });
      await seedGrant(db, license, addon);
      expect((await one.record(asked)).channels).toEqual(['beta', 'stable']);
    });
  });

  describe('first use', () => {
    it('is stamped once, however many ask at once, and the end of the license is known from then on', async () => {
      let ticks = 0;
      const clock = () => SEED_NOW + 30 * DAY + ticks++;
      const { db, license, grant, key, both } = await scene({
        engineClock: clock,
        terms: { startsOn: 'first_use', sites: 50 },
      });
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          both[i % 2 ? 1 : 0].poll(key.text, { kind: 'feed', siteText: 'example.com' }),
        ),
      );
      const stamped = () => db.read((tx) => tx('grants').where({ id: grant.id }).first('first_used_at'));
      const first = (await stamped()).first_used_at as string;
      expect(first >= toIso(SEED_NOW + 30 * DAY)).toBe(true);
      await both[0].poll(key.text, { kind: 'download', siteText: 'example.com' });
      expect((await stamped()).first_used_at).toBe(first);
      const end = new Date(first);
      end.setUTCFullYear(end.getUTCFullYear() + 1);
      expect(await db.read((tx) => findLicense(tx, license.id))).toMatchObject({ validUntil: end.toISOString() });
    });

    it('is not begun by a validation, a refusal, or a poll of another product', async () => {
      const { db, grant, key, one, shop } = await scene({ terms: { startsOn: 'first_use', sites: 0 } });
      await one.poll(key.text, { kind: 'validate' });
      expect((await one.poll(key.text, { siteText: 'example.com' })).code).toBe('SITE_LIMIT');
      const other = instanceOn(db, await seedShop(db));
      expect((await other.poll(key.text, { kind: 'feed' })).code).toBe('NOT_FOUND');
      const row = await db.read((tx) => tx('grants').where({ id: grant.id }).first('first_used_at'));
      expect(row).toEqual({ first_used_at: null });
      expect(shop.product.mode).toBe('strict');
    });
  });

  describe('usage', () => {
    it('has a row for every answer, allowed or not, with a key or without', async () => {
      const { db, shop, key, license, one } = await scene();
      const other = await seedShop(db);
      await one.poll(key.text, { siteText: 'a.example.com' });
      await one.poll(key.text, { siteText: 'b.example.com' });
      await one.poll(key.text, { kind: 'feed' });
      await one.poll(null, { kind: 'feed' });
      await one.poll('FG1-NOT-A-KEY', { kind: 'feed' });
      await one.poll('anything else', { kind: 'feed' });
      await instanceOn(db, other).poll(key.text, { kind: 'feed' });
      const rows = await db.read((tx) =>
        tx('usage_log')
          .orderBy('id')
          .select('product_id', 'key_id', 'license_id', 'site', 'kind', 'code', 'day', 'at')
          .whereIn('product_id', [shop.product.id, other.product.id]),
      );
      const [mine, none] = [`${key.id} ${license.id}`, ' '];
      expect(rows.map((row) => `${row.key_id} ${row.license_id} ${row.site} ${row.kind} ${row.code}`)).toEqual([
        `${mine} a.example.com download VALID`,
        `${mine} b.example.com download SITE_LIMIT`,
        `${mine}  updates.xml VALID`,
        `${none}  updates.xml NOT_FOUND`,
        `${none}  updates.xml KEY_MALFORMED`,
        `${none}  updates.xml NOT_FOUND`,
        `${none}  updates.xml NOT_FOUND`,
      ]);
      expect(rows[0]).toMatchObject({ day: '2026-01-01', at: '2026-01-01T12:00:00.000Z' });
    });

    it('loses none of 600 answers of two instances over many licenses that all lock each other out', async () => {
      const { db, shop, package: sold, both } = await scene({ terms: { sites: 3 } });
      const keys: SeededKey[] = [];
      for (let i = 0; i < 6; i++) {
        const license = await seedLicense(db, shop.organization);
        await seedGrant(db, license, sold);
        keys.push(await seedKey(db, license));
      }
      const answers = await Promise.all(
        Array.from({ length: 600 }, (_, i) => {
          const key = keys[(i * 7 + (i % 5)) % keys.length];
          return both[i % 2 ? 1 : 0].poll(key?.text ?? '', { siteText: `s${i % 11}.example.com` });
        }),
      );
      const byCode = codesOf(answers);
      expect((byCode['VALID'] ?? 0) + (byCode['SITE_LIMIT'] ?? 0)).toBe(600);
      let rows = 0;
      for (const key of keys) {
        await expectTrueCounters(db, key.licenseId);
        expect(await slotsOf(db, key.licenseId)).toHaveLength(3);
        for (const count of Object.values(await usageOf(db, key.id))) rows += count;
      }
      expect(rows).toBe(600);
    });
  });

  describe('faults', () => {
    const plain = (shop: Shop, kind: string): Entry => {
      const question: Question = {
        now: SEED_NOW,
        kind: 'feed',
        product: gatedProduct(),
        key: { kind: 'none' },
        site: siteOf('example.com'),
      };
      const usage = { product_id: shop.product.id, key_id: '', license_id: '', site: '', kind, ...NO_MORE };
      return { question, verdict: verdict(question), keyHash: null, usage, code: 'NOT_FOUND' };
    };

    it('one entry that cannot be written does not take the others with it', async () => {
      const { db, shop } = await scene();
      const record = makeRecorder(db);
      const bad = plain(shop, 'bad');
      const broken = { ...bad, usage: { ...bad.usage, kind: null as unknown as string } };
      const late = { ...bad, question: { ...bad.question, now: Number.NaN } };
      const entries = [plain(shop, 'first'), plain(shop, 'a'), broken, plain(shop, 'b'), late, plain(shop, 'c')];
      const results = await Promise.allSettled(entries.map((entry) => record(entry)));
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      const kinds = await db.read((tx) =>
        tx('usage_log').where({ product_id: shop.product.id }).orderBy('id').pluck('kind'),
      );
      expect(kinds).toEqual(['first', 'a', 'b', 'c']);
    });

    it('goes on after a fault', async () => {
      const { db, shop } = await scene();
      const record = makeRecorder(db);
      const bad = plain(shop, 'x');
      await expect(record({ ...bad, question: { ...bad.question, now: Number.NaN } })).rejects.toThrow();
      await expect(record(bad)).resolves.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  it('counters are always those of the rows, whatever is claimed, moved, copied and released', async () => {
    let now = SEED_NOW;
    const {
      db,
      shop,
      package: sold,
      both,
    } = await scene({ engineClock: () => now, terms: { sites: 3, length: null } });
    const step = fc.oneof(
      fc.record({
        do: fc.constant('ask' as const),
        server: fc.constantFrom<0 | 1>(0, 1),
        siteText: fc.constantFrom(
          'example.com',
          'dev.example.com',
          'a.example.org',
          'b.example.org',
          'localhost',
          '10.0.0.1',
        ),
        instanceText: fc.constantFrom(null, ...HASHES),
        platform: fc.constantFrom(null, 'joomla' as const, 'dolibarr' as const),
      }),
      fc.record({ do: fc.constant('release' as const), index: fc.nat(4) }),
      fc.record({ do: fc.constant('wait' as const), days: fc.constantFrom(1, 15) }),
    );
    const run = async (steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const license = await seedLicense(db, shop.organization);
      await seedGrant(db, license, sold);
      const { text } = await seedKey(db, license);
      for (const each of steps) {
        if (each.do === 'wait') now += each.days * DAY;
        else if (each.do === 'ask') {
          const { server, do: _, ...wish } = each;
          const { allowed } = await both[server].poll(text, wish);
          const again = await both[server].poll(text, wish);
          expect(again.allowed).toBe(allowed);
        } else {
          const ids: string[] = await db.read((tx) =>
            tx('activations').where({ license_id: license.id, released_at: null }).orderBy('id').pluck('id'),
          );
          const id = ids[each.index];
          if (id !== undefined) await db.tx((tx) => releaseActivation(tx, id, 'test', toIso(now)));
        }
        await expectTrueCounters(db, license.id);
        expect((await slotsOf(db, license.id)).filter(({ counted }) => counted).length).toBeLessThanOrEqual(3);
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), run), {
      numRuns: database().engine === 'postgres' ? 15 : 8,
    });
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('the group commit without a database', () => {
  const entry: Entry = (() => {
    const question: Question = {
      now: SEED_NOW,
      kind: 'feed',
      product: gatedProduct(),
      key: { kind: 'none' },
      site: null,
    };
    const usage = { product_id: 'p', key_id: '', license_id: '', site: '', kind: 'updates.xml', ...NO_MORE };
    return { question, verdict: verdict(question), keyHash: null, usage, code: 'NOT_FOUND' };
  })();
  const dbThat = (tx: Db['tx']): Db => ({
    engine: 'postgres',
    tx,
    read: () => Promise.reject(new Error('not read')),
    close: async () => undefined,
  });

  it('gives a whole batch up at once instead of trying every entry against a database that is gone', async () => {
    let tries = 0;
    const record = makeRecorder(
      dbThat(async () => {
        tries += 1;
        throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
      }),
    );
    const results = await Promise.allSettled(Array.from({ length: 300 }, () => record(entry)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(tries).toBe(1);
  });

  it('refuses what piles up beyond measure, and only that', async () => {
    const { promise: gate, resolve: open } = deferred();
    const sizes: number[] = [];
    const record = makeRecorder(
      dbThat(async () => {
        await gate;
        throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
      }),
      { batch: (size) => sizes.push(size) },
    );
    const first = record(entry).catch((error: Error) => error.message);
    await turn();
    const others = Array.from({ length: 20_000 }, () => record(entry).catch((error: Error) => error.message));
    await expect(record(entry)).rejects.toThrow('too many');
    open();
    expect(new Set([await first, ...(await Promise.all(others))])).toEqual(new Set(['gone']));
    expect(sizes[0]).toBe(1);
    expect(Math.max(...sizes)).toBe(512);
  });
});
