import { z } from 'zod';
import { GRANT_SOURCES, LENGTH_UNITS, PACKAGE_KINDS, PackageTerms } from '../licensing/package-terms.ts';

/**
 * What is brought in and given back: one JSON object a line. `ref` is what a thing was called where it comes from; others name it by
 * that. What names a package may also use its name or id here, what names a customer its e-mail address.
 */

const ref = z.string().trim().min(1).max(200);
const FIRST = 0;
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const instant = z.iso
  .datetime({ offset: true, error: 'must be a date and time with zone, such as 2027-01-31T23:59:59Z' })
  .refine((text) => Date.parse(text) >= FIRST && Date.parse(text) <= LAST, 'must lie between the years 1970 and 9999')
  .transform((text) => new Date(Date.parse(text)).toISOString());
const text = (most: number) => z.string().max(most).default('');
const limit = z.number().int().min(0).max(1_000_000_000).nullable();

export const Terms = PackageTerms.omit({ products: true, fixed: true }).extend({
  channels: PackageTerms.shape.channels.default(['stable']),
  startsOn: PackageTerms.shape.startsOn.default('issue'),
  ...{ devices: limit.default(0), seats: limit.default(0), sessions: limit.default(0) },
  siteUnit: PackageTerms.shape.siteUnit.default('host'),
  graceDays: PackageTerms.shape.graceDays.default(0),
  afterEnd: PackageTerms.shape.afterEnd.default('nothing'),
  entitlements: PackageTerms.shape.entitlements.default({}),
  overage: PackageTerms.shape.overage.default(null),
  takeoverDays: PackageTerms.shape.takeoverDays.default(null),
  fixed: z.strictObject({ from: instant, until: instant }).nullable().default(null),
  /** Paths below the organization: `hello` or `hello/pro`. */
  products: z.array(ref).min(1).max(1_000).nullable().default(null),
});
export type Terms = z.output<typeof Terms>;

export const PackageItem = z.strictObject({
  type: z.literal('package'),
  ref,
  name: z.string().trim().min(1).max(200),
  kind: z.enum(PACKAGE_KINDS).exclude(['master']).default('base'),
  description: text(10_000),
  /** Of the repository whose package it is; null: of the organization. */
  repository: ref.nullable().default(null),
  active: z.boolean().default(true),
  /** Oldest first; the last is sold now. */
  versions: z.array(Terms.strict()).min(1).max(1_000),
});
export type PackageItem = z.output<typeof PackageItem>;

export const CustomerItem = z.strictObject({
  type: z.literal('customer'),
  ref,
  name: text(200),
  email: z
    .string()
    .trim()
    .toLowerCase()
    .max(254)
    .regex(/^([^\s@]+@[^\s@]+)?$/, 'must be an e-mail address')
    .default(''),
  kind: z.enum(['customer', 'prospect', 'internal', 'reseller']).default('customer'),
  organization_name: text(200),
  external_customer_id: z.string().trim().min(1).max(200).nullable().default(null),
  external_workspace_id: z.string().trim().min(1).max(200).nullable().default(null),
  notes: text(10_000),
});
export type CustomerItem = z.output<typeof CustomerItem>;

const Closing = z.strictObject({ kind: z.enum(['close', 'reopen']), at: instant, reason: text(500) });

const GrantItem = z.strictObject({
  ref: ref.optional(),
  package: ref,
  /** Counted from 1; the one that is sold now unless said. */
  package_version: z.number().int().min(1).optional(),
  source: z.enum(GRANT_SOURCES).exclude(['master']).default('import'),
  given_at: instant.optional(),
  length: z
    .strictObject({ value: z.number().int().min(1).max(36_500), unit: z.enum(LENGTH_UNITS) })
    .nullable()
    .default(null),
  /** With neither this nor a length it has no end. */
  ends_at: instant.nullable().default(null),
  quantity: z.number().int().min(1).max(100_000).default(1),
  payment_ref: z.string().trim().min(1).max(255).nullable().default(null),
  line: z.string().trim().min(1).max(100).default('1'),
  supersedes: z.array(ref).max(1_000).default([]),
  first_used_at: instant.nullable().default(null),
  closings: z.array(Closing).max(100).default([]),
});
export type GrantItem = z.output<typeof GrantItem>;

const KeyItem = z
  .strictObject({
    ref: ref.optional(),
    key: z.string().trim().min(1).max(512).optional(),
    /** 64 hexadecimal digits; of the key as it is typed. */
    key_sha256: z
      .string()
      .trim()
      .toLowerCase()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
      .optional(),
    label: text(200),
    purpose: z.enum(['commercial', 'test', 'internal']).default('commercial'),
    site_limit: z.number().int().min(0).max(1_000_000_000).nullable().default(null),
    domains: z.array(z.string().max(2_048)).max(1_000).default([]),
    suspended_at: instant.nullable().default(null),
    revoked_at: instant.nullable().default(null),
    revoke_reason: z.string().max(500).nullable().default(null),
    ends_at: instant.nullable().default(null),
    replaced_by: ref.nullable().default(null),
    created_at: instant.optional(),
  })
  .refine((key) => (key.key === undefined) !== (key.key_sha256 === undefined), 'says either key or key_sha256');
export type KeyItem = z.output<typeof KeyItem>;

export const SiteItem = z.strictObject({
  /** A host or an address; or `identity` as it was given out. */
  site: z.string().trim().min(1).max(2_048),
  identity: z.string().min(1).max(300).optional(),
  instance: z.string().max(128).nullable().default(null),
  counted: z.boolean().optional(),
  exempt_reason: z.string().max(100).nullable().default(null),
  covers: z.enum(['host', 'domain', 'wildcard']).default('host'),
  label: z.string().max(200).nullable().default(null),
  /** Of the key that claimed it. */
  key: ref.nullable().default(null),
  first_seen_at: instant.optional(),
  last_seen_at: instant.optional(),
});
export type SiteItem = z.output<typeof SiteItem>;

export const LicenseItem = z.strictObject({
  type: z.literal('license'),
  ref,
  /** By ref or e-mail address; or the customer himself. */
  customer: z.union([ref, CustomerItem.omit({ type: true, ref: true }).strict()]).optional(),
  /** Its keys stand beside the one that is here already, nothing else of it is taken. */
  master: z.boolean().default(false),
  /** Of a master license: whose repository; null: of the organization. */
  repository: ref.nullable().default(null),
  notes: text(10_000),
  suspended_at: instant.nullable().default(null),
  revoked_at: instant.nullable().default(null),
  created_at: instant.optional(),
  grants: z.array(GrantItem).max(10_000).default([]),
  keys: z.array(KeyItem).max(10_000).default([]),
  sites: z.array(SiteItem).max(200_000).default([]),
});
export type LicenseItem = z.output<typeof LicenseItem>;

/** A site of a license that is here already. */
export const SiteRowItem = z.strictObject({
  type: z.literal('site'),
  ref,
  license: ref.optional(),
  key: z.string().trim().min(1).max(512).optional(),
  key_sha256: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
  site: z.string().trim().min(1, 'is missing').max(2_048),
  first_seen_at: instant.optional(),
  last_seen_at: instant.optional(),
});
export type SiteRowItem = z.output<typeof SiteRowItem>;

/** The first line of what was given out. */
const HeaderItem = z.object({ type: z.literal('feedgate-export'), version: z.literal(1), source: ref });

/** What an owner may set of a product that is here already. */
export const ProductItem = z.strictObject({
  type: z.literal('product'),
  ref,
  path: ref,
  mode: z.enum(['open', 'listed', 'strict']),
  open_channels: z.array(z.string().min(1).max(40)).max(30),
  security_open: z.boolean(),
  claim_on: z.enum(['download', 'feed']),
  missing_site: z.enum(['allow', 'deny']),
  aliases: z
    .array(z.strictObject({ path: ref, document: z.string().max(200).nullable() }))
    .max(1_000)
    .default([]),
});
export type ProductItem = z.output<typeof ProductItem>;

export const ImportItem = z.discriminatedUnion('type', [
  PackageItem,
  CustomerItem,
  ProductItem,
  LicenseItem,
  SiteRowItem,
  HeaderItem,
]);
export type ImportItem = Exclude<z.output<typeof ImportItem>, { type: 'feedgate-export' }>;

/** One row of what is read: a thing, or why it is none. */
export interface ImportRow {
  line: number;
  item: ImportItem | null;
  /** Why there is no thing, each with what it is about. */
  faults: readonly string[];
}

export const ROW_CODES = [
  'NEW',
  'KNOWN',
  'INVALID',
  'TWICE_IN_FILE',
  'PACKAGE_UNKNOWN',
  'PRODUCT_UNKNOWN',
  'REPOSITORY_UNKNOWN',
  'CUSTOMER_UNKNOWN',
  'KEY_MALFORMED',
  'KEY_TAKEN',
  'PAYMENT_TAKEN',
  'MASTER_MISSING',
  'REFUSED',
] as const;
export type RowCode = (typeof ROW_CODES)[number];

/** What became of a row, or would. Never holds a key. */
export interface RowReport {
  line: number;
  kind: string;
  ref: string;
  /** `created`, `unchanged` or `refused`. */
  outcome: 'created' | 'unchanged' | 'refused';
  code: RowCode;
  words: string;
  id: string;
}

/** A row of a file in JSON lines. */
export function itemOfJson(line: number, json: unknown): ImportRow | { line: number; source: string } {
  const read = ImportItem.safeParse(json);
  if (!read.success) return { line, item: null, faults: faultsOf(read.error) };
  if (read.data.type === 'feedgate-export') return { line, source: read.data.source };
  return { line, item: read.data, faults: [] };
}

const MOST_FAULTS = 10;

export function faultsOf(error: z.ZodError): string[] {
  return error.issues
    .slice(0, MOST_FAULTS)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`));
}
