import { insertMany, type Row, type Tx } from '../db/dialect.ts';
import { NO_POLLS } from './usage-series.ts';

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
  /** Of a poll or validation what is installed, as far as the client says; of a download what was fetched. */
  version: string;
  /** That of what was fetched. */
  channel: string;
  /** 1: nothing was opened. The code alone does not tell: an ended key may open what it owns. */
  refused: 0 | 1;
}

const LOG = [
  ...['at', 'day', 'product_id', 'key_id', 'license_id', 'site', 'kind', 'platform_version', 'code'],
  ...['version', 'channel', 'refused'],
];
const COUNTED = ['product_id', 'day', 'key_id', 'site', 'kind', 'platform_version', 'code'] as const;

export async function appendUsage(tx: Tx, rows: readonly UsageRow[]): Promise<void> {
  await insertMany(tx, 'usage_log', LOG, rows as unknown as Row[]);
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
