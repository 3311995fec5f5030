import { insertMany, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import { type CustomerFacts, NO_CUSTOMER_FACTS } from './customer.ts';
import { emailBase, sortName, wordsOf } from './search-words.ts';

export interface CustomerRecord extends CustomerFacts {
  id: string;
  organizationId: string;
  /** The customer that this double was merged into, itself never merged; null: it stands for itself. */
  mergedInto: string | null;
  anonymizedAt: string | null;
  /** Since when it wants no reminders; null: it may get them. */
  remindersOffAt: string | null;
  createdAt: string;
}

/** What a new customer must say; the rest is empty unless it is given. */
export type NewCustomer = Pick<CustomerRecord, 'id' | 'organizationId' | 'name' | 'email' | 'kind' | 'createdAt'> &
  Partial<CustomerFacts>;

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'name', 'email', 'kind', 'organizationName', 'externalCustomerId'],
  ...['externalWorkspaceId', 'notes', 'language', 'mergedInto', 'anonymizedAt', 'remindersOffAt', 'createdAt'],
);

/** Throws ALREADY_EXISTS where another customer of the organization has its external_customer_id. */
export async function insertCustomer(tx: Tx, customer: NewCustomer, actor: string): Promise<void> {
  const whole = { ...NO_CUSTOMER_FACTS, ...customer };
  await unlessTaken(() => tx('customers').insert({ ...toRow(whole), ...foundBy(whole), created_by: actor }));
  await writeWords(tx, whole.id);
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
      .update({ ...toRow(facts), ...foundBy(facts) }),
  );
  await writeWords(tx, id);
}

function foundBy(facts: CustomerFacts): object {
  return { sort_name: sortName(facts), email_base: emailBase(facts.email) };
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

/** What a search for words looks at; who was merged into a customer is found as that customer. */
async function writeWords(tx: Tx, id: string): Promise<void> {
  await tx('customer_words').where({ customer_id: id }).delete();
  const told = await tx('customers')
    .where({ id })
    .orWhere({ merged_into: id })
    .select('name', 'email', 'organization_name');
  const texts = told.flatMap((row) => [row.name, row.email, row.organization_name] as string[]);
  const rows = wordsOf(...texts).map((word) => ({ word, customer_id: id }));
  await insertMany(tx, 'customer_words', ['word', 'customer_id'], rows);
}

/** A double, or what was merged into it, becomes what leads to `into`. Its own facts stay, for whoever asks by its address. */
export async function markMerged(tx: Tx, id: string, into: string, at: string): Promise<void> {
  await tx('customers').where({ merged_into: id }).update({ merged_into: into });
  await tx('customers').where({ id }).update({ merged_into: into, merged_at: at, external_customer_id: null });
  await tx('customer_words').where({ customer_id: id }).delete();
}

/** The doubles that were merged into a customer. */
export async function mergedInto(tx: Tx, id: string): Promise<string[]> {
  return tx('customers').where({ merged_into: id }).orderBy('id').pluck('id');
}

/** Gives all that is one customer's to another; returns the ids of the licenses. Every table that names a customer is here. */
export async function giveToCustomer(tx: Tx, from: string, to: string): Promise<string[]> {
  const moved = await tx('licenses')
    .where({ customer_id: from })
    .update({ customer_id: to, revision: tx.raw('revision + 1') })
    .returning('id');
  await tx('key_batches').where({ customer_id: from }).update({ customer_id: to });
  for (const table of ['mails', 'orders', 'subscriptions'])
    await tx(table).where({ customer_id: from }).update({ customer_id: to });
  // Who wanted no reminders under one name wants none under the other.
  const off = await tx('customers').where({ id: from }).first('reminders_off_at');
  if (off?.reminders_off_at)
    await tx('customers')
      .where({ id: to })
      .whereNull('reminders_off_at')
      .update({ reminders_off_at: off.reminders_off_at });
  return moved.map(({ id }) => id as string);
}

export async function countLicensesOf(tx: Tx, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx('licenses')
    .whereIn('customer_id', ids)
    .groupBy('customer_id')
    .select('customer_id')
    .count('* as n');
  return new Map(rows.map((row) => [row['customer_id'] as string, Number(row['n'])]));
}

/** True: it owns a master license, which is the organization's own. */
export async function ownsMaster(tx: Tx, id: string): Promise<boolean> {
  return (await tx('licenses').where({ customer_id: id, master: true }).first('id')) !== undefined;
}

async function findCustomer(tx: Tx, id: string): Promise<CustomerRecord | null> {
  return (await findCustomers(tx, [id])).get(id) ?? null;
}

/** The customer that an id leads to: of a double the one that it was merged into. */
export async function findSurvivor(tx: Tx, id: string): Promise<CustomerRecord | null> {
  const found = await findCustomer(tx, id);
  return found === null || found.mergedInto === null ? found : findCustomer(tx, found.mergedInto);
}

export async function findCustomers(tx: Tx, ids: readonly string[]): Promise<Map<string, CustomerRecord>> {
  const rows = await tx('customers').select(COLUMNS).whereIn('id', ids);
  return new Map(rows.map((row) => [row.id as string, fromRow<CustomerRecord>(row)]));
}

/** Of an organization the oldest customer with this address, else the one that a double with it was merged into. */
export async function findCustomerByEmail(
  tx: Tx,
  organizationId: string,
  email: string,
): Promise<CustomerRecord | null> {
  const row = await tx('customers')
    .select(COLUMNS)
    .where({ organization_id: organizationId, email: email.toLowerCase() })
    .orderByRaw('case when merged_into is null then 0 else 1 end')
    .orderBy('id')
    .first();
  const found = row ? fromRow<CustomerRecord>(row) : null;
  return found === null || found.mergedInto === null ? found : findCustomer(tx, found.mergedInto);
}
