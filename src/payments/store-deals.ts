import { fromIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { toRow } from '../db/rows.ts';
import { type PackageTerms, storedTerms } from '../licensing/package-terms.ts';
import type { ImportedTime } from './deal.ts';

/** Terms of sold versions, by `package_id@version`. */
export async function termsOfVersions(
  tx: Tx,
  wanted: readonly { packageId: string; version: number }[],
): Promise<Map<string, PackageTerms>> {
  if (wanted.length === 0) return new Map();
  const rows = await tx('package_versions')
    .whereIn(
      'package_id',
      wanted.map(({ packageId }) => packageId),
    )
    .select('package_id', 'version', 'terms');
  return new Map(rows.map((row) => [`${row.package_id}@${row.version}`, storedTerms(row.terms)]));
}

/** The versions that are sold now, by package. */
export async function currentVersions(tx: Tx, packageIds: readonly string[]): Promise<Map<string, number>> {
  if (packageIds.length === 0) return new Map();
  const rows = await tx('packages').whereIn('id', packageIds).select('id', 'version');
  return new Map(rows.map((row) => [row.id as string, Number(row.version)]));
}

/** The lines of the ledger that were linked to a subscription when it was taken over, as far as they are open. */
export async function importedTimes(tx: Tx, subscriptionId: string): Promise<ImportedTime[]> {
  const last = tx('grant_closings as c').whereRaw('c.grant_id = g.id').orderBy('c.at', 'desc').orderBy('c.id', 'desc');
  const rows = await tx('grants as g')
    .where({ 'g.subscription_id': subscriptionId, 'g.source': 'import' })
    .whereNotNull('g.ends_at')
    .select('g.package_id', 'g.ends_at', last.limit(1).select('c.kind').as('closing'));
  return rows
    .filter(({ closing }) => closing !== 'close')
    .map(({ package_id: packageId, ends_at: end }) => ({ packageId, end: fromIso(end) }));
}

/** Makes a line of the ledger the paid time of a subscription, which changes nothing of when it is in force. */
export async function linkGrant(
  tx: Tx,
  id: string,
  to: { subscriptionId: string; startsAt: string; endsAt: string },
): Promise<void> {
  await tx('grants').where({ id }).update(toRow(to));
}

/** The payments of an organization whose disputes keep licenses suspended. Of disputes that do so there are few. */
export async function holdingPayments(
  tx: Tx,
  organizationId: string,
): Promise<{ mode: 'live' | 'test'; externalId: string }[]> {
  const rows = await tx('disputes as d')
    .join('payments as p', 'p.id', 'd.payment_id')
    .where('d.organization_id', organizationId)
    .whereNotNull('d.held_at')
    .select('p.mode', 'p.external_id');
  return rows.map(({ mode, external_id: externalId }) => ({ mode, externalId }));
}

/** The packages that running subscriptions pay for in a license, taken-over ones too. */
export async function packagesOfSubscriptions(tx: Tx, licenseId: string): Promise<Set<string>> {
  const running = await tx('subscriptions')
    .where({ license_id: licenseId, runs: true })
    .select('id', 'organization_id', 'provider', 'items');
  if (running.length === 0) return new Set();
  const granted = await tx('grants')
    .whereIn(
      'subscription_id',
      running.map(({ id }) => id as string),
    )
    .distinct('package_id');
  const packages = new Set(granted.map(({ package_id: id }) => id as string));
  for (const { organization_id, provider, items } of running) {
    const ids = (JSON.parse(items) as { priceId: string }[]).map(({ priceId }) => priceId);
    const rows = await tx('package_prices').where({ organization_id, provider }).whereIn('external_id', ids);
    for (const { package_id } of rows) packages.add(package_id);
  }
  return packages;
}
