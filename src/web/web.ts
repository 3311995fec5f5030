import type { IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import { makeReplyStore } from '../accounts/replies.ts';
import { findToken } from '../accounts/tokens.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { hookRouter } from '../forge/api-hooks.ts';
import type { HookDeps } from '../forge/hooks.ts';
import { makeFloodLimiter } from '../http/limits.ts';
import { type Logger, requestLog } from '../http/log.ts';
import { type Metrics, metricsHandler } from '../http/metrics.ts';
import { mountRoutes } from '../http/mount.ts';
import { trustedProxies } from '../http/network.ts';
import type { Route } from '../http/route.ts';
import type { Secrets } from '../secrets.ts';
import { healthRouter } from './health.ts';
import { kitRouter } from './kits.ts';
import { type PageDeps, pageRouter } from './product-page.ts';

export interface WebDeps extends PageDeps {
  config: { publicUrl: string; trustedProxies: readonly string[]; metricsToken: string | null };
  clock: Clock;
  db: Db;
  log: Logger;
  metrics: Metrics;
  secrets: Secrets;
  forge: HookDeps;
  /** Every route of `/api`. */
  routes: readonly Route[];
}

/** Everything but polls and downloads. */
export function makeWeb(deps: WebDeps): (req: IncomingMessage, res: ServerResponse) => void {
  const { config, db, secrets, log, metrics } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(requestLog(log, () => performance.now(), metrics.request));
  app.use(healthRouter(db));
  app.get('/metrics', metricsHandler(metrics, config.metricsToken));
  app.use(hookRouter(deps.forge));
  app.use(kitRouter(deps));
  app.use(pageRouter(deps));
  mountRoutes(app, deps.routes, {
    log,
    publicUrl: config.publicUrl,
    clock: deps.clock,
    findToken: (text, now) => findToken({ db, secrets }, text, now),
    replies: makeReplyStore(db),
    trusted: trustedProxies([...config.trustedProxies]),
    flood: makeFloodLimiter({ burst: 60, perSecond: 5, networks: 10_000 }),
  });
  return app;
}
