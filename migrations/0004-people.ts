import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Who signed in, the sessions and one-time links of people, and since when an organization's owner is lost. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.alterTable('organizations', (t) => {
    maybe(t, 'owner_lost_since');
  });
  /** The application that a forge knows us by; without one nobody signs in with it. */
  await tx.schema.createTable('forge_logins', (t) => {
    ref(t, 'forge_id', 'forges').primary();
    text(t, 'client_id');
    text(t, 'secret_sealed');
    made(t);
  });
  await tx.schema.createTable('users', (t) => {
    id(t);
    maybeRef(t, 'forge_id', 'forges');
    text(t, 'remote_id');
    // Forge and id there, or the word for the operator: PostgreSQL and SQLite take two rows with a null for different.
    text(t, 'identity').unique();
    text(t, 'login');
    text(t, 'name');
    text(t, 'last_seen_at');
    made(t);
  });
  await tx.schema.createTable('sessions', (t) => {
    id(t);
    ref(t, 'user_id', 'users').index();
    text(t, 'hash').unique();
    text(t, 'agent');
    text(t, 'network');
    text(t, 'seen_at').index();
    text(t, 'expires_at');
    maybe(t, 'ended_at');
    made(t);
  });
  await tx.schema.createTable('login_attempts', (t) => {
    text(t, 'state_hash').primary();
    text(t, 'browser_hash');
    ref(t, 'forge_id', 'forges');
    text(t, 'sealed');
    text(t, 'expires_at').index();
  });
  await tx.schema.createTable('login_links', (t) => {
    id(t);
    text(t, 'hash').unique();
    text(t, 'expires_at').index();
    maybe(t, 'used_at');
    made(t);
  });
  await tx.schema.createTable('team_roles', (t) => {
    ref(t, 'organization_id', 'organizations');
    text(t, 'team_id');
    text(t, 'team_name');
    text(t, 'role');
    made(t);
    t.primary(['organization_id', 'team_id']);
  });
}

export const people: Migration = { name: '0004-people', up };
