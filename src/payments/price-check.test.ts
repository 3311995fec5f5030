import { describe, expect, it } from 'vitest';
import { PackagePrice } from '../licensing/package-price.ts';
import type { RemotePrice } from './gateway.ts';
import { priceSeen } from './price-check.ts';

const own = (change: object = {}) =>
  PackagePrice.parse({ provider: 'stripe', external_id: 'price_1', code: 'pro', ...change });
const remote: RemotePrice = {
  ...{ externalId: 'price_1', active: true, name: 'Pro', amountMinor: 4900, currency: 'EUR' },
  interval: { value: 1, unit: 'year' },
};
const YEAR = { value: 1, unit: 'year' };
const MONTHS = { value: 12, unit: 'month' };

describe('a look at a price', () => {
  it('takes over what is not known here', () => {
    expect(priceSeen(own(), remote)).toEqual({
      ...{ amount_minor: 4900, currency: 'EUR', interval: YEAR, trouble: '', detail: '' },
    });
    expect(priceSeen(own({ interval: MONTHS }), remote)).toMatchObject({ interval: MONTHS, trouble: '' });
  });

  it('finds nothing wrong with the same', () => {
    expect(priceSeen(own({ amount_minor: 4900, currency: 'EUR', interval: MONTHS }), remote).trouble).toBe('');
  });

  it.each([
    [
      'another amount',
      { amount_minor: 3900, currency: 'EUR', interval: YEAR },
      'it costs 4900 EUR there and 3900 EUR here',
    ],
    ['another currency', { amount_minor: 4900, currency: 'USD', interval: YEAR }, 'it costs 4900 EUR there'],
    ['once here', { amount_minor: 4900, currency: 'EUR' }, 'it is paid every 1 year there and once here'],
    ['another interval', { interval: { value: 1, unit: 'month' } }, 'it is paid every 1 year there and every 1 month'],
    ['a duration of its own', { duration: YEAR }, 'it recurs'],
  ])('guesses nothing: %s', (_, change, detail) => {
    const price = own(change);
    const seen = priceSeen(price, remote);
    expect(seen).toMatchObject({ trouble: 'changed', amount_minor: price.amount_minor, interval: price.interval });
    expect(seen.detail).toContain(detail);
  });

  it('tells what is gone from what is switched off', () => {
    expect(priceSeen(own(), null)).toMatchObject({ trouble: 'gone', amount_minor: null });
    expect(priceSeen(own(), { ...remote, active: false })).toMatchObject({ trouble: 'inactive', amount_minor: null });
  });
});
