import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { type PackageRecord, packagesOf } from '../licensing/store-packages.ts';
import type { ChannelUse, ChannelUsers } from './channel-view.ts';
import { productsOfOrganization } from './store-products.ts';
import { releasesByChannel } from './store-releases.ts';

export async function usersOfChannels(
  tx: Tx,
  organization: OrganizationRecord,
): Promise<(name: string) => ChannelUsers> {
  const packages = await allPackages(tx, organization.id);
  const products = await productsOfOrganization(tx, organization.id);
  const { openChannels } = organization.settings.newProduct;
  return (name) => ({
    packages: packages.filter(({ terms }) => terms.channels.includes(name)),
    products: products.filter((product) => product.openChannels.includes(name)),
    newProducts: openChannels.includes(name),
  });
}

async function allPackages(tx: Tx, organizationId: string): Promise<PackageRecord[]> {
  const found: PackageRecord[] = [];
  let after: string | null = null;
  for (;;) {
    const page = await packagesOf(tx, { organizationId }, after);
    found.push(...page);
    after = page.at(-1)?.id ?? null;
    if (after === null) return found;
  }
}

/** The same for people, with how many listed releases each channel has. */
export async function channelUse(db: Db, organization: OrganizationRecord): Promise<ChannelUse> {
  return db.read(async (tx) => ({
    usersOf: await usersOfChannels(tx, organization),
    releases: await releasesByChannel(tx, organization.id),
  }));
}
