import type { Knex } from 'knex';
import type { Tx } from '../db/dialect.ts';

/** Old usage loses the names of sites, or goes. Each call takes a few rows, so that writers go in between. */

const KEPT = ['product_id', 'day', 'key_id', 'kind', 'platform_version', 'code'];
const KEY = 'product_id, day, key_id, site, kind, platform_version, code';

/** Adds up the sites of some keys on the oldest day before `beforeDay`, without their names. False: there is none left. */
export async function foldSites(tx: Tx, beforeDay: string, mostKeys: number): Promise<boolean> {
  const named = () => tx('usage_daily').whereNot('site', '');
  const oldest = await named().where('day', '<', beforeDay).orderBy('day').first('day');
  if (!oldest) return false;
  const keys: string[] = await named().where({ day: oldest.day }).distinct('key_id').limit(mostKeys).pluck('key_id');
  const kept = KEPT.join(', ');
  await tx.raw(
    `insert into usage_daily (${kept}, site, count, last_at)
     select ${kept}, '', sum(count), max(last_at) from usage_daily
     where day = ? and site <> '' and key_id in (${keys.map(() => '?').join(', ')}) group by ${kept}
     on conflict (${KEY}) do update set count = usage_daily.count + excluded.count,
       last_at = case when excluded.last_at > usage_daily.last_at then excluded.last_at else usage_daily.last_at end`,
    [oldest.day, ...keys],
  );
  await named().where({ day: oldest.day }).whereIn('key_id', keys).delete();
  return true;
}

/** Which sites were refused what, day by day: the counters of the day have it in sum. False: there is none left. */
export async function deleteRefusals(tx: Tx, beforeDay: string, most: number): Promise<boolean> {
  const key = ['product_id', 'day', 'key_id', 'site', 'kind', 'version', 'platform_version', 'code'];
  return deleteSome(tx, 'usage_refusals', key, tx('usage_refusals').where('day', '<', beforeDay).limit(most));
}

/** Installations that nothing was heard of since. False: there is none left. */
export async function deleteInstallations(tx: Tx, before: string, most: number): Promise<boolean> {
  const key = ['product_id', 'key_id', 'site'];
  return deleteSome(tx, 'installations', key, tx('installations').where('last_seen_at', '<', before).limit(most));
}

async function deleteSome(tx: Tx, table: string, key: string[], rows: Knex.QueryBuilder): Promise<boolean> {
  return (await tx(table).whereIn(key, rows.select(key)).delete()) > 0;
}
