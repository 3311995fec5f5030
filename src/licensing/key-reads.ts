import { DAY, dayOf } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { findOrganization, type OrganizationRecord } from '../forge/store.ts';
import { kindOfId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { keyText } from './keys.ts';
import { type KeySeen, keysAt } from './level-keys.ts';
import type { LicenseFilter } from './license-filter.ts';
import { DEFAULT_KEY_PREFIX, parseKeyText } from './license-key.ts';
import { wholeLicense } from './licenses.ts';
import { findKey, findKeyByHash, findMasterKey, type KeyRecord, keysOfLicense, prefixesInUse } from './store-keys.ts';
import { findGrantByPayment, findLicense } from './store-licenses.ts';
import { type UsageCount, usageCounts } from './store-usage.ts';

export interface NamedKey extends KeySeen {
  organization: OrganizationRecord;
}

/** A key by its id or its text. Throws NOT_FOUND and KEY_MALFORMED, neither of which holds what was asked for. */
export async function requireKey(db: Db, secrets: Secrets, idOrText: string): Promise<NamedKey> {
  const key = await findNamed(db, secrets, idOrText.trim());
  if (!key) throw problem('NOT_FOUND', 'there is no such license key');
  return db.read(async (tx) => {
    const record = await findLicense(tx, key.licenseId);
    const organization = record && (await findOrganization(tx, record.organizationId));
    if (!organization) throw new Error(`the organization of ${key.id} is missing`);
    return { key, license: await wholeLicense(tx, record), organization };
  });
}

async function findNamed(db: Db, secrets: Secrets, idOrText: string): Promise<KeyRecord | null> {
  const kind = kindOfId(idOrText);
  if (kind === 'key') return db.read((tx) => findKey(tx, idOrText));
  if (kind !== null) throw problem('WRONG_ID_KIND', `that is the id of a ${kind}, not of a license key`);
  const hash = await hashOf(db, secrets, idOrText);
  return hash === null ? null : db.read((tx) => findKeyByHash(tx, hash));
}

/** The key with this text, where it is one of the place. Throws KEY_MALFORMED, which does not hold the text. */
export async function keysByText(
  db: Db,
  secrets: Pick<Secrets, 'lookupHash'>,
  place: Pick<LicenseFilter, 'organizationId' | 'repositoryId'>,
  text: string,
  now: number,
): Promise<KeySeen[]> {
  const hash = await hashOf(db, secrets, text);
  if (hash === null) return [];
  return (await keysAt(db, { ...place, keyHash: hash }, { sort: 'created', limit: 1, after: null, now })).items;
}

/** null: the text can be no key. */
async function hashOf(db: Db, secrets: Pick<Secrets, 'lookupHash'>, text: string): Promise<string | null> {
  const prefixes = await db.read(prefixesInUse);
  const parsed = parseKeyText(text.trim(), [...new Set([DEFAULT_KEY_PREFIX, ...prefixes])]);
  if (parsed.kind === 'malformed') throw problem('KEY_MALFORMED');
  return parsed.kind === 'none' || parsed.kind === 'unusable' ? null : secrets.lookupHash(parsed.text);
}

const USE_DAYS = 90;
const MOST_USES = 10;

/** What a key was last used for, newest first, as far as 90 days back. */
export async function lastUses(db: Db, keyId: string, now: number): Promise<UsageCount[]> {
  const filter = { keyId, fromDay: dayOf(now - USE_DAYS * DAY), toDay: dayOf(now + DAY) };
  const counts = await db.read((tx) => usageCounts(tx, filter, 1_000));
  return [...counts].sort((a, b) => (a.last_at < b.last_at ? 1 : -1)).slice(0, MOST_USES);
}

/** The text of an organization's master key; null where only its hash is known. */
export async function masterKeyText(db: Db, secrets: Secrets, organizationId: string): Promise<string | null> {
  const key = await db.read((tx) => findMasterKey(tx, organizationId));
  return key === null || key.sealed === null ? null : keyText(secrets, key);
}

/** The first key of the license that a payment's first line was sold into; null where there was no such sale. */
export async function keyOfPayment(
  db: Db,
  secrets: Secrets,
  organizationId: string,
  paymentRef: string,
): Promise<string | null> {
  const keys = await db.read(async (tx) => {
    const grant = await findGrantByPayment(tx, organizationId, paymentRef, '1');
    return grant === null ? [] : keysOfLicense(tx, grant.licenseId);
  });
  const [first] = keys;
  return first ? keyText(secrets, first) : null;
}
