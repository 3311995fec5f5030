import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { ForgeTrouble } from '../errors.ts';
import { isPublicAddress } from './fetch-guard.ts';
import { type Hop, nameOf } from './fetch-hop.ts';
import { guardedLookup, type Resolve } from './guarded-lookup-io.ts';

export interface Wire {
  /** From the start of a request to its answer's headers, ms. */
  headersTimeoutMs: number;
  /** Between two pieces of a body, ms; the time that the reader takes does not count. */
  idleTimeoutMs: number;
  /** All addresses of a host name. */
  resolve: Resolve;
}

/** Sends one request, without following anything. A read that met a pooled socket the server had just closed is sent once more. */
export async function send(hop: Hop, wire: Wire): Promise<IncomingMessage> {
  const literal = hop.url.hostname.replace(/^\[|\]$/g, '');
  if (hop.guarded && isIP(literal) !== 0 && !isPublicAddress(literal)) throw closedAddress(hop);
  const answer = await attempt(hop, wire, !hop.foreign);
  if (answer !== 'stale') return answer;
  const again = await attempt(hop, wire, false);
  if (again !== 'stale') return again;
  throw new ForgeTrouble('unreachable', `${nameOf(hop)} failed: ECONNRESET`);
}

/**
 * The body as it arrives. Fails where it falls silent, breaks off or ends before the promised length.
 * Whoever leaves it before the end, or before the beginning, closes the connection.
 */
export function bodyOf(message: IncomingMessage, what: string, idleMs: number): AsyncIterable<Uint8Array> {
  const chunks = chunksOf(message, what, idleMs);
  const iterator: AsyncIterator<Uint8Array, void> = {
    next: () => chunks.next(),
    return: () => {
      message.destroy();
      return chunks.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function* chunksOf(message: IncomingMessage, what: string, idleMs: number): AsyncGenerator<Uint8Array, void> {
  const chunks: AsyncIterable<Uint8Array> = message;
  const promised = Number(message.headers['content-length'] ?? Number.NaN);
  const watch = () =>
    setTimeout(() => message.destroy(new ForgeTrouble('timeout', `${what} fell silent for ${idleMs} ms`)), idleMs);
  let received = 0;
  let timer = watch();
  try {
    for await (const chunk of chunks) {
      clearTimeout(timer);
      received += chunk.length;
      yield chunk;
      timer = watch();
    }
  } catch (error) {
    if (error instanceof ForgeTrouble) throw error;
    throw new ForgeTrouble('bad_answer', `${what} ended early: ${codeOf(error)}`);
  } finally {
    clearTimeout(timer);
    message.destroy();
  }
  if (received < promised) throw new ForgeTrouble('bad_answer', `${what} ended after ${received} of ${promised} bytes`);
}

function attempt(hop: Hop, wire: Wire, pooled: boolean): Promise<IncomingMessage | 'stale'> {
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = { method: hop.method, headers: hop.headers, lookup: lookupFor(hop, wire) };
    if (!pooled) options.agent = false;
    if (hop.signal) options.signal = hop.signal;
    const request = hop.url.protocol === 'https:' ? https.request(hop.url, options) : http.request(hop.url, options);
    const timer = setTimeout(() => {
      request.destroy(new ForgeTrouble('timeout', `${nameOf(hop)} did not answer in ${wire.headersTimeoutMs} ms`));
    }, wire.headersTimeoutMs);
    request.on('response', (message) => {
      clearTimeout(timer);
      resolve(message);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const isStale = pooled && request.reusedSocket && error.code === 'ECONNRESET' && hop.method === 'GET';
      if (isStale) resolve('stale');
      else reject(networkTrouble(error, nameOf(hop)));
    });
    request.end(hop.body);
  });
}

function lookupFor(hop: Hop, wire: Wire): LookupFunction {
  return guardedLookup(wire.resolve, (host, addresses) => {
    if (addresses.length === 0) return new ForgeTrouble('unreachable', `${host} has no address`);
    return hop.guarded && !addresses.every(isPublicAddress) ? closedAddress(hop) : null;
  });
}

function closedAddress(hop: Hop): ForgeTrouble {
  return new ForgeTrouble('bad_answer', `${nameOf(hop)} is not a public address`);
}

function networkTrouble(error: NodeJS.ErrnoException, what: string): Error {
  if (error instanceof ForgeTrouble || error.name === 'AbortError') return error;
  const isBadAnswer = error.code?.startsWith('HPE_') ?? false;
  return new ForgeTrouble(isBadAnswer ? 'bad_answer' : 'unreachable', `${what} failed: ${codeOf(error)}`);
}

/** Codes only: a message may quote what was sent. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'connection error';
}
