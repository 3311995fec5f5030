import type { ForgeLogin, ForgePeople } from './people.ts';

/** The contract of a forge driver. Drivers are stateless and safe to call concurrently; credentials are passed in. */

export const FORGE_KINDS = ['gitea', 'forgejo', 'github', 'git'] as const;
export type ForgeKind = (typeof FORGE_KINDS)[number];

export interface ForgeConnection {
  id: string;
  kind: ForgeKind;
  /** Where we call it, no trailing slash: `https://git.example.com`; for `git` a folder or URL that holds repositories. */
  baseUrl: string;
  token: string | null;
  /** A folder of our own that a driver may use as a cache (`git` keeps its mirrors there). */
  cacheDir: string;
}

export interface RepositoryName {
  owner: string;
  name: string;
}

export interface RemoteRepository extends RepositoryName {
  /** The forge's own id as text; survives a rename. */
  id: string;
  private: boolean;
  archived: boolean;
  /** For people; empty where the forge has no pages. */
  webUrl: string;
  description: string;
}

export interface RemoteAsset {
  id: string;
  name: string;
  size: number;
  /** Changes whenever the bytes may have changed (uuid, updated_at). */
  revision: string;
  /** sha256 in lower-case hex where the forge tells it. */
  sha256: string | null;
  /** True: a link to somewhere else that we do not fetch. */
  external: boolean;
  /** Where the driver fetches it; opaque to everyone else. */
  locator: string;
}

export interface RemoteRelease {
  id: string;
  tag: string;
  title: string;
  notes: string;
  draft: boolean;
  prerelease: boolean;
  /** The forge's date, ISO 8601; it jumps when a tag moves, so it decides nothing. */
  publishedAt: string | null;
  webUrl: string;
  assets: RemoteAsset[];
}

export interface RemoteTag {
  name: string;
  commit: string;
  /** Text of an annotated tag, else empty. */
  message: string;
}

/** Everything there is to release in a repository, read afresh. Newest first as far as the forge tells. */
export interface RemoteState {
  releases: RemoteRelease[];
  tags: RemoteTag[];
}

export interface RemoteFile {
  stream: AsyncIterable<Uint8Array>;
  /** null where the forge does not say. */
  size: number | null;
}

/** The files of a branch as it stands now. */
export interface RemoteTree {
  branch: string;
  commit: string;
  /** Plain files only, no links and no submodules. */
  files: RemoteTreeFile[];
}

export interface RemoteTreeFile {
  path: string;
  size: number;
  /** Git's id of the content: the same id, the same bytes. */
  blob: string;
  /** `100644`, or `100755` for a program. */
  mode: string;
}

export type CommitState = 'pending' | 'success' | 'warning' | 'failure' | 'error';

/** What a commit is marked with. One status a context: a later one takes its place. */
export interface CommitStatus {
  state: CommitState;
  context: string;
  /** At most 140 characters. */
  description: string;
  targetUrl: string | null;
}

/** `content` null: the file goes. */
export interface FileChange {
  path: string;
  content: Uint8Array | null;
}

export interface PullRequestSpec {
  /** Ours alone; in the end it holds what the base branch holds and these changes, nothing else. */
  branch: string;
  base: string;
  title: string;
  body: string;
  /** Of the commit. */
  message: string;
  /** At least one, each different from the base. */
  changes: readonly FileChange[];
}

export interface PullRequestState {
  number: number;
  /** Where people read it. */
  url: string;
  change: 'opened' | 'updated' | 'unchanged';
}

export type HookScope = { kind: 'repository'; repository: RemoteRepository } | { kind: 'organization'; owner: string };

export interface HookSpec {
  /** Ours, absolute. Two hooks are the same when the URLs' paths are. */
  url: string;
  secret: string;
  /** As this forge names them; the full set. */
  events: readonly string[];
}

export interface HookState {
  id: string;
  change: 'created' | 'repaired' | 'unchanged';
  /** What differed from the specification, in words; empty for a new or a right one. */
  drift: string[];
}

/** What a delivery says happened. A hint only: the truth is read afresh. */
interface HookNotice {
  /** `X-…-Delivery`, unique per forge and delivery. */
  deliveryId: string;
  /** The forge's own name of the event. */
  event: string;
  action: string | null;
  repository: (RepositoryName & { id: string }) | null;
}

export type HookVerdict = 'valid' | 'unsigned' | 'invalid';
export type ParsedHook = { ok: true; notice: HookNotice } | { ok: false; reason: string };
export type HookHeaders = Record<string, string | string[] | undefined>;

export interface ForgeCheck {
  /** As the forge says it; never parsed as a number. */
  version: string;
  /** Login of the token's owner; null where there is none. */
  user: string | null;
}

/**
 * Three outcomes are kept apart: `null` is "not there, or no right to see it" (forges answer 404 for both); a delivery that
 * concerns nobody is `ok: false` with a reason; everything else that goes wrong is thrown as ForgeTrouble and retried.
 */
export interface ForgeDriver {
  kind: ForgeKind;
  capabilities: {
    /** The forge tells a digest of an asset. */
    assetDigest: boolean;
    /** A hook on the organization hears all of its repositories. */
    organizationHooks: boolean;
    /** The forge has releases of its own; false: every tag is a release. */
    releases: boolean;
    /** Hooks can be registered by API. */
    hooks: boolean;
    /** A commit can be marked by API. */
    commitStatus: boolean;
    /** Files can be committed to a branch and offered as a pull request by API. */
    pullRequest: boolean;
  };
  /** Sign-in with the forge; null where it knows no people. */
  login: ForgeLogin | null;
  /** Roles of people; null where it knows none. */
  people: ForgePeople | null;
  /** Throws ForgeTrouble `unauthorized` for a dead token. */
  check(forge: ForgeConnection): Promise<ForgeCheck>;
  repository(forge: ForgeConnection, name: RepositoryName): Promise<RemoteRepository | null>;
  /** Follows renames. */
  repositoryById(forge: ForgeConnection, id: string): Promise<RemoteRepository | null>;
  repositories(forge: ForgeConnection, owner: string): Promise<RemoteRepository[]>;
  state(forge: ForgeConnection, repository: RemoteRepository): Promise<RemoteState | null>;
  /** A file of the repository at a tag or commit; null when it is not there. At most 1 MB. */
  readFile(forge: ForgeConnection, repository: RemoteRepository, ref: string, path: string): Promise<Uint8Array | null>;
  /** The files of a branch (null: the default one); null when there is none. Read them by `readFile` at its commit. */
  tree(forge: ForgeConnection, repository: RemoteRepository, branch: string | null): Promise<RemoteTree | null>;
  /** Throws ForgeTrouble `refused` where a right or the capability is missing. */
  setStatus(forge: ForgeConnection, repository: RemoteRepository, commit: string, status: CommitStatus): Promise<void>;
  /** One commit that makes or changes a file on a branch that exists; `unchanged` where it holds these bytes already. */
  writeFile(
    forge: ForgeConnection,
    repository: RemoteRepository,
    file: { branch: string; path: string; content: Uint8Array; message: string },
  ): Promise<'written' | 'unchanged'>;
  /** Opens the pull request of a branch, or brings the open one up to date: twice is the same one. */
  propose(forge: ForgeConnection, repository: RemoteRepository, spec: PullRequestSpec): Promise<PullRequestState>;
  openAsset(
    forge: ForgeConnection,
    repository: RemoteRepository,
    asset: Pick<RemoteAsset, 'id' | 'locator'>,
  ): Promise<RemoteFile | null>;
  /** The archive of a tag as a zip. */
  openArchive(forge: ForgeConnection, repository: RemoteRepository, tag: string): Promise<RemoteFile | null>;
  /** Where anybody without a token could fetch the file, to find a gate that can be walked round; null where there is no such address. */
  publicUrls(forge: ForgeConnection, repository: RepositoryName, tag: string, assetName: string | null): string[];
  /** Finds, repairs or makes the hook; always sends the full set. Throws ForgeTrouble `refused` where a right is missing. */
  ensureHook(forge: ForgeConnection, scope: HookScope, spec: HookSpec): Promise<HookState>;
  removeHook(forge: ForgeConnection, scope: HookScope, url: string): Promise<void>;
  /** Over the raw bytes, in constant time, against each secret (rotation). Pure. */
  verifyHook(rawBody: Uint8Array, headers: HookHeaders, secrets: readonly string[]): HookVerdict;
  /** Only after verifyHook said `valid`. Pure. */
  parseHook(rawBody: Uint8Array, headers: HookHeaders): ParsedHook;
}
