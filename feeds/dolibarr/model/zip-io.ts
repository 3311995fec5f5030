import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from 'yauzl';

export interface ZipEntry {
  /** As it stands in the archive; ends in a slash for a folder. */
  path: string;
  size: number;
}

export interface OpenZip {
  entries: ZipEntry[];
  /** The whole content of an entry of at most `mostBytes`; null for anything larger or damaged. */
  read(path: string, mostBytes: number): Promise<Buffer | null>;
}

/** Opens an archive that is in memory, names unchecked; null where it is no zip or its directory is damaged. */
export async function openZip(bytes: Uint8Array): Promise<OpenZip | null> {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const zip = await fromBufferPromise(buffer, { lazyEntries: true, decodeStrings: false, autoClose: false });
    const entries: [string, Entry][] = [];
    for await (const entry of zip.eachEntry()) entries.push([nameOf(entry), entry]);
    return {
      entries: entries.map(([path, entry]) => ({ path, size: entry.uncompressedSize })),
      read: (path, mostBytes) => readEntry(zip, entries.find(([name]) => name === path)?.[1], mostBytes),
    };
  } catch {
    return null;
  }
}

function nameOf(entry: Entry): string {
  return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

async function readEntry(zip: ZipFile, entry: Entry | undefined, mostBytes: number): Promise<Buffer | null> {
  if (!entry || entry.uncompressedSize > mostBytes) return null;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch {
    return null;
  }
}
