import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import type { RepackPlan } from '../updates/feed-format.ts';
import { ARCHIVE_LIMITS, type ArchiveLimits, type ArchiveResult, type OpenArchive, withArchive } from './archive-io.ts';

/** Noon, because no time zone skips it; yazl writes local time, so every zone writes the same bytes. */
const MODIFIED_AT = new Date(1980, 0, 1, 12);
export const FILE_OPTIONS = { mtime: MODIFIED_AT, mode: 0o100644, compressionLevel: 6, forceDosTimestamp: true };

/**
 * Writes the files below `plan.strip` anew under `plan.prefix`: sorted by path, one date, one mode, no folders, no extra fields.
 * The same contents give the same bytes, whatever dates, order, modes and packing the source has, as long as the zlib below is the
 * same: another build of it may deflate to other bytes of the same contents.
 *
 * The target appears whole or not at all, and is on the disk when this returns; its folder must exist. `size` in bytes. Every file is
 * checked on the way; a problem is the source's, and an empty plan (nothing below `strip`, an unsafe `prefix`) is thrown.
 */
export async function repack(
  sourcePath: string,
  plan: RepackPlan,
  targetPath: string,
  limits: ArchiveLimits = ARCHIVE_LIMITS,
): Promise<ArchiveResult<{ size: number }>> {
  const temporary = `${targetPath}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const written = await withArchive(sourcePath, limits, (archive) => writeZip(archive, plan, temporary));
    if (!written.ok) return written;
    await rename(temporary, targetPath);
    await syncFolder(dirname(targetPath));
    return written;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeZip(archive: OpenArchive, plan: RepackPlan, path: string): Promise<{ size: number }> {
  const moves = archive.files
    .filter((file) => file.path.startsWith(plan.strip))
    .map((file) => ({ from: file.path, to: plan.prefix + file.path.slice(plan.strip.length) }))
    .sort((a, b) => (a.to < b.to ? -1 : 1));
  if (moves.length === 0) throw new Error('the archive holds nothing to repack');
  const zip = new ZipFile();
  const stop = new AbortController();
  const fail = (error: unknown) => stop.abort(error);
  zip.on('error', fail);
  for (const { from, to } of moves) {
    zip.addReadStreamLazy(to, FILE_OPTIONS, (give) => {
      archive.stream(from).then((stream) => give(null, stream.once('error', fail)), fail);
    });
  }
  zip.end();
  const target = createWriteStream(path, { flags: 'wx', mode: 0o644, flush: true });
  try {
    await pipeline(zip.outputStream, target, { signal: stop.signal });
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  }
  return { size: target.bytesWritten };
}

/** The new name is only safe from a power cut once its folder is on the disk; systems that cannot do that refuse, and need it not. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}
