import { among, engineOf, insertMany, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import {
  type InstallationPlace,
  type InstallationRecord,
  installationId,
  type OwnedInstallation,
} from './installed.ts';

const KEY = ['product_id', 'key_id', 'site'];
const COLUMNS = columnsOf(
  ...['productId', 'keyId', 'site', 'licenseId', 'version', 'versionFrom', 'platformVersion'],
  ...['firstSeenAt', 'changedAt', 'lastSeenAt', 'activationId'],
);
const CHANGED = COLUMNS.filter((name) => !KEY.includes(name));

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

/** Those whose sites were last seen under these slots. */
export async function installationsOn(tx: Tx, activationIds: readonly string[]): Promise<InstallationRecord[]> {
  const rows = await tx('installations').whereIn('activation_id', activationIds).select(COLUMNS);
  return rows.map((row) => fromRow<InstallationRecord>(row));
}

/** The versions that run of a product, and how many installations of each. */
export async function versionsInstalled(tx: Tx, productId: string): Promise<{ version: string; count: number }[]> {
  const rows = await tx('installations')
    .where({ product_id: productId })
    .groupBy('version')
    .select('version')
    .count({ n: '*' })
    .orderBy('version');
  return rows.map((row) => ({ version: String((row as { version?: unknown }).version), count: Number(row.n) }));
}

/** Those with one of these versions, version by version. */
export async function pageOfInstallations(
  tx: Tx,
  productId: string,
  versions: readonly string[],
  after: InstallationPlace | null,
  limit: number,
): Promise<OwnedInstallation[]> {
  const query = tx('installations as i')
    .leftJoin('license_keys as k', 'k.id', 'i.key_id')
    .leftJoin('licenses as l', 'l.id', 'k.license_id')
    .leftJoin('customers as c', 'c.id', 'l.customer_id')
    .where('i.product_id', productId)
    // One value, whatever their number: what clients say they run has no bound.
    .whereRaw(`i.version ${among(tx)}`, [JSON.stringify(versions)])
    .select(COLUMNS.map((name) => `i.${name}`))
    .select('k.hint as key_hint', 'k.label as key_label', 'c.id as customer_id')
    .select('c.name as customer_name', 'c.email as customer_email')
    .orderBy(['i.version', 'i.key_id', 'i.site'])
    .limit(limit);
  if (after !== null) query.whereRaw('(i.version, i.key_id, i.site) > (?, ?, ?)', [...after]);
  return (await query).map((row) => fromRow<OwnedInstallation>(row));
}
