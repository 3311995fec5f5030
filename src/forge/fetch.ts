import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { ForgeTrouble } from '../errors.ts';
import { firstHop, type Hop, nameOf, redirectedHop, type Target } from './fetch-hop.ts';
import { bodyOf, send, type Wire } from './fetch-io.ts';
import { troubleOfAnswer } from './fetch-trouble.ts';

const MAX_REDIRECTS = 5;
const MAX_ERROR_BYTES = 64 * 1024;
const REDIRECTS = [301, 302, 303, 307, 308];
const BODILESS = [204, 205, 304];

/** Takes what the built-in fetch takes (text bodies only); fits Octokit's `request.fetch`. */
export type ForgeFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface ForgeFetchOptions extends Partial<Wire> {
  /** `json` (default): the body is read whole, bounded and checked. `bytes`: the body is a stream to be iterated. */
  expect?: 'json' | 'bytes';
  /** A GET may go on at another origin, without the token and at public addresses only: for signed download addresses. */
  leaveOrigin?: boolean;
  maxJsonBytes?: number;
}

const DEFAULTS: Required<ForgeFetchOptions> = {
  expect: 'json',
  leaveOrigin: false,
  maxJsonBytes: 16 * 1024 * 1024,
  headersTimeoutMs: 15_000,
  idleTimeoutMs: 30_000,
  resolve: (host) => lookup(host, { all: true }),
};

/**
 * The only way out to a forge: a fetch that is bound to one connection.
 * The token (or the caller's own Authorization header) goes to baseUrl's origin and nowhere else. At most 5 redirects, of GET
 * and HEAD only. Throws ForgeTrouble: `unauthorized` (401), `rate_limited` (429, GitHub's 403), `unreachable`, `timeout`,
 * and `bad_answer` for 5xx, a wrong redirect, a web page or half a body. Every other status is an answer. No text of an error
 * holds a token or a query. Where the forge's API is on another host than its pages, pass the API's address as baseUrl.
 */
export function forgeFetch(forge: Target, options: ForgeFetchOptions = {}): ForgeFetch {
  const settings = { ...DEFAULTS, ...options };
  return async (input, init = {}) => {
    const { message, hop } = await follow(forge, new URL(input), init, settings);
    const what = nameOf(hop);
    const body = bodyOf(message, what, settings.idleTimeoutMs);
    const status = message.statusCode ?? 0;
    const headers = headersOf(message);
    if (status < 200 || status > 599) throw new ForgeTrouble('bad_answer', `${what} answered ${status}`);
    if (hop.method === 'HEAD' || BODILESS.includes(status)) {
      message.resume();
      return new Response(null, { status, headers });
    }
    if (status >= 400) return failedAnswer(status, headers, await beginning(body), what, settings.expect);
    if (settings.expect === 'json') return jsonAnswer(status, headers, body, what, settings.maxJsonBytes);
    if (!hop.foreign && isHtml(headers)) {
      message.destroy();
      throw new ForgeTrouble('bad_answer', `${what} answered with a web page instead of a file`);
    }
    return new Response(body, { status, headers });
  };
}

/** Reads a stream to its end, or gives null as soon as it is longer than `limit` bytes. */
export async function readBounded(stream: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

async function follow(
  forge: Target,
  start: URL,
  init: RequestInit,
  settings: Required<ForgeFetchOptions>,
): Promise<{ message: IncomingMessage; hop: Hop }> {
  const seen = new Set<string>();
  let hop = firstHop(forge, start, init, settings.leaveOrigin);
  for (;;) {
    seen.add(hop.url.href);
    const message = await send(hop, settings);
    const { location } = message.headers;
    if (!REDIRECTS.includes(message.statusCode ?? 0) || location === undefined) return { message, hop };
    message.destroy();
    const next = redirectedHop(forge, hop, location, settings.leaveOrigin);
    if (seen.has(next.url.href)) throw new ForgeTrouble('bad_answer', `${nameOf(hop)} redirects in a circle`);
    if (seen.size > MAX_REDIRECTS) throw new ForgeTrouble('bad_answer', `${nameOf(hop)} redirects on and on`);
    hop = next;
  }
}

/** As much of a failed answer as tells its reason; that the rest is missing or broken changes nothing. */
async function beginning(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ERROR_BYTES) break;
    }
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
  }
  return Buffer.concat(chunks, size);
}

function failedAnswer(
  status: number,
  headers: Headers,
  body: Uint8Array,
  what: string,
  expect: 'json' | 'bytes',
): Response {
  const text = Buffer.from(body).toString('utf8');
  const trouble = troubleOfAnswer({ status, header: (name) => headers.get(name), text }, what, Date.now());
  if (trouble) throw trouble;
  if (expect === 'json' && isHtml(headers)) {
    throw new ForgeTrouble(
      'bad_answer',
      `${what} answered ${status} with a web page: is this the address of the forge?`,
    );
  }
  return new Response(body, { status, headers });
}

async function jsonAnswer(
  status: number,
  headers: Headers,
  stream: AsyncIterable<Uint8Array>,
  what: string,
  limit: number,
): Promise<Response> {
  const body = await readBounded(stream, limit);
  if (body === null) throw new ForgeTrouble('bad_answer', `${what} answered with more than ${limit} bytes`);
  try {
    JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new ForgeTrouble('bad_answer', `${what} did not answer with JSON`);
  }
  headers.set('content-type', 'application/json');
  return new Response(body, { status, headers });
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = message.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i] ?? '', raw[i + 1] ?? '');
  return headers;
}

function isHtml(headers: Headers): boolean {
  return headers.get('content-type')?.toLowerCase().startsWith('text/html') ?? false;
}
