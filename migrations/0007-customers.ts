import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

async function up(tx: Knex): Promise<void> {
  await customerColumns(tx);
  await searchColumns(tx);
  await listIndexes(tx);
}

/** What is kept of customers, and the words by which they are found. */
async function customerColumns(tx: Knex): Promise<void> {
  const { text, maybe } = columns(tx);
  await tx.schema.alterTable('customers', (t) => {
    text(t, 'organization_name').defaultTo('');
    text(t, 'notes').defaultTo('');
    text(t, 'language').defaultTo('');
    // As they are sorted: small letters without accents.
    text(t, 'sort_name').defaultTo('');
    // Without `+tag`, by which doubles are told.
    text(t, 'email_base').defaultTo('');
    maybe(t, 'external_customer_id');
    maybe(t, 'external_workspace_id');
    // A double that was merged stays, so that its id still leads somewhere.
    maybe(t, 'merged_into').index();
    maybe(t, 'merged_at');
  });
  await tx.schema.createTable('customer_words', (t) => {
    text(t, 'word');
    text(t, 'customer_id').index();
    t.primary(['word', 'customer_id']);
  });
}

/** What lists filter and sort by, beside what is there: written by the stores that write what it is made of. */
async function searchColumns(tx: Knex): Promise<void> {
  const { text, maybe } = columns(tx);
  await tx.schema.alterTable('licenses', (t) => {
    // What its time makes of a license, and until when; `''` is yet to be computed.
    text(t, 'state').defaultTo('');
    maybe(t, 'state_until').defaultTo('');
    t.bigInteger('sites_allowed').nullable();
  });
  await tx.schema.alterTable('license_keys', (t) => {
    // Those of its license, so that a list of keys is the walk of one index.
    maybe(t, 'organization_id');
    text(t, 'state').defaultTo('');
    maybe(t, 'last_used_at');
  });
  await tx.raw(
    'update license_keys set organization_id = (select l.organization_id from licenses l where l.id = license_keys.license_id)',
  );
  await tx.schema.alterTable('activations', (t) => {
    // Backwards, so that everything below a domain stands together.
    text(t, 'host_reversed').defaultTo('');
  });
  await tx.schema.createTable('key_domains', (t) => {
    text(t, 'name_reversed');
    text(t, 'key_id').index();
    t.primary(['name_reversed', 'key_id']);
  });
}

/** Every list is the walk of one of these, whatever the number of keys. */
async function listIndexes(tx: Knex): Promise<void> {
  const indexes: Record<string, string> = {
    customers_by_created: 'customers (organization_id, created_at, id)',
    customers_by_name: 'customers (organization_id, sort_name, id)',
    customers_by_email: 'customers (organization_id, email, id)',
    customers_by_email_base: "customers (organization_id, email_base, id) where email_base <> ''",
    customers_by_kind: 'customers (organization_id, kind, created_at, id)',
    customers_by_workspace:
      'customers (organization_id, external_workspace_id, id) where external_workspace_id is not null',
    licenses_by_id: 'licenses (organization_id, id)',
    licenses_by_created: 'licenses (organization_id, created_at, id)',
    licenses_by_end: 'licenses (organization_id, valid_until, id)',
    licenses_by_state: 'licenses (organization_id, state, created_at, id)',
    licenses_by_state_end: 'licenses (organization_id, state, valid_until, id)',
    licenses_by_customer: 'licenses (customer_id, id)',
    licenses_overdue: 'licenses (state_until) where state_until is not null',
    licenses_over_limit: 'licenses (organization_id, id) where counted_sites > sites_allowed',
    licenses_suspended: 'licenses (organization_id, id) where suspended_at is not null',
    licenses_revoked: 'licenses (organization_id, id) where revoked_at is not null',
    keys_by_created: 'license_keys (organization_id, created_at, id)',
    keys_by_use: 'license_keys (organization_id, last_used_at, id)',
    keys_by_state: 'license_keys (organization_id, state, created_at, id)',
    keys_by_state_use: 'license_keys (organization_id, state, last_used_at, id)',
    keys_by_license: 'license_keys (license_id, id)',
    keys_by_purpose: "license_keys (organization_id, purpose, id) where purpose <> 'commercial'",
    keys_suspended: 'license_keys (organization_id, id) where suspended_at is not null',
    keys_ended: 'license_keys (organization_id, ends_at) where ends_at is not null',
    keys_revoked: 'license_keys (organization_id, id) where revoked_at is not null',
    grants_by_package: 'grants (package_id, license_id)',
    usage_of_sites: "usage_daily (day) where site <> ''",
    activations_by_host: 'activations (host_reversed, license_id) where released_at is null',
  };
  for (const [name, on] of Object.entries(indexes)) await tx.raw(`create index ${name} on ${on}`);
  await tx.raw(
    'create unique index customers_external on customers (organization_id, external_customer_id) where external_customer_id is not null',
  );
}

export const customers: Migration = { name: '0007-customers', up };
