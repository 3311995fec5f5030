import { ForgeTrouble } from '../../errors.ts';
import type { ForgeFetchOptions } from '../fetch.ts';
import type { ForgeCheck, ForgeConnection, ForgeDriver, RemoteRepository, RemoteState } from '../forge.ts';
import { verifyHookSignature } from '../hook-signature.ts';
import { apiPath, type GiteaApi, giteaApi } from './client.ts';
import { parseDelivery } from './delivery.ts';
import { openArchive, openFile, readFile } from './files.ts';
import { ensureHook, type GiteaKind, removeHook } from './hooks.ts';
import { giteaLogin } from './login.ts';
import { giteaPeople } from './people.ts';
import { propose, setStatus, writeFile } from './propose.ts';
import { downloadPath, readRelease, readRepository, readTag, readText, segment } from './schema.ts';
import { readTree } from './tree.ts';

/** Gitea and Forgejo speak one API; they differ in the type of their hooks, in header names and in Forgejo's external assets. */
export function giteaFamily(kind: GiteaKind, options: ForgeFetchOptions = {}): ForgeDriver {
  const api = (forge: ForgeConnection) => giteaApi(forge, options);
  return {
    kind,
    capabilities: {
      ...{ assetDigest: false, organizationHooks: true, releases: true, hooks: true },
      ...{ commitStatus: true, pullRequest: true },
    },
    login: giteaLogin(options),
    people: giteaPeople(options),
    check: (forge) => check(api(forge), forge),
    repository: (forge, { owner, name }) => repositoryAt(api(forge), apiPath('repos', owner, name)),
    repositoryById: (forge, id) => repositoryAt(api(forge), apiPath('repositories', id)),
    repositories: (forge, owner) => repositories(api(forge), owner),
    state: (forge, repository) => state(api(forge), repository),
    readFile: (forge, repository, ref, path) => readFile(api(forge), repository, ref, path),
    tree: (forge, repository, branch) => readTree(api(forge), repository, branch),
    setStatus: (forge, repository, commit, status) => setStatus(api(forge), repository, commit, status),
    writeFile: (forge, repository, file) => writeFile(api(forge), repository, file),
    propose: (forge, repository, spec) => propose(api(forge), repository, spec),
    openAsset: async (forge, _repository, { locator }) =>
      locator.startsWith('/') ? openFile(api(forge), locator) : null,
    openArchive: (forge, repository, tag) => openArchive(api(forge), repository, tag),
    publicUrls: (forge, { owner, name }, tag, assetName) => [
      forge.baseUrl +
        (assetName === null
          ? `/${segment(owner)}/${segment(name)}/archive/${segment(tag)}.zip`
          : downloadPath(owner, name, tag, assetName)),
    ],
    ensureHook: (forge, scope, spec) => ensureHook(api(forge), kind, scope, spec),
    removeHook: (forge, scope, url) => removeHook(api(forge), scope, url),
    verifyHook: verifyHookSignature,
    parseHook: parseDelivery,
  };
}

export const giteaDriver: ForgeDriver = giteaFamily('gitea');
export const forgejoDriver: ForgeDriver = giteaFamily('forgejo');

/** A token that lives but may not name its owner (scope without `read:user`) is no trouble. */
async function check(api: GiteaApi, forge: ForgeConnection): Promise<ForgeCheck> {
  const version = readText(await api.ask('GET /version'), 'version');
  if (version === null) throw new ForgeTrouble('bad_answer', `${forge.baseUrl} is no Gitea or Forgejo`);
  if (forge.token === null) return { version, user: null };
  const user = await api.ask('GET /user').catch((error: unknown) => {
    if (error instanceof ForgeTrouble && error.reason === 'refused') return null;
    throw error;
  });
  return { version, user: readText(user, 'login') };
}

async function repositoryAt(api: GiteaApi, path: string | null): Promise<RemoteRepository | null> {
  if (path === null) return null;
  const data = await api.ask(`GET ${path}`);
  if (data === null) return null;
  const repository = readRepository(data);
  if (repository === null) throw new ForgeTrouble('bad_answer', `GET ${path} did not answer with a repository`);
  return repository;
}

async function repositories(api: GiteaApi, owner: string): Promise<RemoteRepository[]> {
  for (const kind of ['orgs', 'users']) {
    const path = apiPath(kind, owner, 'repos');
    const found = path && (await api.list(path, readRepository));
    if (found) return found;
  }
  return [];
}

/** By id: a name may meanwhile belong to another repository. */
async function state(api: GiteaApi, { id }: RemoteRepository): Promise<RemoteState | null> {
  const repository = await repositoryAt(api, apiPath('repositories', id));
  const path = repository && apiPath('repos', repository.owner, repository.name);
  if (repository === null || path === null) return null;
  const [releases, tags] = await Promise.all([
    api.list(`${path}/releases`, (entry) => readRelease(entry, repository)),
    api.list(`${path}/tags`, readTag),
  ]);
  return releases && tags && { releases, tags };
}
