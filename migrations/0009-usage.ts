import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What usage is counted by. */
async function up(_tx: Knex): Promise<void> {}

export const usage: Migration = { name: '0009-usage', up };
