import type { Tx } from '../db/dialect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import type { PackageTerms } from '../licensing/package-terms.ts';
import { type DealGrant, grantsOfPayments } from '../licensing/store-licenses.ts';
import { type PriceRecord, pricesOfOrganization } from '../licensing/store-prices.ts';
import type { Deal, SoldPrice } from './deal.ts';
import { keyOf, refOf } from './plan-ledger.ts';
import type { Recorded } from './record-facts.ts';
import { currentVersions, importedTimes, termsOfVersions } from './store-deals.ts';
import { disputesOf, type PaymentRecord, paymentsOf, refundsOf } from './store-facts.ts';
import { linesOfOrder, type OrderLineRecord } from './store-orders.ts';

/** Everything that is stored of an order and its subscription, with what each of their prices sells. */
export async function readDeal(
  tx: Tx,
  organization: Pick<OrganizationRecord, 'id'>,
  { order, subscription }: Recorded,
  failedAt: number | null,
): Promise<{ deal: Deal; existing: DealGrant[] }> {
  const lines = order === null ? [] : await linesOfOrder(tx, order.id);
  const payments = [
    ...(order === null ? [] : await paymentsOf(tx, { orderId: order.id })),
    ...(subscription === null ? [] : await paymentsOf(tx, { subscriptionId: subscription.id })),
  ];
  const ids = payments.map(({ id }) => id);
  const existing = await grantsOfPayments(tx, organization.id, payments.map(refOf));
  const provider = order?.provider ?? subscription?.provider ?? '';
  const rows = await pricesOfOrganization(tx, organization.id, provider);
  const prices = await soldPrices(tx, { order, lines, payments, existing, rows });
  const refunds = await refundsOf(tx, ids);
  const disputes = await disputesOf(tx, ids);
  const imported = subscription === null || order !== null ? [] : await importedTimes(tx, subscription.id);
  return { deal: { order, lines, subscription, failedAt, payments, refunds, disputes, imported, prices }, existing };
}

interface PriceSources {
  order: Recorded['order'];
  lines: readonly OrderLineRecord[];
  payments: readonly PaymentRecord[];
  existing: readonly DealGrant[];
  rows: readonly PriceRecord[];
}

type Sold = Omit<SoldPrice, 'length' | 'graceDays'>;

/**
 * What was ordered goes before what a price leads to now, and that before what it led to when it was paid last: a sale is honoured
 * whatever became of its price.
 */
async function soldPrices(tx: Tx, sources: PriceSources): Promise<Map<string, SoldPrice>> {
  const { lines, payments, rows } = sources;
  const ids = new Set([
    ...lines.map(({ priceExternalId }) => priceExternalId),
    ...payments.flatMap((payment) => payment.lines.flatMap(({ priceId }) => priceId ?? [])),
  ]);
  const current = await currentVersions(tx, [...new Set(rows.map(({ packageId }) => packageId))]);
  const found = [...ids].flatMap((id): [string, Sold][] => {
    const sold = soldBy(id, sources, current);
    return sold === null ? [] : [[id, sold]];
  });
  const versions = found.map(([, { packageId, packageVersion }]) => ({ packageId, version: packageVersion }));
  const terms = await termsOfVersions(tx, versions);
  return new Map(found.map(([id, sold]) => [id, withTerms(sold, terms)]));
}

function soldBy(id: string, sources: PriceSources, current: ReadonlyMap<string, number>): Sold | null {
  const { order, lines, rows, existing } = sources;
  const line = lines.find(({ priceExternalId }) => priceExternalId === id);
  const row = rows.find(({ external_id }) => external_id === id);
  const units = [...(line ? [line.unitMinor] : []), ...(row?.amount_minor != null ? [row.amount_minor] : [])];
  if (line) {
    const { packageId, packageVersion } = line;
    return { packageId, packageVersion, unitsMinor: units, currency: order?.currency ?? null };
  }
  const earlier = grantOfPrice(id, sources);
  if (row) {
    const packageId = row.packageId;
    const sold = existing.find(({ grant }) => grant.packageId === packageId)?.grant.packageVersion;
    const packageVersion = sold ?? current.get(packageId) ?? 1;
    return { packageId, packageVersion, unitsMinor: units, currency: row.currency };
  }
  if (earlier === null) return null;
  const { packageId, packageVersion } = earlier;
  return { packageId, packageVersion, unitsMinor: [], currency: null };
}

function grantOfPrice(id: string, { payments, existing }: PriceSources): DealGrant['grant'] | null {
  const keys = payments.flatMap((payment) =>
    payment.lines.filter(({ priceId }) => priceId === id).map((line) => keyOf(refOf(payment), line.id)),
  );
  return existing.find(({ grant }) => keys.includes(keyOf(grant.paymentRef ?? '', grant.line)))?.grant ?? null;
}

function withTerms(sold: Sold, terms: ReadonlyMap<string, PackageTerms>): SoldPrice {
  const found = terms.get(`${sold.packageId}@${sold.packageVersion}`);
  return { ...sold, length: found?.length ?? null, graceDays: found?.graceDays ?? 0 };
}
