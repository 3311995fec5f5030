import type { Tx } from '../db/dialect.ts';
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

export const MAIL_COLUMNS = columnsOf(
  ...['id', 'organizationId', 'template', 'tag', 'customerId', 'email', 'language', 'about', 'state', 'notBefore'],
  ...['attempts', 'sentAt', 'detail', 'createdAt', 'createdBy'],
);
const SHAPE = { json: ['about'] };

export function toMail(row: object): MailRecord {
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
