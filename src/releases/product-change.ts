import { z } from 'zod';
import { type Product, ProductChange, type ProductSettings } from './product.ts';
import { SettingsBody } from './product-view.ts';
import { PLATFORMS, type Platform } from './release.ts';

type ByPlatform<T> = Partial<Record<Platform, T>>;
type Maps = Pick<ProductSettings, 'assets' | 'hints' | 'targets'>;

/** A change of settings: what is left out stays, and in a map each platform is a field of its own; null takes it away. */
export type SettingsEdit = Partial<Omit<ProductSettings, keyof Maps>> & {
  [K in keyof Maps]?: { [P in Platform]?: Maps[K][P] | null | undefined } | undefined;
};

/** What is asked of a product. Field by field, so that of two changes at once neither is lost unless both name the same field. */
export type ProductEdit = {
  [K in keyof Omit<ProductChange, 'settings'>]?: ProductChange[K] | undefined;
} & { require_key?: boolean | undefined; settings?: SettingsEdit | undefined };

const requireKey = z
  .boolean()
  .optional()
  .meta({ description: 'true is the mode `strict` (`listed` stays), false is `open`; not beside `mode`' });

type ModeBody = { mode?: Product['mode'] | undefined; require_key?: boolean | undefined };
const hasOneMode = ({ mode, require_key: required }: ModeBody) => mode === undefined || required === undefined;
const oneModeOnly = { path: ['require_key'], message: 'says the same as mode; send one of them' };

const own = ProductChange.shape;
const path = z.string().trim().min(1).max(100);

export const ProductChangeBody = z
  .strictObject({
    name: own.name,
    description: own.description,
    platforms: own.platforms,
    mode: own.mode,
    require_key: requireKey,
    open_channels: own.open_channels,
    security_open: own.security_open,
    claim_on: own.claim_on,
    missing_site: own.missing_site,
    settings: SettingsBody,
  })
  .partial()
  .refine(hasOneMode, oneModeOnly);

const DEFAULT = 'as the organization says of new products';

export const NewProductBody = z
  .strictObject({
    repository: path.nullable().default(null).meta({
      description: "Name of a repository of the organization's owner on its forge; null: an app without one",
    }),
    slug: path.optional().meta({ description: "Path below the organization; the repository's name by default" }),
    edition: path.optional(),
    name: own.name.optional(),
    description: own.description.optional(),
    platforms: own.platforms.optional().meta({
      description: `Empty: an app that asks for no feed, and is licensed all the same. By default ${DEFAULT}`,
    }),
    mode: own.mode.optional().meta({ description: `By default ${DEFAULT}: \`listed\` unless that was changed` }),
    require_key: requireKey,
    open_channels: own.open_channels.optional().meta({ description: `By default ${DEFAULT}` }),
    security_open: own.security_open.optional(),
    claim_on: own.claim_on.optional().meta({ description: `By default ${DEFAULT}` }),
    missing_site: own.missing_site.optional().meta({ description: `By default ${DEFAULT}` }),
    settings: SettingsBody.default({}),
  })
  .refine(hasOneMode, oneModeOnly)
  .refine((body) => body.repository !== null || body.slug !== undefined, {
    path: ['slug'],
    message: 'is required without a repository',
  });

/** Settings as they are sent, as an edit. */
export function settingsEdit(body: z.output<typeof SettingsBody>): SettingsEdit {
  const { php_minimum, changelog_file, release_from, info_url, website_url, renew_url, ...maps } = body;
  const said = {
    ...maps,
    phpMinimum: php_minimum,
    changelogFile: changelog_file,
    releaseFrom: release_from,
    infoUrl: info_url,
    websiteUrl: website_url,
    renewUrl: renew_url,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

/** The settings with a change on top. */
export function changedSettings(before: ProductSettings, edit: SettingsEdit): ProductSettings {
  const { assets, hints, targets, ...rest } = edit;
  return {
    ...before,
    ...rest,
    assets: mergedMap(before.assets, assets),
    hints: mergedMap(before.hints, hints),
    targets: mergedMap(before.targets, targets),
  };
}

function mergedMap<T>(before: ByPlatform<T>, edit: { [P in Platform]?: T | null | undefined } = {}): ByPlatform<T> {
  const merged: ByPlatform<T> = {};
  for (const platform of PLATFORMS) {
    const value = edit[platform] === undefined ? before[platform] : edit[platform];
    if (value !== undefined && value !== null) merged[platform] = value;
  }
  return merged;
}

/** A product with a change on top. */
export function changedProduct(before: Product, edit: ProductEdit): Product {
  const { require_key: required } = edit;
  return {
    ...before,
    name: edit.name ?? before.name,
    description: edit.description ?? before.description,
    platforms: edit.platforms ?? before.platforms,
    mode: edit.mode ?? (required === undefined ? before.mode : modeFor(before.mode, required)),
    openChannels: edit.open_channels ?? before.openChannels,
    securityOpen: edit.security_open ?? before.securityOpen,
    claimOn: edit.claim_on ?? before.claimOn,
    missingSite: edit.missing_site ?? before.missingSite,
    settings: edit.settings === undefined ? before.settings : changedSettings(before.settings, edit.settings),
  };
}

/** `require_key` as a mode: the toggle turns on `strict`, and leaves a mode that needs a key as it is. */
function modeFor(current: Product['mode'], requireKey: boolean): Product['mode'] {
  if (!requireKey) return 'open';
  return current === 'open' ? 'strict' : current;
}
