import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { type FieldError, problem } from '../errors.ts';
import { findOrganization, lockOrganization } from '../forge/store.ts';
import { requireChannels } from '../releases/channels.ts';
import type { Level } from '../releases/level.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import type { By } from './keys.ts';
import { changedTerms, type NewPackageBody, type PackageChangeBody, type TermsBody, termsOf } from './package-body.ts';
import type { PackageTerms } from './package-terms.ts';
import type { WholePackage } from './package-view.ts';
import { changePackage, createPackage, deleteUnsold } from './packages.ts';
import { findPackage, lockPackage, type PackageRecord } from './store-packages.ts';
import { pricesOf } from './store-prices.ts';

/** Throws NOT_FOUND for a package of another level. */
export async function packageAt(tx: Tx, { organization, repository }: Level, id: string): Promise<WholePackage> {
  const found = await findPackage(tx, id);
  const isHere = found?.organizationId === organization.id;
  if (!isHere || (repository !== null && found.repositoryId !== repository.id)) throw problem('NOT_FOUND');
  return withPrices(tx, found);
}

async function withPrices(tx: Tx, record: PackageRecord): Promise<WholePackage> {
  return { ...record, prices: (await pricesOf(tx, [record.id])).get(record.id) ?? [] };
}

export async function createPackageAt(
  db: Db,
  secrets: Secrets,
  level: Level,
  body: NewPackageBody,
  by: By,
): Promise<WholePackage> {
  const repositoryId = level.repository?.id ?? null;
  const { name, description, kind, position, prices, ...terms } = body;
  return db.tx(async (tx) => {
    const organization = await lockedOrganization(tx, level);
    refusePast(terms.fixed_until, by.now);
    const wish = { repositoryId, name, description, kind, position, prices };
    const checked = await checkedTerms(tx, { organization, repositoryId }, terms);
    return createPackage(tx, secrets, organization, { ...wish, terms: checked }, by);
  });
}

/**
 * What the change leaves out stays as it is when its turn comes: of two changes at once neither is lost unless both name the same
 * field. `check` sees the package as it is then, and throws where it must not be changed any more.
 */
export async function changePackageAt(
  db: Db,
  level: Level,
  id: string,
  change: PackageChangeBody,
  by: By,
  check: (now: WholePackage) => void = () => undefined,
): Promise<WholePackage> {
  return db.tx(async (tx) => {
    const organization = await lockedOrganization(tx, level);
    await lockPackage(tx, id, 'change');
    const found = await packageAt(tx, level, id);
    if (found.kind === 'master') throw problem('MASTER_IS_FIXED');
    check(found);
    refusePast(change.fixed_until, by.now);
    const body = changedTerms(found.terms, change);
    const terms = body === null ? undefined : await checkedTerms(tx, { ...found, organization }, body);
    const { name, description, active, position, prices } = change;
    return changePackage(tx, found, { name, description, active, position, prices, terms }, by);
  });
}

/** Throws STILL_IN_USE for a package that was sold, or that the organization makes test keys of. */
export async function deletePackageAt(db: Db, level: Level, id: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await lockPackage(tx, id, 'delete');
    const found = await packageAt(tx, level, id);
    const organization = await findOrganization(tx, level.organization.id);
    if (organization?.settings.testKey.packageId === id)
      throw problem('STILL_IN_USE', 'the organization makes its test keys of this package');
    await deleteUnsold(tx, found, by);
  });
}

/** As it is now: channels and prices belong to the organization, so that changes of either wait for each other. */
async function lockedOrganization(tx: Tx, { organization }: Level): Promise<Level['organization']> {
  await lockOrganization(tx, organization.id);
  const found = await findOrganization(tx, organization.id);
  if (!found) throw problem('NOT_FOUND');
  return found;
}

/** It could never be sold. */
function refusePast(fixedUntil: number | null | undefined, now: number): void {
  if (typeof fixedUntil !== 'number' || fixedUntil > now) return;
  const detail = 'lies in the past, so that nothing could be sold';
  throw fieldProblem(`/fixed_until: ${detail}`, [{ pointer: '/fixed_until', detail }]);
}

async function checkedTerms(
  tx: Tx,
  { organization, repositoryId }: { organization: Level['organization']; repositoryId: string | null },
  body: TermsBody,
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
