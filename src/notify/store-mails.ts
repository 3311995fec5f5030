import { addressedTo } from '../db/addressees.ts';
import { engineOf, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { MailAbout, MailTemplate } from './mail-wish.ts';

export interface MailRecord {
  id: string;
  organizationId: string;
  template: MailTemplate;
  tag: string;
  customerId: string | null;
  email: string;
  language: string;
  about: MailAbout;
  /** `dropped`: not true any more when its time came. `failed`: given up. */
  state: 'waiting' | 'sent' | 'dropped' | 'failed';
  notBefore: string;
  attempts: number;
  sentAt: string | null;
  detail: string;
  createdAt: string;
  createdBy: string;
}

const MAIL_COLUMNS = columnsOf(
  ...['id', 'organizationId', 'template', 'tag', 'customerId', 'email', 'language', 'about', 'state', 'notBefore'],
  ...['attempts', 'sentAt', 'detail', 'createdAt', 'createdBy'],
);
const SHAPE = { json: ['about'] };

function toMail(row: object): MailRecord {
  return fromRow(row, SHAPE);
}

/** False: a mail with this tag is there already. */
export async function insertMail(tx: Tx, mail: MailRecord): Promise<boolean> {
  const rows = await tx('mails')
    .insert(toRow(mail, SHAPE))
    .onConflict(['organization_id', 'tag'])
    .ignore()
    .returning('id');
  return rows.length > 0;
}

/** Instants of one claim, ISO. What is leased beyond the farthest one was so before the clock was set back. */
export interface MailTimes {
  now: string;
  leaseUntil: string;
  farthestLease: string;
}

/**
 * Leases what is due, what waited longest first; a lease that ran out belongs to a process that died. The state stays `waiting`, so
 * that nothing has to be put back.
 */
export async function claimMails(tx: Tx, times: MailTimes, leaseId: string, most: number): Promise<string[]> {
  const { now, leaseUntil, farthestLease } = times;
  const due = tx('mails')
    .where({ state: 'waiting' })
    .where('not_before', '<=', now)
    .where((free) =>
      free.whereNull('lease_id').orWhere('lease_until', '<', now).orWhere('lease_until', '>', farthestLease),
    )
    .orderBy(['not_before', 'id'])
    .limit(most)
    .select('id');
  const rows = await (engineOf(tx) === 'postgres' ? due.forUpdate().skipLocked() : due);
  const ids = rows.map(({ id }) => id as string);
  if (ids.length > 0) await tx('mails').whereIn('id', ids).update({ lease_id: leaseId, lease_until: leaseUntil });
  return ids;
}

/** True: something is due, so a claim is worth a transaction. */
export async function isMailDue(tx: Tx, now: string): Promise<boolean> {
  const row = await tx('mails').where({ state: 'waiting' }).where('not_before', '<=', now).first('id');
  return row !== undefined;
}

export async function findMail(tx: Tx, id: string): Promise<MailRecord | null> {
  const row = await tx('mails').where({ id }).first(MAIL_COLUMNS);
  return row ? toMail(row) : null;
}

/** Writes what became of a mail and ends its lease. False: another has taken over, and nothing was written. */
export async function settleMail(
  tx: Tx,
  id: string,
  leaseId: string,
  change: Pick<MailRecord, 'state' | 'detail'> & Partial<Pick<MailRecord, 'attempts' | 'notBefore' | 'sentAt'>>,
): Promise<boolean> {
  const done = await tx('mails')
    .where({ id, lease_id: leaseId, state: 'waiting' })
    .update({ ...toRow(change), lease_id: null, lease_until: null });
  return done > 0;
}

export interface MailFilter {
  organizationId: string;
  state?: MailRecord['state'] | undefined;
  template?: MailTemplate | undefined;
  customerId?: string | undefined;
  licenseId?: string | undefined;
}

function filtered(tx: Tx, { organizationId, state, template, customerId, licenseId }: MailFilter) {
  const query = tx('mails').where({ organization_id: organizationId });
  if (state !== undefined) query.where({ state });
  if (template !== undefined) query.where({ template });
  // Of a customer also what went to the doubles that were merged into it.
  if (customerId !== undefined) {
    const doubles = tx('customers').where({ merged_into: customerId }).select('id');
    query.where((own) => own.where({ customer_id: customerId }).orWhereIn('customer_id', doubles));
  }
  // An id is made of letters that stand for themselves in a pattern, but for its underscore.
  if (licenseId !== undefined)
    query.whereRaw(`about like ? escape '\\'`, [`%"license_id":"${licenseId.replace('_', '\\_')}"%`]);
  return query;
}

/** Newest first. */
export async function pageOfMails(
  tx: Tx,
  filter: MailFilter,
  before: string | null,
  limit: number,
): Promise<MailRecord[]> {
  const query = filtered(tx, filter).orderBy('id', 'desc').limit(limit).select(MAIL_COLUMNS);
  return (await (before === null ? query : query.where('id', '<', before))).map(toMail);
}

export async function countMails(tx: Tx, filter: MailFilter, most: number): Promise<number> {
  return (await filtered(tx, filter).limit(most).select('id')).length;
}

/** What waits for these customers is not sent any more, and no address of theirs is kept. */
export async function forgetMails(tx: Tx, customerIds: readonly string[]): Promise<void> {
  const own = tx('mails').where((mine) =>
    mine
      .whereIn('customer_id', customerIds)
      .orWhere((bare) => bare.whereNull('customer_id').whereExists(addressedTo(tx, 'mails', customerIds))),
  );
  await own.clone().where({ state: 'waiting' }).update({ state: 'dropped', detail: 'the customer was anonymized' });
  await own.clone().whereNot({ state: 'dropped' }).update({ detail: '' });
  // A page of the provider's shows whoever opens it the name and the address of the buyer.
  for (const row of await own.clone().whereLike('about', '%"url"%').select('id', 'about')) {
    const { url: _, ...about } = JSON.parse(row.about) as MailAbout;
    await tx('mails')
      .where({ id: row.id })
      .update({ about: JSON.stringify(about) });
  }
  // Last, since some are found by nothing else.
  await own.clone().update({ email: '', lease_id: null, lease_until: null });
}

/** True: something was written to somebody, whatever became of it. */
export async function hasMails(tx: Tx): Promise<boolean> {
  return (await tx('mails').first('id')) !== undefined;
}
