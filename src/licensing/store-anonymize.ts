import { among, engineOf, type Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';

/** Takes out of the tables what tells of a person, and leaves what the books need. */

/** Tables that name a site beside a key. */
const SITES_OF_KEYS = ['usage_daily', 'usage_log', 'usage_refusals', 'installations'] as const;

interface SiteRow {
  id: string;
  identity: string;
  host: string;
  instance: string | null;
  exemptReason: string | null;
}

export async function sitesOfLicense(tx: Tx, licenseId: string): Promise<SiteRow[]> {
  const rows = await tx('activations')
    .where({ license_id: licenseId })
    .select('id', 'identity', 'host', 'instance', 'exempt_reason');
  return rows.map((row) => fromRow<SiteRow>(row));
}

/** Every name of a site that was ever told with one of these keys. */
export async function siteNamesOf(tx: Tx, keyIds: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const table of SITES_OF_KEYS) {
    const rows: string[] = await tx(table)
      .whereIn('key_id', keyIds)
      .whereNot('site', '')
      .distinct('site')
      .pluck('site');
    for (const name of rows) names.add(name);
  }
  return [...names];
}

export async function maskSite(tx: Tx, { id, ...names }: Omit<SiteRow, 'exemptReason'>): Promise<void> {
  await tx('activations')
    .where({ id })
    .update({ ...names, host_reversed: '', label: null });
}

/** Gives sites other names, all at once. */
export async function renameSites(
  tx: Tx,
  keyIds: readonly string[],
  names: ReadonlyMap<string, string>,
): Promise<void> {
  if (keyIds.length === 0 || names.size === 0) return;
  for (const table of SITES_OF_KEYS) {
    await tx(table)
      .whereIn('key_id', keyIds)
      .whereNot('site', '')
      .update({ site: renamed(tx, table, names) });
  }
}

/** The same for what came without a key, where only the name of the site tells whose it was. */
export async function renameKeylessSites(
  tx: Tx,
  organizationId: string,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  if (names.size === 0) return;
  const products: string[] = await tx('products').where({ organization_id: organizationId }).pluck('id');
  const given = JSON.stringify([...names.keys()]);
  for (const table of SITES_OF_KEYS) {
    const rows = tx(table)
      .where('key_id', '')
      .whereIn('product_id', products)
      .whereRaw(`site ${among(tx)}`, [given]);
    // Day by day the rows are found by their key, instead of by a walk through all that came without one.
    if (table === 'usage_daily')
      rows.whereIn('day', tx('usage_totals').whereIn('product_id', products).distinct('day'));
    await rows.update({ site: renamed(tx, table, names) });
  }
}

function renamed(tx: Tx, table: string, names: ReadonlyMap<string, string>) {
  const each = engineOf(tx) === 'postgres' ? 'json_each_text(?::json)' : 'json_each(?)';
  const given = JSON.stringify(Object.fromEntries(names));
  return tx.raw(`(select n.value from ${each} n where n.key = ${table}.site)`, [given]);
}

/** By what names these things were brought in from elsewhere: addresses of people, hosts, numbers in somebody's books. */
export async function renameImported(
  tx: Tx,
  entityIds: readonly string[],
  rename: (row: { kind: string; ref: string }) => string,
): Promise<void> {
  const rows = await tx('import_rows')
    .whereIn('entity_id', entityIds)
    .select('organization_id', 'source', 'kind', 'ref');
  for (const row of rows)
    await tx('import_rows')
      .where(row)
      .update({ ref: rename(row) });
}

/** Free texts of licenses, keys and closings. */
export async function forgetTexts(tx: Tx, licenseIds: readonly string[]): Promise<void> {
  await tx('licenses').whereIn('id', licenseIds).update({ notes: '', state_reason: null });
  const keys = tx('license_keys').whereIn('license_id', licenseIds);
  await keys.clone().update({ label: '', domains: null });
  await keys.clone().whereNotNull('revoke_reason').update({ revoke_reason: 'anonymized' });
  await tx('key_domains').whereIn('key_id', keys.clone().select('id')).delete();
  const grants = tx('grants').whereIn('license_id', licenseIds).select('id');
  await tx('grant_closings').whereIn('grant_id', grants).update({ reason: '' });
}

export async function eventsOf(tx: Tx, entityIds: readonly string[]): Promise<{ id: string; changes: string }[]> {
  return tx('audit_events').whereIn('entity_id', entityIds).select('id', 'changes');
}

export async function rewriteEvent(tx: Tx, id: string, changes: string): Promise<void> {
  await tx('audit_events').where({ id }).update({ changes });
}

/** Replies that are kept for repeated requests and name one of these ids lose their bodies. Returns how many. */
export async function emptyReplies(tx: Tx, ids: readonly string[]): Promise<number> {
  let emptied = 0;
  for (const id of ids) {
    emptied += await tx('idempotency_keys')
      .whereRaw(`response like ? escape '\\'`, [`%${id.replace('_', '\\_')}%`])
      .update({ response: JSON.stringify({ headers: {}, body: null }) });
  }
  return emptied;
}

export async function forgetCustomer(tx: Tx, ids: readonly string[], at: string): Promise<void> {
  await tx('customers')
    .whereIn('id', ids)
    .update({
      ...{ name: 'anonymized', sort_name: 'anonymized', email: '', email_base: '', organization_name: '', notes: '' },
      ...{ language: '', external_customer_id: null, external_workspace_id: null, anonymized_at: at },
    });
  await tx('customer_words').whereIn('customer_id', ids).delete();
}
