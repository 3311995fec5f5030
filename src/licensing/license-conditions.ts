import { beginning } from '../accounts/search-words.ts';
import type { LicenseFilter, ListedStatus } from './license-filter.ts';

/**
 * What a filter means in SQL, as text and values: store-license-search.ts runs it. Aliases: k license_keys, l licenses,
 * c customers.
 */

export type Value = string | number;
export interface Sql {
  sql: string;
  values: readonly Value[];
}
export interface Condition extends Sql {
  of: 'key' | 'license' | 'customer';
  /** A query for the ids of licenses that may do, by an index; null: there is no index for it. */
  hits: Hits | null;
}
/** `once` false: an id may come more than once. No `union` within: it would gather all of them before the first is counted. */
export interface Hits extends Sql {
  once: boolean;
}
/** Versions of packages, by package. */
export type SoldVersions = ReadonlyMap<string, readonly number[]>;

const EXPIRING_MS = 14 * 86_400_000;

const once = (text: string, ...values: Value[]): Hits => ({ sql: text, values, once: true });
const often = (text: string, ...values: Value[]): Hits => ({ sql: text, values, once: false });
export const sql = (text: string, ...values: Value[]): Sql => ({ sql: text, values });
const holes = (list: readonly unknown[]) => list.map(() => '?').join(', ');

/** All conditions of a filter, for a list of keys or of licenses. `sold`: what it says of packages and products; null: nothing. */
export function conditionsOf(
  filter: LicenseFilter,
  keys: boolean,
  now: string,
  sold: SoldVersions | null,
): Condition[] {
  const { organizationId: org } = filter;
  const made = keys ? ofKey : ofLicense;
  const own = keys ? 'k' : 'l';
  const given = <T>(value: T | undefined, make: (value: T) => Condition | Condition[]) =>
    value === undefined ? [] : [make(value)].flat();
  return [
    ...given(filter.licenseId, (id) => ofLicense(org, sql('l.id = ?', id))),
    ...given(filter.keyHash, (hash) => ofKey(org, sql('k.hash = ?', hash))),
    ...given(filter.hint, (hint) => ofKey(org, sql('k.hint = ?', hint))),
    ...given(filter.customerId, (id) =>
      ofLicense(
        org,
        sql('l.customer_id = coalesce((select m.merged_into from customers m where m.id = ?), ?)', id, id),
      ),
    ),
    ...given(filter.email, (email) => ofCustomer(org, sql('c.email = ?', email.toLowerCase()))),
    ...given(filter.emailPrefix, (text) => ofCustomer(org, sql('c.email >= ? and c.email < ?', ...beginning(text)))),
    ...given(filter.externalCustomerId, (id) => ofCustomer(org, sql('c.external_customer_id = ?', id))),
    ...given(filter.externalWorkspaceId, (id) => ofCustomer(org, sql('c.external_workspace_id = ?', id))),
    ...given(filter.words, wordConditions),
    ...given(filter.domain, domainCondition),
    ...(sold === null ? [] : [soldCondition(sold)]),
    ...given(filter.paymentRef, (ref) => paymentCondition(org, ref)),
    ...given(filter.status, (status) => statusConditions(status, filter, keys, now)),
    ...given(filter.purpose, (purpose) =>
      purpose === 'commercial'
        ? ofKey(org, sql('k.purpose = ?', purpose), false)
        : ofKey(org, sql("k.purpose = ? and k.purpose <> 'commercial'", purpose)),
    ),
    ...given(filter.expiringBefore, (at) => ofLicense(org, sql('l.valid_until > ? and l.valid_until < ?', now, at))),
    ...given(filter.expiredBefore, (at) => ofLicense(org, sql('l.valid_until <= ? and l.valid_until < ?', now, at))),
    ...given(filter.neverUsed, (never) =>
      never ? ofKey(org, sql('k.last_used_at is null')) : ofKey(org, sql('k.last_used_at is not null')),
    ),
    ...given(filter.overLimit, (over) =>
      over
        ? ofLicense(org, sql('l.counted_sites > l.sites_allowed'))
        : [{ ...ofLicense(org, sql('(l.sites_allowed is null or l.counted_sites <= l.sites_allowed)')), hits: null }],
    ),
    ...given(filter.createdFrom, (at) => made(org, sql(`${own}.created_at >= ?`, at))),
    ...given(filter.createdBefore, (at) => made(org, sql(`${own}.created_at < ?`, at))),
  ];
}

function soldCondition(sold: SoldVersions): Condition {
  const each = [...sold].map(([id, versions]) =>
    sql(`(g.package_id = ? and g.package_version in (${holes(versions)}))`, id, ...versions),
  );
  const any = sql(each.map((one) => one.sql).join(' or ') || '1 = 0', ...each.flatMap((one) => one.values));
  return {
    of: 'license',
    ...sql(`exists (select 1 from grants g where g.license_id = l.id and (${any.sql}))`, ...any.values),
    hits: often(`select g.license_id as id from grants g where ${any.sql}`, ...any.values),
  };
}

function paymentCondition(org: string, ref: string): Condition {
  const paid = sql('g.organization_id = ? and g.payment_ref = ?', org, ref);
  return {
    of: 'license',
    ...sql(`exists (select 1 from grants g where g.license_id = l.id and ${paid.sql})`, ...paid.values),
    hits: often(`select g.license_id as id from grants g where ${paid.sql}`, ...paid.values),
  };
}

/** Which of the conditions stand in the way of a status: those of the license, and of a key its own too. */
function statusConditions(
  status: ListedStatus,
  { organizationId: org }: LicenseFilter,
  keys: boolean,
  now: string,
): Condition[] {
  const flagged = (flag: 'revoked_at' | 'suspended_at') =>
    keys ? `(l.${flag} is not null or k.${flag} is not null)` : `l.${flag} is not null`;
  const of = keys ? 'key' : 'license';
  const flagHits = (flag: string): Hits => {
    const own = `select l.id from licenses l where l.organization_id = ? and l.${flag} is not null`;
    if (!keys) return once(own, org);
    return often(
      `${own} union all select k.license_id from license_keys k where k.organization_id = ? and k.${flag} is not null`,
      org,
      org,
    );
  };
  const revoked = sql(flagged('revoked_at'));
  const suspended = sql(flagged('suspended_at'));
  // A replaced key is over before its license is.
  const ended = keys ? sql('(k.ends_at is not null and k.ends_at <= ?)', now) : sql('1 = 0');
  const not = ({ sql: text, values }: Sql): Condition => ({ of, sql: `not (${text})`, values, hits: null });
  if (status === 'revoked') return [{ of, ...revoked, hits: flagHits('revoked_at') }];
  if (status === 'suspended') return [{ of, ...suspended, hits: flagHits('suspended_at') }, not(revoked), not(ended)];
  const free = [not(revoked), not(suspended), not(ended)];
  if (status === 'expiring') return [...free, ...expiringConditions(org, now)];
  const hits = once('select l.id from licenses l where l.organization_id = ? and l.state = ?', org, status);
  if (status !== 'expired' || !keys) return [...free, { of, ...sql(`${keys ? 'k' : 'l'}.state = ?`, status), hits }];
  const over = sql(`(${ended.sql} or (not ${suspended.sql} and l.state = 'expired'))`, ...ended.values);
  const own = 'select k.license_id from license_keys k where k.organization_id = ? and k.ends_at <= ?';
  return [not(revoked), { of, ...over, hits: often(`${hits.sql} union all ${own}`, ...hits.values, org, now) }];
}

function expiringConditions(org: string, now: string): Condition[] {
  const last = new Date(Date.parse(now) + EXPIRING_MS).toISOString();
  const within = sql('l.valid_until > ? and l.valid_until <= ?', now, last);
  const renews = 'exists (select 1 from subscriptions s where s.license_id = l.id and s.runs)';
  return [
    { of: 'license', ...sql("l.state in ('active', 'trial')"), hits: null },
    { of: 'license', ...sql(`not ${renews}`), hits: null },
    ofLicense(org, within),
  ];
}

/** A condition of a column of licenses that an index of the organization begins with. */
function ofLicense(org: string, { sql: text, values }: Sql): Condition {
  return {
    of: 'license',
    sql: text,
    values,
    hits: once(`select l.id from licenses l where l.organization_id = ? and ${text}`, org, ...values),
  };
}

function ofCustomer(org: string, { sql: text, values }: Sql): Condition {
  const from = 'select l.id from customers c join licenses l on l.customer_id = c.id';
  return {
    of: 'customer',
    sql: text,
    values,
    hits: once(`${from} where c.organization_id = ? and ${text}`, org, ...values),
  };
}

function ofKey(org: string, { sql: text, values }: Sql, indexed = true): Condition {
  const hits = often(
    `select k.license_id as id from license_keys k where k.organization_id = ? and ${text}`,
    org,
    ...values,
  );
  return { of: 'key', sql: text, values, hits: indexed ? hits : null };
}

function wordConditions(words: readonly string[]): Condition[] {
  if (words.length === 0) return [{ of: 'customer', ...sql('1 = 0'), hits: once("select '' as id where 1 = 0") }];
  return words.map((word) => {
    const [from, to] = beginning(word);
    const found = 'w.word >= ? and w.word < ?';
    return {
      of: 'customer',
      ...sql(`exists (select 1 from customer_words w where w.customer_id = c.id and ${found})`, from, to),
      hits: often(
        `select l.id from customer_words w join licenses l on l.customer_id = w.customer_id where ${found}`,
        from,
        to,
      ),
    };
  });
}

function domainCondition({ hosts, entries, below }: NonNullable<LicenseFilter['domain']>): Condition {
  // Nothing but what is asked: a list without names beside a range would keep the index from being used.
  const either = (column: string, names: readonly string[]) => {
    const named = names.length > 0 ? [`${column} in (${holes(names)})`] : [];
    const ways = [...named, ...(below ? [`(${column} >= ? and ${column} < ?)`] : [])];
    return sql(ways.join(' or ') || '1 = 0', ...names, ...(below ?? []));
  };
  const site = either('a.host_reversed', hosts);
  const listed = either('d.name_reversed', entries);
  return {
    of: 'key',
    ...sql(
      `(exists (select 1 from activations a where a.license_id = l.id and a.released_at is null
          and (a.key_id is null or a.key_id = k.id) and (${site.sql}))
        or exists (select 1 from key_domains d where d.key_id = k.id and (${listed.sql})))`,
      ...site.values,
      ...listed.values,
    ),
    hits: often(
      `select a.license_id as id from activations a where a.released_at is null and (${site.sql})
       union all select dk.license_id from key_domains d join license_keys dk on dk.id = d.key_id where ${listed.sql}`,
      ...site.values,
      ...listed.values,
    ),
  };
}
