import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, Readable, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32, createInflateRaw } from 'node:zlib';
import * as yauzl from 'yauzl';
import type { ArchiveView, ReleaseProblem } from './release.ts';

/** How much a foreign archive may cost us; sizes in bytes. */
export const ARCHIVE_LIMITS = {
  /** Files and folders. */
  entries: 20_000,
  /** Sum of all files, unpacked. */
  totalBytes: 512 * 1024 * 1024,
  /** Unpacked size per byte of archive; counts only above `ratioFromBytes` unpacked. */
  ratio: 200,
  ratioFromBytes: 10 * 1024 * 1024,
  /** The most that `read` gives back. */
  readBytes: 2 * 1024 * 1024,
};
export type ArchiveLimits = typeof ARCHIVE_LIMITS;

/** An archive that can also be streamed file by file; size and CRC-32 of every byte that is read are checked. */
export interface OpenArchive extends ArchiveView {
  stream(path: string): Promise<Readable>;
}

export type ArchiveResult<T> = { ok: true; value: T } | Refusal;
type Refusal = { ok: false; problem: ReleaseProblem };
type Work<T> = (archive: OpenArchive) => Promise<T>;
type Entries = Map<string, yauzl.Entry>;
type Zip = { file: FileHandle; zip: yauzl.ZipFile; entries: Entries };
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const FAULTS = {
  ASSET_EMPTY: ['The file cannot be used', 'Attach the file again.'],
  ARCHIVE_NOT_ZIP: ['The file cannot be used', 'Attach the installable file as a zip.'],
  ARCHIVE_DAMAGED: ['The archive is damaged', 'Build the archive again and attach it.'],
  ARCHIVE_UNSAFE_PATH: ['The archive is not safe to unpack', 'Build the archive again without that file.'],
  ARCHIVE_TOO_LARGE: ['The archive is too large', 'Leave out what a site does not need.'],
  ASSET_UNREADABLE: ['The archive cannot be unpacked', 'Pack it in the usual way (deflate) and without a password.'],
} as const satisfies Partial<Record<ReleaseProblem['code'], readonly [string, string]>>;

/**
 * Opens a zip on disk for as long as `fn` runs. Everything is checked before `fn` sees it: that it is a whole zip of the kinds that
 * PHP unpacks (stored or deflated, not encrypted), that no path leaves the folder it is unpacked into, no link, no path twice, and the
 * limits. What is wrong with the archive comes back as a problem, damage that shows only while reading too; errors of `fn` and of
 * the disk are thrown.
 */
export async function withArchive<T>(path: string, limits: ArchiveLimits, fn: Work<T>): Promise<ArchiveResult<T>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const wrong = await wrongStart(file, size);
    if (wrong) return refused(wrong);
    const listing = await list(file, size, limits);
    return listing.ok ? await use(listing, limits, fn) : listing;
  } finally {
    await file.close();
  }
}

/** null for a path that every system can unpack and that stays inside the folder; else what is wrong with it. */
function unsafePath(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'holds a control character';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is absolute';
  const parts = path.split('/');
  if (path.length > 512 || parts.length > 50) return 'is too long';
  return parts.includes('..') ? 'leads out of the archive' : null;
}

/** Damage is remembered, so that it counts even where `fn` goes on without the file. */
async function use<T>(zip: Zip, limits: ArchiveLimits, fn: Work<T>): Promise<ArchiveResult<T>> {
  let damage: ReleaseProblem | null = null;
  const live = new Set<Readable>();
  const tooLarge = new Map<unknown, ReleaseProblem>();
  const stream = async (path: string) => {
    const entry = zip.entries.get(path);
    if (!entry) throw new Error('there is no such file in the archive');
    const opened = await openEntry(zip, entry, (error) => {
      if (!('syscall' in error)) damage ??= damaged(error);
    });
    live.add(opened.once('close', () => live.delete(opened)));
    return opened;
  };
  const read = async (path: string) => {
    if ((zip.entries.get(path)?.uncompressedSize ?? 0) > limits.readBytes) {
      const error = new Error('the file in the archive is too large to be read');
      tooLarge.set(error, fault('ARCHIVE_TOO_LARGE', `${quoted(path)} has over ${limits.readBytes} bytes`));
      throw error;
    }
    return buffer(await stream(path));
  };
  const files = [...zip.entries].map(([path, entry]) => ({ path, size: entry.uncompressedSize }));
  try {
    const value = await fn({ files, read, stream });
    return damage === null ? { ok: true, value } : refused(damage);
  } catch (error) {
    const problem = damage ?? tooLarge.get(error);
    if (problem) return refused(problem);
    throw error;
  } finally {
    for (const stream of live) stream.destroy();
  }
}

/** The first bytes tell a web page or a tar from a zip that was cut off. */
async function wrongStart(file: FileHandle, size: number): Promise<ReleaseProblem | null> {
  if (size === 0) return fault('ASSET_EMPTY', 'it has no bytes');
  const { buffer: start } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const magic = start.readUInt32LE(0);
  return magic === 0x04034b50 || magic === 0x06054b50 ? null : fault('ARCHIVE_NOT_ZIP', 'it is no zip archive');
}

async function list(file: FileHandle, size: number, limits: ArchiveLimits): Promise<({ ok: true } & Zip) | Refusal> {
  const entries: Entries = new Map();
  const folders = new Set<string>();
  let total = 0;
  try {
    const options = { autoClose: false, decodeStrings: false };
    const zip = await yauzl.fromRandomAccessReaderPromise(new FileReader(file), size, options);
    if (zip.entryCount > limits.entries) return refused(fault('ARCHIVE_TOO_LARGE', `over ${limits.entries} files`));
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      total += entry.uncompressedSize;
      const wrong = wrongEntry(entry, name) ?? overLimits(total, size, limits);
      if (wrong) return refused(wrong);
      const parts = name.split('/').filter((part) => part !== '' && part !== '.');
      for (let depth = parts.length - 1; depth > 0; depth--) folders.add(parts.slice(0, depth).join('/'));
      const path = parts.join('/');
      if (name.endsWith('/') || path === '') continue;
      if (entries.has(path)) return refused(fault('ARCHIVE_UNSAFE_PATH', `${quoted(path)} is in it twice`));
      entries.set(path, entry);
    }
    const both = [...entries.keys()].find((path) => folders.has(path));
    if (both !== undefined) return refused(fault('ARCHIVE_UNSAFE_PATH', `${quoted(both)} is a file and a folder`));
    return { ok: true, file, zip, entries };
  } catch (error) {
    return refused(damaged(error));
  }
}

function wrongEntry(entry: yauzl.Entry, name: string): ReleaseProblem | null {
  const reason = unsafePath(name) ?? unsafePath(plainName(entry)) ?? unsafeKind(entry);
  if (reason !== null) return fault('ARCHIVE_UNSAFE_PATH', `the path ${quoted(name)} ${reason}`);
  if (entry.isEncrypted()) return fault('ASSET_UNREADABLE', 'it is encrypted');
  if (entry.compressionMethod === 0 || entry.compressionMethod === 8) return null;
  return fault('ASSET_UNREADABLE', `${quoted(name)} is packed with method ${entry.compressionMethod}`);
}

/** The upper half is the Unix mode, whatever system the archive says it comes from; 0 where there is none. */
function unsafeKind(entry: yauzl.Entry): string | null {
  const kind = (entry.externalFileAttributes >>> 16) & 0xf000;
  if (kind === 0xa000) return 'is a link';
  return kind === 0 || kind === 0x8000 || kind === 0x4000 ? null : 'is no plain file';
}

function overLimits(total: number, archiveSize: number, limits: ArchiveLimits): ReleaseProblem | null {
  if (total > limits.totalBytes) return fault('ARCHIVE_TOO_LARGE', `unpacked it has over ${limits.totalBytes} bytes`);
  if (total <= limits.ratioFromBytes || total <= archiveSize * limits.ratio) return null;
  return fault('ARCHIVE_TOO_LARGE', `unpacked it is more than ${limits.ratio} times as large as packed`);
}

/** Many packers write UTF-8 and do not say so; bytes that are valid UTF-8 are taken as such before the format's old default. */
function nameOf(entry: yauzl.Entry): string {
  try {
    return UTF8.decode(entry.fileNameRaw);
  } catch {
    return plainName(entry);
  }
}

function plainName(entry: yauzl.Entry): string {
  return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

async function openEntry({ file, zip }: Zip, entry: yauzl.Entry, onDamage: (error: Error) => void): Promise<Readable> {
  const header = zip.readLocalFileHeaderPromise(entry, { minimal: true });
  header.catch(onDamage);
  const { fileDataStart } = await header;
  const source = Readable.from(bytesOf(file, fileDataStart, entry.compressedSize));
  const checked = checker(entry);
  // First to hear of it, so that damage is noted before whoever reads can fail; who stops reading early has found none.
  checked.once('error', onDamage);
  const inflate = entry.compressionMethod === 0 ? [] : [createInflateRaw()];
  pipeline([source, ...inflate, checked], () => undefined);
  return checked;
}

/** No stream of the file handle's own: it would keep the file open until it is closed itself. */
async function* bytesOf(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; ) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, length - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, start + at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Lets through exactly the bytes that the directory promised. */
function checker(entry: yauzl.Entry): Transform {
  let size = 0;
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      sum = crc32(chunk, sum);
      done(size > entry.uncompressedSize ? new Error('a file is longer than the directory says') : null, chunk);
    },
    flush(done) {
      const right = size === entry.uncompressedSize && sum === entry.crc32;
      done(right ? null : new Error('the size or the checksum of a file does not match'));
    },
  });
}

type ReadDone = (error: Error | null, bytesRead?: number) => void;

/** A class because yauzl wants one. Its own lets a made-up position reach the file system, which throws outside of any promise. */
class FileReader extends yauzl.RandomAccessReader {
  readonly file: FileHandle;

  constructor(file: FileHandle) {
    super();
    this.file = file;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, done: ReadDone): void {
    this.file.read(buffer, offset, length, position).then(({ bytesRead }) => done(null, bytesRead), done);
  }
}

/** Errors of the disk are ours and go on; all others are the archive's. */
function damaged(error: unknown): ReleaseProblem {
  if (!(error instanceof Error) || 'syscall' in error) throw error;
  return fault('ARCHIVE_DAMAGED', error.message.slice(0, 150));
}

function fault(code: keyof typeof FAULTS, what: string): ReleaseProblem {
  const [start, fix] = FAULTS[code];
  return { code, severity: 'error', platform: null, detail: `${start}: ${what}.`, fix };
}

function refused(problem: ReleaseProblem): Refusal {
  return { ok: false, problem };
}

function quoted(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
}
