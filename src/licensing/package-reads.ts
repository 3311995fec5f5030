import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { kindOfId } from '../ids.ts';
import type { Level } from '../releases/level.ts';
import { findPackage, type PackageRecord, packagesOf } from './store-packages.ts';

export type { PackageRecord } from './store-packages.ts';

const MOST = 10_000;

/** Every package of a level, oldest first. */
export async function listPackages(db: Db, { organization, repository }: Level): Promise<PackageRecord[]> {
  const filter = { organizationId: organization.id, repositoryId: repository?.id };
  return db.read((tx) => packagesOf(tx, filter, null, MOST));
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
