import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKit, type KitFile, type KitOptions } from '../../../src/updates/kit.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const folders: string[] = [];

/** Whether PHP is here; says so out loud if not, because then nothing of the kits is really run. */
export function hasPhp(): boolean {
  const found = spawnSync('php', ['-m'], { encoding: 'utf8' });
  if (found.status === 0 && /^pdo_sqlite$/m.test(found.stdout) && /^SimpleXML$/m.test(found.stdout)) return true;
  process.stderr.write(
    '\n!!! SKIPPED: the client kits are not run, because php with pdo_sqlite and SimpleXML is missing\n\n',
  );
  return false;
}

export function templateOf(platform: 'joomla' | 'dolibarr'): KitFile[] {
  const folder = join(ROOT, 'feeds', platform, 'client');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(folder, path), bytes: readFileSync(path) }));
}

/** Builds a kit from the real template and unpacks it into a fresh folder. */
export function unpackedKit(options: Partial<KitOptions> & Pick<KitOptions, 'platform' | 'serverUrl'>): string {
  const folder = temporaryFolder();
  const kit = buildKit(templateOf(options.platform), {
    organizationSlug: 'acme',
    organizationName: 'Acme',
    version: '1.0.0',
    ...options,
  });
  for (const file of kit.files) {
    mkdirSync(dirname(join(folder, file.path)), { recursive: true });
    writeFileSync(join(folder, file.path), file.bytes);
  }
  return folder;
}

/** Runs PHP code after the platform's stand-in and gives back the JSON that it printed. */
export function runPhp(
  platform: string,
  kit: string,
  code: string,
  env: Record<string, string> = {},
): Promise<unknown> {
  const script = join(temporaryFolder(), 'run.php');
  writeFileSync(script, `<?php\nrequire ${JSON.stringify(join(ROOT, `test/e2e/kit-php/${platform}.php`))};\n${code}`);
  return new Promise((resolve, reject) => {
    const options = { env: { PATH: process.env['PATH'] ?? '', ...env } };
    execFile('php', ['-d', 'display_errors=stderr', script, kit], options, (error, stdout, stderr) => {
      if (error || stderr !== '') reject(new Error(`${stderr}\n${stdout}`));
      else resolve(JSON.parse(stdout));
    });
  });
}

interface Asked {
  method: string;
  url: string;
  body: string;
}

export interface LocalServer {
  url: string;
  asked: Asked[];
  /** What `validate` says from now on; null: 503. */
  answer: { verdict: Record<string, unknown> | null; feed: string };
  /** Also removes every folder that was made for it. */
  close(): Promise<void>;
}

/** A little Feedgate: the feeds' addresses, refused downloads without a key, and `validate`. */
export async function startServer(): Promise<LocalServer> {
  const asked: Asked[] = [];
  const answer: LocalServer['answer'] = { verdict: null, feed: '' };
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    asked.push({ method: req.method ?? '', url: req.url ?? '', body });
    reply(req, res, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${portOf(server)}/updates`, asked, answer, close: () => closed(server) };
}

function reply(req: IncomingMessage, res: ServerResponse, answer: LocalServer['answer']): void {
  const url = req.url ?? '';
  if (url.endsWith('/api/v1/licenses/validate')) {
    res.writeHead(answer.verdict ? 200 : 503, { 'content-type': 'application/json' });
    res.end(JSON.stringify(answer.verdict ?? {}));
  } else if (url.includes('/download/')) {
    res.writeHead(/\/k\/|dlid=/.test(url) ? 200 : 403).end();
  } else {
    res.writeHead(answer.feed === '' ? 500 : 200, { 'content-type': 'application/xml' }).end(answer.feed);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'feedgate-kit-'));
  folders.push(folder);
  return folder;
}

function closed(server: Server): Promise<void> {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
