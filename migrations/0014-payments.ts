import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

type Table = Knex.CreateTableBuilder;

/** Accounts at payment providers, what was ordered and paid, and what the providers tell. */
async function up(tx: Knex): Promise<void> {
  await accountTable(tx);
  await orderTables(tx);
  await factTables(tx);
  await inboxTables(tx);
  await ledgerColumns(tx);
}

async function accountTable(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.createTable('payment_accounts', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    text(t, 'provider');
    text(t, 'mode');
    text(t, 'credentials_sealed');
    text(t, 'hook_secrets_sealed');
    maybe(t, 'hook_id');
    maybe(t, 'external_id');
    text(t, 'settings');
    text(t, 'source');
    t.boolean('active').notNullable();
    // How far the provider's own list of events was read.
    maybe(t, 'cursor');
    maybe(t, 'reconciled_at');
    maybe(t, 'checked_at');
    text(t, 'faults');
    made(t);
    t.unique(['organization_id', 'provider', 'mode']);
  });
}

async function orderTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  await tx.schema.createTable('orders', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'account_id', 'payment_accounts');
    text(t, 'provider');
    text(t, 'mode');
    text(t, 'state');
    maybeRef(t, 'customer_id', 'customers').index();
    text(t, 'email');
    text(t, 'name');
    text(t, 'language');
    text(t, 'currency');
    t.bigInteger('subtotal_minor').notNullable();
    maybe(t, 'external_id');
    maybe(t, 'external_url');
    maybe(t, 'external_customer_id');
    t.integer('attempt').notNullable();
    maybe(t, 'expires_at');
    maybe(t, 'success_url');
    maybe(t, 'cancel_url');
    text(t, 'consent');
    text(t, 'trouble');
    maybe(t, 'paid_at');
    made(t);
    t.index(['organization_id', 'id'], 'orders_organization');
    t.index(['state', 'created_at'], 'orders_state');
  });
  await tx.raw('create unique index orders_external on orders (account_id, external_id) where external_id is not null');
  await tx.schema.createTable('order_lines', (t) => {
    ref(t, 'order_id', 'orders');
    text(t, 'line');
    ref(t, 'package_id', 'packages');
    t.integer('package_version').notNullable();
    text(t, 'price_code');
    text(t, 'price_external_id');
    t.integer('quantity').notNullable();
    t.bigInteger('unit_minor').notNullable();
    t.integer('length_value').nullable();
    maybe(t, 'length_unit');
    t.boolean('recurring').notNullable();
    text(t, 'kind');
    maybeRef(t, 'license_id', 'licenses').index();
    t.primary(['order_id', 'line']);
  });
}

async function factTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, maybeRef, made } = columns(tx);
  const head = (t: Table) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'account_id', 'payment_accounts');
    text(t, 'provider');
    text(t, 'mode');
    text(t, 'external_id');
    text(t, 'state');
    made(t);
    t.unique(['account_id', 'external_id']);
  };
  await tx.schema.createTable('subscriptions', (t) => {
    head(t);
    maybeRef(t, 'order_id', 'orders').index();
    maybeRef(t, 'license_id', 'licenses').index();
    maybe(t, 'customer_id');
    text(t, 'provider_state');
    text(t, 'items');
    text(t, 'currency');
    maybe(t, 'external_customer_id');
    maybe(t, 'period_start');
    maybe(t, 'period_end');
    maybe(t, 'cancel_at');
    maybe(t, 'canceled_at');
    maybe(t, 'ended_at');
    maybe(t, 'paused_at');
    // What follows is computed from the facts, in the transaction that writes them.
    maybe(t, 'paid_through');
    maybe(t, 'failed_at');
    maybe(t, 'grace_until');
    t.boolean('runs').notNullable();
    text(t, 'trouble');
    text(t, 'url');
    text(t, 'fetched_at');
    t.index(['organization_id', 'id'], 'subscriptions_organization');
  });
  await tx.schema.createTable('payments', (t) => {
    head(t);
    text(t, 'kind');
    maybeRef(t, 'order_id', 'orders').index();
    maybeRef(t, 'subscription_id', 'subscriptions').index();
    t.bigInteger('amount_minor').notNullable();
    t.bigInteger('refunded_minor').notNullable();
    text(t, 'currency');
    maybe(t, 'paid_at');
    maybe(t, 'failed_at');
    text(t, 'lines');
    text(t, 'charges');
    text(t, 'trouble');
    text(t, 'url');
    text(t, 'fetched_at');
    t.index(['organization_id', 'id'], 'payments_organization');
  });
  const ofPayment = (t: Table) => {
    head(t);
    ref(t, 'payment_id', 'payments').index();
    t.bigInteger('amount_minor').notNullable();
    text(t, 'currency');
    text(t, 'reason');
    text(t, 'at');
    text(t, 'url');
    t.index(['organization_id', 'id']);
  };
  await tx.schema.createTable('refunds', ofPayment);
  await tx.schema.createTable('disputes', (t) => {
    ofPayment(t);
    text(t, 'provider_state');
    maybe(t, 'due_at');
    // Since when it keeps the license suspended, by itself.
    maybe(t, 'held_at');
  });
}

async function inboxTables(tx: Knex): Promise<void> {
  const { text, maybe, id, ref } = columns(tx);
  await tx.schema.createTable('payment_events', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'account_id', 'payment_accounts');
    text(t, 'event_id');
    maybe(t, 'delivery_id');
    text(t, 'type');
    text(t, 'api_version');
    text(t, 'object_type');
    text(t, 'object_id');
    // What is looked at afresh, e.g. `subscription:sub_1`; empty until the provider was asked what the object belongs to.
    text(t, 'subject');
    maybe(t, 'body');
    text(t, 'body_sha256');
    text(t, 'via');
    text(t, 'state');
    t.integer('attempts').notNullable();
    maybe(t, 'next_at');
    maybe(t, 'lease_id');
    maybe(t, 'lease_until');
    text(t, 'detail');
    text(t, 'received_at').index();
    maybe(t, 'done_at');
    t.unique(['account_id', 'event_id']);
    t.unique(['account_id', 'delivery_id']);
    t.index(['account_id', 'subject'], 'payment_events_subject');
    t.index(['account_id', 'object_id'], 'payment_events_object');
    t.index(['organization_id', 'id'], 'payment_events_organization');
  });
  await tx.raw("create index payment_events_due on payment_events (next_at, id) where state = 'pending'");
  await tx.raw('create index payment_events_leased on payment_events (lease_id) where lease_id is not null');
  // Who works on a subject now: no two at once, whatever their events.
  await tx.schema.createTable('payment_locks', (t) => {
    text(t, 'account_id');
    text(t, 'subject');
    text(t, 'lease_id');
    text(t, 'lease_until');
    t.primary(['account_id', 'subject']);
  });
  // What a vendor must look at: one row a trouble, however often it shows.
  await tx.schema.createTable('payment_alerts', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    text(t, 'account_id');
    text(t, 'code');
    text(t, 'subject');
    text(t, 'detail');
    t.integer('count').notNullable();
    text(t, 'first_at');
    text(t, 'last_at');
    maybe(t, 'dismissed_at');
    t.unique(['organization_id', 'code', 'subject']);
  });
}

/** What payments add to the ledger and to prices. */
async function ledgerColumns(tx: Knex): Promise<void> {
  const { text, maybe } = columns(tx);
  await tx.schema.alterTable('grants', (t) => {
    maybe(t, 'starts_at');
    // No reference: SQLite would make the table anew.
    maybe(t, 'subscription_id').index();
  });
  await tx.schema.alterTable('licenses', (t) => {
    // Set beside suspended_at where an open dispute suspended it, and nobody's hand.
    maybe(t, 'held_at');
  });
  await tx.schema.alterTable('package_prices', (t) => {
    t.bigInteger('amount_minor').nullable();
    maybe(t, 'currency');
    t.integer('interval_count').nullable();
    maybe(t, 'interval_unit');
    t.integer('length_value').nullable();
    maybe(t, 'length_unit');
    text(t, 'trouble').defaultTo('');
    maybe(t, 'checked_at');
  });
}

export const payments: Migration = { name: '0014-payments', up };
