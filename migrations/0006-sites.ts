import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What is remembered of sites, and of who guesses keys. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe } = columns(tx);
  await tx.schema.alterTable('activations', (t) => {
    // That of its license, so that an organization's sites are found in their order.
    maybe(t, 'organization_id');
    maybe(t, 'label');
    // `host`, `domain` (every host of a registered domain), `wildcard` (every host below a name).
    t.text('covers').notNullable().defaultTo('host');
    // The activation that it is a copy or a staging host of.
    maybe(t, 'beside_id');
    t.boolean('over_limit').notNullable().defaultTo(false);
    // `self` (with the key), `manager`, `moved`, `takeover`, `wildcard`, `beside`.
    maybe(t, 'release_reason');
    t.index(['organization_id', 'id']);
    t.index(['license_id', 'id']);
  });
  await tx.raw(
    'update activations set organization_id = (select l.organization_id from licenses l where l.id = activations.license_id)',
  );
  await tx.raw(
    'create index activations_of_key on activations (key_id) where key_id is not null and released_at is null',
  );
  await tx.raw(
    "create index activations_transfers on activations (license_id, released_at) where release_reason = 'self'",
  );
  await tx.raw('create index activations_beside on activations (beside_id) where beside_id is not null');
  await tx.schema.createTable('strikes', (t) => {
    text(t, 'network').primary();
    text(t, 'misses');
    t.integer('locks').notNullable();
    maybe(t, 'locked_until');
    text(t, 'last_at').index();
  });
}

export const sites: Migration = { name: '0006-sites', up };
