import { audit } from '../audit/audit.ts';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { lockOrganization } from '../forge/store.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { kindOfId, newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { MailLanguage } from '../notify/mail-facts.ts';
import { queueMail } from '../notify/mails.ts';
import { vendorAddress } from '../notify/vendor-address.ts';
import { findOrder } from './store-orders.ts';
import {
  closeWithdrawalRow,
  countWithdrawals,
  findWithdrawalRecord,
  insertWithdrawal,
  pageOfWithdrawals,
  type WithdrawalRecord,
  withdrawalsBy,
} from './store-withdrawals.ts';
import { statementOf } from './withdrawal-statement.ts';

export interface WithdrawalWish {
  orderRef: string;
  email: string;
  name: string;
}

/** So many mails a day go to one address at most: anybody may type it. */
const MOST_MAILS = 5;

/**
 * Stores that somebody withdraws from a contract, and confirms it by mail to him and to the vendor. The answer and the work are the same
 * whether there is such an order or not, so nobody learns from it who has bought; nothing else is changed. The same declaration again
 * within a day is the one that is there.
 */
export async function declareWithdrawal(
  db: Db,
  organization: OrganizationRecord,
  wish: WithdrawalWish,
  language: MailLanguage,
  by: By,
): Promise<WithdrawalRecord> {
  return db.tx(async (tx) => {
    // Two of the same at once are one.
    await lockOrganization(tx, organization.id);
    const today = await withdrawalsBy(tx, organization.id, wish.email, toIso(by.now - DAY));
    const same = today.find(({ orderRef, name }) => orderRef === wish.orderRef && name === wish.name);
    if (same) return same;
    const record: WithdrawalRecord = {
      ...{ id: newId('withdrawal', by.now), organizationId: organization.id, ...wish },
      statement: statementOf(language, wish.orderRef),
      orderId: await orderMeant(tx, organization.id, wish),
      ...{ at: toIso(by.now), closedAt: null },
    };
    await insertWithdrawal(tx, record);
    if (today.length < MOST_MAILS) await confirm(tx, organization, record, language, by.now);
    const about = { actor: by.actor, action: 'withdrawal.declare', entity: 'withdrawal', entityId: record.id };
    await audit(tx, { ...about, changes: { order_id: record.orderId }, requestId: by.requestId }, by.now);
    return record;
  });
}

/** By its id and the address that it was made with: one without the other proves nothing. */
async function orderMeant(tx: Tx, organizationId: string, { orderRef, email }: WithdrawalWish): Promise<string | null> {
  const order = await findOrder(tx, kindOfId(orderRef) === 'order' ? orderRef : '');
  const isMeant = order?.organizationId === organizationId && order.email.toLowerCase() === email;
  return isMeant ? order.id : null;
}

async function confirm(
  tx: Tx,
  organization: OrganizationRecord,
  { id, email }: WithdrawalRecord,
  language: MailLanguage,
  now: number,
): Promise<void> {
  const organizationId = organization.id;
  const about = { withdrawal_id: id };
  const mail = { organizationId, customerId: null, language, about, notBefore: now };
  await queueMail(tx, { ...mail, template: 'withdrawal', tag: `withdrawal:${id}`, email }, now);
  const vendor = vendorAddress(organization);
  await queueMail(tx, { ...mail, template: 'withdrawal_vendor', tag: `withdrawal-vendor:${id}`, email: vendor }, now);
}

/** What was declared in an organization, the newest first. */
export async function listWithdrawals(
  db: Db,
  filter: { organizationId: string; open: boolean | undefined },
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<WithdrawalRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await pageOfWithdrawals(tx, filter, after, limit + 1);
    return pageFrom(rows, limit, await countWithdrawals(tx, filter, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

/** The vendor has done what there was to do. Again changes nothing. Throws NOT_FOUND. */
export async function closeWithdrawal(db: Db, id: string, by: By): Promise<WithdrawalRecord> {
  return db.tx(async (tx) => {
    if (await closeWithdrawalRow(tx, id, toIso(by.now))) {
      const about = { actor: by.actor, action: 'withdrawal.close', entity: 'withdrawal', entityId: id };
      await audit(tx, { ...about, changes: {}, requestId: by.requestId }, by.now);
    }
    const found = await findWithdrawalRecord(tx, id);
    const { organizations } = by.actor;
    if (!found || (organizations !== null && !organizations.includes(found.organizationId))) throw problem('NOT_FOUND');
    return found;
  });
}
