import { z } from 'zod';
import { toIso } from '../clock.ts';
import { instant, instantField, limitField, nameField } from './fields.ts';
import {
  AFTER_END,
  Entitlement,
  LENGTH_UNITS,
  MAX_OVERAGE_PERCENT,
  MAX_TAKEOVER_DAYS,
  PACKAGE_KINDS,
  type PackageTerms,
} from './package-terms.ts';
import type { PackageRecord } from './store-packages.ts';

const SELLABLE_KINDS = ['base', 'addon', 'trial'] as const;
const duration = z
  .strictObject({ value: z.number().int().min(1).max(36_500), unit: z.enum(LENGTH_UNITS) })
  .nullable()
  .meta({ description: 'How long one sale lasts; null: without an end, or with fixed dates' });

/** The terms of a package as they are sent; all of them may be changed later, for what is sold from then on. */
const terms = {
  duration,
  fixed_from: instantField.nullable().meta({ description: 'With `fixed_until`: every sale has just these dates' }),
  fixed_until: instantField.nullable(),
  starts_on: z.enum(['issue', 'first_use']),
  channels: z.array(z.string().min(1).max(40)).min(1).max(30),
  sites: limitField.meta({ description: 'null: unlimited; 0 adds none' }),
  devices: limitField,
  seats: limitField,
  sessions: limitField,
  site_unit: z.enum(['host', 'registrable']),
  grace_days: z.number().int().min(0).max(3_650),
  after_end: z.enum(AFTER_END).meta({ description: 'What a key still opens after the end and grace' }),
  products: z
    .array(z.string().max(64))
    .min(1)
    .max(1_000)
    .nullable()
    .meta({ description: 'Ids of the products it covers; null: every one of its level, later ones too' }),
  entitlements: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,59}$/), Entitlement),
  overage: z
    .discriminatedUnion('mode', [
      z.strictObject({ mode: z.literal('deny') }),
      z.strictObject({ mode: z.literal('allow'), percent: z.number().int().min(1).max(MAX_OVERAGE_PERCENT) }),
    ])
    .meta({
      description: 'What becomes of sites beyond the limit: refused, or let in and flagged up to so many percent of it',
    }),
  takeover_days: z.number().int().min(1).max(MAX_TAKEOVER_DAYS).nullable().meta({
    description: 'A full license takes the slot of a site that was silent for so many days; null: never',
  }),
};

/** `duration` and `sites` have no default: forgetting one must not give away more than was meant. */
export const NewPackageBody = z.strictObject({
  name: nameField,
  kind: z.enum(SELLABLE_KINDS).default('base'),
  ...terms,
  fixed_from: terms.fixed_from.default(null),
  fixed_until: terms.fixed_until.default(null),
  starts_on: terms.starts_on.default('issue'),
  channels: terms.channels.default(['stable']),
  devices: terms.devices.default(0),
  seats: terms.seats.default(0),
  sessions: terms.sessions.default(0),
  site_unit: terms.site_unit.default('host'),
  grace_days: terms.grace_days.default(0),
  after_end: terms.after_end.default('nothing'),
  products: terms.products.default(null),
  entitlements: terms.entitlements.default({}),
  overage: terms.overage.default({ mode: 'deny' }),
  takeover_days: terms.takeover_days.default(null),
});

export const PackageChangeBody = z.strictObject({ name: nameField, active: z.boolean(), ...terms }).partial();
type TermsBody = Pick<z.output<typeof NewPackageBody>, keyof typeof terms>;
export type PackageChangeBody = z.output<typeof PackageChangeBody>;

export const PackageView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    repository_id: z.string().nullable().meta({ description: 'null: a package of the organization' }),
    name: z.string(),
    kind: z.enum(PACKAGE_KINDS),
    active: z.boolean().meta({ description: 'False: not sold any more; what was sold goes on' }),
    version: z.number().int().meta({ description: 'The version that is sold now' }),
    duration: z.object({ value: z.number().int(), unit: z.enum(LENGTH_UNITS) }).nullable(),
    fixed_from: instant.nullable(),
    fixed_until: instant.nullable(),
    starts_on: z.enum(['issue', 'first_use']),
    channels: z.array(z.string()),
    sites: z.number().int().nullable(),
    devices: z.number().int().nullable(),
    seats: z.number().int().nullable(),
    sessions: z.number().int().nullable(),
    site_unit: z.enum(['host', 'registrable']),
    grace_days: z.number().int(),
    after_end: z.enum(AFTER_END),
    products: z.array(z.string()).nullable(),
    entitlements: z.record(z.string(), Entitlement),
    overage: z.discriminatedUnion('mode', [
      z.object({ mode: z.literal('deny') }),
      z.object({ mode: z.literal('allow'), percent: z.number().int() }),
    ]),
    takeover_days: z.number().int().nullable(),
    created_at: instant,
  })
  .meta({ id: 'Package' });

export function packageView(record: PackageRecord): z.input<typeof PackageView> {
  const { terms: sold } = record;
  return {
    id: record.id,
    organization_id: record.organizationId,
    repository_id: record.repositoryId,
    name: record.name,
    kind: record.kind,
    active: record.active,
    version: record.version,
    ...termsBody(sold),
    fixed_from: sold.fixed === null ? null : toIso(sold.fixed.from),
    fixed_until: sold.fixed === null ? null : toIso(sold.fixed.until),
    created_at: record.createdAt,
  };
}

function termsBody(sold: PackageTerms): TermsBody {
  return {
    duration: sold.length,
    fixed_from: sold.fixed?.from ?? null,
    fixed_until: sold.fixed?.until ?? null,
    starts_on: sold.startsOn,
    channels: sold.channels,
    sites: sold.sites,
    devices: sold.devices,
    seats: sold.seats,
    sessions: sold.sessions,
    site_unit: sold.siteUnit,
    grace_days: sold.graceDays,
    after_end: sold.afterEnd,
    products: sold.products,
    entitlements: sold.entitlements,
    overage: sold.overage === null ? { mode: 'deny' } : { mode: 'allow', percent: sold.overage.percent },
    takeover_days: sold.takeoverDays,
  };
}

type Field = { pointer: string; detail: string };

/** The terms that a body means, or what is wrong with its dates. */
export function termsOf(body: TermsBody): { ok: true; terms: PackageTerms } | { ok: false; errors: Field[] } {
  const { fixed_from: from, fixed_until: until } = body;
  const errors: Field[] = [];
  if (from !== null && until === null) errors.push({ pointer: '/fixed_until', detail: 'is required with fixed_from' });
  if (from === null && until !== null) errors.push({ pointer: '/fixed_from', detail: 'is required with fixed_until' });
  if (from !== null && until !== null && from >= until)
    errors.push({ pointer: '/fixed_until', detail: 'must be later than fixed_from' });
  if ((from !== null || until !== null) && body.duration !== null)
    errors.push({ pointer: '/duration', detail: 'must be null where the dates are fixed' });
  if (errors.length > 0) return { ok: false, errors };
  return {
    ok: true,
    terms: {
      length: body.duration,
      fixed: from === null || until === null ? null : { from, until },
      startsOn: body.starts_on,
      channels: body.channels,
      sites: body.sites,
      devices: body.devices,
      seats: body.seats,
      sessions: body.sessions,
      siteUnit: body.site_unit,
      graceDays: body.grace_days,
      afterEnd: body.after_end,
      products: body.products,
      entitlements: body.entitlements,
      overage: body.overage.mode === 'deny' ? null : { percent: body.overage.percent },
      takeoverDays: body.takeover_days,
    },
  };
}

/** The terms in force with a change on top; null: the change names none. */
export function changedTerms(sold: PackageTerms, change: PackageChangeBody): TermsBody | null {
  const { name: _name, active: _active, ...given } = change;
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return Object.keys(named).length === 0 ? null : { ...termsBody(sold), ...named };
}
