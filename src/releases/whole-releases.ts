import type { Actor } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { productOf } from './level.ts';
import type { Product } from './product.ts';
import type { WholeRelease } from './release-view.ts';
import { type Alias, aliasesOf, productsOfOrganization } from './store-products.ts';
import {
  artifactsOfProduct,
  findRelease,
  type ProblemRecord,
  problemsOfProduct,
  releasesOfProduct,
} from './store-releases.ts';

/** All releases of a product, the newest first. */
export async function wholeReleases(db: Db, productId: string): Promise<WholeRelease[]> {
  return db.read(async (tx) => {
    const releases = await releasesOfProduct(tx, productId);
    const artifacts = await artifactsOfProduct(tx, productId);
    const problems = await problemsOfProduct(tx, productId);
    return releases.reverse().map((release) => ({
      id: release.id,
      release,
      artifacts: artifacts.filter(({ releaseId }) => releaseId === release.id),
      problems: problems.filter(
        ({ releaseId, tag }) => releaseId === release.id || (releaseId === null && tag === release.tag),
      ),
    }));
  });
}

/** Throws NOT_FOUND. */
export async function wholeRelease(db: Db, actor: Actor, id: string): Promise<WholeRelease> {
  const release = await db.read((tx) => findRelease(tx, id));
  if (!release) throw problem('NOT_FOUND');
  const product = await productOf(db, actor, release.productId);
  const found = (await wholeReleases(db, product.id)).find((each) => each.id === id);
  if (!found) throw problem('NOT_FOUND');
  return found;
}

export function problemsOf(db: Db, productId: string): Promise<ProblemRecord[]> {
  return db.read((tx) => problemsOfProduct(tx, productId));
}

export function addressesOf(db: Db, productId: string): Promise<Alias[]> {
  return db.read((tx) => aliasesOf(tx, productId));
}

/** Retired ones are left out unless they are asked for. */
export async function productsOf(db: Db, organizationId: string, retired: boolean): Promise<Product[]> {
  const all = await db.read((tx) => productsOfOrganization(tx, organizationId));
  return all.filter(({ retiredAt }) => retired || retiredAt === null);
}
