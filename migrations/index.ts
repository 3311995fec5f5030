import type { Migration } from '../src/db/migrate.ts';
import { first } from './0001-first.ts';

/** In order of application; only ever appended to. */
export const migrations: readonly Migration[] = [first];
