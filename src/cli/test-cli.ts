import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { commands } from './index.ts';

export const PUBLIC_URL = 'https://updates.vendor.example';

export interface Ran {
  code: number;
  /** What people read on stdout. */
  said: string;
  /** The `--json` answer; undefined: there was none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  json: any;
  /** What went to stderr. */
  noted: string;
}

export interface TestInstallation {
  folder: string;
  env: Record<string, string | undefined>;
  /** Runs a command in this process, as the shell would. */
  run(...argv: string[]): Promise<Ran>;
  remove(): void;
}

/** A folder for an installation that the first command makes. */
export function newInstallation(change: Record<string, string | undefined> = {}): TestInstallation {
  const folder = mkdtempSync(join(tmpdir(), 'feedgate-cli-'));
  const env = { PUBLIC_URL, DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent', ...change };
  return {
    folder,
    env,
    run: (...argv) => run(env, argv),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function run(env: Record<string, string | undefined>, argv: string[]): Promise<Ran> {
  const said: string[] = [];
  const noted: string[] = [];
  const answers: unknown[] = [];
  const io = {
    say: (text: string) => void said.push(text),
    note: (text: string) => void noted.push(text),
    json: (value: unknown) => void answers.push(JSON.parse(JSON.stringify(value))),
    env,
  };
  const code = await runCommand(commands, argv, io);
  if (answers.length > 1) throw new Error('a command has one answer');
  return { code, said: said.join('\n'), json: answers[0], noted: noted.join('\n') };
}
