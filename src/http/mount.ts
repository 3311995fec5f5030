import type { Request, Response, Router } from 'express';
import { Problem, problem } from '../errors.ts';
import { actorAt, type Caller, type Callers, callerOf, type RouteRole, requireAccess } from './actor.ts';
import { type Reply, sendReply } from './answer.ts';
import { crossOrigin } from './cross-origin.ts';
import { type ReplyStore, readIdempotencyKey, runOnce } from './idempotency.ts';
import { type RawInput, readInput } from './input.ts';
import type { FloodLimiter } from './limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from './network.ts';
import { PROBLEM_TYPE, type ProblemDeps, problemBody, problemHandler, problemHeaders } from './problem.ts';
import { markRoute, requestIdOf } from './request-facts.ts';
import type { Context, Route } from './route.ts';
import { withoutSecrets } from './secret-fields.ts';
import { isStreamAnswer, type StreamReply, sendStream } from './stream.ts';

export interface MountDeps extends ProblemDeps {
  clock: () => number;
  callers: Callers;
  replies: ReplyStore;
  trusted: TrustedProxies;
  /** Bites on requests whose token was not found only: a known one is never refused for its network. */
  flood: FloodLimiter;
  /** Whether pages of an origin may ask the routes that are for them; missing: none may. */
  isSellersOrigin?(origin: string): Promise<boolean>;
}

/**
 * Puts all routes on the router, with what every one of them needs: request id, token and scope, checked input, problem+json,
 * ETag, Idempotency-Key; then 405 and 404 for the rest of `/api`, and the error handler. Called once, with all routes.
 */
export function mountRoutes(router: Router, routes: readonly Route[], deps: MountDeps): void {
  refuseTwins(routes);
  for (const route of [...routes].sort(fixedFirst)) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    if (route.crossOrigin) router.use(path, crossOrigin(route, deps));
    router[route.method](path, (req, res) => serve(route, req, res, deps));
  }
  router.use('/api', noRoute(routes));
  router.use('/api', problemHandler(deps));
}

async function serve(route: Route, req: Request, res: Response, deps: MountDeps): Promise<void> {
  markRoute(res, route.path);
  const now = deps.clock();
  const network = networkOf(clientAddress(req, deps.trusted));
  const caller = route.role === null ? null : await knownCaller(route, route.role, req, network, now, deps);
  const { input, fingerprint } = await readInput(req, res, route);
  const actor = caller && (await placedActor(route, caller, input, now, deps));
  const idempotencyKey = route.method === 'post' && actor ? keyOf(req) : null;
  const ifMatch = route.conditional ? (req.get('if-match') ?? null) : null;
  const person = caller?.kind === 'person' ? caller.person : null;
  const origin = req.headers.origin ?? null;
  const request = { requestId: requestIdOf(req, res), now, network, origin };
  const context: Context = { ...request, actor, person, idempotencyKey, ifMatch };
  if (idempotencyKey === null || !actor) {
    const reply = await handle(route, input, context);
    return 'stream' in reply ? sendStream(req, res, reply) : sendReply(req, res, reply, deps.publicUrl);
  }
  const { reply, replayed } = await runOnce({
    store: deps.replies,
    slot: { tokenId: actor.id, route: route.operationId, key: idempotencyKey, fingerprint },
    now,
    run: () => handleOrRefuse(route, input, context, deps),
    toStore: (done) => ({ ...done, body: withoutSecrets(done.body, route.secretFields) }),
    onStoreTrouble: (err) => deps.log.error({ err, request_id: context.requestId }, 'a reply could not be kept'),
  });
  if (!replayed) return sendReply(req, res, reply, deps.publicUrl);
  const body = route.refill && reply.status < 300 ? await route.refill(reply.body, context) : reply.body;
  const headers = { ...reply.headers, 'Idempotent-Replayed': 'true' };
  sendReply(req, res, { ...reply, headers, body }, deps.publicUrl);
}

function keyOf(req: Request): string | null {
  return readIdempotencyKey(req.headersDistinct['idempotency-key']);
}

async function knownCaller(
  { scope }: Route,
  role: RouteRole,
  req: Request,
  network: string,
  now: number,
  deps: MountDeps,
): Promise<Caller> {
  try {
    const { authorization, cookie, origin } = req.headers;
    const facts = { cookie, method: req.method, origin, fetchSite: req.get('sec-fetch-site') };
    const caller = await callerOf(authorization, facts, now, deps.callers);
    requireAccess(caller, scope, role);
    return caller;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'UNAUTHENTICATED') throw error;
    const { allowed, retryAfterSeconds } = deps.flood.take(network, now);
    throw allowed ? error : problem('RATE_LIMITED', undefined, { retryAfterSeconds });
  }
}

function placedActor(route: Route, caller: Caller, { params }: RawInput, now: number, { callers }: MountDeps) {
  const { role, path, method } = route;
  return actorAt(caller, { role: role as RouteRole, path, isWrite: method !== 'get' }, params, now, callers);
}

/** Runs the handler and holds its answer to the route's schema: what is not declared does not get out. */
async function handle(route: Route, input: RawInput, context: Context): Promise<Reply | StreamReply> {
  const { status, body, stream, headers = {} } = await route.handler(input, context);
  const schema = route.answers[status];
  if (schema === undefined) throw new Error(`${route.operationId} answered ${status}, which it does not declare`);
  if (isStreamAnswer(schema)) {
    if (stream && schema.contentTypes.includes(stream.contentType)) return { status, headers, stream };
    throw new Error(`${route.operationId} answered ${stream?.contentType}, which it does not declare`);
  }
  return { status, headers, body: schema === null ? undefined : schema.parse(body) };
}

/** A refusal is a reply too, and is repeated as such. */
async function handleOrRefuse(route: Route, input: RawInput, context: Context, deps: MountDeps): Promise<Reply> {
  try {
    // Only a GET answers with a stream, and no GET is run once only.
    return (await handle(route, input, context)) as Reply;
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    const headers = { ...problemHeaders(error, true), 'Content-Type': PROBLEM_TYPE };
    return { status: error.status, headers, body: problemBody(error, context.requestId, deps.publicUrl) };
  }
}

/** Answers 405 with what the address does take, else 404. */
function noRoute(routes: readonly Route[]) {
  const patterns = routes.map(({ path, method }) => ({ method, matches: pathPattern(path) }));
  return (req: Request, res: Response): never => {
    const path = `${req.baseUrl}${req.path}`;
    const methods = patterns.filter(({ matches }) => matches.test(path)).map(({ method }) => method.toUpperCase());
    if (methods.length === 0) throw problem('NOT_FOUND', 'there is nothing at this address');
    const allowed = new Set(methods.includes('GET') ? ['HEAD', ...methods] : methods);
    res.setHeader('Allow', [...allowed].sort().join(', '));
    throw problem('METHOD_NOT_ALLOWED', `this address takes ${[...allowed].sort().join(', ')}`);
  };
}

function pathPattern(path: string): RegExp {
  const source = path
    .split('/')
    .map((segment) => (isParameter(segment) ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}/?$`, 'i');
}

function isParameter(segment: string): boolean {
  return /^\{\w+\}$/.test(segment);
}

/** `/licenses/search` must be asked before `/licenses/{id}`, in whatever order they were written. */
function fixedFirst(a: Route, b: Route): number {
  const shape = ({ path }: Route) =>
    path
      .split('/')
      .map((segment) => (isParameter(segment) ? '1' : '0'))
      .join('');
  return shape(a) < shape(b) ? -1 : shape(a) > shape(b) ? 1 : 0;
}

function refuseTwins(routes: readonly Route[]): void {
  const seen = new Set<string>();
  for (const { method, path, operationId } of routes) {
    for (const name of [`${method} ${path.replace(/\{\w+\}/g, '{}')}`, operationId]) {
      if (seen.has(name)) throw new Error(`two routes claim ${name}`);
      seen.add(name);
    }
  }
}
