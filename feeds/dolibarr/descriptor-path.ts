import type { ArchiveView } from '../../src/releases/release.ts';

export interface DescriptorPath {
  path: string;
  /** The folder that holds `core/`, with a trailing slash; empty for the archive's own root. */
  rootPath: string;
  className: string;
  /** The class name without `mod`, in lower case. */
  name: string;
}

const DESCRIPTOR = /^(.*?)core\/modules\/(mod(?!ules?_)([A-Za-z0-9_]+))\.class\.php$/;
const USUAL_PLACE = /^(?:src\/|htdocs\/(?:custom\/)?(?:[^/]+\/)?)?$/;
const ONE_FOLDER = /^[^/]+\/$/;

/**
 * Where Dolibarr modules keep their descriptor: at the root, under `src/`, `htdocs/`, `htdocs/<x>/` or `htdocs/custom/<x>/`;
 * only if there is none, in some other folder of the root. Each of it also inside the sole folder of the archive.
 */
export function descriptorPaths(files: ArchiveView['files']): DescriptorPath[] {
  const sole = soleFolder(files);
  const all = files.flatMap((file) => asDescriptor(file.path));
  const usual = all.filter((one) => isPlaced(one.rootPath, sole, USUAL_PLACE));
  return usual.length > 0 ? usual : all.filter((one) => isPlaced(one.rootPath, sole, ONE_FOLDER));
}

function asDescriptor(path: string): DescriptorPath[] {
  const match = DESCRIPTOR.exec(path);
  const [, rootPath, className, name] = match ?? [];
  if (rootPath === undefined || className === undefined || name === undefined) return [];
  if (rootPath !== '' && !rootPath.endsWith('/')) return [];
  return [{ path, rootPath, className, name: name.toLowerCase() }];
}

function isPlaced(rootPath: string, sole: string | null, place: RegExp): boolean {
  if (place.test(rootPath)) return true;
  return sole !== null && rootPath.startsWith(sole) && place.test(rootPath.slice(sole.length));
}

/** The folder that holds every file of the archive, with a trailing slash. */
function soleFolder(files: ArchiveView['files']): string | null {
  const first = files[0]?.path ?? '';
  const folder = first.slice(0, first.indexOf('/') + 1);
  return folder !== '' && files.every((file) => file.path.startsWith(folder)) ? folder : null;
}
