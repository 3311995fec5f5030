import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Many keys made in advance, and one change of many licenses. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('key_batches', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    maybeRef(t, 'repository_id', 'repositories');
    ref(t, 'package_id', 'packages');
    ref(t, 'customer_id', 'customers');
    text(t, 'name');
    // What was asked for, as JSON; the same name with something else is refused.
    text(t, 'wish');
    t.integer('count').notNullable();
    t.integer('made').notNullable();
    made(t);
    t.unique(['organization_id', 'name']);
  });
  await tx.schema.alterTable('license_keys', (t) => {
    maybe(t, 'batch_id');
  });
  await tx.raw('create index license_keys_batch on license_keys (batch_id, id) where batch_id is not null');
  await tx.schema.alterTable('licenses', (t) => {
    // Why it was suspended or revoked.
    maybe(t, 'state_reason');
  });
  await tx.schema.createTable('bulk_runs', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    text(t, 'action');
    text(t, 'params');
    text(t, 'selection');
    text(t, 'state');
    t.integer('total').notNullable();
    maybe(t, 'started_at');
    maybe(t, 'started_by');
    maybe(t, 'ended_at');
    made(t);
  });
  await tx.schema.createTable('bulk_items', (t) => {
    ref(t, 'bulk_id', 'bulk_runs');
    // No reference: a license may be deleted and its row of the report stays.
    text(t, 'license_id');
    text(t, 'state');
    maybe(t, 'code');
    text(t, 'detail');
    maybe(t, 'done_at');
    t.primary(['bulk_id', 'license_id']);
    t.index(['bulk_id', 'state', 'license_id']);
  });
}

export const bulk: Migration = { name: '0010-bulk', up };
