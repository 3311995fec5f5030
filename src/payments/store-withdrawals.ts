import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** What a buyer declared. It changes nothing by itself. */
export interface WithdrawalRecord {
  id: string;
  organizationId: string;
  /** As he typed it. */
  orderRef: string;
  email: string;
  name: string;
  statement: string;
  /** The order that is meant; null: none of ours, as far as can be told. */
  orderId: string | null;
  at: string;
  closedAt: string | null;
}

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'orderRef', 'email', 'name', 'statement', 'orderId', 'at', 'closedAt'],
);

export async function insertWithdrawal(tx: Tx, withdrawal: WithdrawalRecord): Promise<void> {
  await tx('withdrawals').insert(toRow(withdrawal));
}

export async function findWithdrawalRecord(tx: Tx, id: string): Promise<WithdrawalRecord | null> {
  const row = await tx('withdrawals').where({ id }).first(COLUMNS);
  return row ? fromRow<WithdrawalRecord>(row) : null;
}

/** Of one address, newer than `since`: the newest first. */
export async function withdrawalsBy(
  tx: Tx,
  organizationId: string,
  email: string,
  since: string,
): Promise<WithdrawalRecord[]> {
  const rows = await tx('withdrawals')
    .where({ organization_id: organizationId, email })
    .andWhere('at', '>', since)
    .orderBy('id', 'desc')
    .select(COLUMNS);
  return rows.map((row) => fromRow<WithdrawalRecord>(row));
}

/** Newest first. */
export async function pageOfWithdrawals(
  tx: Tx,
  filter: { organizationId: string; open: boolean | undefined },
  after: string | null,
  limit: number,
): Promise<WithdrawalRecord[]> {
  const query = matching(tx, filter).orderBy('id', 'desc').limit(limit).select(COLUMNS);
  return (await (after === null ? query : query.andWhere('id', '<', after))).map((row) =>
    fromRow<WithdrawalRecord>(row),
  );
}

export async function countWithdrawals(
  tx: Tx,
  filter: { organizationId: string; open: boolean | undefined },
  most: number,
): Promise<number> {
  return (await matching(tx, filter).limit(most).select('id')).length;
}

function matching(tx: Tx, { organizationId, open }: { organizationId: string; open: boolean | undefined }) {
  const query = tx('withdrawals').where({ organization_id: organizationId });
  if (open === undefined) return query;
  return open ? query.whereNull('closed_at') : query.whereNotNull('closed_at');
}

/** False: it was closed before. */
export async function closeWithdrawalRow(tx: Tx, id: string, at: string): Promise<boolean> {
  return (await tx('withdrawals').where({ id, closed_at: null }).update({ closed_at: at })) > 0;
}
