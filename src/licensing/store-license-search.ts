import { engineOf, type Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { type Condition, conditionsOf, type Hits, type SoldVersions, type Sql, sql } from './license-conditions.ts';
import type { KeySort, LicenseFilter } from './license-filter.ts';
import { covers, type PackageTerms } from './package-terms.ts';

/**
 * Finds licenses and keys of one organization, whatever their number: a page is the walk of an index in the order that is wanted
 * or, where a condition leaves few, of those few. Filters by status see what `settleStandings` wrote: call it first.
 */

/** Where a row stands in its list: what it is sorted by, then the ids that tell equals apart; its own id comes last. */
export type Place = (string | null)[];

export interface Search {
  list: 'keys' | 'licenses';
  organizationId: string;
  conditions: readonly Condition[];
  /** The condition that leaves the fewest, with their number as far as it was counted. */
  narrowest: { hits: Hits; count: number; of: Condition['of'] } | null;
  /** The one state that all of them have, by which indexes begin too; null: there is none such. */
  state: string | null;
}

/** So many are gathered and sorted in less time than a walk takes that passes the rest by. */
const FEW = 20_000;
const VERY_FEW = 100;
export async function prepareSearch(tx: Tx, list: Search['list'], filter: LicenseFilter, now: string): Promise<Search> {
  const conditions = conditionsOf(filter, list === 'keys', now, await soldVersions(tx, filter));
  let narrowest: Search['narrowest'] = null;
  for (const { hits, of } of conditions) {
    if (hits === null || (narrowest !== null && narrowest.count <= VERY_FEW)) continue;
    const count = await countRows(tx, hits, Math.min(FEW, narrowest?.count ?? FEW) + 1);
    if (narrowest === null || count < narrowest.count) narrowest = { hits, count, of };
  }
  return { list, organizationId: filter.organizationId, conditions, narrowest, state: stateOf(list, filter) };
}

/** Not where flags or a key's own end decide as well. */
function stateOf(list: Search['list'], { status }: LicenseFilter): string | null {
  const isMixed = status === undefined || ['revoked', 'suspended', 'expiring'].includes(status);
  return isMixed || (status === 'expired' && list === 'keys') ? null : status;
}

/** What the filter says of packages, as the versions of those that do; null: nothing. */
async function soldVersions(tx: Tx, filter: LicenseFilter): Promise<SoldVersions | null> {
  const { organizationId, productId, repositoryId, packageId } = filter;
  if ([packageId, productId, repositoryId].every((each) => each === undefined)) return null;
  const rows = await tx('packages as p')
    .join('package_versions as v', 'v.package_id', 'p.id')
    .where('p.organization_id', organizationId)
    .modify((query) => {
      if (repositoryId !== undefined) query.where('p.repository_id', repositoryId);
      if (packageId !== undefined) query.where('p.id', packageId);
    })
    .select('p.id', 'p.kind', 'p.repository_id as repositoryId', 'v.version', 'v.terms');
  const product = productId === undefined ? null : await tx('products').where({ id: productId }).first('repository_id');
  const versions = new Map<string, number[]>();
  for (const { version, terms, ...sold } of rows) {
    const scope = { id: productId ?? '', repositoryId: product?.repository_id ?? null };
    const isMeant =
      productId === undefined || (product && covers({ ...sold, terms: JSON.parse(terms) as PackageTerms }, scope));
    if (isMeant) versions.set(sold.id, [...(versions.get(sold.id) ?? []), Number(version)]);
  }
  return versions;
}

interface Order {
  /** The columns of one table that an index holds in this order, behind the organization. */
  outer: readonly [string, string];
  /** Of the rows that hang on it. */
  inner: readonly string[];
  /** The first column may be null; such rows come last. */
  nullable: boolean;
}

type Column = 'id' | 'created' | 'valid_until' | 'customer' | 'last_used';

function orderOf(list: Search['list'], column: Column): Order {
  const keys = list === 'keys';
  const own = keys ? 'k' : 'l';
  const inner = keys ? ['k.id'] : [];
  if (column === 'valid_until') return { outer: ['l.valid_until', 'l.id'], inner, nullable: true };
  if (column === 'customer') return { outer: ['c.sort_name', 'c.id'], inner: ['l.id', ...inner], nullable: false };
  if (column === 'last_used') return { outer: ['k.last_used_at', 'k.id'], inner: [], nullable: true };
  if (column === 'id') return { outer: [`${own}.organization_id`, `${own}.id`], inner: [], nullable: false };
  return { outer: [`${own}.created_at`, `${own}.id`], inner: [], nullable: false };
}

/** The places of the rows of one page, behind `after`. */
export async function pageOfSearch(
  tx: Tx,
  search: Search,
  sort: KeySort | 'id',
  after: Place | null,
  limit: number,
): Promise<Place[]> {
  const descending = sort.startsWith('-');
  const order = orderOf(search.list, sort.replace('-', '') as Column);
  if (after !== null && after.length !== order.outer.length + order.inner.length)
    throw problem('INVALID_REQUEST', 'the cursor names no place of this list');
  if (!order.nullable) return part(tx, search, order, [...order.outer, ...order.inner], descending, after, limit, []);
  const [first] = order.outer;
  const known =
    after !== null && after[0] === null
      ? []
      : await part(tx, search, order, [...order.outer, ...order.inner], descending, after, limit, [
          sql(`${first} is not null`),
        ]);
  if (known.length === limit) return known;
  const rest = after !== null && after[0] === null ? after.slice(1) : null;
  const columns = [order.outer[1], ...order.inner];
  const unknown = await part(tx, search, order, columns, descending, rest, limit - known.length, [
    sql(`${first} is null`),
  ]);
  return [...known, ...unknown.map((place): Place => [null, ...place])];
}

async function part(
  tx: Tx,
  search: Search,
  { outer: [first], inner }: Order,
  columns: readonly string[],
  descending: boolean,
  after: Place | null,
  limit: number,
  more: readonly Sql[],
): Promise<Place[]> {
  const outer = columns.slice(0, columns.length - inner.length);
  const bound = after === null ? [] : [behind(outer, inner, after as string[], descending ? '<' : '>')];
  const { from, where } = tablesAndTerms(tx, search, first, [...more, ...bound]);
  const order = columns.map((column) => `${column}${descending ? ' desc' : ''}`).join(', ');
  const shown = columns.map((column, i) => `${column} as p${i}`).join(', ');
  const rows = await select(
    tx,
    sql(`select ${shown} ${from.sql} ${where.sql} order by ${order} limit ${limit}`, ...from.values, ...where.values),
  );
  return rows.map((row) => columns.map((_, i) => row[`p${i}`] as string));
}

/** Rows behind a place. The bound of the outer columns stands by itself, so that the walk of their index begins there. */
function behind(outer: readonly string[], inner: readonly string[], after: string[], than: '<' | '>'): Sql {
  const row = (columns: readonly string[]) => `(${columns.join(', ')}) ${than}`;
  const holes = (columns: readonly string[]) => `(${columns.map(() => '?').join(', ')})`;
  const at = after.slice(0, outer.length);
  if (inner.length === 0) return sql(`${row(outer)} ${holes(outer)}`, ...at);
  return sql(
    `${row(outer)}= ${holes(outer)} and (${row(outer)} ${holes(outer)} or ${row(inner)} ${holes(inner)})`,
    ...at,
    ...at,
    ...after.slice(outer.length),
  );
}

type Table = 'k' | 'l' | 'c';

const JOINS: Record<Table, Record<Table, string>> = {
  k: { k: 'license_keys k', l: 'licenses l on l.id = k.license_id', c: 'customers c on c.id = l.customer_id' },
  l: { l: 'licenses l', k: 'license_keys k on k.license_id = l.id', c: 'customers c on c.id = l.customer_id' },
  c: { c: 'customers c', l: 'licenses l on l.customer_id = c.id', k: 'license_keys k on k.license_id = l.id' },
};

/** By the first column of an order the index that is walked; with a state, another one. SQLite is told, PostgreSQL knows. */
const WALKS: Record<string, readonly [index: string, withState?: string]> = {
  'k.created_at': ['keys_by_created', 'keys_by_state'],
  'k.last_used_at': ['keys_by_use', 'keys_by_state_use'],
  'l.organization_id': ['licenses_by_id'],
  'l.created_at': ['licenses_by_created', 'licenses_by_state'],
  'l.valid_until': ['licenses_by_end', 'licenses_by_state_end'],
  'c.sort_name': ['customers_by_name'],
};

/** Tables joined from the one that is walked in the order of `first`, or from the few. SQLite keeps the order of a `cross join`. */
function tablesAndTerms(tx: Tx, search: Search, first: string, more: readonly Sql[]): { from: Sql; where: Sql } {
  const { list, conditions, narrowest, organizationId, state } = search;
  const isSqlite = engineOf(tx) === 'sqlite';
  // Who is found by his name stands in one place of a list by names: a walk would pass all others by.
  const isTogether = first === 'c.sort_name' && narrowest?.of === 'customer';
  const few = narrowest !== null && (isTogether || narrowest.count <= FEW) ? narrowest.hits : null;
  const join = isSqlite ? 'cross join' : 'join';
  const walked = first[0] as Table;
  const table = few === null ? walked : 'l';
  const needsCustomer = walked === 'c' || conditions.some(({ of }) => of === 'customer');
  const wanted: Table[] = [
    'l',
    ...(list === 'keys' ? (['k'] as const) : []),
    ...(needsCustomer ? (['c'] as const) : []),
  ];
  const others = wanted.filter((each) => each !== table).map((each) => JOINS[table][each]);
  const [index, withState] = WALKS[first] ?? [];
  const walkedState = few === null && withState !== undefined && walked !== 'c' ? state : null;
  const walk = `${JOINS[table][table]}${isSqlite ? ` indexed by ${walkedState === null ? index : withState}` : ''}`;
  const start =
    few === null
      ? walk
      : `(${few.once ? few.sql : `select distinct id from (${few.sql}) f`}) h ${join} licenses l on l.id = h.id`;
  // Of the few each license is found by its id: no index that begins with the organization is to be tried.
  const own = sql(`${table}.organization_id${few === null ? '' : " || ''"} = ?`, organizationId);
  const stated = walkedState === null ? [] : [sql(`${table}.state = ?`, walkedState)];
  const terms = [own, ...stated, ...more, ...ownTerms(search)];
  return {
    from: sql(`from ${[start, ...others].join(` ${join} `)}`, ...(few?.values ?? [])),
    where: sql(`where ${terms.map((term) => term.sql).join(' and ')}`, ...terms.flatMap(({ values }) => values)),
  };
}

/** In a list of licenses what is said of keys must hold of one of theirs. */
function ownTerms({ list, conditions }: Search): Sql[] {
  if (list === 'keys') return [...conditions];
  const ofKeys = conditions.filter(({ of }) => of === 'key');
  const others = conditions.filter(({ of }) => of !== 'key');
  if (ofKeys.length === 0) return others;
  const all = ofKeys.map((each) => each.sql).join(' and ');
  const some = `exists (select 1 from license_keys k where k.license_id = l.id and ${all})`;
  return [...others, sql(some, ...ofKeys.flatMap(({ values }) => values))];
}

/** Exact up to `most`; counting stops there. */
export async function countOfSearch(tx: Tx, search: Search, most: number): Promise<number> {
  // Nothing is sorted: the narrowest is the best start, however many it leaves.
  const start = { ...search, narrowest: search.narrowest && { ...search.narrowest, count: 0 } };
  const { from, where } = tablesAndTerms(tx, start, search.list === 'keys' ? 'k.created_at' : 'l.created_at', []);
  return countRows(tx, sql(`select 1 as id ${from.sql} ${where.sql}`, ...from.values, ...where.values), most);
}

async function countRows(tx: Tx, rows: Sql, most: number): Promise<number> {
  const [row] = await select(
    tx,
    sql(`select count(*) as n from (select 1 as one from (${rows.sql}) r limit ${most}) x`, ...rows.values),
  );
  return Number(row?.['n'] ?? 0);
}

async function select(tx: Tx, { sql: text, values }: Sql): Promise<Record<string, unknown>[]> {
  const answer = await tx.raw(text, [...values]);
  return (Array.isArray(answer) ? answer : answer.rows) as Record<string, unknown>[];
}

/** Ids of the licenses that a filter means, in the order of the ids, behind `after`. `now` is ISO. */
export async function licenseIdsMatching(
  tx: Tx,
  filter: LicenseFilter,
  after: string | null,
  limit: number,
  now: string,
): Promise<string[]> {
  const search = await prepareSearch(tx, 'licenses', filter, now);
  const place = after === null ? null : [filter.organizationId, after];
  return (await pageOfSearch(tx, search, 'id', place, limit)).map((found) => found.at(-1) as string);
}
