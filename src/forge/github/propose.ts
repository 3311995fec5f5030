import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type {
  CommitStatus,
  FileChange,
  ForgeConnection,
  PullRequestSpec,
  PullRequestState,
  RemoteRepository,
} from '../forge.ts';
import { gitBlobId } from '../git-blob.ts';
import { ask, askAll, refused, send } from './client.ts';
import { currentRepository, filesAt, headOf } from './tree.ts';

/** GitHub takes no more. */
const DESCRIPTION_LENGTH = 140;

const SHA = z.object({ sha: z.string() });
const COMMIT = z.object({ sha: z.string(), tree: SHA, parents: z.array(SHA) });
const PULL = z.object({
  number: z.number().int(),
  title: z.string(),
  body: z.string().nullish(),
  html_url: z.string(),
  head: z.object({ ref: z.string() }),
  base: z.object({ ref: z.string() }),
});

/** GitHub knows no warning: it is a success whose text says more. */
export async function setGitHubStatus(
  forge: ForgeConnection,
  repository: RemoteRepository,
  commit: string,
  { state, context, description, targetUrl }: CommitStatus,
): Promise<void> {
  const { path } = await requireRepository(forge, repository);
  await write(forge, `POST ${path}/statuses/${commit}`, {
    state: state === 'warning' ? 'success' : state,
    context,
    description: description.slice(0, DESCRIPTION_LENGTH),
    ...(targetUrl === null ? {} : { target_url: targetUrl }),
  });
}

export async function writeGitHubFile(
  forge: ForgeConnection,
  repository: RemoteRepository,
  file: { branch: string; path: string; content: Uint8Array; message: string },
): Promise<'written' | 'unchanged'> {
  const { path } = await requireRepository(forge, repository);
  const head = await headOf(forge, path, file.branch);
  if (head === null) throw new ForgeTrouble('refused', `there is no branch "${file.branch}"`);
  const known = (await filesAt(forge, path, head)).find((each) => each.path === file.path);
  if (known?.blob === gitBlobId(file.content)) return 'unchanged';
  const route = `PUT ${path}/contents/${file.path.split('/').map(encodeURIComponent).join('/')}`;
  const content = Buffer.from(file.content).toString('base64');
  const { branch, message } = file;
  await write(forge, route, { branch, message, content, ...(known ? { sha: known.blob } : {}) });
  return 'written';
}

/** One commit on top of the base; the branch is moved there by force, so that an open pull request stays the same one. */
export async function proposeOnGitHub(
  forge: ForgeConnection,
  repository: RemoteRepository,
  spec: PullRequestSpec,
): Promise<PullRequestState> {
  const { path, owner } = await requireRepository(forge, repository);
  const base = await headOf(forge, path, spec.base);
  if (base === null) throw new ForgeTrouble('refused', `there is no branch "${spec.base}"`);
  const head = await headOf(forge, path, spec.branch);
  const tree = await treeWith(forge, path, base, spec.changes);
  const isThere = head !== null && (await isCommitOf(forge, path, head, tree, base));
  if (!isThere) await moveBranch(forge, path, { ...spec, head, base, tree });
  const open = await openPull(forge, path, owner, spec);
  if (open === null) return openNew(forge, path, spec);
  const isReworded = open.title !== spec.title || (open.body ?? '') !== spec.body;
  if (isReworded) await write(forge, `PATCH ${path}/pulls/${open.number}`, { title: spec.title, body: spec.body });
  return { number: open.number, url: open.html_url, change: isThere && !isReworded ? 'unchanged' : 'updated' };
}

async function treeWith(
  forge: ForgeConnection,
  path: string,
  base: string,
  changes: readonly FileChange[],
): Promise<string> {
  const { tree } = await commitAt(forge, path, base);
  const modes = new Map((await filesAt(forge, path, base)).map((file) => [file.path, file.mode]));
  const entries: object[] = [];
  for (const { path: file, content } of changes) {
    const entry = { path: file, mode: modes.get(file) ?? '100644', type: 'blob' };
    if (content === null) entries.push({ ...entry, sha: null });
    else {
      const body = { content: Buffer.from(content).toString('base64'), encoding: 'base64' };
      entries.push({ ...entry, sha: shaOf(await write(forge, `POST ${path}/git/blobs`, body)) });
    }
  }
  return shaOf(await write(forge, `POST ${path}/git/trees`, { base_tree: tree.sha, tree: entries }));
}

async function isCommitOf(
  forge: ForgeConnection,
  path: string,
  commit: string,
  tree: string,
  base: string,
): Promise<boolean> {
  const found = await commitAt(forge, path, commit);
  return found.tree.sha === tree && found.parents.length === 1 && found.parents[0]?.sha === base;
}

async function moveBranch(
  forge: ForgeConnection,
  path: string,
  to: { branch: string; message: string; head: string | null; base: string; tree: string },
): Promise<void> {
  const { branch, message, head, base, tree } = to;
  const sha = shaOf(await write(forge, `POST ${path}/git/commits`, { message, tree, parents: [base] }));
  if (head === null) await write(forge, `POST ${path}/git/refs`, { ref: `refs/heads/${branch}`, sha });
  else {
    const ref = branch.split('/').map(encodeURIComponent).join('/');
    await write(forge, `PATCH ${path}/git/refs/heads/${ref}`, { sha, force: true });
  }
}

async function openPull(
  forge: ForgeConnection,
  path: string,
  owner: string,
  { branch, base }: PullRequestSpec,
): Promise<z.infer<typeof PULL> | null> {
  const wish = { state: 'open', head: `${owner}:${branch}`, base };
  const entries = (await askAll(forge, `GET ${path}/pulls`, wish)) ?? [];
  const pulls = entries.flatMap((entry) => PULL.safeParse(entry).data ?? []);
  return pulls.find((pull) => pull.head.ref === branch && pull.base.ref === base) ?? null;
}

async function openNew(forge: ForgeConnection, path: string, spec: PullRequestSpec): Promise<PullRequestState> {
  const { branch: head, base, title, body } = spec;
  const read = PULL.safeParse(await write(forge, `POST ${path}/pulls`, { head, base, title, body }));
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a pull request');
  return { number: read.data.number, url: read.data.html_url, change: 'opened' };
}

async function commitAt(forge: ForgeConnection, path: string, sha: string): Promise<z.infer<typeof COMMIT>> {
  const read = COMMIT.safeParse((await ask(forge, `GET ${path}/git/commits/${sha}`))?.data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a commit');
  return read.data;
}

/** A write that is refused, or aimed at what the token may not see, is ForgeTrouble `refused`. */
async function write(forge: ForgeConnection, route: string, parameters: Record<string, unknown>): Promise<unknown> {
  const answer = await send(forge, route, parameters);
  if (!('refusal' in answer)) return answer.data;
  throw refused(answer.refusal);
}

function shaOf(data: unknown): string {
  const read = SHA.safeParse(data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not say what it made');
  return read.data.sha;
}

async function requireRepository(forge: ForgeConnection, repository: RemoteRepository) {
  const found = await currentRepository(forge, repository);
  if (found === null) throw new ForgeTrouble('refused', 'there is no such repository, or the token may not see it');
  return found;
}
