import type { RequestHandler } from 'express';
import { feedFormats } from '../feeds/index.ts';
import { apiRoutes } from './api-routes.ts';
import type { Core } from './app.ts';
import { toIso } from './clock.ts';
import { hookRouter } from './forge/api-hooks.ts';
import { sideOfRepository } from './forge/connections.ts';
import { makeFloodLimiter } from './http/limits.ts';
import { type TrustedProxies, trustedProxies } from './http/network.ts';
import { paymentHookRouter } from './payments/api-payment-hooks.ts';
import { paymentKeyRouter } from './payments/api-payment-keys.ts';
import { shopEventRouter } from './payments/api-shop-events.ts';
import { healRelease, makeFill } from './releases/artifacts.ts';
import { makeDownload } from './updates/download.ts';
import { makeServe } from './updates/serve.ts';
import { makeWeb } from './web/web.ts';

/** Deliveries from one network that no payment provider has signed. */
const FALSE_PAYMENTS = { burst: 60, perSecond: 1, networks: 10_000 };

/** Polls and downloads go round the framework; everything else goes through it. */
export function buildHandler(
  core: Core,
): (req: Parameters<ReturnType<typeof makeServe>>[0], res: Parameters<ReturnType<typeof makeServe>>[1]) => void {
  const { config, gate, catalog, metrics, log } = core;
  const count = (document: string, code: string) =>
    metrics.poll(code === 'UNKNOWN_PRODUCT' ? 'unknown' : document, code);
  const onError = (err: unknown, where: string) => log.error({ err }, `${where} could not be answered as it should`);
  const shared = { publicUrl: config.publicUrl, formats: feedFormats, gate, catalog, count, onError };
  const fill = makeFill({
    store: core.store,
    maxBytes: config.maxArtifactBytes,
    sideOf: async ({ repositoryId }) => (repositoryId === null ? null : sideOfRepository(core.forge, repositoryId)),
    clock: core.clock,
    onLost: (artifact, product) => healRelease(core, artifact, product),
  });
  const onAddress = (productId: string, path: string) => core.addresses.note(productId, path, toIso(core.clock()));
  const poll = makeServe({ ...shared, onAddress, download: makeDownload({ ...shared, fill }) });
  const trusted = trustedProxies([...config.trustedProxies]);
  const hooks = [hookRouter({ ...core.forge, log }), paymentHooks(core, trusted), ...shopDoors(core, trusted)];
  const web = makeWeb({ ...core, trusted, formats: feedFormats, hooks, routes: apiRoutes(core) });
  return (req, res) => {
    if (!poll(req, res)) web(req, res);
  };
}

function paymentHooks({ log, metrics, payments, paymentEvents }: Core, trusted: TrustedProxies) {
  const flood = makeFloodLimiter(FALSE_PAYMENTS);
  return paymentHookRouter({ ...payments, ...paymentEvents, log, count: metrics.paymentEvent, trusted, flood });
}

/** What shops of another kind call: they tell of their orders, or ask for keys. */
function shopDoors({ log, payments, paymentEvents, config, callers }: Core, trusted: TrustedProxies): RequestHandler[] {
  const flood = makeFloodLimiter(FALSE_PAYMENTS);
  const deps = { ...payments, ...paymentEvents, log, trusted, flood, callers, publicUrl: config.publicUrl };
  return [shopEventRouter(deps), paymentKeyRouter(deps)];
}
