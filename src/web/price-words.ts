import type { Length } from '../licensing/package-terms.ts';
import { moneyText } from '../money.ts';
import type { OfferPrice } from '../payments/sold-price.ts';

/** `€49.00 every 3 months`, `€49.00 once`. */
export function priceText({ amount_minor, currency, interval }: OfferPrice): string {
  return `${moneyText(amount_minor, currency)} ${interval === null ? 'once' : often(interval)}`;
}

function often({ value, unit }: Length): string {
  return value === 1 ? `every ${unit}` : `every ${value} ${unit}s`;
}

/** How long what is bought lasts, in words; '' : the price says it already. */
export function lastsText({ interval, duration }: OfferPrice, length: Length | null): string {
  const own = duration ?? length;
  if (interval !== null) return 'until you cancel';
  if (own === null) return 'without an end';
  return `for ${own.value} ${own.unit}${own.value === 1 ? '' : 's'}`;
}

/** A day in UTC, as everybody reads it. */
export function dayText(instant: string | number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
