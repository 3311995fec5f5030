import type { InstallationRecord } from './installed.ts';
import type { SiteRecord } from './store-sites.ts';

/** What is known of one product on one site; empty texts where it never said. */
export type SiteProduct = Pick<
  InstallationRecord,
  'productId' | 'version' | 'versionFrom' | 'platformVersion' | 'firstSeenAt' | 'changedAt'
>;

/** A site with what runs there. */
export interface RunningSite extends SiteRecord {
  products: SiteProduct[];
}

/**
 * The products on the site of one slot. There may be several installations of one: below a wildcard, by several keys of the license.
 * What was heard last holds; what that one did not say stays as it was known before.
 */
export function productsOn(installations: readonly InstallationRecord[]): SiteProduct[] {
  const products = new Map<string, SiteProduct>();
  const byTime = [...installations].sort((a, b) => (a.lastSeenAt < b.lastSeenAt ? -1 : 1));
  for (const { productId, version, versionFrom, platformVersion, firstSeenAt, changedAt } of byTime) {
    const before = products.get(productId);
    const known = version === '' && before ? before : { version, versionFrom, changedAt };
    products.set(productId, {
      ...{ productId, version: known.version, versionFrom: known.versionFrom, changedAt: known.changedAt },
      platformVersion: platformVersion || (before?.platformVersion ?? ''),
      firstSeenAt: before && before.firstSeenAt < firstSeenAt ? before.firstSeenAt : firstSeenAt,
    });
  }
  return [...products.values()].sort((a, b) => (a.productId < b.productId ? -1 : 1));
}
