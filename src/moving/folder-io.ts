import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveView } from '../releases/release.ts';

const SKIPPED = ['.git', 'node_modules', 'vendor'];
const MOST_FILES = 20_000;
const LARGEST = 2 * 1024 * 1024;

/** `null`: there is nothing at the path. */
export async function kindOfPath(path: string): Promise<'file' | 'folder' | null> {
  const info = await stat(path).catch(() => null);
  if (info === null) return null;
  return info.isDirectory() ? 'folder' : 'file';
}

/** A checked-out repository as the readers of packages see it; links are not followed. */
export async function folderView(folder: string): Promise<ArchiveView> {
  const files: ArchiveView['files'] = [];
  async function walk(below: string): Promise<void> {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (files.length >= MOST_FILES) return;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.includes(entry.name)) await walk(path);
      else if (entry.isFile()) files.push({ path, size: (await stat(join(folder, path))).size });
    }
  }
  await walk('');
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    async read(path) {
      const bytes = await readFile(join(folder, path));
      if (bytes.length > LARGEST) throw new Error(`${path} is larger than 2 MB`);
      return bytes;
    },
  };
}

/** The clones in a folder; the folder itself where it is one, or holds none. */
export async function clonesIn(folder: string): Promise<string[]> {
  if ((await kindOfPath(join(folder, '.git'))) !== null) return [folder];
  const clones: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && (await kindOfPath(join(path, '.git'))) !== null) clones.push(path);
  }
  return clones.length > 0 ? clones.sort() : [folder];
}
