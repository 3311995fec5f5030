/**
 * A forge made of real little HTTP servers on 127.0.0.1, for tests of drivers and for end-to-end tests.
 *
 *   const forge = await startFakeForge({ kind: 'gitea' });            // or 'forgejo'
 *   const connection = forge.connection();                            // a ForgeConnection with a site admin's token
 *   const demo = await forge.createRepository({ owner: 'acme', name: 'com_demo' });   // private, as most vendors' are
 *   await forge.publishRelease(demo, { tag: 'v1.0.0', files: { 'demo.xml': '…' }, assets: { 'demo.zip': bytes } });
 *   await forge.close();
 *
 * People's acts (all take effect, send their deliveries, and resolve when each delivery had its one attempt):
 *   createRepository, renameRepository, transferRepository, archiveRepository, setPrivate, deleteRepository, pushBranch,
 *   pushTag (again: moved by force), moveTag, deleteTag, publishRelease, draftRelease, publishDraft, unpublish, editRelease,
 *   deleteRelease, addAsset, replaceAsset, renameAsset, deleteAsset. What they hand out (repository, release, asset) is live.
 * Organizations: createOrganization, renameOrganization, deleteOrganization; made again under the same name it is another one.
 * People: createUser, renameUser, blockUser, makeSiteAdmin, removeOwner; sign-in: addApp, `login` (twist, denies, exchanges), rotateKeys;
 *   whom a browser is signed in as at the forge says its cookie `forge_user=LOGIN`.
 * Access: createToken(login) for other people, revokeToken; addOwner(organization, login), createTeam(organization, …), and
 *   `repository.readers` and `repository.admins`, sets of logins.
 * Faults: setFault('half', { path: /releases/, times: 1 }), clearFaults(); see FakeFault. useStore(true) serves files by a signed
 *   redirect to another host, which refuses a request that carries a token.
 * Hooks: registered through the API as a driver does it, or by addSystemHook. `deliveries` holds all that was sent, with outcome.
 *   allowHooksTo((url) => …) refuses others, as ALLOWED_HOST_LIST does. holdDeliveries() keeps them back, releaseDeliveries()
 *   sends them (in order or 'reversed'), redeliver(one) sends one again by hand.
 * Looking back: `requests` (all hosts), `leaks` (requests that carried a token to a host that is not the forge), `url` (where to
 *   call it), `rootUrl` (what it believes its address to be: links in answers lead there), onRequest (to change things in between).
 * Time: pass `now` to hold its clock; it stamps releases, commits and hooks.
 */
import type { ForgeConnection } from '../../src/forge/forge.ts';
import { addOwner, addTeam, deleteOrganization, type NewTeam, removeOwner } from './fake-forge-access.ts';
import { giteaHooks } from './fake-forge-gitea-hooks.ts';
import { authorize, createLogin, newSigningKey, renameUser } from './fake-forge-gitea-login.ts';
import { answerGitea } from './fake-forge-gitea-routes.ts';
import { createPost } from './fake-forge-hooks.ts';
import * as releases from './fake-forge-releases.ts';
import {
  type FakeAnswer,
  type FakeFault,
  type FakeRequest,
  type FaultRule,
  openHost,
  writeFault,
} from './fake-forge-server.ts';
import type { FakeAsset, FakeHook, FakeRelease, FakeRepository, FakeToken, FakeWorld } from './fake-forge-world.ts';
import * as people from './fake-forge-world.ts';

export type { FakeDelivery } from './fake-forge-hooks.ts';
export type { FakeFault } from './fake-forge-server.ts';
export type { FakeRepository } from './fake-forge-world.ts';

export interface FakeForgeOptions {
  kind?: 'gitea' | 'forgejo';
  now?: () => number;
  /** Entries on a page of a list at most. */
  maxItems?: number;
}

export type FakeForge = Awaited<ReturnType<typeof startFakeForge>>;

const ADMIN_TOKEN = 'fake-forge-admin-token';
const VERSIONS = { gitea: '1.25.4', forgejo: '13.0.2+gitea-1.22.0' };

export async function startFakeForge(options: FakeForgeOptions = {}) {
  const kind = options.kind ?? 'gitea';
  const world = people.createWorld(options.now ?? Date.now);
  const hosts = await openHosts(world, { kind, version: VERSIONS[kind], maxItems: options.maxItems ?? 50 });
  const post = createPost(
    world,
    giteaHooks(kind, () => hosts.rootUrl),
  );
  people.ownerOf(world, 'root-admin', 'user');
  world.tokens.set(ADMIN_TOKEN, { login: 'root-admin', siteAdmin: true, readsUser: true });

  return {
    kind,
    ...hosts,
    ...post,
    ...actsOf(world, post.settle),
    token: ADMIN_TOKEN,
    connection: (overrides: Partial<ForgeConnection> = {}): ForgeConnection => ({
      id: 'fge_fake',
      kind,
      baseUrl: hosts.url,
      token: ADMIN_TOKEN,
      cacheDir: '',
      ...overrides,
    }),
    createToken(
      login: string,
      rights: { siteAdmin?: boolean; readsUser?: boolean; writesUser?: boolean } = {},
    ): string {
      people.ownerOf(world, login, 'user');
      const token = `fake-token-of-${login}-${world.tokens.size}`;
      world.tokens.set(token, {
        login,
        siteAdmin: rights.siteAdmin ?? false,
        readsUser: rights.readsUser ?? true,
        writesUser: rights.writesUser ?? true,
      });
      return token;
    },
    addOwner: (organization: string, login: string) => addOwner(world, organization, login),
    removeOwner: (organization: string, login: string) => removeOwner(world, organization, login),
    /** Gives its id. */
    createOrganization: (name: string): number => people.ownerOf(world, name).id,
    renameOrganization: (from: string, to: string) => renameUser(world, from, to),
    deleteOrganization: (name: string) => deleteOrganization(world, name),
    /** Somebody with an account; gives his id. */
    createUser: (login: string): number => people.ownerOf(world, login, 'user').id,
    renameUser: (from: string, to: string) => renameUser(world, from, to),
    blockUser: (login: string) => void world.blocked.add(login),
    makeSiteAdmin: (login: string) => void world.siteAdmins.add(login),
    setPassword: (login: string, password: string) => void world.passwords.set(login, password),
    /** Registers an application; gives its id and secret. */
    addApp(redirectUri: string): { clientId: string; clientSecret: string } {
      const app = { clientId: `client-${hosts.login.apps.size}`, clientSecret: 'gto_secret-of-the-app' };
      hosts.login.apps.set(app.clientId, { name: 'Feedgate', secret: app.clientSecret, redirectUris: [redirectUri] });
      return app;
    },
    /** Signs with a new key from now on; the old one is not shown any more. */
    rotateKeys: () => void hosts.login.keys.splice(0, Number.POSITIVE_INFINITY, newSigningKey()),
    createTeam: (organization: string, team: NewTeam) => addTeam(world, organization, team),
    revokeToken: (token: string) => void world.tokens.delete(token),
    addSystemHook(url: string, secret: string, events: string[]): FakeHook {
      const hook: FakeHook = {
        ...{ id: people.newNumber(world), type: 'gitea', url, secret, contentType: 'json', events },
        ...{ active: true, branchFilter: '', authorization: '', at: world.now() },
      };
      world.systemHooks.push(hook);
      return hook;
    },
  };
}

/** The forge, the host that it takes itself for, and the store of its files. */
async function openHosts(world: FakeWorld, about: { kind: 'gitea' | 'forgejo'; version: string; maxItems: number }) {
  const requests: FakeRequest[] = [];
  const faults: FaultRule[] = [];
  const listeners: ((request: FakeRequest) => void)[] = [];
  let storeUrl: string | null = null;

  const login = createLogin();
  // People's browsers reach the forge where it takes itself to be.
  const elsewhere = await openHost('elsewhere', async (request) => {
    requests.push(request);
    if (request.url.pathname === '/login/oauth/authorize') return authorize(login, request);
    return { status: 200, body: [] };
  });
  const store = await openHost('store', async (request) => {
    requests.push(request);
    return answerStore(world, request);
  });
  const forge = await openHost('forge', async (request, res) => {
    requests.push(request);
    for (const listener of listeners) listener(request);
    const fault = takeFault(faults, request);
    const who = whoOf(world, request);
    const needsAnswer = fault === null || ['half', 'stall', 'endless', 'bad-entry'].includes(fault);
    const call = { request, world, login, ...about, who, root: elsewhere.url, storeUrl, fault };
    const answer = needsAnswer ? await answerGitea(call) : { status: 200 };
    if (fault !== null && writeFault(res, fault, answer, request, elsewhere.url)) return null;
    return fault === 'bad-entry' ? withBadEntry(answer) : answer;
  });

  return {
    url: forge.url,
    rootUrl: elsewhere.url,
    storeUrl: store.url,
    login,
    requests,
    leaks: () => requests.filter((request) => request.host !== 'forge' && carriesToken(world, request)),
    onRequest: (listener: (request: FakeRequest) => void) => void listeners.push(listener),
    useStore: (on: boolean) => {
      storeUrl = on ? store.url : null;
    },
    setFault: (fault: FakeFault, { path = /./, times = Number.POSITIVE_INFINITY } = {}) =>
      void faults.push({ fault, path, left: times }),
    clearFaults: () => void faults.splice(0),
    close: async () => {
      await Promise.all([forge.close(), elsewhere.close(), store.close()]);
    },
  };
}

/** By token, or by login and password. */
function whoOf(world: FakeWorld, { token, headers }: FakeRequest): FakeToken | null {
  if (token === null) return null;
  if (!/^basic /i.test(headers.authorization ?? '')) return world.tokens.get(token) ?? null;
  const [login = '', password] = Buffer.from(token, 'base64').toString('utf8').split(':');
  return world.passwords.get(login) === password ? { login, siteAdmin: false, readsUser: true } : null;
}

function takeFault(faults: FaultRule[], request: FakeRequest): FakeFault | null {
  const rule = faults.find((one) => one.left > 0 && one.path.test(request.path));
  if (!rule) return null;
  rule.left -= 1;
  return rule.fault;
}

function withBadEntry(answer: FakeAnswer): FakeAnswer {
  return Array.isArray(answer.body) ? { ...answer, body: [{ id: 'none', name: 7 }, ...answer.body] } : answer;
}

/** As an object store does: a signed request that also carries credentials is refused. */
function answerStore(world: FakeWorld, request: FakeRequest): FakeAnswer {
  if (request.headers.authorization !== undefined)
    return { status: 400, body: { message: 'two kinds of credentials' } };
  if (request.url.searchParams.get('signature') !== 'good') return { status: 403, body: { message: 'no signature' } };
  const assets = world.repositories.flatMap((one) => one.releases).flatMap((one) => one.assets);
  const asset = assets.find((one) => one.uuid === request.segments[0]);
  return asset ? { status: 200, body: asset.bytes } : { status: 404 };
}

function carriesToken(world: FakeWorld, request: FakeRequest): boolean {
  const all = `${JSON.stringify(request.headers)} ${request.path} ${request.body}`;
  return request.headers.authorization !== undefined || [...world.tokens.keys()].some((token) => all.includes(token));
}

function actsOf(world: FakeWorld, settle: () => Promise<void>) {
  async function done<T>(result: T): Promise<T> {
    await settle();
    return result;
  }
  const noted = (repository: FakeRepository, act: people.FakeAct) => done(people.note(world, repository, act));
  type Repo = FakeRepository;
  type Release = FakeRelease;
  return {
    createRepository: (input: people.NewRepository) => done(people.createRepository(world, input)),
    renameRepository: (repository: Repo, name: string) => done(people.moveRepository(world, repository, { name })),
    transferRepository: (repository: Repo, owner: string) => done(people.moveRepository(world, repository, { owner })),
    deleteRepository: (repository: Repo) => done(people.deleteRepository(world, repository)),
    archiveRepository: (repository: Repo) => {
      repository.archived = true;
      return noted(repository, { kind: 'repository-archived' });
    },
    setPrivate: (repository: Repo, isPrivate: boolean) => {
      repository.private = isPrivate;
      return noted(repository, { kind: 'repository-visibility' });
    },
    pushBranch: (repository: Repo, files: people.FakeFiles) => done(people.pushBranch(world, repository, files)),
    commitTo: (repository: Repo, branch: string, files: Record<string, Uint8Array | null>) =>
      done(people.commitTo(world, repository, { branch, message: 'More' }, files)),
    mergePull: (repository: Repo, pull: people.FakePull) => done(people.mergePull(world, repository, pull)),
    pushTag: (repository: Repo, name: string, input: releases.NewTag = {}) =>
      done(releases.pushTag(world, repository, name, input)),
    moveTag: (repository: Repo, name: string, files: people.FakeFiles) =>
      done(releases.pushTag(world, repository, name, { files })),
    deleteTag: (repository: Repo, name: string, by: 'push' | 'api' = 'push') =>
      done(releases.deleteTag(world, repository, name, by)),
    publishRelease: (repository: Repo, input: releases.NewRelease) =>
      done(releases.publishRelease(world, repository, input)),
    draftRelease: (repository: Repo, input: releases.NewRelease) =>
      done(releases.draftRelease(world, repository, input)),
    publishDraft: (repository: Repo, release: Release, files?: people.FakeFiles) =>
      done(releases.publishDraft(world, repository, release, files)),
    unpublish: (repository: Repo, release: Release) => done(releases.unpublish(world, repository, release)),
    editRelease: (repository: Repo, release: Release, changes: Parameters<typeof releases.editRelease>[3]) =>
      done(releases.editRelease(world, repository, release, changes)),
    deleteRelease: (repository: Repo, release: Release) => done(releases.deleteRelease(world, repository, release)),
    addAsset: (repository: Repo, release: Release, name: string, content: string | Uint8Array, externalUrl?: string) =>
      done(releases.addAsset(world, repository, release, name, content, externalUrl ?? null)),
    /** Takes the old file away and uploads another one under its name. */
    replaceAsset: (repository: Repo, release: Release, asset: FakeAsset, content: string | Uint8Array) => {
      releases.deleteAsset(world, repository, release, asset);
      return done(releases.addAsset(world, repository, release, asset.name, content));
    },
    renameAsset: (repository: Repo, release: Release, asset: FakeAsset, name: string) =>
      done(releases.renameAsset(world, repository, release, asset, name)),
    deleteAsset: (repository: Repo, release: Release, asset: FakeAsset) =>
      done(releases.deleteAsset(world, repository, release, asset)),
  };
}
