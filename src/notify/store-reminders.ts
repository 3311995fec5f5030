import type { Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';

/** Licenses whose end is to be told of. */
export interface Ends {
  organizationId: string;
  /** ISO: ends after `from` and up to `to`. */
  from: string;
  to: string;
  /** What stands before `license:end` in the tag of the mail. */
  tag: string;
}

export interface Ending {
  id: string;
  validUntil: string;
  /** When the newest part of it was given; null: nothing was sold. */
  givenAt: string | null;
  customerId: string;
  email: string;
  language: string;
}

/**
 * The next licenses of customers that end in a span of time and were not written of, after a place in the order of their ends. Left
 * out is what nobody bought for himself (master, test, internal), what a subscription renews, and whoever wants no reminders.
 */
export async function endingLicenses(
  tx: Tx,
  { organizationId, from, to, tag }: Ends,
  after: Pick<Ending, 'id' | 'validUntil'> | null,
  most: number,
): Promise<Ending[]> {
  const query = tx('licenses as l')
    .join('customers as c', 'c.id', 'l.customer_id')
    .where('l.organization_id', organizationId)
    .where('l.valid_until', '>', from)
    .where('l.valid_until', '<=', to)
    .where('l.master', false)
    .whereNull('l.revoked_at')
    .whereNull('l.suspended_at')
    .whereNot('c.kind', 'internal')
    .whereNot('c.email', '')
    .whereNull('c.reminders_off_at')
    .whereExists(function sold() {
      this.from('license_keys as k')
        .whereRaw("k.license_id = l.id and k.purpose = 'commercial' and k.revoked_at is null")
        .select(tx.raw('1'));
    })
    .whereNotExists(function runs() {
      this.from('subscriptions as s').whereRaw('s.license_id = l.id').where('s.runs', true).select(tx.raw('1'));
    })
    .whereNotExists(function told() {
      this.from('mails as m')
        .whereRaw("m.organization_id = l.organization_id and m.tag = ? || l.id || ':' || l.valid_until", [tag])
        .select(tx.raw('1'));
    })
    .orderBy(['l.valid_until', 'l.id'])
    .limit(most)
    .select('l.id', 'l.valid_until', 'l.customer_id', 'c.email', 'c.language')
    .select(tx.raw('(select max(g.given_at) from grants g where g.license_id = l.id) as given_at'));
  const { id = '', validUntil = '' } = after ?? {};
  const rows = await (after === null ? query : query.whereRaw('(l.valid_until, l.id) > (?, ?)', [validUntil, id]));
  return rows.map((row) => fromRow<Ending>(row));
}

/** True: it is so from now on, and was not before. */
export async function switchRemindersOff(tx: Tx, customerId: string, at: string): Promise<boolean> {
  const done = await tx('customers')
    .where({ id: customerId })
    .whereNull('reminders_off_at')
    .update({ reminders_off_at: at });
  return done > 0;
}
