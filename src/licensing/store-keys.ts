import { isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';

export interface KeyRecord {
  id: string;
  licenseId: string;
  role: 'normal' | 'master';
  label: string;
  /** Look-up hash; the text itself is nowhere in the clear. */
  hash: string;
  hint: string;
  /** The text under AES-256-GCM; null for an imported hash, which cannot be shown again. */
  sealed: string | null;
  /** The key's own list of allowed domains; null: any. */
  domains: string[] | null;
  suspendedAt: string | null;
  revokedAt: string | null;
  revokeReason: string | null;
  createdAt: string;
}

const SHAPE = { json: ['domains'] };
const COLUMNS = columnsOf(
  ...[
    'id',
    'licenseId',
    'role',
    'label',
    'hash',
    'hint',
    'sealed',
    'domains',
    'suspendedAt',
    'revokedAt',
    'revokeReason',
  ],
  'createdAt',
);

function toKey(row: object): KeyRecord {
  return fromRow(row, SHAPE);
}

/** Throws ALREADY_EXISTS for a text that is a key already. */
export async function insertKey(tx: Tx, key: KeyRecord, actor: string): Promise<void> {
  try {
    await tx('license_keys').insert({ ...toRow(key, SHAPE), created_by: actor });
  } catch (error) {
    if (isUniqueViolation(error)) throw problem('ALREADY_EXISTS', 'this license key exists already');
    throw error;
  }
}

export async function findKey(tx: Tx, id: string): Promise<KeyRecord | null> {
  const row = await tx('license_keys').select(COLUMNS).where({ id }).first();
  return row ? toKey(row) : null;
}

export async function findKeyByHash(tx: Tx, hash: string): Promise<KeyRecord | null> {
  const row = await tx('license_keys').select(COLUMNS).where({ hash }).first();
  return row ? toKey(row) : null;
}

export async function keysOfLicense(tx: Tx, licenseId: string): Promise<KeyRecord[]> {
  return (await tx('license_keys').select(COLUMNS).where({ license_id: licenseId }).orderBy('id')).map(toKey);
}

export interface KeyFilter {
  organizationId: string;
  repositoryId?: string | undefined;
  licenseId?: string | undefined;
  /** Prefix and last four characters, as shown. */
  hint?: string | undefined;
}

function filtered(tx: Tx, filter: KeyFilter) {
  const query = tx('license_keys as k')
    .join('licenses as l', 'l.id', 'k.license_id')
    .where('l.organization_id', filter.organizationId);
  if (filter.licenseId !== undefined) query.where('k.license_id', filter.licenseId);
  if (filter.hint !== undefined) query.where('k.hint', filter.hint);
  if (filter.repositoryId !== undefined) {
    const { repositoryId } = filter;
    query.whereExists(function grantOf() {
      this.from('grants as g')
        .join('packages as p', 'p.id', 'g.package_id')
        .whereRaw('g.license_id = l.id')
        .select(tx.raw('1'));
      this.where('p.repository_id', repositoryId);
    });
  }
  return query;
}

export async function pageOfKeys(tx: Tx, filter: KeyFilter, after: string | null, limit: number): Promise<KeyRecord[]> {
  const query = filtered(tx, filter)
    .select(COLUMNS.map((name) => `k.${name}`))
    .orderBy('k.id')
    .limit(limit);
  return (await (after === null ? query : query.where('k.id', '>', after))).map(toKey);
}

export async function countKeys(tx: Tx, filter: KeyFilter, most: number): Promise<number> {
  return (await filtered(tx, filter).select('k.id').limit(most)).length;
}

export async function updateKey(
  tx: Tx,
  id: string,
  change: Partial<Pick<KeyRecord, 'label' | 'domains' | 'suspendedAt' | 'revokedAt' | 'revokeReason'>>,
): Promise<void> {
  await tx('license_keys').where({ id }).update(toRow(change, SHAPE));
}

/** Of all organizations, those that they used before as well. */
export async function prefixesInUse(tx: Tx): Promise<string[]> {
  const rows: { key_prefix: string; former_prefixes: string }[] = await tx('organizations').distinct(
    'key_prefix',
    'former_prefixes',
  );
  const all = rows.flatMap((row) => [row.key_prefix, ...(JSON.parse(row.former_prefixes) as string[])]);
  return [...new Set(all)];
}

/** The master key of an organization that is not revoked. */
export async function findMasterKey(tx: Tx, organizationId: string): Promise<KeyRecord | null> {
  const row = await tx('license_keys as k')
    .join('licenses as l', 'l.id', 'k.license_id')
    .join('grants as g', 'g.license_id', 'l.id')
    .join('packages as p', 'p.id', 'g.package_id')
    .where({
      'l.organization_id': organizationId,
      'l.master': true,
      'p.repository_id': null,
      'k.role': 'master',
      'k.revoked_at': null,
    })
    .select(COLUMNS.map((name) => `k.${name}`))
    .orderBy('k.id')
    .first();
  return row ? toKey(row) : null;
}
