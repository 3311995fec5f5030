import type { Db } from '../db/connect.ts';
import { isUniqueViolation, type Tx } from '../db/dialect.ts';
import { type FieldError, problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { requireChannels } from '../releases/channels.ts';
import type { Level } from '../releases/level.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import type { By } from './keys.ts';
import type { PageQuery } from './licenses.ts';
import type { PackageKind, PackageTerms } from './package-terms.ts';
import { changedTerms, type PackageChangeBody, termsOf } from './package-view.ts';
import { changePackage, createPackage } from './packages.ts';
import { findPackage, type PackageRecord, packagesOf } from './store-packages.ts';

/** The packages of a level: an organization's routes see those of its repositories too. */
export async function packagesAt(db: Db, level: Level, query: PageQuery): Promise<Page<PackageRecord>> {
  const { limit, after } = pageRequest(query);
  const filter = { organizationId: level.organization.id, repositoryId: level.repository?.id };
  return db.read(async (tx) => {
    const rows = await packagesOf(tx, filter, after, limit + 1);
    const counted = await packagesOf(tx, filter, null, COUNT_LIMIT + 1);
    return pageFrom(rows, limit, counted.length, ({ id }) => [id]);
  });
}

/** Throws NOT_FOUND for a package of another level. */
async function packageAt(tx: Tx, { organization, repository }: Level, id: string): Promise<PackageRecord> {
  const found = await findPackage(tx, id);
  const isHere = found?.organizationId === organization.id;
  if (!isHere || (repository !== null && found.repositoryId !== repository.id)) throw problem('NOT_FOUND');
  return found;
}

export async function readPackageAt(db: Db, level: Level, id: string): Promise<PackageRecord> {
  return db.read((tx) => packageAt(tx, level, id));
}

export interface PackageWish {
  name: string;
  kind: Exclude<PackageKind, 'master'>;
  terms: Parameters<typeof termsOf>[0];
}

export async function createPackageAt(
  db: Db,
  secrets: Secrets,
  level: Level,
  { name, kind, terms }: PackageWish,
  by: By,
): Promise<PackageRecord> {
  const repositoryId = level.repository?.id ?? null;
  return db.tx(async (tx) => {
    const checked = await checkedTerms(tx, level, repositoryId, terms);
    return createPackage(tx, secrets, level.organization, { repositoryId, name, kind, terms: checked }, by);
  });
}

/** Any term that is named makes a new version, which is sold from now on. */
export async function changePackageAt(
  db: Db,
  level: Level,
  id: string,
  change: PackageChangeBody,
  by: By,
): Promise<PackageRecord> {
  const run = () =>
    db.tx(async (tx) => {
      const found = await packageAt(tx, level, id);
      if (found.kind === 'master') throw problem('MASTER_IS_FIXED');
      const body = changedTerms(found.terms, change);
      const terms = body === null ? undefined : await checkedTerms(tx, level, found.repositoryId, body);
      return changePackage(tx, id, { name: change.name, active: change.active, terms }, by);
    });
  try {
    return await run();
  } catch (error) {
    // Two changes at once make the same version number; the second goes on top of the first.
    if (!isUniqueViolation(error)) throw error;
    return run();
  }
}

async function checkedTerms(
  tx: Tx,
  { organization }: Level,
  repositoryId: string | null,
  body: PackageWish['terms'],
): Promise<PackageTerms> {
  const read = termsOf(body);
  if (!read.ok) throw fieldProblem('the dates do not fit together', read.errors);
  requireChannels(organization.rules, body.channels, '/channels');
  if (body.products !== null) await requireProducts(tx, organization.id, repositoryId, body.products);
  return read.terms;
}

async function requireProducts(tx: Tx, organizationId: string, repositoryId: string | null, ids: readonly string[]) {
  const all = await productsOfOrganization(tx, organizationId);
  const known = new Set(
    all.filter((each) => repositoryId === null || each.repositoryId === repositoryId).map(({ id }) => id),
  );
  const level = repositoryId === null ? 'organization' : 'repository';
  const errors = ids.flatMap((id, i) =>
    known.has(id) ? [] : [{ pointer: `/products/${i}`, detail: `is no product of the ${level}` }],
  );
  if (errors.length > 0) throw fieldProblem('a product is not known', errors);
}

function fieldProblem(detail: string, errors: FieldError[]) {
  return problem('INVALID_REQUEST', detail, { errors });
}
