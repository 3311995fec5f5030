import { z } from 'zod';
import { fromIso } from '../clock.ts';
import { instant } from './fields.ts';
import { KEY_PURPOSES } from './license-key.ts';
import type { KeyRecord } from './store-keys.ts';

export const KEY_STATUSES = ['active', 'suspended', 'ended', 'revoked'] as const;

/** A license key as it may be shown to whoever may see keys: never its text. */
export const KeyView = z
  .object({
    id: z.string(),
    license_id: z.string(),
    role: z.enum(['normal', 'master']),
    label: z.string(),
    purpose: z.enum(KEY_PURPOSES),
    site_limit: z.number().int().nullable().meta({
      description: "How many of its license's sites it may use; null: as many as the license has",
    }),
    hint: z.string().meta({ description: 'Prefix and last characters', examples: ['FG1…7K2M'] }),
    key_status: z.enum(KEY_STATUSES),
    domains: z.array(z.string()).meta({ description: 'Sites that it works on; empty: any' }),
    text_known: z.boolean().meta({ description: 'False: only its hash was imported, so it cannot be shown' }),
    suspended_at: instant.nullable(),
    revoked_at: instant.nullable(),
    revoke_reason: z.string().nullable(),
    last_used_at: instant.nullable().meta({ description: 'As far as usage is counted; null: never' }),
    ends_at: instant.nullable().meta({ description: 'When a replaced key stops; null: it lasts as its license does' }),
    replaced_by: z.string().nullable().meta({ description: 'The key that was made in its place' }),
    batch_id: z.string().nullable(),
    created_at: instant,
  })
  .meta({ id: 'Key' });

/** Stops in the order of what is told first: revoked for ever, over, suspended for a while. */
export function keyStatus(
  { revokedAt, endsAt, suspendedAt }: Pick<KeyRecord, 'revokedAt' | 'endsAt' | 'suspendedAt'>,
  now: number,
): z.input<typeof KeyView>['key_status'] {
  if (revokedAt !== null) return 'revoked';
  if (endsAt !== null && fromIso(endsAt) <= now) return 'ended';
  return suspendedAt === null ? 'active' : 'suspended';
}

export function keyView(key: KeyRecord, now: number): z.input<typeof KeyView> {
  return {
    id: key.id,
    license_id: key.licenseId,
    role: key.role,
    label: key.label,
    purpose: key.purpose,
    site_limit: key.siteLimit,
    hint: key.hint,
    key_status: keyStatus(key, now),
    domains: key.domains ?? [],
    text_known: key.sealed !== null,
    suspended_at: key.suspendedAt,
    revoked_at: key.revokedAt,
    revoke_reason: key.revokeReason,
    last_used_at: key.lastUsedAt,
    ends_at: key.endsAt,
    replaced_by: key.replacedBy,
    batch_id: key.batchId,
    created_at: key.createdAt,
  };
}

/** A hint as somebody types it: three dots stand for the one sign. */
export function typedHint(text: string): string {
  return text.trim().replace('...', '…');
}
