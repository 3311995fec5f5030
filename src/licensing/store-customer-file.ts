import type { Tx } from '../db/dialect.ts';

/** What is stored of one customer, table by table, as it is given out. Ids are those of licenses or keys of one batch. */

export type FileRow = Record<string, string | number | boolean | null>;

export async function licenseIdsOf(
  tx: Tx,
  customerIds: readonly string[],
  after: string,
  limit: number,
): Promise<string[]> {
  return tx('licenses')
    .whereIn('customer_id', customerIds)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .pluck('id');
}

export async function keyIdsOf(tx: Tx, licenseIds: readonly string[]): Promise<string[]> {
  return tx('license_keys').whereIn('license_id', licenseIds).orderBy('id').pluck('id');
}

export const GRANT_COLUMNS = [
  ...['id', 'license_id', 'package_id', 'package_name', 'package_version', 'source', 'given_at', 'length_value'],
  ...['length_unit', 'ends_at', 'quantity', 'payment_ref', 'line', 'first_used_at', 'closed', 'created_at'],
];

export async function grantRows(tx: Tx, licenseIds: readonly string[]): Promise<FileRow[]> {
  const last = `(select c.kind from grant_closings c where c.grant_id = g.id order by c.at desc, c.id desc limit 1)`;
  const own = GRANT_COLUMNS.filter((column) => !['package_name', 'closed'].includes(column)).map((name) => `g.${name}`);
  const rows = await tx('grants as g')
    .join('packages as p', 'p.id', 'g.package_id')
    .whereIn('g.license_id', licenseIds)
    .orderBy('g.id')
    .select([...own, 'p.name as package_name', tx.raw(`coalesce(${last}, 'reopen') as closing`)]);
  return rows.map(({ closing, ...row }) => ({ ...row, closed: closing === 'close' }));
}

export const KEY_FILE_COLUMNS = [
  ...['id', 'license_id', 'role', 'hint', 'label', 'purpose', 'domains', 'suspended_at', 'revoked_at', 'revoke_reason'],
  ...['last_used_at', 'created_at'],
];

export async function keyRows(tx: Tx, licenseIds: readonly string[]): Promise<FileRow[]> {
  return tx('license_keys').whereIn('license_id', licenseIds).orderBy('id').select(KEY_FILE_COLUMNS);
}

export const SITE_COLUMNS = [
  ...['id', 'license_id', 'key_id', 'kind', 'identity', 'host', 'instance', 'label', 'counted', 'exempt_reason'],
  ...['first_seen_at', 'last_seen_at', 'released_at'],
];

export async function siteRows(tx: Tx, licenseIds: readonly string[]): Promise<FileRow[]> {
  const rows = await tx('activations').whereIn('license_id', licenseIds).orderBy('id').select(SITE_COLUMNS);
  return rows.map((row) => ({ ...row, counted: Boolean(row.counted) }));
}

export const USAGE_COLUMNS = [
  ...['day', 'product_id', 'key_id', 'site', 'kind', 'platform_version', 'code', 'count', 'last_at'],
];

export async function usageRows(tx: Tx, keyIds: readonly string[]): Promise<FileRow[]> {
  return tx('usage_daily').whereIn('key_id', keyIds).orderBy(['key_id', 'day']).select(USAGE_COLUMNS);
}

export const INSTALLATION_FILE_COLUMNS = [
  ...['product_id', 'key_id', 'site', 'activation_id', 'version', 'version_from', 'platform_version'],
  ...['first_seen_at', 'changed_at', 'last_seen_at'],
];

export async function installationRows(tx: Tx, keyIds: readonly string[]): Promise<FileRow[]> {
  const columns = INSTALLATION_FILE_COLUMNS;
  return tx('installations').whereIn('key_id', keyIds).orderBy(['key_id', 'product_id', 'site']).select(columns);
}

export const REFUSAL_COLUMNS = [
  ...['day', 'product_id', 'key_id', 'site', 'kind', 'version', 'platform_version', 'code', 'count', 'last_at'],
];

export async function refusalRows(tx: Tx, keyIds: readonly string[]): Promise<FileRow[]> {
  return tx('usage_refusals').whereIn('key_id', keyIds).orderBy(['key_id', 'day']).select(REFUSAL_COLUMNS);
}

export const IMPORT_COLUMNS = ['source', 'kind', 'ref', 'entity_id', 'import_id'];

/** By what names these things were brought in from elsewhere. */
export async function importRows(tx: Tx, entityIds: readonly string[]): Promise<FileRow[]> {
  return tx('import_rows').whereIn('entity_id', entityIds).orderBy(['source', 'kind', 'ref']).select(IMPORT_COLUMNS);
}

export const EVENT_COLUMNS = ['at', 'actor', 'action', 'entity', 'entity_id', 'changes'];

/** What was done to these things, oldest first. */
export async function eventRows(tx: Tx, entityIds: readonly string[]): Promise<FileRow[]> {
  return tx('audit_events').whereIn('entity_id', entityIds).orderBy('id').select(EVENT_COLUMNS);
}

export const MAIL_FILE_COLUMNS = [
  ...['id', 'template', 'email', 'language', 'state', 'about', 'sent_at', 'detail', 'created_at'],
];

/** What was written to these customers: what stood in a mail is kept nowhere. */
export async function mailRows(tx: Tx, customerIds: readonly string[]): Promise<FileRow[]> {
  return tx('mails').whereIn('customer_id', customerIds).orderBy('id').select(MAIL_FILE_COLUMNS);
}

/** Everything of these licenses that somebody may have done something to. */
export async function thingsOf(tx: Tx, licenseIds: readonly string[]): Promise<string[]> {
  const things = [...licenseIds];
  for (const table of ['license_keys', 'grants', 'activations']) {
    const ids: string[] = await tx(table).whereIn('license_id', licenseIds).pluck('id');
    things.push(...ids);
  }
  return things;
}
