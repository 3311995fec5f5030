import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { UsageState } from './meter-step.ts';

/** Usage of a subscription that its provider is to bill. */
export interface UsageRecord {
  id: string;
  organizationId: string;
  accountId: string;
  subscriptionId: string;
  /** Of the provider's meter. */
  name: string;
  value: number;
  identifier: string;
  /** When it was used. */
  at: string;
  state: UsageState;
  triedAt: string | null;
  sentAt: string | null;
  /** In words, where it came to nothing. */
  detail: string;
  createdAt: string;
  createdBy: string;
}

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'accountId', 'subscriptionId', 'name', 'value', 'identifier', 'at', 'state', 'triedAt'],
  ...['sentAt', 'detail', 'createdAt', 'createdBy'],
);

/** PostgreSQL gives a bigint as text. */
function toUsage(row: object): UsageRecord {
  const usage = fromRow<UsageRecord>(row);
  return { ...usage, value: Number(usage.value) };
}

/** Stores it unless its identifier is there; gives what is there then. */
export async function keepUsage(tx: Tx, usage: UsageRecord): Promise<UsageRecord> {
  await tx('meter_usage').insert(toRow(usage)).onConflict(['account_id', 'identifier']).ignore();
  const { accountId, identifier } = usage;
  return toUsage(await tx('meter_usage').where({ account_id: accountId, identifier }).first(COLUMNS));
}

/** What is not settled, oldest first. */
export async function openUsage(tx: Tx, after: string, limit: number): Promise<UsageRecord[]> {
  const rows = await tx('meter_usage')
    .whereIn('state', ['pending', 'unconfirmed'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .select(COLUMNS);
  return rows.map(toUsage);
}

/** False: another instance settled it meanwhile. */
export async function moveUsage(
  tx: Tx,
  { id, state }: Pick<UsageRecord, 'id' | 'state'>,
  change: Partial<Pick<UsageRecord, 'state' | 'triedAt' | 'sentAt' | 'detail'>>,
): Promise<boolean> {
  return (await tx('meter_usage').where({ id, state }).update(toRow(change))) === 1;
}
