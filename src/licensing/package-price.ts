import { z } from 'zod';
import type { FieldError } from '../errors.ts';
import { Length } from './package-terms.ts';

/** The job that looks up an organization's prices at their providers. */
export const CHECK_PRICES = 'check-prices';

const span = z.strictObject(Length.shape).nullable().default(null);

/** What a payment provider calls a package. The payment of such a price sells the package that names it. */
export const PackagePrice = z.strictObject({
  provider: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,29}$/, 'must be lower-case letters, digits, dashes and underscores, at most 30')
    .meta({ description: 'Such as `stripe`, `paypal` or the name of a shop' }),
  external_id: z.string().trim().min(1).max(255).meta({ description: "The provider's own id of the price" }),
  code: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/, 'must be letters, digits and _ . : -, at most 100')
    .meta({ description: 'Our own name of the price, unique in the organization; checkout takes it' }),
  amount_minor: z.number().int().min(0).max(1_000_000_000_000).nullable().default(null).meta({
    description: 'Of one piece before tax, in minor units. null: it is taken from the provider, or nobody checks it',
  }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be three capital letters, as in ISO 4217')
    .nullable()
    .default(null),
  interval: span.meta({ description: 'It is paid again every so often; null: once' }),
  duration: span.meta({
    description:
      'How long what it buys lasts; null: as the package says. Always null with an interval: the paid period counts',
  }),
});
export type PackagePrice = z.output<typeof PackagePrice>;

/** What was last seen of a price at its provider. */
export const PRICE_TROUBLES = ['gone', 'inactive', 'changed'] as const;
type PriceTrouble = (typeof PRICE_TROUBLES)[number];

/** A price with what was last seen of it: `trouble` '' is none, and with one it is not sold. */
export interface CheckedPrice extends PackagePrice {
  trouble: PriceTrouble | '';
  checkedAt: string | null;
}

/** The price as it is before anybody looked at the provider. */
export function unchecked(price: PackagePrice): CheckedPrice {
  return { ...price, trouble: '', checkedAt: null };
}

/** What is wrong with a list of prices by itself: twins, and what does not fit together within one. */
export function faultsOfPrices(prices: readonly PackagePrice[]): FieldError[] {
  return [...twinsAmong(prices), ...prices.flatMap(faultsOfPrice)];
}

function faultsOfPrice({ amount_minor, currency, interval, duration }: PackagePrice, i: number): FieldError[] {
  const faults: (false | FieldError)[] = [
    amount_minor !== null &&
      currency === null && { pointer: `/prices/${i}/currency`, detail: 'is required with amount_minor' },
    amount_minor === null &&
      currency !== null && { pointer: `/prices/${i}/amount_minor`, detail: 'is required with currency' },
    interval !== null &&
      duration !== null && {
        ...{ pointer: `/prices/${i}/duration` },
        detail: 'must be null with an interval: what recurs lasts as long as it is paid for',
      },
  ];
  return faults.filter((fault) => fault !== false);
}

function twinsAmong(prices: readonly PackagePrice[]): FieldError[] {
  const first = (same: (a: PackagePrice, b: PackagePrice) => boolean, price: PackagePrice) =>
    prices.findIndex((other) => same(other, price));
  return prices.flatMap((price, i) => [
    ...(first(isSameCode, price) === i ? [] : [{ pointer: `/prices/${i}/code`, detail: 'is named twice' }]),
    ...(first(isSamePrice, price) === i ? [] : [{ pointer: `/prices/${i}/external_id`, detail: 'is named twice' }]),
  ]);
}

export function isSameCode(a: Pick<PackagePrice, 'code'>, b: Pick<PackagePrice, 'code'>): boolean {
  return a.code === b.code;
}

type External = Pick<PackagePrice, 'provider' | 'external_id'>;

export function isSamePrice(a: External, b: External): boolean {
  return a.provider === b.provider && a.external_id === b.external_id;
}
