import { customerOf } from '../accounts/customers.ts';
import { mergedInto, ownsMaster } from '../accounts/store-customers.ts';
import { audit } from '../audit/audit.ts';
import type { AuditChanges } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization, lockOrganization } from '../forge/store.ts';
import { forgetMails } from '../notify/store-mails.ts';
import { forgetMoney, moneyThingsOf } from '../payments/store-money-persons.ts';
import type { Secrets } from '../secrets.ts';
import { type By, revokeKey } from './keys.ts';
import { maskedRef, maskedSite, ownNames, withoutPersons } from './personal.ts';
import { refreshLicense } from './refresh.ts';
import { releaseActivation } from './store-activations.ts';
import {
  emptyReplies,
  eventsOf,
  forgetCustomer,
  forgetTexts,
  maskSite,
  renameImported,
  renameKeylessSites,
  renameSites,
  rewriteEvent,
  siteNamesOf,
  sitesOfLicense,
} from './store-anonymize.ts';
import { licenseIdsOf, thingsOf } from './store-customer-file.ts';
import { keysOfLicense } from './store-keys.ts';
import { lockLicense } from './store-licenses.ts';

/** What goes, or would go. */
export interface Forgotten {
  /** False: it was done before, and nothing is left. */
  changed: boolean;
  licenses: number;
  keysRevoked: number;
  sites: number;
  events: number;
}

export interface ForgetWish {
  /** Keys go on working; without it they are revoked. */
  keepKeys: boolean;
  /** Only says what would go. */
  dryRun: boolean;
}

class DryRun extends Error {}

const BATCH = 200;

/**
 * Takes out of everything what tells who a customer is: name, addresses, notes, labels, domains, names of sites, free texts of the
 * audit. The ledger with its amounts, payment references and times stays, under an id that says nothing. It can't be undone; a
 * second time changes nothing. Throws NOT_FOUND and MASTER_IS_FIXED.
 */
export async function anonymizeCustomer(
  { db, secrets }: { db: Db; secrets: Secrets },
  id: string,
  wish: ForgetWish,
  by: By,
): Promise<Forgotten> {
  let found: Forgotten | null = null;
  try {
    return await db.tx(async (tx) => {
      found = await forget(tx, secrets, id, wish, by);
      // What is undone was counted by the very code that does it.
      if (wish.dryRun) throw new DryRun();
      return found;
    });
  } catch (error) {
    if (error instanceof DryRun && found !== null) return found;
    throw error;
  }
}

async function forget(tx: Tx, secrets: Secrets, id: string, { keepKeys }: ForgetWish, by: By): Promise<Forgotten> {
  await lockOrganization(tx, (await customerOf(tx, by.actor, id)).organizationId);
  const customer = await customerOf(tx, by.actor, id);
  if (await ownsMaster(tx, customer.id))
    throw problem('MASTER_IS_FIXED', 'the customer of a master license is the organization itself');
  const gone: Forgotten = { changed: false, licenses: 0, keysRevoked: 0, sites: 0, events: 0 };
  if (customer.anonymizedAt !== null) return gone;
  const organization = await findOrganization(tx, customer.organizationId);
  const ids = [customer.id, ...(await mergedInto(tx, customer.id))];
  const maskRef = (row: { kind: string; ref: string }) => maskedRef(secrets.lookupHash, row);
  gone.events = await forgetEvents(tx, ids);
  await renameImported(tx, ids, maskRef);
  for (let after = ''; ; ) {
    const licenseIds = await licenseIdsOf(tx, ids, after, BATCH);
    const last = licenseIds.at(-1);
    if (last === undefined) break;
    for (const licenseId of licenseIds) {
      await lockLicense(tx, licenseId);
      const keys = await keysOfLicense(tx, licenseId);
      for (const key of keepKeys ? [] : keys.filter(({ revokedAt }) => revokedAt === null)) {
        await revokeKey(tx, secrets, key, 'anonymized', organization?.keyPrefix ?? '', by);
        gone.keysRevoked += 1;
      }
      const keyIds = keys.map((key) => key.id);
      if (keepKeys) await freeSites(tx, licenseId, by);
      gone.sites += await forgetSites(tx, secrets, { id: licenseId, organizationId: customer.organizationId }, keyIds);
    }
    await forgetTexts(tx, licenseIds);
    const things = await thingsOf(tx, licenseIds);
    gone.events += await forgetEvents(tx, things);
    await renameImported(tx, things, maskRef);
    gone.licenses += licenseIds.length;
    after = last;
  }
  await emptyReplies(tx, ids);
  await forgetMails(tx, ids);
  const paid = await moneyThingsOf(tx, ids);
  gone.events += await forgetEvents(tx, paid);
  await emptyReplies(tx, paid);
  await forgetMoney(tx, ids);
  await forgetCustomer(tx, ids, toIso(by.now));
  const changes = { licenses: gone.licenses, keys_revoked: gone.keysRevoked, sites: gone.sites, keep_keys: keepKeys };
  const event = { actor: by.actor, action: 'customer.anonymize', entity: 'customer', entityId: customer.id, changes };
  await audit(tx, { ...event, requestId: by.requestId }, by.now);
  return { ...gone, changed: true };
}

/** Sites that go on asking are known by no name any more: they get their slots anew, and the old ones must not be in their way. */
async function freeSites(tx: Tx, licenseId: string, by: By): Promise<void> {
  for (const { id } of await sitesOfLicense(tx, licenseId)) await releaseActivation(tx, id, by.actor.id, toIso(by.now));
  const license = await lockLicense(tx, licenseId);
  if (license) await refreshLicense(tx, license, by.now);
}

async function forgetSites(
  tx: Tx,
  secrets: Secrets,
  license: { id: string; organizationId: string },
  keyIds: readonly string[],
): Promise<number> {
  const mask = (name: string) => maskedSite(secrets.lookupHash, license.id, name);
  const rows = await sitesOfLicense(tx, license.id);
  const own = rows.flatMap(ownNames);
  await renameKeylessSites(tx, license.organizationId, new Map(own.map((name) => [name, mask(name)])));
  for (const { id, identity, host, instance } of rows) {
    const masked = instance === null ? null : mask(instance);
    await maskSite(tx, { id, identity: mask(identity), host: mask(host), instance: masked });
  }
  const names = await siteNamesOf(tx, keyIds);
  await renameSites(tx, keyIds, new Map(names.map((name) => [name, mask(name)])));
  return rows.length;
}

async function forgetEvents(tx: Tx, entityIds: readonly string[]): Promise<number> {
  let rewritten = 0;
  for (const { id, changes } of await eventsOf(tx, entityIds)) {
    const left = JSON.stringify(withoutPersons(JSON.parse(changes) as AuditChanges));
    if (left === changes) continue;
    await rewriteEvent(tx, id, left);
    rewritten += 1;
  }
  return rewritten;
}
