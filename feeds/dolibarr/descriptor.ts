import type { ArchiveView, DolibarrFacts, ReleaseProblem } from '../../src/releases/release.ts';
import type { ReadResult } from '../../src/updates/feed-format.ts';
import { type DescriptorPath, descriptorPaths } from './descriptor-path.ts';
import { kitRepository, kitUrl } from './kit-url.ts';
import { type PhpToken, readPhp } from './php-source.ts';
import { expressionAt, knownInteger, knownIntegers, knownText, valuesOfProperty } from './php-values.ts';
import { newProblem } from './problem.ts';

const MOST_DESCRIPTORS = 20;

type DescriptorResult = { ok: true; facts: DolibarrFacts } | { ok: false; problem: ReleaseProblem };

/**
 * Reads what a Dolibarr module says of itself from `core/modules/mod<Name>.class.php`, without running any PHP.
 * `hint` is the module name to take where the archive holds several; a sole descriptor is taken whatever the hint says.
 */
export async function readDescriptor(archive: ArchiveView, hint: string | null): Promise<ReadResult> {
  const found = descriptorPaths(archive.files);
  if (found.length === 0) return { ok: false, problem: descriptorMissing() };
  const wanted = hint === null ? null : hint.toLowerCase();
  const named = found.filter((path) => path.name === wanted);
  const candidates = named.length === 1 ? named : found;
  if (candidates.length > MOST_DESCRIPTORS) return { ok: false, problem: descriptorAmbiguous(candidates) };

  const results: DescriptorResult[] = [];
  for (const path of candidates) results.push(await readOne(archive, path));
  const read = results.flatMap((result) => (result.ok ? [result.facts] : []));
  const matching = read.length > 1 ? read.filter((facts) => facts.module === wanted) : read;
  const [only, ...others] = matching;
  if (only && others.length === 0) return { ok: true, facts: only };
  const failed = results.find((result) => !result.ok);
  if (read.length === 0 && failed && !failed.ok) return failed;
  return { ok: false, problem: descriptorAmbiguous(candidates) };
}

async function readOne(archive: ArchiveView, path: DescriptorPath): Promise<DescriptorResult> {
  const bytes = await bytesOf(archive, path.path);
  if (!bytes) return unreadable(path, 'could not be taken out of the archive');
  const source = decode(bytes);
  if (source === null) return { ok: false, problem: encodingUnknown(path) };
  const tokens = readPhp(source);
  if (!tokens) return unreadable(path, 'has a string or comment that is never closed');
  const className = classNameIn(tokens, path.className);
  if (className === null) return unreadable(path, `holds no class ${path.className}`);
  const version = textOf(tokens, 'version');
  return {
    ok: true,
    facts: {
      platform: 'dolibarr',
      module: moduleName(tokens, path),
      className,
      version: version.literal ?? (await versionFile(archive, path)) ?? version.earlier,
      description: textOf(tokens, 'description').literal ?? '',
      numero: lastOf(tokens, 'numero', knownInteger),
      phpMin: lastOf(tokens, 'phpmin', knownIntegers),
      phpMax: lastOf(tokens, 'phpmax', knownIntegers),
      dolibarrMin: lastOf(tokens, 'need_dolibarr_version', knownIntegers),
      dolibarrMax: lastOf(tokens, 'max_dolibarr_version', knownIntegers),
      editorName: textOf(tokens, 'editor_name').literal,
      editorUrl: textOf(tokens, 'editor_url').literal,
      urlLastVersion: updateUrl(tokens) ?? (await urlOfKit(archive, tokens, path)),
      descriptorPath: path.path,
      rootPath: path.rootPath,
    },
  };
}

/**
 * The folder under `custom/`, which the module's own paths name: as the archive has it, where the module says the same; else as
 * `config_page_url` or `$this->name` say; else the file's name without `mod`.
 */
function moduleName(tokens: PhpToken[], path: DescriptorPath): string {
  const claims = [folderOfSetupPage(tokens), textOf(tokens, 'name').literal, path.name].flatMap((name) =>
    name !== null && /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(name) ? [name.toLowerCase()] : [],
  );
  const folder = path.rootPath.split('/').at(-2)?.toLowerCase();
  if (folder !== undefined && claims.includes(folder)) return folder;
  return claims[0] ?? path.name;
}

/** Dolibarr opens `setup.php@example` at `/example/admin/setup.php`, so the folder is called that. */
function folderOfSetupPage(tokens: PhpToken[]): string | null {
  const from = valuesOfProperty(tokens, 'config_page_url').at(-1);
  if (from === undefined) return null;
  const page = expressionAt(tokens, from).find((token) => token.kind === 'text' && token.value.includes('@'));
  return page?.value.split('@').at(-1) ?? null;
}

/** The literal that is assigned last; `earlier` is one before it where the last is computed. */
function textOf(tokens: PhpToken[], property: string): { literal: string | null; earlier: string | null } {
  const known = valuesOfProperty(tokens, property)
    .slice(-2)
    .map((from) => knownText(expressionAt(tokens, from), tokens))
    .map((value) => (value.whole && value.text.trim() !== '' ? value.text.trim() : null));
  return { literal: known.at(-1) ?? null, earlier: known.at(-2) ?? null };
}

function lastOf<T>(
  tokens: PhpToken[],
  property: string,
  read: (expression: readonly PhpToken[]) => T | null,
): T | null {
  const from = valuesOfProperty(tokens, property).at(-1);
  return from === undefined ? null : read(expressionAt(tokens, from));
}

const WEB_ADDRESS = /^https?:\/\//i;

/** The last web address that the module assigns, even inside a call; what PHP computes into it stands as `*`. */
function updateUrl(tokens: PhpToken[]): string | null {
  for (const from of valuesOfProperty(tokens, 'url_last_version').slice(-MOST_DESCRIPTORS).reverse()) {
    const expression = expressionAt(tokens, from);
    const text = knownText(expression, tokens).text;
    if (WEB_ADDRESS.test(text)) return text;
    const inside = expression.find((token) => token.kind !== 'sign' && WEB_ADDRESS.test(token.value));
    if (inside) return inside.value;
  }
  return null;
}

/** A module with the client kit leaves the address to the kit, which lies in `feedgate/` beside `core/`. */
async function urlOfKit(archive: ArchiveView, tokens: PhpToken[], path: DescriptorPath): Promise<string | null> {
  const repository = kitRepository(tokens);
  if (repository === null) return null;
  const kits = archive.files.filter((file) => /^feedgate\/[^/]+\.php$/.test(afterFolder(file.path, path.rootPath)));
  for (const file of kits.slice(0, MOST_DESCRIPTORS)) {
    const bytes = await bytesOf(archive, file.path);
    const kit = readPhp((bytes && decode(bytes)) ?? '');
    const url = kit ? kitUrl(kit, repository) : null;
    if (url !== null) return url;
  }
  return null;
}

function afterFolder(path: string, folder: string): string {
  return path.startsWith(folder) ? path.slice(folder.length) : '';
}

/** PHP knows classes without regard to case; a file without its class is no descriptor to Dolibarr. */
function classNameIn(tokens: PhpToken[], expected: string): string | null {
  for (let i = 0; i < tokens.length - 1; i++) {
    const name = tokens[i + 1];
    if (tokens[i]?.kind !== 'name' || tokens[i]?.value.toLowerCase() !== 'class' || name?.kind !== 'name') continue;
    if (name.value.toLowerCase() === expected.toLowerCase()) return name.value;
  }
  return null;
}

/** A file `VERSION` beside the descriptor or in a folder above it, the nearest first. */
async function versionFile(archive: ArchiveView, path: DescriptorPath): Promise<string | null> {
  const folders = path.path.split('/').slice(0, -1);
  for (let depth = folders.length; depth >= 0; depth--) {
    const wanted = [...folders.slice(0, depth), 'version'].join('/').toLowerCase();
    const file = archive.files.find((one) => one.path.toLowerCase() === wanted);
    const bytes = file && file.size <= 1_000 ? await bytesOf(archive, file.path) : null;
    const line = bytes ? (decode(bytes) ?? '').trim().split(/\s/)[0] : undefined;
    if (line && /^[\w.+~-]{1,64}$/.test(line)) return line;
  }
  return null;
}

async function bytesOf(archive: ArchiveView, path: string): Promise<Uint8Array | null> {
  try {
    return await archive.read(path);
  } catch {
    return null;
  }
}

/** UTF-8, else the Windows-1252 of old editors; null for what no PHP can read, such as UTF-16. */
function decode(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

function descriptorMissing(): ReleaseProblem {
  return newProblem(
    'MANIFEST_MISSING',
    'error',
    'The archive holds no module descriptor (core/modules/mod<Name>.class.php).',
    'Pack the module with its core/modules folder at the root, in one folder, or under src, htdocs or htdocs/custom.',
  );
}

function descriptorAmbiguous(candidates: DescriptorPath[]): ReleaseProblem {
  const shown = candidates.slice(0, 5).map((path) => path.path);
  const more = candidates.length > shown.length ? ` and ${candidates.length - shown.length} more` : '';
  return newProblem(
    'MANIFEST_AMBIGUOUS',
    'error',
    `The archive holds several module descriptors: ${shown.join(', ')}${more}.`,
    'Name the module in the settings of the product.',
  );
}

function encodingUnknown(path: DescriptorPath): ReleaseProblem {
  return newProblem(
    'MANIFEST_ENCODING',
    'error',
    `${path.path} is neither UTF-8 nor Windows-1252 text.`,
    'Save the descriptor as UTF-8 without a byte order mark.',
  );
}

function unreadable(path: DescriptorPath, what: string): DescriptorResult {
  const fix = 'Make sure that PHP accepts the file (php -l) and that its class is named like the file.';
  return { ok: false, problem: newProblem('MANIFEST_UNREADABLE', 'error', `${path.path} ${what}.`, fix) };
}
