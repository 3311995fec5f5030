import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Actor } from '../accounts/actor.ts';
import type { Clock } from '../clock.ts';
import { Problem, problem } from '../errors.ts';
import { type Callers, callerOf } from '../http/actor.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from '../http/network.ts';
import { asProblem, logTrouble, type ProblemDeps, problemHeaders } from '../http/problem.ts';
import { redactKeys } from '../http/redact.ts';
import { markRoute, requestIdOf } from '../http/request-facts.ts';
import { type GiveKeysDeps, giveKeys, type KeyPlace, keyPlaceOf, requireSeller, signerOf } from './give-keys.ts';
import { type KeyOptions, readKeyOptions, readKeyWish } from './key-request.ts';

export interface PaymentKeyDeps extends GiveKeysDeps, Pick<ProblemDeps, 'log'> {
  clock: Clock;
  callers: Callers;
  trusted: TrustedProxies;
  /** Bites on requests that prove nothing only. */
  flood: FloodLimiter;
}

const PATH = '/api/v1/payments/keys';
const MAX_BYTES = 64 * 1024;
const readRaw = express.raw({ type: () => true, limit: MAX_BYTES, inflate: false });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * `POST /api/v1/payments/keys/{account or organization}`: the order as a form or as JSON in, and as plain text out the key or keys, one
 * a line, and nothing else. What is wrong is told by the status and in headers: whatever stands in the body is mailed as a key.
 */
export function paymentKeyRouter(deps: PaymentKeyDeps): Router {
  const router = express.Router();
  router.post(`${PATH}/:place`, mark, admit(deps), readBody, (req, res) => answer(deps, req, res));
  router.all([PATH, `${PATH}/:place`], (req, res) => {
    if (req.method === 'POST') throw problem('NOT_FOUND', 'the address names no account');
    res.setHeader('Allow', 'POST');
    throw problem('METHOD_NOT_ALLOWED', 'a shop asks for keys by POST');
  });
  router.use(PATH, emptyOnError(deps));
  return router;
}

const mark: RequestHandler = (_req, res, next) => {
  markRoute(res, `${PATH}/{place}`);
  next();
};

interface Admitted {
  place: KeyPlace;
  options: KeyOptions;
  actor: Actor;
  /** Everything that comes this way is a test. */
  test: boolean;
}

/** Nobody who proves nothing makes us read a body. */
function admit(deps: PaymentKeyDeps): RequestHandler {
  return async (req, res, next) => {
    try {
      const at = req.originalUrl.indexOf('?');
      const query = new URLSearchParams(at < 0 ? '' : req.originalUrl.slice(at + 1));
      const options = readKeyOptions(query);
      if (!options.ok) throw problem('INVALID_REQUEST', options.detail);
      const signature = query.get('sig');
      const { authorization } = req.headers;
      if (signature === null && authorization === undefined)
        throw problem('UNAUTHENTICATED', 'the address is not signed, and no token came along');
      const place = await keyPlaceOf(deps, String(req.params['place']));
      const who =
        signature === null
          ? { actor: await sellerOf(deps, authorization, place), test: isTestPlace(place) }
          : signerOf(deps, place, options.value, signature);
      res.locals['admitted'] = { place, options: options.value, ...who } satisfies Admitted;
    } catch (error) {
      throw flooded(deps, req, error);
    }
    next();
  };
}

function isTestPlace({ accounts }: KeyPlace): boolean {
  return accounts.length > 0 && accounts.every(({ mode }) => mode === 'test');
}

/** The token stands behind the word Bearer, or is the password of Basic, whatever the name. */
async function sellerOf(deps: PaymentKeyDeps, authorization = '', place: KeyPlace): Promise<Actor> {
  const basic = /^basic +([\w+/=-]+) *$/i.exec(authorization)?.[1];
  const given = basic === undefined ? authorization : `Bearer ${passwordOf(basic)}`;
  const facts = { cookie: undefined, method: 'POST', origin: undefined, fetchSite: undefined };
  const caller = await callerOf(given, facts, deps.clock(), deps.callers);
  if (caller.kind !== 'token') throw problem('UNAUTHENTICATED', 'send an API token');
  requireSeller(caller.actor, place);
  return caller.actor;
}

function passwordOf(basic: string): string {
  const text = Buffer.from(basic, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}

/** Who keeps on failing gets less and less for it. */
function flooded({ flood, trusted, clock }: PaymentKeyDeps, req: Request, error: unknown): unknown {
  if (!(error instanceof Problem) || ![401, 404].includes(error.status)) return error;
  const { allowed, retryAfterSeconds } = flood.take(networkOf(clientAddress(req, trusted)), clock());
  return allowed ? error : problem('RATE_LIMITED', undefined, { retryAfterSeconds });
}

const readBody: RequestHandler = (req, res, next) => {
  readRaw(req, res, (error?: unknown) => next(error === undefined ? undefined : bodyProblem(error)));
};

function bodyProblem(error: unknown): Problem {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  if (status === 413) return problem('BODY_TOO_LARGE', `a request may weigh at most ${MAX_BYTES / 1024} kB`);
  if (status === 415) return problem('UNSUPPORTED_MEDIA_TYPE', 'a compressed body is not read');
  return problem('INVALID_REQUEST', 'the body did not arrive whole');
}

async function answer(deps: PaymentKeyDeps, req: Request, res: Response): Promise<void> {
  const { place, options, actor, test } = res.locals['admitted'] as Admitted;
  const wish = readKeyWish(fieldsOf(req), options);
  if (!wish.ok) throw problem('INVALID_REQUEST', wish.detail);
  const by = { actor, requestId: requestIdOf(req, res), now: deps.clock() };
  const keys = await giveKeys(deps, place, options, { ...wish.value, test: test || wish.value.test }, by);
  send(res, 200, keys.join('\n'));
}

/** A form, or JSON with plain values. */
function fieldsOf(req: Request): Record<string, unknown> {
  const raw = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const type = req.headers['content-type'] ?? '';
  const text = textOf(raw);
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return Object.fromEntries(firstOfEach(text));
  if (!/^application\/json\b/i.test(type))
    throw problem('UNSUPPORTED_MEDIA_TYPE', 'send application/x-www-form-urlencoded or application/json');
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw problem('INVALID_REQUEST', 'the body is no JSON object');
}

function textOf(raw: Buffer): string {
  try {
    return utf8.decode(raw);
  } catch {
    throw problem('INVALID_REQUEST', 'the body is not UTF-8');
  }
}

function firstOfEach(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) if (!values.has(name)) values.set(name, value);
  return values;
}

/** The last handler: no word of an error is ever in a body. */
function emptyOnError(deps: PaymentKeyDeps): express.ErrorRequestHandler {
  return (error, req, res, _next) => {
    const requestId = requestIdOf(req, res);
    logTrouble(deps.log, error, requestId);
    if (res.headersSent) return void res.destroy();
    const found = asProblem(error);
    const detail = redactKeys(found.message);
    if (found.status < 500)
      deps.log.warn({ request_id: requestId, code: found.code, detail }, 'a shop that asked for a key was refused');
    for (const [name, value] of Object.entries(problemHeaders(found, true))) res.setHeader(name, value);
    res.setHeader('X-Feedgate-Code', found.code);
    res.setHeader('X-Feedgate-Detail', detail.replace(/[^\x20-\x7e]/g, '?').slice(0, 500));
    send(res, found.status, '');
  };
}

function send(res: Response, status: number, text: string): void {
  res.statusCode = status;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('Cache-Control', 'private, no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.end(text);
}
