import { ForgeTrouble } from '../errors.ts';
import { forgeFetch } from '../forge/fetch.ts';
import type { Target } from '../forge/fetch-hop.ts';
import { type ArtifactStore, type Digest, TooLarge } from '../releases/artifact-store-io.ts';
import { HASH_NAMES, type OldRelease } from '../updates/old-releases.ts';

export type FetchedRelease =
  | { ok: true; path: string; digest: Digest; from: string; name: string }
  | { ok: false; code: FetchFault; words: string };
type FetchFault = 'FILE_MISSING' | 'FILE_TOO_LARGE' | 'HASH_MISMATCH';

/** No host has this name (RFC 6761), so every address counts as a stranger's. */
const NOWHERE = 'https://forge.invalid';

/**
 * Who is asked for old files: the product's forge with its token, everybody else without one and at public addresses only, but for
 * hosts that the operator named.
 */
export function targetOf(forge: { baseUrl: string; token: string | null } | null, trusted: readonly string[]): Target {
  const isWeb = forge !== null && /^https?:\/\//i.test(forge.baseUrl);
  const { baseUrl, token } = isWeb ? forge : { baseUrl: NOWHERE, token: null };
  return { baseUrl, token, trustedHosts: trusted };
}

/** Fetches a file from the first of its addresses that has it as the document says; the caller keeps or drops it. */
export async function fetchRelease(
  deps: { store: ArtifactStore; maxBytes: number },
  target: Target,
  { downloads, hashes }: OldRelease,
): Promise<FetchedRelease> {
  let fault: FetchedRelease = { ok: false, code: 'FILE_MISSING', words: 'it names no file' };
  for (const url of downloads) {
    const fetched = await fetchOne(deps, target, url);
    if (!fetched.ok) {
      fault = fetched;
      continue;
    }
    const other = HASH_NAMES.find((name) => hashes[name] !== undefined && hashes[name] !== fetched.digest[name]);
    if (other === undefined) return fetched;
    await deps.store.drop(fetched.path);
    const words = `${fetched.from} gives a file with ${other} ${fetched.digest[other]}, and the document says ${hashes[other]}`;
    fault = { ok: false, code: 'HASH_MISMATCH', words };
  }
  return fault;
}

/** No word of a fault holds a query: it may hold a key. */
async function fetchOne(
  { store, maxBytes }: { store: ArtifactStore; maxBytes: number },
  target: Target,
  url: string,
): Promise<FetchedRelease> {
  if (!URL.canParse(url)) return { ok: false, code: 'FILE_MISSING', words: 'its <downloadurl> is no address' };
  const { host, pathname } = new URL(url);
  try {
    const answer = await forgeFetch(target, { expect: 'bytes', leaveOrigin: true })(url);
    if (!answer.ok || answer.body === null)
      return { ok: false, code: 'FILE_MISSING', words: `${host} answers ${answer.status}` };
    const received = await store.receive(answer.body, maxBytes);
    return { ok: true, ...received, from: host, name: fileNameOf(pathname) };
  } catch (error) {
    if (error instanceof TooLarge) {
      const words = `the file is larger than ${Math.round(maxBytes / 2 ** 20)} MB; raise MAX_ARTIFACT_MB`;
      return { ok: false, code: 'FILE_TOO_LARGE', words };
    }
    if (error instanceof ForgeTrouble) return { ok: false, code: 'FILE_MISSING', words: error.message };
    throw error;
  }
}

/** Empty: the address ends in nothing that could be the name of a zip. */
function fileNameOf(pathname: string): string {
  const last = pathname.split('/').at(-1) ?? '';
  return /^[\w][\w.+-]{0,200}\.zip$/i.test(last) ? last : '';
}
