import { engineOf, type Tx } from '../db/dialect.ts';

/** Takes out of the tables what tells of a person, and leaves what the books need. */

/** Tables that name a site beside a key. */
const SITES_OF_KEYS = ['usage_daily', 'usage_log', 'usage_refusals', 'installations'] as const;

interface SiteRow {
  id: string;
  identity: string;
  host: string;
  instance: string | null;
}

export async function sitesOfLicense(tx: Tx, licenseId: string): Promise<SiteRow[]> {
  return tx('activations').where({ license_id: licenseId }).select('id', 'identity', 'host', 'instance');
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

export async function maskSite(tx: Tx, { id, ...names }: SiteRow): Promise<void> {
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
  const each = engineOf(tx) === 'postgres' ? 'json_each_text(?::json)' : 'json_each(?)';
  const given = JSON.stringify(Object.fromEntries(names));
  for (const table of SITES_OF_KEYS) {
    await tx(table)
      .whereIn('key_id', keyIds)
      .whereNot('site', '')
      .update({ site: tx.raw(`(select n.value from ${each} n where n.key = ${table}.site)`, [given]) });
  }
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
