import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What is kept of customers. */
async function up(_tx: Knex): Promise<void> {}

export const customers: Migration = { name: '0007-customers', up };
