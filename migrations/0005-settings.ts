import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What organizations and packages are set to beside their terms. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.alterTable('organizations', (t) => {
    maybe(t, 'support_url');
    maybe(t, 'renew_url');
    text(t, 'former_prefixes').defaultTo('[]');
    text(t, 'settings').defaultTo('{}');
  });
  await tx.schema.alterTable('packages', (t) => {
    text(t, 'description').defaultTo('');
    t.integer('position').notNullable().defaultTo(0);
  });
  await tx.schema.createTable('package_prices', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'package_id', 'packages').index();
    text(t, 'provider');
    text(t, 'external_id');
    text(t, 'code');
    t.integer('place').notNullable();
    made(t);
    t.unique(['organization_id', 'code']);
    // A payment names the provider's price: it must lead to one package.
    t.unique(['organization_id', 'provider', 'external_id']);
  });
}

export const settings: Migration = { name: '0005-settings', up };
