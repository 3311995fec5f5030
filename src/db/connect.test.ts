import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { onEachDatabase } from '../../test/support/databases.ts';
import { insertMany } from './dialect.ts';
import { migrate, pendingMigrations } from './migrate.ts';

onEachDatabase('the database', (database) => {
  const setting = (key: string, value: string) => ({ key, value });

  it('keeps what a transaction wrote and undoes what threw', async () => {
    const { db } = database();
    await db.tx((tx) => tx('settings').insert(setting('kept', '1')));
    await expect(
      db.tx(async (tx) => {
        await tx('settings').insert(setting('undone', '1'));
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    const keys = await db.read((tx) => tx('settings').orderBy('key').pluck('key'));
    expect(keys).toEqual(['kept']);
  });

  it('lets transactions of one process and of another take turns without losing an update', async () => {
    const { db, another } = database();
    const other = another();
    await db.tx((tx) => tx('settings').insert(setting('counter', '0')));
    const add = (handle: typeof db) =>
      handle.tx(async (tx) => {
        const query = tx('settings').where({ key: 'counter' }).first();
        const row = await (handle.engine === 'postgres' ? query.forUpdate() : query);
        await tx('settings')
          .where({ key: 'counter' })
          .update({ value: String(Number(row.value) + 1) });
      });
    await Promise.all(Array.from({ length: 40 }, (_, i) => add(i % 2 ? db : other)));
    const row = await db.read((tx) => tx('settings').where({ key: 'counter' }).first());
    expect(row.value).toBe('40');
  });

  it('refuses a transaction inside a transaction in words instead of waiting for ever', async () => {
    const { db } = database();
    await expect(db.tx(() => db.tx(async () => 1))).rejects.toThrow('inside a transaction');
  });

  it('sorts text bytewise, whatever the locale', async () => {
    const { db } = database();
    await db.tx((tx) =>
      insertMany(
        tx,
        'settings',
        ['key', 'value'],
        ['s-b', 's-B', 's-a', 's-_', 's-Z'].map((k) => setting(k, 'x')),
      ),
    );
    const keys = await db.read((tx) => tx('settings').where('key', 'like', 's-%').orderBy('key').pluck('key'));
    expect(keys).toEqual(['s-B', 's-Z', 's-_', 's-a', 's-b']);
  });

  it('inserts many rows with odd values in one statement', async () => {
    const { db } = database();
    const odd = ['"', "'", '\\', 'ü', '\n', '$.key', '{}'];
    await db.tx((tx) =>
      insertMany(
        tx,
        'settings',
        ['key', 'value'],
        odd.map((text) => setting(`odd ${text}`, text)),
      ),
    );
    const rows = await db.read((tx) => tx('settings').where('key', 'like', 'odd %'));
    expect(rows.map((row) => row.value).sort()).toEqual([...odd].sort());
  });

  it('migrates once and refuses a database from a newer version in words', async () => {
    const { db } = database();
    const now = new Date().toISOString();
    expect(await migrate(db, migrations, now)).toEqual([]);
    const next = { name: '9999-next', up: async () => undefined };
    expect(await migrate(db, [...migrations, next], now)).toEqual(['9999-next']);
    await expect(migrate(db, migrations, now)).rejects.toThrow('newer Feedgate');
    await expect(pendingMigrations(db, migrations)).rejects.toThrow('9999-next');
  });
});
