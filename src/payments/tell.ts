import { findSurvivor } from '../accounts/store-customers.ts';
import type { Tx } from '../db/dialect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import type { MailAbout, MailTemplate } from '../notify/mail-wish.ts';
import { queueMail } from '../notify/mails.ts';
import type { Snapshot } from './facts.ts';
import type { Issued } from './issue.ts';
import { notePayment } from './notes.ts';
import type { LedgerPlan } from './plan-ledger.ts';
import type { Recorded } from './record-facts.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  type DisputeRecord,
  disputesOf,
  type PaymentRecord,
  paymentsByExternal,
  type RefundRecord,
  refundsOf,
} from './store-facts.ts';

/** How the returns of a snapshot stood before it was written, by the provider's ids. */
export type ReturnsBefore = ReadonlyMap<string, Pick<RefundRecord | DisputeRecord, 'state'>>;

export async function returnsBefore(tx: Tx, { id }: AccountRecord, snapshot: Snapshot): Promise<ReturnsBefore> {
  const named = [...snapshot.refunds, ...snapshot.disputes].map(({ paymentId }) => paymentId);
  const payments = [...(await paymentsByExternal(tx, id, named)).values()].map((payment) => payment.id);
  const all = [...(await refundsOf(tx, payments)), ...(await disputesOf(tx, payments))];
  return new Map(all.map((each) => [each.externalId, each]));
}

export interface Told {
  organization: OrganizationRecord;
  recorded: Recorded;
  before: ReturnsBefore;
  plan: LedgerPlan;
  issued: Issued;
  snapshot: Snapshot;
}

/** Writes down what is new of money, for the audit and the webhooks, and mails the buyer what concerns him: each once, by its tag. */
export async function tellOfMoney(tx: Tx, told: Told, by: By): Promise<void> {
  await tellOfKeys(tx, told, by);
  await tellOfPayments(tx, told, by);
  await tellOfReturns(tx, told, by);
}

async function tellOfKeys(tx: Tx, told: Told, by: By): Promise<void> {
  const { recorded, issued } = told;
  const about = recorded.order === null ? {} : { order_id: recorded.order.id };
  for (const id of issued.made)
    await mailBuyer(tx, told, { template: 'key', tag: `key:${id}`, licenseId: id, about }, by.now);
  // A period that a subscription renews by itself is told by its provider's receipt.
  const isOrder = recorded.subscriptionBefore === null && recorded.order !== null;
  const ids = isOrder ? new Set(issued.added.map(({ licenseId }) => licenseId)) : [];
  for (const id of ids) {
    const tag = `renewed:${recorded.order?.id}:${id}`;
    await mailBuyer(tx, told, { template: 'renewed', tag, licenseId: id, about }, by.now);
  }
}

async function tellOfPayments(tx: Tx, { snapshot, recorded }: Told, by: By): Promise<void> {
  for (const { externalId } of snapshot.payments) {
    const was = recorded.paymentsBefore.get(externalId);
    const payment = recorded.payments.get(externalId);
    if (!payment) continue;
    if (payment.state === 'paid' && was?.state !== 'paid') await notePayment(tx, payment, 'paid', {}, by);
    const hasFailed = payment.state !== 'paid' && payment.failedAt !== null;
    if (hasFailed && (was?.failedAt ?? null) === null) await notePayment(tx, payment, 'fail', {}, by);
  }
}

async function tellOfReturns(tx: Tx, told: Told, by: By): Promise<void> {
  const { before, snapshot, recorded } = told;
  for (const refund of snapshot.refunds) {
    const payment = recorded.payments.get(refund.paymentId);
    if (!payment || before.get(refund.externalId)?.state === refund.state || refund.state === 'unknown') continue;
    const changes = { refund: refund.externalId, refunded_minor: refund.amountMinor, state: refund.state };
    await notePayment(tx, payment, 'refund', changes, by);
    if (refund.state === 'succeeded') await mailRefund(tx, told, payment, refund.externalId, by);
  }
  for (const dispute of snapshot.disputes) {
    const payment = recorded.payments.get(dispute.paymentId);
    if (!payment || before.get(dispute.externalId)?.state === dispute.state) continue;
    const changes = { dispute: dispute.externalId, disputed_minor: dispute.amountMinor, state: dispute.state };
    await notePayment(tx, payment, 'dispute', changes, by);
  }
}

async function mailRefund(tx: Tx, told: Told, { id }: PaymentRecord, externalId: string, by: By): Promise<void> {
  const row = (await refundsOf(tx, [id])).find((each) => each.externalId === externalId);
  const about = { payment_id: id, ...(row ? { refund_id: row.id } : {}) };
  const licenseId = licenseOf(told.issued);
  await mailBuyer(tx, told, { template: 'refunded', tag: `refunded:${externalId}`, licenseId, about }, by.now);
}

export function licenseOf({ licenseId, licenseIds }: Issued): string | null {
  return licenseId ?? [...licenseIds][0] ?? null;
}

interface Letter {
  template: MailTemplate;
  tag: string;
  licenseId: string | null;
  about: MailAbout;
}

/** To whoever owns the license, else to whoever ordered. */
export async function mailBuyer(
  tx: Tx,
  { organization, recorded: { order } }: Pick<Told, 'organization' | 'recorded'>,
  { licenseId, about, ...letter }: Letter,
  now: number,
  notBefore = now,
): Promise<void> {
  const license = licenseId === null ? null : await findLicense(tx, licenseId);
  const customer = license === null ? null : await findSurvivor(tx, license.customerId);
  await queueMail(
    tx,
    {
      ...{ organizationId: organization.id, ...letter, notBefore },
      customerId: customer?.id ?? order?.customerId ?? null,
      email: customer?.email || order?.email || '',
      language: order?.language || customer?.language || '',
      about: licenseId === null ? about : { license_id: licenseId, ...about },
    },
    now,
  );
}
