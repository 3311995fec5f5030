import { CLI_ACTOR } from '../accounts/actor.ts';
import { type Core, openCore } from '../app.ts';
import type { Config } from '../config.ts';
import { readIfThere } from '../disk-io.ts';
import { makeLogger } from '../http/log.ts';
import type { By } from '../licensing/keys.ts';
import { type Call, configOf, textOf, UsageError } from './command.ts';

/** Whether a command speaks of addresses: then PUBLIC_URL must be set; for all others any will do. */
export type Needs = 'publicUrl' | 'database';

export function coreConfig(call: Call, needs: Needs): Config {
  const unnamed: Record<string, string> = needs === 'publicUrl' ? {} : { PUBLIC_URL: 'http://localhost' };
  return configOf(call.io, { LOG_LEVEL: 'warn', ...unnamed });
}

/** Opens the installation beside a running server, does the work, and closes it again. Logs go to stderr. */
export async function withCore<T>(call: Call, needs: Needs, work: (core: Core) => Promise<T>): Promise<T> {
  const config = coreConfig(call, needs);
  const log = makeLogger({ level: config.logLevel, destination: process.stderr });
  const core = await openCore(config, { log });
  if (core.madeSecretKey) {
    call.io.note(
      `A new installation was made in ${config.dataDir}, with a secret key of its own. Keep a copy of ${config.dataDir}/secret.key: lose it and every license key is lost.`,
    );
  }
  try {
    return await work(core);
  } finally {
    await core.close();
  }
}

export function byCli(core: Pick<Core, 'clock'>): By {
  return { actor: CLI_ACTOR, requestId: null, now: core.clock() };
}

/** A secret from `--NAME`, a file (`--NAME-file`) or the environment, in this order; it is never shown. undefined: none is given. */
export async function secretOf(call: Call, name: string, variable: string | null): Promise<string | undefined> {
  const typed = textOf(call.values, name);
  const file = textOf(call.values, `${name}-file`);
  if (typed !== undefined && file !== undefined) throw new UsageError(`give --${name} or --${name}-file, not both`);
  if (typed !== undefined) return typed.trim();
  if (file === undefined) {
    const value = variable === null ? undefined : call.io.env[variable];
    return value === undefined || value.trim() === '' ? undefined : value.trim();
  }
  const bytes = await readIfThere(file);
  if (bytes === null) throw new UsageError(`--${name}-file names a file that is not there: ${file}`);
  return bytes.toString('utf8').trim();
}
