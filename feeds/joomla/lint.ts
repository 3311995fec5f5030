import type { JoomlaFacts, ReleaseProblem, ReleaseProblemCode } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import type { LintContext } from '../../src/updates/feed-format.ts';
import { joomlaFacts } from './facts.ts';
import { holdsKey, isOurs } from './lint-address.ts';
import { versionFault } from './lint-version.ts';
import { manifestFolder } from './manifest.ts';

const DLID_TAG = '<dlid prefix="dlid=" suffix=""/>';
const ARCHIVE_NAME = /\.(zip|tar|tgz|tbz2|tar\.gz|tar\.bz2|gz|gzip|bz2|bzip2)$/i;
const NAMED_CHILDREN = 5;

/**
 * Everything about a release that a Joomla site would ignore or refuse without a word. An error means that no site could
 * take the update, so the release is not listed; a warning means that some would, or that something is missing beside it.
 */
export function lintJoomla(context: LintContext): ReleaseProblem[] {
  const facts = joomlaFacts(context.facts);
  return [
    ...identityProblems(facts, context),
    ...versionProblems(facts, context),
    ...targetProblems(context),
    ...serverProblems(facts, context),
    ...keyProblems(facts, context),
    ...childProblems(facts, context),
    ...fileNameProblems(context),
  ];
}

function identityProblems(facts: JoomlaFacts, { earlier }: LintContext): ReleaseProblem[] {
  if (earlier?.platform !== 'joomla') return [];
  const fields = ['type', 'element', 'folder', 'client'] as const;
  const changed = fields
    .filter((field) => facts[field] !== earlier[field])
    .map((field) => `${field === 'folder' ? 'group' : field} "${earlier[field]}" became "${facts[field]}"`);
  if (changed.length === 0) return [];
  return [
    error(
      'IDENTITY_CHANGED',
      `The extension is not the one released before: ${changed.join(', ')}; Joomla would not offer it as an update of what is installed.`,
      'Restore the old name in the manifest, or make a product of its own for the new extension.',
    ),
  ];
}

function versionProblems(facts: JoomlaFacts, { version, clientWord, tag }: LintContext): ReleaseProblem[] {
  const problems: ReleaseProblem[] = [];
  const order = comparePhpVersions(facts.version, version);
  if (order !== 0) {
    problems.push(
      error(
        'VERSION_MISMATCH',
        `The tag ${tag} means version ${version}, but the manifest says ${facts.version}; ${
          order < 0
            ? 'Joomla would offer the update again after every installation'
            : 'Joomla would skip the versions between them'
        }.`,
        `Write <version>${version}</version> in the manifest, or tag the release as ${facts.version}.`,
      ),
    );
  }
  const fault = versionFault(version, clientWord);
  if (fault) {
    problems.push({
      code: 'VERSION_UNFIT',
      severity: fault.severity,
      platform: 'joomla',
      detail: `The version "${version.slice(0, 60)}" ${fault.detail}.`,
      fix: 'Use numbers and dots, and for a pre-release -dev, -alpha, -beta or -rc with a number, such as 1.2.0-beta2.',
    });
  }
  return problems;
}

function targetProblems({ target, targetDeclared }: LintContext): ReleaseProblem[] {
  const fix = 'Name the Joomla versions in .feedgate.yml or in the settings of the product, such as "4.4 - 6".';
  if (target === null) {
    return [
      error(
        'TARGET_PLATFORM_MISSING',
        'Neither the release nor the product says for which Joomla versions it is, and Joomla ignores an update without them.',
        fix,
      ),
    ];
  }
  if (targetDeclared) return [];
  return [
    warning(
      'TARGET_PLATFORM_MISSING',
      'The release does not say for which Joomla versions it is, so those of the product are used.',
      fix,
    ),
  ];
}

function serverProblems({ updateServers }: JoomlaFacts, { feedUrls }: LintContext): ReleaseProblem[] {
  const [current] = feedUrls;
  if (current === undefined) return [];
  const fix = `Put <updateservers><server type="extension" name="…">${current}</server></updateservers> into the manifest, and no other server.`;
  if (updateServers.length === 0) {
    return [
      warning(
        'UPDATE_SERVER_MISSING',
        'The manifest names no update server of the type "extension", so a site that installs this file never asks for updates.',
        fix,
      ),
    ];
  }
  const foreign = updateServers.filter((url) => !isOurs(url, feedUrls));
  if (foreign.length === 0) return [];
  const hosts = [...new Set(foreign.map(hostOf))].slice(0, 3).join(', ');
  if (foreign.length === updateServers.length) {
    return [
      warning(
        'UPDATE_SERVER_FOREIGN',
        `The manifest names only update servers that are not this one (${hosts}), so a site that installs this file does not ask here.`,
        fix,
      ),
    ];
  }
  return [
    warning(
      'UPDATE_SERVER_FOREIGN',
      `The manifest names another update server beside this one (${hosts}); Joomla takes the first that answers, and its check before a new major version asks only the first.`,
      fix,
    ),
  ];
}

/** Only the host: the rest of an address may hold a key. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an address that cannot be read';
}

function keyProblems({ dlid, updateServers }: JoomlaFacts, { mode, feedUrls }: LintContext): ReleaseProblem[] {
  if (mode === 'open') {
    if (!dlid) return [];
    return [
      warning(
        'DLID_UNNEEDED',
        'The manifest has <dlid>, so Joomla asks for a download key that this product does not need.',
        'Remove <dlid> from the manifest, or let the product require a key.',
      ),
    ];
  }
  if (!dlid) {
    if (updateServers.some((url) => holdsKey(url) && isOurs(url, feedUrls))) return [];
    return [
      warning(
        'DLID_MISSING',
        'The product needs a license key, but the manifest has no <dlid>, so Joomla shows no field for it and the download is refused.',
        `Put ${DLID_TAG} into the manifest.`,
      ),
    ];
  }
  if (dlid.prefix !== 'dlid=') {
    return [
      warning(
        'DLID_PREFIX',
        `The prefix of <dlid> is "${dlid.prefix.slice(0, 40)}"; Joomla puts it into the address as it is and adds the "?" or "&" itself, so the key may not arrive.`,
        `Write ${DLID_TAG}.`,
      ),
    ];
  }
  if (dlid.suffix !== '' && !dlid.suffix.startsWith('&')) {
    return [
      warning(
        'DLID_PREFIX',
        `The suffix of <dlid> is "${dlid.suffix.slice(0, 40)}" and becomes part of the key.`,
        `Write ${DLID_TAG}.`,
      ),
    ];
  }
  return [];
}

function childProblems(facts: JoomlaFacts, { files }: LintContext): ReleaseProblem[] {
  if (facts.type !== 'package') return [];
  const fix = 'Build the package with all its files, each as a zip or a folder, under the names in <files>.';
  if (facts.children.length === 0) {
    return [
      error('CHILD_MISSING', 'The package names no extension in <files>, and Joomla refuses such a package.', fix),
    ];
  }
  const missing = facts.children
    .map((child) => child.file)
    .filter((file) => !isInstallable(manifestFolder(facts) + file, files));
  if (missing.length === 0) return [];
  const names = missing.slice(0, NAMED_CHILDREN).map((file) => JSON.stringify(file.slice(0, 100)));
  const more = missing.length > NAMED_CHILDREN ? ` and ${missing.length - NAMED_CHILDREN} more` : '';
  return [
    error(
      'CHILD_MISSING',
      `The package does not hold what its <files> names: ${names.join(', ')}${more}; Joomla would stop the installation there.`,
      fix,
    ),
  ];
}

function isInstallable(path: string, files: LintContext['files']): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`;
  return files.some((file) => (file.path === path && ARCHIVE_NAME.test(path)) || file.path.startsWith(folder));
}

function fileNameProblems({ fileName }: LintContext): ReleaseProblem[] {
  if (/\.zip$/i.test(fileName)) return [];
  return [
    warning(
      'FILE_NAME_UNFIT',
      `The file is called "${fileName.slice(0, 100)}"; Joomla unpacks by the ending, so it is handed out under a name that ends in .zip.`,
      'Give the file a name that ends in .zip.',
    ),
  ];
}

function error(code: ReleaseProblemCode, detail: string, fix: string): ReleaseProblem {
  return { code, severity: 'error', platform: 'joomla', detail, fix };
}

function warning(code: ReleaseProblemCode, detail: string, fix: string): ReleaseProblem {
  return { code, severity: 'warning', platform: 'joomla', detail, fix };
}
