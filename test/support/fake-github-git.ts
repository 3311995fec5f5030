import { createHash } from 'node:crypto';
import { gitBlobId } from '../../src/forge/git-blob.ts';
import { type Answer, type Call, type FakeGitHubWorld, MISSING, ok, refusal } from './fake-github-world.ts';

interface Entry {
  mode: string;
  sha: string;
}

interface Pull {
  number: number;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  head: string;
  base: string;
}

/** What Git keeps of one repository of the fake: the default branch is `main`. */
export interface FakeGit {
  branches: Map<string, string>;
  commits: Map<string, { tree: string; parents: string[]; message: string }>;
  trees: Map<string, Map<string, Entry>>;
  blobs: Map<string, Buffer>;
  pulls: Pull[];
  /** By commit, as they were sent; the latest of a context counts. */
  statuses: Map<string, { state: string; context: string; description: string; target_url?: string }[]>;
}

export function newGit(files: Record<string, string | Uint8Array>): FakeGit {
  const git: FakeGit = {
    ...{ branches: new Map(), commits: new Map(), trees: new Map(), blobs: new Map(), pulls: [], statuses: new Map() },
  };
  pushFiles(git, 'main', files);
  return git;
}

/** A commit of a person: these files are added to a branch. */
export function pushFiles(git: FakeGit, branch: string, files: Record<string, string | Uint8Array>): string {
  const parent = git.branches.get(branch);
  const entries = new Map(parent ? git.trees.get(git.commits.get(parent)?.tree ?? '') : []);
  for (const [path, content] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    git.blobs.set(gitBlobId(bytes), bytes);
    entries.set(path, { mode: entries.get(path)?.mode ?? '100644', sha: gitBlobId(bytes) });
  }
  const commit = newCommit(git, newTree(git, entries), parent ? [parent] : [], 'More');
  git.branches.set(branch, commit);
  return commit;
}

function newTree(git: FakeGit, entries: Map<string, Entry>): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const sha = createHash('sha1').update(JSON.stringify(sorted)).digest('hex');
  git.trees.set(sha, new Map(sorted));
  return sha;
}

function newCommit(git: FakeGit, tree: string, parents: string[], message: string): string {
  const sha = createHash('sha1').update(`${tree} ${parents} ${message} ${git.commits.size}`).digest('hex');
  git.commits.set(sha, { tree, parents, message });
  return sha;
}

/** The file of a commit; undefined: this is no commit of a branch, null: it has no such file. */
export function fileAt(git: FakeGit, commit: string, path: string): Buffer | null | undefined {
  const found = git.commits.get(commit);
  if (!found) return undefined;
  return git.blobs.get(git.trees.get(found.tree)?.get(path)?.sha ?? '') ?? null;
}

/** Everything below `/repos/{owner}/{name}` that is Git data, statuses, pull requests, or a write of a file; null: something else. */
export function answerGit(
  world: FakeGitHubWorld,
  call: Call,
  full: string,
  git: FakeGit,
  [what = '', ...rest]: string[],
): Answer | null {
  if (call.method !== 'GET' && ['git', 'statuses', 'pulls', 'contents'].includes(what) && !call.token?.admin)
    return refusal(403, 'Resource not accessible by personal access token');
  if (what === 'git') return gitData(call, git, rest);
  if (what === 'contents' && call.method === 'PUT') return putFile(call, git, rest.join('/'));
  if (what === 'statuses') return status(call, git, rest[0] ?? '');
  if (what === 'pulls') return pulls(world, call, full, git, rest[0]);
  return null;
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are read as they were sent
const sent = (call: Call): any => call.body;

function gitData(call: Call, git: FakeGit, [kind = '', ...rest]: string[]): Answer {
  const name = rest.join('/').replace(/^heads\//, '');
  if (kind === 'ref') return refOf(git, name);
  if (kind === 'refs') return moveRef(call, git, name);
  if (kind === 'blobs') {
    const bytes = Buffer.from(sent(call).content, sent(call).encoding);
    git.blobs.set(gitBlobId(bytes), bytes);
    return { status: 201, body: { sha: gitBlobId(bytes) } };
  }
  if (kind === 'trees' && call.method === 'POST') return postTree(call, git);
  if (kind === 'trees') return treeOf(git, rest[0] ?? '');
  if (kind === 'commits' && call.method === 'POST') {
    const { tree, parents, message } = sent(call);
    const sha = newCommit(git, tree, parents, message);
    return { status: 201, body: { sha } };
  }
  if (kind === 'commits') {
    const found = git.commits.get(rest[0] ?? '');
    if (!found) return MISSING;
    return ok({ sha: rest[0], tree: { sha: found.tree }, parents: found.parents.map((sha) => ({ sha })) });
  }
  return MISSING;
}

function refOf(git: FakeGit, name: string): Answer {
  const sha = git.branches.get(name);
  return sha ? ok({ ref: `refs/heads/${name}`, object: { type: 'commit', sha } }) : MISSING;
}

function moveRef(call: Call, git: FakeGit, name: string): Answer {
  const { ref, sha } = sent(call);
  const branch = call.method === 'POST' ? String(ref).replace('refs/heads/', '') : name;
  if (call.method === 'POST' && git.branches.has(branch)) return refusal(422, 'Reference already exists');
  if (call.method === 'PATCH' && !git.branches.has(branch)) return refusal(422, 'Reference does not exist');
  if (!git.commits.has(sha)) return refusal(422, 'Object does not exist');
  git.branches.set(branch, sha);
  return { status: call.method === 'POST' ? 201 : 200, body: { object: { sha } } };
}

function postTree(call: Call, git: FakeGit): Answer {
  const base = git.trees.get(sent(call).base_tree);
  if (!base) return refusal(422, 'base_tree is not a valid tree oid');
  const entries = new Map(base);
  for (const { path, mode, sha } of sent(call).tree) {
    if (sha === null) entries.delete(path);
    else entries.set(path, { mode, sha });
  }
  return { status: 201, body: { sha: newTree(git, entries) } };
}

function treeOf(git: FakeGit, sha: string): Answer {
  const tree = git.trees.get(git.commits.get(sha)?.tree ?? sha);
  if (!tree) return MISSING;
  const entries = [...tree].map(([path, { mode, sha: blob }]) => ({
    ...{ path, mode, type: 'blob', sha: blob, size: git.blobs.get(blob)?.length ?? 0 },
  }));
  return ok({ sha, tree: entries, truncated: false });
}

/** `sha` names the content that is replaced: without it, or with another one, it is a 409. */
function putFile(call: Call, git: FakeGit, path: string): Answer {
  const { branch, content, sha } = sent(call);
  const head = git.branches.get(branch);
  if (!head) return refusal(404, `Branch ${branch} not found`);
  const known = git.trees.get(git.commits.get(head)?.tree ?? '')?.get(path)?.sha;
  if (known !== sha) return refusal(known === undefined ? 422 : 409, `${path} does not match ${sha}`);
  const commit = pushFiles(git, branch, { [path]: Buffer.from(content, 'base64') });
  return { status: known === undefined ? 201 : 200, body: { commit: { sha: commit } } };
}

function status(call: Call, git: FakeGit, sha: string): Answer {
  const { state, context, description = '' } = sent(call);
  if (!['error', 'failure', 'pending', 'success'].includes(state) || description.length > 140)
    return refusal(422, 'Validation Failed');
  const others = (git.statuses.get(sha) ?? []).filter((each) => each.context !== context);
  git.statuses.set(sha, [...others, sent(call)]);
  return { status: 201, body: { id: 1, state, context, description } };
}

function pulls(world: FakeGitHubWorld, call: Call, full: string, git: FakeGit, number: string | undefined): Answer {
  const [owner] = full.split('/');
  const shown = (pull: Pull) => ({
    ...{ number: pull.number, title: pull.title, body: pull.body, state: pull.state },
    html_url: `${world.url}/${full}/pull/${pull.number}`,
    ...{ head: { ref: pull.head }, base: { ref: pull.base } },
  });
  if (call.method === 'GET') {
    const wanted = {
      state: call.query.get('state') ?? 'open',
      head: call.query.get('head'),
      base: call.query.get('base'),
    };
    return ok(
      git.pulls
        .filter(
          (pull) => pull.state === wanted.state && (wanted.head === null || `${owner}:${pull.head}` === wanted.head),
        )
        .filter((pull) => wanted.base === null || pull.base === wanted.base)
        .map(shown),
    );
  }
  const { title, body, head, base } = sent(call);
  if (number !== undefined) {
    const pull = git.pulls.find((each) => each.number === Number(number));
    return pull ? ok(shown(Object.assign(pull, { title, body }))) : MISSING;
  }
  const isKnown = git.pulls.some((pull) => pull.state === 'open' && pull.head === head && pull.base === base);
  if (isKnown)
    return refusal(422, 'Validation Failed', [{ message: `A pull request already exists for ${owner}:${head}.` }]);
  if (!git.branches.has(head) || !git.branches.has(base)) return refusal(422, 'Validation Failed');
  const pull: Pull = { number: git.pulls.length + 1, title, body, state: 'open', head, base };
  git.pulls.push(pull);
  return { status: 201, body: shown(pull) };
}
