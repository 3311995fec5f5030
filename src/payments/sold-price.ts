import type { OrganizationRecord } from '../forge/store.ts';
import { type Offer, whyNotSold } from '../licensing/license-change.ts';
import type { CheckedPrice } from '../licensing/package-price.ts';
import type { PackageRecord } from '../licensing/store-packages.ts';
import type { PriceRecord } from '../licensing/store-prices.ts';
import type { Gateway, Mode } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';

/** A price of which is known what it comes to. */
export type KnownPrice = CheckedPrice & { amount_minor: number; currency: string };

export type OfferPrice = PriceRecord & KnownPrice;

/** A package with the prices at which anybody can buy it now. */
export interface PackageOffer {
  offer: PackageRecord;
  prices: OfferPrice[];
}

export interface Offers {
  organization: OrganizationRecord;
  mode: Mode;
  offers: PackageOffer[];
}

type Sellers = Readonly<Record<string, Pick<Gateway, 'startCheckout'>>>;

/** Money of tests is taken where a caller may ask for it and does, or where nothing else is connected. */
export function modeOf(accounts: readonly Pick<AccountRecord, 'mode'>[], wanted: Mode | null): Mode {
  return wanted ?? (accounts.some(({ mode }) => mode === 'live') ? 'live' : 'test');
}

/** The account that sells at this price in this mode; undefined: none does. */
export function sellerOf(
  accounts: readonly AccountRecord[],
  gateways: Sellers,
  { provider }: Pick<CheckedPrice, 'provider'>,
  mode: Mode,
): AccountRecord | undefined {
  if (!gateways[provider]?.startCheckout) return undefined;
  return accounts.find((account) => account.active && account.provider === provider && account.mode === mode);
}

/** Why nothing is sold at a price now, in words for a buyer; null: it is. */
export function whyNotAt(offer: Offer, price: CheckedPrice, now: number): string | null {
  if (offer.kind === 'master') return 'it is not for sale';
  const reason = whyNotSold(offer, now);
  if (reason) return reason.detail;
  if (price.trouble !== '') return `"${price.code}" cannot be sold at the moment: the price is being looked into`;
  return isKnown(price) ? null : `"${price.code}" cannot be sold yet: what it costs is not known`;
}

/** Amount and currency are known; what is not is never sold. */
export function isKnown(price: CheckedPrice): price is KnownPrice {
  return price.amount_minor !== null && price.currency !== null;
}
