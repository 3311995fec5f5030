import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What is remembered of sites, and of who guesses keys. */
async function up(_tx: Knex): Promise<void> {}

export const sites: Migration = { name: '0006-sites', up };
