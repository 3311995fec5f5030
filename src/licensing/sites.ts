import type { Actor } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { type Page, pageFrom, pageRequest } from '../http/paging.ts';
import type { By } from './keys.ts';
import { licenseOf, type PageQuery } from './licenses.ts';
import { refreshLicense } from './refresh.ts';
import { type ActivationRecord, findActivation, pageOfActivations, releaseActivation } from './store-activations.ts';
import { type LicenseRecord, lockLicense } from './store-licenses.ts';

/** The slots that a license holds now. */
export async function sitesOf(
  db: Db,
  actor: Actor,
  licenseId: string,
  query: PageQuery,
): Promise<Page<ActivationRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const { countedSites, exemptSites } = await licenseOf(tx, actor, licenseId);
    const rows = await pageOfActivations(tx, licenseId, after, limit + 1);
    return pageFrom(rows, limit, countedSites + exemptSites, ({ id }) => [id]);
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
