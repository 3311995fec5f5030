import { z } from 'zod';
import { instant } from './fields.ts';
import type { ActivationRecord } from './store-activations.ts';

export const SiteView = z
  .object({
    id: z.string(),
    license_id: z.string(),
    key_id: z.string().nullable().meta({ description: 'The key that claimed the slot' }),
    identity: z.string().meta({ description: 'What holds the slot: a host, a domain, or `instance:` and a hash' }),
    host: z.string(),
    instance: z.string().nullable(),
    counted: z.boolean(),
    exempt_reason: z.string().nullable().meta({ description: 'Why it does not count' }),
    first_seen_at: instant,
    last_seen_at: instant,
  })
  .meta({ id: 'Site' });

export function siteView(site: ActivationRecord): z.input<typeof SiteView> {
  return {
    id: site.id,
    license_id: site.licenseId,
    key_id: site.keyId,
    identity: site.identity,
    host: site.host,
    instance: site.instance,
    counted: site.counted,
    exempt_reason: site.exemptReason,
    first_seen_at: site.firstSeenAt,
    last_seen_at: site.lastSeenAt,
  };
}
