/** The words of releases: plain types that the forge, the ingest, the feeds and the gate share. */

export const PLATFORMS = ['joomla', 'dolibarr'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** The only five words that clients know; Joomla counts any other as stable, so none other is ever sent. */
export const CLIENT_WORDS = ['dev', 'alpha', 'beta', 'rc', 'stable'] as const;
export type ClientWord = (typeof CLIENT_WORDS)[number];

/** What a Joomla package says of itself, read from the manifest inside the file. */
export interface JoomlaFacts {
  platform: 'joomla';
  /** As Joomla derives it at installation, e.g. `com_example`, `pkg_example`. */
  element: string;
  type: 'component' | 'module' | 'plugin' | 'template' | 'package' | 'library' | 'file' | 'language';
  client: 'site' | 'administrator';
  /** The plugin group; empty for every other type. */
  folder: string;
  name: string;
  version: string;
  description: string;
  phpMinimum: string | null;
  updateServers: string[];
  dlid: { prefix: string; suffix: string } | null;
  changelogUrl: string | null;
  /** What a package installs: file is the path inside the package. */
  children: { type: string; id: string; client: string; group: string; file: string }[];
  /** Path of the manifest inside the archive; its folder is the root that Joomla installs from. */
  manifestPath: string;
}

/** What a Dolibarr module says of itself, read from its descriptor without running it. */
export interface DolibarrFacts {
  platform: 'dolibarr';
  /** Lower-case name of the module and of the folder under `custom/`. */
  module: string;
  className: string;
  version: string | null;
  description: string;
  numero: number | null;
  phpMin: number[] | null;
  phpMax: number[] | null;
  dolibarrMin: number[] | null;
  dolibarrMax: number[] | null;
  editorName: string | null;
  editorUrl: string | null;
  urlLastVersion: string | null;
  descriptorPath: string;
  /** Folder inside the archive that holds `core/`; empty for the archive's own root. */
  rootPath: string;
}

export type PackageFacts = JoomlaFacts | DolibarrFacts;

/** One thing that a client would silently ignore or refuse. `error`: the release is not listed; `warning`: listed and shown. */
export interface ReleaseProblem {
  code: ReleaseProblemCode;
  severity: 'error' | 'warning';
  platform: Platform | null;
  /** What was found, in one sentence. */
  detail: string;
  /** What the vendor does about it, in one sentence. */
  fix: string;
}

/** Closed list; docs/problems.md explains each. */
export const RELEASE_PROBLEM_CODES = [
  'TAG_WITHOUT_VERSION',
  'VERSION_DUPLICATE',
  'ASSET_MISSING',
  'ASSET_AMBIGUOUS',
  'ASSET_EMPTY',
  'ASSET_TOO_LARGE',
  'ASSET_UNREADABLE',
  'ASSET_EXTERNAL',
  'ARCHIVE_NOT_ZIP',
  'ARCHIVE_UNSAFE_PATH',
  'ARCHIVE_TOO_LARGE',
  'ARCHIVE_DAMAGED',
  'SETTINGS_INVALID',
  'CHANGELOG_UNREADABLE',
  'MANIFEST_MISSING',
  'MANIFEST_AMBIGUOUS',
  'MANIFEST_UNREADABLE',
  'MANIFEST_WITH_ENTITIES',
  'MANIFEST_ENCODING',
  'MANIFEST_PLACEHOLDER',
  'VERSION_MISMATCH',
  'VERSION_UNFIT',
  'IDENTITY_CHANGED',
  'TARGET_PLATFORM_MISSING',
  'UPDATE_SERVER_MISSING',
  'UPDATE_SERVER_FOREIGN',
  'DLID_MISSING',
  'DLID_PREFIX',
  'DLID_UNNEEDED',
  'CHILD_MISSING',
  'FILE_NAME_UNFIT',
  'ROOT_FOLDER_UNFIT',
  'DESCRIPTOR_VERSION_KEYWORD',
  'NUMERO_DEFAULT',
  'UPDATE_URL_MISSING',
  'KEYLESS_POLLS',
  'GATE_BYPASS',
  'COMMIT_STATUS_REFUSED',
  'BRIDGE_FAILED',
] as const;
export type ReleaseProblemCode = (typeof RELEASE_PROBLEM_CODES)[number];

/** An archive as the manifest readers see it: names and sizes of all files, bytes on demand. */
export interface ArchiveView {
  /** Files only (no folder entries), in archive order, forward slashes. */
  files: { path: string; size: number }[];
  /** The whole content of one file; refuses more than 2 MB. */
  read(path: string): Promise<Uint8Array>;
}

/** What changed in a version, by the six words that Joomla's changelog knows. */
export type ChangelogWord = 'security' | 'fix' | 'language' | 'addition' | 'change' | 'remove' | 'note';
export type Changelog = { word: ChangelogWord; items: string[] }[];

/** The platform versions a release runs on: `min` and `max` are `major` or `major.minor`, both included. */
export interface TargetRange {
  min: string | null;
  max: string | null;
}
