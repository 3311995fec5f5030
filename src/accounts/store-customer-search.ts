import { engineOf, type Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { CustomerFilter, CustomerSort } from './customer.ts';
import { beginning } from './search-words.ts';

interface Sql {
  sql: string;
  values: readonly string[];
}

/** Where a customer stands in a list: what it is sorted by, then its id. */
export type CustomerPlace = [by: string, id: string];

const COLUMNS: Record<string, string> = { created: 'created_at', name: 'sort_name', email: 'email' };
/** So many are gathered and sorted in less time than a walk takes that passes the rest by. */
const FEW = 20_000;

const sql = (text: string, ...values: string[]): Sql => ({ sql: text, values });

function termsOf(filter: CustomerFilter): Sql[] {
  const given = (value: string | undefined, text: string) => (value === undefined ? [] : [sql(text, value)]);
  const { emailPrefix, words } = filter;
  return [
    sql('c.organization_id = ? and c.merged_into is null', filter.organizationId),
    ...given(filter.email?.toLowerCase(), 'c.email = ?'),
    ...(emailPrefix === undefined ? [] : [sql('c.email >= ? and c.email < ?', ...beginning(emailPrefix))]),
    ...given(filter.kind, 'c.kind = ?'),
    ...given(filter.externalCustomerId, 'c.external_customer_id = ?'),
    ...given(filter.externalWorkspaceId, 'c.external_workspace_id = ?'),
    ...given(filter.createdFrom, 'c.created_at >= ?'),
    ...given(filter.createdBefore, 'c.created_at < ?'),
    ...(words?.map((word) =>
      sql(
        'exists (select 1 from customer_words w where w.customer_id = c.id and w.word >= ? and w.word < ?)',
        ...beginning(word),
      ),
    ) ?? []),
    ...(words?.length === 0 ? [sql('1 = 0')] : []),
  ];
}

/** The rarest of the words, where few have it; null: walk the list itself. */
async function fewOf(tx: Tx, { words }: CustomerFilter): Promise<Sql | null> {
  let fewest: { hits: Sql; count: number } | null = null;
  for (const word of words ?? []) {
    const hits = sql(
      'select w.customer_id as id from customer_words w where w.word >= ? and w.word < ?',
      ...beginning(word),
    );
    const count = await countRows(tx, hits, FEW + 1);
    if (count <= FEW && (fewest === null || count < fewest.count)) fewest = { hits, count };
  }
  return fewest?.hits ?? null;
}

function fromOf(tx: Tx, few: Sql | null): Sql {
  if (few === null) return sql('from customers c');
  const join = engineOf(tx) === 'sqlite' ? 'cross join' : 'join';
  return sql(`from (select distinct id from (${few.sql}) f) h ${join} customers c on c.id = h.id`, ...few.values);
}

/** The places of one page, behind `after`; NOT the customers themselves. */
export async function customerPlaces(
  tx: Tx,
  filter: CustomerFilter,
  sort: CustomerSort,
  after: readonly (string | null)[] | null,
  limit: number,
): Promise<CustomerPlace[]> {
  if (after !== null && after.length !== 2) throw problem('INVALID_REQUEST', 'the cursor names no place of this list');
  const column = `c.${COLUMNS[sort.replace('-', '')]}`;
  const descending = sort.startsWith('-');
  const from = fromOf(tx, await fewOf(tx, filter));
  const bound =
    after === null ? [] : [sql(`(${column}, c.id) ${descending ? '<' : '>'} (?, ?)`, ...(after as string[]))];
  const terms = [...termsOf(filter), ...bound];
  const direction = descending ? ' desc' : '';
  const rows = await select(
    tx,
    sql(
      `select ${column} as sorted, c.id ${from.sql} where ${terms.map((term) => term.sql).join(' and ')}
       order by ${column}${direction}, c.id${direction} limit ${limit}`,
      ...from.values,
      ...terms.flatMap(({ values }) => values),
    ),
  );
  return rows.map((row): CustomerPlace => [row['sorted'] as string, row['id'] as string]);
}

/** Exact up to `most`; counting stops there. */
export async function countCustomers(tx: Tx, filter: CustomerFilter, most: number): Promise<number> {
  const from = fromOf(tx, await fewOf(tx, filter));
  const terms = termsOf(filter);
  const where = terms.map((term) => term.sql).join(' and ');
  const values = [...from.values, ...terms.flatMap((term) => term.values)];
  return countRows(tx, sql(`select c.id ${from.sql} where ${where}`, ...values), most);
}

async function countRows(tx: Tx, rows: Sql, most: number): Promise<number> {
  const text = `select count(*) as n from (select 1 as one from (${rows.sql}) r limit ${most}) x`;
  return Number((await select(tx, sql(text, ...rows.values)))[0]?.['n'] ?? 0);
}

async function select(tx: Tx, { sql: text, values }: Sql): Promise<Record<string, unknown>[]> {
  const answer = await tx.raw(text, [...values]);
  return (Array.isArray(answer) ? answer : answer.rows) as Record<string, unknown>[];
}

/** Addresses that several customers have, `+tag` aside, in their order, behind `after`. */
export async function sharedAddresses(
  tx: Tx,
  organizationId: string,
  after: string,
  limit: number,
): Promise<{ base: string; customers: number }[]> {
  const rows = await tx('customers')
    .where({ organization_id: organizationId, merged_into: null })
    .where('email_base', '<>', '')
    .where('email_base', '>', after)
    .groupBy('email_base')
    .havingRaw('count(*) > 1')
    .orderBy('email_base')
    .limit(limit)
    .select('email_base as base')
    .count('* as customers');
  return rows.map(({ base, customers }) => ({ base: String(base), customers: Number(customers) }));
}

/** The customers with one of these addresses, oldest first; `most` an address. */
export async function customerIdsSharing(
  tx: Tx,
  organizationId: string,
  base: string,
  most: number,
): Promise<string[]> {
  return tx('customers')
    .where({ organization_id: organizationId, email_base: base, merged_into: null })
    .orderBy('id')
    .limit(most)
    .pluck('id');
}
