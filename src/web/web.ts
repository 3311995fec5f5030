import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type RequestHandler } from 'express';
import type { Standings } from '../accounts/people-roles.ts';
import { makeReplyStore } from '../accounts/replies.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { HookDeps } from '../forge/hooks.ts';
import type { Callers } from '../http/actor.ts';
import { makeFloodLimiter } from '../http/limits.ts';
import { type Logger, requestLog } from '../http/log.ts';
import { type Metrics, metricsHandler } from '../http/metrics.ts';
import { mountRoutes } from '../http/mount.ts';
import type { TrustedProxies } from '../http/network.ts';
import type { Route } from '../http/route.ts';
import { isSellersOrigin } from '../payments/offers.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import type { Secrets } from '../secrets.ts';
import { faultPage } from './fault-page.ts';
import { securityHeaders } from './headers.ts';
import { healthRouter } from './health.ts';
import { kitRouter } from './kits.ts';
import { loginRouter } from './login.ts';
import { mailStopRouter } from './mail-stop.ts';
import { notFoundPage } from './not-found.ts';
import { problemRouter } from './problem-pages.ts';
import { type PageDeps, pageRouter } from './product-page.ts';
import { type ShopPageDeps, shopRouter } from './shop.ts';

/** Beginnings of a sign-in from one network: each is a row until it is over. */
const SIGN_INS = { burst: 60, perSecond: 1, networks: 10_000 };

export interface WebDeps extends PageDeps, ShopPageDeps {
  config: { publicUrl: string; metricsToken: string | null };
  clock: Clock;
  db: Db;
  log: Logger;
  metrics: Metrics;
  secrets: Secrets;
  callers: Callers;
  forge: HookDeps;
  standings: Standings;
  links: LinkTokens;
  trusted: TrustedProxies;
  /** Take what forges and payment providers deliver. */
  hooks: RequestHandler[];
  /** Every route of `/api`. */
  routes: readonly Route[];
}

/** Everything but polls and downloads. */
export function makeWeb(deps: WebDeps): (req: IncomingMessage, res: ServerResponse) => void {
  const { config, db, log, metrics, trusted } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(requestLog(log, () => performance.now(), metrics.request));
  app.use(securityHeaders);
  app.use(healthRouter(db));
  app.get('/metrics', metricsHandler(metrics, config.metricsToken));
  app.use(deps.hooks);
  app.use(kitRouter(deps));
  app.use(problemRouter());
  app.use(
    loginRouter({
      ...deps,
      trusted,
      flood: makeFloodLimiter(SIGN_INS),
      session: { ...deps, publicUrl: config.publicUrl },
    }),
  );
  app.use(mailStopRouter(deps));
  app.use(shopRouter(deps));
  app.use(pageRouter(deps));
  mountRoutes(app, deps.routes, {
    log,
    publicUrl: config.publicUrl,
    clock: deps.clock,
    callers: deps.callers,
    replies: makeReplyStore(db),
    trusted,
    flood: makeFloodLimiter({ burst: 60, perSecond: 5, networks: 10_000 }),
    isSellersOrigin: (origin) => isSellersOrigin(db, origin),
  });
  app.use(notFoundPage);
  app.use(faultPage(log));
  return app;
}
