import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { engineOf } from './dialect.ts';

/** A step of the schema. Steps only add (tables, plain columns, indexes) and are never edited after a release. */
export interface Migration {
  /** Without a file ending, so that the list is the same in sources and in the built package. */
  name: string;
  up(tx: Knex): Promise<void>;
}

/** Any number that is ours: it keeps two instances from migrating one PostgreSQL at once. */
const MIGRATION_LOCK = 7_235_001;

/** Brings the schema to the newest state in one transaction; returns the names of the steps that it ran. */
export async function migrate(db: Db, migrations: readonly Migration[], nowIso: string): Promise<string[]> {
  return db.tx(async (tx) => {
    if (engineOf(tx) === 'postgres') await tx.raw('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
    if (!(await tx.schema.hasTable('schema_migrations'))) {
      await tx.schema.createTable('schema_migrations', (table) => {
        table.text('name').primary();
        table.text('applied_at').notNullable();
      });
    }
    const applied = new Set((await tx('schema_migrations').select('name')).map((row) => row.name as string));
    refuseNewer(applied, migrations);
    const pending = migrations.filter(({ name }) => !applied.has(name));
    for (const migration of pending) {
      await migration.up(tx);
      await tx('schema_migrations').insert({ name: migration.name, applied_at: nowIso });
    }
    return pending.map(({ name }) => name);
  });
}

/** What is still to be run, without running it; everything on an empty database. */
export async function pendingMigrations(db: Db, migrations: readonly Migration[]): Promise<string[]> {
  return db.read(async (tx) => {
    if (!(await tx.schema.hasTable('schema_migrations'))) return migrations.map(({ name }) => name);
    const applied = new Set((await tx('schema_migrations').select('name')).map((row) => row.name as string));
    refuseNewer(applied, migrations);
    return migrations.filter(({ name }) => !applied.has(name)).map(({ name }) => name);
  });
}

function refuseNewer(applied: Set<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `the database was made by a newer Feedgate (it has ${unknown.join(', ')}); start that version, or restore a backup made before the upgrade`,
    );
  }
}
