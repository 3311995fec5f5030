import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What organizations and products are set to. */
async function up(_tx: Knex): Promise<void> {}

export const settings: Migration = { name: '0005-settings', up };
