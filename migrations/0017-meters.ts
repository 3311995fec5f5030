import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Usage that a payment provider bills, until and after it was told of it. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.createTable('meter_usage', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    ref(t, 'account_id', 'payment_accounts');
    ref(t, 'subscription_id', 'subscriptions').index();
    text(t, 'name');
    t.bigInteger('value').notNullable();
    // The provider counts what has the same one within a day once.
    text(t, 'identifier');
    text(t, 'at');
    text(t, 'state');
    maybe(t, 'tried_at');
    maybe(t, 'sent_at');
    text(t, 'detail');
    made(t);
    t.unique(['account_id', 'identifier']);
  });
  await tx.raw("create index meter_usage_due on meter_usage (id) where state in ('pending', 'unconfirmed')");
}

export const meters: Migration = { name: '0017-meters', up };
