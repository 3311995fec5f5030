import { answerGit, fileAt } from './fake-github-git.ts';
import { answerHooks } from './fake-github-hooks.ts';
import { answerPeople, answerPermission } from './fake-github-people.ts';
import {
  type Answer,
  assetJson,
  type Call,
  type FakeGitHubRepository,
  type FakeGitHubWorld,
  MISSING,
  ok,
  refusal,
  releaseJson,
  repositoryJson,
  signedUrl,
  visible,
} from './fake-github-world.ts';

/** The REST API below `/api/v3`. */
export function answerApi(world: FakeGitHubWorld, call: Call): Answer {
  const [, kind = '', first = '', second = '', ...rest] = call.path.split('/').map((part) => decodeURIComponent(part));
  if (kind === 'user' && first === '')
    return call.token
      ? ok({ login: call.token.login, id: world.people.users.get(call.token.login) ?? 1, name: null })
      : refusal(401, 'Who?');
  const people = answerPeople(world, call, [kind, first, ...(second === '' ? [] : [second]), ...rest]);
  if (people) return people;
  if (kind === 'meta') return ok({ verifiable_password_authentication: true });
  if (kind === 'user') return listed(world, call, owned(world, call, call.token?.login ?? ''));
  if (kind === 'users' && second === 'repos') {
    return listed(
      world,
      call,
      owned(world, call, first).filter((each) => !each.private),
    );
  }
  if (kind === 'orgs') return ofOrganization(world, call, first, [second, ...rest]);
  if (kind === 'repositories') return ofRepository(world, call, Number(first), [second, ...rest]);
  if (kind !== 'repos') return MISSING;
  const moved = world.renamed.get(`${first}/${second}`);
  const found = world.repositories.find((each) => each.owner === first && each.name === second);
  if (found || moved === undefined) return ofRepository(world, call, found?.id, rest);
  const path = [moved, ...rest].map((part) => encodeURIComponent(part)).join('/');
  const query = call.query.size > 0 ? `?${call.query}` : '';
  const location = `${world.url}/api/v3/repositories/${path}${query}`;
  return { status: call.method === 'GET' ? 301 : 307, headers: { location }, body: { url: location } };
}

function owned(world: FakeGitHubWorld, call: Call, owner: string): FakeGitHubRepository[] {
  return world.repositories.filter((each) => each.owner === owner && visible(world, call, each.id));
}

function ofOrganization(world: FakeGitHubWorld, call: Call, owner: string, [what, id]: string[]): Answer {
  const hooks = world.organizations.get(owner);
  if (hooks && what === 'repos') return listed(world, call, owned(world, call, owner));
  return hooks && what === 'hooks' ? answerHooks(world, call, hooks, id) : MISSING;
}

function ofRepository(
  world: FakeGitHubWorld,
  call: Call,
  id: number | undefined,
  [what = '', ...rest]: string[],
): Answer {
  const repository = visible(world, call, id);
  if (!repository) return MISSING;
  const full = `${repository.owner}/${repository.name}`;
  const ofGit = answerGit(world, call, full, repository.git, [what, ...rest]);
  if (ofGit) return ofGit;
  switch (what) {
    case '':
      return ok(repositoryJson(world, repository));
    case 'collaborators':
      return rest[1] === 'permission' ? answerPermission(world, call, repository.id, rest[0] ?? '') : MISSING;
    case 'hooks':
      return answerHooks(world, call, repository.hooks, rest[0]);
    case 'tags':
      return page(
        world,
        call,
        repository.tags.map((tag) => ({ name: tag.name, commit: { sha: tag.commit } })),
      );
    case 'contents':
      return contents(repository, rest.join('/'), call.query.get('ref') ?? '');
    case 'zipball':
      return signedUrl(world, `zip/${repository.id}/${rest.join('/').replace('refs/tags/', '')}`);
    case 'releases':
      return rest[0] === 'assets' ? asset(world, call, repository, Number(rest[1])) : releases(world, call, repository);
    default:
      return MISSING;
  }
}

/** Drafts are seen by those who may write. */
function releases(world: FakeGitHubWorld, call: Call, repository: FakeGitHubRepository): Answer {
  const shown = repository.releases.filter((release) => !release.draft || call.token?.admin);
  return page(
    world,
    call,
    shown.map((release) => releaseJson(world, repository, release)),
  );
}

function asset(world: FakeGitHubWorld, call: Call, repository: FakeGitHubRepository, id: number): Answer {
  const found = repository.releases.flatMap((release) => release.assets).find((each) => each.id === id);
  if (!found) return MISSING;
  if (call.headers.accept !== 'application/octet-stream') return ok(assetJson(world, repository, found));
  return signedUrl(world, `asset/${repository.id}/${id}`);
}

/** A folder is a list; a file of more than 1 MB has no content in the answer. */
function contents(repository: FakeGitHubRepository, path: string, ref: string): Answer {
  const ofBranch = fileAt(repository.git, ref, path);
  if (ofBranch === null) return MISSING;
  if (ofBranch)
    return ok({ type: 'file', size: ofBranch.length, encoding: 'base64', content: ofBranch.toString('base64'), path });
  const tag = repository.tags.find((each) => `refs/tags/${each.name}` === ref || each.commit === ref);
  if (!tag) return refusal(404, `No commit found for the ref ${ref}`);
  const inside = Object.keys(tag.files).filter((each) => each.startsWith(`${path}/`));
  if (inside.length > 0) return ok(inside.map((each) => ({ type: 'file', path: each })));
  const content = tag.files[path];
  if (content === undefined) return MISSING;
  const bytes = Buffer.from(content);
  if (bytes.length > 1024 * 1024) return ok({ type: 'file', size: bytes.length, encoding: 'none', content: '', path });
  const lines = bytes.toString('base64').replace(/(.{60})/g, '$1\n');
  return ok({ type: 'file', size: bytes.length, encoding: 'base64', content: lines, path });
}

function listed(world: FakeGitHubWorld, call: Call, repositories: FakeGitHubRepository[]): Answer {
  return page(
    world,
    call,
    repositories.map((each) => repositoryJson(world, each)),
  );
}

/** 30 a page, 100 at most; a Link header as soon as there is more than one. */
function page(world: FakeGitHubWorld, call: Call, entries: unknown[]): Answer {
  const size = Math.min(Number(call.query.get('per_page') ?? 30), 100);
  const number = Number(call.query.get('page') ?? 1);
  const link = (rel: string, to: number) =>
    `<${world.url}/api/v3${call.path}?per_page=${size}&page=${to}>; rel="${rel}"`;
  const links: string[] = [];
  if (number > 1) links.push(link('prev', number - 1));
  if (entries.length > number * size) links.push(link('next', number + 1));
  const headers = links.length > 0 ? { link: links.join(', ') } : undefined;
  return { ...ok(entries.slice((number - 1) * size, number * size)), ...(headers && { headers }) };
}
