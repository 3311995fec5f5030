import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** Mails that are to go out or went, each once. What stands in them is made when they are sent: no key is kept here. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref, made } = columns(tx);
  await tx.schema.createTable('mails', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations');
    text(t, 'template');
    text(t, 'tag');
    maybe(t, 'customer_id').index();
    text(t, 'email');
    text(t, 'language');
    text(t, 'about');
    text(t, 'state');
    text(t, 'not_before');
    t.integer('attempts').notNullable();
    maybe(t, 'lease_id');
    maybe(t, 'lease_until');
    maybe(t, 'sent_at');
    text(t, 'detail');
    made(t);
    t.unique(['organization_id', 'tag']);
    t.index(['organization_id', 'id'], 'mails_organization');
  });
  await tx.raw("create index mails_due on mails (not_before, id) where state = 'waiting'");
  await tx.schema.alterTable('customers', (t) => {
    maybe(t, 'reminders_off_at');
  });
}

export const mails: Migration = { name: '0015-mails', up };
