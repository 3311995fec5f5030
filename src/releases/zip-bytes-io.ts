import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** Noon, because no time zone skips it: the same files give the same bytes everywhere. */
const MODIFIED_AT = new Date(1980, 0, 1, 12);

/** A small zip in memory. */
export async function zipBytes(files: readonly { path: string; bytes: Uint8Array }[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { path, bytes } of files) {
    zip.addBuffer(Buffer.from(bytes), path, { mtime: MODIFIED_AT, mode: 0o100644, forceDosTimestamp: true });
  }
  zip.end();
  return buffer(zip.outputStream as unknown as NodeJS.ReadableStream);
}
