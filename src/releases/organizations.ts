import { audit } from '../audit/audit.ts';
import { changesBetween } from '../audit/changes.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization, lockOrganization, type OrganizationRecord, updateOrganization } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { prefixFault } from '../licensing/license-key.ts';
import { prefixesInUse } from '../licensing/store-keys.ts';
import { findPackage, lockPackage } from '../licensing/store-packages.ts';
import { requireChannels } from './channels.ts';
import { changedOrganization, type OrganizationChange, organizationView } from './organization-view.ts';
import { consentFault } from './selling-view.ts';
import { bumpRevisionsOf } from './store-products.ts';

/**
 * Changes what the change names and nothing else, on top of what stands there when its turn comes: of two changes at once neither is
 * lost unless both name the same field. Throws INVALID_REQUEST for a prefix that reads like another one in use, a channel or a
 * package that the organization does not have.
 */
export async function changeOrganization(
  db: Db,
  id: string,
  change: OrganizationChange,
  by: By,
  check: (now: OrganizationRecord) => void = () => undefined,
): Promise<OrganizationRecord> {
  return db.tx(async (tx) => {
    await lockOrganization(tx, id);
    const before = await findOrganization(tx, id);
    if (!before) throw problem('NOT_FOUND');
    check(before);
    const after = changedOrganization(before, change);
    const changes = changesBetween(organizationView(before), organizationView(after));
    if (Object.keys(changes).length === 0) return before;
    await refuseFaults(tx, before, change);
    const { name, keyPrefix, formerPrefixes, supportUrl, renewUrl, settings } = after;
    await updateOrganization(tx, id, { name, keyPrefix, formerPrefixes, supportUrl, renewUrl, settings });
    // Feeds name the organization and lead to its shop.
    if (name !== before.name || renewUrl !== before.renewUrl) await bumpRevisionsOf(tx, id);
    const event = { actor: by.actor, action: 'organization.change', entity: 'organization', entityId: id, changes };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
    return after;
  });
}

async function refuseFaults(
  tx: Tx,
  { id, rules, settings }: OrganizationRecord,
  change: OrganizationChange,
): Promise<void> {
  const { key_prefix: prefix, new_products: fresh, test_key: test } = change;
  const fault = prefix === undefined ? null : prefixFault(prefix, await prefixesInUse(tx));
  if (fault !== null) throw refusal('/key_prefix', fault);
  const consent = consentFault(settings.seller.consent, change);
  if (consent !== null) throw refusal('/seller/consent/version', consent);
  requireChannels(rules, fresh?.open_channels ?? [], '/new_products/open_channels');
  if (test?.package_id) await requireTestPackage(tx, id, test.package_id);
}

async function requireTestPackage(tx: Tx, organizationId: string, packageId: string): Promise<void> {
  await lockPackage(tx, packageId, 'keep');
  const found = await findPackage(tx, packageId);
  const pointer = '/test_key/package_id';
  if (found?.organizationId !== organizationId) throw refusal(pointer, 'is no package of the organization');
  if (found.kind !== 'base' && found.kind !== 'trial') throw refusal(pointer, 'must be a base or trial package');
  if (!found.active) throw refusal(pointer, 'is a package that is not sold any more');
}

function refusal(pointer: string, detail: string) {
  return problem('INVALID_REQUEST', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
