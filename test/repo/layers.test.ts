import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Row {
  role: string;
  /** Where a file of the role stands. */
  file: string;
  /** Lines that the role may hold. */
  allowed: string[];
  /** Lines that must each be refused. */
  refused: string[];
}

const load = (...sources: string[]) => sources.map((source) => `import '${source}';`);

/** One row or more for each line of the table in ARCHITECTURE.md. */
const rows: Row[] = [
  {
    role: 'base',
    file: 'src/planted.ts',
    allowed: load('node:fs', 'zod', './errors.ts', './db/connect.ts', './jobs/store.ts', './http/log.ts'),
    refused: load('express', 'knex', './licensing/store.ts', './licensing/gate.ts', './app.ts', './web/web.ts'),
  },
  {
    role: 'base: http/',
    file: 'src/http/planted.ts',
    allowed: load(
      'express',
      'pino',
      'prom-client',
      'csv-stringify/sync',
      'node:http',
      '../licensing/license-key.ts',
      '../db/connect.ts',
    ),
    refused: load('knex', '../licensing/store-keys.ts', '../licensing/gate.ts', '../forge/registry.ts', '../app.ts'),
  },
  {
    role: 'base: db/',
    file: 'src/db/planted.ts',
    allowed: load('knex', 'better-sqlite3', 'pg', 'node:path', './connect.ts'),
    refused: load('express', '../licensing/gate.ts', '../forge/store.ts', '../../migrations/index.ts'),
  },
  {
    role: 'base: jobs/',
    file: 'src/jobs/planted.ts',
    allowed: load('./store.ts', '../db/connect.ts', '../clock.ts'),
    refused: load('express', '../forge/store.ts', '../releases/reconcile.ts', '../cli/serve.ts'),
  },
  {
    role: 'pure',
    file: 'src/releases/planted.ts',
    allowed: [
      ...load('zod', 'semver', 'tldts', 'yaml', 'node:crypto', 'node:zlib', '../errors.ts', './release.ts'),
      "import type { Clock } from '../clock.ts';",
      "import type { ReleaseRecord } from './store-releases.ts';",
      'export const at = (clock: Clock, row: ReleaseRecord) => new Date(clock() + row.id.length);',
    ],
    refused: [
      ...load('express', 'knex', 'node:fs', 'node:http', 'saxes', './archive-io.ts', '../updates/feed-cache.ts'),
      ...load('../db/connect.ts', '../jobs/worker.ts', '../config.ts', '../forge/gitea/client.ts', './api.ts'),
      ...load('../updates/serve.ts', '../forge/registry.ts', '../../feeds/index.ts', '../../feeds/joomla/facts.ts'),
      "export { findProduct } from './store-products.ts';",
      "export { systemClock } from '../clock.ts';",
      'export const now = Date.now();',
      'export const dice = Math.random();',
      'export const today = new Date();',
      "export const page = fetch('http://127.0.0.1/');",
      'export const folder = process.cwd();',
      "export const set = (tx: (table: string) => unknown) => tx('settings');",
    ],
  },
  {
    role: 'pure: the guarded XML reader',
    file: 'src/releases/safe-xml.ts',
    allowed: load('saxes', './release.ts'),
    refused: load('xmlbuilder2', 'node:fs'),
  },
  {
    role: 'io',
    file: 'src/releases/planted-io.ts',
    allowed: [
      ...load(
        'node:fs',
        'node:fs/promises',
        'csv-parse',
        'nodemailer',
        'yauzl',
        'yazl',
        './release.ts',
        './archive-io.ts',
      ),
    ],
    refused: load('express', 'knex', './store-releases.ts', './ingest.ts', '../db/connect.ts'),
  },
  {
    role: 'io: forge/fetch',
    file: 'src/forge/fetch.ts',
    allowed: load('node:dns/promises', './fetch-io.ts', './fetch-guard.ts'),
    refused: load('express', './store.ts', './connect.ts'),
  },
  {
    role: 'store',
    file: 'src/licensing/store-planted.ts',
    allowed: [
      ...load('knex', '../db/connect.ts', '../db/rows.ts', './terms.ts'),
      "export const all = (tx: (table: string) => unknown) => tx('licenses');",
    ],
    refused: load('express', 'node:fs', './store-keys.ts', './gate.ts', '../releases/archive-io.ts', '../http/log.ts'),
  },
  {
    role: 'memory',
    file: 'src/updates/planted-cache.ts',
    allowed: load('./feed-format.ts'),
    refused: load('knex', '../db/connect.ts', './catalog.ts', '../releases/archive-io.ts'),
  },
  {
    role: 'verb',
    file: 'src/licensing/gate.ts',
    allowed: [
      ...load('zod', '../db/connect.ts', '../jobs/store.ts', './store-keys.ts', '../releases/archive-io.ts'),
      ...load('../audit/audit.ts', './record.ts', '../forge/registry.ts', '../updates/feed-cache.ts'),
    ],
    refused: [
      ...load('express', 'knex', './api.ts', '../updates/serve.ts', '../web/web.ts', '../forge/gitea/client.ts'),
      ...load('../app.ts', '../../feeds/joomla/format.ts'),
      "export const set = (tx: (table: string) => unknown) => tx('settings');",
    ],
  },
  {
    role: 'http: api',
    file: 'src/licensing/api-planted.ts',
    allowed: [
      ...load('express', 'zod', './gate.ts', '../http/route.ts', '../jobs/store.ts', '../updates/feed-cache.ts'),
      "export type { KeyRecord } from './store-keys.ts';",
    ],
    refused: [
      ...load('knex', './api.ts', '../releases/archive-io.ts', '../forge/github/client.ts', '../app.ts'),
      "export { findKey } from './store-keys.ts';",
    ],
  },
  {
    role: 'http: serve',
    file: 'src/updates/serve.ts',
    allowed: load('node:http', './download.ts', '../licensing/gate.ts', './feed-cache.ts'),
    refused: load('knex', '../releases/archive-io.ts', '../forge/api.ts'),
  },
  {
    role: 'http: web/',
    file: 'src/web/planted.ts',
    allowed: load('express', './layout.ts', '../updates/catalog.ts', '../http/mount.ts'),
    refused: [...load('knex', '../forge/api-hooks.ts', '../app.ts'), "export { all } from '../forge/store.ts';"],
  },
  {
    role: 'forge/KIND',
    file: 'src/forge/planted/driver.ts',
    allowed: load(
      '@octokit/core',
      'octokit',
      'jose',
      'zod',
      '../forge.ts',
      '../fetch.ts',
      '../git-io.ts',
      './hooks.ts',
    ),
    refused: load(
      'express',
      'knex',
      'node:fs',
      '../store.ts',
      '../hooks.ts',
      '../gitea/client.ts',
      '../../db/connect.ts',
    ),
  },
  {
    role: 'payments/KIND',
    file: 'src/payments/planted/driver.ts',
    allowed: load('stripe', '@paypal/checkout-server-sdk', 'jose', '../gateway.ts'),
    refused: [
      ...load('express', 'knex', '../store.ts', '../fulfil.ts', '../stripe/client.ts', '../../db/connect.ts'),
      ...load('../../licensing/sales.ts', '../../notify/mails.ts'),
      "export const open = (sdk: { constructEventWithoutVerification(text: string): unknown }) => sdk.constructEventWithoutVerification('');",
    ],
  },
  {
    role: 'feeds/KIND',
    file: 'feeds/planted/format.ts',
    allowed: load('xmlbuilder2', 'saxes', '../../src/updates/feed-format.ts', '../../src/errors.ts', './lint.ts'),
    refused: load('express', 'knex', 'node:fs', 'yauzl', '../joomla/facts.ts', '../../src/db/connect.ts').concat(
      load('../../src/releases/store-releases.ts', '../../src/updates/catalog.ts', '../../src/releases/archive-io.ts'),
    ),
  },
  {
    role: 'feeds/KIND/model',
    file: 'feeds/planted/model/check.ts',
    allowed: load('node:crypto', 'saxes', './zip-io.ts', '../lint.ts', '../../../src/releases/version-order.ts'),
    refused: load('express', '../../joomla/facts.ts', '../../../src/db/connect.ts', '../../../src/licensing/gate.ts'),
  },
  {
    role: 'registry',
    file: 'src/forge/registry.ts',
    allowed: load('./forge.ts', './gitea/driver.ts'),
    refused: load('zod', 'node:fs', 'express'),
  },
  {
    role: 'registry of payment gateways',
    file: 'src/payments/registry.ts',
    allowed: load('./gateway.ts', './stripe/driver.ts'),
    refused: load('stripe', 'node:fs', 'express', './fulfil.ts'),
  },
  {
    role: 'cli',
    file: 'src/cli/planted.ts',
    allowed: load(
      'node:fs',
      './serve.ts',
      '../app.ts',
      '../licensing/sales.ts',
      '../releases/archive-io.ts',
      '../config.ts',
    ),
    refused: load('express', 'knex', '../licensing/store-keys.ts', '../forge/gitea/client.ts', '../updates/serve.ts'),
  },
  {
    role: 'app',
    file: 'src/app.ts',
    allowed: load('express', './licensing/gate.ts', './updates/serve.ts', './forge/store.ts', '../feeds/index.ts'),
    refused: [],
  },
  {
    role: 'everywhere',
    file: 'src/releases/everywhere.ts',
    allowed: ['export async function done() {}', 'export async function later() {', '  await done();', '}'],
    refused: [
      "export const home = process.env['HOME'];",
      "console.log('x');",
      'export default 1;',
      'export const done = async () => {}; done();',
    ],
  },
];

interface Diagnostic {
  location: { path: string; start?: { line: number } };
  category: string;
}

interface BiomeConfig {
  overrides: { includes: string[]; linter?: { rules?: unknown } }[];
}

const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as BiomeConfig;
const verbs = config.overrides.find((each) => JSON.stringify(each).includes('A verb imports'))?.includes ?? [];
/** The same files where they are kept from being imported. */
const keptVerbs = (config.overrides.find((each) => JSON.stringify(each).includes('verbs.grit'))?.includes ?? [])
  .filter((path) => /^!src\/[\w-]+\/[\w-]+\.ts$/.test(path))
  .map((path) => path.slice(1));

/** Lints files (path: lines) under a copy of the real configuration with the real linter. */
function lint(files: Record<string, readonly string[]>): Diagnostic[] {
  const scratch = mkdtempSync(join(tmpdir(), 'feedgate-layers-'));
  try {
    for (const name of ['biome.json', '.gitignore', 'lint']) {
      cpSync(join(root, name), join(scratch, name), { recursive: true });
    }
    for (const [path, lines] of Object.entries(files)) {
      mkdirSync(dirname(join(scratch, path)), { recursive: true });
      writeFileSync(join(scratch, path), `${lines.join('\n')}\n`);
    }
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: scratch, encoding: 'utf8' });
    if (!stdout.startsWith('{')) throw new Error(`the linter did not run: ${stderr}`);
    return (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

describe('the import table', () => {
  let good: Diagnostic[];
  let bad: Diagnostic[];
  beforeAll(() => {
    good = lint(Object.fromEntries(rows.map(({ file, allowed }) => [file, allowed])));
    bad = lint(Object.fromEntries(rows.map(({ file, refused }) => [file, refused])));
  });

  it.each(rows)('$role: what is allowed passes', ({ file, allowed }) => {
    const lines = good
      .filter(({ location }) => location.path === file)
      .map(({ location }) => location.start?.line ?? 0);
    expect(lines.map((line) => allowed[line - 1] ?? `line ${line}`)).toEqual([]);
  });

  it.each(rows.flatMap(({ role, file, refused }) => refused.map((line, i) => ({ role, file, line, at: i + 1 }))))(
    '$role: refused is $line',
    ({ file, at }) => {
      expect(bad.some(({ location }) => location.path === file && location.start?.line === at)).toBe(true);
    },
  );
});

describe('the list of verbs', () => {
  const names = verbs.map((path) => `../${path.slice('src/'.length)}`);

  it('names files that exist', () => {
    expect(verbs.length).toBeGreaterThan(20);
    expect(verbs.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('stands in biome.json twice and in lint/verbs.grit once, sorted, each verb once', () => {
    expect(verbs).toEqual([...new Set(verbs)].sort());
    expect(keptVerbs).toEqual(verbs);
    const source = readFileSync(join(root, 'lint/verbs.grit'), 'utf8');
    const known = [...source.matchAll(/^ {4}r"\.\*\/([\w/-]+)\\\.ts\."/gm)].map((match) => `${match[1]}.ts`);
    expect(known).toEqual([...new Set(known)].sort());
    expect(known.filter((name) => !verbs.some((path) => path.endsWith(`/${name}`)))).toEqual([]);
    expect(verbs.filter((path) => !known.some((name) => path.endsWith(`/${name}`)))).toEqual([]);
  });

  it('holds for all that may not call a verb', () => {
    const found = lint({ 'src/releases/planted.ts': load(...names) });
    const refused = new Set(found.map(({ location }) => location.start?.line));
    expect(names.filter((_, i) => !refused.has(i + 1))).toEqual([]);
  });

  it('lets each verb call another', () => {
    const files = Object.fromEntries(
      verbs.map((path) => [path, load('../planted/store.ts', '../licensing/record.ts')]),
    );
    expect(lint(files).filter(({ category }) => !category.includes('Cycle'))).toEqual([]);
  });
});

describe('files', () => {
  it('may not import each other in a circle', () => {
    const found = lint({
      'src/forge/one.ts': ["import { two } from './two.ts';", 'export const one = () => two;'],
      'src/forge/two.ts': ["import { one } from './one.ts';", 'export const two = () => one;'],
    });
    expect(found.map(({ category }) => category)).toContain('lint/suspicious/noImportCycles');
  });

  it('may not have more than 250 lines', () => {
    const found = lint({ 'src/forge/long.ts': Array.from({ length: 251 }, (_, i) => `export const a${i} = ${i};`) });
    expect(found.map(({ category }) => category)).toEqual(['lint/style/noExcessiveLinesPerFile']);
  });
});
