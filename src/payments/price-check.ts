import type { CheckedPrice, PackagePrice } from '../licensing/package-price.ts';
import type { Length } from '../licensing/package-terms.ts';
import type { RemotePrice } from './gateway.ts';

export interface PriceSeen extends Pick<CheckedPrice, 'amount_minor' | 'currency' | 'interval' | 'trouble'> {
  /** What is wrong, in words for the vendor; '' : nothing. */
  detail: string;
}

/**
 * What a look at the provider says of a price of ours. What we do not know is taken from there; what we do know is never changed by
 * it, and where the two differ nobody guesses which is right: the price is in trouble until somebody mends one of them.
 */
export function priceSeen(price: PackagePrice, remote: RemotePrice | null): PriceSeen {
  const { amount_minor, currency, interval } = price;
  const own = { amount_minor, currency, interval };
  if (remote === null)
    return { ...own, trouble: 'gone', detail: `${price.provider} has no price ${price.external_id}` };
  if (!remote.active)
    return { ...own, trouble: 'inactive', detail: `${price.external_id} is switched off at ${price.provider}` };
  const isKnown = amount_minor !== null;
  const wanted = {
    amount_minor: amount_minor ?? remote.amountMinor,
    currency: currency ?? remote.currency,
    interval: isKnown ? interval : (interval ?? remote.interval),
  };
  const faults = differences(wanted, remote);
  if (wanted.interval !== null && price.duration !== null) faults.push('it recurs, but ours has a duration of its own');
  if (faults.length > 0) return { ...own, trouble: 'changed', detail: `${price.external_id}: ${faults.join('; ')}` };
  return { ...wanted, trouble: '', detail: '' };
}

function differences(own: Pick<PriceSeen, 'amount_minor' | 'currency' | 'interval'>, remote: RemotePrice): string[] {
  const there = `${remote.amountMinor} ${remote.currency}`;
  const here = `${own.amount_minor} ${own.currency}`;
  return [
    ...(there === here ? [] : [`it costs ${there} there and ${here} here`]),
    ...(isSameLength(own.interval, remote.interval)
      ? []
      : [`it is paid ${often(remote.interval)} there and ${often(own.interval)} here`]),
  ];
}

function isSameLength(a: Length | null, b: Length | null): boolean {
  if (a === null || b === null) return a === b;
  return monthsOr(a) === monthsOr(b);
}

/** A year is twelve months, whatever a provider calls it. */
function monthsOr({ value, unit }: Length): string {
  return unit === 'day' ? `${value} day` : `${unit === 'year' ? value * 12 : value} month`;
}

function often(interval: Length | null): string {
  return interval === null ? 'once' : `every ${interval.value} ${interval.unit}${interval.value === 1 ? '' : 's'}`;
}
