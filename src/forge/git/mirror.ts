import { join } from 'node:path';
import { ForgeTrouble } from '../../errors.ts';
import type { ForgeConnection } from '../forge.ts';
import { isFolder, removeFolder, removeLocks, replaceFolder, runGit } from '../git-io.ts';
import { addressesOf, isLocal, mirrorName, REMOTE, remoteConfig } from './address.ts';
import { gitFailureOf, gitTrouble } from './git-trouble.ts';

const FETCH_MS = 15 * 60_000;
const READ_MS = 2 * 60_000;
const TEXT_BYTES = 1024 * 1024;
const EVERYTHING = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];

/** A bare copy of one repository: branches and tags, nothing else. */
export interface Mirror {
  gitDir: string;
}

/** The last of the line for each mirror. A cacheDir belongs to one process, so nobody else touches a mirror while a turn lasts. */
const lines = new Map<string, Promise<unknown>>();

async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = lines.get(key) ?? Promise.resolve();
  const turn = before.then(work, work);
  const end = turn.catch(() => undefined);
  lines.set(key, end);
  try {
    return await turn;
  } finally {
    if (lines.get(key) === end) lines.delete(key);
  }
}

/** Reads the mirror after fetching everything afresh; null when there is no such repository. */
export async function readFresh<T>(
  forge: ForgeConnection,
  name: string,
  read: (mirror: Mirror) => Promise<T>,
): Promise<T | null> {
  const mirror = mirrorOf(forge, name);
  return inTurn(mirror.gitDir, async () => {
    if (!(await update(forge, name, mirror))) return null;
    return readOrMend(forge, name, mirror, read);
  });
}

/** Reads the mirror as it stands, and fetches only where that gives null: what `state` listed is there. */
export async function readKept<T>(
  forge: ForgeConnection,
  name: string,
  read: (mirror: Mirror) => Promise<T | null>,
): Promise<T | null> {
  const mirror = mirrorOf(forge, name);
  return inTurn(mirror.gitDir, async () => {
    if (await isFolder(mirror.gitDir)) {
      const found = await readOrMend(forge, name, mirror, read);
      if (found !== null) return found;
    }
    return (await update(forge, name, mirror)) ? read(mirror) : null;
  });
}

/** The output of one git command in the mirror. Throws ForgeTrouble for a failure. */
export async function inMirror(
  mirror: Mirror,
  args: readonly string[],
  options: { maxBytes?: number; input?: string } = {},
): Promise<Buffer> {
  const { maxBytes = TEXT_BYTES, ...rest } = options;
  const call = { args: [`--git-dir=${mirror.gitDir}`, ...args], timeoutMs: READ_MS, ...rest };
  const { code, stdout, stderr } = await runGit(call, maxBytes);
  if (code !== 0) throw gitTrouble(gitFailureOf(stderr), stderr);
  return stdout;
}

/** So that the next call clones anew. */
export async function discardMirror(mirror: Mirror): Promise<void> {
  await inTurn(mirror.gitDir, () => removeFolder(mirror.gitDir));
}

/** Is it there for us? Asks the remote and keeps nothing. */
export async function remoteExists(forge: ForgeConnection, name: string): Promise<boolean> {
  await requireFolder(forge);
  for (const address of addressesOf(forge, name)) {
    const call = {
      args: ['ls-remote', '--quiet', '--end-of-options', REMOTE, 'HEAD'],
      config: remoteConfig(forge, address),
      protocols: address.protocols,
      timeoutMs: READ_MS,
    };
    const result = await runGit(call, TEXT_BYTES);
    if (result.code === 0) return true;
    const failure = gitFailureOf(result.stderr);
    if (failure !== 'missing') throw gitTrouble(failure, result.stderr);
  }
  return false;
}

/** The branch that the remote's HEAD names; null where it names none, or there is no such repository. */
export async function defaultBranch(forge: ForgeConnection, name: string): Promise<string | null> {
  for (const address of addressesOf(forge, name)) {
    const call = {
      args: ['ls-remote', '--quiet', '--symref', '--end-of-options', REMOTE, 'HEAD'],
      config: remoteConfig(forge, address),
      protocols: address.protocols,
      timeoutMs: READ_MS,
    };
    const { code, stdout } = await runGit(call, TEXT_BYTES);
    if (code === 0) return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(stdout.toString())?.[1] ?? null;
  }
  return null;
}

/** A local folder that went away (an unmounted disk) is trouble, not a forge without repositories. */
export async function requireFolder(forge: ForgeConnection): Promise<void> {
  if (isLocal(forge) && !(await isFolder(forge.baseUrl))) {
    throw new ForgeTrouble('unreachable', `there is no folder ${forge.baseUrl}`);
  }
}

function mirrorOf(forge: ForgeConnection, name: string): Mirror {
  return { gitDir: join(forge.cacheDir, 'git-mirrors', mirrorName(forge, name)) };
}

/** A mirror may be damaged in ways that a fetch does not notice. */
async function readOrMend<T>(
  forge: ForgeConnection,
  name: string,
  mirror: Mirror,
  read: (mirror: Mirror) => Promise<T>,
): Promise<T | null> {
  try {
    return await read(mirror);
  } catch (error) {
    if (!(error instanceof ForgeTrouble) || error.reason === 'timeout') throw error;
    await removeFolder(mirror.gitDir);
    return (await update(forge, name, mirror)) ? read(mirror) : null;
  }
}

async function update(forge: ForgeConnection, name: string, mirror: Mirror): Promise<boolean> {
  await requireFolder(forge);
  if (await isFolder(mirror.gitDir)) {
    await removeLocks(mirror.gitDir);
    const outcome = await fetchAll(forge, name, mirror.gitDir);
    if (outcome.failure !== 'unknown') return outcome.failure === null;
  }
  return cloneAnew(forge, name, mirror);
}

async function cloneAnew(forge: ForgeConnection, name: string, mirror: Mirror): Promise<boolean> {
  const fresh = `${mirror.gitDir}.new`;
  await removeFolder(fresh);
  try {
    const made = await runGit(
      { args: ['init', '--quiet', '--bare', '--template=', '--', fresh], timeoutMs: READ_MS },
      TEXT_BYTES,
    );
    if (made.code !== 0) throw gitTrouble('unknown', made.stderr);
    const outcome = await fetchAll(forge, name, fresh);
    if (outcome.failure === 'missing') return false;
    if (outcome.failure !== null) throw gitTrouble(outcome.failure, outcome.stderr);
    await replaceFolder(fresh, mirror.gitDir);
    return true;
  } finally {
    await removeFolder(fresh);
  }
}

/** Fetches from the first address that has the repository. Throws ForgeTrouble where the remote is to blame. */
async function fetchAll(
  forge: ForgeConnection,
  name: string,
  gitDir: string,
): Promise<{ failure: 'missing' | 'unknown' | null; stderr: string }> {
  const options = ['--quiet', '--prune', '--force', '--no-tags', '--no-write-fetch-head'];
  for (const address of addressesOf(forge, name)) {
    const call = {
      args: [`--git-dir=${gitDir}`, 'fetch', ...options, '--end-of-options', REMOTE, ...EVERYTHING],
      config: remoteConfig(forge, address),
      protocols: address.protocols,
      timeoutMs: FETCH_MS,
    };
    const { code, stderr } = await runGit(call, TEXT_BYTES);
    if (code === 0) return { failure: null, stderr };
    const failure = gitFailureOf(stderr);
    if (failure === 'unknown') return { failure, stderr };
    if (failure !== 'missing') throw gitTrouble(failure, stderr);
  }
  return { failure: 'missing', stderr: '' };
}
