import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { exampleFacts } from '../../feeds/joomla/fixtures/example.ts';
import { type Core, openCore, type Running, serve } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { connectPostgres } from '../../src/db/connect.ts';
import type { Engine } from '../../src/db/dialect.ts';
import { makeLogger } from '../../src/http/log.ts';
import { newId } from '../../src/ids.ts';
import { KEY_SCAN_PATTERN, TOKEN_SCAN_PATTERN } from '../../src/licensing/license-key.ts';
import type { Product } from '../../src/releases/product.ts';
import type { DolibarrFacts, PackageFacts } from '../../src/releases/release.ts';
import { bumpRevision } from '../../src/releases/store-products.ts';
import { type ReleaseRecord, replaceArtifacts, saveRelease } from '../../src/releases/store-releases.ts';
import { zipBytes } from '../../src/releases/zip-bytes-io.ts';
import { TEMPLATE } from './postgres-setup.ts';
import { SEED_NOW } from './seed.ts';
import { TEST_MAIL } from './test-mail.ts';

/** A database and a data folder that servers are started on, one or several at once. */
export interface Ground {
  engine: Engine;
  databaseUrl: string | null;
  dataDir: string;
  drop(): Promise<void>;
}

export interface Served {
  core: Core;
  running: Running;
  url: string;
  port: number;
  /** What the server takes for now, ms UTC. */
  time: { now: number };
  /** Every line of the log, at the level debug. */
  lines: string[];
  /** Ends it. Throws where its log holds a key or a token. */
  stop(): Promise<void>;
}

/** The secret key under which `seedSecrets` of seed.ts hashes and seals. */
export const SEED_SECRET_KEY = `${'01'.repeat(32)}:${'02'.repeat(32)}`;

export async function openGround(engine: Engine): Promise<Ground> {
  const dataDir = mkdtempSync(join(tmpdir(), 'feedgate-served-'));
  const sweep = () => rmSync(dataDir, { recursive: true, force: true });
  if (engine === 'sqlite') return { engine, databaseUrl: null, dataDir, drop: async () => sweep() };
  const url = inject('postgresUrl');
  const name = `feedgate_${randomBytes(6).toString('hex')}`;
  const admin = connectPostgres(`${url}/postgres`);
  await admin.read((tx) => tx.raw(`create database ${name} template ${TEMPLATE}`));
  return {
    engine,
    databaseUrl: `${url}/${name}`,
    dataDir,
    async drop() {
      await admin.read((tx) => tx.raw(`drop database if exists ${name} with (force)`));
      await admin.close();
      sweep();
    },
  };
}

export function configOn(ground: Pick<Ground, 'databaseUrl' | 'dataDir'>, port: number): Config {
  return {
    publicUrl: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    dataDir: ground.dataDir,
    databaseUrl: ground.databaseUrl,
    secretKey: SEED_SECRET_KEY,
    trustedProxies: [],
    metricsToken: null,
    logLevel: 'debug',
    maxArtifactBytes: 10 * 2 ** 20,
    ...{ sweepMinutes: 60, auditMonths: 12, usageMonths: 12 },
    siteAdmins: [],
    webhookAllowHosts: [],
    payments: { accounts: [], apiBases: {} },
    mail: TEST_MAIL,
  };
}

/** The real server, as the command `serve` composes it. */
export async function startServed(ground: Ground, change: Partial<Config> = {}): Promise<Served> {
  const time = { now: SEED_NOW };
  const lines: string[] = [];
  const log = makeLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const port = await freePort();
  const config = { ...configOn(ground, port), ...change };
  const core = await openCore(config, { clock: () => time.now, log });
  const running = await serve(core);
  return {
    core,
    running,
    url: config.publicUrl,
    port,
    time,
    lines,
    async stop() {
      await running.stop();
      const leak = lines.find((line) => KEY_SCAN_PATTERN.test(line) || TOKEN_SCAN_PATTERN.test(line));
      if (leak !== undefined) throw new Error('the log holds a license key or an API token');
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Runs the same tests against a server on SQLite and one on PostgreSQL. */
export function onEachServer(title: string, tests: (served: () => Served, ground: () => Ground) => void): void {
  for (const engine of ['sqlite', 'postgres'] as const) {
    describe(`${title} (${engine})`, () => {
      let ground: Ground | undefined;
      let served: Served | undefined;
      beforeAll(async () => {
        ground = await openGround(engine);
        served = await startServed(ground);
      });
      afterAll(async () => {
        await served?.stop();
        await ground?.drop();
      });
      const open = <T>(thing: T | undefined): T => {
        if (thing === undefined) throw new Error('the server is up only while tests run');
        return thing;
      };
      tests(
        () => open(served),
        () => open(ground),
      );
    });
  }
}

export interface ReleaseWish extends Partial<Omit<ReleaseRecord, 'id' | 'productId'>> {
  version: string;
  /** ISO, when it was seen first. */
  seen?: string;
  facts?: PackageFacts;
  /** What the file holds beside its manifest; by default a few bytes. */
  bytes?: Buffer;
}

/** A listed release with one file in the store, as an ingest would have left it. */
export async function seedRelease(
  { db, store }: Pick<Core, 'db' | 'store'>,
  product: Product,
  { version, seen = '2025-06-01T00:00:00.000Z', facts, bytes, ...change }: ReleaseWish,
): Promise<{ release: ReleaseRecord; bytes: Buffer; sha256: string }> {
  const known = facts ?? exampleFacts({ version });
  const content = bytes ?? (await joomlaZip(version));
  const { path, digest } = await store.receive(Readable.from([content]), 100 * 2 ** 20);
  await store.keep(path, digest.sha256);
  const word = change.clientWord ?? 'stable';
  const release: ReleaseRecord = {
    id: newId('release'),
    productId: product.id,
    version,
    tag: `v${version}`,
    commitId: 'c'.repeat(40),
    forgeReleaseId: null,
    channel: word,
    clientWord: word,
    notes: '',
    changelog: [],
    security: false,
    targets: known.platform === 'joomla' ? { joomla: { min: '4.4', max: '6' } } : {},
    phpMinimum: null,
    webUrl: '',
    state: 'listed',
    fingerprint: version,
    firstSeenAt: seen,
    updatedAt: seen,
    withdrawnAt: null,
    yankedAt: null,
    yankedBy: null,
    yankReason: null,
    ...change,
  };
  const artifact = {
    id: newId('artifact'),
    releaseId: release.id,
    platform: known.platform,
    fileName: 'asset.zip',
    ...digest,
    facts: known,
    source: { kind: 'asset' as const, id: '1', locator: '1', name: 'asset.zip' },
    repack: null,
    listed: true,
    createdAt: seen,
  };
  await db.tx(async (tx) => {
    await saveRelease(tx, release);
    await replaceArtifacts(tx, release.id, [artifact], 'test', seen);
    await bumpRevision(tx, product.id);
  });
  return { release, bytes: content, sha256: digest.sha256 };
}

function joomlaZip(version: string): Promise<Buffer> {
  const manifest = `<extension type="component"><name>Example</name><version>${version}</version></extension>`;
  return zipBytes([{ path: 'example.xml', bytes: Buffer.from(manifest) }]);
}

export function moduleFacts(change: Partial<DolibarrFacts> = {}): DolibarrFacts {
  return {
    platform: 'dolibarr',
    module: 'example',
    className: 'modExample',
    version: '1.0.0',
    description: '',
    numero: 500_000,
    phpMin: null,
    phpMax: null,
    dolibarrMin: null,
    dolibarrMax: null,
    editorName: null,
    editorUrl: null,
    urlLastVersion: null,
    descriptorPath: 'example/core/modules/modExample.class.php',
    rootPath: 'example/',
    ...change,
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  text: string;
  /** X-Feedgate-Code. */
  code: string | null;
  /** Versions of a Joomla feed, in its order. */
  versions: string[];
}

/** One request with just these headers and Host; redirects are not followed. */
export function ask(
  served: Pick<Served, 'url'>,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${served.url}${path}`, { method, headers }, (answer) => {
      buffer(answer).then((bytes) => resolve(answerOf(answer, bytes)), reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, bytes: Buffer): Answer {
  const text = bytes.toString('utf8');
  const all = new Headers(Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]));
  const versions = [...text.matchAll(/<version>([^<]*)<\/version>/g)].map(([, version]) => version as string);
  return { status: statusCode, headers: all, bytes, text, code: all.get('x-feedgate-code'), versions };
}
