import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { together } from './together.ts';

onEachDatabase('transactions together', (database) => {
  const keys = () => database().db.read((tx) => tx('settings').where('key', 'like', 't-%').orderBy('key').pluck('key'));

  it('keep what each of them does, and lose only what fails', async () => {
    const db = together(database().db, 3);
    const names = Array.from({ length: 10 }, (_, i) => `t-${i}`);
    const done = await Promise.allSettled(
      names.map((key, i) =>
        db.tx(async (tx) => {
          await tx('settings').insert({ key, value: 'x' });
          if (i % 4 === 1) throw new Error(`no ${i}`);
          return i;
        }),
      ),
    );
    expect(done.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual([
      ...[0, 'Error: no 1', 2, 3, 4, 'Error: no 5', 6, 7, 8, 'Error: no 9'],
    ]);
    expect(await keys()).toEqual(['t-0', 't-2', 't-3', 't-4', 't-6', 't-7', 't-8']);
  });

  it('leave room for who else writes', async () => {
    const db = together(database().db, 2);
    const order: string[] = [];
    const work = Array.from({ length: 6 }, (_, i) => db.tx(async () => void order.push(`a${i}`)));
    await new Promise((resolve) => setImmediate(resolve));
    const other = database().db.tx(async () => void order.push('other'));
    await Promise.all([...work, other]);
    if (database().engine === 'sqlite') expect(order.indexOf('other')).toBeLessThan(order.length - 1);
    expect(order).toHaveLength(7);
  });
});
