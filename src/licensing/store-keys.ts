import { insertMany, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import { reversedName } from './domain-pattern.ts';
import type { KeyPurpose } from './license-key.ts';

export interface KeyRecord {
  id: string;
  licenseId: string;
  role: 'normal' | 'master';
  label: string;
  purpose: KeyPurpose;
  /** How many sites it may use of those that its license has; null: as many as the license. */
  siteLimit: number | null;
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
  /** When something was last asked with it, as far as usage is rolled up; null: never. */
  lastUsedAt: string | null;
  /** From then on it opens nothing: a replaced key goes on for its overlap. null: as long as its license. */
  endsAt: string | null;
  /** The key that was made in its place. */
  replacedBy: string | null;
  /** The batch that it was made with. */
  batchId: string | null;
  createdAt: string;
}

const SHAPE = { json: ['domains'] };
const COLUMNS = columnsOf(
  ...['id', 'licenseId', 'role', 'label', 'purpose', 'siteLimit', 'hash', 'hint', 'sealed', 'domains', 'suspendedAt'],
  ...['revokedAt', 'revokeReason', 'lastUsedAt', 'endsAt', 'replacedBy', 'batchId', 'createdAt'],
);

function toKey(row: object): KeyRecord {
  return fromRow(row, SHAPE);
}

/** Throws ALREADY_EXISTS for a text that is a key already. */
export async function insertKey(tx: Tx, key: KeyRecord, actor: string): Promise<void> {
  try {
    const license = tx('licenses').where({ id: key.licenseId });
    const searched = { organization_id: license.clone().select('organization_id'), state: license.select('state') };
    await tx('license_keys').insert({ ...toRow(key, SHAPE), ...searched, created_by: actor });
  } catch (error) {
    if (isUniqueViolation(error)) throw problem('ALREADY_EXISTS', 'this license key exists already');
    throw error;
  }
  if (key.domains !== null) await insertDomains(tx, key.id, key.domains);
}

/** What a search for a domain looks at. */
async function insertDomains(tx: Tx, keyId: string, domains: readonly string[]): Promise<void> {
  const rows = domains.map((name) => ({ name_reversed: reversedName(name), key_id: keyId }));
  await insertMany(tx, 'key_domains', ['name_reversed', 'key_id'], rows);
}

export async function findKey(tx: Tx, id: string): Promise<KeyRecord | null> {
  const row = await tx('license_keys').select(COLUMNS).where({ id }).first();
  return row ? toKey(row) : null;
}

/** In the order of the ids; those that are gone are left out. */
export async function findKeys(tx: Tx, ids: readonly string[]): Promise<KeyRecord[]> {
  const found = new Map(
    (await tx('license_keys').select(COLUMNS).whereIn('id', ids)).map((row) => [row.id, toKey(row)]),
  );
  return ids.flatMap((id) => found.get(id) ?? []);
}

export async function findKeyByHash(tx: Tx, hash: string): Promise<KeyRecord | null> {
  const row = await tx('license_keys').select(COLUMNS).where({ hash }).first();
  return row ? toKey(row) : null;
}

export async function keysOfLicense(tx: Tx, licenseId: string): Promise<KeyRecord[]> {
  return (await tx('license_keys').select(COLUMNS).where({ license_id: licenseId }).orderBy('id')).map(toKey);
}

export async function updateKey(
  tx: Tx,
  id: string,
  change: Partial<Omit<KeyRecord, 'id' | 'licenseId' | 'role' | 'hash' | 'hint' | 'sealed' | 'batchId' | 'createdAt'>>,
): Promise<void> {
  await tx('license_keys').where({ id }).update(toRow(change, SHAPE));
  if (change.domains === undefined) return;
  await tx('key_domains').where({ key_id: id }).delete();
  if (change.domains !== null) await insertDomains(tx, id, change.domains);
}

/** Whoever had this key as successor has another one from now on; null: none any more. */
export async function redirectKeys(
  tx: Tx,
  { id, licenseId }: Pick<KeyRecord, 'id' | 'licenseId'>,
  nextId: string | null,
): Promise<void> {
  await tx('license_keys').where({ license_id: licenseId, replaced_by: id }).update({ replaced_by: nextId });
}

/** For ever. Sites that it claimed stay sites of the license; its usage stays, under an id that names nothing any more. */
export async function deleteKey(tx: Tx, key: Pick<KeyRecord, 'id' | 'licenseId'>): Promise<void> {
  const { id } = key;
  await redirectKeys(tx, key, null);
  await tx('activations').where({ key_id: id }).update({ key_id: null });
  await tx('key_domains').where({ key_id: id }).delete();
  await tx('license_keys').where({ id }).delete();
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

/** The master key of an organization that is neither revoked nor replaced. */
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
      'k.replaced_by': null,
    })
    .select(COLUMNS.map((name) => `k.${name}`))
    .orderBy('k.id')
    .first();
  return row ? toKey(row) : null;
}

/** The text of a key of which only the hash was known, as it is kept. */
export type SealedText = Pick<KeyRecord, 'id' | 'hint'> & { sealed: string };

/** Once: a key whose text is kept already stays as it is. */
export async function keepSealed(tx: Tx, { id, sealed, hint }: SealedText): Promise<void> {
  await tx('license_keys').where({ id, sealed: null }).update({ sealed, hint, sealed_sha256: null });
}

export async function keepDigest(tx: Tx, id: string, sealedSha256: string): Promise<void> {
  await tx('license_keys').where({ id }).update({ sealed_sha256: sealedSha256 });
}
