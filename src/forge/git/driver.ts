import { ForgeTrouble } from '../../errors.ts';
import type {
  ForgeCheck,
  ForgeConnection,
  ForgeDriver,
  RemoteFile,
  RemoteRepository,
  RemoteState,
  RemoteTree,
  RepositoryName,
} from '../forge.ts';
import { foldersIn, isFolder, runGit, streamGit } from '../git-io.ts';
import { verifyHookSignature } from '../hook-signature.ts';
import { isCommit, isLocal, isNewEnough, isRepositoryName, isTagName } from './address.ts';
import { gitFailureOf, gitTrouble } from './git-trouble.ts';
import { parseGitHook, refuseHook } from './hook.ts';
import {
  defaultBranch,
  discardMirror,
  inMirror,
  type Mirror,
  readFresh,
  readKept,
  remoteExists,
  requireFolder,
} from './mirror.ts';
import { readTagList, TAG_FORMAT } from './tag-list.ts';

const FILE_BYTES = 1024 * 1024;
const LIST_BYTES = 64 * 1024 * 1024;
const ARCHIVE_MS = 15 * 60_000;

/**
 * Any Git remote: a folder of repositories or an address that ends where their names begin. A tag is a release, its message the
 * notes, its archive the file. A repository's id is its name; plain Git knows no owner, so the operator's is carried through,
 * and where none was given (`repositoryById`, a hook that names only the repository) it is empty.
 */
export const gitDriver: ForgeDriver = {
  kind: 'git',
  capabilities: {
    assetDigest: false,
    organizationHooks: false,
    releases: false,
    hooks: false,
    commitStatus: false,
    pullRequest: false,
  },
  login: null,
  people: null,
  check,
  repository,
  repositoryById: (forge, id) => repository(forge, { owner: '', name: id }),
  repositories,
  state,
  readFile,
  tree,
  setStatus: async () => refuse('marks no commits'),
  writeFile: async () => refuse('takes no files by API'),
  propose: async () => refuse('has no pull requests'),
  openAsset: async () => null,
  openArchive,
  publicUrls: () => [],
  ensureHook: async (_forge, scope, spec) => refuseHook(scope, spec),
  removeHook: async () => undefined,
  verifyHook: verifyHookSignature,
  parseHook: parseGitHook,
};

async function check(forge: ForgeConnection): Promise<ForgeCheck> {
  await requireFolder(forge);
  const { stdout } = await runGit({ args: ['version'], timeoutMs: 60_000 }, 1024);
  const version = stdout.toString().trim();
  if (!isNewEnough(version)) throw new ForgeTrouble('refused', `${version} is too old: 2.31 or newer is needed`);
  return { version, user: null };
}

async function repository(forge: ForgeConnection, name: RepositoryName): Promise<RemoteRepository | null> {
  return (await remoteExists(forge, name.name)) ? describe(forge, name) : null;
}

/** The repositories of a local folder, one level deep. A bare address cannot be asked what is below it. */
async function repositories(forge: ForgeConnection, owner: string): Promise<RemoteRepository[]> {
  if (!isLocal(forge)) {
    throw new ForgeTrouble('refused', 'a plain Git address cannot list its repositories: add each by its name');
  }
  await requireFolder(forge);
  const names = new Set<string>();
  for (const folder of await foldersIn(forge.baseUrl)) {
    const name = folder.replace(/\.git$/, '');
    const path = `${forge.baseUrl}/${folder}`;
    const holdsGit = (await isFolder(`${path}/objects`)) || (await isFolder(`${path}/.git/objects`));
    if (holdsGit && isRepositoryName(name)) names.add(name);
  }
  return [...names].sort().map((name) => describe(forge, { owner, name }));
}

function describe(forge: ForgeConnection, { owner, name }: RepositoryName): RemoteRepository {
  const readByAnybody = /^(https?|git):/.test(forge.baseUrl) && forge.token === null;
  return { id: name, owner, name, private: !readByAnybody, archived: false, webUrl: '', description: '' };
}

async function state(forge: ForgeConnection, { id }: RemoteRepository): Promise<RemoteState | null> {
  return readFresh(forge, id, async (mirror) => {
    const sort = ['--sort=-version:refname', '--sort=-creatordate'];
    const list = ['for-each-ref', ...sort, `--format=${TAG_FORMAT}`, 'refs/tags'];
    const listed = readTagList((await inMirror(mirror, list, { maxBytes: LIST_BYTES })).toString());
    const nested = listed.filter((tag) => tag.commit === null);
    const peeled = await commitsAt(
      mirror,
      nested.map((tag) => `refs/tags/${tag.name}`),
    );
    const commits = new Map(nested.map((tag, i) => [tag.name, peeled[i]]));
    const tags = listed.flatMap((tag) => {
      const commit = tag.commit ?? commits.get(tag.name);
      return commit ? [{ ...tag, commit }] : [];
    });
    return { releases: [], tags };
  });
}

/** Of the mirror as the last `state` left it; fetches only where the mirror does not have it. */
async function readFile(
  forge: ForgeConnection,
  { id }: RemoteRepository,
  ref: string,
  path: string,
): Promise<Uint8Array | null> {
  if (!isPath(path)) return null;
  const found = await readKept(forge, id, async (mirror) => {
    const commit = await commitOf(mirror, ref);
    if (commit === null) return null;
    const file = await fileAt(mirror, commit, path);
    if (file === null) return 'no file';
    if (file.size > FILE_BYTES) return 'too large';
    return inMirror(mirror, ['cat-file', 'blob', file.id], { maxBytes: FILE_BYTES });
  });
  if (found === 'too large') throw new ForgeTrouble('refused', `${path} is larger than 1 MB`);
  return found === 'no file' ? null : found;
}

/** Of a branch as it is now. A remote that does not say which is its default has `main` or `master`, or its only one. */
async function tree(
  forge: ForgeConnection,
  { id }: RemoteRepository,
  wanted: string | null,
): Promise<RemoteTree | null> {
  const named = wanted ?? (await defaultBranch(forge, id));
  return readFresh(forge, id, async (mirror) => {
    const heads = (await inMirror(mirror, ['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads'])).toString();
    const all = heads.split('\n').filter((name) => name !== '');
    const branch = named ?? ['main', 'master'].find((name) => all.includes(name)) ?? (all.length === 1 ? all[0] : null);
    if (branch === undefined || branch === null || !all.includes(branch)) return null;
    const [commit] = await commitsAt(mirror, [`refs/heads/${branch}`]);
    if (!commit) return null;
    const listed = await inMirror(mirror, ['ls-tree', '-r', '-z', '--long', commit], { maxBytes: LIST_BYTES });
    const files = listed
      .toString()
      .split('\0')
      .flatMap((line) => {
        const [, mode = '', blob = '', size, path = ''] =
          /^(100\d{3}) blob ([0-9a-f]+) +(\S+)\t([\s\S]+)$/.exec(line) ?? [];
        return path === '' ? [] : [{ path, size: Number(size), blob, mode }];
      });
    return { branch, commit, files };
  });
}

function refuse(what: string): never {
  throw new ForgeTrouble('refused', `a plain Git remote ${what}`);
}

/** Of a plain file, not of a folder, a link or a submodule. The size of a damaged one is NaN. */
async function fileAt(mirror: Mirror, commit: string, path: string): Promise<{ id: string; size: number } | null> {
  const entry = await inMirror(mirror, ['--literal-pathspecs', 'ls-tree', '-z', '--long', commit, '--', path]);
  const [, id, size] = /^100\d{3} blob ([0-9a-f]+) +(\S+)\t/.exec(entry.toString()) ?? [];
  return id === undefined ? null : { id, size: Number(size) };
}

/** With one top folder, named for repository and tag, as other forges make it. */
async function openArchive(forge: ForgeConnection, { id }: RemoteRepository, tag: string): Promise<RemoteFile | null> {
  const found = await readKept(forge, id, async (mirror) => {
    const commit = await commitOf(mirror, tag);
    return commit === null ? null : { mirror, commit };
  });
  if (found === null) return null;
  const top = `${id.split('/').at(-1)}-${tag}`.replaceAll('/', '-');
  const args = [`--git-dir=${found.mirror.gitDir}`, 'archive', '--format=zip', `--prefix=${top}/`, found.commit];
  return { stream: archiveOf(found.mirror, args), size: null };
}

/** A mirror that cannot make an archive is damaged: it is thrown away, so that the next try clones anew. */
async function* archiveOf(mirror: Mirror, args: string[]): AsyncGenerator<Uint8Array> {
  let stderr: string | null = null;
  try {
    yield* streamGit({ args, timeoutMs: ARCHIVE_MS }, (said) => {
      stderr = said;
      return gitTrouble(gitFailureOf(said), said);
    });
  } finally {
    if (stderr !== null) await discardMirror(mirror);
  }
}

/** A tag goes before a commit of that name; branches are no releases. */
async function commitOf(mirror: Mirror, ref: string): Promise<string | null> {
  const revisions = isTagName(ref) ? [`refs/tags/${ref}`] : [];
  if (isCommit(ref)) revisions.push(ref);
  const commits = await commitsAt(mirror, revisions);
  return commits.find((commit) => commit !== null) ?? null;
}

/** The commit behind each revision, or null; all in one run. */
async function commitsAt(mirror: Mirror, revisions: readonly string[]): Promise<(string | null)[]> {
  if (revisions.length === 0) return [];
  const input = revisions.map((revision) => `${revision}^{commit}\n`).join('');
  const lines = (await inMirror(mirror, ['cat-file', '--batch-check'], { input })).toString().split('\n');
  return revisions.map((_, i) => /^([0-9a-f]+) commit /.exec(lines[i] ?? '')?.[1] ?? null);
}

/** No part that leads up. */
function isPath(path: string): boolean {
  const parts = path.split('/');
  return !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}
