import type { Knex } from 'knex';
import type { Migration } from '../src/db/migrate.ts';

/** What is told to others, and how it went. */
async function up(_tx: Knex): Promise<void> {}

export const webhooks: Migration = { name: '0008-webhooks', up };
