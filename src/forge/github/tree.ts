import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { ForgeConnection, RemoteRepository, RemoteTree, RemoteTreeFile } from '../forge.ts';
import { repositoryPath } from './address.ts';
import { ask } from './client.ts';

const REPOSITORY = z.object({
  name: z.string(),
  owner: z.object({ login: z.string() }),
  default_branch: z.string().nullish(),
});
const REF = z.object({ object: z.object({ sha: z.string() }) });
const TREE = z.object({
  truncated: z.boolean().default(false),
  tree: z.array(
    z.object({
      path: z.string(),
      mode: z.string(),
      type: z.string(),
      size: z.number().int().nonnegative().default(0),
      sha: z.string(),
    }),
  ),
});

/** A repository as it is called now; null: not there, or not to be seen. A write under an old name is never redirected. */
export async function currentRepository(
  forge: ForgeConnection,
  { id }: RemoteRepository,
): Promise<{ path: string; owner: string; defaultBranch: string | null } | null> {
  const found = /^\d+$/.test(id) ? await ask(forge, `GET /repositories/${id}`) : null;
  const read = REPOSITORY.safeParse(found?.data);
  if (!read.success) return null;
  const { name, owner, default_branch: defaultBranch } = read.data;
  const path = repositoryPath({ owner: owner.login, name });
  return path === null ? null : { path, owner: owner.login, defaultBranch: defaultBranch ?? null };
}

/** The commit at the head of a branch; null: there is no such branch. */
export async function headOf(forge: ForgeConnection, path: string, branch: string): Promise<string | null> {
  if (branch.split('/').some((part) => part === '' || part === '.' || part === '..')) return null;
  const found = await ask(forge, `GET ${path}/git/ref/heads/${branch.split('/').map(encodeURIComponent).join('/')}`);
  return REF.safeParse(found?.data).data?.object.sha ?? null;
}

export async function readTree(
  forge: ForgeConnection,
  repository: RemoteRepository,
  wanted: string | null,
): Promise<RemoteTree | null> {
  const now = await currentRepository(forge, repository);
  const branch = wanted ?? now?.defaultBranch ?? null;
  const commit = now && branch ? await headOf(forge, now.path, branch) : null;
  if (now === null || branch === null || commit === null) return null;
  return { branch, commit, files: await filesAt(forge, now.path, commit) };
}

export async function filesAt(forge: ForgeConnection, path: string, commit: string): Promise<RemoteTreeFile[]> {
  const found = await ask(forge, `GET ${path}/git/trees/${commit}`, { recursive: '1' });
  const read = TREE.safeParse(found?.data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with the tree of a commit');
  if (read.data.truncated) throw new ForgeTrouble('refused', 'the repository has more files than GitHub lists at once');
  return read.data.tree
    .filter(({ type, mode }) => type === 'blob' && mode.startsWith('100'))
    .map(({ path: file, size, sha, mode }) => ({ path: file, size, blob: sha, mode }));
}
