import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/**
 * What usage is counted by. `usage_daily` stays the account of a key; the tables here answer what would else be a walk through the
 * counters of every key: totals of a product, what was refused of late, and which version runs where.
 */
async function up(tx: Knex): Promise<void> {
  const { text, maybe } = columns(tx);
  const type = tx.client.config.client === 'pg' ? 'text collate "C"' : 'text';
  await tx.schema.alterTable('usage_log', (t) => {
    // Of a poll or validation what is installed, as far as the client says; of a download what was fetched.
    t.specificType('version', type).notNullable().defaultTo('');
    t.specificType('channel', type).notNullable().defaultTo('');
    t.integer('refused').notNullable().defaultTo(0);
  });
  await tx.schema.createTable('usage_totals', (t) => {
    for (const name of ['product_id', 'day', 'kind', 'code', 'version', 'platform_version', 'channel']) text(t, name);
    t.integer('count').notNullable();
    t.integer('refused').notNullable();
    text(t, 'last_at');
    t.primary(['product_id', 'day', 'kind', 'code', 'version', 'platform_version', 'channel']);
  });
  // How many installations were seen with a version on a day, and how many of them for the first time of that day.
  await tx.schema.createTable('usage_versions', (t) => {
    for (const name of ['product_id', 'day', 'version', 'platform_version']) text(t, name);
    t.integer('seen').notNullable();
    t.integer('first').notNullable();
    t.primary(['product_id', 'day', 'version', 'platform_version']);
  });
  await tx.schema.createTable('usage_refusals', (t) => {
    const names = ['product_id', 'day', 'key_id', 'site', 'kind', 'version', 'platform_version', 'code'];
    for (const name of names) text(t, name);
    t.integer('count').notNullable();
    text(t, 'last_at');
    t.primary(names);
    t.index(['product_id', 'last_at']);
    t.index(['key_id', 'site', 'last_at']);
  });
  await tx.schema.createTable('installations', (t) => {
    for (const name of ['product_id', 'key_id', 'site', 'license_id', 'version']) text(t, name);
    // `reported` by the client, or `downloaded`: what it fetched last, where it never said.
    text(t, 'version_from');
    for (const name of ['platform_version', 'first_seen_at', 'changed_at', 'last_seen_at']) text(t, name);
    // The slot that its site was last seen under.
    maybe(t, 'activation_id');
    t.primary(['product_id', 'key_id', 'site']);
    t.index(['product_id', 'version', 'key_id', 'site']);
    t.index(['key_id']);
    t.index(['product_id', 'activation_id']);
    t.index(['activation_id']);
  });
  // An activation is told at once what it said, before the log is rolled up.
  await tx.raw("create index usage_log_activations on usage_log (license_id) where kind = 'activate'");
}

export const usage: Migration = { name: '0009-usage', up };
