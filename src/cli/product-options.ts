import type { z } from 'zod';
import { MODES } from '../licensing/verdict.ts';
import { type Product, ProductChange, ProductSettings } from '../releases/product.ts';
import type { ProductEdit, SettingsEdit } from '../releases/product-change.ts';
import { PLATFORMS, type Platform } from '../releases/release.ts';
import { parseTargetRange } from '../releases/target-range.ts';
import { choiceOf, listOf, textOf, UsageError, type Values } from './command.ts';

/** What `product add` and `product set` say of a product, in the same words. */
export const PRODUCT_OPTIONS = {
  name: { type: 'string' },
  description: { type: 'string' },
  platform: { type: 'string' },
  mode: { type: 'string' },
  'require-key': { type: 'string' },
  asset: { type: 'string', multiple: true },
  element: { type: 'string' },
  module: { type: 'string' },
  'target-joomla': { type: 'string' },
  'target-dolibarr': { type: 'string' },
  php: { type: 'string' },
  changelog: { type: 'string' },
  'release-from': { type: 'string' },
  'open-channels': { type: 'string' },
  'security-open': { type: 'string' },
  'claim-on': { type: 'string' },
  'missing-site': { type: 'string' },
  'info-url': { type: 'string' },
  website: { type: 'string' },
  'renew-url': { type: 'string' },
} as const;

export const PRODUCT_HELP: readonly string[] = [
  '--name, --description   as customers read them',
  `--platform              ${PLATFORMS.join(', ')}, both with a comma, or none: an app that asks for no feed`,
  '--mode                  open (no key), listed (key for the file), strict (key for everything; hides updates from stock Joomla)',
  '--require-key           yes: strict, unless a key is needed already; no: open. In place of --mode',
  "--asset                 which file of a release, such as '*-pro.zip'; for one platform 'joomla=pkg_*.zip'",
  "--element, --module     which extension, where a file holds several: Joomla element, Dolibarr module; '' takes it away",
  "--target-joomla         Joomla versions it runs on, where a release does not say: '4.4 - 6'",
  "--target-dolibarr       the same for Dolibarr: '>=18'",
  '--php                   lowest PHP version',
  '--changelog             path of the changelog in the repository',
  '--release-from          releases, or tags',
  '--open-channels         channels that need no key, such as stable,rc',
  '--security-open         yes: security releases are for everybody',
  '--claim-on              download (default) or feed: what takes a site of a license',
  '--missing-site          allow (default), or deny: shuts out every client that does not tell its site',
  "--info-url, --website, --renew-url   addresses; '' takes one away",
];

/** Only what was said, ready for the verbs. Throws UsageError for words that nobody understands. */
export function changeOf(values: Values, product: Pick<Product, 'platforms'>): ProductEdit {
  const platforms = platformsOf(values);
  const mode = choiceOf(values, 'mode', MODES);
  const requireKey = choiceOf(values, 'require-key', ['yes', 'no']);
  if (mode !== undefined && requireKey !== undefined) throw new UsageError('--mode and --require-key say the same');
  const openChannels = textOf(values, 'open-channels');
  const securityOpen = choiceOf(values, 'security-open', ['yes', 'no']);
  const said = defined({
    name: textOf(values, 'name'),
    description: textOf(values, 'description'),
    mode,
    open_channels: openChannels === undefined ? undefined : listOf(values, 'open-channels'),
    security_open: securityOpen === undefined ? undefined : securityOpen === 'yes',
    claim_on: choiceOf(values, 'claim-on', ['download', 'feed']),
    missing_site: choiceOf(values, 'missing-site', ['allow', 'deny']),
  });
  const settings = settingsOf(values, platforms ?? product.platforms);
  return {
    ...checked(ProductChange.partial(), said),
    ...(platforms === undefined ? {} : { platforms }),
    ...(requireKey === undefined ? {} : { require_key: requireKey === 'yes' }),
    ...(settings === null ? {} : { settings }),
  };
}

function checked<T extends z.ZodType>(schema: T, said: unknown): z.output<T> {
  const parsed = schema.safeParse(said);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${issue?.path.join('.')}: ${issue?.message}`);
}

export function platformsOf(values: Values): Platform[] | undefined {
  const text = textOf(values, 'platform');
  if (text === undefined) return undefined;
  if (text === 'none') return [];
  return listOf(values, 'platform').map((name) => {
    const platform = PLATFORMS.find((each) => each === name);
    if (platform === undefined) throw new UsageError(`--platform is one of ${PLATFORMS.join(', ')}`);
    return platform;
  });
}

/** null: nothing was said of them. */
function settingsOf(values: Values, platforms: readonly Platform[]): SettingsEdit | null {
  const plain: Partial<ProductSettings> = {
    ...textSetting(values, 'php', 'phpMinimum'),
    ...textSetting(values, 'changelog', 'changelogFile'),
    ...textSetting(values, 'info-url', 'infoUrl'),
    ...textSetting(values, 'website', 'websiteUrl'),
    ...textSetting(values, 'renew-url', 'renewUrl'),
  };
  const releaseFrom = choiceOf(values, 'release-from', ['releases', 'tags']);
  if (releaseFrom !== undefined) plain.releaseFrom = releaseFrom;
  const hints = defined({ joomla: textOf(values, 'element'), dolibarr: textOf(values, 'module') });
  const maps = {
    assets: assetsOf(values, platforms),
    hints,
    targets: defined({ joomla: targetOf(values, 'joomla'), dolibarr: targetOf(values, 'dolibarr') }),
  };
  const said = Object.fromEntries(Object.entries(maps).filter(([, map]) => Object.keys(map).length > 0));
  // What was not said has a default in there, which must not be set by it.
  checked(ProductSettings, plain);
  const settings: SettingsEdit = { ...plain, ...withoutEmpty(said) };
  return Object.keys(settings).length === 0 ? null : settings;
}

/** An empty text takes a setting away. */
function withoutEmpty(maps: object): SettingsEdit {
  const entries = Object.entries(maps).map(([name, map]) => [
    name,
    Object.fromEntries(
      Object.entries(map as object).map(([platform, value]) => [platform, value === '' ? null : value]),
    ),
  ]);
  return Object.fromEntries(entries);
}

function textSetting<K extends keyof ProductSettings>(values: Values, option: string, name: K) {
  const text = textOf(values, option);
  return text === undefined ? {} : ({ [name]: text === '' ? null : text } as Pick<ProductSettings, K>);
}

function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** `PATTERN` for every platform of the product, or `PLATFORM=PATTERN`. */
function assetsOf(values: Values, platforms: readonly Platform[]): Partial<Record<Platform, string>> {
  const patterns = values['asset'];
  if (!Array.isArray(patterns)) return {};
  const assets: Partial<Record<Platform, string>> = {};
  for (const text of patterns.map(String)) {
    const named = PLATFORMS.find((platform) => text.startsWith(`${platform}=`));
    for (const platform of named ? [named] : platforms) assets[platform] = named ? text.slice(named.length + 1) : text;
  }
  return assets;
}

export function targetOf(values: Values, platform: Platform, prefix = '') {
  const text = textOf(values, `${prefix}target-${platform}`);
  if (text === undefined || text === '') return text;
  const read = parseTargetRange(text);
  if (!read.ok) throw new UsageError(`--${prefix}target-${platform}: ${read.detail}`);
  return read.range;
}
