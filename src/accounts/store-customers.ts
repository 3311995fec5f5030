import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

export interface CustomerRecord {
  id: string;
  organizationId: string;
  name: string;
  /** Lower case; empty for an internal customer. */
  email: string;
  kind: 'customer' | 'prospect' | 'internal' | 'reseller';
  createdAt: string;
}

const COLUMNS = columnsOf('id', 'organizationId', 'name', 'email', 'kind', 'createdAt');

export async function insertCustomer(tx: Tx, customer: CustomerRecord, actor: string): Promise<void> {
  await tx('customers').insert({ ...toRow(customer), created_by: actor });
}

export async function findCustomers(tx: Tx, ids: readonly string[]): Promise<Map<string, CustomerRecord>> {
  const rows = await tx('customers').select(COLUMNS).whereIn('id', ids);
  return new Map(rows.map((row) => [row.id as string, fromRow<CustomerRecord>(row)]));
}

/** The oldest customer of an organization with this address. */
export async function findCustomerByEmail(
  tx: Tx,
  organizationId: string,
  email: string,
): Promise<CustomerRecord | null> {
  const row = await tx('customers')
    .select(COLUMNS)
    .where({ organization_id: organizationId, email: email.toLowerCase() })
    .orderBy('id')
    .first();
  return row ? fromRow(row) : null;
}
