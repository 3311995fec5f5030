import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow } from '../db/rows.ts';
import type { Refusal, RefusalPlace, RefusalsOf } from './refusal.ts';

const COLUMNS = columnsOf(
  ...['productId', 'day', 'keyId', 'site', 'kind', 'version', 'platformVersion', 'code', 'count', 'lastAt'],
);
const ORDER = ['last_at', 'product_id', 'day', 'key_id', 'site', 'kind', 'version', 'platform_version', 'code'];

/** The latest first; a page begins behind `after`. */
export async function pageOfRefusals(
  tx: Tx,
  of: RefusalsOf,
  after: RefusalPlace | null,
  limit: number,
): Promise<Refusal[]> {
  const query = tx('usage_refusals')
    .select(COLUMNS)
    .orderBy(ORDER.map((column) => ({ column, order: 'desc' })))
    .limit(limit);
  if ('productId' in of) query.where('product_id', of.productId);
  else
    query.where((mine) =>
      mine
        .where('key_id', of.keyId)
        .orWhere((keyless) =>
          keyless.where('key_id', '').whereIn('site', of.sites).whereIn('product_id', of.productIds),
        ),
    );
  if (after !== null) query.whereRaw(`(${ORDER.join(', ')}) < (${ORDER.map(() => '?').join(', ')})`, [...after]);
  return (await query).map((row) => fromRow<Refusal>(row));
}
