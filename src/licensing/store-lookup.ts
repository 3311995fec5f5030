import { fromIso } from '../clock.ts';
import { among, fastRead, type Tx } from '../db/dialect.ts';
import {
  type Grant,
  type GrantSource,
  type Length,
  type PackageKind,
  type PackageTerms,
  type PaidPeriod,
  storedTerms,
} from './package-terms.ts';

/** The reads of the poll path. Each takes a list and runs one prepared statement, whatever the length of the list. */

export interface KeyRow {
  hash: string;
  keyId: string;
  keySuspended: boolean;
  keyRevoked: boolean;
  domains: string[] | null;
  keySiteLimit: number | null;
  /** Counted slots that the key claimed; 0 where it has no limit. */
  keyCountedSites: number;
  /** ms UTC. */
  keyEndsAt: number | null;
  keyReplacedBy: string | null;
  keyPurpose: string;
  /** Only its hash was brought in. */
  keyTextUnknown: boolean;
  licenseId: string;
  organizationId: string;
  licenseSuspended: boolean;
  licenseRevoked: boolean;
  countedSites: number;
  exemptSites: number;
}

export async function findKeysByHash(tx: Tx, hashes: readonly string[]): Promise<Map<string, KeyRow>> {
  const rows = await fastRead<Record<string, string | number | null>>(
    tx,
    'keys-by-hash',
    `select k.hash, k.id as key_id, k.suspended_at as key_suspended, k.revoked_at as key_revoked, k.domains,
       k.site_limit, k.ends_at, k.replaced_by, k.purpose, case when k.sealed is null then 1 else 0 end as text_unknown, case when k.site_limit is null then 0 else
         (select count(*) from activations a where a.key_id in (k.id, k.replaced_by) and a.released_at is null and a.counted) end as key_counted,
       l.id as license_id, l.organization_id, l.suspended_at, l.revoked_at, l.counted_sites, l.exempt_sites
     from license_keys k join licenses l on l.id = k.license_id where k.hash ${among(tx)}`,
    [JSON.stringify(hashes)],
  );
  return new Map(rows.map((row) => [String(row['hash']), toKeyRow(row)]));
}

function toKeyRow(row: Record<string, string | number | null>): KeyRow {
  const domains = row['domains'];
  return {
    hash: String(row['hash']),
    keyId: String(row['key_id']),
    keySuspended: row['key_suspended'] !== null,
    keyRevoked: row['key_revoked'] !== null,
    domains: typeof domains === 'string' ? (JSON.parse(domains) as string[]) : null,
    keySiteLimit: row['site_limit'] == null ? null : Number(row['site_limit']),
    keyCountedSites: Number(row['key_counted']),
    keyEndsAt: typeof row['ends_at'] === 'string' ? fromIso(row['ends_at']) : null,
    keyReplacedBy: typeof row['replaced_by'] === 'string' ? row['replaced_by'] : null,
    keyPurpose: String(row['purpose']),
    keyTextUnknown: Number(row['text_unknown']) === 1,
    licenseId: String(row['license_id']),
    organizationId: String(row['organization_id']),
    licenseSuspended: row['suspended_at'] !== null,
    licenseRevoked: row['revoked_at'] !== null,
    countedSites: Number(row['counted_sites']),
    exemptSites: Number(row['exempt_sites']),
  };
}

interface GrantRow {
  id: string;
  license_id: string;
  source: GrantSource;
  given_at: string;
  length_value: number | null;
  length_unit: Length['unit'] | null;
  ends_at: string | null;
  quantity: number;
  payment_ref: string | null;
  supersedes: string;
  first_used_at: string | null;
  package_id: string;
  kind: PackageKind;
  repository_id: string | null;
  terms: string;
  starts_at: string | null;
  subscription_id: string | null;
  paid_through: string | null;
  grace_until: string | null;
  failed_at: string | null;
  runs: boolean | number | null;
  closing: string | null;
  closing_at: string | null;
}

/** The whole ledger of each license, in no order that means anything. */
export async function ledgersOf(tx: Tx, licenseIds: readonly string[]): Promise<Map<string, Grant[]>> {
  const last = (column: string) =>
    `(select c.${column} from grant_closings c where c.grant_id = g.id order by c.at desc, c.id desc limit 1)`;
  const rows = await fastRead<GrantRow>(
    tx,
    'ledgers',
    `select g.id, g.license_id, g.source, g.given_at, g.length_value, g.length_unit, g.ends_at, g.quantity, g.payment_ref,
       g.supersedes, g.first_used_at, g.package_id, p.kind, p.repository_id, v.terms,
       g.starts_at, g.subscription_id, s.paid_through, s.grace_until, s.failed_at, s.runs,
       ${last('kind')} as closing, ${last('at')} as closing_at
     from grants g join packages p on p.id = g.package_id
     join package_versions v on v.package_id = g.package_id and v.version = g.package_version
     left join subscriptions s on s.id = g.subscription_id
     where g.license_id ${among(tx)}`,
    [JSON.stringify(licenseIds)],
  );
  const ledgers = new Map<string, Grant[]>(licenseIds.map((id) => [id, []]));
  // Of many polls most are about the same few packages: reading their terms is what costs.
  const known = new Map<string, PackageTerms>();
  for (const row of rows) {
    const terms = known.get(row.terms) ?? storedTerms(row.terms);
    known.set(row.terms, terms);
    ledgers.get(row.license_id)?.push(toGrant(row, terms));
  }
  return ledgers;
}

function toGrant(row: GrantRow, terms: PackageTerms): Grant {
  return {
    id: row.id,
    package: {
      id: row.package_id,
      kind: row.kind,
      repositoryId: row.repository_id,
      terms,
    },
    source: row.source,
    givenAt: fromIso(row.given_at),
    length:
      row.length_value === null || row.length_unit === null ? null : { value: row.length_value, unit: row.length_unit },
    endsAt: row.ends_at === null ? null : fromIso(row.ends_at),
    quantity: row.quantity,
    paymentRef: row.payment_ref,
    supersedes: JSON.parse(row.supersedes) as string[],
    firstUsedAt: row.first_used_at === null ? null : fromIso(row.first_used_at),
    closedAt: row.closing === 'close' && row.closing_at !== null ? fromIso(row.closing_at) : null,
    subscription: paidPeriod(row),
  };
}

function paidPeriod(row: GrantRow): PaidPeriod | null {
  if (row.subscription_id === null || row.starts_at === null) return null;
  // What comes behind an earlier period is the next one.
  const isLast = row.ends_at !== null && row.ends_at === row.paid_through;
  return {
    id: row.subscription_id,
    start: fromIso(row.starts_at),
    graceUntil: isLast && row.grace_until !== null ? fromIso(row.grace_until) : null,
    pastDue: isLast && row.failed_at !== null,
    renews: isLast && Boolean(row.runs),
  };
}
