import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { expanded } from './fake-stripe-expand.ts';
import { type Form, parseForm, text, texts } from './fake-stripe-forms.ts';
import { routes } from './fake-stripe-routes.ts';
import { listOf } from './fake-stripe-shapes.ts';
import type { StripeWorld } from './fake-stripe-world.ts';

/**
 * `lost`: it is done, and the answer never arrives. `slow`: no answer at all. `drip`: a byte now and then, for ever. `cut`: the
 * connection ends within the body. `half-json`: JSON that stops though the length is right. `bare-404`, `bare-502`: JSON without
 * `error`. `wrong-object`: a fine answer about something else.
 */
export type StripeFault =
  | '401'
  | '403'
  | '409'
  | '429'
  | '500'
  | 'bare-404'
  | 'bare-502'
  | 'html'
  | 'empty'
  | 'cut'
  | 'half-json'
  | 'list'
  | 'wrong-object'
  | 'slow'
  | 'drip'
  | 'lost'
  | 'endless';

export interface FaultRule {
  fault: StripeFault;
  /** Against method and path, e.g. /^GET .v1.refunds/. Missing: every request. */
  on?: RegExp;
  /** How often it still happens; missing: for ever. */
  times?: number;
}

export interface SeenRequest {
  method: string;
  /** Without its query. */
  path: string;
  form: Form;
  headers: IncomingMessage['headers'];
}

export interface Call {
  world: StripeWorld;
  form: Form;
  /** What stands in the place of the `*` of the route. */
  id: string;
}

/** `list`: what a list is made of, newest first. */
export type Answer = { body: object } | { list: object[] } | { error: StripeFailure };

export interface StripeFailure {
  status: number;
  type: string;
  message: string;
  code?: string;
  param?: string;
}

export interface StripeServer {
  url: string;
  secretKey: string;
  faults: FaultRule[];
  requests: SeenRequest[];
  close(): Promise<void>;
}

export async function serve(world: StripeWorld, secretKey: string): Promise<StripeServer> {
  const state: Omit<StripeServer, 'url' | 'close'> = { secretKey, faults: [], requests: [] };
  const kept = new Map<string, { asked: string; status: number; body: string }>();
  const server = createServer((req, res) => {
    handle(world, state, kept, req, res).catch((error: unknown) => {
      // A mistake of the fake itself, and told as one.
      res.writeHead(500, { 'content-type': 'text/plain', 'stripe-should-retry': 'false' }).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

async function handle(
  world: StripeWorld,
  state: Omit<StripeServer, 'url' | 'close'>,
  kept: Map<string, { asked: string; status: number; body: string }>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://stripe');
  const raw = await readText(req);
  const method = req.method ?? 'GET';
  const form = parseForm(method === 'POST' ? raw : url.search.slice(1));
  state.requests.push({ method, path: url.pathname, form, headers: req.headers });
  const fault = faultFor(state.faults, `${method} ${url.pathname}`);
  if (fault && fault !== 'lost' && fault !== 'endless') return MISDEEDS[fault](res);
  if (req.headers.authorization !== `Bearer ${state.secretKey}`) return fail(res, UNAUTHORIZED);
  const key = method === 'POST' ? req.headers['idempotency-key'] : undefined;
  const asked = `${method} ${url.pathname} ${raw}`;
  const before = typeof key === 'string' ? kept.get(key) : undefined;
  if (before && before.asked !== asked) return fail(res, REUSED_KEY);
  const done = before ?? { asked, ...respond(world, method, url.pathname, form, fault === 'endless') };
  if (typeof key === 'string' && done.status < 500) kept.set(key, done);
  if (fault === 'lost') {
    res.destroy();
    return;
  }
  send(res, done.status, done.body, before ? { 'idempotent-replayed': 'true' } : {});
}

function faultFor(faults: FaultRule[], request: string): StripeFault | null {
  const rule = faults.find(({ on, times }) => times !== 0 && (on?.test(request) ?? true));
  if (!rule) return null;
  if (rule.times !== undefined) rule.times -= 1;
  return rule.fault;
}

function respond(
  world: StripeWorld,
  method: string,
  path: string,
  form: Form,
  endless: boolean,
): { status: number; body: string } {
  for (const [verb, pattern, run] of routes) {
    const id = verb === method ? match(pattern, path) : null;
    if (id === null) continue;
    const answer = run({ world, form, id });
    if ('error' in answer) return failure(answer.error);
    const body = 'list' in answer ? page(answer.list, path, form, endless) : answer.body;
    const whole = body && expanded(world, body, texts(form, 'expand'));
    return whole ? { status: 200, body: JSON.stringify(whole) } : failure(body ? TOO_DEEP : NO_CURSOR);
  }
  return failure({
    status: 404,
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${path})`,
  });
}

function match(pattern: string, path: string): string | null {
  const expected = pattern.split('/');
  const parts = path.split('/');
  if (expected.length !== parts.length) return null;
  const fits = expected.every((part, at) => part === '*' || part === parts[at]);
  return fits ? (parts[expected.indexOf('*')] ?? '') : null;
}

const DEFAULT_LIMIT = 10;

function page(all: object[], path: string, form: Form, endless: boolean): object | null {
  const after = text(form, 'starting_after');
  const limit = Number(text(form, 'limit') ?? DEFAULT_LIMIT);
  const at = after === undefined ? -1 : all.findIndex((one) => (one as { id: string }).id === after);
  if (after !== undefined && at < 0) return null;
  const data = all.slice(at + 1, at + 1 + limit);
  return { ...listOf(data, path), has_more: endless || at + 1 + limit < all.length };
}

const UNAUTHORIZED = {
  status: 401,
  type: 'invalid_request_error',
  message: 'Invalid API Key provided: sk_test_***fake',
};
const TOO_DEEP = { status: 400, type: 'invalid_request_error', message: 'You cannot expand more than 4 levels' };
const NO_CURSOR = {
  status: 404,
  type: 'invalid_request_error',
  code: 'resource_missing',
  param: 'starting_after',
  message: 'No such object',
};
const REUSED_KEY = {
  status: 400,
  type: 'idempotency_error',
  message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.',
};

function failure({ status, ...error }: StripeFailure): { status: number; body: string } {
  return { status, body: JSON.stringify({ error }) };
}

function fail(res: ServerResponse, error: StripeFailure): void {
  const { status, body } = failure(error);
  send(res, status, body);
}

/** `stripe-should-retry: false` keeps the SDK from waiting and trying again. */
function send(res: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  res
    .writeHead(status, {
      'content-type': 'application/json',
      'request-id': 'req_fake',
      'stripe-should-retry': 'false',
      ...headers,
    })
    .end(body);
}

type Misdeed = (res: ServerResponse) => void;
const JSON_200 = { 'content-type': 'application/json', 'stripe-should-retry': 'false' };

function failing(status: number, type: string, message: string): Misdeed {
  return (res) => fail(res, { status, type, message });
}

function answering(status: number, body: string): Misdeed {
  return (res) => send(res, status, body);
}

const MISDEEDS: Record<Exclude<StripeFault, 'lost' | 'endless'>, Misdeed> = {
  '401': (res) => fail(res, UNAUTHORIZED),
  '403': failing(
    403,
    'invalid_request_error',
    'The provided key does not have the required permissions; rak_customer_write would do',
  ),
  '409': failing(409, 'idempotency_error', 'There is currently another in-progress request using this key'),
  '429'(res) {
    res.setHeader('retry-after', '7');
    fail(res, { status: 429, type: 'rate_limit_error', message: 'Too many requests' });
  },
  '500': failing(500, 'api_error', 'An unknown error occurred'),
  'bare-404': answering(404, '{"message": "not here"}'),
  'bare-502': answering(502, '{"msg": "bad gateway"}'),
  html(res) {
    res.writeHead(200, { ...JSON_200, 'content-type': 'text/html' }).end('<html>sign in</html>');
  },
  empty: answering(200, ''),
  list: answering(200, '[]'),
  'wrong-object': answering(200, '{"id": "prod_1", "object": "something_else"}'),
  'half-json': answering(200, '{"id": "cs_1", "object": "checkout.ses'),
  cut(res) {
    res.writeHead(200, { ...JSON_200, 'content-length': '1000' });
    res.write('{"id": "cs_1"', () => res.destroy());
  },
  slow: () => undefined,
  drip(res) {
    res.writeHead(200, JSON_200);
    const drops = setInterval(() => res.write(' '), 10);
    res.on('close', () => clearInterval(drops));
  },
};
