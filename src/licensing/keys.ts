import type { Actor } from '../accounts/actor.ts';
import { type AuditChanges, audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { parseAllowedSites } from './allowed-sites.ts';
import { keyHint, newKeyText, parseKeyText } from './license-key.ts';
import { insertKey, type KeyRecord, updateKey } from './store-keys.ts';
import { lockLicense, updateLicense } from './store-licenses.ts';

/** Who does it, for the audit and the `created_by` of rows. */
export interface By {
  actor: Actor;
  requestId: string | null;
  now: number;
}

const SEAL = 'license-key';

export interface NewKey {
  licenseId: string;
  role: KeyRecord['role'];
  label?: string;
  prefix: string;
  /** An own text (imported); else one is made. */
  text?: string | undefined;
  /** Of an imported key of which only the SHA-256 is known (64 hex digits, of the text as it is typed); goes before `text`. */
  sha256?: string | undefined;
  domains?: readonly string[] | undefined;
}

/** Makes a key of a license; the text is sealed at once and returned this one time. */
export async function createKey(tx: Tx, secrets: Secrets, wish: NewKey, by: By): Promise<KeyRecord> {
  const id = newId('key', by.now);
  const key: KeyRecord = {
    id,
    licenseId: wish.licenseId,
    role: wish.role,
    label: wish.label ?? '',
    ...proofOf(secrets, id, wish),
    domains: wish.domains && wish.domains.length > 0 ? checkedDomains(wish.domains) : null,
    suspendedAt: null,
    revokedAt: null,
    revokeReason: null,
    lastUsedAt: null,
    createdAt: toIso(by.now),
  };
  await insertKey(tx, key, by.actor.id);
  await note(tx, by, 'key.create', id, { license_id: key.licenseId, role: key.role, hint: key.hint });
  return key;
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

/** The full text, to be shown again. Throws NOT_FOUND where only its hash was imported. */
export function keyText(secrets: Pick<Secrets, 'open'>, key: KeyRecord): string {
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
  await touched(tx, key, by, 'key.domains', { domains: checked ?? [] });
}

/** For ever. A master license never stays without a key: the next one is made in the same transaction and returned. */
export async function revokeKey(
  tx: Tx,
  secrets: Secrets,
  key: KeyRecord,
  reason: string,
  prefix: string,
  by: By,
): Promise<KeyRecord | null> {
  if (key.revokedAt !== null) return null;
  await updateKey(tx, key.id, { revokedAt: toIso(by.now), revokeReason: reason });
  await touched(tx, key, by, 'key.revoke', { reason });
  if (key.role !== 'master') return null;
  return createKey(tx, secrets, { licenseId: key.licenseId, role: 'master', prefix }, by);
}

export async function suspendKey(tx: Tx, key: KeyRecord, suspended: boolean, by: By): Promise<void> {
  await updateKey(tx, key.id, { suspendedAt: suspended ? toIso(by.now) : null });
  await touched(tx, key, by, suspended ? 'key.suspend' : 'key.resume', {});
}

/** Suspends, resumes or revokes a whole license; a master license takes none of it. */
export async function changeLicenseState(
  tx: Tx,
  licenseId: string,
  change: 'suspend' | 'resume' | 'revoke',
  by: By,
): Promise<void> {
  const license = await lockLicense(tx, licenseId);
  if (!license) throw problem('NOT_FOUND', 'there is no such license');
  if (license.master)
    throw problem('MASTER_IS_FIXED', 'a master license can be neither suspended nor revoked; revoke its key');
  const at = toIso(by.now);
  if (change === 'revoke') await updateLicense(tx, licenseId, { revokedAt: license.revokedAt ?? at });
  else await updateLicense(tx, licenseId, { suspendedAt: change === 'suspend' ? (license.suspendedAt ?? at) : null });
  await audit(
    tx,
    {
      actor: by.actor,
      action: `license.${change}`,
      entity: 'license',
      entityId: licenseId,
      changes: {},
      requestId: by.requestId,
    },
    by.now,
  );
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
