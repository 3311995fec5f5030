import { insertMany, type Tx } from '../db/dialect.ts';

/** One answered poll, download or validation. Texts are empty where nothing is known; no key and no address is in it. */
export interface UsageRow {
  at: string;
  day: string;
  product_id: string;
  key_id: string;
  license_id: string;
  site: string;
  /** The document or `download`, `validate`. */
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

/** Moves the oldest rows of the log into the day counters; at most `most`, so that each call takes a few milliseconds. */
export async function rollUpUsage(tx: Tx, most: number): Promise<RollUp> {
  const last = await tx('usage_log')
    .orderBy('id')
    .offset(most - 1)
    .limit(1)
    .first('id');
  const bound = last ? Number(last.id) : Number((await tx('usage_log').max('id as id').first())?.['id'] ?? 0);
  if (bound === 0) return { rows: 0, seen: [] };
  const counted = COUNTED.join(', ');
  await tx.raw(
    `insert into usage_daily (${counted}, count, last_at)
     select ${counted}, count(*), max(at) from usage_log where id <= ? group by ${counted}
     on conflict (${counted}) do update
       set count = usage_daily.count + excluded.count,
           last_at = case when excluded.last_at > usage_daily.last_at then excluded.last_at else usage_daily.last_at end`,
    [bound],
  );
  const seen = await tx('usage_log')
    .where('id', '<=', bound)
    .whereNot('site', '')
    .whereNot('license_id', '')
    .groupBy('license_id', 'site')
    .select('license_id', 'site')
    .max('at as at');
  const rows = await tx('usage_log').where('id', '<=', bound).delete();
  return { rows, seen: seen as unknown as RollUp['seen'] };
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

/** Counts by day with everything that was answered, rolled up or not. */
export async function usageCounts(tx: Tx, filter: UsageFilter, limit: number): Promise<UsageCount[]> {
  const within = (table: string) => {
    const query = tx(table).whereBetween('day', [filter.fromDay, filter.toDay]);
    if (filter.productId !== undefined) query.where('product_id', filter.productId);
    if (filter.keyId !== undefined) query.where('key_id', filter.keyId);
    return query;
  };
  const rolled = within('usage_daily').select([...COUNTED, 'count', 'last_at']);
  const fresh = within('usage_log').select([...COUNTED, tx.raw('1 as count'), 'at as last_at']);
  const rows = await tx
    .from(rolled.unionAll([fresh]).as('u'))
    .groupBy([...COUNTED])
    .select([...COUNTED])
    .sum('count as count')
    .max('last_at as last_at')
    .orderBy([{ column: 'day', order: 'desc' }, ...COUNTED.map((column) => ({ column }))])
    .limit(limit);
  return rows.map((row) => ({ ...row, count: Number(row.count) })) as unknown as UsageCount[];
}

/** How many polls of a product came with a key and how many without, since a day. */
export async function keylessShare(
  tx: Tx,
  productId: string,
  fromDay: string,
): Promise<{ keyless: number; all: number }> {
  const counts = await usageCounts(tx, { productId, fromDay, toDay: '9999-12-31' }, 100_000);
  const polls = counts.filter((row) => row.kind !== 'validate' && row.kind !== 'download');
  const sum = (rows: UsageCount[]) => rows.reduce((total, row) => total + row.count, 0);
  return { keyless: sum(polls.filter((row) => row.key_id === '')), all: sum(polls) };
}
