import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ForgeTrouble } from '../errors.ts';

/** One run of the git program (2.31 or newer): no shell, no terminal, no hooks, and an environment made from nothing. */
interface GitCall {
  args: readonly string[];
  /** Settings of this run. They travel in the environment, so that neither an address nor a token stands in a process list. */
  config?: Readonly<Record<string, string>>;
  /** What the run may speak, as GIT_ALLOW_PROTOCOL has it (`file`, `https:ssh`); nothing unless it is said. */
  protocols?: string;
  /** What it reads from its standard input. */
  input?: string;
  /** Milliseconds, then the run and all that it started are killed. */
  timeoutMs: number;
}

interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** The environment is ours, so the program is looked for in the usual folders and beside Node. */
const SEARCH_PATH = [
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/opt/homebrew/bin',
  '/run/current-system/sw/bin',
  dirname(process.execPath),
].join(':');

/** In force on every run; what an operator sets in `~/.gitconfig` (proxy, certificates, ssh command) stays. */
const CONFIG: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.attributesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.askPass': '',
  'credential.helper': '',
  'gc.autoDetach': 'false',
  'maintenance.autoDetach': 'false',
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '60',
};

const STDERR_BYTES = 64 * 1024;

/** Runs git to its end. Throws ForgeTrouble for a missing program, a timeout, or more than `maxBytes` of output; a failure is a `code`. */
export async function runGit(call: GitCall, maxBytes: number): Promise<GitResult> {
  const run = start(call);
  const chunks: Buffer[] = [];
  let size = 0;
  run.child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) return kill(run.child);
    chunks.push(chunk);
  });
  const code = await run.ended;
  if (size > maxBytes) throw new ForgeTrouble('bad_answer', `git ${verbOf(call)} said more than ${maxBytes} bytes`);
  return { code, stdout: Buffer.concat(chunks), stderr: run.stderr() };
}

/**
 * The output as it comes; git starts with the first read and is killed when the reader goes away.
 * Output that ends in a failure must not pass for a whole one: what `failed` makes of it is thrown at the end.
 */
export async function* streamGit(call: GitCall, failed: (stderr: string) => Error): AsyncGenerator<Uint8Array> {
  const run = start(call);
  try {
    if (run.child.stdout) yield* run.child.stdout;
    if ((await run.ended) !== 0) throw failed(run.stderr());
  } finally {
    kill(run.child);
    await run.ended.catch(() => undefined);
  }
}

function start(call: GitCall): { child: ChildProcess; ended: Promise<number>; stderr: () => string } {
  const child = spawn('git', [...call.args], {
    cwd: '/',
    env: environment(call),
    stdio: [call.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin?.on('error', () => undefined).end(call.input);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < STDERR_BYTES) stderr += text;
  });
  const ended = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new ForgeTrouble('timeout', `git ${verbOf(call)} took more than ${call.timeoutMs} ms`));
      kill(child);
    }, call.timeoutMs);
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const reason = error.code === 'ENOENT' ? `there is no git program in ${SEARCH_PATH}` : `git: ${error.code}`;
      reject(new ForgeTrouble('unreachable', reason));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code ?? -1);
    });
  });
  ended.catch(() => undefined);
  return { child, ended, stderr: () => stderr };
}

function verbOf({ args }: GitCall): string {
  return args.find((arg) => !arg.startsWith('-')) ?? '';
}

function environment(call: GitCall): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    PATH: SEARCH_PATH,
    HOME: homedir(),
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_ALLOW_PROTOCOL: call.protocols ?? '',
  };
  const settings = Object.entries({ ...CONFIG, ...call.config });
  env['GIT_CONFIG_COUNT'] = String(settings.length);
  settings.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return env;
}

/** The whole group: git starts helpers (ssh, remote-https, index-pack) that would live on. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Names of the folders in a folder, sorted; empty where it cannot be read. */
export async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(join(path, entry.name)))))
      names.push(entry.name);
  }
  return names.sort();
}

export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Puts `from` in the place of `to`. Killed half-way, `to` is missing, never mixed. */
export async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${to}.old`;
  await removeFolder(old);
  if (await isFolder(to)) await rename(to, old);
  await rename(from, to);
  await removeFolder(old);
}

/** Removes what a killed git left locked. Only for a repository that nobody else works on at this moment. */
export async function removeLocks(gitDir: string): Promise<void> {
  const inRefs = await readdir(join(gitDir, 'refs'), { recursive: true }).catch(() => []);
  const inTop = await readdir(gitDir).catch(() => []);
  const paths = [
    ...inTop,
    'gc.pid',
    ...inRefs.map((path) => join('refs', path)),
    join('objects', 'info', 'commit-graph.lock'),
  ];
  const stale = paths.filter((path) => path.endsWith('.lock') || path === 'gc.pid');
  await Promise.all(stale.map((path) => rm(join(gitDir, path), { force: true })));
}
