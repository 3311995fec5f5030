import { createHash } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ZipFile } from 'yazl';
import { newGit } from './fake-github-git.ts';
import { deliver } from './fake-github-hooks.ts';
import { answerOauth, newPeople } from './fake-github-people.ts';
import { answerApi } from './fake-github-routes.ts';
import {
  type Answer,
  type Call,
  DATE,
  type FakeGitHubAsset,
  type FakeGitHubRelease,
  type FakeGitHubRepository,
  type FakeGitHubTag,
  type FakeGitHubWorld,
  MISSING,
  refusal,
  repositoryJson,
  signedUrl,
  visible,
} from './fake-github-world.ts';

export { gitHubDelivery } from './fake-github-hooks.ts';
export type { FakeGitHubRepository } from './fake-github-world.ts';

/**
 * A GitHub Enterprise Server on 127.0.0.1: its API at `URL/api/v3`, the pages' download addresses at `URL`, and a second host
 * for signed file addresses that answers 400 to any Authorization header. Its state is changed directly or by the acts below;
 * ids count up, so that everything is the same each time.
 */
export interface FakeGitHub extends FakeGitHubWorld {
  requests: { method: string; path: string; authorization: string | undefined }[];
  /** Authorization headers that reached the host of signed addresses. */
  leaks: string[];
  /** Given instead of the next answers of the API. */
  next: Answer[];
  /** Private, unless more says otherwise. */
  addRepository(owner: string, name: string, more?: Partial<FakeGitHubRepository>): FakeGitHubRepository;
  addRelease(repository: FakeGitHubRepository, tag: string, more?: Partial<FakeGitHubRelease>): FakeGitHubRelease;
  addAsset(
    release: FakeGitHubRelease,
    name: string,
    bytes: Uint8Array,
    more?: Partial<FakeGitHubAsset>,
  ): FakeGitHubAsset;
  /** On a new commit with these files, without telling anybody; an existing tag is moved. */
  setTag(repository: FakeGitHubRepository, name: string, files: FakeGitHubTag['files']): string;
  /** The same, and the hooks of repository and organization hear of it: `push` and `create`. */
  pushTag(repository: FakeGitHubRepository, name: string, files: FakeGitHubTag['files']): Promise<string>;
  rename(repository: FakeGitHubRepository, owner: string, name: string): void;
  close(): Promise<void>;
}

export async function startFakeGitHub(): Promise<FakeGitHub> {
  const api = await listen((request, response) => answer(fake, request, response));
  const files = await listen((request, response) => answerFile(fake, request, response));
  let lastId = 1000;
  const nextId = () => ++lastId;
  const fake: FakeGitHub = {
    url: api.url,
    filesUrl: files.url,
    tokens: { admin: 'ghp-of-the-admin', stranger: 'ghp-of-a-stranger' },
    repositories: [],
    organizations: new Map(),
    people: newPeople(),
    renamed: new Map(),
    requests: [],
    leaks: [],
    next: [],
    nextId,
    addRepository(owner, name, more = {}) {
      const empty = {
        private: true,
        archived: false,
        description: null,
        releases: [],
        tags: [],
        hooks: [],
        git: newGit({ 'README.md': name }),
      };
      const repository = { id: nextId(), owner, name, ...empty, ...more };
      fake.repositories.push(repository);
      return repository;
    },
    addRelease(repository, tag, more = {}) {
      const plain = { title: null, notes: null, draft: false, prerelease: false, assets: [] };
      const release = { id: nextId(), tag, ...plain, ...more };
      repository.releases.unshift(release);
      return release;
    },
    addAsset(release, name, bytes, more = {}) {
      const asset = { id: nextId(), name, bytes, state: 'uploaded' as const, updatedAt: DATE, digest: true, ...more };
      release.assets.push(asset);
      return asset;
    },
    setTag(repository, name, content) {
      const commit = createHash('sha1').update(`${nextId()}`).digest('hex');
      repository.tags = [{ name, commit, files: content }, ...repository.tags.filter((tag) => tag.name !== name)];
      return commit;
    },
    async pushTag(repository, name, content) {
      const commit = fake.setTag(repository, name, content);
      const hooks = [...repository.hooks, ...(fake.organizations.get(repository.owner) ?? [])];
      const common = { repository: repositoryJson(fake, repository), sender: { login: 'vera', id: 1 } };
      await deliver(hooks, 'push', { ref: `refs/tags/${name}`, before: '0'.repeat(40), after: commit, ...common });
      await deliver(hooks, 'create', { ref: name, ref_type: 'tag', ...common });
      return commit;
    },
    rename(repository, owner, name) {
      fake.renamed.set(`${repository.owner}/${repository.name}`, repository.id);
      repository.owner = owner;
      repository.name = name;
    },
    close: async () => {
      await Promise.all([api.close(), files.close()]);
    },
  };
  return fake;
}

async function answer(fake: FakeGitHub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', fake.url);
  const path = url.pathname.replace(/^\/api\/v3/, '');
  const method = request.method ?? 'GET';
  const { authorization } = request.headers;
  fake.requests.push({ method, path: path + url.search, authorization });
  const text = (await request.toArray()).join('');
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const form = isForm ? Object.fromEntries(new URLSearchParams(text)) : {};
  const body: unknown = text === '' || isForm ? null : JSON.parse(text);
  const secret = authorization?.replace(/^(token|bearer) /i, '');
  const logins = { [fake.tokens.admin]: 'vera', [fake.tokens.stranger]: 'stranger' };
  const login = logins[secret ?? ''] ?? fake.people.given.get(secret ?? '');
  const token = login ? { login, admin: login === 'vera' } : null;
  const call: Call = { method, path, query: url.searchParams, headers: request.headers, body, form, token };
  if (path === url.pathname)
    send(response, answerOauth(fake, call, request.headers.cookie ?? '') ?? answerPage(fake, call));
  else
    send(
      response,
      fake.next.shift() ?? (authorization && !token ? refusal(401, 'Bad credentials') : answerApi(fake, call)),
    );
}

/** The pages know no token: whatever is private is not there. */
function answerPage(fake: FakeGitHub, call: Call): Answer {
  const parts = call.path.split('/').map((part) => decodeURIComponent(part));
  const [, owner, name, ...rest] = parts;
  const found = fake.repositories.find((each) => each.owner === owner && each.name === name);
  const repository = visible(fake, { ...call, token: null }, found?.id);
  const archive = /^archive\/refs\/tags\/(.+)\.zip$/.exec(rest.join('/'))?.[1];
  if (repository && archive) return signedUrl(fake, `zip/${repository.id}/${archive}`);
  const [, tag, file] = /^releases\/download\/(.+)\/([^/]+)$/.exec(rest.join('/')) ?? [];
  const release = repository?.releases.find((each) => each.tag === tag && !each.draft);
  const asset = release?.assets.find((each) => each.name === file);
  return repository && asset ? signedUrl(fake, `asset/${repository.id}/${asset.id}`) : MISSING;
}

function answerFile(fake: FakeGitHub, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', fake.url);
  const [, kind, id, ...rest] = url.pathname.split('/').map((part) => decodeURIComponent(part));
  if (request.headers.authorization) fake.leaks.push(request.headers.authorization);
  const repository = fake.repositories.find((each) => each.id === Number(id));
  const assets = repository?.releases.flatMap((release) => release.assets) ?? [];
  const bytes = assets.find((each) => kind === 'asset' && each.id === Number(rest[0]))?.bytes;
  const tag = repository?.tags.find((each) => kind === 'zip' && each.name === rest.join('/'));
  if (request.headers.authorization) send(response, refusal(400, 'Only one auth mechanism allowed'));
  else if (!url.searchParams.has('signature')) send(response, refusal(403, 'AccessDenied'));
  else if (bytes) response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  else if (repository && tag)
    zipOf(repository, tag).pipe(response.writeHead(200, { 'content-type': 'application/zip' }));
  else send(response, MISSING);
}

function zipOf(repository: FakeGitHubRepository, tag: FakeGitHubTag): NodeJS.ReadableStream {
  const zip = new ZipFile();
  const top = `${repository.owner}-${repository.name}-${tag.commit.slice(0, 7)}`;
  for (const [path, content] of Object.entries(tag.files)) zip.addBuffer(Buffer.from(content), `${top}/${path}`);
  zip.end();
  return zip.outputStream;
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const type = { 'content-type': 'application/json; charset=utf-8', 'x-github-enterprise-version': '3.15.0' };
  response.writeHead(status, { ...type, ...headers }).end(body === undefined ? undefined : JSON.stringify(body));
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = http.createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, close };
}
