import { z } from 'zod';
import type { FieldError } from '../errors.ts';
import { instantField, limitField, nameField } from './fields.ts';
import { PackagePrice } from './package-price.ts';
import {
  AFTER_END,
  Entitlement,
  LENGTH_UNITS,
  MAX_OVERAGE_PERCENT,
  MAX_TAKEOVER_DAYS,
  type PackageTerms,
} from './package-terms.ts';

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
  channels: z
    .array(z.string().min(1).max(40))
    .min(1)
    .max(30)
    .meta({ description: 'Channels of the organization; `stable` is always among them' }),
  sites: limitField.meta({ description: 'null: unlimited; 0 adds none' }),
  devices: limitField,
  seats: limitField,
  sessions: limitField,
  site_unit: z
    .enum(['host', 'registrable'])
    .meta({ description: '`registrable`: all hosts of one domain are one site' }),
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
    .meta({ description: 'Sites beyond the limit: refused, or let in and flagged up to so many percent of it' }),
  takeover_days: z.number().int().min(1).max(MAX_TAKEOVER_DAYS).nullable().meta({
    description: 'A full license takes the slot of a site that was silent for so many days; null: never',
  }),
};

/** What stands beside the terms: it holds for what was sold before as well, and makes no new version. */
const head = {
  name: nameField,
  description: z.string().trim().max(2_000).meta({ description: 'As customers read it' }),
  position: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .meta({ description: 'Lists are in this order; of two with the same the older one comes first' }),
  prices: z
    .array(PackagePrice)
    .max(50)
    .meta({ description: 'What a payment provider calls it; a price leads to one package of the organization' }),
};

/** `duration` and `sites` have no default: forgetting one must not give away more than was meant. */
export const NewPackageBody = z.strictObject({
  name: head.name,
  description: head.description.default(''),
  position: head.position.optional().meta({ description: 'Behind all others by default' }),
  prices: head.prices.default([]),
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
export type NewPackageBody = z.output<typeof NewPackageBody>;

export const PackageChangeBody = z.strictObject({ ...head, active: z.boolean(), ...terms }).partial();
export type PackageChangeBody = z.output<typeof PackageChangeBody>;

export type TermsBody = Pick<NewPackageBody, keyof typeof terms>;

export function termsBody(sold: PackageTerms): TermsBody {
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

/** The terms that a body means, or what is wrong with its dates. */
export function termsOf(body: TermsBody): { ok: true; terms: PackageTerms } | { ok: false; errors: FieldError[] } {
  const { fixed_from: from, fixed_until: until, overage } = body;
  const errors = faultsOfDates(body);
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
      overage: overage.mode === 'deny' ? null : { percent: overage.percent },
      takeoverDays: body.takeover_days,
    },
  };
}

function faultsOfDates({ fixed_from: from, fixed_until: until, duration: length, starts_on }: TermsBody): FieldError[] {
  const isFixed = from !== null || until !== null;
  const faults: (false | FieldError)[] = [
    from !== null && until === null && { pointer: '/fixed_until', detail: 'is required with fixed_from' },
    from === null && until !== null && { pointer: '/fixed_from', detail: 'is required with fixed_until' },
    from !== null &&
      until !== null &&
      from >= until && { pointer: '/fixed_until', detail: 'must be later than fixed_from' },
    isFixed && length !== null && { pointer: '/duration', detail: 'must be null where the dates are fixed' },
    isFixed && starts_on !== 'issue' && { pointer: '/starts_on', detail: 'must be issue where the dates are fixed' },
  ];
  return faults.filter((fault) => fault !== false);
}

/** The terms in force with a change on top; null: the change names none. */
export function changedTerms(sold: PackageTerms, change: PackageChangeBody): TermsBody | null {
  const named = Object.entries(change).filter(([name, value]) => name in terms && value !== undefined);
  return named.length === 0 ? null : { ...termsBody(sold), ...Object.fromEntries(named) };
}
