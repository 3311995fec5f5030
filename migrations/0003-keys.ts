import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What is said of a key beside its text: what it is for, how many sites it may use of its license's, and what takes its place. */
async function up(tx: Knex): Promise<void> {
  const { maybe } = columns(tx);
  await tx.schema.alterTable('license_keys', (t) => {
    t.text('purpose').notNullable().defaultTo('commercial');
    t.integer('site_limit').nullable();
    // From then on it opens nothing: a replaced key goes on for its overlap.
    maybe(t, 'ends_at');
    maybe(t, 'replaced_by');
  });
}

export const keys: Migration = { name: '0003-keys', up };
