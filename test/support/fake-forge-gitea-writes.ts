import { gitBlobId } from '../../src/forge/git-blob.ts';
import { mayAdminister, mayWriteReleases } from './fake-forge-access.ts';
import { type GiteaCall, notFound, page } from './fake-forge-gitea-calls.ts';
import type { FakeAnswer } from './fake-forge-server.ts';
import { branchOf, commitTo, type FakeCommit, type FakePull, type FakeRepository } from './fake-forge-world.ts';

/** Branches, trees, commits, statuses and pull requests; null: the route is about something else. */
export function answerWrites(call: GiteaCall, repository: FakeRepository, rest: string[]): FakeAnswer | null {
  const { method } = call.request;
  const [what, ...more] = rest;
  if (what === 'branches' && method === 'GET') return branch(call, repository, more.join('/'));
  if (what === 'git' && more[0] === 'trees') return tree(call, repository, more[1] ?? '');
  if (what === 'pulls' && method === 'GET') return pulls(call, repository);
  const isWrite =
    (what === 'branches' && method === 'DELETE') || ['contents', 'statuses', 'pulls'].includes(what ?? '');
  if (!isWrite) return null;
  if (!mayAdminister(call.world, call.who, repository) && !mayWriteReleases(call.world, call.who, repository))
    return { status: 403, body: { message: 'user should have a permission to write to a repository' } };
  if (what === 'branches') return removeBranch(call, repository, more.join('/'));
  if (what === 'contents' && method === 'POST' && more.length === 0) return changeFiles(call, repository);
  if (what === 'statuses' && method === 'POST') return status(call, repository, more[0] ?? '');
  if (what === 'pulls' && method === 'POST') return open(call, repository);
  if (what === 'pulls' && method === 'PATCH') return edit(call, repository, Number(more[0]));
  return null;
}

function branch(call: GiteaCall, repository: FakeRepository, name: string): FakeAnswer {
  const commit = branchOf(repository, name);
  return commit ? { status: 200, body: { name, commit: { id: commit.sha, message: commit.message } } } : notFound(call);
}

function tree(call: GiteaCall, repository: FakeRepository, sha: string): FakeAnswer {
  const commit = repository.commits.get(sha);
  if (!commit) return notFound(call);
  const entries = [...commit.files].map(([path, content]) => ({
    ...{ path, mode: '100644', type: 'blob', size: content.length, sha: gitBlobId(content), url: '' },
  }));
  // Pages of trees are large on a real one; here small enough to need several.
  const size = Math.min(Number(call.request.url.searchParams.get('per_page')) || 1_000, 5);
  const number = Number(call.request.url.searchParams.get('page')) || 1;
  const slice = entries.slice((number - 1) * size, number * size);
  const truncated = number * size < entries.length;
  return { status: 200, body: { sha, tree: slice, truncated, page: number, total_count: entries.length } };
}

function removeBranch(call: GiteaCall, repository: FakeRepository, name: string): FakeAnswer {
  if (!repository.branches.delete(decodeURIComponent(name))) return notFound(call);
  for (const pull of repository.pulls) if (pull.head === name && pull.state === 'open') pull.state = 'closed';
  return { status: 204 };
}

interface SentFile {
  operation: 'create' | 'update' | 'delete';
  path: string;
  content?: string;
  sha?: string;
}

/** A file that exists can't be created, and an update must name the content that it replaces. */
function changeFiles(call: GiteaCall, repository: FakeRepository): FakeAnswer {
  const sent = JSON.parse(call.request.body) as {
    branch: string;
    new_branch?: string;
    message: string;
    files: SentFile[];
  };
  const from = branchOf(repository, sent.branch);
  if (!from) return notFound(call, `branch does not exist [name: ${sent.branch}]`);
  if (sent.new_branch !== undefined && branchOf(repository, sent.new_branch))
    return { status: 422, body: { message: `branch already exists [name: ${sent.new_branch}]` } };
  for (const { operation, path, sha } of sent.files) {
    const known = from.files.get(path);
    if (operation === 'create' && known) return refused(`repository file already exists [path: ${path}]`);
    if (operation !== 'create' && (!known || gitBlobId(known) !== sha))
      return refused(`sha does not match [given: ${sha}]`);
  }
  const files = Object.fromEntries(
    sent.files.map(({ path, content }) => [path, content === undefined ? null : Buffer.from(content, 'base64')]),
  );
  const to = { branch: sent.new_branch ?? sent.branch, from: sent.branch, message: sent.message };
  const made: FakeCommit = commitTo(call.world, repository, to, files);
  return { status: 201, body: { files: [], commit: { sha: made.sha } } };
}

function status(call: GiteaCall, repository: FakeRepository, sha: string): FakeAnswer {
  if (!repository.commits.has(sha)) return notFound(call);
  const sent = JSON.parse(call.request.body);
  if (!['pending', 'success', 'warning', 'failure', 'error'].includes(sent.state)) return refused('unknown state');
  const others = (repository.statuses.get(sha) ?? []).filter(({ context }) => context !== sent.context);
  repository.statuses.set(sha, [...others, sent]);
  return { status: 201, body: { id: 1, status: sent.state, context: sent.context, description: sent.description } };
}

function pulls(call: GiteaCall, repository: FakeRepository): FakeAnswer {
  const wanted = call.request.url.searchParams.get('state') ?? 'open';
  const slice = page(
    call,
    repository.pulls.filter(({ state }) => wanted === 'all' || state === wanted),
  );
  return { status: 200, headers: slice.headers, body: slice.entries.map((pull) => pullBody(call, repository, pull)) };
}

/** Measured: a second one of the same branches is a 409 that names the first. */
function open(call: GiteaCall, repository: FakeRepository): FakeAnswer {
  const { head, base, title, body = '' } = JSON.parse(call.request.body);
  if (!branchOf(repository, head) || !branchOf(repository, base)) return notFound(call);
  const known = repository.pulls.find((one) => one.state === 'open' && one.head === head && one.base === base);
  if (known) {
    const message = `pull request already exists for these targets [id: ${known.number}, head_branch: ${head}, base_branch: ${base}]`;
    return { status: 409, body: { message, url: `${call.root}/api/swagger` } };
  }
  const pull: FakePull = { number: repository.pulls.length + 1, title, body, state: 'open', head, base };
  repository.pulls.push(pull);
  return { status: 201, body: pullBody(call, repository, pull) };
}

function edit(call: GiteaCall, repository: FakeRepository, number: number): FakeAnswer {
  const pull = repository.pulls.find((one) => one.number === number);
  if (!pull) return notFound(call);
  const { title = pull.title, body = pull.body, state = pull.state } = JSON.parse(call.request.body);
  Object.assign(pull, { title, body, state });
  return { status: 201, body: pullBody(call, repository, pull) };
}

function pullBody(call: GiteaCall, repository: FakeRepository, pull: FakePull) {
  const side = (ref: string) => ({
    label: ref,
    ref,
    sha: branchOf(repository, ref)?.sha ?? '',
    repo_id: repository.id,
  });
  return {
    ...{ id: pull.number, number: pull.number, title: pull.title, body: pull.body, state: pull.state },
    html_url: `${call.root}/${repository.owner}/${repository.name}/pulls/${pull.number}`,
    ...{ head: side(pull.head), base: side(pull.base), mergeable: true, merged: false },
  };
}

function refused(message: string): FakeAnswer {
  return { status: 422, body: { message } };
}
