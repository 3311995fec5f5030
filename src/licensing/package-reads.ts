import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom } from '../http/paging.ts';
import { kindOfId } from '../ids.ts';
import type { Level } from '../releases/level.ts';
import { findProduct } from '../releases/store-products.ts';
import { packageAt } from './level-packages.ts';
import type { PackageKind } from './package-terms.ts';
import type { WholePackage } from './package-view.ts';
import {
  countPackages,
  findPackage,
  type PackageFilter,
  type PackagePlace,
  type PackageRecord,
  type PackageVersionRecord,
  pageOfPackages,
  versionsOf,
} from './store-packages.ts';
import { pricesOf } from './store-prices.ts';

export type { PackageRecord } from './store-packages.ts';

/** How a list of packages is narrowed; what is left out does not narrow. */
export interface PackageWishes {
  active?: boolean | undefined;
  kind?: PackageKind | undefined;
  /** Of an organization's list: its own ones only, or those of its repositories only. */
  level?: 'organization' | 'repository' | undefined;
  /** Id of a product that they cover. */
  product?: string | undefined;
  text?: string | undefined;
}

const MOST = 10_000;

/** Every package of a level in the order of lists: an organization's routes see those of its repositories too. */
export async function listPackages(db: Db, level: Level, wishes: PackageWishes = {}): Promise<WholePackage[]> {
  return db.read(async (tx) =>
    wholePackages(tx, await pageOfPackages(tx, await filterOf(tx, level, wishes), null, MOST)),
  );
}

export async function packagesAt(
  db: Db,
  level: Level,
  wishes: PackageWishes,
  query: { limit: number; cursor?: PackagePlace | undefined },
): Promise<Page<WholePackage>> {
  return db.read(async (tx) => {
    const filter = await filterOf(tx, level, wishes);
    const rows = await pageOfPackages(tx, filter, query.cursor ?? null, query.limit + 1);
    const counted = await countPackages(tx, filter, COUNT_LIMIT + 1);
    const page = pageFrom(rows, query.limit, counted, ({ position, id }) => [position, id]);
    return { ...page, items: await wholePackages(tx, page.items) };
  });
}

/** Throws INVALID_REQUEST for a product that is not the organization's. */
async function filterOf(tx: Tx, level: Level, wishes: PackageWishes): Promise<PackageFilter> {
  const { organization, repository } = level;
  const { active, kind, text } = wishes;
  const product = wishes.product === undefined ? undefined : await findProduct(tx, wishes.product);
  if (product === null || (product && product.organizationId !== organization.id)) {
    const detail = 'is no product of the organization';
    throw problem('INVALID_REQUEST', `/query/product: ${detail}`, { errors: [{ pointer: '/query/product', detail }] });
  }
  return {
    organizationId: organization.id,
    repositoryId: repository?.id ?? (wishes.level === 'organization' ? null : undefined),
    ofRepositories: wishes.level === 'repository',
    ...{ active, kind, product, text },
  };
}

async function wholePackages(tx: Tx, records: readonly PackageRecord[]): Promise<WholePackage[]> {
  const prices = await pricesOf(
    tx,
    records.map(({ id }) => id),
  );
  return records.map((record) => ({ ...record, prices: prices.get(record.id) ?? [] }));
}

/** Throws NOT_FOUND. */
export async function readPackageAt(db: Db, level: Level, id: string): Promise<WholePackage> {
  return db.read((tx) => packageAt(tx, level, id));
}

/** Every version of a package, the newest first. Throws NOT_FOUND. */
export async function packageVersions(
  db: Db,
  level: Level,
  id: string,
): Promise<{ of: WholePackage; versions: PackageVersionRecord[] }> {
  return db.read(async (tx) => ({ of: await packageAt(tx, level, id), versions: await versionsOf(tx, id) }));
}

/** By id; or, within an organization, by a name that only one package has. Throws NOT_FOUND. */
export async function requirePackage(db: Db, level: Level | null, idOrName: string): Promise<PackageRecord> {
  const found =
    kindOfId(idOrName) === 'package'
      ? await db.read((tx) => findPackage(tx, idOrName))
      : await packageNamed(db, level, idOrName);
  if (!found || (level !== null && found.organizationId !== level.organization.id))
    throw problem('NOT_FOUND', `there is no package "${idOrName}"`);
  return found;
}

async function packageNamed(db: Db, level: Level | null, name: string): Promise<PackageRecord | null> {
  if (level === null)
    throw problem('INVALID_REQUEST', 'name the package by its id, or say which organization it is of');
  const named = (await listPackages(db, level)).filter((each) => each.name === name);
  if (named.length > 1)
    throw problem('INVALID_REQUEST', `${named.length} packages are called "${name}"; name one by its id`);
  return named[0] ?? null;
}
