import type { Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';

/** What only mails look up. */

/** PostgreSQL gives a bigint as text. */
export async function findRefund(tx: Tx, id: string): Promise<{ amountMinor: number; currency: string } | null> {
  const row = await tx('refunds').where({ id }).first('amount_minor', 'currency');
  return row ? { amountMinor: Number(row.amount_minor), currency: row.currency } : null;
}

export interface Withdrawal {
  id: string;
  orderRef: string;
  email: string;
  name: string;
  statement: string;
  at: string;
}

export async function findWithdrawal(tx: Tx, id: string): Promise<Withdrawal | null> {
  const row = await tx('withdrawals').where({ id }).first('id', 'order_ref', 'email', 'name', 'statement', 'at');
  return row ? fromRow<Withdrawal>(row) : null;
}

/** True: a subscription will be charged for it again by itself. */
export async function renewsItself(tx: Tx, licenseId: string): Promise<boolean> {
  const row = await tx('subscriptions').where({ license_id: licenseId, runs: true }).first('id');
  return row !== undefined;
}

/** Until when keys go on that this one took the place of, the last of them; null: none does. */
export async function endOfReplaced(tx: Tx, keyId: string): Promise<string | null> {
  const row = await tx('license_keys')
    .where({ replaced_by: keyId })
    .whereNull('revoked_at')
    .max({ until: 'ends_at' })
    .first();
  return (row?.['until'] as string | null | undefined) ?? null;
}

/** True: something is sold here, so that a license can be renewed on our own page. */
export async function sellsHere(tx: Tx, organizationId: string): Promise<boolean> {
  const row = await tx('payment_accounts').where({ organization_id: organizationId, active: true }).first('id');
  return row !== undefined;
}
