import { among, type Tx } from '../db/dialect.ts';
import { storedTerms } from '../licensing/package-terms.ts';

/** By what the sites of a license are counted: as its first package says. */
export async function siteUnitOf(tx: Tx, licenseId: string): Promise<'host' | 'registrable'> {
  const row = await tx('grants as g')
    .join('package_versions as v', (on) =>
      on.on('v.package_id', 'g.package_id').andOn('v.version', 'g.package_version'),
    )
    .where('g.license_id', licenseId)
    .orderBy('g.id')
    .first('v.terms');
  return row ? storedTerms(row.terms as string).siteUnit : 'host';
}

/** Which of these slots a license holds now. */
export async function heldIdentities(tx: Tx, licenseId: string, identities: readonly string[]): Promise<Set<string>> {
  const rows = await tx('activations')
    .where({ license_id: licenseId, kind: 'site', released_at: null })
    .whereRaw(`identity ${among(tx)}`, [JSON.stringify(identities)])
    .select('identity');
  return new Set(rows.map((row) => row.identity as string));
}
