import { z } from 'zod';
import { type GatedProduct, MODES } from '../licensing/verdict.ts';
import { PLATFORMS, type Platform } from './release.ts';

const glob = z.string().min(1).max(200);
const TargetRangeSchema = z.object({ min: z.string().max(20).nullable(), max: z.string().max(20).nullable() });

export const webAddress = z.url({ protocol: /^https?$/ }).max(500);

/** What a product says where its releases say nothing. */
export const ProductSettings = z.object({
  /** Asset patterns (globs) by platform; an edition has its own. */
  assets: z.partialRecord(z.enum(PLATFORMS), glob).default({}),
  /** Which manifest is meant where a file holds several: Joomla element, Dolibarr module. */
  hints: z.partialRecord(z.enum(PLATFORMS), z.string().min(1).max(100)).default({}),
  targets: z.partialRecord(z.enum(PLATFORMS), TargetRangeSchema).default({}),
  phpMinimum: z.string().max(20).nullable().default(null),
  changelogFile: z.string().max(200).nullable().default(null),
  /** Releases of the forge, or bare tags too. A `git` forge has tags only. */
  releaseFrom: z.enum(['releases', 'tags']).default('releases'),
  /** Where infourl leads instead of our own page. */
  infoUrl: webAddress.nullable().default(null),
  websiteUrl: webAddress.nullable().default(null),
  /** Where a key is bought or renewed. */
  renewUrl: webAddress.nullable().default(null),
});
export type ProductSettings = z.infer<typeof ProductSettings>;

export interface Product extends GatedProduct {
  organizationSlug: string;
  organizationName: string;
  /** Of the organization, for products that name no address of their own. */
  organizationRenewUrl: string | null;
  organizationSupportUrl: string | null;
  /** Path below the organization; a repository's name for its main edition. */
  slug: string;
  /** Empty for the main edition. */
  edition: string;
  name: string;
  description: string;
  platforms: readonly Platform[];
  settings: ProductSettings;
  /** Counts up whenever what a feed shows may have changed. */
  revision: number;
  /** ISO; a retired product answers as an unknown one. */
  retiredAt: string | null;
  createdAt: string;
}

export const DEFAULT_OPEN_CHANNELS: readonly string[] = ['stable'];

/** What an owner may set of a product. */
export const ProductChange = z.object({
  name: z.string().trim().min(1).max(100),
  description: z.string().max(2_000),
  /** Empty: an app that none of our clients asks for; licensed and validated all the same. */
  platforms: z
    .array(z.enum(PLATFORMS))
    .max(PLATFORMS.length)
    .transform((named) => PLATFORMS.filter((platform) => named.includes(platform))),
  mode: z.enum(MODES),
  open_channels: z.array(z.string().min(1).max(40)).max(30),
  security_open: z.boolean(),
  claim_on: z.enum(['download', 'feed']),
  missing_site: z.enum(['allow', 'deny']),
  settings: ProductSettings,
});
export type ProductChange = z.infer<typeof ProductChange>;

/** Where a key is bought or renewed; null: nobody said. */
export function renewUrlOf(product: Pick<Product, 'settings' | 'organizationRenewUrl'>): string | null {
  return product.settings.renewUrl ?? product.organizationRenewUrl;
}

/** `org/repo` or `org/repo/edition`, lower case: addresses ignore case, as forges do. */
export function productPath(product: Pick<Product, 'organizationSlug' | 'slug' | 'edition'>): string {
  const path = `${product.organizationSlug}/${product.slug}`;
  return (product.edition === '' ? path : `${path}/${product.edition}`).toLowerCase();
}

/** First path segments that are ours and so can be no organization. */
export const RESERVED_SEGMENTS: ReadonlySet<string> = new Set([
  'api',
  'k',
  'hooks',
  'buy',
  'setup',
  'login',
  'logout',
  'kits',
  'problems',
  'docs',
  'admin',
  'assets',
  'static',
  'account',
  'portal',
  'withdraw',
  'renew',
  'order',
  'mail',
  'redeem',
  'invite',
  'healthz',
  'readyz',
  'metrics',
  'plugin-manifest.json',
  'robots.txt',
  'favicon.ico',
  '.well-known',
  '-',
  'oauth',
  'payments',
  'webhooks',
  'license',
  'licenses',
]);

/** Second or third segments that are ours. */
const RESERVED_EDITIONS: ReadonlySet<string> = new Set([
  'download',
  'updates.xml',
  'changelog.xml',
  'dolibarr.txt',
  'dolibarr.xml',
]);

const SEGMENT = /^[a-z0-9][a-z0-9._-]{0,99}$/i;

/** null: it can be an organization's slug; else why not, in words. */
export function slugFault(slug: string): string | null {
  if (!SEGMENT.test(slug))
    return 'use letters, digits, dots, dashes and underscores, starting with a letter or digit, at most 100';
  return RESERVED_SEGMENTS.has(slug.toLowerCase()) ? `"${slug}" is an address of Feedgate itself` : null;
}

export function editionFault(edition: string): string | null {
  if (!SEGMENT.test(edition))
    return 'use letters, digits, dots, dashes and underscores, starting with a letter or digit, at most 100';
  return RESERVED_EDITIONS.has(edition.toLowerCase()) ? `"${edition}" is an address of Feedgate itself` : null;
}

/** Why a path (lower case, without slashes at its ends) can be no old address of a product; null: it can. */
export function aliasFault(path: string): string | null {
  if (path === '' || path.length > 500) return 'must be a path of 1 to 500 characters';
  if (/^[a-z]+:/.test(path)) return 'must be what stands behind the host: updates/com_hello.xml, or old-org/hello';
  if (/[?#\s\p{Cc}]/u.test(path)) return 'must be a path alone, without ?, # and blanks';
  return path.split('/').some((part) => part === '' || part === '.' || part === '..')
    ? 'must not hold //, . or ..'
    : null;
}
