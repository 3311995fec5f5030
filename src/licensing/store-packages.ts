import { forChange, forKeyShare, forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { type PackageKind, type PackageTerms, storedTerms } from './package-terms.ts';

export interface PackageRecord {
  id: string;
  organizationId: string;
  /** null: a package of the organization. */
  repositoryId: string | null;
  name: string;
  description: string;
  kind: PackageKind;
  /** An inactive package is neither sold nor issued anew; what was sold goes on. */
  active: boolean;
  /** Lists are in this order. */
  position: number;
  /** The version that is sold now. */
  version: number;
  createdAt: string;
  terms: PackageTerms;
}

const SHAPE = { booleans: ['active'] };
const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'repositoryId', 'name', 'description', 'kind', 'active', 'position', 'version'],
  'createdAt',
);

function selectPackages(tx: Tx) {
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

/** What a change writes beside the terms. */
export type PackageHead = Pick<PackageRecord, 'name' | 'description' | 'active' | 'position'>;

/** New terms make a new version; what was sold keeps the old one. */
export async function updatePackage(
  tx: Tx,
  record: PackageRecord,
  change: { [K in keyof PackageHead]?: PackageHead[K] | undefined } & { terms?: PackageTerms | undefined },
  actor: string,
  now: string,
): Promise<void> {
  const version = change.terms === undefined ? record.version : record.version + 1;
  if (change.terms !== undefined) await insertVersion(tx, record.id, version, change.terms, actor, now);
  const { name = record.name, description = record.description } = change;
  const { active = record.active, position = record.position } = change;
  await tx('packages').where({ id: record.id }).update({ name, description, active, position, version });
}

export async function findPackage(tx: Tx, id: string): Promise<PackageRecord | null> {
  const row = await selectPackages(tx).where('p.id', id).first();
  return row ? toPackage(row) : null;
}

const LOCKS = { change: forChange, delete: forUpdate, keep: forKeyShare };

/**
 * Changes of one package take turns, so that its versions follow each other without a gap. Who names it (`keep`: a sale) waits for
 * its deletion only, and a deletion for all of them.
 */
export async function lockPackage(tx: Tx, id: string, aim: keyof typeof LOCKS): Promise<void> {
  await LOCKS[aim](tx, tx('packages').where({ id }).select('id'));
}

export async function packagesOf(
  tx: Tx,
  filter: { organizationId: string; repositoryId?: string | null | undefined },
  after: string | null = null,
  limit = 1_000,
): Promise<PackageRecord[]> {
  const query = selectPackages(tx).where('p.organization_id', filter.organizationId).orderBy('p.id').limit(limit);
  if (filter.repositoryId !== undefined) query.where('p.repository_id', filter.repositoryId);
  return (await (after === null ? query : query.where('p.id', '>', after))).map(toPackage);
}

export async function findMasterPackage(
  tx: Tx,
  organizationId: string,
  repositoryId: string | null,
): Promise<PackageRecord | null> {
  const row = await selectPackages(tx)
    .where({ 'p.organization_id': organizationId, 'p.repository_id': repositoryId, 'p.kind': 'master' })
    .first();
  return row ? toPackage(row) : null;
}

/** The greatest position in an organization; 0 where it has no package. */
export async function lastPosition(tx: Tx, organizationId: string): Promise<number> {
  const row = await tx('packages').where({ organization_id: organizationId }).max({ last: 'position' }).first();
  return Number(row?.['last'] ?? 0);
}

export interface PackageVersionRecord {
  version: number;
  terms: PackageTerms;
  createdAt: string;
  createdBy: string;
  grants: number;
  openGrants: number;
}

/** Every version of a package, the newest first, with how many grants were given of each. */
export async function versionsOf(tx: Tx, packageId: string): Promise<PackageVersionRecord[]> {
  const last = '(select c.kind from grant_closings c where c.grant_id = g.id order by c.at desc, c.id desc limit 1)';
  const counted: { package_version: number; grants: number | string; open: number | string }[] = await tx('grants as g')
    .where('g.package_id', packageId)
    .groupBy('g.package_version')
    .select(
      'g.package_version',
      tx.raw('count(*) as grants'),
      tx.raw(`sum(case when coalesce(${last}, 'reopen') = 'close' then 0 else 1 end) as open`),
    );
  const rows = await tx('package_versions')
    .where({ package_id: packageId })
    .orderBy('version', 'desc')
    .select('version', 'terms', 'created_at', 'created_by');
  return rows.map((row) => {
    const sold = counted.find((each) => each.package_version === row.version);
    return {
      version: row.version,
      terms: storedTerms(row.terms),
      createdAt: row.created_at,
      createdBy: row.created_by,
      grants: Number(sold?.grants ?? 0),
      openGrants: Number(sold?.open ?? 0),
    };
  });
}

export async function countGrantsOf(tx: Tx, packageId: string): Promise<number> {
  const row = await tx('grants').where({ package_id: packageId }).count({ count: '*' }).first();
  return Number(row?.['count'] ?? 0);
}

/** With its versions; nothing else may name it any more. */
export async function deletePackage(tx: Tx, id: string): Promise<void> {
  await tx('package_versions').where({ package_id: id }).delete();
  await tx('packages').where({ id }).delete();
}

/** Which packages of an organization are listed; what is left out does not narrow. */
export interface PackageFilter {
  organizationId: string;
  /** null: of no repository. */
  repositoryId?: string | null | undefined;
  ofRepositories?: boolean | undefined;
  active?: boolean | undefined;
  kind?: PackageKind | undefined;
  /** Covered as it is sold now. */
  product?: { id: string; repositoryId: string | null } | undefined;
  /** Stands in the name or the description, whatever the case. */
  text?: string | undefined;
}

export interface PackagePlace {
  position: number;
  id: string;
}

function filtered(tx: Tx, filter: PackageFilter) {
  const query = selectPackages(tx).where('p.organization_id', filter.organizationId);
  const { repositoryId, active, kind, product, text } = filter;
  if (repositoryId !== undefined) query.where('p.repository_id', repositoryId);
  if (filter.ofRepositories === true) query.whereNotNull('p.repository_id');
  if (active !== undefined) query.where('p.active', active);
  if (kind !== undefined) query.where('p.kind', kind);
  if (product !== undefined) {
    query.where((level) => {
      level.whereNull('p.repository_id');
      if (product.repositoryId !== null) level.orWhere('p.repository_id', product.repositoryId);
    });
    // Terms are JSON of ours, in which only the scope can be null under that name, and an id stands nowhere else.
    query.where((scope) =>
      scope.where('v.terms', 'like', '%"products":null%').orWhere('v.terms', 'like', `%"${product.id}"%`),
    );
  }
  if (text !== undefined) {
    const part = `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    query.whereRaw("(lower(p.name) like ? escape '\\' or lower(p.description) like ? escape '\\')", [part, part]);
  }
  return query;
}

export async function pageOfPackages(
  tx: Tx,
  filter: PackageFilter,
  after: PackagePlace | null,
  limit: number,
): Promise<PackageRecord[]> {
  const query = filtered(tx, filter).orderBy(['p.position', 'p.id']).limit(limit);
  if (after !== null) query.whereRaw('(p.position, p.id) > (?, ?)', [after.position, after.id]);
  return (await query).map(toPackage);
}

/** Counts no further than `limit`. */
export async function countPackages(tx: Tx, filter: PackageFilter, limit: number): Promise<number> {
  const row = await tx.count({ count: '*' }).from(filtered(tx, filter).limit(limit).as('found')).first();
  return Number(row?.['count'] ?? 0);
}

/** Names of the packages on sale that nobody can buy by themselves: no price is named in them. Masters and trials are not sold. */
export async function soldWithoutPrice(tx: Tx, organizationId: string): Promise<string[]> {
  const rows = await tx('packages as p')
    .where({ 'p.organization_id': organizationId, 'p.active': true })
    .whereIn('p.kind', ['base', 'addon'])
    .whereNotExists(tx('package_prices as r').whereRaw('r.package_id = p.id').select('r.id'))
    .orderBy('p.id')
    .select('p.name');
  return rows.map(({ name }) => name as string);
}
