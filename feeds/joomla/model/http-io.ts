import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Http, HttpAnswer, HttpRequest } from './site.ts';

export interface TransportLimits {
  /** In place of "no limit"; milliseconds. */
  patienceMs?: number;
  maxBytes?: number;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_HOPS = 20;

/** A real network under the model: sends the given headers and Host, nothing else, and follows redirects as Joomla's cURL does. */
export function joomlaHttp({ patienceMs = 300_000, maxBytes = 256_000_000 }: TransportLimits = {}): Http {
  return async (request) => {
    const signal = AbortSignal.timeout(request.timeoutMs ?? patienceMs);
    let url = new URL(request.url);
    let headers = request.headers;
    for (let hop = 0; hop <= MOST_HOPS; hop++) {
      const answer = await once(url, headers, signal, maxBytes);
      const location = answer.headers['location'];
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      const next = new URL(location, url);
      if (next.origin !== url.origin) headers = withoutSecrets(headers);
      url = next;
    }
    throw new Error('too many redirects');
  };
}

/** cURL keeps every other header of a plugin on its way to another host. */
function withoutSecrets(headers: HttpRequest['headers']): HttpRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:authorization|cookie)$/i.test(name)));
}

function once(url: URL, headers: HttpRequest['headers'], signal: AbortSignal, maxBytes: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? secureRequest : plainRequest;
    const request = send(url, { headers: { Host: url.host, ...headers }, agent: false, signal }, (response) => {
      readBody(response, maxBytes).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: plainHeaders(response), body, url: url.href }),
        reject,
      );
    });
    request.removeHeader('Connection');
    request.on('error', reject);
    request.end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > maxBytes) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function plainHeaders(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? (value[0] ?? '') : value;
  }
  return headers;
}
