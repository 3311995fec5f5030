import { z } from 'zod';
import type { RemoteAsset } from '../forge/forge.ts';
import type { Platform, ReleaseProblem, ReleaseProblemCode } from './release.ts';

export interface AssetRequest {
  platform: Platform;
  /** Globs of file names, tried in order; `{version}` stands for the version. Empty: the habits of the platform decide. */
  patterns: readonly string[];
  /** Element or module of the product where it is known, e.g. `com_example`; prefers files that begin with it. */
  hint: string | null;
  /** null: the tag does not name it. `{version}` then stands for anything. */
  version: string | null;
}

export type AssetChoice =
  | { kind: 'asset'; asset: RemoteAsset }
  /** The release has no file that could be meant: the archive of its tag is what there is. */
  | { kind: 'archive' }
  | { kind: 'problem'; problem: ReleaseProblem };

/** A package holds the other extensions of its release, so it comes first; the rest as Joomla's own prefixes go. */
const JOOMLA_PREFIXES = ['pkg_', 'com_', 'mod_', 'plg_', 'tpl_', 'lib_', 'file_', 'files_'];
const SOURCE_ARCHIVE = /(?:^|[-_. ])(?:source|sources|src|source[ -]code)(?:[-_. (]|$)/i;
const VERSION_IN_NAME =
  /(?<![a-z0-9.])(?<!(?:joomla|dolibarr|php|j)[-_ .])v?(?<version>\d+(?:\.\d+)*(?:[-_.]?(?:dev|alpha|beta|rc|pl|nightly|a|b|p)(?:[-.]?\d+)*(?:-rev[0-9a-f]+)?)?)(?![a-z0-9])/gi;
const OTHER_ARCHIVE = /\.(?:tar|tgz|tar\.(?:gz|bz2|xz|zst)|tbz2|txz|7z|rar|phar)$/i;

/**
 * Chooses the file of a release that a product ships on a platform. Only zip files count, so checksums, signatures and notes never
 * do, and neither do source archives. A pattern that finds nothing is a problem and never falls back to another file: with `-core`
 * and `-pro` in one release that would hand out the wrong edition.
 */
export function chooseAsset(assets: readonly RemoteAsset[], request: AssetRequest): AssetChoice {
  const zips = assets.filter((asset) => /\.zip$/i.test(asset.name));
  if (request.patterns.length > 0) return fromPatterns(assets, zips, request);
  const candidates = zips.filter((asset) => !SOURCE_ARCHIVE.test(asset.name));
  const own = candidates.filter((asset) => !asset.external);
  if (own.length > 0) return oneOf(byHabit(own, request), request);
  const [external] = candidates;
  if (external) return oneOf([external], request);
  const other = assets.find((asset) => OTHER_ARCHIVE.test(asset.name) && !SOURCE_ARCHIVE.test(asset.name));
  if (!other) return { kind: 'archive' };
  return trouble(
    'ASSET_MISSING',
    request,
    `The release has ${quoted(other.name)}, but no zip file.`,
    'Attach the installable file as a zip.',
  );
}

/** Short, so that matching stays cheap whatever it holds. */
export const globSchema = z.string().regex(/^[^\s\p{Cc}]{1,100}$/u, 'a pattern has 1 to 100 characters and no blanks');

/**
 * `*` is any run of characters, `?` is one; everything else stands for itself, upper and lower case apart. Only the last star is
 * ever tried again, so a match takes at most length of pattern times length of text steps.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length; ) {
    const wanted = pattern.charAt(at);
    if (wanted === '*') {
      star = at++;
      resume = i;
    } else if (wanted !== '' && (wanted === '?' || wanted === text.charAt(i))) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (pattern.charAt(at) === '*') at++;
  return at === pattern.length;
}

/**
 * The version in a file name, as written: `pkg_x-02.19.00.zip` has 02.19.00, `plg_x_v5.0.0.Joomla4.zip` has 5.0.0. A dotted number
 * goes before a bare one; the number after `joomla`, `dolibarr` or `php` is the platform's, and digits inside a word (`k2`) are none.
 */
export function versionFromFileName(name: string): string | null {
  const stem = name.slice(0, 255).replace(/(?: ?\(\d+\))?\.zip$/i, '');
  const found = [...stem.matchAll(VERSION_IN_NAME)].flatMap(({ groups }) => groups?.['version'] ?? []);
  return found.find((version) => /^\d+[._]\d/.test(version)) ?? found.at(-1) ?? null;
}

function fromPatterns(assets: readonly RemoteAsset[], zips: RemoteAsset[], request: AssetRequest): AssetChoice {
  for (const pattern of request.patterns) {
    const glob = pattern.replaceAll('{version}', request.version ?? '*');
    const found = zips.filter((asset) => matchesGlob(glob, asset.name));
    if (found.length > 0) return oneOf(byVersion(found, request.version), request);
  }
  const names = assets.length === 0 ? 'The release has no files' : `The release has ${listed(assets)}`;
  return trouble(
    'ASSET_MISSING',
    request,
    `No zip file matches ${request.patterns.map(quoted).join(' or ')}. ${names}.`,
    'Attach the file, or mend the asset pattern of the product.',
  );
}

function oneOf(found: RemoteAsset[], request: AssetRequest): AssetChoice {
  const [asset] = found;
  if (!asset || found.length > 1) {
    return trouble(
      'ASSET_AMBIGUOUS',
      request,
      `Several files could be meant: ${listed(found)}.`,
      'Give the product an asset pattern that only one of them matches, for example "*-pro.zip".',
    );
  }
  if (asset.external) {
    return trouble(
      'ASSET_EXTERNAL',
      request,
      `${quoted(asset.name)} is a link to another server, and such files are not fetched.`,
      'Attach the file itself to the release.',
    );
  }
  if (asset.size > 0) return { kind: 'asset', asset };
  return trouble('ASSET_EMPTY', request, `${quoted(asset.name)} has no bytes.`, 'Attach the file again.');
}

/** Narrows step by step; a step that would leave nothing is passed over. */
function byHabit(candidates: RemoteAsset[], request: AssetRequest): RemoteAsset[] {
  if (candidates.length === 1) return candidates;
  const named = narrowed(candidates, ({ name }) => request.hint !== null && beginsWith(name, request.hint));
  const fit = request.platform === 'joomla' ? byJoomlaPrefix(named) : byDolibarrName(named, request.hint);
  return byVersion(fit, request.version);
}

function byJoomlaPrefix(candidates: RemoteAsset[]): RemoteAsset[] {
  for (const prefix of JOOMLA_PREFIXES) {
    const fit = candidates.filter(({ name }) => name.toLowerCase().startsWith(prefix));
    if (fit.length > 0) return fit;
  }
  return candidates;
}

/** `module_<name>-<version>.zip` is the official form; `<name>-<version>.zip` is installed as well. */
function byDolibarrName(candidates: RemoteAsset[], hint: string | null): RemoteAsset[] {
  const official = narrowed(candidates, ({ name }) => /^module_/i.test(name));
  return narrowed(official, ({ name }) => hint !== null && beginsWith(name, `module_${hint}`));
}

function byVersion(candidates: RemoteAsset[], version: string | null): RemoteAsset[] {
  if (candidates.length < 2 || version === null) return candidates;
  return narrowed(candidates, ({ name }) => holdsVersion(name.toLowerCase(), version.toLowerCase()));
}

/** Whole: 1.2.0 does not stand in `x-11.2.0.zip`, `x-1.2.0.1.zip` or `x-1.2.0-beta1.zip`. */
function holdsVersion(name: string, version: string): boolean {
  for (let at = name.indexOf(version); at >= 0; at = name.indexOf(version, at + 1)) {
    const before = name.slice(0, at);
    const after = name.slice(at + version.length);
    if (!/[\d.]$/.test(before) && !/^(?:\d|\.\d|[-._]?(?:dev|alpha|beta|rc|[ab]\d))/.test(after)) return true;
  }
  return false;
}

function beginsWith(name: string, hint: string): boolean {
  const start = name.slice(0, hint.length).toLowerCase();
  return start === hint.toLowerCase() && /^(?:[^a-z0-9]|$)/i.test(name.slice(hint.length));
}

function narrowed(candidates: RemoteAsset[], test: (asset: RemoteAsset) => boolean): RemoteAsset[] {
  const fit = candidates.filter(test);
  return fit.length > 0 ? fit : candidates;
}

function trouble(code: ReleaseProblemCode, request: AssetRequest, detail: string, fix: string): AssetChoice {
  return { kind: 'problem', problem: { code, severity: 'error', platform: request.platform, detail, fix } };
}

function listed(assets: readonly RemoteAsset[]): string {
  const names = assets.slice(0, 10).map(({ name }) => quoted(name));
  return assets.length > 10 ? `${names.join(', ')} and ${assets.length - 10} more` : names.join(', ');
}

function quoted(name: string): string {
  return `"${name.length > 120 ? `${name.slice(0, 120)}…` : name}"`;
}
