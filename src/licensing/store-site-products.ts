import { insertMany, type Tx } from '../db/dialect.ts';
import type { Seen } from './seen.ts';

const COLUMNS = ['activation_id', 'product_id', 'version', 'platform_version', 'first_seen_at', 'changed_at'] as const;

/** One statement, whatever their number. The lines are in one order and no two are about the same site and product. */
export async function saveSeen(tx: Tx, news: readonly Seen[], at: string): Promise<void> {
  const rows = news.map((each) => ({
    ...{ activation_id: each.activationId, product_id: each.productId, version: each.version },
    ...{ platform_version: each.platformVersion, first_seen_at: at, changed_at: at },
  }));
  const fields = ['version', 'platform_version', 'changed_at'];
  const conflict = {
    key: ['activation_id', 'product_id'],
    set: fields.map((field) => `${field} = excluded.${field}`).join(', '),
  };
  await insertMany(tx, 'site_products', COLUMNS, rows, conflict);
}
