import { breathe } from '../batch.ts';
import type { Db } from './connect.ts';
import type { Tx } from './dialect.ts';

interface Waiting {
  work(tx: Tx): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * The same database for work that may share its commits: on SQLite, where all writers wait for one disk, up to `most` transactions
 * that wait at the same time become one, each with a savepoint of its own, so that one that fails takes none of the others with it.
 * None is done before all are on the disk. Between two of them whoever else waits for the writer has his turn. PostgreSQL needs none
 * of this.
 */
export function together(db: Db, most: number): Db {
  if (db.engine !== 'sqlite') return db;
  const waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    await breathe();
    while (waiting.length > 0) {
      await runAll(db, waiting.splice(0, most));
      await breathe();
    }
    running = false;
  }

  return {
    ...db,
    tx: <T>(work: (tx: Tx) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ work, resolve: resolve as Waiting['resolve'], reject });
        if (!running) void run();
      }),
  };
}

type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

async function runAll(db: Db, group: readonly Waiting[]): Promise<void> {
  const outcomes = await db
    .tx(async (tx) => {
      const done: Outcome[] = [];
      for (const { work } of group) done.push(await apart(tx, work));
      return done;
    })
    .catch((error: unknown) => group.map((): Outcome => ({ ok: false, error })));
  for (const [i, { resolve, reject }] of group.entries()) {
    const outcome = outcomes[i] as Outcome;
    if (outcome.ok) resolve(outcome.value);
    else reject(outcome.error);
  }
}

async function apart(tx: Tx, work: Waiting['work']): Promise<Outcome> {
  await tx.raw('savepoint apart');
  try {
    const value = await work(tx);
    await tx.raw('release apart');
    return { ok: true, value };
  } catch (error) {
    await tx.raw('rollback to apart');
    await tx.raw('release apart');
    return { ok: false, error };
  }
}
