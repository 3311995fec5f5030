import { z } from 'zod';
import { MODES } from '../licensing/verdict.ts';
import { type Product, ProductSettings, productPath } from './product.ts';
import { productWarnings } from './product-warnings.ts';
import { PLATFORMS } from './release.ts';

const own = ProductSettings.shape;
const versionNumber = z.string().max(20).nullable();

/** Versions of the platforms that releases are meant for. */
const TargetBody = z.strictObject({ min: versionNumber, max: versionNumber });
export const TargetsBody = z.partialRecord(z.enum(PLATFORMS), TargetBody);
export const TargetsView = z.partialRecord(
  z.enum(PLATFORMS),
  z.object({ min: z.string().nullable(), max: z.string().nullable() }),
);

/** What releases do not say themselves, as it is sent; a part that is left out stays. */
export const SettingsBody = z
  .strictObject({
    assets: z
      .partialRecord(z.enum(PLATFORMS), own.assets.unwrap().valueType.nullable())
      .meta({ description: 'Patterns of file names by platform; null takes one away' }),
    hints: z
      .partialRecord(z.enum(PLATFORMS), own.hints.unwrap().valueType.nullable())
      .meta({ description: 'Joomla element or Dolibarr module, where a file holds several; null takes one away' }),
    targets: z.partialRecord(z.enum(PLATFORMS), TargetBody.nullable()),
    php_minimum: own.phpMinimum.unwrap(),
    changelog_file: own.changelogFile.unwrap(),
    release_from: own.releaseFrom.unwrap(),
    info_url: own.infoUrl.unwrap(),
    website_url: own.websiteUrl.unwrap(),
    renew_url: own.renewUrl.unwrap(),
  })
  .partial();
const byPlatform = z.partialRecord(z.enum(PLATFORMS), z.string());
const SettingsView = z
  .object({
    assets: byPlatform,
    hints: byPlatform,
    targets: TargetsView,
    php_minimum: z.string().nullable(),
    changelog_file: z.string().nullable(),
    release_from: z.enum(['releases', 'tags']),
    info_url: z.string().nullable(),
    website_url: z.string().nullable(),
    renew_url: z.string().nullable(),
  })
  .meta({ id: 'ProductSettings' });

const WarningView = z.object({ code: z.string(), detail: z.string(), fix: z.string() }).meta({ id: 'ProductWarning' });

export const ProductView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    repository_id: z.string().nullable(),
    path: z.string().meta({ description: '`org/repo` or `org/repo/edition`' }),
    slug: z.string(),
    edition: z.string(),
    name: z.string(),
    description: z.string(),
    platforms: z.array(z.enum(PLATFORMS)),
    mode: z.enum(MODES),
    require_key: z.boolean().meta({ description: 'Whether files need a key: every mode but `open`' }),
    open_channels: z.array(z.string()),
    security_open: z.boolean(),
    claim_on: z.enum(['download', 'feed']),
    missing_site: z.enum(['allow', 'deny']),
    settings: SettingsView,
    revision: z.number().int(),
    retired_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
    warnings: z
      .array(WarningView)
      .meta({ description: 'What these settings mean for clients, and what would be better' }),
  })
  .meta({ id: 'Product' });

export function productView(product: Product): z.input<typeof ProductView> {
  const { settings } = product;
  return {
    id: product.id,
    organization_id: product.organizationId,
    repository_id: product.repositoryId,
    path: productPath(product),
    slug: product.slug,
    edition: product.edition,
    name: product.name,
    description: product.description,
    platforms: [...product.platforms],
    mode: product.mode,
    require_key: product.mode !== 'open',
    open_channels: [...product.openChannels],
    security_open: product.securityOpen,
    claim_on: product.claimOn,
    missing_site: product.missingSite,
    settings: {
      assets: settings.assets,
      hints: settings.hints,
      targets: settings.targets,
      php_minimum: settings.phpMinimum,
      changelog_file: settings.changelogFile,
      release_from: settings.releaseFrom,
      info_url: settings.infoUrl,
      website_url: settings.websiteUrl,
      renew_url: settings.renewUrl,
    },
    revision: product.revision,
    retired_at: product.retiredAt,
    created_at: product.createdAt,
    warnings: productWarnings(product),
  };
}

/** As it is stored. */
export const AliasView = z
  .object({
    path: z.string(),
    kind: z.enum(['current', 'renamed', 'manual']),
    document: z.string().nullable().meta({ description: 'The feed that is served where the path is a whole file' }),
  })
  .meta({ id: 'Alias' });
