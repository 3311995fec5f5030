import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

export interface DemoReady {
  url: string;
  token: string;
  products: { joomla: { feed: string; changelog: string }; dolibarr: { txt: string; xml: string } };
  keys: Record<'valid' | 'expired' | 'revoked' | 'stable_only' | 'sites_full' | 'master', string>;
}

export interface Started {
  child: ChildProcess;
  /** Everything that it wrote so far. */
  out: { stdout: string; stderr: string };
  /** The exit code, once it has ended; null: a signal ended it. */
  ended: Promise<number | null>;
  /** Ends it as a service manager does. */
  stop(): Promise<number | null>;
}

const root = resolve(import.meta.dirname, '../..');

/** `feedgate` as a process of its own, with nothing of our environment but PATH. */
export function startCli(args: readonly string[], env: Record<string, string>): Started {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    out.stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    out,
    ended,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Resolves with the text once `done` finds what it looks for; throws with what was said if the process ends before. */
export async function until<T>(started: Started, done: (out: Started['out']) => T | null): Promise<T> {
  for (;;) {
    const found = done(started.out);
    if (found !== null) return found;
    const { stdout, stderr } = started.child;
    if (stdout?.readableEnded && stderr?.readableEnded) throw new Error(`it ended: ${started.out.stderr}`);
    await Promise.race([stdout && once(stdout, 'data'), stderr && once(stderr, 'data'), started.ended]);
  }
}

export async function startDemo(env: Record<string, string>): Promise<{ started: Started; ready: DemoReady }> {
  const started = startCli(['demo', '--json'], env);
  const line = await until(started, ({ stdout }) => /^(.*)\n/.exec(stdout)?.[1] ?? null);
  return { started, ready: JSON.parse(line) as DemoReady };
}
