import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { type FieldError, problem } from '../errors.ts';
import { enqueue } from '../jobs/store.ts';
import { gateways } from '../payments/registry.ts';
import type { By } from './keys.ts';
import { CHECK_PRICES, faultsOfPrices, type PackagePrice } from './package-price.ts';
import type { PackageRecord } from './store-packages.ts';
import { pricesTaken, replacePrices } from './store-prices.ts';

/**
 * Makes exactly these the prices of a package, and has them looked up at their providers. Throws INVALID_REQUEST for prices that do not
 * fit together, ALREADY_EXISTS for a code, or a price of a provider, that leads to another package already.
 */
export async function setPrices(
  tx: Tx,
  of: Pick<PackageRecord, 'id' | 'organizationId'>,
  prices: readonly PackagePrice[],
  by: By,
): Promise<void> {
  const faults = [...faultsOfPrices(prices), ...prices.flatMap(missingAmount)];
  if (faults.length > 0) throw problem('INVALID_REQUEST', 'the prices do not fit together', { errors: faults });
  const taken = await pricesTaken(tx, of.organizationId, of.id, prices);
  const errors = taken.map(({ index, field, packageId }) => ({
    pointer: `/prices/${index}/${field}`,
    detail: `belongs to the package ${packageId}`,
  }));
  if (errors.length > 0) throw problem('ALREADY_EXISTS', 'a price leads to another package', { errors });
  const at = toIso(by.now);
  await replacePrices(tx, of, prices, by.actor.id, at);
  if (prices.length > 0) await enqueue(tx, { kind: CHECK_PRICES, subject: of.organizationId, runAt: at }, at);
}

/** Of a provider that has no prices for one-off sales, amount and currency can come from us only. */
function missingAmount({ provider, interval, amount_minor }: PackagePrice, i: number): FieldError[] {
  if (amount_minor !== null || interval !== null || gateways[provider]?.oneOffIsOurs !== true) return [];
  const detail = `is required: ${provider} has no prices of one-off sales to take it from`;
  return [{ pointer: `/prices/${i}/amount_minor`, detail }];
}
