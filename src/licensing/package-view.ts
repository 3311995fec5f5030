import { z } from 'zod';
import { toIso } from '../clock.ts';
import { instant } from './fields.ts';
import { termsBody } from './package-body.ts';
import { type CheckedPrice, PackagePrice, PRICE_TROUBLES } from './package-price.ts';
import { AFTER_END, Entitlement, LENGTH_UNITS, PACKAGE_KINDS, type PackageTerms } from './package-terms.ts';
import type { PackageRecord, PackageVersionRecord } from './store-packages.ts';

/** A package with what payment providers call it. */
export interface WholePackage extends PackageRecord {
  prices: readonly CheckedPrice[];
}

const count = z.number().int();
const termsView = {
  duration: z.object({ value: count, unit: z.enum(LENGTH_UNITS) }).nullable(),
  fixed_from: instant.nullable(),
  fixed_until: instant.nullable(),
  starts_on: z.enum(['issue', 'first_use']),
  channels: z.array(z.string()),
  sites: count.nullable(),
  devices: count.nullable(),
  seats: count.nullable(),
  sessions: count.nullable(),
  site_unit: z.enum(['host', 'registrable']),
  grace_days: count,
  after_end: z.enum(AFTER_END),
  products: z.array(z.string()).nullable(),
  entitlements: z.record(z.string(), Entitlement),
  overage: z.discriminatedUnion('mode', [
    z.object({ mode: z.literal('deny') }),
    z.object({ mode: z.literal('allow'), percent: count }),
  ]),
  takeover_days: count.nullable(),
};

export const PackageView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    repository_id: z.string().nullable().meta({ description: 'null: a package of the organization' }),
    name: z.string(),
    description: z.string(),
    kind: z.enum(PACKAGE_KINDS),
    active: z.boolean().meta({ description: 'False: not sold any more; what was sold goes on' }),
    position: count.meta({ description: 'Lists are in this order' }),
    version: count.meta({ description: 'The version that is sold now' }),
    ...termsView,
    prices: z.array(z.object(PackagePrice.shape)),
    price_troubles: z
      .array(z.object({ code: z.string(), trouble: z.enum(PRICE_TROUBLES), checked_at: instant.nullable() }))
      .meta({ description: 'Prices that the provider has no more, switched off, or changed: they are not sold' }),
    created_at: instant,
  })
  .meta({ id: 'Package' });

export function packageView(record: WholePackage): z.input<typeof PackageView> {
  return {
    id: record.id,
    organization_id: record.organizationId,
    repository_id: record.repositoryId,
    name: record.name,
    description: record.description,
    kind: record.kind,
    active: record.active,
    position: record.position,
    version: record.version,
    ...termsShown(record.terms),
    prices: record.prices.map(({ trouble: _, checkedAt: __, ...price }) => price),
    price_troubles: record.prices.flatMap(({ code, trouble, checkedAt }) =>
      trouble === '' ? [] : [{ code, trouble, checked_at: checkedAt }],
    ),
    created_at: record.createdAt,
  };
}

function termsShown(sold: PackageTerms) {
  return {
    ...termsBody(sold),
    fixed_from: sold.fixed === null ? null : toIso(sold.fixed.from),
    fixed_until: sold.fixed === null ? null : toIso(sold.fixed.until),
  };
}

export const PackageVersionView = z
  .object({
    version: count,
    current: z.boolean().meta({ description: 'Whether it is the one that is sold now' }),
    ...termsView,
    grants: count.meta({ description: 'How many grants of it were ever given, closed ones too' }),
    open_grants: count,
    created_at: instant,
    created_by: z.string().meta({ description: 'Id of a token or a person, `cli` or `system`' }),
  })
  .meta({ id: 'PackageVersion' });

export function packageVersionView(of: PackageRecord) {
  return (version: PackageVersionRecord): z.input<typeof PackageVersionView> => ({
    version: version.version,
    current: version.version === of.version,
    ...termsShown(version.terms),
    grants: version.grants,
    open_grants: version.openGrants,
    created_at: version.createdAt,
    created_by: version.createdBy,
  });
}
