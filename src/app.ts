import { existsSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { feedFormats } from '../feeds/index.ts';
import { migrations } from '../migrations/index.ts';
import { makeCallers } from './accounts/callers.ts';
import { makeStandings, type Standings } from './accounts/people-roles.ts';
import { choresOf } from './chores.ts';
import { type Clock, systemClock, toIso } from './clock.ts';
import type { Config } from './config.ts';
import { connect, type Db } from './db/connect.ts';
import { migrate } from './db/migrate.ts';
import { checkPepper } from './doctor/installation.ts';
import type { ForgeDeps } from './forge/connections.ts';
import { type HookDeps, nextLook, RECONCILE } from './forge/hooks.ts';
import { forgeDrivers } from './forge/registry.ts';
import { buildHandler } from './handler.ts';
import type { Callers } from './http/actor.ts';
import { listenFault } from './http/listen-fault.ts';
import { type Logger, makeLogger } from './http/log.ts';
import { type Metrics, makeMetrics } from './http/metrics.ts';
import { makeSchedule } from './jobs/schedule.ts';
import { makeWorker, type Worker } from './jobs/worker.ts';
import { bulkJobs } from './licensing/bulk-runs.ts';
import { type Gate, makeGate } from './licensing/gate.ts';
import { makeLookup } from './licensing/lookup.ts';
import { CHECK_PRICES } from './licensing/package-price.ts';
import { makeKeyPrefixes } from './licensing/prefixes.ts';
import { makeRecorder } from './licensing/record.ts';
import { type AddressCounts, makeAddressCounts } from './moving/address-counts-cache.ts';
import { BRIDGE, type BridgeDeps, writeBridge } from './moving/bridge.ts';
import { type Mails, makeMails } from './notify/mailing.ts';
import { makeWebhooks, type Webhooks } from './notify/sending.ts';
import { letVariablesGo, takeVariables } from './payments/account-variables.ts';
import type { PaymentDeps } from './payments/accounts.ts';
import { checkPricesJob } from './payments/check-prices.ts';
import type { Gateway } from './payments/gateway.ts';
import { makePaymentEvents, type PaymentEvents } from './payments/processing.ts';
import { gateways } from './payments/registry.ts';
import { type LinkTokens, makeLinkTokens } from './payments/tokens.ts';
import { ARCHIVE_LIMITS } from './releases/archive-io.ts';
import { type ArtifactStore, makeArtifactStore } from './releases/artifact-store-io.ts';
import { feedUrlsOf } from './releases/products.ts';
import { type ReconcileDeps, reconcile } from './releases/reconcile.ts';
import { loadSecretKey, makeSecrets, parseSecretKey, type Secrets } from './secrets.ts';
import { type Catalog, makeCatalog } from './updates/catalog.ts';
import { makeBodies, makeCache } from './updates/feed-cache.ts';
import { pageUrl } from './updates/feed-releases.ts';

export { apiDocument, apiRoutes } from './api-routes.ts';
export { buildHandler } from './handler.ts';

/** Everything that commands and the server share: an open, migrated database and the verbs' dependencies. */
export interface Core {
  config: Config;
  clock: Clock;
  log: Logger;
  db: Db;
  secrets: Secrets;
  metrics: Metrics;
  forge: HookDeps;
  standings: Standings;
  callers: Callers;
  store: ArtifactStore;
  reconcile: ReconcileDeps;
  worker: Worker;
  gate: Gate;
  catalog: Catalog;
  webhooks: Webhooks;
  mails: Mails;
  /** Tokens of the links that stand in mails. */
  links: LinkTokens;
  payments: PaymentDeps;
  /** What takes in and works on what payment providers tell. */
  paymentEvents: PaymentEvents;
  addresses: AddressCounts;
  /** True: this start made the secret key, so the operator must be told to keep it. */
  madeSecretKey: boolean;
  close(): Promise<void>;
}

/** What tests put in place of the real thing. */
export interface CoreOptions {
  clock?: Clock;
  log?: Logger;
  /** Instead of the one that the configuration names; `close` closes it. */
  db?: Db;
  drivers?: Partial<ForgeDeps['drivers']>;
  gateways?: Readonly<Record<string, Gateway>>;
  store?: ArtifactStore;
}

/** Tags without a release of their own whose end is remembered, over all products. */
const MOST_SETTLED = 20_000;

export async function openCore(config: Config, options: CoreOptions = {}): Promise<Core> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? makeLogger({ level: config.logLevel });
  const sqliteFile = join(config.dataDir, 'feedgate.db');
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  // A database without its secret key is not to get another one.
  const mayCreate = config.databaseUrl === null && !existsSync(sqliteFile);
  const key = loadSecretKey(config.dataDir, config.secretKey, mayCreate);
  const { pepper, encryptionKey } = parseSecretKey(key.text);
  const secrets = makeSecrets(pepper, encryptionKey);
  const db = options.db ?? connect(config.databaseUrl, sqliteFile);
  const payments: PaymentDeps = {
    ...{ db, clock, secrets, publicUrl: config.publicUrl, apiBases: config.payments.apiBases },
    variables: config.payments.accounts,
    gateways: { ...gateways, ...options.gateways },
  };
  try {
    await migrate(db, migrations, toIso(clock()));
    await checkPepper(db, secrets.fingerprint);
    await takeVariables(payments);
  } catch (error) {
    await db.close();
    throw error;
  }
  const store = options.store ?? makeArtifactStore(join(config.dataDir, 'artifacts'));
  const drivers = { ...forgeDrivers, ...options.drivers };
  return compose({ config, clock, log, db, secrets, store, payments, madeSecretKey: key.created }, drivers);
}

type Ground = Pick<Core, 'config' | 'clock' | 'log' | 'db' | 'secrets' | 'store' | 'payments' | 'madeSecretKey'>;

function compose(ground: Ground, drivers: ForgeDeps['drivers']): Core {
  const { config, clock, log, db, secrets, store } = ground;
  const metrics = makeMetrics({ process: true });
  const cacheDir = join(config.dataDir, 'git');
  const forgeDeps: ForgeDeps = { db, secrets, drivers, cacheDir };
  const standings = makeStandings({
    ...{ forge: forgeDeps, siteAdmins: config.siteAdmins },
    onOwnerLost: ({ slug, owner }, why) =>
      log.warn({ organization: slug, owner, why }, 'nobody has a role by this owner any more: see feedgate doctor'),
  });
  const reconcileDeps: ReconcileDeps = {
    ...forgeDeps,
    clock,
    ingest: { store, formats: feedFormats, maxBytes: config.maxArtifactBytes, archiveLimits: ARCHIVE_LIMITS },
    feedUrls(product, platform) {
      const format = feedFormats.find((each) => each.platform === platform);
      const documents = format?.documents.filter((each) => each.kind === 'feed').map((each) => each.fileName) ?? [];
      return feedUrlsOf(db, config.publicUrl, product, documents);
    },
    pageOf: (product) => pageUrl(config.publicUrl, product),
    settled: makeCache(MOST_SETTLED),
  };
  const prefixes = makeKeyPrefixes(db);
  const lookup = makeLookup(db);
  const record = makeRecorder(db, { batch: (size, ms) => metrics.commit(size, ms / 1_000) });
  const gate = makeGate({ clock, secrets, keyPrefixes: prefixes.current, lookup, record });
  const catalog = makeCatalog(db);
  const bodies = makeBodies({ publicUrl: config.publicUrl, catalog });
  const bridge: BridgeDeps = { ...forgeDeps, clock, gate, bodies, formats: feedFormats };
  const worker = makeWorker({
    db,
    clock,
    handlers: {
      async [RECONCILE](job, lease) {
        await reconcile(reconcileDeps, job.subject, lease);
        const again = nextLook(job.payload);
        return again ? { again } : undefined;
      },
      [BRIDGE]: (job, lease) => writeBridge(bridge, job.subject, lease).then(() => undefined),
      [CHECK_PRICES]: (job) => checkPricesJob(ground.payments, job.subject).then(() => undefined),
      ...bulkJobs({ db, clock, onFailure: (err, license) => log.error({ err, license }, 'a license was not changed') }),
    },
    onFailure: (job, err, nextAt) =>
      log.warn({ err, job: job.kind, subject: job.subject, attempts: job.attempts, next_at: nextAt }, 'a job failed'),
    onDone: (job, ms) => metrics.job(job.kind, 'done', ms / 1_000),
  });
  const webhooks = makeWebhooks(ground, config.webhookAllowHosts);
  const paymentEvents = makePaymentEvents(ground.payments, { log, metrics });
  const mails = makeMails(ground, makeLinkTokens(secrets));
  return {
    ...ground,
    metrics,
    standings,
    callers: makeCallers({ db, secrets, publicUrl: config.publicUrl, standings }),
    forge: { ...forgeDeps, clock, publicUrl: config.publicUrl, onPeople: standings.forget },
    reconcile: reconcileDeps,
    worker,
    paymentEvents,
    ...{ gate, catalog, webhooks, mails, links: mails.links, addresses: makeAddressCounts() },
    async close() {
      await prefixes.stop();
      await worker.stop();
      await paymentEvents.worker.stop();
      for (const { sender } of [webhooks, mails]) await sender.stop();
      await db.close();
    },
  };
}

export interface Running {
  server: Server;
  /** Where it listens. */
  port: number;
  /** Ends what is under way, then everything. */
  stop(): Promise<void>;
}

/** Serves polls, downloads, hooks, the API and pages, and works the jobs. */
export async function serve(core: Core): Promise<Running> {
  const handler = buildHandler(core);
  const server = createServer(
    { keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 60_000, maxHeaderSize: 32_768 },
    handler,
  );
  const schedule = makeSchedule({
    db: core.db,
    clock: core.clock,
    sweepMinutes: core.config.sweepMinutes,
    chores: choresOf(core),
  });
  await core.store.sweep(60 * 60_000, core.clock());
  for (const { id, provider, mode } of await letVariablesGo(core.payments))
    core.log.warn({ account: id, provider, mode }, 'no variable names this payment account any more: it is off');
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, core.config)));
    server.listen(core.config.port, core.config.host, resolve);
  });
  core.worker.start();
  for (const { sender } of [core.webhooks, core.mails]) sender.start();
  core.paymentEvents.worker.start();
  schedule.start();
  return {
    server,
    port: (server.address() as { port: number }).port,
    async stop() {
      schedule.stop();
      await new Promise<void>((resolve) => {
        // What is busy now is idle in a moment, and would stay for as long as its client likes to keep it.
        const idle = setInterval(() => server.closeIdleConnections(), 50);
        server.close(() => {
          clearInterval(idle);
          resolve();
        });
        setTimeout(() => server.closeAllConnections(), 10_000).unref();
      });
      await core.close();
    },
  };
}
