import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { buildHandler, type Core, type CoreOptions, openCore } from '../../src/app.ts';
import { choresOf } from '../../src/chores.ts';
import { runCommand } from '../../src/cli/command.ts';
import { demoRepositories } from '../../src/cli/demo-repositories.ts';
import { commands } from '../../src/cli/index.ts';
import type { Ran } from '../../src/cli/test-cli.ts';
import { readConfig } from '../../src/config.ts';
import { makeLogger } from '../../src/http/log.ts';
import { type Answer, type Caller, callerOf } from './api-server.ts';
import { makeGitRepository } from './git-repository.ts';
import { type MailServerFake, type ReceivedMail, startMailServer } from './mail-server.ts';
import { freePort, type Ground, openGround, SEED_SECRET_KEY } from './served.ts';

/**
 * An installation as its operator, its vendor and his buyers meet it: commands, HTTP and mails, and nothing else. The vendor `acme`
 * has a repository `hello` with releases, whose product is opened by a key.
 */
export interface Journey {
  ground: Ground;
  url: string;
  env: Record<string, string>;
  /** What the server takes for now, ms UTC; commands take the real time. */
  time: { now: number };
  /** Every line of the server's log. */
  lines: string[];
  /** Of the server that runs; another one after `restart`. */
  core(): Core;
  mail: MailServerFake;
  /** An operator's token of all scopes. */
  operator: Caller;
  operatorToken: string;
  anybody: Caller;
  run(...argv: string[]): Promise<Ran>;
  /** Like `run`; throws where it fails, and gives its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any answer and fails where a field is missing
  command(...argv: string[]): Promise<any>;
  /** All of these events, mails and chores that are due. */
  work(): Promise<void>;
  chores(which: 'often' | 'hourly' | 'daily'): Promise<void>;
  pass(ms: number): void;
  /** The mails that came since the last call, the oldest first. */
  mails(): ReceivedMail[];
  /** What a browser gets; the form of a page is posted. */
  page(url: string, form?: Record<string, string>): Promise<{ status: number; text: string; headers: Headers }>;
  restart(): Promise<void>;
  /** Ends the server, and leaves the rest to another one. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

type Gateways = NonNullable<CoreOptions['gateways']>;

export const SMTP_PASSWORD = 'smtp-Pa55word-of-acme';

/** Of the server when it begins: the real time, so that what commands write is not of the future. */
export const startTime = () => Math.floor(Date.now() / 1_000) * 1_000;

async function openJourney(
  engine: Ground['engine'],
  time: { now: number },
  more: Record<string, string> = {},
  gateways: Gateways = {},
): Promise<Journey> {
  const ground = await openGround(engine);
  const mail = await startMailServer({
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, callback) {
      if (password === SMTP_PASSWORD) return callback(null, { user: username ?? '' });
      callback(new Error('the password is wrong'));
    },
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env: Record<string, string> = {
    ...{ PUBLIC_URL: url, PORT: String(port), HOST: '127.0.0.1', DATA_DIR: ground.dataDir, LOG_LEVEL: 'warn' },
    ...(ground.databaseUrl === null ? {} : { DATABASE_URL: ground.databaseUrl }),
    ...{ SECRET_KEY: SEED_SECRET_KEY, MAIL_FROM: 'Shop <shop@acme.example>', SMTP_TLS: 'optional' },
    SMTP_URL: `smtp://acme:${encodeURIComponent(SMTP_PASSWORD)}@127.0.0.1:${mail.port}`,
    ...more,
  };
  const lines: string[] = [];
  let up: Up | null = null;
  let seenMails = 0;
  const core = () => {
    if (up === null) throw new Error('the server is not up');
    return up.core;
  };
  async function command(...argv: string[]) {
    const ran = await runIn(env, [...argv, '--json']);
    if (ran.code !== 0)
      throw new Error(`feedgate ${argv.join(' ')} ended with ${ran.code}: ${ran.noted} ${JSON.stringify(ran.json)}`);
    return ran.json;
  }
  const start = async () => {
    up = await startServer(env, { time, lines, gateways });
  };
  const stop = async () => {
    await up?.stop();
    up = null;
  };
  await publish(ground, url, command);
  const { token } = await command('token', 'create', '--name', 'operator', '--scopes', 'all');
  await start();
  return {
    ...{ ground, url, env, time, lines, core, mail, command, stop },
    ...{ operatorToken: token, operator: callerOf(url, token), anybody: callerOf(url, null) },
    run: (...argv) => runIn(env, argv),
    async work() {
      await core().paymentEvents.worker.drain();
      await core().worker.drain();
      await core().mails.sender.drain();
    },
    async chores(which) {
      await choresOf(core())[which]();
    },
    pass(ms) {
      time.now += ms;
    },
    mails() {
      const fresh = mail.received.slice(seenMails);
      seenMails = mail.received.length;
      return fresh;
    },
    async page(address, form) {
      const init = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
      const answer = await fetch(address, { redirect: 'manual', ...init });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      await mail.close();
      await ground.drop();
    },
  };
}

interface Up {
  core: Core;
  stop(): Promise<void>;
}

/** Its worker and its schedule stand still: a test says when they work. */
async function startServer(
  env: Record<string, string>,
  { time, lines, gateways }: { time: { now: number }; lines: string[]; gateways: Gateways },
): Promise<Up> {
  const read = readConfig(env);
  if (!read.ok) throw new Error(read.faults.join('\n'));
  const log = makeLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const core = await openCore(read.config, { clock: () => time.now, log, gateways });
  const server: Server = createServer(buildHandler(core));
  await new Promise<void>((resolve) => void server.listen(read.config.port, '127.0.0.1', resolve));
  return {
    core,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await core.close();
    },
  };
}

async function runIn(env: Record<string, string>, argv: readonly string[]): Promise<Ran> {
  const said: string[] = [];
  const noted: string[] = [];
  const answers: unknown[] = [];
  const code = await runCommand(commands, argv, {
    say: (text) => void said.push(text),
    note: (text) => void noted.push(text),
    json: (value) => void answers.push(JSON.parse(JSON.stringify(value))),
    env,
  });
  return { code, said: said.join('\n'), json: answers[0], noted: noted.join('\n') };
}

async function publish(ground: Ground, url: string, command: Journey['command']): Promise<void> {
  const folder = join(ground.dataDir, 'forge');
  mkdirSync(folder, { recursive: true });
  await makeGitRepository(folder, 'hello', demoRepositories(url, 'acme').joomla.tags);
  await command('forge', 'add', 'home', '--kind', 'git', '--url', folder);
  await command('product', 'add', 'acme/hello', '--mode', 'strict');
}

/** A provider that is played by a server on this machine. */
interface Played<F> {
  start(clock: () => number): Promise<F>;
  env(fake: F): Record<string, string>;
  /** Of the server, where the real one would not trust the fake. */
  gateways?(fake: F): Gateways;
  close(fake: F): Promise<void>;
}

/** Runs the same journey on both databases, each with a provider of its own. */
export function onEachJourney<F>(
  title: string,
  provider: Played<F>,
  tests: (journey: () => Journey, fake: () => F) => void,
): void {
  for (const engine of ['sqlite', 'postgres'] as const) {
    describe(`${title} (${engine})`, () => {
      let opened: { journey: Journey; fake: F } | undefined;
      beforeAll(async () => {
        const time = { now: startTime() };
        const fake = await provider.start(() => time.now);
        opened = { journey: await openJourney(engine, time, provider.env(fake), provider.gateways?.(fake)), fake };
      });
      afterAll(async () => {
        await opened?.journey.close();
        if (opened) await provider.close(opened.fake);
      });
      const open = () => {
        if (!opened) throw new Error('the installation is there only while tests run');
        return opened;
      };
      tests(
        () => open().journey,
        () => open().fake,
      );
    });
  }
}

/** What a Joomla site with this key reads in the feed. */
export async function joomlaPoll(
  { url }: Pick<Journey, 'url'>,
  key: string,
  site = 'one.example.com',
): Promise<{ code: string | null; versions: string[] }> {
  const answer = await fetch(`${url}/acme/hello/updates.xml?dlid=${encodeURIComponent(key)}&site=${site}`);
  const text = await answer.text();
  const versions = [...text.matchAll(/<version>([^<]*)<\/version>/g)].map(([, version]) => version ?? '');
  return { code: answer.headers.get('x-feedgate-code'), versions };
}

/** All pages of a list, at once. */
export async function allOf(caller: Caller, path: string): Promise<Answer['json'][]> {
  const { status, json, text } = await caller.get(`${path}${path.includes('?') ? '&' : '?'}limit=100`);
  if (status !== 200) throw new Error(`${path} answers ${status}: ${text}`);
  return json.items;
}

/** A page's link to an address that begins like this. */
export function linkIn(text: string, start: string): string {
  const found = [...text.matchAll(/https?:\/\/[^\s"'<>]+/g)].map(([link]) => link.replaceAll('&amp;', '&'));
  const link = found.find((each) => each.startsWith(start));
  if (link === undefined) throw new Error(`there is no link to ${start}… in\n${text}`);
  return link;
}
