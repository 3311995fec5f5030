import { audit } from '../audit/audit.ts';
import type { Db } from '../db/connect.ts';
import { PaymentTrouble } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import type { Reconciled } from './processing.ts';
import { type AccountRecord, accountsOf } from './store-accounts.ts';

export interface AccountReconciled extends Reconciled {
  account: AccountRecord;
  /** Why its provider could not be asked; null: it could. */
  trouble: string | null;
}

/** Asks the providers of an organization now for what was missed; one that does not answer keeps no other from being asked. */
export async function reconcileOrganization(
  { db, reconcileNow }: { db: Db; reconcileNow(accountId: string): Promise<Reconciled> },
  organizationId: string,
  by: By,
): Promise<AccountReconciled[]> {
  const accounts = await db.read((tx) => accountsOf(tx, { organizationId, active: true }));
  const done: AccountReconciled[] = [];
  for (const account of accounts) {
    try {
      done.push({ account, ...(await reconcileNow(account.id)), trouble: null });
    } catch (error) {
      if (!(error instanceof PaymentTrouble)) throw error;
      done.push({ account, events: null, looks: 0, trouble: error.message });
    }
  }
  const event = { actor: by.actor, action: 'payments.reconcile', entity: 'organization', entityId: organizationId };
  await db.tx((tx) => audit(tx, { ...event, changes: { accounts: done.length }, requestId: by.requestId }, by.now));
  return done;
}
