import { z } from 'zod';
import { instant } from './fields.ts';
import type { OwnedInstallation } from './installed.ts';
import type { Refusal } from './refusal.ts';
import type { SeriesRow, UsageSums } from './usage-series.ts';
import type { VerdictCode } from './verdict.ts';
import { reasonOf } from './verdict-reasons.ts';

const sums = {
  polls: z.number().int().meta({ description: 'Questions for a feed, refused ones too' }),
  downloads: z.number().int().meta({ description: 'Files that were given' }),
  validations: z.number().int(),
  refusals: z.number().int().meta({ description: 'Polls, downloads and validations that opened nothing' }),
  installations: z.number().int().nullable().meta({
    description:
      'How many sites or keys were seen on the day on which most were, as of the last minute; null where that is not counted',
  }),
  last_at: instant.nullable(),
};

export const UsageSumsView = z.object(sums).meta({ id: 'UsageSums' });
export const UsageRowView = z
  .object({ value: z.string().meta({ description: 'Of what it is grouped by; empty: not known' }), ...sums })
  .meta({ id: 'UsageRow' });

type Counted<T> = T & { installations: number | null };

export function usageSumsView(row: Counted<UsageSums>): z.input<typeof UsageSumsView> {
  const { polls, downloads, validations, refusals, installations, lastAt } = row;
  return { polls, downloads, validations, refusals, installations, last_at: lastAt };
}

export function usageRowView(row: Counted<SeriesRow>): z.input<typeof UsageRowView> {
  return { value: row.value, ...usageSumsView(row) };
}

export const USAGE_COLUMNS = Object.keys(UsageRowView.shape);

export const InstallationView = z
  .object({
    version: z.string().meta({ description: 'Empty: not known' }),
    version_from: z.enum(['', 'reported', 'downloaded']).meta({
      description: '`reported` by the client; `downloaded`: what was fetched last, where the client never says',
    }),
    site: z.string().meta({ description: 'Empty where none was named, as by stock Joomla' }),
    platform_version: z.string(),
    key_id: z.string().nullable().meta({ description: 'null: it asks without a key' }),
    key_hint: z.string().nullable(),
    key_label: z.string().nullable(),
    license_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    customer_name: z.string().nullable(),
    customer_email: z.string().nullable(),
    first_seen_at: instant,
    last_seen_at: instant,
  })
  .meta({ id: 'Installation' });

export function installationView(row: OwnedInstallation): z.input<typeof InstallationView> {
  return {
    version: row.version,
    version_from: row.versionFrom,
    site: row.site,
    platform_version: row.platformVersion,
    key_id: row.keyId || null,
    key_hint: row.keyHint,
    key_label: row.keyLabel,
    license_id: row.licenseId || null,
    customer_id: row.customerId,
    customer_name: row.customerName,
    customer_email: row.customerEmail,
    first_seen_at: row.firstSeenAt,
    last_seen_at: row.lastSeenAt,
  };
}

export const INSTALLATION_COLUMNS = Object.keys(InstallationView.shape);

export const RefusalView = z
  .object({
    day: z.string().meta({ description: 'In UTC' }),
    product_id: z.string(),
    key_id: z.string().nullable().meta({ description: 'null: no key came, or none that is of this product' }),
    site: z.string(),
    kind: z.string().meta({ description: 'The document that was polled, or `download`, `missing`, `validate`' }),
    version: z
      .string()
      .meta({ description: 'Of a download what was wanted, else what is installed; empty: not known' }),
    platform_version: z.string(),
    code: z.string(),
    reason: z.string(),
    count: z.number().int().meta({ description: 'How often on that day' }),
    last_at: instant,
  })
  .meta({ id: 'Refusal' });

export function refusalView(row: Refusal): z.input<typeof RefusalView> {
  return {
    day: row.day,
    product_id: row.productId,
    key_id: row.keyId || null,
    site: row.site,
    kind: row.kind,
    version: row.version,
    platform_version: row.platformVersion,
    code: row.code,
    reason: reasonInWords(row),
    count: row.count,
    last_at: row.lastAt,
  };
}

/** For whoever helps the customer: the client was told less. */
function reasonInWords({ code, keyId }: Refusal): string {
  if (keyId === '' && code === 'NOT_FOUND')
    return 'No license key came with it, or one that is not known for this product.';
  return reasonOf(code as VerdictCode);
}
