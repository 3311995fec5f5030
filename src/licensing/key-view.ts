import { z } from 'zod';
import { instant } from './fields.ts';
import type { KeyRecord } from './store-keys.ts';

/** A license key as it may be shown to whoever may see keys: never its text. */
export const KeyView = z
  .object({
    id: z.string(),
    license_id: z.string(),
    role: z.enum(['normal', 'master']),
    label: z.string(),
    hint: z.string().meta({ description: 'Prefix and last characters', examples: ['FG1…7K2M'] }),
    key_status: z.enum(['active', 'suspended', 'revoked']),
    domains: z.array(z.string()).meta({ description: 'Sites that it works on; empty: any' }),
    text_known: z.boolean().meta({ description: 'False: only its hash was imported, so it cannot be shown' }),
    suspended_at: instant.nullable(),
    revoked_at: instant.nullable(),
    revoke_reason: z.string().nullable(),
    last_used_at: instant.nullable().meta({ description: 'As far as usage is counted; null: never' }),
    created_at: instant,
  })
  .meta({ id: 'Key' });

export function keyView(key: KeyRecord): z.input<typeof KeyView> {
  return {
    id: key.id,
    license_id: key.licenseId,
    role: key.role,
    label: key.label,
    hint: key.hint,
    key_status: key.revokedAt !== null ? 'revoked' : key.suspendedAt !== null ? 'suspended' : 'active',
    domains: key.domains ?? [],
    text_known: key.sealed !== null,
    suspended_at: key.suspendedAt,
    revoked_at: key.revokedAt,
    revoke_reason: key.revokeReason,
    last_used_at: key.lastUsedAt,
    created_at: key.createdAt,
  };
}

/** A hint as somebody types it: three dots stand for the one sign. */
export function typedHint(text: string): string {
  return text.trim().replace('...', '…');
}
