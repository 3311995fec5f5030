/** Whose usage: of products (those of an organization, or one), or of one key. */
export type UsageOf = { productIds: readonly string[] } | { keyId: string };

export const SERIES_OF_PRODUCTS = ['day', 'product', 'kind', 'code', 'version', 'platform_version', 'channel'] as const;
export const SERIES_OF_KEY = ['day', 'product', 'kind', 'code', 'platform_version', 'site'] as const;
export type Dimension = (typeof SERIES_OF_PRODUCTS)[number] | (typeof SERIES_OF_KEY)[number];

export interface SeriesRange {
  /** UTC days, both included. */
  fromDay: string;
  toDay: string;
}

/** What was asked and answered. Files that were given are `downloads`; what was refused is in `polls` or `validations` too. */
export interface UsageSums {
  polls: number;
  downloads: number;
  validations: number;
  refusals: number;
  /** null: nothing was. */
  lastAt: string | null;
}

export interface SeriesRow extends UsageSums {
  value: string;
}

/** Kinds of usage that are not the poll of a feed. */
export const NO_POLLS: readonly string[] = ['download', 'missing', 'validate', 'activate'];
