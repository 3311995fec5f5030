import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { Problem, problem } from '../errors.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from '../http/network.ts';
import { type ProblemDeps, problemHandler } from '../http/problem.ts';
import { markRoute, requestIdOf } from '../http/request-facts.ts';
import type { Gateway } from './gateway.ts';
import { hookedOrganization, noteTooLarge } from './hook-places.ts';
import type { CountEvent, Inbox } from './inbox.ts';

export interface PaymentHookDeps extends ProblemDeps {
  db: Db;
  clock: Clock;
  gateways: Readonly<Record<string, Gateway>>;
  inbox: Pick<Inbox, 'receive'>;
  count: CountEvent;
  trusted: TrustedProxies;
  /** Bites on deliveries that are not genuine only: what is signed is never refused for its network. */
  flood: FloodLimiter;
}

/** Of the inflated body. The largest events of providers have a few dozen kB. */
const MAX_BYTES = 2 ** 20;
const readRaw = express.raw({ type: () => true, limit: MAX_BYTES });

/**
 * `POST /api/{provider}/webhook` for the first organization and `/api/{provider}/webhook/{org}` for each: raw bytes in, 200 out once
 * the event is committed. Stands before whatever reads bodies.
 */
export function paymentHookRouter(deps: PaymentHookDeps): Router {
  const router = express.Router();
  for (const provider of Object.keys(deps.gateways)) {
    const paths = [`/api/${provider}/webhook`, `/api/${provider}/webhook/:org`];
    router.post(paths, mark(provider), admit(deps, provider), readBody(deps), (req, res) =>
      answer(deps, provider, req, res),
    );
    router.all(paths, mark(provider), (_req, res) => {
      res.setHeader('Allow', 'POST');
      throw problem('METHOD_NOT_ALLOWED', 'the payment provider sends its events here, by POST');
    });
    router.use(paths, problemHandler(deps));
  }
  return router;
}

function mark(provider: string): RequestHandler {
  return (req, res, next) => {
    markRoute(res, `/api/${provider}/webhook${req.params['org'] === undefined ? '' : '/{org}'}`);
    next();
  };
}

/** Nobody who names no organization of ours makes us read a body. */
function admit({ db }: PaymentHookDeps, provider: string): RequestHandler {
  return async (req, res, next) => {
    const slug = req.params['org'];
    res.locals['place'] = await hookedOrganization(db, slug === undefined ? null : String(slug), provider);
    next();
  };
}

function placeOf(res: Response): { organizationId: string; provider: string } {
  return res.locals['place'] as { organizationId: string; provider: string };
}

function readBody(deps: PaymentHookDeps): RequestHandler {
  return (req, res, next) => {
    readRaw(req, res, (error?: unknown) => {
      if (error === undefined) return next();
      refuseBody(deps, req, res, error).then(next, next);
    });
  };
}

/** A provider sends what is too large again for days, so that the vendor must hear of it; anybody could, so not too often. */
async function refuseBody(deps: PaymentHookDeps, req: Request, res: Response, error: unknown): Promise<Problem> {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  if (status !== 413) return problem('INVALID_REQUEST', 'the body did not arrive whole');
  const { provider, organizationId } = placeOf(res);
  deps.count(provider, 'too_large');
  deps.log.warn({ provider, organization: organizationId }, 'a delivery of a payment provider was too large');
  const now = deps.clock();
  if (deps.flood.take(networkOf(clientAddress(req, deps.trusted)), now).allowed)
    await noteTooLarge(deps.db, placeOf(res), MAX_BYTES, now);
  return problem('BODY_TOO_LARGE', 'a delivery may weigh at most 1 MB');
}

async function answer(deps: PaymentHookDeps, provider: string, req: Request, res: Response): Promise<void> {
  const raw = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const { organizationId } = placeOf(res);
  const { inbox, log } = deps;
  const requestId = requestIdOf(req, res);
  try {
    const delivery = { organizationId, provider, raw, headers: req.headers, via: 'webhook' as const };
    const { id, eventId, type, outcome } = await inbox.receive(delivery);
    log.info({ request_id: requestId, event: id, provider_event: eventId, type, outcome }, 'a payment event came in');
    res.json({ received: true, id, outcome });
  } catch (error) {
    throw flooded(deps, req, error);
  }
}

/** Who keeps on failing gets less and less for it. */
function flooded({ flood, trusted, clock }: PaymentHookDeps, req: Request, error: unknown): unknown {
  if (!(error instanceof Problem) || error.status >= 500) return error;
  const { allowed, retryAfterSeconds } = flood.take(networkOf(clientAddress(req, trusted)), clock());
  return allowed ? error : problem('RATE_LIMITED', undefined, { retryAfterSeconds });
}
