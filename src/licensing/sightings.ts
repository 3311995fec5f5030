import type { Tx } from '../db/dialect.ts';
import {
  type InstallationRecord,
  installationId,
  isInstallation,
  type Seen,
  type Sign,
  takeSigns,
} from './installed.ts';
import { productsOn, type RunningSite } from './site-products.ts';
import { type SiteSeen, type SlotSeen, slotsSeen } from './store-activations.ts';
import { installationsOn, knownInstallations } from './store-installations.ts';
import { signsOfActivations } from './store-roll-up.ts';
import type { SiteRecord } from './store-sites.ts';

/** When the sites of licenses were seen last. Signs come oldest first, so that the last of a site stays. */
export function sitesSeen(signs: readonly Sign[]): SiteSeen[] {
  const seen = new Map<string, SiteSeen>();
  for (const { licenseId, site, at } of signs)
    if (licenseId !== '' && site !== '') seen.set(placeOf({ licenseId, site }), { licenseId, site, at });
  return [...seen.values()];
}

/** What installations are after signs of them, oldest first, each with the slot that its site is seen under. */
export async function afterSigns(tx: Tx, signs: readonly Sign[], slots: readonly SlotSeen[]): Promise<Seen[]> {
  const groups = new Map<string, Sign[]>();
  for (const sign of signs.filter(isInstallation)) {
    const group = groups.get(installationId(sign));
    if (group) group.push(sign);
    else groups.set(installationId(sign), [sign]);
  }
  const named = [...groups.values()].flatMap(([first]) => first ?? []);
  const known = await knownInstallations(tx, named);
  // A site's own slot comes first, so it is the last that is put in.
  const slotAt = new Map([...slots].reverse().map((slot) => [placeOf(slot), slot.activationId]));
  return [...groups].map(([id, group]) => {
    const { installation, counts } = takeSigns(known.get(id), group);
    const activationId = slotAt.get(placeOf(installation)) ?? installation.activationId;
    return { installation: { ...installation, activationId }, counts };
  });
}

function placeOf({ licenseId, site }: Pick<Sign, 'licenseId' | 'site'>): string {
  return `${licenseId}\n${site}`;
}

/** Sites with what runs there: as of the last roll-up, and what activations told since. */
export async function withProducts(tx: Tx, sites: readonly SiteRecord[]): Promise<RunningSite[]> {
  const rolled = await installationsOn(
    tx,
    sites.map(({ id }) => id),
  );
  const signs = await signsOfActivations(tx, [...new Set(sites.map(({ licenseId }) => licenseId))]);
  const fresh = await afterSigns(tx, signs, await slotsSeen(tx, sitesSeen(signs)));
  const all = new Map<string, InstallationRecord>();
  for (const each of [...rolled, ...fresh.map(({ installation }) => installation)]) all.set(installationId(each), each);
  const bySite = new Map<string | null, InstallationRecord[]>();
  for (const each of all.values()) bySite.set(each.activationId, [...(bySite.get(each.activationId) ?? []), each]);
  return sites.map((site) => ({ ...site, products: productsOn(bySite.get(site.id) ?? []) }));
}
