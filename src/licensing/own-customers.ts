import type { CustomerKind } from '../accounts/customer.ts';
import { findCustomerByEmail, findSurvivor, insertCustomer } from '../accounts/store-customers.ts';
import { findOwnCustomer } from '../accounts/store-own-customers.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { lockOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { By } from './keys.ts';

/** Whose licenses are that nobody has bought: made with the first of them. */
const OWN = {
  stock: { kind: 'reseller', name: 'Unsold stock' },
  test: { kind: 'internal', name: 'Test keys' },
} as const satisfies Record<string, { kind: CustomerKind; name: string }>;

export async function ownCustomer(tx: Tx, organizationId: string, use: keyof typeof OWN, by: By): Promise<string> {
  const { kind, name } = OWN[use];
  // Two at once would make two customers.
  await lockOrganization(tx, organizationId);
  const known = await findOwnCustomer(tx, organizationId, kind, name);
  if (known !== null) return known;
  const id = newId('customer', by.now);
  const customer = { id, organizationId, name, email: '', kind, createdAt: toIso(by.now) };
  await insertCustomer(tx, customer, by.actor.id);
  return id;
}

export interface Buyer {
  customer: { name: string; email: string };
  /** A customer that is known; goes before `customer`. null: the oldest with that address, else a new one. */
  customerId?: string | null;
}

/** Whose the license of a sale is. Throws NOT_FOUND and CUSTOMER_ANONYMIZED. */
export async function customerFor(
  tx: Tx,
  organizationId: string,
  { customer, customerId }: Buyer,
  by: By,
): Promise<string> {
  const email = customer.email.trim().toLowerCase();
  // Two sales to one new buyer at once would make two customers; and none is sold to who is merged away meanwhile.
  await lockOrganization(tx, organizationId);
  if (customerId !== undefined && customerId !== null) return knownCustomer(tx, organizationId, customerId);
  const known = email === '' ? null : await findCustomerByEmail(tx, organizationId, email);
  if (known) return known.id;
  const id = newId('customer', by.now);
  const record = {
    id,
    organizationId,
    name: customer.name.trim(),
    email,
    kind: 'customer' as const,
    createdAt: toIso(by.now),
  };
  await insertCustomer(tx, record, by.actor.id);
  return id;
}

/** Of a double the customer that it was merged into. */
export async function knownCustomer(tx: Tx, organizationId: string, id: string): Promise<string> {
  const found = await findSurvivor(tx, id);
  if (found?.organizationId !== organizationId) throw problem('NOT_FOUND', `there is no customer ${id}`);
  if (found.anonymizedAt !== null) throw problem('CUSTOMER_ANONYMIZED');
  return found.id;
}
