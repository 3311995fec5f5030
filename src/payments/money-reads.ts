import type { z } from 'zod';
import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { customerOf } from '../accounts/customers.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import {
  type DisputeView,
  disputeView,
  type PaymentView,
  paymentView,
  type RefundView,
  refundView,
} from './charge-view.ts';
import { subjectOf } from './gateway.ts';
import type { MoneyFilter, MoneyKind } from './money-filter.ts';
import { linksOf, type Names } from './money-links.ts';
import { linksView, type OrderView, orderView, type SubscriptionView, subscriptionView } from './money-view.ts';
import { refOf } from './plan-ledger.ts';
import { type DisputeRecord, factsById, type PaymentRecord, type RefundRecord } from './store-facts.ts';
import { countMoney, moneyIds } from './store-money.ts';
import { ofOrders } from './store-money-links.ts';
import { linesOfOrders, ordersById } from './store-orders.ts';

/** What is shown of each kind. */
export interface Shown {
  order: z.input<typeof OrderView>;
  subscription: z.input<typeof SubscriptionView>;
  payment: z.input<typeof PaymentView>;
  refund: z.input<typeof RefundView>;
  dispute: z.input<typeof DisputeView>;
}

/** Newest first. A customer that was merged into another is that other one. Throws NOT_FOUND for a customer that is not there. */
export async function listMoney<K extends MoneyKind>(
  db: Db,
  actor: Actor,
  kind: K,
  filter: MoneyFilter,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<Shown[K]>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const { customerId } = filter;
    const own =
      customerId === undefined ? filter : { ...filter, customerId: (await customerOf(tx, actor, customerId)).id };
    const ids = await moneyIds(tx, kind, own, after, limit + 1);
    const page = pageFrom(ids, limit, await countMoney(tx, kind, own, COUNT_LIMIT + 1), (id) => [id]);
    return { ...page, items: await shown(tx, kind, filter.organizationId, page.items) };
  });
}

/** Throws NOT_FOUND, in the same words for what is not there and what the actor may not touch. */
export async function readMoney<K extends MoneyKind>(db: Db, actor: Actor, kind: K, id: string): Promise<Shown[K]> {
  return db.read(async (tx) => {
    const [record] = kind === 'order' ? await ordersById(tx, [id]) : await factsById(tx, kind, [id]);
    if (!record) throw problem('NOT_FOUND');
    requireOrganization(actor, record.organizationId);
    const [found] = await shown(tx, kind, record.organizationId, [id]);
    return found as Shown[K];
  });
}

const BY_KIND: { [K in MoneyKind]: (tx: Tx, organizationId: string, ids: readonly string[]) => Promise<Shown[K][]> } = {
  order: orders,
  subscription: subscriptions,
  payment: payments,
  refund: async (tx, organizationId, ids) => {
    const records = await factsById(tx, 'refund', ids);
    return withPayments(tx, organizationId, records, refundView);
  },
  dispute: async (tx, organizationId, ids) => {
    const records = await factsById(tx, 'dispute', ids);
    return withPayments(tx, organizationId, records, disputeView);
  },
};

function shown<K extends MoneyKind>(
  tx: Tx,
  kind: K,
  organizationId: string,
  ids: readonly string[],
): Promise<Shown[K][]> {
  return BY_KIND[kind](tx, organizationId, ids);
}

/** Views with what hangs on each. */
async function linked<R extends { id: string }, V>(
  tx: Tx,
  organizationId: string,
  records: readonly R[],
  namesOf: (record: R) => Names,
  view: (record: R) => V,
) {
  const links = await linksOf(tx, organizationId, records.map(namesOf));
  return records.map((record) => {
    const { grants, events } = links(namesOf(record));
    return { ...view(record), ...linksView(grants, events) };
  });
}

async function orders(tx: Tx, organizationId: string, ids: readonly string[]): Promise<Shown['order'][]> {
  const records = await ordersById(tx, ids);
  const lines = await linesOfOrders(tx, ids);
  const paid = await ofOrders(tx, 'payments', ids);
  const running = await ofOrders(tx, 'subscriptions', ids);
  const partsOf = (id: string) => ({
    payments: paid.filter(({ orderId }) => orderId === id),
    subscriptions: running.filter(({ orderId }) => orderId === id),
  });
  return linked(
    tx,
    organizationId,
    records,
    ({ id, accountId, mode, externalId }) => {
      const parts = partsOf(id);
      const paidIds = parts.payments.map((each) => each.externalId);
      const refs = paidIds.map((each) => refOf({ mode, externalId: each }));
      const own = externalId === null ? [] : [externalId];
      return {
        ...{ id, accountId, refs, subscriptionIds: parts.subscriptions.map((each) => each.id) },
        subjects: [
          ...own.map((each) => subjectOf('checkout', each)),
          ...parts.subscriptions.map((each) => subjectOf('subscription', each.externalId)),
        ],
        objectIds: [...own, ...paidIds],
      };
    },
    (order) => {
      const parts = partsOf(order.id);
      return orderView(order, {
        lines: lines.filter(({ orderId }) => orderId === order.id),
        paymentIds: parts.payments.map(({ id }) => id),
        subscriptionIds: parts.subscriptions.map(({ id }) => id),
        url: [...parts.subscriptions, ...parts.payments].map(({ url }) => url).find((url) => url !== '') ?? null,
      });
    },
  );
}

async function subscriptions(tx: Tx, organizationId: string, ids: readonly string[]): Promise<Shown['subscription'][]> {
  const records = await factsById(tx, 'subscription', ids);
  const namesOf = ({ id, accountId, externalId }: (typeof records)[number]): Names => ({
    ...{ id, accountId, refs: [], subscriptionIds: [id] },
    ...{ subjects: [subjectOf('subscription', externalId)], objectIds: [externalId] },
  });
  return linked(tx, organizationId, records, namesOf, subscriptionView);
}

async function payments(tx: Tx, organizationId: string, ids: readonly string[]): Promise<Shown['payment'][]> {
  const records = await factsById(tx, 'payment', ids);
  const bought = await ordersById(
    tx,
    records.flatMap(({ orderId }) => orderId ?? []),
  );
  const namesOf = (payment: PaymentRecord) => {
    const { externalId = null } = bought.find(({ id }) => id === payment.orderId) ?? {};
    const isAll = payment.kind === 'one_off' && externalId !== null;
    return { ...namesOfPayment(payment, []), subjects: isAll ? [subjectOf('checkout', externalId)] : [] };
  };
  return linked(tx, organizationId, records, namesOf, paymentView);
}

function namesOfPayment(payment: PaymentRecord, more: readonly string[]): Names {
  const { id, accountId, externalId, charges } = payment;
  return {
    ...{ id, accountId, refs: [refOf(payment)], subscriptionIds: [], subjects: [] },
    objectIds: [...more, externalId, ...charges],
  };
}

/** Refunds and disputes, which touch what their payment made. */
async function withPayments<R extends RefundRecord | DisputeRecord, V>(
  tx: Tx,
  organizationId: string,
  records: readonly R[],
  view: (record: R) => V,
) {
  const paid = await factsById(tx, 'payment', [...new Set(records.map(({ paymentId }) => paymentId))]);
  const namesOf = ({ id, accountId, externalId, paymentId }: R): Names => {
    const payment = paid.find((each) => each.id === paymentId);
    const alone = { id, accountId, refs: [], subscriptionIds: [], subjects: [], objectIds: [externalId] };
    return payment ? { ...namesOfPayment(payment, [externalId]), id } : alone;
  };
  return linked(tx, organizationId, records, namesOf, view);
}
