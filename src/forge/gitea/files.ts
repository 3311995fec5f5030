import { ForgeTrouble } from '../../errors.ts';
import { readBounded } from '../fetch.ts';
import type { RemoteFile, RemoteRepository } from '../forge.ts';
import { apiPath, type GiteaApi } from './client.ts';
import { readTag } from './schema.ts';

export const MAX_FILE_BYTES = 1024 * 1024;

/** Throws ForgeTrouble `refused` for more than 1 MB: another try would not help. */
export async function readFile(
  api: GiteaApi,
  repository: RemoteRepository,
  ref: string,
  path: string,
): Promise<Uint8Array | null> {
  const commit = await commitOf(api, repository, ref);
  const route = apiPath('repos', repository.owner, repository.name, 'raw', ...path.split('/'));
  if (commit === null || route === null) return null;
  const response = await api.open(`/api/v1${route}?ref=${commit}`, false);
  if (response === null) return null;
  if (response.body === null) return new Uint8Array();
  const bytes = await readBounded(response.body, MAX_FILE_BYTES);
  if (bytes === null) throw new ForgeTrouble('refused', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return bytes;
}

export async function openArchive(
  api: GiteaApi,
  repository: RemoteRepository,
  tag: string,
): Promise<RemoteFile | null> {
  const commit = await commitOf(api, repository, tag);
  const route = apiPath('repos', repository.owner, repository.name, 'archive', `${commit}.zip`);
  if (commit === null || route === null) return null;
  return openFile(api, `/api/v1${route}`);
}

/** A stream of the bytes at a path of the forge, which may hand it on to a signed address. */
export async function openFile(api: GiteaApi, path: string): Promise<RemoteFile | null> {
  const response = await api.open(path, true);
  if (response === null) return null;
  const length = response.headers.get('content-length');
  return { stream: response.body ?? nothing(), size: length === null ? null : Number(length) };
}

/**
 * Files are always asked for by commit: for a name that it does not know `raw` serves the default branch instead of 404,
 * and a branch with the name of a tag goes before the tag.
 */
async function commitOf(api: GiteaApi, repository: RemoteRepository, ref: string): Promise<string | null> {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref)) return ref;
  const route = apiPath('repos', repository.owner, repository.name, 'tags', ref);
  if (route === null) return null;
  return readTag(await api.ask(`GET ${route}`))?.commit ?? null;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
