import { deployFolder } from './deploy-name.ts';
import { type OpenZip, openZip, type ZipEntry } from './zip-io.ts';

type DeployRefusal = 'file_name' | 'archive' | 'folder' | 'metapackage';

export type Deployment =
  | {
      ok: true;
      /** The module as the file name says. */
      module: string;
      /** Every folder under `custom/` that is deleted and put anew: the module's, and those that its metapackage.conf lists. */
      folders: string[];
      /** Files as they lie under `custom/` afterwards. */
      files: { path: string; size: number }[];
      /** Entries that were left out because their name holds `..`. */
      dropped: string[];
    }
  | { ok: false; refusal: DeployRefusal; detail: string };

const LONGEST_METAPACKAGE = 65_536;

/**
 * What Dolibarr's deploy page makes of an uploaded file: refused, or the files that end up under `htdocs/custom`.
 * It looks at names alone; version, minimum versions and checksums are not its business.
 * https://github.com/Dolibarr/dolibarr/blob/develop/htdocs/admin/modules.php (action `install`)
 */
export async function deploy(fileName: string, zipBytes: Uint8Array): Promise<Deployment> {
  const module = deployFolder(fileName);
  if (!module) {
    return refused(
      'file_name',
      `Dolibarr refuses the file name ${fileName}: it must be module_<name>-<digits and dots>.zip.`,
    );
  }
  const zip = await openZip(zipBytes);
  if (!zip) return refused('archive', `${fileName} is not a zip archive, or it is damaged.`);
  const kept = zip.entries.filter((entry) => !entry.path.includes('..'));
  const root = rootOf(kept, module);
  if (root === null) {
    return refused(
      'folder',
      `By its name ${fileName} must hold a folder ${module}/ or htdocs/${module}/, and it holds neither.`,
    );
  }
  const folders = [...(await metapackageFolders(zip, kept, root)), module];
  const files: { path: string; size: number }[] = [];
  for (const folder of new Set(folders)) {
    const source = rootOf(kept, folder);
    if (source === null)
      return refused('metapackage', `metapackage.conf lists ${folder.trim()}, which the archive does not hold.`);
    files.push(...filesUnder(kept, source, folder));
  }
  const dropped = zip.entries.filter((entry) => entry.path.includes('..')).map((entry) => entry.path);
  return { ok: true, module, folders: [...new Set(folders)], files, dropped };
}

function rootOf(entries: ZipEntry[], folder: string): string | null {
  const places = [`${folder}/`, `htdocs/${folder}/`];
  return places.find((place) => entries.some((entry) => entry.path.startsWith(place))) ?? null;
}

function filesUnder(entries: ZipEntry[], root: string, folder: string): { path: string; size: number }[] {
  return entries
    .filter((entry) => entry.path.startsWith(root) && !entry.path.endsWith('/'))
    .map((entry) => ({ path: `${folder}/${entry.path.slice(root.length)}`, size: entry.size }));
}

/** One folder a line, not trimmed (a Windows line end breaks it); comments begin with `#` or `//`. */
async function metapackageFolders(zip: OpenZip, kept: ZipEntry[], root: string): Promise<string[]> {
  const path = `${root}metapackage.conf`;
  if (!kept.some((entry) => entry.path === path)) return [];
  const text = (await zip.read(path, LONGEST_METAPACKAGE))?.toString('utf8') ?? '';
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#') && !line.startsWith('//'));
}

function refused(refusal: DeployRefusal, detail: string): Deployment {
  return { ok: false, refusal, detail };
}
