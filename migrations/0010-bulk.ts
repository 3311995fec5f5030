import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** Changes of many things at once. */
async function up(_tx: Knex): Promise<void> {}

export const bulk: Migration = { name: '0010-bulk', up };
