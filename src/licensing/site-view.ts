import { z } from 'zod';
import { instant } from './fields.ts';
import type { RunningSite, SiteProduct } from './site-products.ts';

const SiteProductView = z.object({
  product_id: z.string(),
  version: z.string().nullable().meta({ description: 'The installed version; null: it is not known' }),
  version_from: z
    .enum(['reported', 'downloaded'])
    .nullable()
    .meta({ description: 'What its client says, or, where it never said, what was fetched last' }),
  platform: z.string().nullable().meta({ description: 'E.g. `joomla`' }),
  platform_version: z.string().nullable(),
  first_seen_at: instant,
  since: instant.meta({ description: 'Since when it has been this version on this platform' }),
});

export const SiteView = z
  .object({
    id: z.string(),
    license_id: z.string(),
    key_id: z.string().nullable().meta({ description: 'The key that claimed the slot; null: it was added by hand' }),
    key_hint: z.string().nullable(),
    identity: z
      .string()
      .meta({ description: 'What holds the slot: a host, a domain, `*.` and a domain, or `instance:` and a hash' }),
    covers: z.enum(['host', 'domain', 'wildcard']),
    host: z.string(),
    instance: z.string().nullable(),
    label: z.string().nullable(),
    counted: z.boolean(),
    exempt_reason: z
      .string()
      .nullable()
      .meta({ description: 'Why it does not count: loopback, private, reserved, staging, hoster, copy or declared' }),
    beside: z
      .object({ id: z.string(), site: z.string().nullable() })
      .nullable()
      .meta({ description: 'The site that it is a copy or a staging host of' }),
    over_limit: z.boolean().meta({ description: 'It was claimed beyond the limit, which the license still exceeds' }),
    first_seen_at: instant,
    last_seen_at: instant,
    products: z.array(SiteProductView),
    released: z
      .object({ at: instant, by: z.string().nullable(), reason: z.string().nullable() })
      .nullable()
      .meta({ description: 'By whom and why: self (with the key), manager, moved, takeover, wildcard or beside' }),
  })
  .meta({ id: 'Site' });

export function siteView(site: RunningSite): z.input<typeof SiteView> {
  const { besideId, releasedAt } = site;
  return {
    id: site.id,
    license_id: site.licenseId,
    key_id: site.keyId,
    key_hint: site.keyHint,
    identity: site.identity,
    covers: site.covers,
    host: site.host,
    instance: site.instance,
    label: site.label,
    counted: site.counted,
    exempt_reason: site.exemptReason,
    beside: besideId === null ? null : { id: besideId, site: site.besideSite },
    over_limit: site.overLimit,
    first_seen_at: site.firstSeenAt,
    last_seen_at: site.lastSeenAt,
    products: site.products.map(productView),
    released: releasedAt === null ? null : { at: releasedAt, by: site.releasedBy, reason: site.releaseReason },
  };
}

function productView({
  productId,
  version,
  versionFrom,
  platformVersion,
  firstSeenAt,
  changedAt,
}: SiteProduct): z.input<typeof SiteProductView> {
  const [platform = '', number = ''] = platformVersion.split('/', 2);
  return {
    product_id: productId,
    version: version || null,
    version_from: versionFrom || null,
    platform: platform || null,
    platform_version: number || null,
    first_seen_at: firstSeenAt,
    since: changedAt,
  };
}
