import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { connectPostgres, connectSqlite, type Db } from '../../src/db/connect.ts';
import type { Engine } from '../../src/db/dialect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { TEMPLATE } from './postgres-setup.ts';

export interface TestDatabase {
  db: Db;
  engine: Engine;
  /** A second, independent connection to the same database: another instance of the server, or the CLI beside it. */
  another(): Db;
  drop(): Promise<void>;
}

export async function openSqlite(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'feedgate-sqlite-'));
  const file = join(folder, 'feedgate.db');
  const db = connectSqlite(file);
  await migrate(db, migrations, new Date().toISOString());
  return withOthers(
    'sqlite',
    db,
    () => connectSqlite(file),
    async () => rmSync(folder, { recursive: true, force: true }),
  );
}

async function openPostgres(): Promise<TestDatabase> {
  const url = inject('postgresUrl');
  const name = `feedgate_${randomBytes(6).toString('hex')}`;
  const admin = connectPostgres(`${url}/postgres`);
  await admin.read((tx) => tx.raw(`create database ${name} template ${TEMPLATE}`));
  const open = () => connectPostgres(`${url}/${name}`, { poolSize: 8 });
  return withOthers('postgres', open(), open, async () => {
    await admin.read((tx) => tx.raw(`drop database if exists ${name} with (force)`));
    await admin.close();
  });
}

function withOthers(engine: Engine, db: Db, open: () => Db, remove: () => Promise<void>): TestDatabase {
  const others: Db[] = [];
  return {
    db,
    engine,
    another() {
      const other = open();
      others.push(other);
      return other;
    },
    async drop() {
      for (const each of [...others, db]) await each.close().catch(() => undefined);
      await remove();
    },
  };
}

/** Runs the same tests on SQLite and on PostgreSQL, each with a fresh database of its own. */
export function onEachDatabase(title: string, tests: (database: () => TestDatabase) => void): void {
  const engines = { sqlite: openSqlite, postgres: openPostgres };
  for (const [engine, open] of Object.entries(engines)) {
    describe(`${title} (${engine})`, () => {
      let opened: TestDatabase | undefined;
      beforeAll(async () => {
        opened = await open();
      });
      afterAll(() => opened?.drop());
      tests(() => {
        if (!opened) throw new Error('the database is open only while tests run');
        return opened;
      });
    });
  }
}
