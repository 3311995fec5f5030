import { isOwner, mayAdminister, mayRead, mayWriteReleases } from './fake-forge-access.ts';
import { archiveOf } from './fake-forge-archive.ts';
import { assetBody, releaseBody, repositoryBody, tagBody, userBody } from './fake-forge-gitea-bodies.ts';
import { type GiteaCall, notFound, page } from './fake-forge-gitea-calls.ts';
import { answerHooks } from './fake-forge-gitea-hook-routes.ts';
import { answerLogin, registerApp } from './fake-forge-gitea-login.ts';
import { answerPeople, answerPermission, repositoryTeams } from './fake-forge-gitea-people.ts';
import { answerWrites } from './fake-forge-gitea-writes.ts';
import type { FakeAnswer, FakeRequest } from './fake-forge-server.ts';
import { type FakeAsset, type FakeRepository, findRepository } from './fake-forge-world.ts';

/** Everything that a Gitea or Forgejo answers, as far as drivers ask. */
export async function answerGitea(call: GiteaCall): Promise<FakeAnswer> {
  const { segments } = call.request;
  if (segments[0] === 'api' && segments[1] === 'v1') return answerApi(call, segments.slice(2));
  return (await answerLogin(call, segments.join('/'))) ?? answerWeb(call, segments);
}

async function answerApi(call: GiteaCall, path: string[]): Promise<FakeAnswer> {
  const { request, world, who, root } = call;
  if (request.token !== null && who === null) {
    return { status: 401, body: { message: 'user does not exist [uid: 0, name: ]', url: `${root}/api/swagger` } };
  }
  const [first, second] = path;
  if (path.join('/') === 'version') return { status: 200, body: { version: call.version } };
  if (path.join('/') === 'settings/api') {
    return { status: 200, body: { max_response_items: call.maxItems, default_paging_num: 30 } };
  }
  if (path.join('/') === 'user') return answerUser(call);
  if (path.join('/') === 'user/applications/oauth2' && request.method === 'POST') return registerApp(call);
  const people = answerPeople(call, path);
  if (people) return people;
  if (first === 'repositories' && path.length === 2) {
    const repository = world.repositories.find((one) => String(one.id) === second);
    return repository && mayRead(world, who, repository)
      ? { status: 200, body: repositoryBody(world, repository, root) }
      : notFound(call);
  }
  if (first === 'repos') return answerRepository(call, path.slice(1));
  if (first === 'orgs' || first === 'users') return answerOwner(call, first, path.slice(1));
  if (first === 'admin' && second === 'hooks') {
    return who?.siteAdmin
      ? answerHooks(call, world.systemHooks, path.slice(2))
      : { status: 403, body: { message: 'no' } };
  }
  return { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' };
}

function answerUser({ who, world, root }: GiteaCall): FakeAnswer {
  if (who === null) return { status: 401, body: { message: 'token is required' } };
  if (!who.readsUser) {
    return { status: 403, body: { message: 'token does not have at least one of required scope(s): [read:user]' } };
  }
  const owner = world.owners.get(who.login.toLowerCase());
  return {
    status: 200,
    body: { ...userBody({ id: owner?.id ?? 1, login: who.login }, root), is_admin: who.siteAdmin },
  };
}

/** `/orgs/{name}/…` knows organizations only, `/users/{name}/repos` both. Entries without a right are left out of a page, not out of the count. */
function answerOwner(call: GiteaCall, kind: string, path: string[]): FakeAnswer {
  const { world, who, root } = call;
  const owner = world.owners.get(path[0]?.toLowerCase() ?? '');
  if (!owner || (kind === 'orgs' && owner.kind !== 'organization')) return notFound(call);
  if (path[1] === 'repos' && path.length === 2) {
    const all = world.repositories.filter((one) => one.owner === owner.login);
    const slice = page(call, all);
    const bodies = slice.entries
      .filter((one) => mayRead(world, who, one))
      .map((one) => repositoryBody(world, one, root));
    return { status: 200, headers: slice.headers, body: bodies };
  }
  if (kind === 'orgs' && path[1] === 'hooks') {
    const isAllowed = who !== null && (who.siteAdmin || isOwner(world, who.login, owner.login));
    return isAllowed
      ? answerHooks(call, owner.hooks, path.slice(2))
      : { status: 403, body: { message: 'Must be an organization owner' } };
  }
  return notFound(call);
}

async function answerRepository(call: GiteaCall, path: string[]): Promise<FakeAnswer> {
  const { request, world, who, root, kind } = call;
  const [owner = '', name = '', ...rest] = path;
  const moved = world.redirects.get(`${owner}/${name}`.toLowerCase());
  const target = world.repositories.find((one) => one.id === moved);
  if (target) return redirectTo(request, `/api/v1/repos/${target.owner}/${target.name}`, 5);
  const repository = findRepository(world, owner, name);
  if (!repository || !mayRead(world, who, repository)) return notFound(call);
  const [what, second, third, fourth] = rest;
  if (rest.length === 0) return { status: 200, body: repositoryBody(world, repository, root) };
  if (what === 'hooks') {
    return mayAdminister(world, who, repository)
      ? answerHooks(call, repository.hooks, rest.slice(1))
      : {
          status: 403,
          body: { message: 'user should be an owner or a collaborator with admin write of a repository' },
        };
  }
  if (what === 'releases' && rest.length === 1) return answerReleases(call, repository);
  if (what === 'releases' && third === 'assets' && rest.length === 4) {
    const asset = repository.releases
      .find((one) => String(one.id) === second)
      ?.assets.find((one) => String(one.id) === fourth);
    return asset ? { status: 200, body: assetBody(asset, root, kind) } : notFound(call);
  }
  const written = answerWrites(call, repository, rest);
  if (written) return written;
  if (what === 'teams') return repositoryTeams(call, repository);
  if (what === 'collaborators' && third === 'permission') return answerPermission(call, repository, second ?? '');
  if (what === 'tags') return answerTags(call, repository, second);
  if (what === 'raw') return answerRaw(call, repository, rest.slice(1).join('/'));
  if (what === 'archive') return answerArchive(call, repository, rest.slice(1).join('/'));
  return notFound(call);
}

/** Newest first by the date that jumps; drafts for writers only. */
function answerReleases(call: GiteaCall, repository: FakeRepository): FakeAnswer {
  const { world, who, root, kind } = call;
  const writes = mayWriteReleases(world, who, repository);
  const shown = repository.releases.filter((one) => !one.draft || writes).sort((a, b) => b.at - a.at || b.id - a.id);
  const slice = page(call, shown);
  return {
    status: 200,
    headers: slice.headers,
    body: slice.entries.map((one) => releaseBody(repository, one, root, kind)),
  };
}

function answerTags(call: GiteaCall, repository: FakeRepository, name: string | undefined): FakeAnswer {
  if (name !== undefined) {
    const tag = repository.tags.get(name);
    return tag
      ? { status: 200, body: tagBody(repository, tag, call.root) }
      : notFound(call, `tag doesn't exist: ${name}`);
  }
  const slice = page(call, [...repository.tags.values()].reverse());
  return { status: 200, headers: slice.headers, body: slice.entries.map((one) => tagBody(repository, one, call.root)) };
}

/** Measured: an unknown name of a tag or branch serves the default branch; an unknown commit is 404. */
function answerRaw(call: GiteaCall, repository: FakeRepository, path: string): FakeAnswer {
  const ref = call.request.url.searchParams.get('ref') ?? '';
  const isCommit = /^[0-9a-f]{40}$/.test(ref);
  const commit = isCommit ? repository.commits.get(ref) : (repository.tags.get(ref)?.commit ?? repository.head);
  const file = commit?.files.get(path);
  if (!file) return notFound(call);
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: file };
}

async function answerArchive(call: GiteaCall, repository: FakeRepository, file: string): Promise<FakeAnswer> {
  const ref = /^(.+)\.zip$/.exec(file)?.[1] ?? '';
  const commit = repository.tags.get(ref)?.commit ?? repository.commits.get(ref);
  if (!commit) return notFound(call, `unrecognized repository reference: ${ref}`);
  return { status: 200, body: await archiveOf(commit, repository.name.toLowerCase()) };
}

/** Pages and downloads: the token header works here too, but nothing tells a wrong token from none. */
async function answerWeb(call: GiteaCall, path: string[]): Promise<FakeAnswer> {
  const { request, world, who } = call;
  const missing: FakeAnswer = {
    status: 404,
    headers: { 'content-type': 'text/plain;charset=utf-8' },
    body: 'Not found.\n',
  };
  if (path[0] === 'attachments') {
    for (const repository of world.repositories) {
      const asset = repository.releases.flatMap((one) => one.assets).find((one) => one.uuid === path[1]);
      if (asset) return mayRead(world, who, repository) ? download(call, asset) : missing;
    }
    return missing;
  }
  const [owner = '', name = '', what, ...rest] = path;
  const target = world.repositories.find((one) => one.id === world.redirects.get(`${owner}/${name}`.toLowerCase()));
  if (target) return redirectTo(request, `/${target.owner}/${target.name}`, 3);
  const repository = findRepository(world, owner, name);
  if (!repository || !mayRead(world, who, repository)) return missing;
  if (what === 'archive') return answerArchive(call, repository, rest.join('/'));
  const release = repository.releases.find((one) => one.tag === rest[1]);
  const asset = release?.assets.find((one) => one.name === rest[2]);
  const isDownload = what === 'releases' && rest[0] === 'download' && rest.length === 3;
  return isDownload && asset ? download(call, asset) : missing;
}

function download(call: GiteaCall, asset: FakeAsset): FakeAnswer {
  asset.downloads += 1;
  if (asset.externalUrl !== null) return { status: 302, headers: { location: asset.externalUrl } };
  if (call.storeUrl !== null)
    return { status: 302, headers: { location: `${call.storeUrl}/${asset.uuid}?signature=good` } };
  const headers = {
    etag: `"${asset.uuid}"`,
    'last-modified': new Date(asset.at).toUTCString(),
    'accept-ranges': 'bytes',
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(call.request.headers.range ?? '');
  if (!range) return { status: 200, headers, body: asset.bytes };
  const start = Number(range[1]);
  const end = range[2] ? Number(range[2]) : asset.bytes.length - 1;
  const part = asset.bytes.subarray(start, end + 1);
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end}/${asset.bytes.length}` },
    body: part,
  };
}

/** A 301 with a relative address for every method, so that a client which follows turns a POST into a GET. */
function redirectTo(request: FakeRequest, base: string, replaced: number): FakeAnswer {
  const rest = request.path.split('/').slice(replaced + 1);
  return {
    status: 301,
    headers: { location: [base, ...rest].join('/'), 'content-type': 'text/html; charset=utf-8' },
    body: '<a href="">Moved Permanently</a>.\n',
  };
}
