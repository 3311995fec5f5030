import { forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type {
  DisputeFact,
  PaymentFact,
  PaymentLine,
  RefundFact,
  SubscriptionItem,
  SubscriptionState,
} from './facts.ts';
import type { Mode } from './gateway.ts';

/** What the rows of all facts begin with. */
interface FactHead {
  id: string;
  organizationId: string;
  accountId: string;
  provider: string;
  mode: Mode;
  externalId: string;
  createdAt: string;
  createdBy: string;
}

export interface SubscriptionRecord extends FactHead {
  state: SubscriptionState;
  orderId: string | null;
  licenseId: string | null;
  customerId: string | null;
  providerState: string;
  items: SubscriptionItem[];
  currency: string;
  externalCustomerId: string | null;
  periodStart: string | null;
  periodEnd: string | null;
  cancelAt: string | null;
  canceledAt: string | null;
  endedAt: string | null;
  pausedAt: string | null;
  /** Until when it is paid, refunds taken off. */
  paidThrough: string | null;
  /** The first failed charge of the period that is unpaid; null: none is. */
  failedAt: string | null;
  /** Until when access lasts beyond `paidThrough`; null: not at all. */
  graceUntil: string | null;
  /** It will be charged again by itself. */
  runs: boolean;
  trouble: string;
  url: string;
  fetchedAt: string;
}

export interface PaymentRecord extends FactHead {
  state: PaymentFact['state'];
  kind: PaymentFact['kind'];
  orderId: string | null;
  subscriptionId: string | null;
  amountMinor: number;
  /** Refunds that succeeded and what lost disputes took. */
  refundedMinor: number;
  currency: string;
  paidAt: string | null;
  failedAt: string | null;
  lines: PaymentLine[];
  /** Other ids of the provider by which it is named. */
  charges: string[];
  trouble: string;
  url: string;
  fetchedAt: string;
}

interface OfPayment extends FactHead {
  paymentId: string;
  amountMinor: number;
  currency: string;
  reason: string;
  at: string;
  url: string;
}

export interface RefundRecord extends OfPayment {
  state: RefundFact['state'];
}

export interface DisputeRecord extends OfPayment {
  state: DisputeFact['state'];
  providerState: string;
  dueAt: string | null;
  heldAt: string | null;
}

const HEAD = ['id', 'organizationId', 'accountId', 'provider', 'mode', 'externalId', 'state', 'createdAt', 'createdBy'];
const SUBSCRIPTION_COLUMNS = columnsOf(
  ...HEAD,
  ...['orderId', 'licenseId', 'customerId', 'providerState', 'items', 'currency', 'externalCustomerId', 'periodStart'],
  ...['periodEnd', 'cancelAt', 'canceledAt', 'endedAt', 'pausedAt', 'paidThrough', 'failedAt', 'graceUntil', 'runs'],
  ...['trouble', 'url', 'fetchedAt'],
);
const PAYMENT_COLUMNS = columnsOf(
  ...HEAD,
  ...['kind', 'orderId', 'subscriptionId', 'amountMinor', 'refundedMinor', 'currency', 'paidAt', 'failedAt', 'lines'],
  ...['charges', 'trouble', 'url', 'fetchedAt'],
);
const OF_PAYMENT = [...HEAD, 'paymentId', 'amountMinor', 'currency', 'reason', 'at', 'url'];
const REFUND_COLUMNS = columnsOf(...OF_PAYMENT);
const DISPUTE_COLUMNS = columnsOf(...OF_PAYMENT, 'providerState', 'dueAt', 'heldAt');

const SUBSCRIPTION_SHAPE = { json: ['items'], booleans: ['runs'] };
const PAYMENT_SHAPE = { json: ['lines', 'charges'] };

function toSubscription(row: object): SubscriptionRecord {
  return fromRow(row, SUBSCRIPTION_SHAPE);
}

/** PostgreSQL gives a bigint as text. */
function toPayment(row: object): PaymentRecord {
  const payment = fromRow<PaymentRecord>(row, PAYMENT_SHAPE);
  return { ...payment, amountMinor: Number(payment.amountMinor), refundedMinor: Number(payment.refundedMinor) };
}

function toRefund(row: object): RefundRecord {
  const refund = fromRow<RefundRecord>(row);
  return { ...refund, amountMinor: Number(refund.amountMinor) };
}

function toDispute(row: object): DisputeRecord {
  const dispute = fromRow<DisputeRecord>(row);
  return { ...dispute, amountMinor: Number(dispute.amountMinor) };
}

export async function findSubscriptionByExternal(
  tx: Tx,
  accountId: string,
  externalId: string,
): Promise<SubscriptionRecord | null> {
  const row = await tx('subscriptions')
    .where({ account_id: accountId, external_id: externalId })
    .first(SUBSCRIPTION_COLUMNS);
  return row ? toSubscription(row) : null;
}

export async function findSubscription(tx: Tx, id: string): Promise<SubscriptionRecord | null> {
  const row = await tx('subscriptions').where({ id }).first(SUBSCRIPTION_COLUMNS);
  return row ? toSubscription(row) : null;
}

export async function lockSubscription(tx: Tx, id: string): Promise<SubscriptionRecord | null> {
  const row = (await forUpdate(tx, tx('subscriptions').where({ id }).select(SUBSCRIPTION_COLUMNS)))[0];
  return row ? toSubscription(row) : null;
}

export async function insertSubscription(tx: Tx, subscription: SubscriptionRecord): Promise<void> {
  await tx('subscriptions').insert(toRow(subscription, SUBSCRIPTION_SHAPE));
}

export async function updateSubscription(
  tx: Tx,
  id: string,
  change: Partial<Omit<SubscriptionRecord, keyof FactHead>> & { state?: SubscriptionState },
): Promise<void> {
  await tx('subscriptions').where({ id }).update(toRow(change, SUBSCRIPTION_SHAPE));
}

/** Of one order, or of one subscription; oldest first. */
export async function paymentsOf(
  tx: Tx,
  where: { orderId: string } | { subscriptionId: string },
): Promise<PaymentRecord[]> {
  return (await tx('payments').where(toRow(where)).orderBy('id').select(PAYMENT_COLUMNS)).map(toPayment);
}

export async function findPayment(tx: Tx, id: string): Promise<PaymentRecord | null> {
  const row = await tx('payments').where({ id }).first(PAYMENT_COLUMNS);
  return row ? toPayment(row) : null;
}

/** Those that are known, by the provider's id. */
export async function paymentsByExternal(
  tx: Tx,
  accountId: string,
  externalIds: readonly string[],
): Promise<Map<string, PaymentRecord>> {
  const own = tx('payments').where({ account_id: accountId });
  const rows = await own.whereIn('external_id', [...new Set(externalIds)]).select(PAYMENT_COLUMNS);
  return new Map(rows.map((row) => [row.external_id as string, toPayment(row)]));
}

export async function insertPayment(tx: Tx, payment: PaymentRecord): Promise<void> {
  await tx('payments').insert(toRow(payment, PAYMENT_SHAPE));
}

export async function updatePayment(
  tx: Tx,
  id: string,
  change: Partial<Omit<PaymentRecord, keyof FactHead>> & { state?: PaymentRecord['state'] },
): Promise<void> {
  await tx('payments').where({ id }).update(toRow(change, PAYMENT_SHAPE));
}

export async function refundsOf(tx: Tx, paymentIds: readonly string[]): Promise<RefundRecord[]> {
  if (paymentIds.length === 0) return [];
  return (await tx('refunds').whereIn('payment_id', paymentIds).orderBy('id').select(REFUND_COLUMNS)).map(toRefund);
}

export async function disputesOf(tx: Tx, paymentIds: readonly string[]): Promise<DisputeRecord[]> {
  if (paymentIds.length === 0) return [];
  return (await tx('disputes').whereIn('payment_id', paymentIds).orderBy('id').select(DISPUTE_COLUMNS)).map(toDispute);
}

export async function saveRefund(tx: Tx, refund: RefundRecord): Promise<void> {
  await tx('refunds')
    .insert(toRow(refund))
    .onConflict(['account_id', 'external_id'])
    .merge(refund.state === 'unknown' ? ['url'] : ['state', 'amount_minor', 'reason', 'url']);
}

export async function saveDispute(tx: Tx, dispute: DisputeRecord): Promise<void> {
  await tx('disputes')
    .insert(toRow(dispute))
    .onConflict(['account_id', 'external_id'])
    .merge(
      dispute.state === 'unknown'
        ? ['provider_state', 'url']
        : ['state', 'provider_state', 'amount_minor', 'reason', 'due_at', 'url'],
    );
}

export async function updateDispute(tx: Tx, id: string, change: Pick<DisputeRecord, 'heldAt'>): Promise<void> {
  await tx('disputes').where({ id }).update(toRow(change));
}

interface Facts {
  subscription: SubscriptionRecord;
  payment: PaymentRecord;
  refund: RefundRecord;
  dispute: DisputeRecord;
}

const READ: { [K in keyof Facts]: { columns: readonly string[]; toRecord(row: object): Facts[K] } } = {
  subscription: { columns: SUBSCRIPTION_COLUMNS, toRecord: toSubscription },
  payment: { columns: PAYMENT_COLUMNS, toRecord: toPayment },
  refund: { columns: REFUND_COLUMNS, toRecord: toRefund },
  dispute: { columns: DISPUTE_COLUMNS, toRecord: toDispute },
};

/** Newest first; those that are gone are left out. */
export async function factsById<K extends keyof Facts>(tx: Tx, kind: K, ids: readonly string[]): Promise<Facts[K][]> {
  const { columns, toRecord } = READ[kind];
  return (await tx(`${kind}s`).whereIn('id', ids).orderBy('id', 'desc').select(columns)).map(toRecord);
}
