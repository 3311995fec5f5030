import { join } from 'node:path';
import { migrations } from '../../migrations/index.ts';
import type { Config } from '../config.ts';
import { connect, type Db } from '../db/connect.ts';
import { pendingMigrations } from '../db/migrate.ts';
import { freeBytes, modeOf, readIfThere } from '../disk-io.ts';
import { sealState } from '../doctor/evidence.ts';
import { makeSecrets, parseSecretKey, type Secrets } from '../secrets.ts';
import { type Check, failed, ok, warning } from './doctor-check.ts';

const LOSE = 'Keep a copy of it apart from the database: lose this and every key is lost.';
const MB = 2 ** 20;
const LEAST_FREE = 200 * MB;
const LITTLE_FREE = 1_024 * MB;

/** The secret key alone; whether it fits the database is told by checkDatabase. */
export async function checkSecretKey(config: Config): Promise<Check> {
  const name = 'secret_key';
  const path = join(config.dataDir, 'secret.key');
  const hasDatabase = config.databaseUrl !== null || (await modeOf(databaseFile(config))) !== null;
  const text = await secretText(config);
  if (text === null) {
    if (hasDatabase)
      return failed(
        name,
        `there is a database, but ${path} is gone`,
        `Put ${path} or SECRET_KEY back. Without it every license key is lost.`,
      );
    return warning(
      name,
      'there is none yet',
      'The first start makes one; or set SECRET_KEY (feedgate doctor --new-secret-key).',
    );
  }
  try {
    parseSecretKey(text);
  } catch (error) {
    return failed(
      name,
      error instanceof Error ? error.message : String(error),
      'Put the key back as Feedgate wrote it.',
    );
  }
  const mode = config.secretKey === undefined ? await modeOf(path) : null;
  if (mode !== null && (mode & 0o077) !== 0)
    return failed(name, `others on this machine may read ${path} (mode ${mode.toString(8)})`, `chmod 600 ${path}`);
  return ok(name, `${config.secretKey === undefined ? path : 'from the environment'}. ${LOSE}`);
}

async function secretText(config: Config): Promise<string | null> {
  if (config.secretKey !== undefined) return config.secretKey;
  return (await readIfThere(join(config.dataDir, 'secret.key')))?.toString('utf8') ?? null;
}

function databaseFile(config: Config): string {
  return join(config.dataDir, 'feedgate.db');
}

/** Makes and changes nothing: neither a file nor a schema. */
export async function checkDatabase(config: Config): Promise<Check> {
  const name = 'database';
  if (config.databaseUrl === null && (await modeOf(databaseFile(config))) === null)
    return warning(name, `there is none in ${config.dataDir} yet`, 'Start feedgate serve, or run feedgate migrate.');
  const db = connect(config.databaseUrl, databaseFile(config));
  try {
    const pending = await pendingMigrations(db, migrations);
    if (pending.length > 0)
      return warning(
        name,
        `it is older than this program: ${pending.join(', ')}`,
        'Run feedgate migrate, or restart the server.',
      );
    return await checkSeal(db, config);
  } catch (error) {
    const detail = error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
    return failed(
      name,
      `it does not answer: ${detail}`,
      'Is DATA_DIR or DATABASE_URL right, and may this user read and write there?',
    );
  } finally {
    await db.close();
  }
}

async function checkSeal(db: Db, config: Config): Promise<Check> {
  const secrets = await secretsOf(config);
  const state = secrets === null ? 'none' : await sealState(db, secrets);
  if (state === 'broken')
    return failed(
      'database',
      'what it keeps sealed does not open with this secret key',
      'Put the secret key back under which it was made.',
    );
  const sealed = state === 'opens' ? ', and what it keeps sealed opens with the secret key' : '';
  return ok('database', `${db.engine} answers${sealed}`);
}

async function secretsOf(config: Config): Promise<Secrets | null> {
  try {
    const { pepper, encryptionKey } = parseSecretKey((await secretText(config)) ?? '');
    return makeSecrets(pepper, encryptionKey);
  } catch {
    return null;
  }
}

export async function checkDisk(config: Config): Promise<Check> {
  const name = 'disk';
  const disk = await freeBytes(config.dataDir);
  if (disk === null) return warning(name, `${config.dataDir} is not there yet`, 'The first start makes it.');
  const detail = `${Math.floor(disk.free / MB)} MB are free in ${config.dataDir}`;
  const fix = 'Make room: on a full disk no sale and no poll can be written down.';
  if (disk.free < LEAST_FREE) return failed(name, detail, fix);
  return disk.free < LITTLE_FREE ? warning(name, detail, fix) : ok(name, detail);
}
