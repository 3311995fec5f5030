import type { Tx } from '../db/dialect.ts';

export interface Ends {
  organizationId: string;
  /** What is told, e.g. `license.expired`; together with the license's end it is told once. */
  tag: string;
  /** ISO: licenses that end after `from` and up to `to`. */
  from: string;
  to: string;
  /** ISO */
  at: string;
}

/** Notes the next `most` licenses whose end was not told of yet, and gives the ids of those that nobody else noted meanwhile. */
export async function noteEnds(tx: Tx, { organizationId, tag, from, to, at }: Ends, most: number): Promise<string[]> {
  const rows = await tx('licenses as l')
    .where('l.organization_id', organizationId)
    .where('l.valid_until', '>', from)
    .where('l.valid_until', '<=', to)
    .where('l.master', false)
    .whereNull('l.revoked_at')
    .whereNotExists(function told() {
      this.from('license_notices as n')
        .whereRaw("n.license_id = l.id and n.tag = ? || '|' || l.valid_until", [tag])
        .select(tx.raw('1'));
    })
    .whereNotExists(function renews() {
      this.from('subscriptions as s').whereRaw('s.license_id = l.id and s.runs').select(tx.raw('1'));
    })
    .orderBy('l.valid_until')
    .limit(most)
    .select('l.id', 'l.valid_until');
  if (rows.length === 0) return [];
  const notices = rows.map((row) => ({ license_id: row.id, tag: `${tag}|${row.valid_until}`, at }));
  const noted = await tx('license_notices')
    .insert(notices)
    .onConflict(['license_id', 'tag'])
    .ignore()
    .returning('license_id');
  return noted.map(({ license_id }) => license_id as string);
}

export async function deleteNoticesBefore(tx: Tx, before: string): Promise<void> {
  await tx('license_notices').where('at', '<', before).delete();
}
