import type { Knex } from 'knex';
import { engineOf, forUpdate, insertMany, type Row, type Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';
import type { DayCount, Sign } from './installed.ts';

const DAILY = ['product_id', 'day', 'key_id', 'site', 'kind', 'platform_version', 'code'].join(', ');
const TOTALS = ['product_id', 'day', 'kind', 'code', 'version', 'platform_version', 'channel'].join(', ');
const REFUSALS = ['product_id', 'day', 'key_id', 'site', 'kind', 'version', 'platform_version', 'code'].join(', ');
/** Any number that nothing else locks. */
const ROLL_UP_LOCK = 4_207_002;

/** Rows of the log, by their numbers. */
export type LogRows = readonly number[];

/**
 * The oldest rows of the log, named one by one and locked: a row with a smaller number that another instance commits meanwhile waits
 * for the next call. Instances take turns, or two of them would count the first sign of an installation's day twice.
 */
export async function lockOldestUsage(tx: Tx, most: number): Promise<LogRows> {
  if (engineOf(tx) === 'postgres') await tx.raw('select pg_advisory_xact_lock(?)', [ROLL_UP_LOCK]);
  const oldest = await forUpdate(tx, tx('usage_log').orderBy('id').limit(most).select('id'));
  return oldest.map(({ id }) => Number(id));
}

/** Adds the rows to the counters of their days. */
export async function countUsage(tx: Tx, rows: LogRows): Promise<void> {
  await addUp(tx, 'usage_daily', DAILY, within(rows));
  await addUpTotals(tx, within(rows));
  await addUp(tx, 'usage_refusals', REFUSALS, `${within(rows)} and refused = 1`);
}

/** Notes when something was last asked with each key. */
export async function touchKeys(tx: Tx, rows: LogRows): Promise<void> {
  await tx.raw(
    `update license_keys set last_used_at = s.at
     from (select key_id, max(at) as at from usage_log where ${within(rows)} and key_id <> '' group by key_id) s
     where license_keys.id = s.key_id and (license_keys.last_used_at is null or license_keys.last_used_at < s.at)`,
  );
}

export async function dropUsage(tx: Tx, rows: LogRows): Promise<void> {
  await tx('usage_log').whereRaw(within(rows)).delete();
}

function within(rows: LogRows): string {
  return `id in (${rows.join(', ')})`;
}

function later(table: string): string {
  return `last_at = case when excluded.last_at > ${table}.last_at then excluded.last_at else ${table}.last_at end`;
}

async function addUp(tx: Tx, table: string, key: string, rows: string): Promise<void> {
  await tx.raw(
    `insert into ${table} (${key}, count, last_at)
     select ${key}, count(*), max(at) from usage_log where ${rows} group by ${key}
     on conflict (${key}) do update set count = ${table}.count + excluded.count, ${later(table)}`,
  );
}

/**
 * Totals are read as a whole, so a version that somebody without a key makes up must not fill them: without one only versions of
 * releases are told apart.
 */
async function addUpTotals(tx: Tx, rows: string): Promise<void> {
  const version = `case when key_id <> '' or exists
    (select 1 from releases r where r.product_id = l.product_id and r.version = l.version) then version else '' end`;
  const given = `product_id, day, kind, code, ${version} as version, platform_version, channel`;
  await tx.raw(
    `insert into usage_totals (${TOTALS}, count, refused, last_at)
     select ${TOTALS}, count(*), sum(refused), max(at)
     from (select ${given}, refused, at from usage_log l where ${rows}) u group by ${TOTALS}
     on conflict (${TOTALS}) do update set count = usage_totals.count + excluded.count,
       refused = usage_totals.refused + excluded.refused, ${later('usage_totals')}`,
  );
}

/** What is alike in the rows, oldest first. */
export async function signsIn(tx: Tx, rows: LogRows): Promise<Sign[]> {
  return signs(tx, (log) => log.whereRaw(within(rows)));
}

/** What activations of these licenses told that is not rolled up yet, oldest first. */
export async function signsOfActivations(tx: Tx, licenseIds: readonly string[]): Promise<Sign[]> {
  // As the index is written: it holds activations alone.
  return signs(tx, (log) => log.whereRaw("kind = 'activate'").whereIn('license_id', licenseIds));
}

async function signs(tx: Tx, some: (log: Knex.QueryBuilder) => Knex.QueryBuilder): Promise<Sign[]> {
  const by = ['product_id', 'key_id', 'license_id', 'site', 'kind', 'version', 'platform_version', 'refused'];
  // Of one instant those first that tell a version.
  const order = [{ column: 'at' }, { column: 'refused' }, { column: 'version', order: 'desc' }];
  const found: object[] = await some(tx('usage_log'))
    .groupBy('day', ...by)
    .select(by)
    .max('at as at')
    .orderBy(order);
  return found.map((row) => {
    const { refused, ...sign } = fromRow<Omit<Sign, 'refused'> & { refused: number }>(row);
    return { ...sign, refused: refused === 1 };
  });
}

/** How many installations were seen with which version. */
export async function countVersions(tx: Tx, counts: readonly DayCount[]): Promise<void> {
  const sums = new Map<string, Row & { seen: number; first: number }>();
  for (const { productId, day, version, platformVersion, isFirst } of counts) {
    const id = [productId, day, version, platformVersion].join('\n');
    const sum = sums.get(id) ?? {
      ...{ product_id: productId, day, version, platform_version: platformVersion, seen: 0, first: 0 },
    };
    sums.set(id, { ...sum, seen: sum.seen + 1, first: sum.first + (isFirst ? 1 : 0) });
  }
  const key = ['product_id', 'day', 'version', 'platform_version'];
  await insertMany(tx, 'usage_versions', [...key, 'seen', 'first'], [...sums.values()], {
    key,
    set: 'seen = usage_versions.seen + excluded.seen, first = usage_versions.first + excluded.first',
  });
}
