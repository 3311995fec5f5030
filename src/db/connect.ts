import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type BetterSqlite3 from 'better-sqlite3';
import knexFactory, { type Knex } from 'knex';
import pg from 'pg';
import { type Engine, isBusy, isRetryable, rememberHandle, type Tx } from './dialect.ts';

export interface Db {
  engine: Engine;
  /**
   * One decision, one transaction: committed when `fn` resolves, undone when it throws. Inside nothing is awaited but stores and
   * verbs that take `tx`; on PostgreSQL `fn` may run again after a deadlock, so it must have no effect outside the database.
   */
  tx<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** For reads; never waits behind a writer. */
  read<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DbLimits {
  /** How long a writer waits for another process (the CLI beside the server), ms. */
  busyMs: number;
  poolSize: number;
}

const DEFAULT_LIMITS: DbLimits = { busyMs: 10_000, poolSize: 10 };
const DEADLOCK_TRIES = 5;
/** A connection that fell silent gives up after this, instead of when TCP does. */
const QUERY_TIMEOUT_MS = 30_000;
/** Knex writes to standard output otherwise; whatever goes wrong is thrown as well. */
const SILENT = { warn: () => undefined, error: () => undefined, debug: () => undefined, deprecate: () => undefined };

const insideTransaction = new AsyncLocalStorage<true>();

/** Nesting would wait for itself for ever on SQLite, so it is refused on both engines. */
function refuseNesting(): void {
  if (insideTransaction.getStore()) throw new Error('a transaction was opened inside a transaction');
}

export function connectSqlite(fileName: string, limits: Partial<DbLimits> = {}): Db {
  const { busyMs } = { ...DEFAULT_LIMITS, ...limits };
  const writer = openSqlite(fileName, false);
  const reader = openSqlite(fileName, true);
  let last: Promise<unknown> = Promise.resolve();

  async function run<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    await beginImmediate(writer, busyMs);
    try {
      const result = await insideTransaction.run(true, () => fn(writer));
      await writer.raw('commit');
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself; a second rollback must not hide the first error.
      await writer.raw('rollback').catch(() => undefined);
      throw error;
    }
  }

  return {
    engine: 'sqlite',
    tx(fn) {
      refuseNesting();
      const turn = last.then(() => run(fn));
      last = turn.catch(() => undefined);
      return turn;
    },
    read: (fn) => fn(reader),
    async close() {
      await last;
      await reader.destroy();
      await writer.destroy();
    },
  };
}

function openSqlite(filename: string, readonly: boolean): Knex {
  const knex: Knex = knexFactory({
    client: 'better-sqlite3',
    connection: { filename, options: { readonly } },
    useNullAsDefault: true,
    log: SILENT,
    pool: {
      min: 1,
      max: 1,
      afterCreate(database: BetterSqlite3.Database, done: (error: unknown, connection: unknown) => void) {
        // The wait for a lock is asynchronous (beginImmediate); SQLite's own would hold up every poll.
        database.pragma('busy_timeout = 50');
        if (!readonly) database.pragma('journal_mode = WAL');
        database.pragma('synchronous = FULL');
        database.pragma('foreign_keys = ON');
        rememberHandle(knex, database);
        keepStatements(database);
        done(null, database);
      },
    },
  });
  return knex;
}

/** Statements that are kept prepared, the latest used last; the variants of a list in a statement are many. */
const KEPT_STATEMENTS = 500;

/** Preparing costs as much as running most of what we ask: knex does it anew for each query. */
function keepStatements(database: BetterSqlite3.Database): void {
  const kept = new Map<string, BetterSqlite3.Statement>();
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    const known = kept.get(sql);
    const statement = known ?? prepare(sql);
    if (known) kept.delete(sql);
    // One that is being read from is in use until its end.
    if (!statement.busy) kept.set(sql, statement);
    if (kept.size > KEPT_STATEMENTS) kept.delete(kept.keys().next().value as string);
    return statement.busy ? prepare(sql) : statement;
  }) as typeof database.prepare;
}

async function beginImmediate(writer: Knex, busyMs: number): Promise<void> {
  for (let waited = 0, pause = 5; ; waited += pause, pause = Math.min(pause * 2, 200)) {
    try {
      await writer.raw('begin immediate');
      return;
    } catch (error) {
      if (!isBusy(error) || waited >= busyMs) throw error;
      await sleep(pause);
    }
  }
}

export function connectPostgres(url: string, limits: Partial<DbLimits> = {}): Db {
  const { poolSize } = { ...DEFAULT_LIMITS, ...limits };
  // Counts and sums arrive as text otherwise; ours stay far below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const knex = knexFactory({
    client: 'pg',
    connection: {
      connectionString: url,
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
      query_timeout: QUERY_TIMEOUT_MS,
    },
    log: SILENT,
    acquireConnectionTimeout: 4_000,
    pool: { min: 0, max: poolSize },
  });
  return {
    engine: 'postgres',
    async tx(fn) {
      refuseNesting();
      for (let attempt = 1; ; attempt++) {
        try {
          return await knex.transaction((trx) => insideTransaction.run(true, () => fn(trx)));
        } catch (error) {
          if (!isRetryable(error) || attempt >= DEADLOCK_TRIES) throw error;
          await sleep(attempt * 10 * Math.random());
        }
      }
    },
    read: (fn) => fn(knex),
    close: () => knex.destroy(),
  };
}

/** `databaseUrl` names a PostgreSQL; without it the embedded SQLite file is used. */
export function connect(databaseUrl: string | null, sqliteFile: string, limits: Partial<DbLimits> = {}): Db {
  return databaseUrl === null ? connectSqlite(sqliteFile, limits) : connectPostgres(databaseUrl, limits);
}
