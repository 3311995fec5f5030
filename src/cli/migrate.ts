import { join } from 'node:path';
import { migrations } from '../../migrations/index.ts';
import { systemClock, toIso } from '../clock.ts';
import { connect } from '../db/connect.ts';
import { migrate, pendingMigrations } from '../db/migrate.ts';
import { type Command, configOf, EXIT } from './command.ts';

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Brings the database to the newest schema; `serve` does the same at its start.',
  usage: '[--dry-run]',
  help: ['--dry-run   only say what would be done'],
  options: { 'dry-run': { type: 'boolean' } },
  async run({ io, values }) {
    const config = configOf(io, { PUBLIC_URL: 'http://localhost' });
    const db = connect(config.databaseUrl, join(config.dataDir, 'feedgate.db'));
    try {
      const isDry = values['dry-run'] === true;
      const names = isDry
        ? await pendingMigrations(db, migrations)
        : await migrate(db, migrations, toIso(systemClock()));
      io.json({ [isDry ? 'pending' : 'applied']: names });
      io.say(
        names.length === 0
          ? 'The database is up to date.'
          : `${isDry ? 'To be applied' : 'Applied'}: ${names.join(', ')}`,
      );
      return EXIT.ok;
    } finally {
      await db.close();
    }
  },
};
