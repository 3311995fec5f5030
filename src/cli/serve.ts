import { openCore, type Running, serve } from '../app.ts';
import { type Command, configOf, EXIT } from './command.ts';

/** Resolves when the process is told to end. */
export function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Runs the service: polls, downloads, hooks, API, pages and jobs.',
  usage: '',
  help: [
    'PUBLIC_URL       where sites reach Feedgate (required)',
    'PORT, HOST       where it listens (8080, 0.0.0.0)',
    'DATA_DIR         database, secret key, files (data)',
    'DATABASE_URL     a PostgreSQL instead of the embedded SQLite; needs SECRET_KEY',
    "SECRET_KEY       the installation's secret, else DATA_DIR/secret.key",
    'TRUSTED_PROXIES  networks whose X-Forwarded-For is believed',
    'METRICS_TOKEN    bearer token of /metrics; without it only this machine may read it',
    'LOG_LEVEL, MAX_ARTIFACT_MB, SWEEP_MINUTES, AUDIT_MONTHS, USAGE_MONTHS',
    'Every secret can come from a file: NAME_FILE instead of NAME.',
  ],
  async run({ io }) {
    const config = configOf(io);
    const core = await openCore(config);
    if (core.madeSecretKey) {
      io.note(
        `A new secret key was made in ${config.dataDir}/secret.key. Keep a copy: lose it and every license key is lost.`,
      );
    }
    const running: Running = await serve(core);
    core.log.info({ port: running.port, public_url: config.publicUrl, database: core.db.engine }, 'ready');
    const signal = await untilStopped();
    core.log.info({ signal }, 'stopping');
    await running.stop();
    return EXIT.ok;
  },
};
