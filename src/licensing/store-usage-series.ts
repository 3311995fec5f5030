import { DAY, dayOf } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import {
  type Dimension,
  NO_POLLS,
  type SeriesRange,
  type SeriesRow,
  type UsageOf,
  type UsageSums,
} from './usage-series.ts';

const COLUMN: Partial<Record<Dimension, string>> = { product: 'product_id' };

const SUMS = `sum(case when kind not in (${NO_POLLS.map((kind) => `'${kind}'`).join(', ')}) then count else 0 end) as polls,
  sum(case when kind = 'download' then count - refused else 0 end) as downloads,
  sum(case when kind = 'validate' then count else 0 end) as validations,
  sum(refused) as refusals, max(last_at) as last_at`;

/** Everything that was answered, rolled up or not. */
function answered(tx: Tx, of: UsageOf, { fromDay, toDay }: SeriesRange, by: readonly string[]) {
  const rows = (table: string, count: string, refused: string, lastAt = 'last_at') => {
    const query = tx(table).whereBetween('day', [fromDay, toDay]);
    if ('keyId' in of) query.where('key_id', of.keyId);
    else query.whereIn('product_id', of.productIds);
    return query.select([
      ...new Set([...by, 'kind']),
      tx.raw(`${count} as count, ${refused} as refused, ${lastAt} as last_at`),
    ]);
  };
  const fresh = rows('usage_log', '1', 'refused', 'at');
  const rolled =
    'keyId' in of
      ? [rows('usage_daily', 'count', '0'), rows('usage_refusals', '0', 'count'), fresh]
      : [rows('usage_totals', 'count', 'refused'), fresh];
  const [first, ...rest] = rolled;
  return tx.from((first as NonNullable<typeof first>).unionAll(rest).as('u'));
}

function toSums(row: Record<string, unknown>): UsageSums {
  const number = (name: string) => Number(row[name] ?? 0);
  return {
    ...{ polls: number('polls'), downloads: number('downloads'), validations: number('validations') },
    ...{ refusals: number('refusals'), lastAt: (row['last_at'] as string | null) ?? null },
  };
}

export async function usageTotals(tx: Tx, of: UsageOf, range: SeriesRange): Promise<UsageSums> {
  const [row] = await answered(tx, of, range, []).select(tx.raw(SUMS));
  return toSums(row as Record<string, unknown>);
}

/** Sums by one thing: days newest first, everything else in its own order; a page begins behind `after`. */
export async function usageSeries(
  tx: Tx,
  of: UsageOf,
  range: SeriesRange,
  by: Dimension,
  after: string | null,
  limit: number,
): Promise<SeriesRow[]> {
  const column = COLUMN[by] ?? by;
  const narrowed = by === 'day' && after !== null ? { ...range, toDay: dayBefore(after) } : range;
  const query = answered(tx, of, narrowed, [column]);
  if (by !== 'day' && after !== null) query.where(column, '>', after);
  const rows = await query
    .groupBy(column)
    .select(tx.raw(`${column} as value, ${SUMS}`))
    .orderBy(column, by === 'day' ? 'desc' : 'asc')
    .limit(limit);
  return rows.map((row) => ({ ...toSums(row), value: String(row['value']) }));
}

function dayBefore(day: string): string {
  return dayOf(Date.parse(day) - DAY);
}

/** How many installations were seen on the day on which most were, by what they are counted by. */
export async function installationCounts(
  tx: Tx,
  productIds: readonly string[],
  { fromDay, toDay }: SeriesRange,
  by: 'day' | 'product' | 'version' | 'platform_version',
  values: readonly string[] | null,
): Promise<Map<string, number>> {
  const column = COLUMN[by] ?? by;
  const rows = await tx('usage_versions')
    .whereIn('product_id', productIds)
    .whereBetween('day', [fromDay, toDay])
    .where((only) => void (values !== null && only.whereIn(column, values)))
    .groupBy(column, 'day')
    .select(column)
    // Whoever changed version on a day ran both on it, and was there once.
    .sum(by === 'version' ? 'seen as n' : 'first as n');
  const most = new Map<string, number>();
  for (const row of rows as Record<string, unknown>[]) {
    const value = String(row[column]);
    most.set(value, Math.max(most.get(value) ?? 0, Number(row['n'])));
  }
  return most;
}
