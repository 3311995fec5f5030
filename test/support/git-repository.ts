import { execFile, spawn } from 'node:child_process';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PROGRAM_PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin';
const AUTHOR = 'Vera Vendor <vera@vendor.example>';
const FIRST_DAY = Date.UTC(2024, 0, 1) / 1000;
const DAY_SECONDS = 86_400;

interface TagDescription {
  name: string;
  /** The whole tree at this tag: path to content. */
  files: Readonly<Record<string, string | Uint8Array>>;
  /** Makes the tag an annotated one. */
  message?: string;
  /** ISO 8601; without it each tag is one day after the one before, beginning on 2024-01-01. */
  date?: string;
}

/** A real bare repository in a folder. The same descriptions in the same order always give the same commit ids. */
export interface GitRepository {
  name: string;
  /** `FOLDER/NAME.git`. */
  path: string;
  /** Makes a tag on a new commit of `main`, or moves it there if it exists already; returns the commit. */
  tag(description: TagDescription): Promise<string>;
  deleteTag(name: string): Promise<void>;
  /** Any other git command inside the repository; returns what it prints, trimmed. */
  git(...args: string[]): Promise<string>;
}

/**
 * Makes `FOLDER/NAME.git` with these tags. The folder can be the baseUrl of a forge of kind `git`:
 *
 *     const repository = await makeGitRepository(folder, 'com_example', [
 *       { name: 'v1.0.0', files: { 'example.xml': '<extension/>' }, message: 'First release' },
 *     ]);
 *     await repository.tag({ name: 'v1.0.0', files: { 'example.xml': '<extension version="2"/>' } });   // moves it
 *     await repository.deleteTag('v1.0.0');
 */
export async function makeGitRepository(
  folder: string,
  name: string,
  tags: readonly TagDescription[],
): Promise<GitRepository> {
  const path = join(folder, `${name}.git`);
  await run(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', path]);
  let days = 0;
  let main: string | null = null;
  const git = (...args: string[]) => run([`--git-dir=${path}`, ...args]);
  const repository: GitRepository = {
    name,
    path,
    git,
    async tag(description) {
      const seconds = description.date ? Date.parse(description.date) / 1000 : FIRST_DAY + days++ * DAY_SECONDS;
      const options = ['--quiet', '--force'];
      main = await feed([`--git-dir=${path}`, 'fast-import', ...options], importOf(description, seconds, main));
      return main;
    },
    async deleteTag(tag) {
      await git('update-ref', '-d', `refs/tags/${tag}`);
    },
  };
  for (const tag of tags) await repository.tag(tag);
  return repository;
}

/** https://git-scm.com/docs/git-fast-import#_input_format */
function importOf({ name, files, message }: TagDescription, seconds: number, before: string | null): Buffer {
  const who = `${AUTHOR} ${seconds} +0000\n`;
  const parts: (string | Uint8Array)[] = ['commit refs/heads/main\nmark :1\n', `committer ${who}`, ...data(name)];
  if (before !== null) parts.push(`from ${before}\n`);
  parts.push('deleteall\n');
  for (const [path, content] of Object.entries(files)) parts.push(`M 100644 inline ${path}\n`, ...data(content));
  if (message === undefined) parts.push(`reset refs/tags/${name}\nfrom :1\n`);
  else parts.push(`tag ${name}\nfrom :1\ntagger ${who}`, ...data(message));
  parts.push('get-mark :1\n');
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

function data(content: string | Uint8Array): (string | Uint8Array)[] {
  return [`data ${Buffer.byteLength(content)}\n`, content, '\n'];
}

async function run(args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', [...args], { env: environment() });
  return stdout.trim();
}

async function feed(args: readonly string[], input: Buffer): Promise<string> {
  const running = promisify(execFile)('git', [...args], { env: environment() });
  running.child.stdin?.end(input);
  return (await running).stdout.trim();
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: PROGRAM_PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
}

interface GitServer {
  /** baseUrl of a forge of kind `git`. */
  url: string;
  /** Every request that came, in order. */
  requests: { path: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

export interface GitServerOptions {
  /** Anything else than this Authorization header is answered 401. */
  authorization?: string;
  /** Answers every request with a redirect to the same path there. */
  redirectTo?: string;
  /** Answers every request with this status. */
  status?: number;
}

/** Serves the bare repositories of a folder over HTTP on 127.0.0.1, with git's own server side (`git http-backend`). */
export async function serveGit(folder: string, options: GitServerOptions = {}): Promise<GitServer> {
  const requests: GitServer['requests'] = [];
  const server = http.createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ path, headers: request.headers });
    if (options.redirectTo) return response.writeHead(302, { location: options.redirectTo + path }).end();
    if (options.status) return response.writeHead(options.status).end();
    if (options.authorization && request.headers.authorization !== options.authorization) {
      return response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }
    return answer(folder, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** One CGI run (RFC 3875): the request through the environment and stdin, the answer as headers and body on stdout. */
function answer(folder: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://git.invalid');
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...environment(),
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const lines = output.subarray(0, end).toString().split('\r\n');
    const headers = lines.map((line): [string, string] => [line.split(': ')[0] ?? '', line.split(': ')[1] ?? '']);
    const status = Number(headers.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? 200);
    response.writeHead(status, headers.filter(([name]) => name !== 'Status').flat());
    response.end(output.subarray(end + 4));
  });
}
