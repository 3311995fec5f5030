import { forUpdate, insertMany, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import { type CustomerFacts, NO_CUSTOMER_FACTS } from './customer.ts';
import { sortName, wordsOf } from './search-words.ts';

export interface CustomerRecord extends CustomerFacts {
  id: string;
  organizationId: string;
  /** The customer that this double was merged into, itself never merged; null: it stands for itself. */
  mergedInto: string | null;
  anonymizedAt: string | null;
  createdAt: string;
}

/** What a new customer must say; the rest is empty unless it is given. */
export type NewCustomer = Pick<CustomerRecord, 'id' | 'organizationId' | 'name' | 'email' | 'kind' | 'createdAt'> &
  Partial<CustomerFacts>;

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'name', 'email', 'kind', 'organizationName', 'externalCustomerId'],
  ...['externalWorkspaceId', 'notes', 'language', 'mergedInto', 'anonymizedAt', 'createdAt'],
);

/** Throws ALREADY_EXISTS where another customer of the organization has its external_customer_id. */
export async function insertCustomer(tx: Tx, customer: NewCustomer, actor: string): Promise<void> {
  const whole = { ...NO_CUSTOMER_FACTS, ...customer };
  await unlessTaken(() => tx('customers').insert({ ...toRow(whole), sort_name: sortName(whole), created_by: actor }));
  await insertWords(tx, whole.id, whole);
}

/** Writes all facts and, where given, what became of the customer. Throws ALREADY_EXISTS. */
export async function updateCustomer(
  tx: Tx,
  id: string,
  facts: CustomerFacts & Partial<Pick<CustomerRecord, 'anonymizedAt'>>,
): Promise<void> {
  await unlessTaken(() =>
    tx('customers')
      .where({ id })
      .update({ ...toRow(facts), sort_name: sortName(facts) }),
  );
  await tx('customer_words').where({ customer_id: id }).delete();
  await insertWords(tx, id, facts);
}

async function unlessTaken(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const detail = 'another customer of the organization has it';
    throw problem('ALREADY_EXISTS', `external_customer_id: ${detail}`, {
      errors: [{ pointer: '/external_customer_id', detail }],
    });
  }
}

/** What a search for words looks at. */
async function insertWords(tx: Tx, id: string, { name, email, organizationName }: CustomerFacts): Promise<void> {
  const rows = wordsOf(name, email, organizationName).map((word) => ({ word, customer_id: id }));
  await insertMany(tx, 'customer_words', ['word', 'customer_id'], rows);
}

export async function findCustomer(tx: Tx, id: string): Promise<CustomerRecord | null> {
  return (await findCustomers(tx, [id])).get(id) ?? null;
}

export async function findCustomers(tx: Tx, ids: readonly string[]): Promise<Map<string, CustomerRecord>> {
  const rows = await tx('customers').select(COLUMNS).whereIn('id', ids);
  return new Map(rows.map((row) => [row.id as string, fromRow<CustomerRecord>(row)]));
}

/** Under their locks, always in the order of their ids, so that two who lock the same ones take turns. */
export async function lockCustomers(tx: Tx, ids: readonly string[]): Promise<Map<string, CustomerRecord>> {
  const rows = await forUpdate(tx, tx('customers').select(COLUMNS).whereIn('id', ids).orderBy('id'));
  return new Map(rows.map((row) => [row.id as string, fromRow<CustomerRecord>(row)]));
}

/** The oldest customer of an organization with this address; doubles that were merged have none. */
export async function findCustomerByEmail(
  tx: Tx,
  organizationId: string,
  email: string,
): Promise<CustomerRecord | null> {
  const row = await tx('customers')
    .select(COLUMNS)
    .where({ organization_id: organizationId, email: email.toLowerCase(), merged_into: null })
    .orderBy('id')
    .first();
  return row ? fromRow(row) : null;
}
