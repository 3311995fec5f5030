import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { Problem, problem } from '../errors.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from '../http/network.ts';
import { type ProblemDeps, problemHandler } from '../http/problem.ts';
import { markRoute, requestIdOf } from '../http/request-facts.ts';
import { type HookPlace, hookedAccount, hookedOrganization } from './hook-places.ts';
import type { Inbox } from './inbox.ts';

export interface ShopEventDeps extends ProblemDeps {
  db: Db;
  clock: Clock;
  inbox: Pick<Inbox, 'receive'>;
  trusted: TrustedProxies;
  /** Bites on events that are refused only. */
  flood: FloodLimiter;
}

const PROVIDER = 'shop';
const PATH = '/api/v1/payments/events';
const MAX_BYTES = 256 * 1024;
const readRaw = express.raw({ type: () => true, limit: MAX_BYTES, inflate: false });

/**
 * `POST /api/v1/payments/events`: what a shop of another kind tells of an order, signed as Standard Webhooks are; 202 once it is
 * stored. `?account=pac_…` names whose it is, `/api/v1/payments/events/{org}` an organization; else it is the first one's.
 */
export function shopEventRouter(deps: ShopEventDeps): Router {
  const router = express.Router();
  const paths = [PATH, `${PATH}/:org`];
  router.post(paths, mark, admit(deps), readBody, (req, res) => answer(deps, req, res));
  router.all(PATH, mark, (_req, res) => {
    res.setHeader('Allow', 'POST');
    throw problem('METHOD_NOT_ALLOWED', 'a shop sends its events here, by POST');
  });
  router.use(paths, problemHandler(deps));
  return router;
}

const mark: RequestHandler = (req, res, next) => {
  markRoute(res, req.params['org'] === undefined ? PATH : `${PATH}/{org}`);
  next();
};

/** Nobody who names no account of ours makes us read a body. */
function admit({ db }: ShopEventDeps): RequestHandler {
  return async (req, res, next) => {
    const at = req.originalUrl.indexOf('?');
    const account = new URLSearchParams(at < 0 ? '' : req.originalUrl.slice(at + 1)).get('account');
    const org = req.params['org'];
    const slug = org === undefined ? null : String(org);
    res.locals['place'] =
      account === null ? await hookedOrganization(db, slug, PROVIDER) : await hookedAccount(db, account, PROVIDER);
    next();
  };
}

const readBody: RequestHandler = (req, res, next) => {
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
    throw problem('UNSUPPORTED_MEDIA_TYPE', 'send the event as application/json');
  readRaw(req, res, (error?: unknown) => next(error === undefined ? undefined : bodyProblem(error)));
};

function bodyProblem(error: unknown): Problem {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  if (status === 413) return problem('BODY_TOO_LARGE', `an event may weigh at most ${MAX_BYTES / 1024} kB`);
  if (status === 415) return problem('UNSUPPORTED_MEDIA_TYPE', 'a compressed body is not read');
  return problem('INVALID_REQUEST', 'the body did not arrive whole');
}

async function answer(deps: ShopEventDeps, req: Request, res: Response): Promise<void> {
  const raw = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const place = res.locals['place'] as HookPlace;
  const { inbox, log, flood, trusted, clock } = deps;
  try {
    const received = await inbox.receive({ ...place, raw, headers: req.headers, via: 'shop' });
    const { id, eventId, type, outcome } = received;
    log.info({ request_id: requestIdOf(req, res), event: id, shop_event: eventId, type, outcome }, 'a shop told us');
    res.status(202).json({ received: true, id, outcome });
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    const { allowed, retryAfterSeconds } = flood.take(networkOf(clientAddress(req, trusted)), clock());
    throw allowed ? error : problem('RATE_LIMITED', undefined, { retryAfterSeconds });
  }
}
