import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What was brought in from elsewhere. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.alterTable('license_keys', (t) => {
    // Of a key that came as its SHA-256, until its text is known: without it the key could not be given out again.
    maybe(t, 'sealed_sha256');
  });
  await tx.schema.createTable('imports', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    // Where the rows are from; the same row of the same source is brought in once.
    text(t, 'source');
    text(t, 'file_name');
    t.boolean('dry').notNullable();
    text(t, 'state');
    text(t, 'counts');
    // The first of those that were refused, as JSON.
    text(t, 'faults');
    maybe(t, 'ended_at');
    made(t);
  });
  await tx.schema.createTable('import_rows', (t) => {
    ref(t, 'organization_id', 'organizations');
    text(t, 'source');
    text(t, 'kind');
    text(t, 'ref');
    text(t, 'entity_id');
    text(t, 'import_id');
    t.primary(['organization_id', 'source', 'kind', 'ref']);
    t.index(['entity_id']);
  });
}

export const imports: Migration = { name: '0011-imports', up };
