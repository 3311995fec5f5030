import { isoOrNull, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { PaymentFact, Snapshot } from './facts.ts';
import type { AccountRecord } from './store-accounts.ts';
import {
  insertPayment,
  type PaymentRecord,
  type SubscriptionRecord,
  saveDispute,
  saveRefund,
  updatePayment,
} from './store-facts.ts';
import type { OrderRecord } from './store-orders.ts';

/** What the rows of all facts begin with. */
export function headOf(
  { id: accountId, organizationId, provider, mode }: AccountRecord,
  id: string,
  externalId: string,
  by: By,
) {
  const made = { createdAt: toIso(by.now), createdBy: by.actor.id };
  return { id, organizationId, accountId, provider, mode, externalId, ...made };
}

interface PaymentInput {
  payment: PaymentFact;
  known: PaymentRecord | null;
  order: OrderRecord | null;
  subscription: SubscriptionRecord | null;
  unknown: string[];
}

/** Money that was taken stays taken: only a refund says that it was given back. */
export async function recordPayment(
  tx: Tx,
  account: AccountRecord,
  { payment: fact, known, order, subscription, unknown }: PaymentInput,
  by: By,
): Promise<PaymentRecord> {
  if (fact.state === 'unknown') unknown.push(`payment ${fact.externalId}`);
  const keeps = known !== null && (fact.state === 'unknown' || (known.state === 'paid' && fact.state !== 'paid'));
  const change = {
    state: keeps ? known.state : fact.state,
    amountMinor: fact.amountMinor,
    currency: fact.currency,
    paidAt: known?.paidAt ?? isoOrNull(fact.paidAt),
    failedAt: earlier(known?.failedAt ?? null, isoOrNull(fact.failedAt)),
    lines: fact.lines,
    charges: [...new Set([...(known?.charges ?? []), ...fact.aliases])],
    url: fact.url,
    fetchedAt: toIso(by.now),
  };
  if (known !== null) {
    const after = { ...known, ...change };
    // A subscription of years has many that never change.
    if (!isSame(known, { ...after, fetchedAt: known.fetchedAt })) await updatePayment(tx, known.id, change);
    return after;
  }
  const made: PaymentRecord = {
    ...headOf(account, newId('payment', by.now), fact.externalId, by),
    ...{ ...change, kind: fact.kind, refundedMinor: 0, trouble: '' },
    orderId: fact.kind === 'one_off' || subscription === null ? (order?.id ?? null) : null,
    subscriptionId: fact.kind === 'period' ? (subscription?.id ?? null) : null,
  };
  await insertPayment(tx, made);
  return made;
}

function isSame(a: PaymentRecord, b: PaymentRecord): boolean {
  return (Object.keys(a) as (keyof PaymentRecord)[]).every(
    (name) => JSON.stringify(a[name]) === JSON.stringify(b[name]),
  );
}

function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

interface ReturnsInput {
  snapshot: Snapshot;
  payments: ReadonlyMap<string, PaymentRecord>;
  unknown: string[];
}

/** Gives what is missing where money came back of a payment that nobody has told us of; all the rest is written. */
export async function recordReturns(
  tx: Tx,
  account: AccountRecord,
  { snapshot: { refunds, disputes }, payments, unknown }: ReturnsInput,
  by: By,
): Promise<string> {
  const missing: string[] = [];
  for (const fact of refunds) {
    const payment = payments.get(fact.paymentId);
    if (!payment) {
      missing.push(`the refund ${fact.externalId} is of ${fact.paymentId}, which is not known`);
      continue;
    }
    if (fact.state === 'unknown') unknown.push(`refund ${fact.externalId}`);
    const { amountMinor, currency, reason, url, state } = fact;
    const row = { paymentId: payment.id, amountMinor, currency, reason, url, state, at: toIso(fact.at) };
    await saveRefund(tx, { ...headOf(account, newId('refund', by.now), fact.externalId, by), ...row });
  }
  for (const fact of disputes) {
    const payment = payments.get(fact.paymentId);
    if (!payment) {
      missing.push(`the dispute ${fact.externalId} is of ${fact.paymentId}, which is not known`);
      continue;
    }
    if (fact.state === 'unknown') unknown.push(`dispute ${fact.externalId}: ${fact.providerState}`);
    const { amountMinor, currency, reason, url, state, providerState } = fact;
    const row = { paymentId: payment.id, amountMinor, currency, reason, url, state, providerState, at: toIso(fact.at) };
    const dueAt = fact.dueAt === null ? null : toIso(fact.dueAt);
    const head = headOf(account, newId('dispute', by.now), fact.externalId, by);
    await saveDispute(tx, { ...head, ...row, dueAt, heldAt: null });
  }
  return missing.join('; ');
}
