import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What was brought in from elsewhere. */
async function up(_tx: Knex): Promise<void> {}

export const imports: Migration = { name: '0011-imports', up };
