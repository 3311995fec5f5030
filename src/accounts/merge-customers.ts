import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { lockOrganization } from '../forge/store.ts';
import { mergedFacts } from './customer.ts';
import { type By, customerOf } from './customers.ts';
import { giveToCustomer, markMerged, ownsMaster, updateCustomer } from './store-customers.ts';

/**
 * Makes one of two: everything of the double becomes the other's, whose own facts stay, and the double's id leads there from then
 * on. Of two who merge a pair in both directions at once, the second finds the first one's work done. Returns the survivor's id.
 * Throws NOT_FOUND for a customer of another organization, MASTER_IS_FIXED and CUSTOMER_ANONYMIZED.
 */
export async function mergeCustomers(db: Db, doubleId: string, intoId: string, by: By): Promise<string> {
  return db.tx(async (tx) => {
    const { organizationId } = await customerOf(tx, by.actor, doubleId);
    // Sales and other merges wait here, so that nothing is given to the double meanwhile.
    await lockOrganization(tx, organizationId);
    const double = await customerOf(tx, by.actor, doubleId);
    const survivor = await customerOf(tx, by.actor, intoId);
    if (survivor.organizationId !== organizationId) {
      const detail = 'is no customer of the same organization';
      throw problem('NOT_FOUND', `/into ${detail}`, { errors: [{ pointer: '/into', detail }] });
    }
    if (survivor.id === double.id) return survivor.id;
    if (survivor.anonymizedAt !== null || double.anonymizedAt !== null) throw problem('CUSTOMER_ANONYMIZED');
    if (await ownsMaster(tx, double.id))
      throw problem('MASTER_IS_FIXED', 'the customer of a master license is the organization itself');
    const licenses = await giveToCustomer(tx, double.id, survivor.id);
    await markMerged(tx, double.id, survivor.id, toIso(by.now));
    await updateCustomer(tx, survivor.id, mergedFacts(survivor, double));
    const event = { actor: by.actor, action: 'customer.merge', entity: 'customer', requestId: by.requestId };
    await audit(tx, { ...event, entityId: survivor.id, changes: { merged: double.id, licenses } }, by.now);
    await audit(tx, { ...event, entityId: double.id, changes: { into: survivor.id } }, by.now);
    return survivor.id;
  });
}
