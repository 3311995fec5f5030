import type { Activation, SiteProduct } from './slots.ts';

/** That a site said something new of a product on it. */
export interface Seen extends SiteProduct {
  activationId: string;
  productId: string;
}

/** What a client says of itself with a poll, a download, a validation or an activation. */
export interface Told {
  productId: string;
  /** null: it says none. */
  extensionVersion: string | null;
  /** E.g. `joomla/5.2.1`; empty: it says none. */
  platformVersion: string;
}

/** What is to be written down of it; null: all of it is known, which is so with almost every poll. What is not said stays. */
export function newsOf(slot: Pick<Activation, 'id' | 'products'>, told: Told): Seen | null {
  const known = slot.products?.get(told.productId);
  const version = told.extensionVersion ?? known?.version ?? '';
  const platformVersion = told.platformVersion === '' ? (known?.platformVersion ?? '') : told.platformVersion;
  if (known !== undefined && known.version === version && known.platformVersion === platformVersion) return null;
  return { activationId: slot.id, productId: told.productId, version, platformVersion };
}

/** One line for each site and product, the last one said, in one order, so that two instances never wait for each other. */
export function sortedNews(all: readonly Seen[]): Seen[] {
  const last = new Map(all.map((each) => [`${each.activationId} ${each.productId}`, each]));
  return [...last.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
