import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What went wrong with an answer:
 * `500` and `502`: a broken server; `html`: a sign-in page with 200; `slow`: never any answer; `stall`: silence in the middle of a
 * body; `half`: the connection ends in the middle of a body; `cut-json`: JSON that stops though the length is right;
 * `endless`: every page of a list is full and there is no total; `bad-entry`: a list has one entry without an id;
 * `foreign-redirect`: to the other host; `redirect-loop`; `rate-limit`: 429 with Retry-After 2; `revoked`: 401; `forbidden`: 403; `missing`: 404.
 */
export type FakeFault =
  | '500'
  | '502'
  | 'html'
  | 'slow'
  | 'stall'
  | 'half'
  | 'cut-json'
  | 'endless'
  | 'bad-entry'
  | 'foreign-redirect'
  | 'redirect-loop'
  | 'rate-limit'
  | 'revoked'
  | 'forbidden'
  | 'missing';

export interface FaultRule {
  fault: FakeFault;
  /** Tested against path and query; missing: every request. */
  path: RegExp;
  /** How often it still happens. */
  left: number;
}

export interface FakeRequest {
  host: 'forge' | 'store' | 'elsewhere';
  method: string;
  /** As sent, with query. */
  path: string;
  url: URL;
  /** Decoded segments of the path. */
  segments: string[];
  headers: IncomingMessage['headers'];
  body: string;
  /** The token of an Authorization header, without its first word. */
  token: string | null;
}

export interface FakeAnswer {
  status: number;
  headers?: Record<string, string>;
  /** An object or list is sent as JSON. */
  body?: unknown;
}

export interface FakeHost {
  url: string;
  close(): Promise<void>;
}

/** A server on a free port of 127.0.0.1 that hands each request, read whole, to `answer`. */
export async function openHost(
  host: FakeRequest['host'],
  answer: (request: FakeRequest, res: ServerResponse) => Promise<FakeAnswer | null>,
): Promise<FakeHost> {
  const server = createServer((req, res) => {
    void serve(host, req, res, answer);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${portOf(server)}`, close: () => closeServer(server) };
}

function writeAnswer(res: ServerResponse, answer: FakeAnswer): void {
  const { status, headers = {}, body } = answer;
  const isBytes = body instanceof Uint8Array || typeof body === 'string';
  const bytes = isBytes ? Buffer.from(body) : Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const type = isBytes ? 'application/octet-stream' : 'application/json;charset=utf-8';
  const length = status === 204 ? {} : { 'content-length': String(bytes.length), 'content-type': type };
  res.writeHead(status, { ...length, ...headers }).end(status === 204 ? undefined : bytes);
}

/** Spoils an answer; false where the fault is one that the dialect itself plays (lists). */
export function writeFault(
  res: ServerResponse,
  fault: FakeFault,
  answer: FakeAnswer,
  request: FakeRequest,
  elsewhere: string,
): boolean {
  const json = (status: number, message: string, headers = {}) =>
    writeAnswer(res, { status, headers, body: { message } });
  switch (fault) {
    case '500':
    case '502':
      res.writeHead(Number(fault), { 'content-type': 'text/plain' }).end('Internal Server Error');
      return true;
    case 'html':
      res.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end('<!DOCTYPE html><title>Sign In</title>');
      return true;
    case 'slow':
      return true;
    case 'stall':
    case 'half':
      breakOff(res, answer, fault === 'half');
      return true;
    case 'cut-json':
      res.writeHead(200, { 'content-type': 'application/json' }).end('[{"id": 1, "na');
      return true;
    case 'foreign-redirect':
      res.writeHead(302, { location: `${elsewhere}${request.path}` }).end();
      return true;
    case 'redirect-loop':
      res.writeHead(302, { location: request.path }).end();
      return true;
    case 'rate-limit':
      json(429, 'too many requests', { 'retry-after': '2' });
      return true;
    case 'revoked':
      json(401, 'user does not exist [uid: 0, name: ]');
      return true;
    case 'forbidden':
      json(403, 'token does not have at least one of required scope(s)');
      return true;
    case 'missing':
      json(404, 'not found');
      return true;
    default:
      return false;
  }
}

function breakOff(res: ServerResponse, answer: FakeAnswer, andClose: boolean): void {
  const whole =
    answer.body instanceof Uint8Array ? Buffer.from(answer.body) : Buffer.from(JSON.stringify(answer.body ?? ''));
  const headers = { 'content-type': 'application/octet-stream', ...answer.headers };
  res.writeHead(answer.status, { ...headers, 'content-length': String(Math.max(whole.length, 2)) });
  res.write(whole.subarray(0, Math.max(1, whole.length >> 1)), () => {
    if (andClose) res.destroy();
  });
}

async function serve(
  host: FakeRequest['host'],
  req: IncomingMessage,
  res: ServerResponse,
  answer: (request: FakeRequest, res: ServerResponse) => Promise<FakeAnswer | null>,
): Promise<void> {
  try {
    const url = new URL(req.url ?? '/', 'http://forge');
    const request: FakeRequest = {
      host,
      method: req.method ?? 'GET',
      path: req.url ?? '/',
      url,
      segments: url.pathname.split('/').slice(1).map(decodeURIComponent),
      headers: req.headers,
      body: (await buffer(req)).toString('utf8'),
      token: /^\S+ +(\S+)$/.exec(req.headers.authorization ?? '')?.[1] ?? null,
    };
    const result = await answer(request, res);
    if (result) writeAnswer(res, result);
  } catch (error) {
    if (!res.headersSent) res.writeHead(500, { 'content-type': 'text/plain' });
    res.end(`the fake failed: ${error instanceof Error ? error.stack : error}`);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
