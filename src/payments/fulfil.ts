import { isoOrNull } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { findOrganization, type OrganizationRecord } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { refreshLicense } from '../licensing/refresh.ts';
import { lockLicense } from '../licensing/store-licenses.ts';
import type { Secrets } from '../secrets.ts';
import { alertVendor } from './alerts.ts';
import type { Deal } from './deal.ts';
import { readDeal } from './deals.ts';
import { type Owed, STUCK } from './event-plan.ts';
import type { Snapshot } from './facts.ts';
import { holdLicenses } from './holds.ts';
import { type Issued, issue } from './issue.ts';
import { whatIsOwed } from './owed.ts';
import { type LedgerPlan, planLedger } from './plan-ledger.ts';
import { type Recorded, recordFacts } from './record-facts.ts';
import { takenOf } from './returns.ts';
import type { AccountRecord } from './store-accounts.ts';
import { updatePayment, updateSubscription } from './store-facts.ts';
import { returnsBefore, tellOfMoney } from './tell.ts';
import { tellOfSubscription } from './tell-subscription.ts';

/** `parked`: what it belongs to is not there (yet), so the same look is worth taking again. */
export interface Applied {
  state: 'done' | 'ignored' | 'parked';
  /** In words, for whoever looks after events. */
  detail: string;
  /** Of what is parked: somebody paid for something of ours, so that in the end it is told and not ignored. */
  owed?: Owed | null;
}

/**
 * Writes what was read of one subject and brings the ledger to what all facts amount to, in the caller's transaction: facts, grants,
 * closings, suspension by disputes, mails. Doing it again changes nothing.
 */
export async function applySnapshot(
  tx: Tx,
  secrets: Secrets,
  account: AccountRecord,
  snapshot: Snapshot,
  by: By,
): Promise<Applied> {
  const before = await returnsBefore(tx, account, snapshot);
  const recorded = await recordFacts(tx, account, snapshot, by);
  if ('parentless' in recorded)
    return { state: 'parked', detail: recorded.parentless, owed: await whatIsOwed(tx, account, snapshot) };
  const organization = await findOrganization(tx, account.organizationId);
  if (!organization) throw new Error(`${account.organizationId} is missing`);
  const buyer = {
    name: snapshot.checkout?.name ?? '',
    email: snapshot.checkout?.email ?? snapshot.subscription?.email ?? '',
  };
  const failedAt = snapshot.subscription?.failedAt ?? null;
  const { deal, existing } = await readDeal(tx, organization, recorded, failedAt);
  const plan = planLedger(deal, organization.settings.payments, by.now);
  const issued = await issue(tx, { secrets, organization, deal, buyer, by }, plan.wanted, existing);
  await remember(tx, deal, plan, issued);
  const held = await holdLicenses(tx, deal, organization.settings.payments, by);
  for (const id of new Set([...issued.licenseIds, ...held])) await refresh(tx, id, by.now);
  const told = { organization, recorded, before, plan, issued, snapshot };
  await tellOfMoney(tx, told, by);
  await tellOfSubscription(tx, told, by);
  await raiseAlerts(tx, account, organization, recorded, plan, by.now);
  for (const subject of issued.forRevoked) {
    const detail = 'it is revoked, and a subscription has paid for it again; cancel that, or give the money back';
    const of = { organizationId: organization.id, accountId: account.id };
    await alertVendor(tx, { ...of, code: 'REVOKED_LICENSE_PAID', subject, detail }, by.now);
  }
  if (recorded.missing !== '') return { state: 'parked', detail: recorded.missing, owed: STUCK };
  return { state: 'done', detail: inWords(recorded, plan) };
}

/** What is computed of the facts stands beside them, so that a poll need not compute it. */
async function remember(tx: Tx, { subscription, payments, refunds, disputes }: Deal, plan: LedgerPlan, issued: Issued) {
  for (const payment of payments) {
    const refundedMinor = takenOf(payment, refunds, disputes);
    const trouble = plan.troubles.find(({ paymentId }) => paymentId === payment.id)?.code ?? '';
    if (refundedMinor !== payment.refundedMinor || trouble !== payment.trouble)
      await updatePayment(tx, payment.id, { refundedMinor, trouble });
  }
  if (subscription === null || plan.times === null) return;
  const { paidThrough, failedAt, graceUntil, runs } = plan.times;
  await updateSubscription(tx, subscription.id, {
    ...{ paidThrough: isoOrNull(paidThrough), failedAt: isoOrNull(failedAt), graceUntil: isoOrNull(graceUntil), runs },
    licenseId: subscription.licenseId ?? issued.licenseId,
    customerId: subscription.customerId ?? issued.customerId,
    trouble: plan.troubles[0]?.code ?? '',
  });
}

async function refresh(tx: Tx, licenseId: string, now: number): Promise<void> {
  const license = await lockLicense(tx, licenseId);
  if (license) await refreshLicense(tx, license, now);
}

async function raiseAlerts(
  tx: Tx,
  account: AccountRecord,
  organization: OrganizationRecord,
  { order, mismatch, unknown }: Recorded,
  { troubles }: LedgerPlan,
  now: number,
): Promise<void> {
  const of = { organizationId: organization.id, accountId: account.id };
  if (order !== null && mismatch !== '')
    await alertVendor(tx, { ...of, code: order.trouble, subject: order.id, detail: mismatch }, now);
  for (const { code, subject, detail } of troubles) await alertVendor(tx, { ...of, code, subject, detail }, now);
  for (const word of unknown)
    await alertVendor(tx, { ...of, code: 'UNKNOWN_STATE', subject: word.split(':')[0] ?? '', detail: word }, now);
}

function inWords({ order, mismatch }: Recorded, { troubles }: LedgerPlan): string {
  if (order !== null && mismatch !== '') return `${order.trouble}: ${mismatch}`;
  return troubles.map(({ code, detail }) => `${code}: ${detail}`).join('; ');
}
