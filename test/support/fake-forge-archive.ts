import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import type { FakeCommit } from './fake-forge-world.ts';

/** A zip of a commit's files under one top folder, as forges make it; the same bytes for the same commit. */
export async function archiveOf(commit: FakeCommit, folder: string): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const [path, content] of [...commit.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    zip.addBuffer(Buffer.from(content), `${folder}/${path}`, { mtime: new Date(commit.at) });
  }
  zip.end();
  return buffer(zip.outputStream);
}
