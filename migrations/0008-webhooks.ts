import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Whose affair an audit event is; what is told to others, and how it went. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.alterTable('audit_events', (t) => {
    // No reference: SQLite would make the table anew.
    maybe(t, 'organization_id');
    maybe(t, 'actor_kind');
    t.index(['organization_id', 'id'], 'audit_events_organization');
  });
  await tx.schema.createTable('webhook_endpoints', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    text(t, 'url');
    text(t, 'types');
    text(t, 'description');
    t.boolean('active').notNullable();
    maybe(t, 'disabled_at');
    maybe(t, 'disabled_reason');
    text(t, 'secret_sealed');
    maybe(t, 'previous_secret_sealed');
    maybe(t, 'previous_secret_until');
    maybe(t, 'failing_since');
    maybe(t, 'held_until');
    maybe(t, 'last_attempt_at');
    made(t);
  });
  await tx.schema.createTable('webhook_events', (t) => {
    id(t);
    text(t, 'organization_id');
    text(t, 'type');
    text(t, 'at').index();
    text(t, 'body');
  });
  await tx.schema.createTable('webhook_deliveries', (t) => {
    id(t);
    text(t, 'endpoint_id');
    text(t, 'event_id').index();
    text(t, 'state');
    t.integer('step').notNullable();
    maybe(t, 'next_attempt_at');
    maybe(t, 'lease_id');
    maybe(t, 'lease_until');
    text(t, 'tries');
    text(t, 'answer');
    maybe(t, 'delivered_at');
    text(t, 'created_at').index();
    t.index(['endpoint_id', 'id'], 'webhook_deliveries_endpoint');
  });
  await tx.raw(
    "create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at) where state = 'waiting'",
  );
  await tx.raw('create index webhook_deliveries_leased on webhook_deliveries (endpoint_id) where lease_id is not null');
  // What is told once of a license, e.g. that it ends soon.
  await tx.schema.createTable('license_notices', (t) => {
    text(t, 'license_id');
    text(t, 'tag');
    text(t, 'at');
    t.primary(['license_id', 'tag']);
  });
}

export const webhooks: Migration = { name: '0008-webhooks', up };
