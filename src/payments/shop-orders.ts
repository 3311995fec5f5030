import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { Length } from '../licensing/package-terms.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import { findPackage, type PackageRecord } from '../licensing/store-packages.ts';
import { type PriceRecord, pricesOfOrganization } from '../licensing/store-prices.ts';
import { linesOf, type ShopEvent, type ShopItem } from './shop-event.ts';
import { type PricedLine, pricedLines } from './shop-facts.ts';
import type { AccountRecord } from './store-accounts.ts';
import { insertOrder, type OrderLineRecord, type OrderRecord } from './store-orders.ts';

/** What an item of a shop sells. */
interface ShopOffer {
  package: PackageRecord;
  /** By which the order, payments and subscriptions name it. */
  priceId: string;
  code: string;
  /** Of one piece; null: nobody checks it. */
  unitMinor: number | null;
  currency: string | null;
  length: Length | null;
}

export type Offers = ReadonlyMap<string, ShopOffer>;

/** What the items of an event sell, by what the shop calls it; or what of it nobody knows. */
export async function offersOf(
  tx: Tx,
  account: Pick<AccountRecord, 'organizationId' | 'provider'>,
  items: readonly ShopItem[],
): Promise<{ offers: Offers; unknown: string[] }> {
  const { organizationId, provider } = account;
  const prices = await pricesOfOrganization(tx, organizationId);
  const offers = new Map<string, ShopOffer>();
  const unknown: string[] = [];
  for (const item of items) {
    const name = item.price ?? item.package ?? '';
    const price = item.price === undefined ? null : (priceCalled(prices, provider, item.price) ?? undefined);
    const sold = price === undefined ? null : await findPackage(tx, price?.packageId ?? name);
    if (price === undefined || sold?.organizationId !== organizationId || sold.kind === 'master') unknown.push(name);
    else offers.set(name, offerOf(name, sold, price, provider));
  }
  return { offers, unknown };
}

function priceCalled(prices: readonly PriceRecord[], provider: string, name: string): PriceRecord | undefined {
  const own = prices.find((each) => each.provider === provider && each.external_id === name);
  return prices.find(({ code }) => code === name) ?? own;
}

function offerOf(name: string, sold: PackageRecord, price: PriceRecord | null, provider: string): ShopOffer {
  const priceId = price?.provider === provider ? price.external_id : name;
  const { code = '', amount_minor: unitMinor = null, currency = null, duration = null, interval = null } = price ?? {};
  return { package: sold, priceId, code, unitMinor, currency, length: duration ?? interval };
}

/** The lines of an event under the names of our prices; what nobody checks costs what was paid for it. */
export function offeredLines(event: ShopEvent, offers: Offers): PricedLine[] {
  return pricedLines(event, (name) => offers.get(name)?.unitMinor ?? null).map((line) => {
    const offer = offers.get(line.priceId);
    const isChecked = offer !== undefined && offer.unitMinor !== null;
    const amountMinor = isChecked ? line.amountMinor : Math.floor(line.amountMinor / line.quantity) * line.quantity;
    return { ...line, priceId: offer?.priceId ?? line.priceId, amountMinor };
  });
}

/** The row of an order that the shop has sold already, which is then held against what it says was paid. */
export async function makeShopOrder(
  tx: Tx,
  account: AccountRecord,
  event: ShopEvent,
  offers: Offers,
  by: By,
): Promise<OrderRecord> {
  const at = toIso(by.now);
  const lines: OrderLineRecord[] = [];
  const priced = offeredLines(event, offers);
  const id = newId('order', by.now);
  for (const [i, item] of (event.items ?? []).entries()) {
    const offer = offers.get(item.price ?? item.package ?? '');
    const line = linesOf(event.items ?? [])[i] ?? '1';
    if (offer)
      lines.push(await orderLine(tx, account, { id, line, item, offer, event, paid: priced[i]?.amountMinor ?? 0 }));
  }
  const checked = [...offers.values()].find(({ currency, unitMinor }) => currency !== null && unitMinor !== null);
  const order: OrderRecord = {
    ...{ id, organizationId: account.organizationId, accountId: account.id, provider: account.provider },
    ...{ mode: account.mode, state: 'open', customerId: null },
    ...{
      email: event.customer?.email ?? '',
      name: event.customer?.name ?? '',
      language: event.customer?.language ?? '',
    },
    currency: checked?.currency ?? event.currency ?? '',
    subtotalMinor: lines.reduce((sum, { unitMinor, quantity }) => sum + unitMinor * quantity, 0),
    ...{ externalId: event.order, externalUrl: null, externalCustomerId: null, attempt: 1, expiresAt: null },
    ...{
      successUrl: null,
      cancelUrl: null,
      consent: {},
      trouble: '',
      paidAt: null,
      createdAt: at,
      createdBy: by.actor.id,
    },
  };
  await insertOrder(tx, order, lines);
  return order;
}

interface NewLine {
  id: string;
  line: string;
  item: ShopItem;
  offer: ShopOffer;
  event: ShopEvent;
  paid: number;
}

async function orderLine(
  tx: Tx,
  { organizationId }: AccountRecord,
  { id, line, item, offer, event, paid }: NewLine,
): Promise<OrderLineRecord> {
  const named = item.license === undefined ? null : await findLicense(tx, item.license);
  // Of another organization, or gone: who has paid gets a license of his own.
  const license = named?.organizationId === organizationId ? named : null;
  const isInto = license !== null || offer.package.kind === 'addon';
  return {
    ...{ orderId: id, line, packageId: offer.package.id, packageVersion: offer.package.version },
    ...{ priceCode: offer.code, priceExternalId: offer.priceId, quantity: item.quantity },
    unitMinor: offer.unitMinor ?? Math.floor(paid / item.quantity),
    ...{ lengthValue: offer.length?.value ?? null, lengthUnit: offer.length?.unit ?? null },
    ...{ recurring: event.subscription !== undefined, kind: isInto ? 'into' : 'new', licenseId: license?.id ?? null },
  };
}
