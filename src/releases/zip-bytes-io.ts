import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { FILE_OPTIONS } from './repack-io.ts';

/** A small zip in memory; the same files give the same bytes. */
export async function zipBytes(files: readonly { path: string; bytes: Uint8Array }[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { path, bytes } of files) zip.addBuffer(Buffer.from(bytes), path, FILE_OPTIONS);
  zip.end();
  return buffer(zip.outputStream as unknown as NodeJS.ReadableStream);
}
