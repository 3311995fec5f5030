import { forUpdate, type Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import { type CheckedPrice, isSameCode, isSamePrice, type PackagePrice } from './package-price.ts';
import type { Length } from './package-terms.ts';

interface Row extends Pick<PackagePrice, 'provider' | 'external_id' | 'code' | 'currency'> {
  id: string;
  package_id: string;
  place: number;
  amount_minor: number | string | null;
  interval_count: number | null;
  interval_unit: Length['unit'] | null;
  length_value: number | null;
  length_unit: Length['unit'] | null;
  trouble: CheckedPrice['trouble'];
  checked_at: string | null;
}

const COLUMNS = [
  ...['id', 'package_id', 'provider', 'external_id', 'code', 'place', 'amount_minor', 'currency', 'interval_count'],
  ...['interval_unit', 'length_value', 'length_unit', 'trouble', 'checked_at'],
];

function toPrice(row: Row): CheckedPrice {
  return {
    ...{ provider: row.provider, external_id: row.external_id, code: row.code, currency: row.currency },
    // PostgreSQL gives a bigint as text.
    amount_minor: row.amount_minor === null ? null : Number(row.amount_minor),
    interval: lengthOf(row.interval_count, row.interval_unit),
    duration: lengthOf(row.length_value, row.length_unit),
    ...{ trouble: row.trouble, checkedAt: row.checked_at },
  };
}

function lengthOf(value: number | null, unit: Length['unit'] | null): Length | null {
  return value === null || unit === null ? null : { value, unit };
}

function toColumns({ provider, external_id, code, amount_minor, currency, interval, duration }: PackagePrice) {
  return {
    ...{ provider, external_id, code, amount_minor, currency },
    ...{ interval_count: interval?.value ?? null, interval_unit: interval?.unit ?? null },
    ...{ length_value: duration?.value ?? null, length_unit: duration?.unit ?? null },
  };
}

/** A price with the package that it sells. */
export interface PriceRecord extends CheckedPrice {
  id: string;
  packageId: string;
}

/** The prices of an organization at one provider, or all of them. */
export async function pricesOfOrganization(
  tx: Tx,
  organizationId: string,
  provider: string | null = null,
): Promise<PriceRecord[]> {
  const query = tx('package_prices').where({ organization_id: organizationId }).orderBy(['package_id', 'place', 'id']);
  const rows: Row[] = await (provider === null ? query : query.where({ provider })).select(COLUMNS);
  return rows.map((row) => ({ ...toPrice(row), id: row.id, packageId: row.package_id }));
}

/** The prices of packages, each list in its order. */
export async function pricesOf(tx: Tx, packageIds: readonly string[]): Promise<Map<string, CheckedPrice[]>> {
  const prices = new Map<string, CheckedPrice[]>(packageIds.map((id) => [id, []]));
  if (packageIds.length === 0) return prices;
  const rows: Row[] = await tx('package_prices')
    .whereIn('package_id', packageIds)
    .orderBy(['place', 'id'])
    .select(COLUMNS);
  for (const row of rows) prices.get(row.package_id)?.push(toPrice(row));
  return prices;
}

export interface TakenPrice {
  /** Which of the wanted ones. */
  index: number;
  field: 'code' | 'external_id';
  packageId: string;
}

/** Those of the wanted prices that another package of the organization has. */
export async function pricesTaken(
  tx: Tx,
  organizationId: string,
  packageId: string,
  wanted: readonly PackagePrice[],
): Promise<TakenPrice[]> {
  const others: Row[] = await tx('package_prices')
    .where({ organization_id: organizationId })
    .whereNot({ package_id: packageId })
    .select(COLUMNS);
  return wanted.flatMap((price, index) => [
    ...others.filter((other) => isSameCode(other, price)).map((other) => taken(index, 'code', other)),
    ...others.filter((other) => isSamePrice(other, price)).map((other) => taken(index, 'external_id', other)),
  ]);
}

function taken(index: number, field: TakenPrice['field'], { package_id: packageId }: Row): TakenPrice {
  return { index, field, packageId };
}

/**
 * Makes exactly these the prices of a package; one that stays keeps its id, its date and its maker, and what was last seen of it at
 * the provider as long as nothing else is said of it.
 */
export async function replacePrices(
  tx: Tx,
  of: { id: string; organizationId: string },
  prices: readonly PackagePrice[],
  actor: string,
  now: string,
): Promise<void> {
  const before: Row[] = await tx('package_prices').where({ package_id: of.id }).select(COLUMNS);
  const isKept = (row: Row) => prices.some((price) => isSameCode(price, row) && isSamePrice(price, row));
  const gone = before.filter((row) => !isKept(row)).map(({ id }) => id);
  if (gone.length > 0) await tx('package_prices').whereIn('id', gone).delete();
  for (const [place, price] of prices.entries()) {
    const kept = before.find((row) => isSameCode(price, row) && isSamePrice(price, row));
    if (kept) {
      const seen = isSaid(price, toPrice(kept)) ? {} : { trouble: '', checked_at: null };
      await tx('package_prices')
        .where({ id: kept.id })
        .update({ ...toColumns(price), ...seen, place });
      continue;
    }
    await tx('package_prices').insert({
      ...{ id: newId('price'), organization_id: of.organizationId, package_id: of.id },
      ...{ ...toColumns(price), place, created_at: now, created_by: actor },
    });
  }
}

function isSaid(price: PackagePrice, before: CheckedPrice): boolean {
  return JSON.stringify(toColumns(price)) === JSON.stringify(toColumns(before));
}

/** Writes what was seen of a price at its provider, and what was filled in from there. */
export async function notePriceSeen(
  tx: Tx,
  id: string,
  seen: Pick<CheckedPrice, 'amount_minor' | 'currency' | 'interval' | 'trouble'>,
  at: string,
): Promise<void> {
  const { amount_minor, currency, interval, trouble } = seen;
  const change = {
    amount_minor,
    currency,
    interval_count: interval?.value ?? null,
    interval_unit: interval?.unit ?? null,
  };
  await tx('package_prices')
    .where({ id })
    .update({ ...change, trouble, checked_at: at });
}

/** The price as it is now, and as nobody else can change it until this transaction ends. */
export async function lockPrice(tx: Tx, id: string): Promise<PriceRecord | null> {
  const rows: Row[] = await forUpdate(tx, tx('package_prices').where({ id }).select(COLUMNS));
  const [row] = rows;
  return row ? { ...toPrice(row), id: row.id, packageId: row.package_id } : null;
}
