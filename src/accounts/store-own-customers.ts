import type { Tx } from '../db/dialect.ts';
import type { CustomerKind } from './customer.ts';

/** The customer of that kind and name that stands for the vendor's own use and so has no address; null: there is none yet. */
export async function findOwnCustomer(
  tx: Tx,
  organizationId: string,
  kind: CustomerKind,
  name: string,
): Promise<string | null> {
  const row = await tx('customers')
    .where({ organization_id: organizationId, kind, name, email: '', merged_into: null })
    .orderBy('id')
    .first('id');
  return row?.id ?? null;
}
