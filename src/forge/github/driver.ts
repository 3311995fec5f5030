import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type {
  ForgeCheck,
  ForgeConnection,
  ForgeDriver,
  RemoteRepository,
  RemoteState,
  RepositoryName,
} from '../forge.ts';
import { verifyHookSignature } from '../hook-signature.ts';
import { downloadUrl, repositoryPath } from './address.ts';
import { readContent, readReleases, readRepositories, readRepository, readTags } from './answers.ts';
import { ask, askAll, type GitHubAnswer, openStream, refused, send } from './client.ts';
import { parseGitHubHook } from './hook-notice.ts';
import { ensureGitHubHook, removeGitHubHook } from './hook-registration.ts';
import { githubLogin } from './login.ts';
import { githubPeople } from './people.ts';
import { proposeOnGitHub, setGitHubStatus, writeGitHubFile } from './propose.ts';
import { readTree } from './tree.ts';

const FILE_BYTES = 1024 * 1024;

/** github.com, GitHub Enterprise Server and Cloud, by a token (personal, fine-grained or an installation's). */
export const githubDriver: ForgeDriver = {
  kind: 'github',
  capabilities: {
    ...{ assetDigest: true, organizationHooks: true, releases: true, hooks: true },
    ...{ commitStatus: true, pullRequest: true },
  },
  login: githubLogin,
  people: githubPeople,
  check,
  repository,
  repositoryById,
  repositories,
  state,
  readFile,
  tree: readTree,
  setStatus: setGitHubStatus,
  writeFile: writeGitHubFile,
  propose: proposeOnGitHub,
  openAsset: (forge, repository, { locator }) =>
    openStream(forge, repositoryPath(repository, 'releases/assets', locator), 'application/octet-stream'),
  openArchive: (forge, repository, tag) =>
    openStream(forge, repositoryPath(repository, 'zipball/refs/tags', tag), '*/*'),
  publicUrls: (forge, repository, tag, assetName) => [downloadUrl(forge, repository, tag, assetName)],
  ensureHook: ensureGitHubHook,
  removeHook: removeGitHubHook,
  verifyHook: verifyHookSignature,
  parseHook: parseGitHubHook,
};

/** An App's installation token has no user (403); without a token nobody is asked for. */
async function check(forge: ForgeConnection): Promise<ForgeCheck> {
  if (forge.token !== null) {
    const me = await send(forge, 'GET /user');
    if (!('refusal' in me)) return { version: versionOf(me), user: loginOf(me) };
    if (me.refusal.status !== 403 && me.refusal.status !== 404) throw refused(me.refusal);
  }
  const meta = await ask(forge, 'GET /meta');
  if (meta === null) throw new ForgeTrouble('bad_answer', 'this address is no GitHub API');
  return { version: versionOf(meta), user: null };
}

function versionOf({ headers }: GitHubAnswer): string {
  const version = headers['x-github-enterprise-version'];
  return typeof version === 'string' ? `GitHub Enterprise Server ${version}` : 'GitHub';
}

function loginOf({ data }: GitHubAnswer): string {
  const read = z.object({ login: z.string() }).safeParse(data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a user');
  return read.data.login;
}

async function repository(forge: ForgeConnection, name: RepositoryName): Promise<RemoteRepository | null> {
  const path = repositoryPath(name);
  const found = path && (await ask(forge, `GET ${path}`));
  return found ? readRepository(found.data) : null;
}

async function repositoryById(forge: ForgeConnection, id: string): Promise<RemoteRepository | null> {
  const found = /^\d+$/.test(id) ? await ask(forge, `GET /repositories/${id}`) : null;
  return found && readRepository(found.data);
}

/** A person's private repositories are only in the person's own list. */
async function repositories(forge: ForgeConnection, owner: string): Promise<RemoteRepository[]> {
  const ofOrganization = await askAll(forge, 'GET /orgs/{owner}/repos', { owner, type: 'all' });
  if (ofOrganization !== null) return readRepositories(ofOrganization);
  const { user } = await check(forge);
  const isOwn = user?.toLowerCase() === owner.toLowerCase();
  const ofUser = isOwn
    ? await askAll(forge, 'GET /user/repos', { affiliation: 'owner' })
    : await askAll(forge, 'GET /users/{owner}/repos', { owner, type: 'owner' });
  return readRepositories(ofUser ?? []);
}

/** By id first: an old name redirects only until somebody takes it for another repository. */
async function state(forge: ForgeConnection, { id }: RemoteRepository): Promise<RemoteState | null> {
  const now = await repositoryById(forge, id);
  const path = now && repositoryPath(now);
  if (path === null) return null;
  const [releases, tags] = await Promise.all([
    askAll(forge, `GET ${path}/releases`),
    askAll(forge, `GET ${path}/tags`),
  ]);
  return releases && tags && { releases: readReleases(releases), tags: readTags(tags) };
}

async function readFile(
  forge: ForgeConnection,
  repository: RemoteRepository,
  ref: string,
  path: string,
): Promise<Uint8Array | null> {
  const route = repositoryPath(repository, 'contents', path);
  const full = /^[0-9a-f]{40}$/.test(ref) ? ref : `refs/tags/${ref}`;
  const found = route && (await ask(forge, `GET ${route}`, { ref: full }));
  const content = found ? readContent(found.data, FILE_BYTES) : null;
  if (content === 'too large') throw new ForgeTrouble('refused', `${path} is larger than 1 MB`);
  return content;
}
