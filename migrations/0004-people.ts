import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** Who signed in, and the sessions and one-time links of people. */
async function up(_tx: Knex): Promise<void> {}

export const people: Migration = { name: '0004-people', up };
