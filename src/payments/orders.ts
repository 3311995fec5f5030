import { audit } from '../audit/audit.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { PaymentTrouble, problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { findOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { findPackage } from '../licensing/store-packages.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import type { Mode, StartedCheckout } from './gateway.ts';
import { subjectOf } from './gateway.ts';
import { placedLines, type WantedLine, wantedLines } from './order-lines.ts';
import { consentOf, faultsOfWish, languageOf, type OrderWish } from './order-wish.ts';
import { modeOf, sellerOf, whyNotAt } from './sold-price.ts';
import { type AccountRecord, accountsOf, findAccount } from './store-accounts.ts';
import {
  findOrder,
  insertOrder,
  linesOfOrder,
  lockOrder,
  type OrderLineRecord,
  type OrderRecord,
  updateOrder,
} from './store-orders.ts';
import { externalCustomerOf } from './store-selling.ts';
import type { LinkTokens } from './tokens.ts';

/** Where a buyer goes; `order_token` stands for the token of his order. */
const TOKEN_PLACE = '{ORDER_TOKEN}';

export interface OrderDeps extends PaymentDeps {
  links: LinkTokens;
}

export interface StartedOrder {
  order: OrderRecord;
  token: string;
  /** The provider's page. */
  url: string;
  expiresAt: number | null;
}

/**
 * Takes an order and begins its payment. The order is committed before the provider hears of it, so whatever is lost on the way, the
 * money finds its order. Throws what `takeOrder` and `startPayment` throw.
 */
export async function beginOrder(
  deps: OrderDeps,
  organization: OrganizationRecord,
  wish: OrderWish,
  mode: Mode | null,
  by: By,
): Promise<StartedOrder> {
  const order = await takeOrder(deps, organization, wish, mode, by);
  return startPayment(deps, order.id);
}

/** Writes an order down: what is sold, in which version and at which price. Throws whatever forbids the sale. */
async function takeOrder(
  deps: OrderDeps,
  organization: OrganizationRecord,
  wish: OrderWish,
  mode: Mode | null,
  by: By,
): Promise<OrderRecord> {
  const { seller } = organization.settings;
  const faults = faultsOfWish(wish, seller, deps.publicUrl);
  if (faults.length > 0) throw problem('INVALID_REQUEST', faults[0]?.detail, { errors: faults });
  return deps.db.tx(async (tx) => {
    const lines = await wantedLines(tx, organization.id, wish, by.now);
    const account = await accountFor(tx, deps, organization.id, lines, mode);
    const { license, kinds } = await placedLines(tx, organization.id, wish, lines, by.now);
    const order: OrderRecord = {
      ...{ id: newId('order', by.now), organizationId: organization.id, accountId: account.id },
      ...{ provider: account.provider, mode: account.mode, state: 'open' },
      ...{ customerId: license?.customerId ?? null, email: wish.email, name: '', language: languageOf(wish.language) },
      currency: (lines[0] as WantedLine).price.currency,
      subtotalMinor: lines.reduce((sum, { price, quantity }) => sum + price.amount_minor * quantity, 0),
      ...{ externalId: null, externalUrl: null },
      externalCustomerId: license && (await externalCustomerOf(tx, account.id, license.customerId)),
      ...{ attempt: 1, expiresAt: null, successUrl: wish.successUrl, cancelUrl: wish.cancelUrl },
      ...{ consent: consentOf(seller, toIso(by.now)), trouble: '', paidAt: null },
      ...{ createdAt: toIso(by.now), createdBy: by.actor.id },
    };
    const rows = lines.map((line, i) => ({
      ...toLine(order.id, i + 1, line),
      ...(kinds[i] as (typeof kinds)[number]),
    }));
    await insertOrder(tx, order, rows);
    const changes = { packages: rows.map(({ packageId }) => packageId), license_id: license?.id ?? null };
    const about = { actor: by.actor, action: 'order.create', entity: 'order', entityId: order.id };
    await audit(tx, { ...about, changes, requestId: by.requestId }, by.now);
    return order;
  });
}

async function accountFor(
  tx: Tx,
  { gateways }: PaymentDeps,
  organizationId: string,
  [first]: readonly WantedLine[],
  wanted: Mode | null,
): Promise<AccountRecord> {
  const accounts = await accountsOf(tx, { organizationId, active: true });
  const account = first && sellerOf(accounts, gateways, first.price, modeOf(accounts, wanted));
  if (!account) throw problem('NOT_CONNECTED', `no account of ${first?.price.provider} takes payments here`);
  return account;
}

function toLine(orderId: string, line: number, { offer, price, quantity }: WantedLine): OrderLineRecord {
  return {
    ...{ orderId, line: String(line), packageId: offer.id, packageVersion: offer.version },
    ...{ priceCode: price.code, priceExternalId: price.external_id, quantity, unitMinor: price.amount_minor },
    ...{ lengthValue: price.duration?.value ?? null, lengthUnit: price.duration?.unit ?? null },
    ...{ recurring: price.interval !== null, kind: 'new', licenseId: null },
  };
}

/**
 * The provider's page of an order: the one that there is while it lives, else a new one. Done again after a crash between the provider
 * and us it is the same page, since order and attempt are its key. Throws NOT_FOUND, ALREADY_EXISTS, PACKAGE_INACTIVE, NOT_CONNECTED and
 * PAYMENT_TROUBLE.
 */
export async function startPayment(deps: OrderDeps, orderId: string): Promise<StartedOrder> {
  const order = await deps.db.read((tx) => findOrder(tx, orderId));
  if (!order) throw problem('NOT_FOUND', 'there is no such order');
  const account = await deps.db.read((tx) => findAccount(tx, order.accountId));
  if (!account?.active) throw problem('NOT_CONNECTED');
  if (!['open', 'failed', 'expired'].includes(order.state))
    throw problem('ALREADY_EXISTS', 'the order is paid, or its payment is under way');
  try {
    const living = await livingPage(deps, account, order);
    return living ?? (await newPage(deps, account, order));
  } catch (error) {
    if (!(error instanceof PaymentTrouble)) throw error;
    throw problem('PAYMENT_TROUBLE', error.reason === 'refused' ? error.message : undefined);
  }
}

/** null: there was none yet, or it is over. */
async function livingPage(deps: OrderDeps, account: AccountRecord, order: OrderRecord): Promise<StartedOrder | null> {
  const { externalId, externalUrl, expiresAt } = order;
  if (externalId === null || externalUrl === null || order.state !== 'open') return null;
  const page = { externalId, url: externalUrl, expiresAt: expiresAt === null ? null : fromIso(expiresAt) };
  if (page.expiresAt !== null && page.expiresAt > deps.clock()) return started(deps, order, page);
  // Whether it is over says the provider: a page that was paid at the last moment must not get a twin.
  const gateway = deps.gateways[order.provider];
  const snapshot = await gateway?.read(openAccount(deps, account), subjectOf('checkout', externalId));
  // Where a subscription is its own page there is no other.
  const state = snapshot?.checkout?.state ?? snapshot?.subscription?.state ?? 'expired';
  return ['expired', 'failed', 'canceled'].includes(state) ? null : started(deps, order, page);
}

async function newPage(deps: OrderDeps, account: AccountRecord, order: OrderRecord): Promise<StartedOrder> {
  const gateway = deps.gateways[order.provider];
  if (!gateway?.startCheckout) throw problem('NOT_CONNECTED');
  const attempt = order.externalId === null ? order.attempt : await nextAttempt(deps, order);
  const { lines, names, organization } = await deps.db.read((tx) => soldIn(tx, order));
  const token = deps.links.order(order.id);
  const own = `${deps.publicUrl}/order/${token}`;
  const page = await gateway.startCheckout(openAccount(deps, account), {
    ...{ orderId: order.id, attempt, currency: order.currency, email: order.email, language: order.language },
    lines: lines.map((line) => ({
      ...{ line: line.line, name: names.get(line.packageId) ?? line.priceCode, priceId: line.priceExternalId },
      ...{ quantity: line.quantity, unitMinor: line.unitMinor, recurring: line.recurring },
    })),
    externalCustomerId: order.externalCustomerId,
    successUrl: (order.successUrl ?? own).replaceAll(TOKEN_PLACE, token),
    cancelUrl: (order.cancelUrl ?? own).replaceAll(TOKEN_PLACE, token),
    brand: organization?.name ?? '',
  });
  return notePage(deps, order, attempt, page);
}

/** Counted up before the provider is asked: a page of an attempt is never asked for with what another one was. */
async function nextAttempt(deps: OrderDeps, { id, attempt }: OrderRecord): Promise<number> {
  return deps.db.tx(async (tx) => {
    const now = await lockOrder(tx, id);
    // Somebody else was first, and his page is as good.
    if (now?.attempt !== attempt) return now?.attempt ?? attempt;
    await requireStillSold(tx, now, deps.clock());
    const none = { externalId: null, externalUrl: null, expiresAt: null };
    await updateOrder(tx, id, { attempt: attempt + 1, state: 'open', ...none });
    return attempt + 1;
  });
}

async function requireStillSold(tx: Tx, order: OrderRecord, now: number): Promise<void> {
  const prices = await pricesOfOrganization(tx, order.organizationId, order.provider);
  for (const line of await linesOfOrder(tx, order.id)) {
    const offer = await findPackage(tx, line.packageId);
    const price = prices.find((each) => each.external_id === line.priceExternalId);
    const isSame = price?.amount_minor === line.unitMinor && price.currency === order.currency;
    if (!offer || !price || !isSame || whyNotAt(offer, price, now) !== null)
      throw problem('PACKAGE_INACTIVE', 'what was ordered is not sold at this price any more; order anew');
  }
}

async function soldIn(tx: Tx, order: OrderRecord) {
  const lines = await linesOfOrder(tx, order.id);
  const names = new Map<string, string>();
  for (const { packageId } of lines) names.set(packageId, (await findPackage(tx, packageId))?.name ?? '');
  return { lines, names, organization: await findOrganization(tx, order.organizationId) };
}

async function notePage(
  deps: OrderDeps,
  { id }: OrderRecord,
  attempt: number,
  { externalId, url, expiresAt }: StartedCheckout,
): Promise<StartedOrder> {
  const order = await deps.db.tx(async (tx) => {
    const now = await lockOrder(tx, id);
    if (now?.attempt === attempt) {
      const page = { externalId, externalUrl: url, expiresAt: expiresAt === null ? null : toIso(expiresAt) };
      await updateOrder(tx, id, page);
    }
    return (await findOrder(tx, id)) as OrderRecord;
  });
  return started(deps, order, { externalId, url, expiresAt });
}

function started(deps: OrderDeps, order: OrderRecord, { url, expiresAt }: StartedCheckout): StartedOrder {
  return { order, token: deps.links.order(order.id), url, expiresAt };
}
