import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { MailWish } from './mail-wish.ts';
import { insertMail } from './store-mails.ts';

/** Puts a mail on the list in the transaction of what it tells of. False: the same wish was there already. */
export async function queueMail(tx: Tx, wish: MailWish, now: number): Promise<boolean> {
  if (wish.email === '') return false;
  const { notBefore, ...rest } = wish;
  const waiting = { state: 'waiting' as const, attempts: 0, sentAt: null, detail: '' };
  return insertMail(tx, {
    ...{ id: newId('mail', now), ...rest, ...waiting },
    ...{ notBefore: toIso(notBefore), createdAt: toIso(now), createdBy: 'system' },
  });
}
