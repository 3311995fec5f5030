import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type {
  CommitStatus,
  FileChange,
  PullRequestSpec,
  PullRequestState,
  RemoteRepository,
  RemoteTreeFile,
} from '../forge.ts';
import { gitBlobId } from '../git-blob.ts';
import type { GiteaApi } from './client.ts';
import { MAX_FILE_BYTES, readFile } from './files.ts';
import { branchPath, currentPath, filesAt, headOf } from './tree.ts';

const pullSchema = z.object({
  number: z.int(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.string(),
  html_url: z.string(),
  head: z.object({ ref: z.string(), repo_id: z.int().nullish() }),
  base: z.object({ ref: z.string(), repo_id: z.int().nullish() }),
});
type Pull = z.infer<typeof pullSchema>;

export async function setStatus(
  api: GiteaApi,
  repository: RemoteRepository,
  commit: string,
  { state, context, description, targetUrl }: CommitStatus,
): Promise<void> {
  const path = await requirePath(api, repository);
  const body = { state, context, description, target_url: targetUrl ?? '' };
  const made = await api.ask(`POST ${path}/statuses/${commit}`, body);
  if (made === null) throw missingRight('mark a commit');
}

export async function writeFile(
  api: GiteaApi,
  repository: RemoteRepository,
  file: { branch: string; path: string; content: Uint8Array; message: string },
): Promise<'written' | 'unchanged'> {
  const path = await requirePath(api, repository);
  const head = await headOf(api, path, file.branch);
  if (head === null) throw new ForgeTrouble('refused', `there is no branch "${file.branch}"`);
  const files = await filesAt(api, path, head);
  const known = files.find((each) => each.path === file.path);
  if (known?.blob === gitBlobId(file.content)) return 'unchanged';
  await commit(api, path, { branch: file.branch, message: file.message }, [file], files);
  return 'written';
}

/**
 * The pull request of a branch. A branch without an open one is a left-over of an earlier one and is made anew. On an open one
 * whatever differs from base and changes is committed on top, so that it stays the same pull request.
 */
export async function propose(
  api: GiteaApi,
  repository: RemoteRepository,
  spec: PullRequestSpec,
): Promise<PullRequestState> {
  const path = await requirePath(api, repository);
  const base = await headOf(api, path, spec.base);
  if (base === null) throw new ForgeTrouble('refused', `there is no branch "${spec.base}"`);
  const baseFiles = await filesAt(api, path, base);
  const open = await openPull(api, path, spec);
  const head = await headOf(api, path, spec.branch);
  const ours = head === null ? null : await filesAt(api, path, head);
  const missing = ours === null ? null : missingIn(ours, baseFiles, spec.changes);
  if (open !== null && ours !== null && missing !== null) {
    if (missing.length > 0) await commit(api, path, spec, await filled(api, repository, base, missing), ours);
    const isReworded = await reword(api, path, open, spec);
    const change = missing.length > 0 || isReworded ? 'updated' : 'unchanged';
    return { number: open.number, url: open.html_url, change };
  }
  // A branch that is as it should be is somebody's who is about to open its pull request at this very moment.
  if (missing?.length === 0) return openNew(api, path, spec);
  if (head !== null) await api.ask(`DELETE ${path}/branches/${branchPath(spec.branch)}`);
  const { branch, base: from, message } = spec;
  await commit(api, path, { branch: from, newBranch: branch, message }, spec.changes, baseFiles);
  return openNew(api, path, spec);
}

async function openNew(api: GiteaApi, path: string, spec: PullRequestSpec): Promise<PullRequestState> {
  const { branch: head, base, title, body } = spec;
  const made = pullSchema.safeParse(await api.ask(`POST ${path}/pulls`, { head, base, title, body }));
  if (!made.success) throw missingRight('open a pull request');
  return { number: made.data.number, url: made.data.html_url, change: 'opened' };
}

/** The list is read, as no search by branch is the same on all versions; forks may have a branch of that name. */
async function openPull(api: GiteaApi, path: string, spec: PullRequestSpec): Promise<Pull | null> {
  const pulls = await api.list(`${path}/pulls?state=open`, (entry) => pullSchema.safeParse(entry).data ?? null);
  return (
    pulls?.find(
      ({ state, head, base }) =>
        state === 'open' && head.ref === spec.branch && base.ref === spec.base && head.repo_id === base.repo_id,
    ) ?? null
  );
}

async function reword(api: GiteaApi, path: string, open: Pull, { title, body }: PullRequestSpec): Promise<boolean> {
  if (open.title === title && (open.body ?? '') === body) return false;
  await api.ask(`PATCH ${path}/pulls/${open.number}`, { title, body });
  return true;
}

interface Missing {
  path: string;
  /** null with `fromBase`: what the base holds. */
  content: Uint8Array | null;
  fromBase: boolean;
}

/** What has to be committed on a tree so that it holds the base with the changes. */
function missingIn(
  ours: readonly RemoteTreeFile[],
  base: readonly RemoteTreeFile[],
  changes: readonly FileChange[],
): Missing[] {
  const changed = new Map(changes.map((each) => [each.path, each.content]));
  // What is too large to be read was never ours; a base that moved on may differ there.
  const kept = base.filter(({ size }) => size > MAX_FILE_BYTES).map(({ path }) => path);
  const based = new Map(base.map(({ path, blob }) => [path, blob]));
  const own = new Map(ours.map(({ path, blob }) => [path, blob]));
  const paths = new Set([...own.keys(), ...based.keys(), ...changed.keys()]);
  return [...paths].flatMap((path): Missing[] => {
    const content = changed.get(path);
    if (content === undefined) {
      if (own.get(path) === based.get(path) || kept.includes(path)) return [];
      return [{ path, content: null, fromBase: based.has(path) }];
    }
    const blob = content === null ? undefined : gitBlobId(content);
    return own.get(path) === blob ? [] : [{ path, content, fromBase: false }];
  });
}

async function filled(
  api: GiteaApi,
  repository: RemoteRepository,
  base: string,
  missing: readonly Missing[],
): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const { path, content, fromBase } of missing)
    changes.push({ path, content: fromBase ? await readFile(api, repository, base, path) : content });
  return changes;
}

/** https://docs.gitea.com/api: "Modify multiple files in a repository", one commit; Forgejo has the same. */
async function commit(
  api: GiteaApi,
  path: string,
  on: { branch: string; newBranch?: string; message: string },
  changes: readonly FileChange[],
  known: readonly RemoteTreeFile[],
): Promise<void> {
  const files = changes.map(({ path: file, content }) => {
    const sha = known.find((each) => each.path === file)?.blob;
    if (content === null) return { operation: 'delete', path: file, sha };
    const bytes = Buffer.from(content).toString('base64');
    const made = { path: file, content: bytes };
    return sha === undefined ? { operation: 'create', ...made } : { operation: 'update', ...made, sha };
  });
  const { branch, newBranch, message } = on;
  const body = { branch, message, files, ...(newBranch === undefined ? {} : { new_branch: newBranch }) };
  if ((await api.ask(`POST ${path}/contents`, body)) === null) throw missingRight('commit to the repository');
}

async function requirePath(api: GiteaApi, repository: RemoteRepository): Promise<string> {
  const path = await currentPath(api, repository);
  if (path === null) throw new ForgeTrouble('refused', 'there is no such repository, or the token may not see it');
  return path;
}

function missingRight(what: string): ForgeTrouble {
  return new ForgeTrouble('refused', `the token has no right to ${what}, or the repository has that switched off`);
}
