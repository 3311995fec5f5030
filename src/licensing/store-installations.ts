import { engineOf, insertMany, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { type InstallationRecord, installationId } from './installed.ts';

const KEY = ['product_id', 'key_id', 'site'];
const COLUMNS = columnsOf(
  ...['productId', 'keyId', 'site', 'licenseId', 'version', 'versionFrom', 'platformVersion'],
  ...['firstSeenAt', 'lastSeenAt'],
);
const CHANGED = ['license_id', 'version', 'version_from', 'platform_version', 'first_seen_at', 'last_seen_at'];

/** Those that are known of the ones named, by `installationId`; the caller is the only writer. */
export async function knownInstallations(
  tx: Tx,
  named: readonly Pick<InstallationRecord, 'productId' | 'keyId' | 'site'>[],
): Promise<Map<string, InstallationRecord>> {
  if (named.length === 0) return new Map();
  const list = named.map(({ productId, keyId, site }) => ({ product_id: productId, key_id: keyId, site }));
  const columns = COLUMNS.map((name) => `i.${name}`).join(', ');
  const same = KEY.map((name) => `i.${name} = w.${name}`).join(' and ');
  const wanted =
    engineOf(tx) === 'postgres'
      ? '(select * from json_to_recordset(?::json) as w(product_id text, key_id text, site text))'
      : `(select ${KEY.map((name) => `json_extract(value, '$.${name}') as ${name}`).join(', ')} from json_each(?))`;
  // SQLite would look through all installations otherwise: it takes a list of unknown length for a long one.
  const join = engineOf(tx) === 'postgres' ? 'join' : 'cross join';
  const answer = await tx.raw(`select ${columns} from ${wanted} w ${join} installations i on ${same}`, [
    JSON.stringify(list),
  ]);
  const rows = (Array.isArray(answer) ? answer : answer.rows) as object[];
  const records = rows.map((row) => fromRow<InstallationRecord>(row));
  return new Map(records.map((record) => [installationId(record), record]));
}

export async function saveInstallations(tx: Tx, records: readonly InstallationRecord[]): Promise<void> {
  const set = CHANGED.map((name) => `${name} = excluded.${name}`).join(', ');
  await insertMany(tx, 'installations', COLUMNS, records.map((record) => toRow(record)) as Row[], { key: KEY, set });
}
