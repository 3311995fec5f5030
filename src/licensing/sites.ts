import type { Actor } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { organizationOf, productOf } from '../releases/level.ts';
import type { By } from './keys.ts';
import { licenseOf, type PageQuery } from './licenses.ts';
import { refreshLicense } from './refresh.ts';
import { withProducts } from './sightings.ts';
import type { RunningSite } from './site-products.ts';
import { findActivation, releaseActivation } from './store-activations.ts';
import { type LicenseRecord, lockLicense } from './store-licenses.ts';
import { countSites, pageOfSites, type SiteFilter } from './store-sites.ts';

export type SiteQuery = PageQuery & Pick<SiteFilter, 'state' | 'search' | 'keyId'>;

/** The slots that a license holds, or held. */
export async function sitesOf(db: Db, actor: Actor, licenseId: string, query: SiteQuery): Promise<Page<RunningSite>> {
  await db.read((tx) => licenseOf(tx, actor, licenseId));
  return page(db, { licenseId }, query);
}

/** Those of all licenses of an organization. */
export async function sitesOfOrganization(
  db: Db,
  actor: Actor,
  org: string,
  query: SiteQuery,
): Promise<Page<RunningSite>> {
  const organization = await organizationOf(db, actor, org);
  return page(db, { organizationId: organization.id }, query);
}

/** Those on which a product was seen, of whatever license; as of the last roll-up. */
export async function sitesOfProduct(
  db: Db,
  actor: Actor,
  productId: string,
  query: SiteQuery,
): Promise<Page<RunningSite>> {
  const product = await productOf(db, actor, productId);
  return page(db, { productId: product.id }, query);
}

async function page(
  db: Db,
  whose: Pick<SiteFilter, 'licenseId' | 'organizationId' | 'productId'>,
  query: SiteQuery,
): Promise<Page<RunningSite>> {
  const { limit, after } = pageRequest(query);
  const filter = { ...whose, state: query.state, search: query.search, keyId: query.keyId };
  return db.read(async (tx) => {
    const rows = await withProducts(tx, await pageOfSites(tx, filter, after, limit + 1));
    return pageFrom(rows, limit, await countSites(tx, filter, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

/** Frees a slot, whatever the license's state; one that is free already stays so. Throws NOT_FOUND. */
export async function releaseSite(db: Db, licenseId: string, siteId: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await licenseOf(tx, by.actor, licenseId);
    await lockLicense(tx, licenseId);
    const site = await findActivation(tx, siteId);
    if (site?.licenseId !== licenseId) throw problem('NOT_FOUND', 'the license has no such site');
    if (!(await releaseActivation(tx, siteId, by.actor.id, toIso(by.now)))) return;
    await refreshLicense(tx, (await lockLicense(tx, licenseId)) as LicenseRecord, by.now);
    const changes = { license_id: licenseId, site: site.identity };
    const event = { actor: by.actor, action: 'site.release', entity: 'site', entityId: siteId, changes };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
}
