import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import type { By } from '../licensing/keys.ts';
import { grantsOfPayments, type LicenseRecord, lockLicense, updateLicense } from '../licensing/store-licenses.ts';
import type { Deal } from './deal.ts';
import { noteState } from './notes.ts';
import { refOf } from './plan-ledger.ts';
import type { PaymentPolicy } from './policy.ts';
import { holding } from './returns.ts';
import { holdingPayments } from './store-deals.ts';
import { type DisputeRecord, updateDispute } from './store-facts.ts';

/**
 * While a dispute is open the licenses that its payment has lines in are suspended, each dispute once: who opens one by hand
 * meanwhile has the last word, as who suspends or revokes one. Returns the licenses that were touched.
 */
export async function holdLicenses(tx: Tx, deal: Deal, policy: PaymentPolicy, by: By): Promise<string[]> {
  const now = holding(deal.disputes, policy);
  const begun = now.filter(({ heldAt }) => heldAt === null);
  const over = deal.disputes.filter((each) => each.heldAt !== null && !now.includes(each));
  const touched: string[] = [];
  for (const dispute of begun) {
    await updateDispute(tx, dispute.id, { heldAt: toIso(by.now) });
    for (const id of await licensesOf(tx, deal, dispute)) if (await suspend(tx, id, by)) touched.push(id);
  }
  for (const dispute of over) {
    await updateDispute(tx, dispute.id, { heldAt: null });
    for (const id of await licensesOf(tx, deal, dispute)) if (await release(tx, id, by)) touched.push(id);
  }
  return touched;
}

const REASON = 'a payment is disputed';

async function suspend(tx: Tx, licenseId: string, by: By): Promise<boolean> {
  const license = await lockLicense(tx, licenseId);
  if (!license || license.master || license.suspendedAt !== null || license.revokedAt !== null) return false;
  const at = toIso(by.now);
  await updateLicense(tx, licenseId, { suspendedAt: at, heldAt: at, stateReason: REASON });
  await noteState(tx, licenseId, 'suspend', REASON, by);
  return true;
}

async function release(tx: Tx, licenseId: string, by: By): Promise<boolean> {
  const license = await lockLicense(tx, licenseId);
  if (!license || license.heldAt === null || (await isHeld(tx, license))) return false;
  const isRevoked = license.revokedAt !== null;
  await updateLicense(tx, licenseId, {
    ...{ suspendedAt: null, heldAt: null },
    ...(isRevoked ? {} : { stateReason: null }),
  });
  await noteState(tx, licenseId, 'resume', 'the dispute is over', by);
  return true;
}

/** Another dispute, of whatever payment of the license, keeps it suspended. */
async function isHeld(tx: Tx, { id, organizationId }: LicenseRecord): Promise<boolean> {
  const refs = (await holdingPayments(tx, organizationId)).map(refOf);
  return (await grantsOfPayments(tx, organizationId, refs)).some(({ grant }) => grant.licenseId === id);
}

async function licensesOf(tx: Tx, { payments }: Deal, { paymentId, organizationId }: DisputeRecord): Promise<string[]> {
  const payment = payments.find(({ id }) => id === paymentId);
  if (!payment) return [];
  const grants = await grantsOfPayments(tx, organizationId, [refOf(payment)]);
  return [...new Set(grants.map(({ grant }) => grant.licenseId))];
}
