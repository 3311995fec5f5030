import { requireWithin } from '../accounts/places.ts';
import { audit } from '../audit/audit.ts';
import type { Db } from '../db/connect.ts';
import { isForeignKeyViolation, type Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { changeLicensesIn, problemOf } from './change-licenses.ts';
import type { By } from './keys.ts';
import type { LicenseChange } from './license-change.ts';
import { licenseOf } from './licenses.ts';
import type { GrantSource } from './package-terms.ts';
import { deleteLicense, wasPaid } from './store-ledgers.ts';
import { findGrantByPayment, findGrantByRequest, type GrantRecord, lockLicense } from './store-licenses.ts';

export interface OneChange {
  change: LicenseChange;
  reason?: string;
  payment?: { ref: string; line: string } | null;
  /** Token and Idempotency-Key of the request: unique for ever. */
  request?: { token: string; key: string } | null;
}

/**
 * Changes one license; gives the ids of the grants that it wrote, or had written when the same payment line or request came before.
 * Throws what refuses it.
 */
export async function changeLicense(db: Db, id: string, wish: OneChange, by: By): Promise<string[]> {
  return db.tx((tx) => changeLicenseIn(tx, id, wish, by));
}

/** The same in a transaction of somebody else. */
export async function changeLicenseIn(tx: Tx, id: string, wish: OneChange, by: By): Promise<string[]> {
  const { change, reason = '', payment = null, request = null } = wish;
  const { organizationId } = await licenseOf(tx, by.actor, id);
  if (change.kind === 'switch') await requireWithin(tx, by.actor, change.to);
  await lockLicense(tx, id);
  const earlier = await madeBefore(tx, organizationId, id, { change, payment, request });
  if (earlier) return [earlier.id];
  const order = { change, reason, payment, requestOf: () => request, bulkId: null };
  const outcome = (await changeLicensesIn(tx, organizationId, [id], order, by)).get(id);
  if (outcome?.kind === 'refused') throw problemOf(outcome);
  return outcome?.kind === 'changed' ? outcome.grantIds : [];
}

const WRITES: Partial<Record<LicenseChange['kind'], GrantSource>> = { renew: 'renewal', switch: 'switch' };

async function madeBefore(
  tx: Tx,
  organizationId: string,
  licenseId: string,
  { change, payment, request }: Required<Pick<OneChange, 'change' | 'payment' | 'request'>>,
): Promise<GrantRecord | null> {
  const isSame = (grant: GrantRecord) =>
    grant.licenseId === licenseId && grant.source === (WRITES[change.kind] ?? 'admin');
  const paid = payment && (await findGrantByPayment(tx, organizationId, payment.ref, payment.line));
  if (paid && !isSame(paid))
    throw problem('PAYMENT_LINE_CONFLICT', `this payment line was sold as ${paid.packageId} in ${paid.licenseId}`);
  const asked = paid ?? (request && (await findGrantByRequest(tx, request.token, request.key)));
  if (asked && (!isSame(asked) || asked.paymentRef !== (payment?.ref ?? null)))
    throw problem(
      'IDEMPOTENCY_KEY_CONFLICT',
      'this Idempotency-Key stands for another change; a new one needs a new key',
    );
  return asked;
}

/** As if it had never been, but for usage and the audit. Throws MASTER_IS_FIXED, and STILL_IN_USE where it was paid for. */
export async function eraseLicense(db: Db, id: string, by: By): Promise<void> {
  const run = () =>
    db.tx(async (tx) => {
      const { master, customerId, organizationId } = await licenseOf(tx, by.actor, id);
      await lockLicense(tx, id);
      if (master) throw problem('MASTER_IS_FIXED', 'a master license is never deleted');
      if (await wasPaid(tx, id))
        throw problem('STILL_IN_USE', 'the license was paid for: its ledger stays. Revoke it instead');
      await deleteLicense(tx, id);
      const event = { actor: by.actor, action: 'license.delete', entity: 'license', entityId: id };
      await audit(
        tx,
        { ...event, changes: { customer_id: customerId }, requestId: by.requestId, organizationId },
        by.now,
      );
    });
  try {
    await run();
  } catch (error) {
    if (!isForeignKeyViolation(error)) throw error;
    throw problem('STILL_IN_USE', 'something else names this license');
  }
}
