import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Moving in: what the forge was told of commits, pull requests of ours, old addresses and who still asks them. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, ref, made } = columns(tx);
  await tx.schema.createTable('commit_statuses', (t) => {
    ref(t, 'repository_id', 'repositories');
    text(t, 'commit_id');
    /** What was sent; the same again is not sent. */
    text(t, 'sent');
    text(t, 'set_at');
    t.primary(['repository_id', 'commit_id']);
  });
  await tx.schema.createTable('adoptions', (t) => {
    ref(t, 'product_id', 'products');
    text(t, 'branch');
    t.integer('number').notNullable();
    text(t, 'url');
    /** Address that the manifest names then; not ours on the way back. */
    text(t, 'feed_url');
    /** Paths, JSON. */
    text(t, 'files');
    /** What could not be done, JSON. */
    text(t, 'remarks');
    /** The addresses that stood in the manifest before, JSON. */
    text(t, 'old_urls');
    text(t, 'updated_at');
    made(t);
    t.primary(['product_id']);
  });
  await tx.schema.createTable('bridges', (t) => {
    ref(t, 'product_id', 'products');
    text(t, 'branch');
    text(t, 'path');
    /** The feed that is written, e.g. `updates.xml`. */
    text(t, 'document');
    /** Of the product, as it was last compared with the branch; null: never. */
    t.integer('revision').nullable();
    maybe(t, 'checked_at');
    maybe(t, 'written_at');
    maybe(t, 'error');
    made(t);
    t.primary(['product_id']);
  });
  await tx.schema.createTable('address_polls', (t) => {
    ref(t, 'product_id', 'products');
    text(t, 'path');
    text(t, 'day');
    t.integer('count').notNullable();
    text(t, 'last_at');
    t.primary(['product_id', 'path', 'day']);
  });
}

export const moving: Migration = { name: '0012-moving', up };
