import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** Moving in. */
async function up(_tx: Knex): Promise<void> {}

export const moving: Migration = { name: '0012-moving', up };
