import { createHash, randomUUID } from 'node:crypto';
import type { FakeTeam } from './fake-forge-access.ts';

/**
 * What a fake forge holds, and what people do to it. Nothing here knows a vendor: each change is noted as an act, and a
 * dialect (Gitea's, GitHub's) decides which deliveries an act causes and how things look in answers.
 */

export const NO_COMMIT = '0'.repeat(40);

export interface FakeCommit {
  sha: string;
  message: string;
  at: number;
  files: Map<string, Uint8Array>;
}

export interface FakeTag {
  name: string;
  commit: FakeCommit;
  /** The tag object's id; the commit's for a lightweight tag. */
  object: string;
  /** Text of an annotated tag, else null. */
  message: string | null;
}

export interface FakeAsset {
  id: number;
  uuid: string;
  name: string;
  bytes: Uint8Array;
  at: number;
  /** Forgejo: the asset is only a link. */
  externalUrl: string | null;
  downloads: number;
}

export interface FakeRelease {
  id: number;
  tag: string;
  title: string;
  notes: string;
  draft: boolean;
  prerelease: boolean;
  /** Jumps when the tag moves or comes back. */
  at: number;
  assets: FakeAsset[];
}

export interface FakeHook {
  id: number;
  type: string;
  url: string;
  secret: string;
  contentType: string;
  events: string[];
  active: boolean;
  branchFilter: string;
  authorization: string;
  at: number;
}

export interface FakeRepository {
  id: number;
  owner: string;
  name: string;
  private: boolean;
  archived: boolean;
  description: string;
  at: number;
  /** Of the default branch, `main`. */
  head: FakeCommit;
  /** All other branches. */
  branches: Map<string, FakeCommit>;
  pulls: FakePull[];
  /** By commit; one a context. */
  statuses: Map<string, FakeStatus[]>;
  commits: Map<string, FakeCommit>;
  tags: Map<string, FakeTag>;
  releases: FakeRelease[];
  hooks: FakeHook[];
  /** Logins that may read it though it is private, and those that may also administer it; site admins always may. */
  readers: Set<string>;
  admins: Set<string>;
}

export interface FakePull {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  head: string;
  base: string;
}

/** As it was sent. */
interface FakeStatus {
  state: string;
  context: string;
  description: string;
  target_url: string;
}

export interface FakeOwner {
  id: number;
  login: string;
  kind: 'user' | 'organization';
  hooks: FakeHook[];
}

export interface FakeToken {
  login: string;
  siteAdmin: boolean;
  /** False: a token without the scope to read its own user. */
  readsUser: boolean;
  /** False: it may not register applications. */
  writesUser?: boolean;
}

export type FakeAct =
  | { kind: 'repository-created' | 'repository-deleted' | 'repository-archived' | 'repository-visibility' }
  | { kind: 'repository-renamed' | 'repository-transferred'; from: string }
  | { kind: 'branch-pushed'; before: string; after: string }
  | { kind: 'tag-created' | 'tag-moved'; tag: string; before: string; after: string }
  | { kind: 'tag-deleted'; tag: string; before: string; after: string; by: 'push' | 'api' }
  | { kind: 'release-published'; release: FakeRelease; wasDraft: boolean; tagExisted: boolean }
  | { kind: 'release-deleted'; release: FakeRelease; wasDraft: boolean }
  | { kind: 'release-created' | 'release-edited' | 'release-unpublished'; release: FakeRelease }
  | { kind: 'asset-added' | 'asset-changed' | 'asset-deleted'; release: FakeRelease; asset: FakeAsset };

/** An act and the repository as it was at that moment, with everybody who hears of it. */
export interface FakeEvent {
  act: FakeAct;
  repository: FakeRepository;
}

export interface FakeWorld {
  now: () => number;
  owners: Map<string, FakeOwner>;
  repositories: FakeRepository[];
  /** Old `owner/name` (lower case) of renamed and transferred repositories. */
  redirects: Map<string, number>;
  systemHooks: FakeHook[];
  tokens: Map<string, FakeToken>;
  teams: FakeTeam[];
  /** Logins of people: who administers the forge, and who may not sign in. */
  siteAdmins: Set<string>;
  blocked: Set<string>;
  /** Old logins (lower case) of people who took another one. */
  movedUsers: Map<string, string>;
  /** By login, for basic authentication. */
  passwords: Map<string, string>;
  /** Not yet delivered. */
  events: FakeEvent[];
  nextId: number;
}

export type FakeFiles = Record<string, string | Uint8Array>;

export function createWorld(now: () => number): FakeWorld {
  return {
    now,
    owners: new Map(),
    repositories: [],
    redirects: new Map(),
    systemHooks: [],
    tokens: new Map(),
    teams: [],
    siteAdmins: new Set(),
    blocked: new Set(),
    movedUsers: new Map(),
    passwords: new Map(),
    events: [],
    nextId: 1,
  };
}

export function newNumber(world: FakeWorld): number {
  return world.nextId++;
}

export function ownerOf(world: FakeWorld, login: string, kind: FakeOwner['kind'] = 'organization'): FakeOwner {
  const known = world.owners.get(login.toLowerCase());
  if (known) return known;
  const owner: FakeOwner = { id: newNumber(world), login, kind, hooks: [] };
  world.owners.set(login.toLowerCase(), owner);
  return owner;
}

export interface NewRepository {
  owner: string;
  name: string;
  ownerKind?: FakeOwner['kind'];
  private?: boolean;
  description?: string;
  /** What the default branch holds. */
  files?: FakeFiles;
}

export function createRepository(world: FakeWorld, input: NewRepository): FakeRepository {
  ownerOf(world, input.owner, input.ownerKind);
  const head = newCommit(world, input.files ?? { 'README.md': `# ${input.name}\n` }, 'First');
  const repository: FakeRepository = {
    id: newNumber(world),
    owner: input.owner,
    name: input.name,
    private: input.private ?? true,
    archived: false,
    description: input.description ?? '',
    at: world.now(),
    head,
    branches: new Map(),
    pulls: [],
    statuses: new Map(),
    commits: new Map([[head.sha, head]]),
    tags: new Map(),
    releases: [],
    hooks: [],
    readers: new Set(),
    admins: new Set([input.owner]),
  };
  world.repositories.push(repository);
  world.redirects.delete(fullName(repository).toLowerCase());
  note(world, repository, { kind: 'repository-created' });
  return repository;
}

export function findRepository(world: FakeWorld, owner: string, name: string): FakeRepository | null {
  const wanted = `${owner}/${name}`.toLowerCase();
  return world.repositories.find((one) => fullName(one).toLowerCase() === wanted) ?? null;
}

function fullName(repository: FakeRepository): string {
  return `${repository.owner}/${repository.name}`;
}

/** A new name, a new owner or both; the old name redirects. */
export function moveRepository(
  world: FakeWorld,
  repository: FakeRepository,
  to: { owner?: string; name?: string },
): void {
  const from = { owner: repository.owner, name: repository.name };
  world.redirects.set(fullName(repository).toLowerCase(), repository.id);
  repository.owner = to.owner === undefined ? repository.owner : ownerOf(world, to.owner).login;
  repository.name = to.name ?? repository.name;
  world.redirects.delete(fullName(repository).toLowerCase());
  if (repository.owner !== from.owner) note(world, repository, { kind: 'repository-transferred', from: from.owner });
  if (repository.name !== from.name) note(world, repository, { kind: 'repository-renamed', from: from.name });
}

export function deleteRepository(world: FakeWorld, repository: FakeRepository): void {
  world.repositories = world.repositories.filter((one) => one !== repository);
  note(world, repository, { kind: 'repository-deleted' });
}

/** A commit on a branch, which is made from another one where it is new. */
export function commitTo(
  world: FakeWorld,
  repository: FakeRepository,
  to: { branch: string; from?: string; message: string },
  files: Record<string, Uint8Array | null>,
): FakeCommit {
  const parent = branchOf(repository, to.from ?? to.branch);
  if (!parent) throw new Error(`there is no branch ${to.from ?? to.branch}`);
  const all = new Map(parent.files);
  for (const [path, content] of Object.entries(files)) {
    if (content === null) all.delete(path);
    else all.set(path, content);
  }
  const made = newCommit(world, Object.fromEntries(all), to.message);
  repository.commits.set(made.sha, made);
  if (to.branch === 'main') repository.head = made;
  else repository.branches.set(to.branch, made);
  note(world, repository, { kind: 'branch-pushed', before: parent.sha, after: made.sha });
  return made;
}

export function branchOf(repository: FakeRepository, branch: string): FakeCommit | undefined {
  return branch === 'main' ? repository.head : repository.branches.get(branch);
}

/** As people merge it: the files of its branch become those of the base. */
export function mergePull(world: FakeWorld, repository: FakeRepository, pull: FakePull): FakeCommit {
  const ours = branchOf(repository, pull.head);
  if (!ours) throw new Error(`the branch ${pull.head} is gone`);
  pull.state = 'closed';
  return commitTo(
    world,
    repository,
    { branch: pull.base, message: `Merge ${pull.title}` },
    Object.fromEntries(ours.files),
  );
}

/** Files are added to the default branch. */
export function pushBranch(world: FakeWorld, repository: FakeRepository, files: FakeFiles): FakeCommit {
  const before = repository.head;
  const head = newCommit(world, { ...Object.fromEntries(before.files), ...files }, 'More');
  repository.head = head;
  repository.commits.set(head.sha, head);
  note(world, repository, { kind: 'branch-pushed', before: before.sha, after: head.sha });
  return head;
}

export function note(world: FakeWorld, repository: FakeRepository, act: FakeAct): void {
  world.events.push({ act, repository });
}

/** A commit's id is made of what it holds and when, as Git's is. */
export function newCommit(world: FakeWorld, files: FakeFiles, message: string): FakeCommit {
  const contents = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  const hash = createHash('sha1').update(`${message} ${newNumber(world)}`);
  for (const [path, content] of contents) hash.update(path).update(content);
  return { sha: hash.digest('hex'), message, at: world.now(), files: contents };
}

export function newUuid(): string {
  return randomUUID();
}
