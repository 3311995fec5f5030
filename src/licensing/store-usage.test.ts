import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedKey, seedShop, seedSoldLicense } from '../../test/support/seed.ts';
import { DAY, dayOf, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { newId } from '../ids.ts';
import { appendUsage, keylessShare, type UsageFilter, type UsageRow, usageCounts } from './store-usage.ts';
import { rollUpSlice } from './usage.ts';

const EVER = { fromDay: '0001-01-01', toDay: '9999-12-31' };

function usageRow(change: Partial<UsageRow> & { ms?: number }): UsageRow {
  const { ms = SEED_NOW, ...rest } = change;
  const row = {
    product_id: '',
    key_id: '',
    license_id: '',
    site: '',
    kind: 'updates.xml',
    platform_version: '',
    code: 'VALID',
    version: '',
    channel: '',
    refused: 0 as const,
  };
  return { at: toIso(ms), day: dayOf(ms), ...row, ...rest };
}

onEachDatabase('usage', (database) => {
  const append = (...rows: UsageRow[]) => database().db.tx((tx) => appendUsage(tx, rows));
  const rollUp = (most: number, db: Db = database().db) => db.tx((tx) => rollUpSlice(tx, most));
  const counts = (filter: Partial<UsageFilter>) =>
    database().db.read((tx) => usageCounts(tx, { ...EVER, ...filter }, 10_000));
  const total = async (filter: Partial<UsageFilter>) =>
    (await counts(filter)).reduce((sum, { count }) => sum + count, 0);
  const logged = async () =>
    Number((await database().db.read((tx) => tx('usage_log').count({ n: '*' }).first()))?.['n']);
  const drain = async () => {
    while ((await rollUp(1_000)) > 0);
  };

  describe('the roll-up', () => {
    it('moves nothing where nothing is', async () => {
      await drain();
      expect(await rollUp(10)).toBe(0);
    });

    it('moves at most what it is told, the oldest first, and the counts stay what they were at every step', async () => {
      const product_id = newId('product');
      const rows = Array.from({ length: 25 }, (_, i) =>
        usageRow({ product_id, site: `s${i % 3}`, ms: SEED_NOW + i * 1_000 }),
      );
      await append(...rows);
      const before = await counts({ productId: product_id });
      expect(before.map(({ site, count, last_at }) => [site, count, last_at])).toEqual([
        ['s0', 9, toIso(SEED_NOW + 24_000)],
        ['s1', 8, toIso(SEED_NOW + 22_000)],
        ['s2', 8, toIso(SEED_NOW + 23_000)],
      ]);
      for (const [moved, left] of [
        [10, 15],
        [10, 5],
        [5, 0],
        [0, 0],
      ] as const) {
        expect(await rollUp(10)).toBe(moved);
        expect(await logged()).toBe(left);
        expect(await counts({ productId: product_id })).toEqual(before);
      }
    });

    it('adds to what was counted before, and keeps the last instant though it comes late', async () => {
      const product_id = newId('product');
      await append(usageRow({ product_id, ms: SEED_NOW + 5_000 }));
      await drain();
      await append(usageRow({ product_id, ms: SEED_NOW }));
      await drain();
      expect(await counts({ productId: product_id })).toMatchObject([{ count: 2, last_at: toIso(SEED_NOW + 5_000) }]);
      await append(usageRow({ product_id, ms: SEED_NOW + 9_000 }));
      expect(await counts({ productId: product_id })).toMatchObject([{ count: 3, last_at: toIso(SEED_NOW + 9_000) }]);
    });

    it('loses and doubles nothing while two instances write and two roll up', async () => {
      const { db, another } = database();
      const other = another();
      const product_id = newId('product');
      const write = async (handle: Db, writer: number) => {
        for (let i = 0; i < 40; i++)
          await handle.tx((tx) =>
            appendUsage(
              tx,
              [1, 2, 3].map((n) => usageRow({ product_id, site: `s${n}`, key_id: `k${writer}` })),
            ),
          );
      };
      const roll = async (handle: Db) => {
        for (let i = 0; i < 25; i++) await rollUp(17, handle);
      };
      await Promise.all([write(db, 1), write(other, 2), write(db, 3), write(other, 4), roll(db), roll(other)]);
      expect(await total({ productId: product_id })).toBe(480);
      await drain();
      expect(await total({ productId: product_id })).toBe(480);
      expect(await logged()).toBe(0);
    });

    it('loses no row of an instance that commits a smaller number late', async () => {
      const { db, engine, another } = database();
      // SQLite has one writer: there is no late commit.
      if (engine === 'sqlite') return;
      await drain();
      const product_id = newId('product');
      const row = usageRow({ product_id });
      await append(row);
      await drain();
      const [late, lock, roller] = [another(), another(), another()];
      const isIn = held(late, (tx) => appendUsage(tx, [row]));
      await isIn.reached;
      await append(row);
      // Another roll-up holds the day's counter, so that ours stops between counting and deleting.
      const counter = held(lock, (tx) => tx('usage_daily').where({ product_id }).forUpdate());
      await counter.reached;
      const rolled = rollUp(100, roller);
      await untilBlocked(db);
      await isIn.end();
      await counter.end();
      await rolled;
      expect(await total({ productId: product_id })).toBe(3);
      await drain();
      expect(await total({ productId: product_id })).toBe(3);
    });
  });

  describe('counts', () => {
    it('has every word that tells answers apart, the newest day first', async () => {
      const product_id = newId('product');
      const words = {
        key_id: 'key_1',
        license_id: 'lic_1',
        site: 'example.com',
        kind: 'download',
        platform_version: 'joomla/5.2',
        code: 'GRACE',
      };
      await append(usageRow({ product_id, ...words, ms: SEED_NOW - DAY }));
      await drain();
      await append(usageRow({ product_id, ...words }));
      const { license_id: _, ...shown } = words;
      expect(await counts({ productId: product_id })).toEqual([
        { day: '2026-01-01', product_id, ...shown, count: 1, last_at: toIso(SEED_NOW) },
        { day: '2025-12-31', product_id, ...shown, count: 1, last_at: toIso(SEED_NOW - DAY) },
      ]);
      expect(await total({ productId: product_id, fromDay: '2026-01-01', toDay: '2026-01-01' })).toBe(1);
      expect(await total({ productId: product_id, fromDay: '2025-12-31', toDay: '2026-01-01' })).toBe(2);
      expect(await total({ productId: product_id, fromDay: '2026-01-02' })).toBe(0);
    });

    it('are asked by product, by key and by license with all its keys', async () => {
      const { db } = database();
      const shop = await seedShop(db);
      const [mine, theirs] = [await seedSoldLicense(db, shop), await seedSoldLicense(db, shop)];
      const second = await seedKey(db, mine.license);
      const product_id = shop.product.id;
      for (const key of [mine.key, second, theirs.key])
        await append(usageRow({ product_id, key_id: key.id, license_id: key.licenseId }));
      await rollUp(2);
      await append(usageRow({ product_id }));
      expect(await total({ productId: product_id })).toBe(4);
      expect(await total({ keyId: second.id })).toBe(1);
      expect(await total({ licenseId: mine.license.id })).toBe(2);
      expect(await total({ licenseId: theirs.license.id, productId: product_id })).toBe(1);
      expect(await total({ licenseId: 'lic_none' })).toBe(0);
    });

    it('tell how many polls came without a key, rolled up or not, and leave downloads and validations out', async () => {
      const product_id = newId('product');
      const [keyed, keyless] = [{ product_id, key_id: 'key_1' }, { product_id }];
      await append(
        usageRow(keyless),
        usageRow(keyless),
        usageRow(keyed),
        usageRow({ ...keyless, ms: SEED_NOW - 30 * DAY }),
      );
      await drain();
      await append(
        usageRow({ ...keyless, kind: 'dolibarr.txt' }),
        usageRow({ ...keyless, kind: 'download' }),
        usageRow({ ...keyless, kind: 'missing' }),
        usageRow({ ...keyless, kind: 'validate' }),
        usageRow(keyed),
      );
      const share = (fromDay: string, id = product_id) => database().db.read((tx) => keylessShare(tx, id, fromDay));
      expect(await share('2025-12-20')).toEqual({ keyless: 3, all: 5 });
      expect(await share('2025-11-01')).toEqual({ keyless: 4, all: 6 });
      expect(await share('2025-11-01', newId('product'))).toEqual({ keyless: 0, all: 0 });
    });
  });
});

/** A transaction that has done its work and waits to be told to commit. */
function held(db: Db, work: Parameters<Db['tx']>[0]): { reached: Promise<void>; end(): Promise<unknown> } {
  let reach = (): void => undefined;
  let finish = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const committed = db.tx(async (tx) => {
    await work(tx);
    reach();
    await finished;
  });
  return {
    reached,
    end() {
      finish();
      return committed;
    },
  };
}

async function untilBlocked(db: Db): Promise<void> {
  const isBlocked = () =>
    db.read((tx) =>
      tx.raw(
        'select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid where not l.granted and a.datname = current_database()',
      ),
    );
  while (((await isBlocked()) as { rows: unknown[] }).rows.length === 0) await sleep(5);
}
