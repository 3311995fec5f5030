import { ForgeTrouble } from '../errors.ts';
import type { ForgeConnection } from './forge.ts';

const FOREIGN_HEADERS = ['accept', 'accept-encoding', 'range', 'user-agent'];

/** One request of a chain of redirects. */
export interface Hop {
  url: URL;
  method: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal | undefined;
  /** Another origin than the forge's: it carries no token and takes no pooled socket. */
  foreign: boolean;
  /** Another host than the forge's: public addresses only. */
  guarded: boolean;
}

export interface Target extends Pick<ForgeConnection, 'baseUrl' | 'token'> {
  /** Hosts beside the forge's that may have addresses that are not public; they get no token. */
  trustedHosts?: readonly string[];
}

/**
 * A caller's own Authorization header goes before the connection's token; both go to baseUrl's origin only.
 * Throws ForgeTrouble `bad_answer` for an address elsewhere, unless `leaveOrigin`.
 */
export function firstHop(forge: Target, url: URL, init: RequestInit, leaveOrigin: boolean): Hop {
  if (init.body !== undefined && init.body !== null && typeof init.body !== 'string') {
    throw new TypeError('only text can be sent to a forge');
  }
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', 'identity');
  if (!headers.has('user-agent')) headers.set('user-agent', 'feedgate');
  if (forge.token !== null && !headers.has('authorization')) headers.set('authorization', credentials(forge.token));
  const hop: Hop = {
    url,
    method: (init.method ?? 'GET').toUpperCase(),
    headers: Object.fromEntries(headers),
    body: init.body ?? undefined,
    signal: init.signal ?? undefined,
    foreign: false,
    guarded: false,
  };
  return atAddress(forge, hop, url, leaveOrigin);
}

/**
 * The request that a redirect asks for. A write is never redirected: Gitea answers 301 to one after a rename, and it would
 * arrive as a GET. Once a chain has left the forge the token is dropped for good.
 */
export function redirectedHop(forge: Target, hop: Hop, location: string, leaveOrigin: boolean): Hop {
  if (hop.method !== 'GET' && hop.method !== 'HEAD') {
    throw new ForgeTrouble('bad_answer', `${nameOf(hop)} was redirected; a write is not sent again elsewhere`);
  }
  if (!URL.canParse(location, hop.url.href))
    throw new ForgeTrouble('bad_answer', `${nameOf(hop)} redirects to no address`);
  const url = new URL(location, hop.url);
  url.hash = '';
  return atAddress(forge, hop, url, leaveOrigin);
}

/** For errors: neither query nor foreign path, which may be signed. */
export function nameOf(hop: Hop): string {
  return `${hop.method} ${hop.url.origin}${hop.foreign ? '/…' : hop.url.pathname}`;
}

function atAddress(forge: Target, hop: Hop, url: URL, leaveOrigin: boolean): Hop {
  const base = new URL(forge.baseUrl);
  if (url.origin === base.origin) return { ...hop, url };
  if (!leaveOrigin || hop.method !== 'GET') {
    throw new ForgeTrouble('bad_answer', `${nameOf(hop)} leads to ${url.origin}; the forge is known as ${base.origin}`);
  }
  const isHttp = url.protocol === 'https:' || (url.protocol === 'http:' && hop.url.protocol === 'http:');
  if (!isHttp) throw new ForgeTrouble('bad_answer', `${nameOf(hop)} leads to an unsafe ${url.protocol} address`);
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => FOREIGN_HEADERS.includes(name)));
  const guarded = url.hostname !== base.hostname && !(forge.trustedHosts ?? []).includes(url.hostname);
  return { ...hop, url, headers, foreign: true, guarded };
}

/** Gitea knows both words in any case, GitHub wants `Bearer` for three-part tokens. */
function credentials(token: string): string {
  return token.split('.').length === 3 ? `Bearer ${token}` : `token ${token}`;
}
