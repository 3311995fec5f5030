import type { Migration } from '../src/db/migrate.ts';
import { first } from './0001-first.ts';
import { access } from './0002-access.ts';
import { keys } from './0003-keys.ts';

/** In order of application; only ever appended to. */
export const migrations: readonly Migration[] = [first, access];
