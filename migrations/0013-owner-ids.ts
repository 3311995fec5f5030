import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';
import { columns } from './columns.ts';

/** The id of an organization on its forge, which survives a rename; empty until the forge was asked for it. */
async function up(tx: Knex): Promise<void> {
  const { maybe } = columns(tx);
  await tx.schema.alterTable('organizations', (t) => {
    maybe(t, 'owner_id');
  });
}

export const ownerIds: Migration = { name: '0013-owner-ids', up };
