import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

type Table = Knex.CreateTableBuilder;

async function up(tx: Knex): Promise<void> {
  await forgeTables(tx);
  await releaseTables(tx);
  await saleTables(tx);
  await licenseTables(tx);
  await usageTables(tx);
  await workTables(tx);
  await accountTables(tx);
}

async function forgeTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('settings', (t) => {
    text(t, 'key').primary();
    text(t, 'value');
  });
  await tx.schema.createTable('forges', (t) => {
    id(t);
    text(t, 'kind');
    text(t, 'name').unique();
    text(t, 'base_url');
    maybe(t, 'token_sealed');
    text(t, 'hook_secrets_sealed');
    maybe(t, 'version');
    maybe(t, 'checked_at');
    maybe(t, 'check_error');
    made(t);
  });
  await tx.schema.createTable('organizations', (t) => {
    id(t);
    ref(t, 'forge_id', 'forges');
    text(t, 'owner');
    text(t, 'slug').unique();
    text(t, 'name');
    text(t, 'rules');
    text(t, 'key_prefix');
    text(t, 'hook_scope');
    made(t);
    t.unique(['forge_id', 'owner']);
  });
  await tx.schema.createTable('repositories', (t) => {
    id(t);
    ref(t, 'forge_id', 'forges');
    ref(t, 'organization_id', 'organizations').index();
    text(t, 'remote_id');
    text(t, 'owner');
    text(t, 'name');
    text(t, 'web_url');
    t.boolean('private').notNullable();
    text(t, 'rules');
    maybe(t, 'unreachable_since');
    maybe(t, 'hook_error');
    maybe(t, 'hook_checked_at');
    maybe(t, 'synced_at');
    maybe(t, 'sync_error');
    made(t);
    t.unique(['forge_id', 'remote_id']);
  });
  await tx.schema.createTable('products', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    maybeRef(t, 'repository_id', 'repositories').index();
    text(t, 'slug');
    text(t, 'edition');
    text(t, 'name');
    text(t, 'description');
    text(t, 'platforms');
    text(t, 'mode');
    text(t, 'open_channels');
    t.boolean('security_open').notNullable();
    text(t, 'claim_on');
    text(t, 'missing_site');
    text(t, 'settings');
    t.integer('revision').notNullable();
    maybe(t, 'retired_at');
    made(t);
    t.unique(['organization_id', 'slug', 'edition']);
  });
  await tx.schema.createTable('aliases', (t) => {
    text(t, 'path').primary();
    ref(t, 'product_id', 'products').index();
    text(t, 'kind');
    maybe(t, 'document');
    made(t);
  });
}

async function releaseTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('releases', (t) => {
    id(t);
    ref(t, 'product_id', 'products');
    text(t, 'version');
    text(t, 'tag');
    text(t, 'commit_id');
    maybe(t, 'forge_release_id');
    text(t, 'channel');
    text(t, 'client_word');
    text(t, 'notes');
    text(t, 'changelog');
    t.boolean('security').notNullable();
    text(t, 'targets');
    maybe(t, 'php_minimum');
    text(t, 'web_url');
    text(t, 'state');
    text(t, 'fingerprint');
    text(t, 'first_seen_at');
    text(t, 'updated_at');
    maybe(t, 'withdrawn_at');
    maybe(t, 'yanked_at');
    maybe(t, 'yanked_by');
    maybe(t, 'yank_reason');
    t.unique(['product_id', 'version']);
    t.index(['product_id', 'tag']);
  });
  await tx.schema.createTable('artifacts', (t) => {
    id(t);
    ref(t, 'release_id', 'releases');
    text(t, 'platform');
    text(t, 'file_name');
    t.bigInteger('size').notNullable();
    text(t, 'sha256').index();
    text(t, 'sha384');
    text(t, 'sha512');
    text(t, 'facts');
    text(t, 'source');
    maybe(t, 'repack');
    t.boolean('listed').notNullable();
    maybe(t, 'replaced_at');
    made(t);
  });
  await tx.raw('create unique index artifacts_current on artifacts (release_id, platform) where replaced_at is null');
  await tx.schema.createTable('problems', (t) => {
    id(t);
    ref(t, 'product_id', 'products').index();
    maybeRef(t, 'release_id', 'releases');
    text(t, 'tag');
    maybe(t, 'platform');
    text(t, 'code');
    text(t, 'severity');
    text(t, 'detail');
    text(t, 'fix');
    text(t, 'created_at');
  });
}

async function saleTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('packages', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    maybeRef(t, 'repository_id', 'repositories').index();
    text(t, 'name');
    text(t, 'kind');
    t.boolean('active').notNullable();
    t.integer('version').notNullable();
    made(t);
  });
  // One master a level, made by itself: the index keeps two instances from making two.
  await tx.raw(
    "create unique index packages_master on packages (organization_id, coalesce(repository_id, '')) where kind = 'master'",
  );
  await tx.schema.createTable('package_versions', (t) => {
    ref(t, 'package_id', 'packages');
    t.integer('version').notNullable();
    text(t, 'terms');
    made(t);
    t.primary(['package_id', 'version']);
  });
  await tx.schema.createTable('customers', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    text(t, 'name');
    text(t, 'email');
    text(t, 'kind');
    maybe(t, 'anonymized_at');
    made(t);
    t.index(['organization_id', 'email']);
  });
}

async function licenseTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('licenses', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    ref(t, 'customer_id', 'customers').index();
    t.boolean('master').notNullable();
    maybe(t, 'valid_until');
    t.integer('counted_sites').notNullable();
    t.integer('exempt_sites').notNullable();
    maybe(t, 'over_limit_at');
    maybe(t, 'suspended_at');
    maybe(t, 'revoked_at');
    text(t, 'notes');
    t.integer('revision').notNullable();
    made(t);
  });
  await tx.schema.createTable('grants', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'license_id', 'licenses').index();
    ref(t, 'package_id', 'packages').index();
    t.integer('package_version').notNullable();
    text(t, 'source');
    text(t, 'given_at');
    t.integer('length_value').nullable();
    maybe(t, 'length_unit');
    maybe(t, 'ends_at');
    t.integer('quantity').notNullable();
    maybe(t, 'payment_ref');
    text(t, 'line');
    maybe(t, 'request_token');
    maybe(t, 'request_key');
    text(t, 'supersedes');
    maybe(t, 'first_used_at');
    made(t);
    t.foreign(['package_id', 'package_version']).references(['package_id', 'version']).inTable('package_versions');
  });
  await tx.raw(
    'create unique index grants_payment on grants (organization_id, payment_ref, line) where payment_ref is not null',
  );
  await tx.raw(
    'create unique index grants_request on grants (request_token, request_key) where request_key is not null',
  );
  await tx.schema.createTable('grant_closings', (t) => {
    id(t);
    ref(t, 'grant_id', 'grants').index();
    text(t, 'kind');
    text(t, 'at');
    text(t, 'reason');
    made(t);
  });
  await tx.schema.createTable('license_keys', (t) => {
    id(t);
    ref(t, 'license_id', 'licenses').index();
    text(t, 'role');
    text(t, 'label');
    text(t, 'hash').unique();
    text(t, 'hint').index();
    maybe(t, 'sealed');
    maybe(t, 'domains');
    maybe(t, 'suspended_at');
    maybe(t, 'revoked_at');
    maybe(t, 'revoke_reason');
    made(t);
  });
  await tx.schema.createTable('activations', (t) => {
    id(t);
    ref(t, 'license_id', 'licenses');
    maybeRef(t, 'key_id', 'license_keys');
    text(t, 'kind');
    text(t, 'identity');
    text(t, 'host');
    maybe(t, 'instance');
    t.boolean('counted').notNullable();
    maybe(t, 'exempt_reason');
    text(t, 'first_seen_at');
    text(t, 'last_seen_at');
    maybe(t, 'lease_expires_at');
    maybe(t, 'released_at');
    maybe(t, 'released_by');
  });
  await tx.raw(
    'create unique index activations_slot on activations (license_id, kind, identity) where released_at is null',
  );
  await tx.raw(
    'create index activations_instance on activations (license_id, instance) where instance is not null and released_at is null',
  );
}

async function usageTables(tx: Knex): Promise<void> {
  const { text } = columns(tx);
  const counted = (t: Table) => {
    text(t, 'day');
    text(t, 'product_id');
    text(t, 'key_id');
    text(t, 'site');
    text(t, 'kind');
    text(t, 'platform_version');
    text(t, 'code');
  };
  await tx.schema.createTable('usage_log', (t) => {
    t.bigIncrements('id');
    text(t, 'at');
    counted(t);
    text(t, 'license_id');
  });
  await tx.schema.createTable('usage_daily', (t) => {
    counted(t);
    t.integer('count').notNullable();
    text(t, 'last_at');
    t.primary(['product_id', 'day', 'key_id', 'site', 'kind', 'platform_version', 'code']);
    t.index(['key_id', 'day']);
  });
}

async function workTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.createTable('hook_deliveries', (t) => {
    id(t);
    ref(t, 'forge_id', 'forges');
    text(t, 'delivery_id');
    text(t, 'event');
    maybe(t, 'action');
    maybe(t, 'repository_id').index();
    maybe(t, 'body');
    text(t, 'body_sha256');
    text(t, 'state');
    text(t, 'detail');
    text(t, 'received_at').index();
    t.unique(['forge_id', 'delivery_id']);
  });
  await tx.schema.createTable('jobs', (t) => {
    id(t);
    text(t, 'kind');
    text(t, 'subject');
    text(t, 'payload');
    text(t, 'run_at').index();
    t.integer('attempts').notNullable();
    maybe(t, 'lease_id');
    maybe(t, 'lease_until');
    maybe(t, 'last_error');
    text(t, 'created_at');
  });
  // One waiting job a subject (a second hook only means "look again"); a running one may have a waiting successor.
  await tx.raw('create unique index jobs_waiting on jobs (kind, subject) where lease_id is null');
  await tx.raw('create unique index jobs_running on jobs (kind, subject) where lease_id is not null');
  await tx.schema.createTable('audit_events', (t) => {
    id(t);
    text(t, 'at').index();
    text(t, 'actor');
    text(t, 'action');
    text(t, 'entity');
    text(t, 'entity_id').index();
    text(t, 'changes');
    maybe(t, 'request_id');
  });
  await tx.schema.createTable('idempotency_keys', (t) => {
    text(t, 'token_id');
    text(t, 'route');
    text(t, 'key');
    text(t, 'body_sha256');
    t.integer('status').nullable();
    maybe(t, 'response');
    text(t, 'expires_at').index();
    made(t);
    t.primary(['token_id', 'route', 'key']);
  });
}

async function accountTables(tx: Knex): Promise<void> {
  const { text, maybe, id, maybeRef, made } = columns(tx);
  await tx.schema.createTable('api_tokens', (t) => {
    id(t);
    maybeRef(t, 'organization_id', 'organizations');
    text(t, 'name');
    text(t, 'hash').unique();
    text(t, 'hint');
    text(t, 'scopes');
    maybe(t, 'expires_at');
    maybe(t, 'revoked_at');
    made(t);
  });
}

export const first: Migration = { name: '0001-first', up };
