import type { Actor } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization } from '../forge/store.ts';
import { COUNT_LIMIT, type Page, pageFrom } from '../http/paging.ts';
import { queueKeyReplaced } from '../notify/mails.ts';
import type { Level } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import {
  type By,
  createKey,
  describeKey,
  type KeyChange,
  keyText,
  removeKey,
  replaceKey,
  revokeKey,
  suspendKey,
} from './keys.ts';
import { type KeySort, type LicenseFilter, listFingerprint } from './license-filter.ts';
import type { KeyPurpose } from './license-key.ts';
import { wholeTerms } from './license-status.ts';
import type { WholeLicense } from './license-view.ts';
import { type ListQuery, licenseOf, wholeLicense, wholeLicenses } from './licenses.ts';
import { settleStandings } from './standings.ts';
import { findKey, findKeys, type KeyRecord } from './store-keys.ts';
import { countOfSearch, pageOfSearch, prepareSearch, type Search } from './store-license-search.ts';
import { findLicense, findLicenses, type LicenseRecord, lockLicense } from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';

/** Throws NOT_FOUND, in the same words for a key that is not there and one that the actor may not touch. */
async function keyOf(tx: Tx, actor: Actor, id: string): Promise<{ key: KeyRecord; license: LicenseRecord }> {
  const key = await findKey(tx, id);
  if (!key) throw problem('NOT_FOUND');
  return { key, license: await licenseOf(tx, actor, key.licenseId) };
}

export async function readKey(db: Db, actor: Actor, id: string): Promise<KeyRecord> {
  return (await db.read((tx) => keyOf(tx, actor, id))).key;
}

/** A repository's routes see the keys of licenses that have any grant of its packages. Throws NOT_FOUND. */
export async function keyAt(
  tx: Tx,
  { organization, repository }: Level,
  id: string,
): Promise<{ key: KeyRecord; license: LicenseRecord }> {
  const key = await findKey(tx, id);
  const license = key && (await findLicense(tx, key.licenseId));
  if (!key || license?.organizationId !== organization.id) throw problem('NOT_FOUND');
  const ledger = repository && ((await ledgersOf(tx, [license.id])).get(license.id) ?? []);
  if (ledger?.every((grant) => grant.package.repositoryId !== repository?.id)) throw problem('NOT_FOUND');
  return { key, license };
}

export interface KeySeen {
  key: KeyRecord;
  license: WholeLicense;
}

/** Keys in the order wanted, each with its license; `next` is what the cursor of the next page holds. */
export async function keysAt(db: Db, filter: LicenseFilter, query: ListQuery<KeySort>): Promise<Page<KeySeen>> {
  await settleStandings(db, query.now);
  return db.read(async (tx) => {
    const search = await prepareSearch(tx, 'keys', filter, toIso(query.now));
    return keysFound(tx, search, filter, query, await countOfSearch(tx, search, COUNT_LIMIT + 1));
  });
}

/** One page of what a search finds, without counting. */
export async function keysFound(
  tx: Tx,
  search: Search,
  filter: LicenseFilter,
  { sort, limit, after }: Omit<ListQuery<KeySort>, 'now'>,
  counted = 0,
): Promise<Page<KeySeen>> {
  const places = await pageOfSearch(tx, search, sort, after, limit + 1);
  const page = pageFrom(places, limit, counted, (place) => [listFingerprint(filter, sort), ...place]);
  const ids = page.items.map((place) => place.at(-1) as string);
  const keys = await findKeys(tx, ids);
  const records = await findLicenses(tx, [...new Set(keys.map(({ licenseId }) => licenseId))]);
  const licenses = await wholeLicenses(tx, filter.organizationId, records);
  const items = keys.flatMap((key) => {
    const license = licenses.get(key.licenseId);
    return license ? [{ key, license }] : [];
  });
  return { ...page, items };
}

export interface KeyWish {
  label: string;
  purpose?: KeyPurpose | undefined;
  siteLimit?: number | null | undefined;
  domains: readonly string[];
  /** An own text, e.g. from the shop that was used before. */
  text?: string | undefined;
  /** Its SHA-256 where the text is not known. */
  sha256?: string | undefined;
}

/** One more key of a license. */
export async function addKey(db: Db, secrets: Secrets, licenseId: string, wish: KeyWish, by: By): Promise<KeyRecord> {
  return db.tx(async (tx) => {
    const license = await licenseOf(tx, by.actor, licenseId);
    await requireLimit(tx, license, wish.siteLimit, by.now);
    const prefix = await prefixOf(tx, license.organizationId);
    return createKey(tx, secrets, { licenseId, role: 'normal', prefix, ...wish }, by);
  });
}

/** The text of a key; that it was looked at is remembered. */
export async function showKey(db: Db, secrets: Secrets, id: string, by: By): Promise<string> {
  return db.tx(async (tx) => {
    const { key } = await keyOf(tx, by.actor, id);
    const text = keyText(secrets, key);
    const event = { actor: by.actor, action: 'key.show', entity: 'key', entityId: id, changes: {} };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
    return text;
  });
}

/** Throws NOT_FOUND, LIMIT_ABOVE_LICENSE and MASTER_IS_FIXED. */
export async function changeKey(db: Db, id: string, change: KeyChange, by: By): Promise<KeyRecord> {
  return db.tx(async (tx) => {
    const key = await lockedKey(tx, id, by);
    await requireLimit(tx, await licenseOf(tx, by.actor, key.licenseId), change.siteLimit, by.now);
    await describeKey(tx, key, change, by);
    return (await keyOf(tx, by.actor, id)).key;
  });
}

/** A key's own limit lies inside its license's, as things stand now; a license that shrinks later goes before it. */
export async function requireLimit(
  tx: Tx,
  license: LicenseRecord,
  siteLimit: number | null | undefined,
  now: number,
): Promise<void> {
  if (siteLimit === null || siteLimit === undefined) return;
  if (license.master) throw problem('MASTER_IS_FIXED', 'a master key never counts sites');
  const { ledger, products } = await wholeLicense(tx, license);
  const most = wholeTerms(ledger, products, now).limits.sites;
  if (most === null || siteLimit <= most) return;
  const detail = `is more than the ${most} that the license has`;
  throw problem('LIMIT_ABOVE_LICENSE', `site_limit ${detail}`, { errors: [{ pointer: '/site_limit', detail }] });
}

export async function pauseKey(
  db: Db,
  id: string,
  { suspended, reason = '' }: { suspended: boolean; reason?: string },
  by: By,
): Promise<KeyRecord> {
  return db.tx(async (tx) => {
    await suspendKey(tx, await lockedKey(tx, id, by), suspended, reason, by);
    return (await keyOf(tx, by.actor, id)).key;
  });
}

/** `next`: the key that was made in its place, where it was the one of a master license. */
export async function withdrawKey(
  db: Db,
  secrets: Secrets,
  id: string,
  reason: string,
  by: By,
): Promise<{ key: KeyRecord; next: KeyRecord | null }> {
  return db.tx(async (tx) => {
    const found = await lockedKey(tx, id, by);
    const { organizationId } = await licenseOf(tx, by.actor, found.licenseId);
    const next = await revokeKey(tx, secrets, found, reason, await prefixOf(tx, organizationId), by);
    return { key: (await keyOf(tx, by.actor, id)).key, next };
  });
}

export interface Replaced {
  /** The old key, which goes on for a while. */
  key: KeyRecord;
  next: KeyRecord;
  /** False: it had been replaced before. */
  isNew: boolean;
}

/** A new key in the place of one that goes on for some days. Of two that ask at once the second gets the first one's key. */
export async function exchangeKey(
  db: Db,
  secrets: Secrets,
  id: string,
  { overlapDays, reason }: { overlapDays: number; reason: string },
  by: By,
): Promise<Replaced> {
  return db.tx(async (tx) => {
    const found = await lockedKey(tx, id, by);
    const license = await licenseOf(tx, by.actor, found.licenseId);
    const { organizationId } = license;
    const change = { end: by.now + overlapDays * DAY, reason, prefix: await prefixOf(tx, organizationId) };
    const made = await replaceKey(tx, secrets, found, change, by);
    if (made.isNew) await queueKeyReplaced(tx, { license, next: made.next }, by.now);
    return { key: (await keyOf(tx, by.actor, id)).key, ...made };
  });
}

export async function eraseKey(db: Db, id: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const key = await lockedKey(tx, id, by);
    const { organizationId } = await licenseOf(tx, by.actor, key.licenseId);
    await removeKey(tx, key, organizationId, by);
  });
}

/** Read again under the license's lock: two revocations of a master key at once must not make two successors. */
async function lockedKey(tx: Tx, id: string, by: By): Promise<KeyRecord> {
  const { license } = await keyOf(tx, by.actor, id);
  await lockLicense(tx, license.id);
  return (await keyOf(tx, by.actor, id)).key;
}

async function prefixOf(tx: Tx, organizationId: string): Promise<string> {
  const organization = await findOrganization(tx, organizationId);
  if (!organization) throw new Error(`${organizationId} is missing`);
  return organization.keyPrefix;
}
