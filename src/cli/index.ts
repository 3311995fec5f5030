import type { Command } from './command.ts';
import { demo } from './demo.ts';
import { migrateCommand } from './migrate.ts';
import { serveCommand } from './serve.ts';

/** One line a command. */
export const commands: readonly Command[] = [serveCommand, migrateCommand, demo];
