import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { FakeGit } from './fake-github-git.ts';
import type { FakeGitHubPeople } from './fake-github-people.ts';

/** When everything in the fake happened. */
export const DATE = '2024-05-01T12:00:00Z';

export interface FakeGitHubAsset {
  id: number;
  name: string;
  bytes: Uint8Array;
  state: 'uploaded' | 'open';
  updatedAt: string;
  /** Older servers tell none. */
  digest: boolean;
}

export interface FakeGitHubRelease {
  id: number;
  tag: string;
  title: string | null;
  notes: string | null;
  draft: boolean;
  prerelease: boolean;
  assets: FakeGitHubAsset[];
}

export interface FakeGitHubHook {
  id: number;
  active: boolean;
  events: string[];
  config: { url?: string; content_type?: string; secret?: string; insecure_ssl?: string };
}

export interface FakeGitHubTag {
  name: string;
  commit: string;
  files: Record<string, string | Uint8Array>;
}

export interface FakeGitHubRepository {
  id: number;
  owner: string;
  name: string;
  private: boolean;
  archived: boolean;
  description: string | null;
  /** Newest first. */
  releases: FakeGitHubRelease[];
  tags: FakeGitHubTag[];
  hooks: FakeGitHubHook[];
  /** Its branches; tags are kept apart. */
  git: FakeGit;
}

/** What the API and the pages are made of. */
export interface FakeGitHubWorld {
  /** Of the API, the pages and the signed file addresses. */
  url: string;
  filesUrl: string;
  tokens: { admin: string; stranger: string };
  repositories: FakeGitHubRepository[];
  organizations: Map<string, FakeGitHubHook[]>;
  people: FakeGitHubPeople;
  /** Old `owner/name` to repository id. */
  renamed: Map<string, number>;
  nextId(): number;
}

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: unknown;
  /** Of a body that is a form. */
  form: Record<string, string>;
  /** Whose token came along. The administrator sees what is private and manages hooks. */
  token: { login: string; admin: boolean } | null;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function refusal(status: number, message: string, errors: unknown[] = []): Answer {
  const documentation_url = 'https://docs.github.com/rest';
  return { status, body: { message, errors, documentation_url, status: String(status) } };
}

export const MISSING = refusal(404, 'Not Found');

/** The repository, if this caller may see it. */
export function visible(world: FakeGitHubWorld, call: Call, id: number | undefined): FakeGitHubRepository | undefined {
  const repository = world.repositories.find((each) => each.id === id);
  return repository && (!repository.private || call.token?.admin) ? repository : undefined;
}

export function signedUrl(world: FakeGitHubWorld, path: string): Answer {
  return { status: 302, headers: { location: `${world.filesUrl}/${path}?signature=of-the-fake` } };
}

/** As `/users/{login}` tells it; null: nobody has this login. */
export function accountJson(world: FakeGitHubWorld, login: string) {
  const { people, organizations } = world;
  const isOrganization = organizations.has(login);
  const isKnown = isOrganization || people.users.has(login) || world.repositories.some(({ owner }) => owner === login);
  if (!isKnown) return null;
  const id = people.users.get(login) ?? world.nextId();
  people.users.set(login, id);
  return { id, login, type: isOrganization ? 'Organization' : 'User' };
}

export function repositoryJson(world: FakeGitHubWorld, repository: FakeGitHubRepository) {
  const { id, owner, name, archived, description } = repository;
  const full_name = `${owner}/${name}`;
  const html_url = `${world.url}/${full_name}`;
  return {
    id,
    name,
    full_name,
    owner: accountJson(world, owner),
    private: repository.private,
    archived,
    description,
    html_url,
    default_branch: 'main',
  };
}

export function releaseJson(world: FakeGitHubWorld, repository: FakeGitHubRepository, release: FakeGitHubRelease) {
  const { id, tag, title, notes, draft, prerelease } = release;
  const html_url = `${world.url}/${repository.owner}/${repository.name}/releases/tag/${tag}`;
  const published_at = draft ? null : DATE;
  const assets = release.assets.map((each) => assetJson(world, repository, each));
  return { id, tag_name: tag, name: title, body: notes, draft, prerelease, published_at, html_url, assets };
}

export function assetJson(world: FakeGitHubWorld, repository: FakeGitHubRepository, asset: FakeGitHubAsset) {
  const { id, name, state, updatedAt: updated_at } = asset;
  const digest = asset.digest ? `sha256:${createHash('sha256').update(asset.bytes).digest('hex')}` : null;
  const url = `${world.url}/api/v3/repos/${repository.owner}/${repository.name}/releases/assets/${id}`;
  return { id, url, name, state, size: asset.bytes.length, content_type: 'application/zip', updated_at, digest };
}
