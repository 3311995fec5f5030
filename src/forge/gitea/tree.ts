import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { RemoteRepository, RemoteTree, RemoteTreeFile } from '../forge.ts';
import { apiPath, type GiteaApi } from './client.ts';
import { readRepository, readText } from './schema.ts';

const PAGE_SIZE = 1_000;
const MAX_PAGES = 200;

const branchSchema = z.object({ name: z.string(), commit: z.object({ id: z.string().regex(/^[0-9a-f]{40,64}$/) }) });
const pageSchema = z.object({
  truncated: z.boolean().catch(false),
  tree: z.array(
    z.object({
      path: z.string(),
      mode: z.string(),
      type: z.string(),
      size: z.int().nonnegative().catch(0),
      sha: z.string(),
    }),
  ),
});

/** `/repos/{owner}/{name}` of a repository as it is called now: a write under an old name would be redirected. */
export async function currentPath(api: GiteaApi, { id }: RemoteRepository): Promise<string | null> {
  return (await currentRepository(api, id))?.path ?? null;
}

async function currentRepository(
  api: GiteaApi,
  id: string,
): Promise<{ path: string; defaultBranch: string | null } | null> {
  const route = apiPath('repositories', id);
  const data = route && (await api.ask(`GET ${route}`));
  const repository = data ? readRepository(data) : null;
  const path = repository && apiPath('repos', repository.owner, repository.name);
  return path ? { path, defaultBranch: readText(data, 'default_branch') } : null;
}

/** The commit at the head of a branch; null: there is no such branch. Its name may hold slashes. */
export async function headOf(api: GiteaApi, path: string, branch: string): Promise<string | null> {
  if (branch === '' || branch.split('/').some((part) => part === '' || part === '.' || part === '..')) return null;
  const data = await api.ask(`GET ${path}/branches/${branchPath(branch)}`);
  const found = branchSchema.safeParse(data);
  return found.success && found.data.name === branch ? found.data.commit.id : null;
}

export async function readTree(
  api: GiteaApi,
  repository: RemoteRepository,
  wanted: string | null,
): Promise<RemoteTree | null> {
  const now = await currentRepository(api, repository.id);
  const branch = wanted ?? now?.defaultBranch ?? null;
  const commit = now && branch ? await headOf(api, now.path, branch) : null;
  if (now === null || branch === null || commit === null) return null;
  return { branch, commit, files: await filesAt(api, now.path, commit) };
}

export async function filesAt(api: GiteaApi, path: string, commit: string): Promise<RemoteTreeFile[]> {
  const files: RemoteTreeFile[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const data = await api.ask(`GET ${path}/git/trees/${commit}`, { recursive: 'true', per_page: PAGE_SIZE, page });
    const read = pageSchema.safeParse(data);
    if (!read.success) throw new ForgeTrouble('bad_answer', `${path} did not answer with the tree of a commit`);
    for (const { path: file, mode, type, size, sha } of read.data.tree)
      if (type === 'blob' && mode.startsWith('100')) files.push({ path: file, size, blob: sha, mode });
    if (!read.data.truncated || read.data.tree.length === 0) return files;
  }
  throw new ForgeTrouble('refused', `${path} has more files than can be read`);
}

/** The route takes the slashes of a name as they are. */
export function branchPath(branch: string): string {
  return branch.split('/').map(encodeURIComponent).join('/');
}
