import { among, type Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';
import { type PackageTerms, storedTerms } from '../licensing/package-terms.ts';

/** Rows as they are given out; columns that others add later are not read. */

export interface ExportedGrant {
  id: string;
  licenseId: string;
  packageId: string;
  packageVersion: number;
  source: string;
  givenAt: string;
  lengthValue: number | null;
  lengthUnit: string | null;
  endsAt: string | null;
  quantity: number;
  paymentRef: string | null;
  line: string;
  supersedes: string[];
  firstUsedAt: string | null;
}

export interface ExportedClosing {
  grantId: string;
  kind: 'close' | 'reopen';
  at: string;
  reason: string;
}

export interface ExportedLicense {
  id: string;
  customerId: string;
  master: boolean;
  notes: string;
  suspendedAt: string | null;
  revokedAt: string | null;
  createdAt: string;
}

export async function licensesAfter(
  tx: Tx,
  organizationId: string,
  after: string,
  limit: number,
): Promise<ExportedLicense[]> {
  const rows = await tx('licenses')
    .where({ organization_id: organizationId })
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .select('id', 'customer_id', 'master', 'notes', 'suspended_at', 'revoked_at', 'created_at');
  return rows.map((row) => fromRow<ExportedLicense>(row, { booleans: ['master'] }));
}

export interface ExportedCustomer {
  id: string;
  name: string;
  email: string;
  kind: 'customer' | 'prospect' | 'internal' | 'reseller';
  organizationName: string;
  externalCustomerId: string | null;
  externalWorkspaceId: string | null;
  notes: string;
}

/** Those that were merged into others are none any more. */
export async function customersAfter(
  tx: Tx,
  organizationId: string,
  after: string,
  limit: number,
): Promise<ExportedCustomer[]> {
  const rows = await tx('customers')
    .where({ organization_id: organizationId, merged_into: null })
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .select(
      'id',
      'name',
      'email',
      'kind',
      'organization_name',
      'external_customer_id',
      'external_workspace_id',
      'notes',
    );
  return rows.map((row) => fromRow<ExportedCustomer>(row));
}

export interface ExportedPackage {
  id: string;
  name: string;
  kind: 'base' | 'addon' | 'trial' | 'master';
  active: boolean;
  description: string;
  repositoryName: string | null;
  versions: PackageTerms[];
}

export async function packagesWithVersions(tx: Tx, organizationId: string): Promise<ExportedPackage[]> {
  const rows = await tx('packages as p')
    .leftJoin('repositories as r', 'r.id', 'p.repository_id')
    .where('p.organization_id', organizationId)
    .orderBy('p.id')
    .select('p.id', 'p.name', 'p.kind', 'p.active', 'p.description', 'r.name as repository_name');
  const versions = await tx('package_versions as v')
    .join('packages as p', 'p.id', 'v.package_id')
    .where('p.organization_id', organizationId)
    .orderBy(['v.package_id', 'v.version'])
    .select('v.package_id', 'v.terms');
  return rows.map((row) => ({
    ...fromRow<Omit<ExportedPackage, 'versions'>>(row, { booleans: ['active'] }),
    versions: versions.filter((each) => each.package_id === row.id).map((each) => storedTerms(each.terms as string)),
  }));
}

type Grouped<T> = ReadonlyMap<string, readonly T[]>;

function grouped<T extends { licenseId: string }>(rows: readonly T[]): Grouped<T> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.licenseId, [...(groups.get(row.licenseId) ?? []), row]);
  return groups;
}

export async function grantsOfAll(tx: Tx, licenseIds: readonly string[]): Promise<Grouped<ExportedGrant>> {
  const rows = await tx('grants')
    .whereRaw(`license_id ${among(tx)}`, [JSON.stringify(licenseIds)])
    .orderBy('id');
  return grouped(rows.map((row) => fromRow<ExportedGrant>(row, { json: ['supersedes'] })));
}

export async function closingsOfAll(tx: Tx, grantIds: readonly string[]): Promise<ExportedClosing[]> {
  const rows = await tx('grant_closings')
    .whereRaw(`grant_id ${among(tx)}`, [JSON.stringify(grantIds)])
    .orderBy(['at', 'id']);
  return rows.map((row) => fromRow<ExportedClosing>(row));
}

export interface ExportedKey {
  id: string;
  licenseId: string;
  label: string;
  purpose: 'commercial' | 'test' | 'internal';
  siteLimit: number | null;
  sealed: string | null;
  sealedSha256: string | null;
  domains: string[] | null;
  suspendedAt: string | null;
  revokedAt: string | null;
  revokeReason: string | null;
  endsAt: string | null;
  replacedBy: string | null;
  createdAt: string;
}

export async function keysOfAll(tx: Tx, licenseIds: readonly string[]): Promise<Grouped<ExportedKey>> {
  const rows = await tx('license_keys')
    .whereRaw(`license_id ${among(tx)}`, [JSON.stringify(licenseIds)])
    .orderBy('id')
    .select('id', 'license_id', 'label', 'purpose', 'site_limit', 'sealed', 'sealed_sha256', 'domains', 'suspended_at')
    .select('revoked_at', 'revoke_reason', 'ends_at', 'replaced_by', 'created_at');
  return grouped(rows.map((row) => fromRow<ExportedKey>(row, { json: ['domains'] })));
}

export interface ExportedSite {
  licenseId: string;
  keyId: string | null;
  identity: string;
  host: string;
  instance: string | null;
  counted: boolean;
  exemptReason: string | null;
  covers: 'host' | 'domain' | 'wildcard';
  label: string | null;
  firstSeenAt: string;
  lastSeenAt: string;
}

/** The slots that are held now. */
export async function sitesOfAll(tx: Tx, licenseIds: readonly string[]): Promise<Grouped<ExportedSite>> {
  const rows = await tx('activations')
    .whereRaw(`license_id ${among(tx)}`, [JSON.stringify(licenseIds)])
    .where({ kind: 'site', released_at: null })
    .orderBy('id')
    .select('license_id', 'key_id', 'identity', 'host', 'instance', 'counted', 'exempt_reason', 'covers', 'label')
    .select('first_seen_at', 'last_seen_at');
  return grouped(rows.map((row) => fromRow<ExportedSite>(row, { booleans: ['counted'] })));
}
