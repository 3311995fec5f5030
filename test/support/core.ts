import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { buildHandler, type Core, type CoreOptions, openCore } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { makeLogger } from '../../src/http/log.ts';
import { openSqlite, type TestDatabase } from './databases.ts';
import { TEST_MAIL } from './test-mail.ts';

/** 2026-03-01 12:00 UTC, when nothing else is said. */
const TEST_NOW = Date.UTC(2026, 2, 1, 12);

export const TEST_SECRET_KEY = `${'01'.repeat(32)}:${'02'.repeat(32)}`;

/**
 * The real composition on a test's database, reachable by HTTP, whose worker and schedule stand still: a test says when jobs run
 * (`core.worker.drain()`) and what time it is. All of one database share their secret key.
 */
export interface TestCore {
  core: Core;
  url: string;
  /** What it takes for now, ms UTC. */
  time: { now: number };
  dataDir: string;
  /** Every line of the log. */
  lines: string[];
  /** Ends it as a crash would leave it: jobs and files stay. */
  close(): Promise<void>;
}

export interface TestCoreOptions extends Pick<CoreOptions, 'drivers' | 'gateways' | 'store'> {
  /** Of an earlier core, to go on where that one stopped; else a new one that goes with this core. */
  dataDir?: string;
  time?: { now: number };
  config?: Partial<Config>;
}

export async function openTestCore(
  database: Pick<TestDatabase, 'another'>,
  options: TestCoreOptions = {},
): Promise<TestCore> {
  const { time = { now: TEST_NOW }, drivers, gateways, store } = options;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'feedgate-core-'));
  const lines: string[] = [];
  const log = makeLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  let handle: RequestListener = (_req, res) => void res.writeHead(503).end();
  const server = createServer((req, res) => handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const core = await openCore(
    { ...configFor(url, dataDir), ...options.config },
    {
      ...{ clock: () => time.now, log, db: database.another() },
      ...(drivers ? { drivers } : {}),
      ...(gateways ? { gateways } : {}),
      ...(store ? { store } : {}),
    },
  );
  handle = buildHandler(core);
  return {
    ...{ core, url, time, dataDir, lines },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await core.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** For what the database has no part in: the same as `onEachDatabase`, on SQLite only. */
export function onOneDatabase(title: string, tests: (database: () => TestDatabase) => void): void {
  describe(title, () => {
    let opened: TestDatabase | undefined;
    beforeAll(async () => {
      opened = await openSqlite();
    });
    afterAll(() => opened?.drop());
    tests(() => {
      if (!opened) throw new Error('the database is open only while tests run');
      return opened;
    });
  });
}

function configFor(publicUrl: string, dataDir: string): Config {
  return {
    ...{ publicUrl, dataDir, host: '127.0.0.1', port: 0, databaseUrl: null },
    secretKey: TEST_SECRET_KEY,
    ...{
      trustedProxies: [],
      metricsToken: null,
      logLevel: 'debug',
      sweepMinutes: 60,
      auditMonths: 12,
      usageMonths: 12,
      webhookAllowHosts: [],
      mail: TEST_MAIL,
    },
    siteAdmins: [],
    payments: { accounts: [], apiBases: {} },
    maxArtifactBytes: 4 * 2 ** 20,
  };
}
