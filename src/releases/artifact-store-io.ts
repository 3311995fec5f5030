import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Hashes of a file as lower-case hex. */
export interface Digest {
  size: number;
  sha256: string;
  sha384: string;
  sha512: string;
}

/** Files by their sha256, on disk. A file is there whole or not at all. */
export interface ArtifactStore {
  /** Where the file of these bytes is, or would be. */
  pathOf(sha256: string): string;
  /** True: it is there, and as large as it must be. */
  has(sha256: string, size: number): Promise<boolean>;
  /** Streams into a file of its own; the caller keeps (`keep`) or drops (`drop`) it. Throws `too large` past `maxBytes`. */
  receive(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ path: string; digest: Digest }>;
  /** A path for a file that is about to be made, in the folder that `keep` can rename from. */
  scratch(): Promise<string>;
  digest(path: string): Promise<Digest>;
  /** Takes a received or made file in under its hash. */
  keep(path: string, sha256: string): Promise<void>;
  drop(path: string): Promise<void>;
  /** Removes what a crash left behind. Called once at start. */
  sweep(olderThanMs: number, now: number): Promise<void>;
  freeBytesProbe(): Promise<void>;
}

export class TooLarge extends Error {}

export function makeArtifactStore(folder: string): ArtifactStore {
  const incoming = join(folder, 'incoming');
  const pathOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256);

  async function scratch(): Promise<string> {
    await mkdir(incoming, { recursive: true });
    return join(incoming, randomBytes(12).toString('hex'));
  }

  return {
    pathOf,
    scratch,
    async has(sha256, size) {
      const info = await stat(pathOf(sha256)).catch(() => null);
      return info?.isFile() === true && info.size === size;
    },
    async receive(stream, maxBytes) {
      const path = await scratch();
      const hashes = makeHashes();
      const file = await open(path, 'wx');
      try {
        for await (const chunk of stream) {
          if (hashes.add(chunk) > maxBytes) throw new TooLarge(`more than ${maxBytes} bytes`);
          // Not write(): on a disk that is nearly full it takes a part and calls that a success.
          await file.appendFile(chunk);
        }
        await file.sync();
      } catch (error) {
        await file.close();
        await rm(path, { force: true });
        throw error;
      }
      await file.close();
      return { path, digest: hashes.end() };
    },
    async digest(path) {
      const hashes = makeHashes();
      for await (const chunk of createReadStream(path)) hashes.add(chunk as Buffer);
      return hashes.end();
    },
    async keep(path, sha256) {
      const target = pathOf(sha256);
      await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      await syncFolder(dirname(target));
    },
    drop: (path) => rm(path, { force: true }),
    async sweep(olderThanMs, now) {
      for (const name of await readdir(incoming).catch(() => [] as string[])) {
        const path = join(incoming, name);
        const info = await stat(path).catch(() => null);
        if (info && now - info.mtimeMs > olderThanMs) await rm(path, { force: true, recursive: true });
      }
    },
    async freeBytesProbe() {
      const path = await scratch();
      const file = await open(path, 'wx');
      await file.write('probe');
      await file.sync();
      await file.close();
      await rm(path, { force: true });
    },
  };
}

function makeHashes() {
  const all = { sha256: createHash('sha256'), sha384: createHash('sha384'), sha512: createHash('sha512') };
  let size = 0;
  return {
    /** The size so far. */
    add(chunk: Uint8Array): number {
      for (const hash of Object.values(all)) hash.update(chunk);
      size += chunk.length;
      return size;
    },
    end: (): Digest => ({
      size,
      sha256: all.sha256.digest('hex'),
      sha384: all.sha384.digest('hex'),
      sha512: all.sha512.digest('hex'),
    }),
  };
}

/** Without it a power cut may undo the rename. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().catch(() => undefined);
  await handle.close();
}
