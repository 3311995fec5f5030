import { forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { CheckoutSettings, Finding, Mode } from './gateway.ts';

/** A vendor's account at a payment provider. */
export interface AccountRecord {
  id: string;
  organizationId: string;
  provider: string;
  mode: Mode;
  /** JSON, sealed (`payment-account`, id). */
  credentialsSealed: string;
  /** A JSON list, the newest first, sealed likewise. */
  hookSecretsSealed: string;
  hookId: string | null;
  externalId: string | null;
  settings: CheckoutSettings;
  /** `environment`: the variables of the process have it, and win at every start. */
  source: 'environment' | 'api';
  active: boolean;
  cursor: string | null;
  reconciledAt: string | null;
  checkedAt: string | null;
  faults: Finding[];
  createdAt: string;
  createdBy: string;
}

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'provider', 'mode', 'credentialsSealed', 'hookSecretsSealed', 'hookId', 'externalId'],
  ...['settings', 'source', 'active', 'cursor', 'reconciledAt', 'checkedAt', 'faults', 'createdAt', 'createdBy'],
);
const SHAPE = { json: ['settings', 'faults'], booleans: ['active'] };

export async function insertAccount(tx: Tx, account: AccountRecord): Promise<void> {
  await tx('payment_accounts').insert(toRow(account, SHAPE));
}

export async function updateAccount(
  tx: Tx,
  id: string,
  change: Partial<Omit<AccountRecord, 'id' | 'organizationId' | 'provider' | 'mode' | 'createdAt' | 'createdBy'>>,
): Promise<void> {
  await tx('payment_accounts').where({ id }).update(toRow(change, SHAPE));
}

export async function findAccount(tx: Tx, id: string): Promise<AccountRecord | null> {
  const row = await tx('payment_accounts').where({ id }).first(COLUMNS);
  return row ? fromRow<AccountRecord>(row, SHAPE) : null;
}

/** Taken by whoever changes it, so that of two changes at once neither is lost. */
export async function lockAccount(tx: Tx, id: string): Promise<AccountRecord | null> {
  const [row] = await forUpdate(tx, tx('payment_accounts').where({ id }).select(COLUMNS));
  return row ? fromRow<AccountRecord>(row, SHAPE) : null;
}

/** True once something was ordered or paid through it. */
export async function isAccountUsed(tx: Tx, id: string): Promise<boolean> {
  for (const table of ['orders', 'subscriptions', 'payments'])
    if (await tx(table).where({ account_id: id }).first('id')) return true;
  return false;
}

/** With what was told through it. Only while nothing was ordered through it. */
export async function deleteAccount(tx: Tx, id: string): Promise<void> {
  for (const table of ['payment_events', 'payment_alerts', 'payment_locks'])
    await tx(table).where({ account_id: id }).delete();
  await tx('payment_accounts').where({ id }).delete();
}

/** In the order of their making. */
export async function accountsOf(
  tx: Tx,
  where: { organizationId?: string; provider?: string; mode?: Mode; active?: boolean },
): Promise<AccountRecord[]> {
  const rows = await tx('payment_accounts').where(toRow(where)).orderBy('id').select(COLUMNS);
  return rows.map((row) => fromRow<AccountRecord>(row, SHAPE));
}
