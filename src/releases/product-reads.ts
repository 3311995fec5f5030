import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { kindOfId } from '../ids.ts';
import type { Product } from './product.ts';
import type { PackageFacts, Platform } from './release.ts';
import { findProduct, findProductByName, productsOfOrganization } from './store-products.ts';
import {
  artifactsOfProduct,
  findRelease,
  findReleaseByVersion,
  type ReleaseRecord,
  releasesOfProduct,
} from './store-releases.ts';

/** By id, by `org/repo[/edition]` or by any alias; null where there is none. Retired ones are found too. */
export async function findProductNamed(db: Db, idOrPath: string): Promise<Product | null> {
  const path = idOrPath.trim().replace(/^\/+|\/+$/g, '');
  const kind = kindOfId(path);
  if (kind !== null && kind !== 'product')
    throw problem('WRONG_ID_KIND', `that is the id of a ${kind}, not of a product`);
  return db.read((tx) => (kind === 'product' ? findProduct(tx, path) : findProductByName(tx, path)));
}

/** Throws NOT_FOUND. */
export async function requireProduct(db: Db, idOrPath: string): Promise<Product> {
  const product = await findProductNamed(db, idOrPath);
  if (!product) throw problem('NOT_FOUND', `there is no product "${idOrPath}"; name it like org/repo or by its id`);
  return product;
}

/** Of one organization, or of all; `retired` ones only where they are asked for. */
export async function listProducts(db: Db, organization: string | null, retired = false): Promise<Product[]> {
  const id = organization === null ? null : (await requireOrganization(db, organization)).id;
  const products = await db.read((tx) => productsOfOrganization(tx, id));
  return products.filter((each) => retired || each.retiredAt === null);
}

/** Of a product by its version, or by its own id. Throws NOT_FOUND. */
export async function requireRelease(db: Db, product: Product | null, versionOrId: string): Promise<ReleaseRecord> {
  const release = await db.read((tx) =>
    product === null ? findRelease(tx, versionOrId) : findReleaseByVersion(tx, product.id, versionOrId),
  );
  if (!release) throw problem('NOT_FOUND', `there is no release "${versionOrId}"`);
  return release;
}

/** What the newest listed release of a product says of itself on a platform; null where none is listed. */
export async function newestFacts(
  db: Db,
  product: Product,
  platform: Platform,
  compare: (a: string, b: string) => number,
): Promise<PackageFacts | null> {
  const { releases, artifacts } = await db.read(async (tx) => ({
    releases: await releasesOfProduct(tx, product.id),
    artifacts: await artifactsOfProduct(tx, product.id),
  }));
  const versions = new Map(
    releases.filter((each) => each.state === 'listed' && each.yankedAt === null).map((each) => [each.id, each.version]),
  );
  const listed = artifacts
    .filter((each) => each.platform === platform && each.listed && versions.has(each.releaseId))
    .sort((a, b) => compare(versions.get(b.releaseId) ?? '', versions.get(a.releaseId) ?? ''));
  return listed[0]?.facts ?? null;
}
