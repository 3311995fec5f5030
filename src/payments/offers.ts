import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization, listOrganizations, type OrganizationRecord } from '../forge/store.ts';
import { kindOfId } from '../ids.ts';
import { findPackage, packagesOf } from '../licensing/store-packages.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import type { PaymentDeps } from './accounts.ts';
import type { Mode } from './gateway.ts';
import { isKnown, modeOf, type OfferPrice, type Offers, type PackageOffer, sellerOf, whyNotAt } from './sold-price.ts';
import { accountsOf } from './store-accounts.ts';

/** What an organization sells now, in the order of its packages. `wanted` mode null: live where it can be. */
export async function offersOf(
  tx: Tx,
  { gateways }: Pick<PaymentDeps, 'gateways'>,
  organization: OrganizationRecord,
  wanted: Mode | null,
  now: number,
): Promise<Offers> {
  const accounts = await accountsOf(tx, { organizationId: organization.id, active: true });
  const mode = modeOf(accounts, wanted);
  const prices = await pricesOfOrganization(tx, organization.id);
  const packages = await packagesOf(tx, { organizationId: organization.id });
  packages.sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1));
  const offers = packages.map((offer) => ({
    offer,
    prices: prices.filter(
      (price): price is OfferPrice =>
        price.packageId === offer.id &&
        isKnown(price) &&
        whyNotAt(offer, price, now) === null &&
        sellerOf(accounts, gateways, price, mode) !== undefined,
    ),
  }));
  return { organization, mode, offers: offers.filter((each) => each.prices.length > 0) };
}

/** Throws NOT_FOUND for an organization that is not there. */
export async function publicOffers(deps: PaymentDeps, slug: string): Promise<Offers> {
  return deps.db.read(async (tx) => {
    const organization = await findOrganization(tx, slug);
    if (!organization) throw problem('NOT_FOUND', 'there is no such organization');
    return offersOf(tx, deps, organization, null, deps.clock());
  });
}

/** What `/buy/{package}` and `/buy/{organization}/{code}` sell; null: nothing of that name is sold now. */
export async function offerNamed(
  deps: PaymentDeps,
  named: { packageId: string } | { organization: string; code: string },
): Promise<{ offers: Offers; one: PackageOffer } | null> {
  return deps.db.read(async (tx) => {
    const organization = await organizationNamed(tx, named);
    if (!organization) return null;
    const offers = await offersOf(tx, deps, organization, null, deps.clock());
    const one = offers.offers.find(({ offer, prices }) =>
      'packageId' in named ? offer.id === named.packageId : prices.some(({ code }) => code === named.code),
    );
    return one ? { offers, one } : null;
  });
}

async function organizationNamed(tx: Tx, named: { packageId: string } | { organization: string }) {
  if ('organization' in named) return findOrganization(tx, named.organization);
  const found = kindOfId(named.packageId) === 'package' ? await findPackage(tx, named.packageId) : null;
  return found && findOrganization(tx, found.organizationId);
}

/** Whether a page of this origin sells for any organization. */
export async function isSellersOrigin(db: Db, origin: string): Promise<boolean> {
  const all = await db.read(listOrganizations);
  return all.some(({ settings }) => sellsFrom(settings.seller.origins, origin));
}

/** Whether `origin` is one of those listed, whatever path a listed one has. */
export function sellsFrom(origins: readonly string[], origin: string): boolean {
  return origins.some((each) => new URL(each).origin === origin);
}

/** The organizations that have connected an account to sell by. */
export async function sellersOf(db: Db): Promise<OrganizationRecord[]> {
  return db.read(async (tx) => {
    const accounts = await accountsOf(tx, { active: true });
    const sellers = new Set(accounts.map(({ organizationId }) => organizationId));
    return (await listOrganizations(tx)).filter(({ id }) => sellers.has(id));
  });
}
