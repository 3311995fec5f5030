import { toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { parseAllowedSites } from '../licensing/allowed-sites.ts';
import { sealedDigest, sealedText } from '../licensing/keys.ts';
import { parseKeyText } from '../licensing/license-key.ts';
import { insertKey, type KeyRecord, keepDigest } from '../licensing/store-keys.ts';
import { type ImportBatch, noteMade, WOULD_BE } from './import-batch.ts';
import { keyRef } from './import-csv.ts';
import type { KeyItem } from './import-format.ts';

export interface PlannedKey {
  item: KeyItem;
  ref: string;
  hash: string;
  /** As it is kept; null: only its hash is known. */
  text: string | null;
  domains: readonly string[];
}

/** A key as it is found here; what is wrong with it in words. */
export function plannedKey(
  { secrets, keyPrefixes }: Pick<ImportBatch, 'secrets' | 'keyPrefixes'>,
  item: KeyItem,
): PlannedKey | string {
  const domains = parseAllowedSites(item.domains);
  if (!domains.ok) return `domains: "${domains.errors[0]?.entry ?? ''}": ${domains.errors[0]?.detail}`;
  const shared = { item, domains: domains.sites };
  if (item.key_sha256 !== undefined) {
    const ref = item.ref ?? (keyRef(undefined, item.key_sha256) as string);
    return { ...shared, ref, hash: secrets.lookupHashOfSha256(item.key_sha256), text: null };
  }
  const parsed = parseKeyText(item.key ?? '', keyPrefixes);
  if (parsed.kind === 'malformed')
    return 'key: its check characters are wrong; it wears a prefix of ours and has a typing error';
  if (parsed.kind === 'none' || parsed.kind === 'unusable') return 'key: this text cannot be a key';
  const ref = item.ref ?? (keyRef(parsed.text, undefined) as string);
  return { ...shared, ref, hash: secrets.lookupHash(parsed.text), text: parsed.text };
}

/** Returns their ids by what they were called. */
export async function writeKeys(
  batch: ImportBatch,
  licenseId: string,
  role: KeyRecord['role'],
  keys: readonly PlannedKey[],
): Promise<Map<string, string>> {
  const { tx, secrets, by } = batch;
  const ids = new Map(keys.map(({ ref }) => [ref, batch.isDry ? WOULD_BE : newId('key', by.now)]));
  for (const { item, ref, hash, text, domains } of keys) {
    const id = ids.get(ref) as string;
    noteMade(batch, 'key', ref, id);
    if (batch.isDry) continue;
    const proof =
      text === null ? { sealed: null, hint: `#…${(item.key_sha256 ?? '').slice(-4)}` } : sealedText(secrets, id, text);
    await insertKey(
      tx,
      {
        ...{ id, licenseId, role, hash, hint: proof.hint, sealed: proof.sealed, label: item.label },
        ...{ purpose: item.purpose, siteLimit: item.site_limit, domains: domains.length > 0 ? [...domains] : null },
        ...{ suspendedAt: item.suspended_at, revokedAt: item.revoked_at, revokeReason: item.revoke_reason },
        ...{ lastUsedAt: null, endsAt: item.ends_at, batchId: null, createdAt: item.created_at ?? toIso(by.now) },
        replacedBy: item.replaced_by === null ? null : (ids.get(item.replaced_by) ?? null),
      },
      by.actor.id,
    );
    if (text === null) await keepDigest(tx, id, sealedDigest(secrets, id, item.key_sha256 ?? ''));
  }
  return ids;
}
