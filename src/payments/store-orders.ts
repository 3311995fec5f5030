import { forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { Length } from '../licensing/package-terms.ts';
import type { Mode } from './gateway.ts';
import type { OrderState } from './order-states.ts';

/** What a buyer agreed to, and when. Empty: there was nothing to agree to. */
interface Consent {
  version?: string;
  text?: string;
  at?: string;
}

export interface OrderRecord {
  id: string;
  organizationId: string;
  accountId: string;
  provider: string;
  mode: Mode;
  state: OrderState;
  /** null until it is paid, unless the customer was known from the start. */
  customerId: string | null;
  email: string;
  name: string;
  language: string;
  currency: string;
  /** Before discounts and tax: what the lines come to. */
  subtotalMinor: number;
  /** Of the provider's page or order, or of the shop. null: not begun there. */
  externalId: string | null;
  externalUrl: string | null;
  externalCustomerId: string | null;
  attempt: number;
  expiresAt: string | null;
  successUrl: string | null;
  cancelUrl: string | null;
  consent: Consent;
  trouble: string;
  paidAt: string | null;
  createdAt: string;
  createdBy: string;
}

export interface OrderLineRecord {
  orderId: string;
  /** `1`, `2`, ... or as the shop names it. */
  line: string;
  packageId: string;
  /** As it was when it was ordered: that is what is sold. */
  packageVersion: number;
  priceCode: string;
  priceExternalId: string;
  quantity: number;
  /** Of one piece before tax. */
  unitMinor: number;
  /** The price's own duration; null: the package's. */
  lengthValue: number | null;
  lengthUnit: Length['unit'] | null;
  recurring: boolean;
  /**
   * `new`: a license of its own. `into`: more of `licenseId`, or, for an add-on without one, of the license of the first line that
   * makes one. `switch`: in `licenseId` it takes the place of what carries the license now.
   */
  kind: 'new' | 'into' | 'switch';
  /** Where it goes, or went. */
  licenseId: string | null;
}

const ORDER = columnsOf(
  ...['id', 'organizationId', 'accountId', 'provider', 'mode', 'state', 'customerId', 'email', 'name', 'language'],
  ...['currency', 'subtotalMinor', 'externalId', 'externalUrl', 'externalCustomerId', 'attempt', 'expiresAt'],
  ...['successUrl', 'cancelUrl', 'consent', 'trouble', 'paidAt', 'createdAt', 'createdBy'],
);
const SHAPE = { json: ['consent'] };

function toOrder(row: object): OrderRecord {
  const order = fromRow<OrderRecord>(row, SHAPE);
  // PostgreSQL gives a bigint as text.
  return { ...order, subtotalMinor: Number(order.subtotalMinor) };
}

function toLine(row: object): OrderLineRecord {
  const line = fromRow<OrderLineRecord>(row, { booleans: ['recurring'] });
  return { ...line, unitMinor: Number(line.unitMinor) };
}

export async function insertOrder(tx: Tx, order: OrderRecord, lines: readonly OrderLineRecord[]): Promise<void> {
  await tx('orders').insert(toRow(order, SHAPE));
  if (lines.length > 0) await tx('order_lines').insert(lines.map((line) => toRow(line)));
}

export async function updateOrder(
  tx: Tx,
  id: string,
  change: Partial<Omit<OrderRecord, 'id' | 'organizationId' | 'createdAt' | 'createdBy'>>,
): Promise<void> {
  await tx('orders').where({ id }).update(toRow(change, SHAPE));
}

export async function updateOrderLine(
  tx: Tx,
  { orderId, line }: Pick<OrderLineRecord, 'orderId' | 'line'>,
  change: Partial<Omit<OrderLineRecord, 'orderId' | 'line'>>,
): Promise<void> {
  await tx('order_lines').where({ order_id: orderId, line }).update(toRow(change));
}

export async function findOrder(tx: Tx, id: string): Promise<OrderRecord | null> {
  const row = await tx('orders').where({ id }).first(ORDER);
  return row ? toOrder(row) : null;
}

/** Newest first; those that are gone are left out. */
export async function ordersById(tx: Tx, ids: readonly string[]): Promise<OrderRecord[]> {
  return (await tx('orders').whereIn('id', ids).orderBy('id', 'desc').select(ORDER)).map(toOrder);
}

export async function lockOrder(tx: Tx, id: string): Promise<OrderRecord | null> {
  const row = (await forUpdate(tx, tx('orders').where({ id }).select(ORDER)))[0];
  return row ? toOrder(row) : null;
}

export async function findOrderByExternal(tx: Tx, accountId: string, externalId: string): Promise<OrderRecord | null> {
  const row = await tx('orders').where({ account_id: accountId, external_id: externalId }).first(ORDER);
  return row ? toOrder(row) : null;
}

/** In the order of their numbers, as far as they are numbers. */
export async function linesOfOrder(tx: Tx, orderId: string): Promise<OrderLineRecord[]> {
  return linesOfOrders(tx, [orderId]);
}

/** Of many orders; those of each in the order of their numbers. */
export async function linesOfOrders(tx: Tx, orderIds: readonly string[]): Promise<OrderLineRecord[]> {
  const lines = (await tx('order_lines').whereIn('order_id', orderIds)).map(toLine);
  return lines.sort((a, b) => Number(a.line) - Number(b.line) || (a.line < b.line ? -1 : 1));
}
