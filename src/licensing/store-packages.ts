import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { type PackageKind, type PackageTerms, storedTerms } from './package-terms.ts';

export interface PackageRecord {
  id: string;
  organizationId: string;
  /** null: a package of the organization. */
  repositoryId: string | null;
  name: string;
  kind: PackageKind;
  /** An inactive package is neither sold nor issued anew; what was sold goes on. */
  active: boolean;
  /** The version that is sold now. */
  version: number;
  createdAt: string;
  terms: PackageTerms;
}

const SHAPE = { booleans: ['active'] };
const COLUMNS = columnsOf('id', 'organizationId', 'repositoryId', 'name', 'kind', 'active', 'version', 'createdAt');

function select(tx: Tx) {
  return tx('packages as p')
    .join('package_versions as v', (on) => on.on('v.package_id', 'p.id').andOn('v.version', 'p.version'))
    .select([...COLUMNS.map((name) => `p.${name}`), 'v.terms']);
}

function toPackage(row: object): PackageRecord {
  const { terms, ...head } = fromRow<Omit<PackageRecord, 'terms'> & { terms: string }>(row, SHAPE);
  return { ...head, terms: storedTerms(terms) };
}

/** False: the level has its master already (two instances may both try). */
export async function insertPackage(tx: Tx, record: PackageRecord, actor: string): Promise<boolean> {
  const { terms, ...head } = record;
  const inserted = await tx('packages')
    .insert({ ...toRow(head), created_by: actor })
    .onConflict(tx.raw("(organization_id, coalesce(repository_id, '')) where kind = 'master'") as never)
    .ignore()
    .returning('id');
  if (inserted.length === 0) return false;
  await insertVersion(tx, record.id, record.version, terms, actor, record.createdAt);
  return true;
}

async function insertVersion(
  tx: Tx,
  packageId: string,
  version: number,
  terms: PackageTerms,
  actor: string,
  now: string,
) {
  const row = { package_id: packageId, version, terms: JSON.stringify(terms), created_at: now, created_by: actor };
  await tx('package_versions').insert(row);
}

/** New terms make a new version; what was sold keeps the old one. */
export async function updatePackage(
  tx: Tx,
  record: PackageRecord,
  change: { name?: string | undefined; active?: boolean | undefined; terms?: PackageTerms | undefined },
  actor: string,
  now: string,
): Promise<void> {
  const version = change.terms === undefined ? record.version : record.version + 1;
  if (change.terms !== undefined) await insertVersion(tx, record.id, version, change.terms, actor, now);
  const { name = record.name, active = record.active } = change;
  await tx('packages').where({ id: record.id }).update({ name, active, version });
}

export async function findPackage(tx: Tx, id: string): Promise<PackageRecord | null> {
  const row = await select(tx).where('p.id', id).first();
  return row ? toPackage(row) : null;
}

export async function packagesOf(
  tx: Tx,
  filter: { organizationId: string; repositoryId?: string | null | undefined },
  after: string | null = null,
  limit = 1_000,
): Promise<PackageRecord[]> {
  const query = select(tx).where('p.organization_id', filter.organizationId).orderBy('p.id').limit(limit);
  if (filter.repositoryId !== undefined) query.where('p.repository_id', filter.repositoryId);
  return (await (after === null ? query : query.where('p.id', '>', after))).map(toPackage);
}

export async function findMasterPackage(
  tx: Tx,
  organizationId: string,
  repositoryId: string | null,
): Promise<PackageRecord | null> {
  const row = await select(tx)
    .where({ 'p.organization_id': organizationId, 'p.repository_id': repositoryId, 'p.kind': 'master' })
    .first();
  return row ? toPackage(row) : null;
}
