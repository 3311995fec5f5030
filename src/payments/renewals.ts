import { findCustomers } from '../accounts/store-customers.ts';
import { toIso } from '../clock.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { findOrganization } from '../forge/store.ts';
import { chainsOf, mainChains } from '../licensing/chains.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { findPackage } from '../licensing/store-packages.ts';
import type { PaymentDeps } from './accounts.ts';
import { offersOf } from './offers.ts';
import type { PackageOffer } from './sold-price.ts';
import { packagesRunningIn } from './store-selling.ts';

export interface Held {
  name: string;
  /** ISO; null: without an end. */
  until: string | null;
  isOver: boolean;
  /** A subscription pays for it, so it goes on by itself. */
  runs: boolean;
}

export interface Renewal {
  organization: OrganizationRecord;
  mode: 'live' | 'test';
  /** The customer's; '' : not known. */
  language: string;
  /** Nothing is sold into a license that was revoked. */
  revoked: boolean;
  held: Held[];
  /** More of what it has. */
  renew: PackageOffer[];
  /** In the place of what runs, at the full price. */
  change: PackageOffer[];
  /** Beside what it has. */
  add: PackageOffer[];
}

/** What can be bought into a license by whoever holds the token of its renewal link; null: there is no such license. */
export async function renewalOf(deps: PaymentDeps, licenseId: string): Promise<Renewal | null> {
  const now = deps.clock();
  return deps.db.read(async (tx) => {
    const license = await findLicense(tx, licenseId);
    const organization = license && (await findOrganization(tx, license.organizationId));
    if (!organization || license.master) return null;
    const customer = (await findCustomers(tx, [license.customerId])).get(license.customerId);
    const ledger = (await ledgersOf(tx, [licenseId])).get(licenseId) ?? [];
    const chains = chainsOf(ledger, now);
    const running = await packagesRunningIn(tx, licenseId);
    const held: Held[] = [];
    for (const { packageId, end, open } of chains) {
      const name = (await findPackage(tx, packageId))?.name ?? '';
      const until = typeof end === 'number' ? toIso(end) : null;
      held.push({ name, until, isOver: open.length === 0, runs: running.has(packageId) });
    }
    const { offers, mode } = await offersOf(tx, deps, organization, null, now);
    const blocked = new Set([
      ...running,
      ...chains.filter(({ end }) => end === 'none').map(({ packageId }) => packageId),
    ]);
    const known = new Set(chains.map(({ packageId }) => packageId));
    const carriers = mainChains(chains).filter(({ open }) => open.length > 0);
    const mayChange = carriers.length > 0 && !carriers.some(({ packageId }) => running.has(packageId));
    const base = offers.filter(({ offer }) => offer.kind === 'base' && !known.has(offer.id));
    return {
      ...{ organization, mode, language: customer?.language ?? '', revoked: license.revokedAt !== null, held },
      renew: [
        ...offers.filter(({ offer }) => known.has(offer.id) && !blocked.has(offer.id) && offer.kind !== 'trial'),
        // Of what is over, or was never there, any package is a way to go on.
        ...(carriers.length === 0 ? base : []),
      ],
      change: mayChange ? base : [],
      add: offers.filter(({ offer }) => offer.kind === 'addon' && !known.has(offer.id)),
    };
  });
}
