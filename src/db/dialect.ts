import type BetterSqlite3 from 'better-sqlite3';
import type { Knex } from 'knex';

export type Engine = 'sqlite' | 'postgres';

/** What a store gets as its first argument. It opens no transaction of its own. */
export type Tx = Knex;

export type Row = Record<string, string | number | boolean | null>;

export function engineOf(tx: Tx): Engine {
  return tx.client.config.client === 'pg' ? 'postgres' : 'sqlite';
}

/** True for the error that either engine gives for a broken unique index. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code;
  return code === '23505' || code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}

/** True for the error that either engine gives for taking away what another row names. */
export function isForeignKeyViolation(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code;
  return (
    code === '23503' ||
    code === '23001' ||
    code === 'SQLITE_CONSTRAINT_FOREIGNKEY' ||
    code === 'SQLITE_CONSTRAINT_TRIGGER'
  );
}

/** True where running the same transaction again is the right answer. */
export function isRetryable(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code;
  return code === '40P01' || code === '40001';
}

export function isBusy(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? '';
  return code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED';
}

/** Locks the rows that a query reads; on SQLite the whole transaction holds the only write lock already. */
export function forUpdate<T extends Knex.QueryBuilder>(tx: Tx, query: T): T {
  return engineOf(tx) === 'postgres' ? (query.forUpdate() as T) : query;
}

/** Keeps the rows that a query reads from being deleted until the transaction ends, and from nothing else. */
export function forKeyShare<T extends Knex.QueryBuilder>(tx: Tx, query: T): T {
  return engineOf(tx) === 'postgres' ? (query.forKeyShare() as T) : query;
}

/** Locks like `forUpdate`, but lets pass who only keeps the rows from being deleted. */
export function forChange<T extends Knex.QueryBuilder>(tx: Tx, query: T): T {
  return engineOf(tx) === 'postgres' ? (query.forNoKeyUpdate() as T) : query;
}

const rawHandles = new WeakMap<
  Knex,
  { database: BetterSqlite3.Database; statements: Map<string, BetterSqlite3.Statement> }
>();

export function rememberHandle(knex: Knex, database: BetterSqlite3.Database): void {
  rawHandles.set(knex, { database, statements: new Map() });
}

/**
 * Runs one read with a statement that is prepared once per connection: the poll path pays 6 µs instead of knex's 50.
 * `sql` uses `?`; on PostgreSQL they become `$n` and the statement is named.
 */
export async function fastRead<T>(
  tx: Tx,
  name: string,
  sql: string,
  params: readonly (string | number | null)[],
): Promise<T[]> {
  const handle = rawHandles.get(tx);
  if (handle) {
    let statement = handle.statements.get(name);
    if (!statement) {
      statement = handle.database.prepare(sql);
      handle.statements.set(name, statement);
    }
    return statement.all(...params) as T[];
  }
  const answer = await tx.raw(sql, params as Knex.Value[]);
  return (Array.isArray(answer) ? answer : answer.rows) as T[];
}

/**
 * `in (a list)` whose one parameter is the list as JSON text: the statement is the same whatever the length, so it is prepared once.
 */
export function among(tx: Tx): string {
  return engineOf(tx) === 'postgres'
    ? 'in (select json_array_elements_text(?::json))'
    : 'in (select value from json_each(?))';
}

/** What becomes of a row whose key is there already; without it that is an error. Names and SQL of ours. */
export interface OnConflict {
  key: readonly string[];
  /** The part behind `do update set`. */
  set: string;
}

/** Inserts many rows with one statement and one parameter, whatever their number. Columns must be plain names of ours. */
export async function insertMany(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly Row[],
  conflict?: OnConflict,
): Promise<void> {
  if (rows.length === 0) return;
  const list = columns.join(', ');
  const end = conflict ? ` on conflict (${conflict.key.join(', ')}) do update set ${conflict.set}` : '';
  if (engineOf(tx) === 'postgres') {
    await tx.raw(
      `insert into ${table} (${list}) select ${list} from json_populate_recordset(null::${table}, ?::json)${end}`,
      [JSON.stringify(rows)],
    );
    return;
  }
  const values = columns.map((column) => `json_extract(value, '$.${column}')`).join(', ');
  // `where true`: SQLite takes the `on` of a conflict for that of a join otherwise.
  await tx.raw(`insert into ${table} (${list}) select ${values} from json_each(?) where true${end}`, [
    JSON.stringify(rows),
  ]);
}
