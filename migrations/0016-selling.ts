import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What buyers declared on the page for withdrawals. It changes nothing by itself. */
async function up(tx: Knex): Promise<void> {
  const { text, maybe, id, ref } = columns(tx);
  await tx.schema.createTable('withdrawals', (t) => {
    id(t);
    ref(t, 'organization_id', 'organizations').index();
    text(t, 'order_ref');
    text(t, 'email');
    text(t, 'name');
    text(t, 'statement');
    // null: no order of ours is meant, as far as can be told.
    maybe(t, 'order_id');
    text(t, 'at');
    maybe(t, 'closed_at');
  });
}

export const selling: Migration = { name: '0016-selling', up };
