import { findSurvivor } from '../accounts/store-customers.ts';
import { DAY, fromIso, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import type { MailAbout, MailTemplate } from '../notify/mail-wish.ts';
import { queueMail } from '../notify/mails.ts';
import type { Snapshot } from './facts.ts';
import type { Issued } from './issue.ts';
import { notePayment, noteSubscription } from './notes.ts';
import type { LedgerPlan } from './plan-ledger.ts';
import type { Recorded } from './record-facts.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  type DisputeRecord,
  disputesOf,
  findPaymentByExternal,
  type PaymentRecord,
  type RefundRecord,
  refundsOf,
} from './store-facts.ts';

/** How the facts of a snapshot stood before it was written. */
export interface Before {
  payments: Map<string, PaymentRecord>;
  refunds: Map<string, RefundRecord>;
  disputes: Map<string, DisputeRecord>;
}

export async function factsBefore(tx: Tx, { id }: AccountRecord, snapshot: Snapshot): Promise<Before> {
  const found: PaymentRecord[] = [];
  for (const { externalId } of snapshot.payments) {
    const payment = await findPaymentByExternal(tx, id, externalId);
    if (payment) found.push(payment);
  }
  const ids = found.map((payment) => payment.id);
  const byExternal = <T extends { externalId: string }>(all: readonly T[]) =>
    new Map(all.map((each) => [each.externalId, each]));
  return {
    payments: byExternal(found),
    refunds: byExternal(await refundsOf(tx, ids)),
    disputes: byExternal(await disputesOf(tx, ids)),
  };
}

export interface Told {
  organization: OrganizationRecord;
  recorded: Recorded;
  before: Before;
  plan: LedgerPlan;
  issued: Issued;
  snapshot: Snapshot;
}

/** Writes down what is new, for the audit and the webhooks, and mails the buyer what concerns him: each once, by its tag. */
export async function tellBuyer(tx: Tx, told: Told, by: By): Promise<void> {
  await tellOfKeys(tx, told, by);
  await tellOfPayments(tx, told, by);
  await tellOfReturns(tx, told, by);
  await tellOfSubscription(tx, told, by);
}

async function tellOfKeys(tx: Tx, { organization, recorded, issued }: Told, by: By): Promise<void> {
  const about = recorded.order === null ? {} : { order_id: recorded.order.id };
  for (const id of issued.made)
    await mail(tx, organization, recorded, { template: 'key', tag: `key:${id}`, licenseId: id, about }, by.now);
  // A period that a subscription renews by itself is told by its provider's receipt.
  const isOrder = recorded.subscriptionBefore === null && recorded.order !== null;
  const ids = isOrder ? new Set(issued.added.map(({ licenseId }) => licenseId)) : [];
  for (const id of ids) {
    const tag = `renewed:${recorded.order?.id}:${id}`;
    await mail(tx, organization, recorded, { template: 'renewed', tag, licenseId: id, about }, by.now);
  }
}

async function tellOfPayments(tx: Tx, { before, snapshot, recorded }: Told, by: By): Promise<void> {
  for (const fact of snapshot.payments) {
    const was = before.payments.get(fact.externalId);
    const payment = await findPaymentByExternal(tx, accountOf(recorded), fact.externalId);
    if (!payment) continue;
    if (payment.state === 'paid' && was?.state !== 'paid') await notePayment(tx, payment, 'paid', {}, by);
    const hasFailed = payment.state !== 'paid' && payment.failedAt !== null;
    if (hasFailed && (was?.failedAt ?? null) === null) await notePayment(tx, payment, 'fail', {}, by);
  }
}

function accountOf({ order, subscription }: Recorded): string {
  return order?.accountId ?? subscription?.accountId ?? '';
}

async function tellOfReturns(
  tx: Tx,
  { organization, before, snapshot, recorded, issued }: Told,
  by: By,
): Promise<void> {
  for (const refund of snapshot.refunds) {
    const payment = await findPaymentByExternal(tx, accountOf(recorded), refund.paymentId);
    const was = before.refunds.get(refund.externalId);
    if (!payment || was?.state === refund.state || refund.state === 'unknown') continue;
    const changes = { refund: refund.externalId, refunded_minor: refund.amountMinor, state: refund.state };
    await notePayment(tx, payment, 'refund', changes, by);
    if (refund.state !== 'succeeded') continue;
    const row = (await refundsOf(tx, [payment.id])).find(({ externalId }) => externalId === refund.externalId);
    const about = { payment_id: payment.id, ...(row ? { refund_id: row.id } : {}) };
    const licenseId = licenseOf(issued);
    await mail(
      tx,
      organization,
      recorded,
      { template: 'refunded', tag: `refunded:${refund.externalId}`, licenseId, about },
      by.now,
    );
  }
  for (const dispute of snapshot.disputes) {
    const payment = await findPaymentByExternal(tx, accountOf(recorded), dispute.paymentId);
    if (!payment || before.disputes.get(dispute.externalId)?.state === dispute.state) continue;
    const changes = { dispute: dispute.externalId, disputed_minor: dispute.amountMinor, state: dispute.state };
    await notePayment(tx, payment, 'dispute', changes, by);
  }
}

function licenseOf({ licenseId, licenseIds }: Issued): string | null {
  return licenseId ?? [...licenseIds][0] ?? null;
}

/** Days after a failed charge on which the buyer is asked to see to it; what is true no more by then is not sent. */
const ASKED_ON = [0, 3, 6];

async function tellOfSubscription(tx: Tx, told: Told, by: By): Promise<void> {
  const { organization, recorded, plan, issued, snapshot } = told;
  const { subscription: now, subscriptionBefore: was } = recorded;
  if (now === null || plan.times === null) return;
  const iso = (ms: number | null) => (ms === null ? null : toIso(ms));
  const failedAt = iso(plan.times.failedAt);
  const about = { subscription_id: now.id, ...payLink(snapshot) };
  const licenseId = licenseOf(issued) ?? now.licenseId;
  const send = (template: MailTemplate, tag: string, days: number | null = null) =>
    mail(
      tx,
      organization,
      recorded,
      { template, tag: `${tag}`, licenseId, about: days === null ? about : { ...about, days } },
      by.now,
      days === null || failedAt === null ? by.now : fromIso(failedAt) + days * DAY,
    );
  const isStarted = plan.times.paidThrough !== null && (was?.paidThrough ?? null) === null;
  if (isStarted) await noteSubscription(tx, now, 'start', { paid_through: iso(plan.times.paidThrough) }, by);
  if (failedAt !== null && was?.failedAt !== failedAt && (was?.failedAt ?? null) === null) {
    await noteSubscription(tx, now, 'past_due', { failed_at: failedAt, grace_until: iso(plan.times.graceUntil) }, by);
    for (const days of ASKED_ON) await send('payment_failed', `failed:${now.id}:${was?.paidThrough}:${days}`, days);
  }
  const isRecovered = failedAt === null && (was?.failedAt ?? null) !== null && plan.times.runs;
  if (isRecovered && (was?.paidThrough ?? '') < (iso(plan.times.paidThrough) ?? '')) {
    await noteSubscription(tx, now, 'recover', { paid_through: iso(plan.times.paidThrough) }, by);
    await send('recovered', `recovered:${now.id}:${was?.paidThrough}`);
  }
  if ((was?.runs ?? false) && !plan.times.runs) {
    const isEnd = now.endedAt !== null || now.state === 'canceled' || now.state === 'expired';
    await noteSubscription(tx, now, isEnd ? 'end' : 'cancel', { cancel_at: now.cancelAt, ended_at: now.endedAt }, by);
    await send('canceled', `canceled:${now.id}:${now.canceledAt ?? now.cancelAt ?? now.endedAt ?? ''}`);
  } else if (was !== null && isChanged(was, now)) {
    await noteSubscription(tx, now, 'change', { state: { from: was.state, to: now.state } }, by);
  }
  const isOver = (state: string) => state === 'canceled' || state === 'expired';
  if (was !== null && !was.runs && !isOver(was.state) && isOver(now.state))
    await noteSubscription(tx, now, 'end', { ended_at: now.endedAt }, by);
}

function isChanged(was: NonNullable<Recorded['subscription']>, now: NonNullable<Recorded['subscription']>): boolean {
  return (
    was.state !== now.state || JSON.stringify(was.items) !== JSON.stringify(now.items) || was.cancelAt !== now.cancelAt
  );
}

/** Where the buyer pays what is open, or confirms it (3-D Secure): of several the newest. */
function payLink({ payments }: Snapshot): Pick<MailAbout, 'url'> {
  const isOpen = (state: string) => state === 'pending' || state === 'failed';
  const [open] = payments
    .filter(({ state, failedAt, customerUrl }) => isOpen(state) && failedAt !== null && customerUrl)
    .sort((a, b) => (b.failedAt ?? 0) - (a.failedAt ?? 0));
  return open?.customerUrl ? { url: open.customerUrl } : {};
}

interface Letter {
  template: MailTemplate;
  tag: string;
  licenseId: string | null;
  about: MailAbout;
}

async function mail(
  tx: Tx,
  organization: OrganizationRecord,
  { order }: Recorded,
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
