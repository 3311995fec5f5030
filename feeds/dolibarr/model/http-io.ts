import { resolve4, resolve6 } from 'node:dns/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { DolibarrHttp, HttpAnswer } from './update-check.ts';

export interface DolibarrHttpOptions {
  /** Refuse private and loopback addresses as Dolibarr does. Off only to look at an endpoint of this machine. */
  guard?: boolean;
  /** As Dolibarr does where `$dolibarr_main_prod` is true. */
  verifyTls?: boolean;
  /** Dolibarr's defaults: 5 s to connect, 30 s in all. */
  connectTimeoutMs?: number;
  timeoutMs?: number;
}

/** Dolibarr has no limit of its own; more than this is cut, which is a failed check all the same. */
const MOST_BYTES = 65_536;

/** Sends what Dolibarr sends (Host, User-Agent, Accept and nothing else) and takes the answer as it is. */
export function dolibarrHttp(options: DolibarrHttpOptions = {}): DolibarrHttp {
  const http: DolibarrHttp = { get: (url, headers) => get(url, headers, options) };
  return options.guard === false ? http : { ...http, addressesOf };
}

function get(url: string, headers: Record<string, string>, options: DolibarrHttpOptions): Promise<HttpAnswer | null> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = send(url, {
      agent: false,
      headers,
      rejectUnauthorized: options.verifyTls ?? true,
      signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
    });
    request.removeHeader('Connection');
    limitConnecting(request, options.connectTimeoutMs ?? 5_000);
    request.on('error', () => resolve(null));
    request.on('response', (response) => {
      readBody(response).then(
        (body) => {
          request.destroy();
          resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? null, body });
        },
        () => resolve(null),
      );
    });
    request.end();
  });
}

function limitConnecting(request: ClientRequest, timeoutMs: number): void {
  request.on('socket', (socket) => {
    const timer = setTimeout(() => request.destroy(new Error('connecting took too long')), timeoutMs);
    const stop = (): void => clearTimeout(timer);
    socket.once('connect', stop);
    socket.once('close', stop);
  });
}

async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MOST_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/** By DNS only: Dolibarr 24 does not look at the hosts file and lets a name without an address through. */
async function addressesOf(host: string): Promise<string[]> {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare)) return [bare];
  const found = await Promise.allSettled([resolve4(bare), resolve6(bare)]);
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}
