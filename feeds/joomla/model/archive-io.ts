import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';

export interface ArchiveContent {
  /** Files only, forward slashes, in archive order. */
  paths: string[];
  /** null: damaged, or larger than a manifest ever is (2 MB). */
  read(path: string): Promise<Uint8Array | null>;
}

const LARGEST_READ = 2_000_000;

/** A zip that is held in memory; null where the bytes are none, or hold a path that leads out of it. */
export async function openArchive(body: Uint8Array): Promise<ArchiveContent | null> {
  try {
    const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const zip = await fromBufferPromise(buffer, { lazyEntries: true, autoClose: false });
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
    }
    return { paths: [...entries.keys()], read: (path) => readEntry(zip, entries.get(path)) };
  } catch {
    return null;
  }
}

async function readEntry(zip: ZipFile, entry: Entry | undefined): Promise<Uint8Array | null> {
  if (entry === undefined || entry.uncompressedSize > LARGEST_READ) return null;
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch {
    return null;
  }
}
