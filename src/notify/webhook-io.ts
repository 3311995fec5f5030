import { lookup } from 'node:dns/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { guardedLookup, type Resolve } from '../forge/guarded-lookup-io.ts';
import type { Outcome } from './retry-plan.ts';
import { type AllowedTargets, hostOf, mayConnect, targetFault } from './target.ts';

/** One attempt. */
export interface Shipment {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface Road {
  allowed: AllowedTargets;
  /** All in all, ms. */
  timeoutMs: number;
  resolve: Resolve;
}

/** What is kept of an answer. */
const KEPT_BYTES = 2_048;
export const DEFAULT_ROAD = { timeoutMs: 15_000, resolve: (host: string) => lookup(host, { all: true }) };

/** Hosts by name and networks, as the operator wrote them; networks were checked where the configuration was read. */
export function allowedTargets(entries: readonly string[]): AllowedTargets {
  const list = new BlockList();
  const hosts: string[] = [];
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) hosts.push(entry.toLowerCase());
    else list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return {
    hosts,
    holds: (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
  };
}

/**
 * Sends one webhook over a connection of its own and follows nothing. Never throws: what went wrong is part of the outcome. Of the
 * body at most 2 kB are read, then the connection is closed, however much there is to come.
 */
export async function ship(shipment: Shipment, road: Road): Promise<Outcome> {
  const began = performance.now();
  const result = await attempt(shipment, road).catch((error: unknown) => ({
    ...{ status: null, retryAfter: null, answer: '', error: inWords(error) },
  }));
  return { ...result, durationMs: Math.round(performance.now() - began) };
}

async function attempt(shipment: Shipment, road: Road): Promise<Omit<Outcome, 'durationMs'>> {
  const { allowed, timeoutMs, resolve } = road;
  const fault = targetFault(shipment.url, allowed);
  if (fault !== null) throw new Refused(`the address ${fault}`);
  const deadline = AbortSignal.timeout(timeoutMs);
  const url = new URL(shipment.url);
  const guard = guardedLookup(resolve, (name, addresses) => {
    const closed = addresses.find((address) => !mayConnect(hostOf(url), address, allowed));
    return closed === undefined ? null : new Refused(`${name} leads to ${closed}, which is no public address`);
  });
  const message = await request(url, shipment, { lookup: guard, signal: deadline });
  const status = message.statusCode ?? 0;
  const answer = await beginning(message);
  const isSuccess = status >= 200 && status < 300;
  const moved = status >= 300 && status < 400 ? ': a redirect, which is not followed' : '';
  return {
    status,
    retryAfter: message.headers['retry-after'] ?? null,
    answer,
    error: isSuccess ? null : `it answered ${status}${moved}`,
  };
}

function request(url: URL, { headers, body }: Shipment, options: https.RequestOptions): Promise<IncomingMessage> {
  const own = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const all = { ...own, 'user-agent': 'Feedgate-Webhooks/1.0', ...headers };
  return new Promise((resolve, reject) => {
    const settings: https.RequestOptions = { ...options, method: 'POST', headers: all, agent: false };
    const sent = url.protocol === 'https:' ? https.request(url, settings) : http.request(url, settings);
    sent.on('response', resolve).on('error', reject).end(body);
  });
}

/** The status has arrived, so that whatever goes wrong from here on only cuts the text short. */
async function beginning(message: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= KEPT_BYTES) break;
    }
  } catch {
    // What came is enough.
  } finally {
    message.destroy();
  }
  return Buffer.concat(chunks).subarray(0, KEPT_BYTES).toString('utf8').replaceAll('\0', '');
}

/** Said by us and not by the network. */
class Refused extends Error {}

/** Codes only: a message of the network may quote what was sent. */
function inWords(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const { name, code } = error as { name?: string; code?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return 'it did not answer in time';
  if (code === 'ECONNREFUSED') return 'it refused the connection';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known';
  return `the connection failed: ${typeof code === 'string' ? code : 'it broke off'}`;
}
