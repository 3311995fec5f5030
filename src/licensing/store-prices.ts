import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import { isSameCode, isSamePrice, type PackagePrice } from './package-price.ts';

interface Row extends PackagePrice {
  id: string;
  package_id: string;
  place: number;
}

const COLUMNS = ['id', 'package_id', 'provider', 'external_id', 'code', 'place'];

/** The prices of packages, each list in its order. */
export async function pricesOf(tx: Tx, packageIds: readonly string[]): Promise<Map<string, PackagePrice[]>> {
  const prices = new Map<string, PackagePrice[]>(packageIds.map((id) => [id, []]));
  if (packageIds.length === 0) return prices;
  const rows: Row[] = await tx('package_prices')
    .whereIn('package_id', packageIds)
    .orderBy(['place', 'id'])
    .select(COLUMNS);
  for (const { package_id, provider, external_id, code } of rows) {
    prices.get(package_id)?.push({ provider, external_id, code });
  }
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

/** Makes exactly these the prices of a package; one that stays keeps its id, its date and its maker. */
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
      await tx('package_prices').where({ id: kept.id }).update({ place });
      continue;
    }
    const { provider, external_id, code } = price;
    await tx('package_prices').insert({
      ...{ id: newId('price'), organization_id: of.organizationId, package_id: of.id },
      ...{ provider, external_id, code, place, created_at: now, created_by: actor },
    });
  }
}
