import { toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { refreshLicense } from '../licensing/refresh.ts';
import { siteIdentity } from '../licensing/site-identity.ts';
import { slotIdentity } from '../licensing/slots.ts';
import { insertActivation } from '../licensing/store-activations.ts';
import { lockLicense } from '../licensing/store-licenses.ts';
import {
  created,
  type ImportBatch,
  madeAs,
  noteMade,
  refused,
  type Told,
  unchanged,
  WOULD_BE,
} from './import-batch.ts';
import { keyRef } from './import-csv.ts';
import type { SiteItem, SiteRowItem } from './import-format.ts';
import { heldIdentities, siteUnitOf } from './store-import-sites.ts';

export interface PlannedSite {
  item: SiteItem;
  identity: string;
  host: string;
  counted: boolean;
  exemptReason: string | null;
}

/** The slots that sites take, each once; what is wrong with one in words. */
export function plannedSites(items: readonly SiteItem[], unit: 'host' | 'registrable'): PlannedSite[] | string {
  const planned = new Map<string, PlannedSite>();
  for (const item of items) {
    const site = plannedSite(item, unit);
    if (typeof site === 'string') return site;
    if (!planned.has(site.identity)) planned.set(site.identity, site);
  }
  return [...planned.values()];
}

function plannedSite(item: SiteItem, unit: 'host' | 'registrable'): PlannedSite | string {
  if (item.identity !== undefined) {
    const counted = item.counted ?? true;
    const host = item.site === item.identity && item.identity.startsWith('instance:') ? '' : item.site;
    return { item, identity: item.identity, host, counted, exemptReason: counted ? null : item.exempt_reason };
  }
  const named = siteIdentity(item.site);
  if (!named.ok) return `sites: "${item.site.slice(0, 100)}" is no host name`;
  const exempt = named.class === 'counted' ? null : named.class;
  const claim = {
    ...{ host: named.host, registrable: named.registrable, exempt, exemptBeside: named.beside },
    ...{ instance: item.instance, byInstance: false },
  };
  return {
    item,
    identity: slotIdentity(claim, unit),
    host: named.host,
    counted: exempt === null,
    exemptReason: exempt,
  };
}

/** Writes slots as they are: more than the license may have is marked, not cut. */
export async function bringSites(
  batch: ImportBatch,
  licenseId: string,
  sites: readonly PlannedSite[],
  keyIds: ReadonlyMap<string, string>,
): Promise<void> {
  const { tx, by } = batch;
  for (const { item, identity, host, counted, exemptReason } of sites) {
    const seen = item.last_seen_at ?? item.first_seen_at ?? toIso(by.now);
    await insertActivation(tx, {
      ...{ id: newId('activation', by.now), licenseId, kind: 'site', identity, host, instance: item.instance },
      ...{ keyId: item.key === null ? null : (keyIds.get(item.key) ?? null), counted, exemptReason },
      ...{ firstSeenAt: item.first_seen_at ?? seen, lastSeenAt: seen, releasedAt: null, releasedBy: null },
      ...{ covers: item.covers, label: item.label },
    });
  }
}

/** A site of a license that is here, named by the license's ref or by one of its keys. */
export async function bringSite(batch: ImportBatch, item: SiteRowItem): Promise<Told> {
  const { secrets, tx, by } = batch;
  const hash =
    item.key_sha256 !== undefined
      ? secrets.lookupHashOfSha256(item.key_sha256)
      : item.key === undefined
        ? null
        : secrets.lookupHash(item.key);
  const key = hash === null ? undefined : batch.keys.get(hash);
  const foreign = key !== undefined && key.organizationId !== batch.organization.id;
  const licenseId =
    item.license !== undefined
      ? madeAs(batch, 'license', item.license)
      : ((foreign ? undefined : key?.licenseId) ?? madeAs(batch, 'key', keyRef(item.key, item.key_sha256) ?? ''));
  if (licenseId === undefined) return refused('REFUSED', 'there is no such license or key here; bring in keys first');
  if (madeAs(batch, 'site', item.ref) !== undefined) return unchanged('was brought in before', licenseId);
  if (batch.isDry || licenseId === WOULD_BE) {
    const planned = plannedSites([siteOf(item)], 'host');
    if (typeof planned === 'string') return refused('INVALID', planned);
    noteMade(batch, 'site', item.ref, WOULD_BE);
    return created('a site', WOULD_BE);
  }
  const license = await lockLicense(tx, licenseId);
  if (license === null) return refused('REFUSED', 'the license is gone');
  const planned = plannedSites([siteOf(item)], await siteUnitOf(tx, licenseId));
  if (typeof planned === 'string') return refused('INVALID', planned);
  const held = await heldIdentities(
    tx,
    licenseId,
    planned.map(({ identity }) => identity),
  );
  const free = planned.filter(({ identity }) => !held.has(identity));
  noteMade(batch, 'site', item.ref, licenseId);
  if (free.length === 0) return unchanged('the license has this site already', licenseId);
  await bringSites(batch, licenseId, free, new Map());
  const countedSites = license.countedSites + free.filter(({ counted }) => counted).length;
  await refreshLicense(tx, { ...license, countedSites }, by.now);
  return created('a site', licenseId);
}

function siteOf({ site, first_seen_at, last_seen_at }: SiteRowItem): SiteItem {
  const none = { instance: null, exempt_reason: null, covers: 'host' as const, label: null, key: null };
  return { ...none, site, ...(first_seen_at ? { first_seen_at } : {}), ...(last_seen_at ? { last_seen_at } : {}) };
}
