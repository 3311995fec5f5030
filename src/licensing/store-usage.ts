import { forUpdate, insertMany, type Tx } from '../db/dialect.ts';

/** One answered poll, download or validation. Texts are empty where nothing is known; no key and no address is in it. */
export interface UsageRow {
  at: string;
  day: string;
  product_id: string;
  key_id: string;
  license_id: string;
  site: string;
  /** The document or `download`, `missing` (a file that is not there), `validate`. */
  kind: string;
  /** E.g. `joomla/5.2.1`. */
  platform_version: string;
  code: string;
}

const LOG = ['at', 'day', 'product_id', 'key_id', 'license_id', 'site', 'kind', 'platform_version', 'code'] as const;
const COUNTED = ['product_id', 'day', 'key_id', 'site', 'kind', 'platform_version', 'code'] as const;

export async function appendUsage(tx: Tx, rows: readonly UsageRow[]): Promise<void> {
  await insertMany(tx, 'usage_log', LOG, rows as unknown as Record<string, string>[]);
}

export interface RollUp {
  rows: number;
  /** Which sites of which licenses were seen, and when last. */
  seen: { license_id: string; site: string; at: string }[];
}

/**
 * Moves the oldest rows of the log into the day counters; at most `most`, so that each call takes a few milliseconds. The rows are
 * named one by one and locked: a row with a smaller number that another instance commits meanwhile waits for the next call.
 */
export async function rollUpUsage(tx: Tx, most: number): Promise<RollUp> {
  const oldest = await forUpdate(tx, tx('usage_log').orderBy('id').limit(most).select('id'));
  if (oldest.length === 0) return { rows: 0, seen: [] };
  const rows = `id in (${oldest.map(({ id }) => Number(id)).join(', ')})`;
  const counted = COUNTED.join(', ');
  await tx.raw(
    `insert into usage_daily (${counted}, count, last_at)
     select ${counted}, count(*), max(at) from usage_log where ${rows} group by ${counted}
     on conflict (${counted}) do update
       set count = usage_daily.count + excluded.count,
           last_at = case when excluded.last_at > usage_daily.last_at then excluded.last_at else usage_daily.last_at end`,
  );
  const seen = await tx('usage_log')
    .whereRaw(rows)
    .whereNot('site', '')
    .whereNot('license_id', '')
    .groupBy('license_id', 'site')
    .select('license_id', 'site')
    .max('at as at');
  await tx('usage_log').whereRaw(rows).delete();
  return { rows: oldest.length, seen: seen as unknown as RollUp['seen'] };
}

export interface UsageFilter {
  productId?: string | undefined;
  keyId?: string | undefined;
  licenseId?: string | undefined;
  /** UTC days, both included. */
  fromDay: string;
  toDay: string;
}

export interface UsageCount {
  day: string;
  product_id: string;
  key_id: string;
  site: string;
  kind: string;
  platform_version: string;
  code: string;
  count: number;
  last_at: string;
}

/** Everything that was answered, rolled up or not. */
function answered(tx: Tx, { productId, keyId, licenseId, fromDay, toDay }: UsageFilter) {
  const within = (table: string) => {
    const query = tx(table).whereBetween('day', [fromDay, toDay]);
    if (productId !== undefined) query.where('product_id', productId);
    if (keyId !== undefined) query.where('key_id', keyId);
    if (licenseId !== undefined)
      query.whereIn('key_id', tx('license_keys').where('license_id', licenseId).select('id'));
    return query;
  };
  const rolled = within('usage_daily').select([...COUNTED, 'count', 'last_at']);
  const fresh = within('usage_log').select([...COUNTED, tx.raw('1 as count'), 'at as last_at']);
  return tx.from(rolled.unionAll([fresh]).as('u'));
}

/** Counts by day, the newest first. */
export async function usageCounts(tx: Tx, filter: UsageFilter, limit: number): Promise<UsageCount[]> {
  const rows = await answered(tx, filter)
    .groupBy([...COUNTED])
    .select([...COUNTED])
    .sum('count as count')
    .max('last_at as last_at')
    .orderBy([{ column: 'day', order: 'desc' }, ...COUNTED.map((column) => ({ column }))])
    .limit(limit);
  return rows.map((row) => ({ ...row, count: Number(row.count) })) as unknown as UsageCount[];
}

/** Kinds of usage that are not the poll of a feed. */
const NO_POLLS = ['download', 'missing', 'validate'];

/** How many polls of a product came with a key and how many without, since a day. */
export async function keylessShare(
  tx: Tx,
  productId: string,
  fromDay: string,
): Promise<{ keyless: number; all: number }> {
  const [sums] = await answered(tx, { productId, fromDay, toDay: '9999-12-31' })
    .whereNotIn('kind', NO_POLLS)
    .select(tx.raw("sum(case when key_id = '' then count else 0 end) as keyless, sum(count) as every"));
  return { keyless: Number(sums?.keyless ?? 0), all: Number(sums?.every ?? 0) };
}
