import sdk from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { PaymentTrouble } from '../../errors.ts';
import type { DisputeFact, PaymentFact, RefundFact } from '../facts.ts';
import type { Known } from '../gateway.ts';
import { get, inPath, look, type Paypal } from './calls.ts';
import { toMinor } from './money.ts';
import { Dispute, type Refund, SaleRefund, Refund as SomeRefund, webUrl } from './shapes.ts';

/** A payment, and how PayPal calls its state. */
export type Paid = PaymentFact & { providerState: string };

/** Of what nobody could tell us the parts: all that is gone of a payment and in no refund that we know. */
const REST = 'rest:';

const REFUND_STATES: Record<string, RefundFact['state']> = {
  COMPLETED: 'succeeded',
  PENDING: 'pending',
  FAILED: 'failed',
  CANCELLED: 'failed',
};

const OPEN_STATUSES = ['OPEN', 'WAITING_FOR_BUYER_RESPONSE', 'WAITING_FOR_SELLER_RESPONSE', 'UNDER_REVIEW'];

/** With a payout PayPal paid out of its own pocket; NONE is over without anybody saying who was right. */
const OUTCOMES: Record<string, DisputeFact['state']> = {
  RESOLVED_BUYER_FAVOUR: 'lost',
  ACCEPTED: 'lost',
  RESOLVED_SELLER_FAVOUR: 'won',
  DENIED: 'won',
  RESOLVED_WITH_PAYOUT: 'closed',
  CANCELED_BY_BUYER: 'closed',
  NONE: 'closed',
};

const Listed = z.object({ items: z.array(z.object({ dispute_id: z.string() })).default([]) });

export function refundOf(paypal: Paypal, refund: Refund, paymentId: string): RefundFact {
  const { id, status, amount, note_to_payer: reason = '', create_time: at } = refund;
  return {
    ...{ externalId: id, paymentId, reason },
    state: REFUND_STATES[status] ?? 'unknown',
    amountMinor: toMinor(amount.value, amount.currency_code),
    currency: amount.currency_code,
    at: at === undefined ? 0 : Date.parse(at),
    url: webUrl(paypal.account.mode, `/activity/payment/${id}`),
  };
}

/** A refund that is known by its id alone, of a capture or of a sale. */
async function readRefund(paypal: Paypal, id: string): Promise<RefundFact | null> {
  const ofSale = await look(paypal, get(`/v1/payments/refund/${inPath(id)}`), SaleRefund);
  if (ofSale?.sale_id !== undefined) {
    const { amount, state, create_time } = ofSale;
    const money = { currency_code: amount.currency, value: amount.total };
    const refund = { id, status: state.toUpperCase(), amount: money, create_time, links: [] };
    return refundOf(paypal, refund, ofSale.sale_id);
  }
  const refund = await look(paypal, new sdk.payments.RefundsGetRequest(id), SomeRefund);
  const of = refund && refundedId(refund);
  return refund && of ? refundOf(paypal, refund, of) : null;
}

/** A refund names its capture by a link upwards. */
export function refundedId({ links }: Pick<Refund, 'links'>): string | null {
  const up = links.find(({ rel }) => rel === 'up')?.href ?? '';
  return /\/(?:captures|sale)\/([^/?]+)/.exec(up)?.[1] ?? null;
}

/**
 * Refunds and disputes of payments. PayPal lists the refunds of orders only; of the others those are read that we know by an event or
 * from before, and where it says that all is refunded, what is missing is one refund more.
 */
export async function moneyBack(
  paypal: Paypal,
  payments: readonly Paid[],
  listed: readonly RefundFact[],
  known: Known | undefined,
): Promise<{ refunds: RefundFact[]; disputes: DisputeFact[] }> {
  const ids = new Set(payments.map(({ externalId }) => externalId));
  const unlisted = (known?.refunds ?? []).filter(
    (id) => !id.startsWith(REST) && !listed.some((it) => it.externalId === id),
  );
  const read = await all(unlisted, (id) => readRefund(paypal, id));
  const refunds = [...listed, ...read.filter((refund) => refund !== null && ids.has(refund.paymentId))] as RefundFact[];
  const disputes = (await all(recent(payments), ({ externalId }) => disputesOf(paypal, externalId))).flat();
  const rests = payments.flatMap((payment) => restOf(payment, refunds, disputes, known) ?? []);
  return { refunds: [...refunds, ...rests], disputes };
}

/** Where a dispute has the money, it says itself how much. */
function restOf(
  payment: Paid,
  refunds: readonly RefundFact[],
  disputes: readonly DisputeFact[],
  known: Known | undefined,
): RefundFact | null {
  const { externalId: paymentId, currency, url } = payment;
  const externalId = `${REST}${paymentId}`;
  const theirs = refunds.filter((refund) => refund.paymentId === paymentId && refund.state === 'succeeded');
  const back = theirs.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const isDisputed = disputes.some((dispute) => dispute.paymentId === paymentId);
  const amountMinor = payment.providerState === 'REFUNDED' && !isDisputed ? Math.max(0, payment.amountMinor - back) : 0;
  const wasToldBefore = known?.refunds.includes(externalId) ?? false;
  if (amountMinor === 0 && !wasToldBefore) return null;
  const state = amountMinor > 0 ? ('succeeded' as const) : ('failed' as const);
  return { externalId, paymentId, state, amountMinor, currency, reason: '', at: payment.paidAt ?? 0, url };
}

/** A dispute may be opened for half a year and last some months; what is older than all that is not asked for again. */
function recent(payments: readonly Paid[]): Paid[] {
  const newest = Math.max(...payments.map(({ paidAt }) => paidAt ?? 0));
  return payments.filter(({ paidAt }) => paidAt !== null && paidAt > newest - 400 * 24 * 3_600_000);
}

/** Where the application may not see disputes, they are not looked at; `check` says so. */
async function disputesOf(paypal: Paypal, paymentId: string): Promise<DisputeFact[]> {
  const list = get('/v1/customer/disputes', { disputed_transaction_id: paymentId });
  const listed = await look(paypal, list, Listed).catch((error: unknown) => {
    if (error instanceof PaymentTrouble && error.reason === 'refused') return null;
    throw error;
  });
  const found = await all(listed?.items ?? [], ({ dispute_id }) => readDispute(paypal, dispute_id));
  return found.flatMap((dispute) => (dispute === null ? [] : (disputeOf(paypal, dispute, paymentId) ?? [])));
}

export function readDispute(paypal: Paypal, id: string): Promise<Dispute | null> {
  return look(paypal, get(`/v1/customer/disputes/${inPath(id)}`), Dispute);
}

/** One dispute may be about several payments: of each it is a fact of its own. */
function disputeOf(paypal: Paypal, dispute: Dispute, paymentId: string): DisputeFact | null {
  const { dispute_id, disputed_transactions: transactions, dispute_outcome: outcome } = dispute;
  const of = transactions.find(({ seller_transaction_id }) => seller_transaction_id === paymentId);
  const isOne = transactions.length < 2;
  const state = disputeState(dispute);
  const disputed = isOne ? dispute.dispute_amount : of?.gross_amount;
  const amount = (state === 'lost' && isOne ? outcome?.amount_refunded : undefined) ?? disputed;
  if (amount === undefined) return null;
  const due = dispute.seller_response_due_date;
  return {
    externalId: isOne ? dispute_id : `${dispute_id}:${paymentId}`,
    ...{ paymentId, state, reason: dispute.reason },
    providerState: [dispute.status, dispute.dispute_life_cycle_stage, outcome?.outcome_code].filter(Boolean).join(' '),
    amountMinor: toMinor(amount.value, amount.currency_code),
    currency: amount.currency_code,
    at: Date.parse(dispute.create_time),
    dueAt: due === undefined ? null : Date.parse(due),
    url: webUrl(paypal.account.mode, `/resolutioncenter/view/${dispute_id}`),
  };
}

function disputeState({ status, dispute_life_cycle_stage: stage, dispute_outcome }: Dispute): DisputeFact['state'] {
  if (status === 'RESOLVED') return OUTCOMES[dispute_outcome?.outcome_code ?? 'NONE'] ?? 'unknown';
  if (!OPEN_STATUSES.includes(status)) return 'unknown';
  return stage === 'INQUIRY' ? 'inquiry' : 'open';
}

/** A few at a time. */
async function all<T, R>(things: readonly T[], act: (thing: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < things.length; at += 4) done.push(...(await Promise.all(things.slice(at, at + 4).map(act))));
  return done;
}
