import type { RepackPlan } from '../../src/updates/feed-format.ts';

type Files = { path: string }[];

/**
 * The one folder at the archive's root, with a trailing slash, or empty. Joomla goes down into it after unpacking; it
 * does not count hidden files, backups and what version control and macOS leave behind
 * (reference: libraries/src/Installer/InstallerHelper.php, unpack, and the defaults of Folder::files).
 */
export function soleFolder(files: Files): string {
  const entries = new Set(files.map(({ path }) => topOf(path)).filter((top) => !isUncounted(top)));
  const [only] = entries;
  return entries.size === 1 && only?.endsWith('/') ? only : '';
}

/**
 * null: Joomla finds this manifest by itself. It looks at the root (or in the sole folder) and then one level down, and
 * takes the first XML file that is a manifest; so one level down is good only where no other XML file can come first.
 */
export function repackPlan(manifestPath: string, files: Files): RepackPlan | null {
  const folder = manifestPath.slice(0, manifestPath.lastIndexOf('/') + 1);
  const base = soleFolder(files);
  if (folder === base) return null;
  const depthOf = (path: string) => path.slice(base.length).split('/').length - 1;
  const rivals = files.filter(
    ({ path }) => path.endsWith('.xml') && path.startsWith(base) && depthOf(path) <= 1 && !path.startsWith(folder),
  );
  return depthOf(manifestPath) === 1 && rivals.length === 0 ? null : { strip: folder, prefix: '' };
}

function topOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash + 1);
}

function isUncounted(top: string): boolean {
  return /^(\.|__MACOSX\/|CVS\/)|~\/?$/.test(top);
}
