import type { Actor } from '../accounts/actor.ts';
import { type AuditChanges, audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { parseAllowedSites } from './allowed-sites.ts';
import { type KeyPurpose, keyHint, newKeyText, parseKeyText } from './license-key.ts';
import { handOverSlots } from './store-activations.ts';
import {
  deleteKey,
  findKey,
  insertKey,
  type KeyRecord,
  keepDigest,
  redirectKeys,
  type SealedText,
  updateKey,
} from './store-keys.ts';
import { updateLicense } from './store-licenses.ts';

/** Who does it, for the audit and the `created_by` of rows. */
export interface By {
  actor: Actor;
  requestId: string | null;
  now: number;
}

export const SEAL = 'license-key';
export const DIGEST_SEAL = 'license-key-sha256';

export interface NewKey {
  licenseId: string;
  role: KeyRecord['role'];
  label?: string | undefined;
  prefix: string;
  /** An own text (imported); else one is made. */
  text?: string | undefined;
  /** Of an imported key of which only the SHA-256 is known (64 hex digits, of the text as it is typed); goes before `text`. */
  sha256?: string | undefined;
  domains?: readonly string[] | undefined;
  purpose?: KeyPurpose | undefined;
  siteLimit?: number | null | undefined;
  batchId?: string;
}

/** Makes a key of a license; the text is sealed at once and returned this one time. */
export async function createKey(tx: Tx, secrets: Secrets, wish: NewKey, by: By): Promise<KeyRecord> {
  const key = newKey(secrets, wish, by.now);
  await insertKey(tx, key, by.actor.id);
  if (wish.sha256 !== undefined) await keepDigest(tx, key.id, sealedDigest(secrets, key.id, wish.sha256));
  await note(tx, by, 'key.create', key.id, { license_id: key.licenseId, role: key.role, hint: key.hint });
  return key;
}

/** A key that is not written yet. Throws INVALID_REQUEST and KEY_MALFORMED for what cannot be one. */
export function newKey(secrets: Secrets, wish: NewKey, now: number): KeyRecord {
  const id = newId('key', now);
  return {
    id,
    licenseId: wish.licenseId,
    role: wish.role,
    label: wish.label ?? '',
    purpose: wish.purpose ?? 'commercial',
    siteLimit: wish.siteLimit ?? null,
    ...proofOf(secrets, id, wish),
    domains: wish.domains && wish.domains.length > 0 ? checkedDomains(wish.domains) : null,
    suspendedAt: null,
    revokedAt: null,
    revokeReason: null,
    lastUsedAt: null,
    endsAt: null,
    replacedBy: null,
    batchId: wish.batchId ?? null,
    createdAt: toIso(now),
  };
}

/** How a key is found again, shown in short and in full; of an imported hash the full text is nobody's to show. */
function proofOf(secrets: Secrets, id: string, wish: NewKey): Pick<KeyRecord, 'hash' | 'hint' | 'sealed'> {
  if (wish.sha256 !== undefined) {
    const digest = wish.sha256.toLowerCase();
    return { hash: secrets.lookupHashOfSha256(digest), hint: `#…${digest.slice(-4)}`, sealed: null };
  }
  const text = wish.text === undefined ? newKeyText(wish.prefix) : ownText(wish.text, wish.prefix);
  return { hash: secrets.lookupHash(text), hint: keyHint(text), sealed: secrets.seal(SEAL, id, text) };
}

/** The SHA-256 that a key came as, sealed: nobody is shown it, but an export needs it. */
export function sealedDigest(secrets: Pick<Secrets, 'seal'>, id: string, sha256: string): string {
  return secrets.seal(DIGEST_SEAL, id, sha256.toLowerCase());
}

/** The text of a key under which it is kept from now on. */
export function sealedText(secrets: Pick<Secrets, 'seal'>, id: string, text: string): SealedText {
  return { id, sealed: secrets.seal(SEAL, id, text), hint: keyHint(text) };
}

/** The full text, to be shown again. Throws NOT_FOUND where only its hash was imported. */
export function keyText(secrets: Pick<Secrets, 'open'>, key: Pick<KeyRecord, 'id' | 'sealed'>): string {
  if (key.sealed === null)
    throw problem('NOT_FOUND', 'of this key only the hash was imported; its text is not known here');
  return secrets.open(SEAL, key.id, key.sealed);
}

/** null: only the hash of the key was imported. */
export function textIfKnown(secrets: Pick<Secrets, 'open'>, key: KeyRecord): string | null {
  return key.sealed === null ? null : keyText(secrets, key);
}

function ownText(text: string, prefix: string): string {
  const parsed = parseKeyText(text, [prefix]);
  if (parsed.kind === 'malformed') throw problem('KEY_MALFORMED', 'the check characters of this key are wrong');
  if (parsed.kind === 'none' || parsed.kind === 'unusable')
    throw problem('INVALID_REQUEST', 'this text cannot be a key');
  return parsed.text;
}

/** Canonical entries; throws INVALID_REQUEST that names each one that cannot be used. */
function checkedDomains(entries: readonly string[]): string[] {
  const parsed = parseAllowedSites(entries);
  if (parsed.ok) return [...parsed.sites];
  throw problem('INVALID_REQUEST', 'a domain cannot be used', {
    errors: parsed.errors.map(({ index, detail }) => ({ pointer: `/domains/${index}`, detail })),
  });
}

export async function changeDomains(tx: Tx, key: KeyRecord, domains: readonly string[], by: By): Promise<void> {
  const checked = domains.length === 0 ? null : checkedDomains(domains);
  await updateKey(tx, key.id, { domains: checked });
  await touched(tx, key, by, 'key.domains', { domains: { from: key.domains ?? [], to: checked ?? [] } });
}

/**
 * For ever. A master license never stays without a key: the next one is made in the same transaction and returned, unless the key
 * was replaced before.
 */
export async function revokeKey(
  tx: Tx,
  secrets: Secrets,
  key: KeyRecord,
  reason: string,
  prefix: string,
  by: By,
): Promise<KeyRecord | null> {
  if (key.revokedAt !== null) return null;
  const next = key.role === 'master' && key.replacedBy === null ? await successor(tx, secrets, key, prefix, by) : null;
  const replacedBy = next?.id ?? key.replacedBy;
  await updateKey(tx, key.id, { revokedAt: toIso(by.now), revokeReason: reason, replacedBy });
  await touched(tx, key, by, 'key.revoke', { hint: key.hint, reason });
  return next;
}

/**
 * A new key like this one, which goes on until `end` (ms UTC), but never longer than it did. Sites are the license's: they are
 * counted once, whichever of the two keys they come with. `isNew` false: it was replaced before, by the key that is returned.
 */
export async function replaceKey(
  tx: Tx,
  secrets: Secrets,
  key: KeyRecord,
  change: { end: number; reason: string; prefix: string },
  by: By,
): Promise<{ next: KeyRecord; isNew: boolean }> {
  const earlier = key.replacedBy === null ? null : await findKey(tx, key.replacedBy);
  if (earlier) return { next: earlier, isNew: false };
  if (key.revokedAt !== null) throw problem('KEY_ENDED', 'this key is revoked; give its license another one');
  const next = await successor(tx, secrets, key, change.prefix, by);
  const end = toIso(change.end);
  const endsAt = key.endsAt !== null && key.endsAt < end ? key.endsAt : end;
  await updateKey(tx, key.id, { replacedBy: next.id, endsAt });
  // Keys before it lead to the new one too, so that all of them share its limit.
  await redirectKeys(tx, key, next.id);
  await handOverSlots(tx, key.id, next.id);
  await touched(tx, key, by, 'key.replace', {
    ...{ hint: key.hint, replaced_by: next.id, reason: change.reason },
    ends_at: { from: key.endsAt, to: endsAt },
  });
  return { next, isNew: true };
}

function successor(tx: Tx, secrets: Secrets, key: KeyRecord, prefix: string, by: By): Promise<KeyRecord> {
  const { licenseId, role, label, domains, purpose, siteLimit } = key;
  return createKey(tx, secrets, { licenseId, role, prefix, label, domains: domains ?? [], purpose, siteLimit }, by);
}

/** Takes a key away as if it had never been, but for its usage and the audit. Throws MASTER_IS_FIXED. */
export async function removeKey(tx: Tx, key: KeyRecord, organizationId: string, by: By): Promise<void> {
  if (key.role === 'master') throw problem('MASTER_IS_FIXED', 'a master key is never deleted; revoke or replace it');
  await deleteKey(tx, key);
  await updateLicense(tx, key.licenseId, {});
  const changes = { license_id: key.licenseId, hint: key.hint, label: key.label };
  const event = { actor: by.actor, action: 'key.delete', entity: 'key', entityId: key.id, changes };
  await audit(tx, { ...event, requestId: by.requestId, organizationId }, by.now);
}

export interface KeyChange {
  label?: string | undefined;
  domains?: readonly string[] | undefined;
  purpose?: KeyPurpose | undefined;
  /** null: as many sites as the license has. */
  siteLimit?: number | null | undefined;
}

/** What is said of a key beside its text; what is not named stays. Whether the limit fits is the caller's to know. */
export async function describeKey(tx: Tx, key: KeyRecord, change: KeyChange, by: By): Promise<void> {
  if (change.domains !== undefined) await changeDomains(tx, key, change.domains, by);
  const fields = pickChanged(key, change);
  if (Object.keys(fields).length === 0) return;
  await updateKey(tx, key.id, fields);
  const named = { label: 'label', purpose: 'purpose', siteLimit: 'site_limit' } as const;
  const changes = Object.keys(fields).map((name) => {
    const field = name as keyof typeof named;
    return [named[field], { from: key[field], to: fields[field] ?? null }];
  });
  await touched(tx, key, by, 'key.change', Object.fromEntries(changes));
}

function pickChanged(key: KeyRecord, { label, purpose, siteLimit }: KeyChange) {
  return {
    ...(label !== undefined && label !== key.label ? { label } : {}),
    ...(purpose !== undefined && purpose !== key.purpose ? { purpose } : {}),
    ...(siteLimit !== undefined && siteLimit !== key.siteLimit ? { siteLimit } : {}),
  };
}

export async function suspendKey(tx: Tx, key: KeyRecord, suspended: boolean, reason: string, by: By): Promise<void> {
  await updateKey(tx, key.id, { suspendedAt: suspended ? (key.suspendedAt ?? toIso(by.now)) : null });
  await touched(tx, key, by, suspended ? 'key.suspend' : 'key.resume', reason === '' ? {} : { reason });
}

async function touched(tx: Tx, key: KeyRecord, by: By, action: string, changes: AuditChanges): Promise<void> {
  await updateLicense(tx, key.licenseId, {});
  await note(tx, by, action, key.id, changes);
}

function note(tx: Tx, by: By, action: string, keyId: string, changes: AuditChanges): Promise<void> {
  return audit(
    tx,
    { actor: by.actor, action, entity: 'key', entityId: keyId, changes, requestId: by.requestId },
    by.now,
  );
}
