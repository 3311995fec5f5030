import type { Db } from '../db/connect.ts';
import { artifactsOfProduct, releasesOfProduct } from '../releases/store-releases.ts';
import { makeCache } from './feed-cache.ts';
import { type Catalog, type ServedRelease, servedReleases } from './feed-releases.ts';

export type { Catalog };

const MOST_PRODUCTS = 2_000;

/** Reads a product's releases once per revision. */
export function makeCatalog(db: Db): Catalog {
  const cache = makeCache<readonly ServedRelease[]>(MOST_PRODUCTS);
  return (product, format) =>
    cache.get(`${product.id}:${product.revision}:${format.platform}`, () =>
      db.read(async (tx) => {
        const releases = await releasesOfProduct(tx, product.id);
        const artifacts = await artifactsOfProduct(tx, product.id);
        return servedReleases(format, releases, artifacts);
      }),
    );
}
