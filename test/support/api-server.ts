import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { makeCallers } from '../../src/accounts/callers.ts';
import { makeStandings } from '../../src/accounts/people-roles.ts';
import { makeReplyStore, purgeReplies } from '../../src/accounts/replies.ts';
import { SCOPES, type Scope } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { type ApiCore, apiRoutes } from '../../src/api-routes.ts';
import { DAY } from '../../src/clock.ts';
import { forgeDrivers } from '../../src/forge/registry.ts';
import { makeFloodLimiter } from '../../src/http/limits.ts';
import { makeLogger } from '../../src/http/log.ts';
import { mountRoutes } from '../../src/http/mount.ts';
import { trustedProxies } from '../../src/http/network.ts';
import { makeGate } from '../../src/licensing/gate.ts';
import { makeLookup } from '../../src/licensing/lookup.ts';
import { makeRecorder } from '../../src/licensing/record.ts';
import { makeSender } from '../../src/notify/deliver.ts';
import type { MailConfig } from '../../src/notify/mail-config.ts';
import { makeMails } from '../../src/notify/mailing.ts';
import { allowedTargets } from '../../src/notify/webhook-io.ts';
import type { PaymentDeps } from '../../src/payments/accounts.ts';
import { isSellersOrigin } from '../../src/payments/offers.ts';
import { makePaymentEvents } from '../../src/payments/processing.ts';
import { gateways } from '../../src/payments/registry.ts';
import { makeLinkTokens } from '../../src/payments/tokens.ts';
import type { TestDatabase } from './databases.ts';
import { SEED_NOW, seedSecrets } from './seed.ts';
import { TEST_MAIL } from './test-mail.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any body and fails where a field is missing
  json: any;
}

interface Ask {
  token?: string | null;
  headers?: Record<string, string>;
}

/** A person or program with a token. */
export interface Caller {
  get(path: string, ask?: Ask): Promise<Answer>;
  post(path: string, body?: unknown, ask?: Ask): Promise<Answer>;
  put(path: string, body: unknown, ask?: Ask): Promise<Answer>;
  patch(path: string, body: unknown, ask?: Ask): Promise<Answer>;
  delete(path: string, ask?: Ask): Promise<Answer>;
}

export interface ApiServer extends Caller {
  /** Of the server, for what is not below `/api/v1`. */
  url: string;
  core: ApiCore;
  /** Everything that was logged. */
  lines: string[];
  /** A token; of every scope and for every organization unless told otherwise. */
  token(options?: { scopes?: readonly Scope[]; organizationId?: string | null }): Promise<string>;
  /** Asks as whoever holds the token. */
  as(token: string | null): Caller;
  now(): number;
  /** Moves the clock. */
  pass(ms: number): void;
  /** A day and more passes, so that kept replies are gone. */
  forgetReplies(): Promise<void>;
  close(): Promise<void>;
}

/** The API on a database of its own, served by a real server with its clock held at SEED_NOW. */
export async function startApi(
  database: TestDatabase,
  options: Partial<Pick<PaymentDeps, 'gateways' | 'apiBases' | 'variables'> & { mail: MailConfig }> = {},
): Promise<ApiServer> {
  const { db } = database;
  let now = SEED_NOW;
  const clock = () => now;
  const lines: string[] = [];
  const keyPrefixes = () => ['FG1'];
  const gate = makeGate({ clock, secrets: seedSecrets, keyPrefixes, lookup: makeLookup(db), record: makeRecorder(db) });
  const publicUrl = 'https://updates.example.com';
  const allowed = allowedTargets(['127.0.0.1']);
  const sender = makeSender({
    ...{ db, clock, secrets: seedSecrets, road: { allowed }, dice: () => 0 },
    ...{ onDisabled: () => undefined, onError: (error: unknown) => void lines.push(String(error)) },
  });
  const webhooks = { sender, allowed };
  const forge = {
    db,
    clock,
    publicUrl,
    secrets: seedSecrets,
    drivers: forgeDrivers,
    cacheDir: '',
  };
  const standings = makeStandings({ forge, siteAdmins: [], onOwnerLost: () => undefined });
  const payments: PaymentDeps = {
    ...{ db, clock, publicUrl, secrets: seedSecrets, gateways: options.gateways ?? gateways },
    ...{ apiBases: options.apiBases ?? {}, ...(options.variables ? { variables: options.variables } : {}) },
  };
  const secrets = seedSecrets;
  const links = makeLinkTokens(seedSecrets);
  const mails = makeMails(
    {
      ...{ db, clock, log: makeLogger({ level: 'silent' }), secrets: seedSecrets },
      config: { mail: options.mail ?? { ...TEST_MAIL, transport: 'off' }, dataDir: '', publicUrl },
    },
    links,
  );
  const metrics = { paymentEvent: () => undefined };
  const log = makeLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
  const paymentEvents = makePaymentEvents(payments, { log, metrics });
  const core: ApiCore = {
    mails,
    paymentEvents,
    standings,
    clock,
    db,
    secrets,
    gate,
    forge,
    webhooks,
    payments,
    links,
    config: { publicUrl },
  };
  const app = express();
  mountRoutes(app, apiRoutes(core), {
    clock,
    log: makeLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }),
    publicUrl,
    callers: makeCallers({ db, secrets: seedSecrets, publicUrl, standings }),
    replies: makeReplyStore(db),
    trusted: trustedProxies(['127.0.0.1']),
    flood: makeFloodLimiter({ burst: 10_000, perSecond: 1_000, networks: 10 }),
    isSellersOrigin: (origin) => isSellersOrigin(db, origin),
  });
  const server = await listen(app);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function token({ scopes = SCOPES, organizationId = null }: Parameters<ApiServer['token']>[0] = {}) {
    const wish = { name: 'test', organizationId, scopes: [...scopes], expiresAt: null };
    return (await createToken({ db, secrets: seedSecrets }, wish, CLI_ACTOR, now)).text;
  }
  const as = (own: string | null) => callerOf(url, own);
  return {
    ...as(await token()),
    ...{ core, lines, token, as, url, now: clock },
    pass(ms) {
      now += ms;
    },
    async forgetReplies() {
      now += DAY + 1;
      await purgeReplies(db, now);
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function listen(app: express.Express): Promise<Server> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Asks the API of a server at `url`. */
export function callerOf(url: string, own: string | null): Caller {
  async function ask(method: string, path: string, body: unknown, { token = own, headers = {} }: Ask = {}) {
    const sent = new Headers(headers);
    if (token !== null) sent.set('Authorization', `Bearer ${token}`);
    if (body !== undefined) sent.set('Content-Type', 'application/json');
    const init = { method, headers: sent, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${url}${path.startsWith('/api/') ? '' : '/api/v1'}${path}`, init);
    const text = await response.text();
    const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
  }
  return {
    get: (path, options) => ask('GET', path, undefined, options),
    post: (path, body, options) => ask('POST', path, body, options),
    put: (path, body, options) => ask('PUT', path, body, options),
    patch: (path, body, options) => ask('PATCH', path, body, options),
    delete: (path, options) => ask('DELETE', path, undefined, options),
  };
}
