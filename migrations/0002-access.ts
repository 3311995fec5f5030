import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** What a token may be bound to beside an organization, and what is told of its use. */
async function up(tx: Knex): Promise<void> {
  const { maybe } = columns(tx);
  await tx.schema.alterTable('api_tokens', (t) => {
    // No reference: SQLite would make the table anew.
    maybe(t, 'product_id');
    maybe(t, 'last_used_at');
    maybe(t, 'replaced_by');
    t.index(['organization_id', 'id']);
  });
}

export const access: Migration = { name: '0002-access', up };
