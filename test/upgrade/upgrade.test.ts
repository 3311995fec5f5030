import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { connectPostgres, connectSqlite, type Db } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { makeGate } from '../../src/licensing/gate.ts';
import { makeLookup } from '../../src/licensing/lookup.ts';
import { makeRecorder } from '../../src/licensing/record.ts';
import { seedSecrets } from '../support/seed.ts';

/** What a database held under an earlier schema: one file for each schema that somebody may come from. */
interface Dump {
  /** The last migration that it knew. */
  schema: string;
  /** A key of a license in it. */
  key: string;
  tables: Record<string, Record<string, unknown>[]>;
}

const AT = '2026-01-02T00:00:00.000Z';
const dumps = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as Dump);

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function emptySqlite(): Promise<Db> {
  const folder = mkdtempSync(join(tmpdir(), 'feedgate-upgrade-'));
  const db = connectSqlite(join(folder, 'feedgate.db'));
  ends.push(async () => {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return db;
}

async function emptyPostgres(): Promise<Db> {
  const url = inject('postgresUrl');
  const name = `feedgate_${randomBytes(6).toString('hex')}`;
  const admin = connectPostgres(`${url}/postgres`);
  await admin.read((tx) => tx.raw(`create database ${name}`));
  const db = connectPostgres(`${url}/${name}`);
  ends.push(async () => {
    await db.close();
    await admin.read((tx) => tx.raw(`drop database if exists ${name} with (force)`));
    await admin.close();
  });
  return db;
}

const BOOLEANS = ['private', 'security_open', 'security', 'listed', 'active', 'master', 'counted'];

/** SQLite dumped 0 and 1. */
function rowFor(db: Db, row: Record<string, unknown>): Record<string, unknown> {
  if (db.engine === 'sqlite') return row;
  const named = Object.entries(row).map(([name, value]) => [name, BOOLEANS.includes(name) ? Boolean(value) : value]);
  return Object.fromEntries(named);
}

describe.each([
  ['sqlite', emptySqlite],
  ['postgres', emptyPostgres],
] as const)('an upgrade (%s)', (_, open) => {
  it.each(dumps)(
    'from $schema loses no row, and what was sold opens what it opened',
    async ({ schema, key, tables }) => {
      const db = await open();
      const then = migrations.slice(0, migrations.findIndex(({ name }) => name === schema) + 1);
      expect(then.length).toBeGreaterThan(0);
      await migrate(db, then, AT);
      for (const [table, rows] of Object.entries(tables)) {
        await db.tx((tx) => tx(table).insert(rows.map((row) => rowFor(db, row))));
      }
      expect((await migrate(db, migrations, AT)).length).toBe(migrations.length - then.length);
      for (const [table, rows] of Object.entries(tables)) {
        const kept = await db.read((tx) => tx(table).select(Object.keys(rows[0] ?? {})));
        const inOrder = (all: object[]) => all.map((row) => JSON.stringify(row)).sort();
        expect([table, inOrder(kept)]).toEqual([table, inOrder(rows.map((row) => rowFor(db, row)))]);
      }
      const gate = makeGate({
        ...{ clock: () => Date.parse(AT), secrets: seedSecrets, keyPrefixes: () => ['FG1'] },
        ...{ lookup: makeLookup(db), record: makeRecorder(db) },
      });
      const path = String(tables['aliases']?.[0]?.['path']);
      const credentials = {
        keyText: key,
        siteText: 'one.example.com',
        instanceText: null,
        platform: 'joomla',
      } as const;
      const asked = await gate.ask('feed', [path], credentials);
      expect(asked?.verdict).toMatchObject({ code: 'VALID', channels: ['stable'] });
    },
  );
});
