import { readFile, stat, statfs } from 'node:fs/promises';

/** What a folder's disk has left for us, in bytes; null where the folder is not there. */
export async function freeBytes(folder: string): Promise<{ free: number; total: number } | null> {
  const disk = await statfs(folder).catch(() => null);
  return disk === null ? null : { free: disk.bavail * disk.bsize, total: disk.blocks * disk.bsize };
}

/** The permission bits of a file, e.g. 0o600; null where it is not there. */
export async function modeOf(path: string): Promise<number | null> {
  const info = await stat(path).catch(() => null);
  return info === null ? null : info.mode & 0o777;
}

/** The bytes of a small file; null where it is not there. Throws where it is there and cannot be read. */
export async function readIfThere(path: string): Promise<Buffer | null> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
