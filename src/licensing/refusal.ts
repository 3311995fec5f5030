/** What was refused to one asker on one day for one reason. */
export interface Refusal {
  productId: string;
  day: string;
  /** Empty where none came, or none that is of this product. */
  keyId: string;
  site: string;
  kind: string;
  version: string;
  platformVersion: string;
  code: string;
  count: number;
  lastAt: string;
}

/** Where a page of refusals ended. */
export type RefusalPlace = readonly string[];
export const REFUSAL_PLACE_LENGTH = 9;

export function placeOfRefusal(each: Refusal): RefusalPlace {
  return [
    ...[each.lastAt, each.productId, each.day, each.keyId, each.site, each.kind, each.version, each.platformVersion],
    each.code,
  ];
}

/** Of a product; or of a key, with what came without any key from the sites of its license. */
export type RefusalsOf =
  | { productId: string }
  | { keyId: string; productIds: readonly string[]; sites: readonly string[] };
