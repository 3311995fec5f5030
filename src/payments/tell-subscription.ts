import { DAY, fromIso, isoOrNull } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import type { By } from '../licensing/keys.ts';
import type { MailAbout, MailTemplate } from '../notify/mail-wish.ts';
import type { Snapshot } from './facts.ts';
import { noteSubscription } from './notes.ts';
import type { SubscriptionRecord } from './store-facts.ts';
import type { SubscriptionTimes } from './subscription-times.ts';
import { licenseOf, mailBuyer, type Told } from './tell.ts';

/** A subscription before and after, in the words that its events are told in. */
interface Turn {
  now: SubscriptionRecord;
  was: SubscriptionRecord | null;
  times: SubscriptionTimes;
  paidThrough: string | null;
  failedAt: string | null;
}

/** Writes down what became of a subscription, and mails its owner: each once, by its tag. */
export async function tellOfSubscription(tx: Tx, told: Told, by: By): Promise<void> {
  const { subscription: now, subscriptionBefore: was } = told.recorded;
  const { times } = told.plan;
  if (now === null || times === null) return;
  const turn: Turn = {
    now,
    was,
    times,
    paidThrough: isoOrNull(times.paidThrough),
    failedAt: isoOrNull(times.failedAt),
  };
  if (turn.paidThrough !== null && (was?.paidThrough ?? null) === null)
    await noteSubscription(tx, now, 'start', { paid_through: turn.paidThrough }, by);
  await tellOfFailure(tx, told, turn, by);
  await tellOfRecovery(tx, told, turn, by);
  await tellOfChange(tx, told, turn, by);
}

/** Days after a failed charge on which the buyer is asked to see to it; what is true no more by then is not sent. */
const ASKED_ON = [0, 3, 6];

async function tellOfFailure(tx: Tx, told: Told, { now, was, times, failedAt }: Turn, by: By): Promise<void> {
  if (failedAt === null || (was?.failedAt ?? null) !== null) return;
  await noteSubscription(tx, now, 'past_due', { failed_at: failedAt, grace_until: isoOrNull(times.graceUntil) }, by);
  for (const days of ASKED_ON) {
    const tag = `failed:${now.id}:${was?.paidThrough}:${days}`;
    await mail(tx, told, now, { template: 'payment_failed', tag, days }, by.now, fromIso(failedAt) + days * DAY);
  }
}

async function tellOfRecovery(
  tx: Tx,
  told: Told,
  { now, was, times, paidThrough, failedAt }: Turn,
  by: By,
): Promise<void> {
  const hadFailed = (was?.failedAt ?? null) !== null;
  if (failedAt !== null || !hadFailed || !times.runs || (was?.paidThrough ?? '') >= (paidThrough ?? '')) return;
  await noteSubscription(tx, now, 'recover', { paid_through: paidThrough }, by);
  await mail(tx, told, now, { template: 'recovered', tag: `recovered:${now.id}:${was?.paidThrough}` }, by.now);
}

async function tellOfChange(tx: Tx, told: Told, { now, was, times }: Turn, by: By): Promise<void> {
  if (was === null) return;
  const end = { cancel_at: now.cancelAt, ended_at: now.endedAt };
  if (was.runs && !times.runs && now.state !== 'paused') {
    await noteSubscription(tx, now, isOver(now) ? 'end' : 'cancel', end, by);
    const tag = `canceled:${now.id}:${now.canceledAt ?? now.cancelAt ?? now.endedAt ?? ''}`;
    await mail(tx, told, now, { template: 'canceled', tag }, by.now);
    return;
  }
  if (!was.runs && !isOver(was) && isOver(now)) await noteSubscription(tx, now, 'end', end, by);
  else if (isChanged(was, now))
    await noteSubscription(tx, now, 'change', { state: { from: was.state, to: now.state } }, by);
}

function isOver({ state, endedAt }: SubscriptionRecord): boolean {
  return endedAt !== null || state === 'canceled' || state === 'expired';
}

function isChanged(was: SubscriptionRecord, now: SubscriptionRecord): boolean {
  const isSame = was.state === now.state && was.cancelAt === now.cancelAt;
  return !isSame || JSON.stringify(was.items) !== JSON.stringify(now.items);
}

interface Letter {
  template: MailTemplate;
  tag: string;
  days?: number;
}

function mail(
  tx: Tx,
  told: Told,
  subscription: SubscriptionRecord,
  { template, tag, days }: Letter,
  now: number,
  notBefore = now,
): Promise<void> {
  const about = {
    subscription_id: subscription.id,
    ...payLink(told.snapshot),
    ...(days === undefined ? {} : { days }),
  };
  const licenseId = licenseOf(told.issued) ?? subscription.licenseId;
  return mailBuyer(tx, told, { template, tag, licenseId, about }, now, notBefore);
}

/** Where the buyer pays what is open, or confirms it (3-D Secure): of several the newest. */
function payLink({ payments }: Snapshot): Pick<MailAbout, 'url'> {
  const isOpen = (state: string) => state === 'pending' || state === 'failed';
  const [open] = payments
    .filter(({ state, failedAt, customerUrl }) => isOpen(state) && failedAt !== null && customerUrl)
    .sort((a, b) => (b.failedAt ?? 0) - (a.failedAt ?? 0));
  return open?.customerUrl ? { url: open.customerUrl } : {};
}
