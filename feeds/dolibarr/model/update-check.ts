import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { isRefusedHost } from './address-guard.ts';

/** What the check needs of the installed module: `$this->version` and `$this->url_last_version` (null or empty: none). */
export interface InstalledModule {
  version: string;
  urlLastVersion: string | null;
}

export interface HttpAnswer {
  status: number;
  /** The header as it was sent, or null. */
  location: string | null;
  /** As it came: Dolibarr undoes no compression. */
  body: Uint8Array;
}

/** How the check reaches the network. */
export interface DolibarrHttp {
  /** One GET, no redirect followed; null where no whole answer came (refused, TLS error, timeout). */
  get(url: string, headers: Record<string, string>): Promise<HttpAnswer | null>;
  /** The addresses of a host name; empty where it has none. Without this function the guard against private addresses is off. */
  addressesOf?: (host: string) => Promise<string[]>;
}

type UpdateCheckCause = 'no_url' | 'refused_address' | 'no_answer' | 'empty' | 'too_long' | 'not_newer' | 'newer';

export interface UpdateCheck {
  /** What `checkForUpdate()` returns: 1 update, 0 none (or nothing learnt), -1 check failed. */
  result: -1 | 0 | 1;
  cause: UpdateCheckCause;
  installed: string;
  /** What Dolibarr takes for the newest version; null where it took none. */
  lastVersion: string | null;
  /** Of the last answer. Dolibarr itself never looks at it. */
  status: number | null;
  redirects: number;
}

const REQUEST_HEADERS = { 'User-Agent': 'Dolibarr geturl function', Accept: '*/*' } as const;

/** A body of this many bytes or more is a failed check. */
const TOO_LONG = 30;
const MOST_REDIRECTS = 4;
const FOLLOWED = new Set([301, 302, 303, 307]);

/**
 * `DolibarrModules::checkForUpdate()` as Dolibarr 24 does it: one GET, at most four redirects (never 308), no look at the status;
 * 30 bytes or more fail, what is left after cleaning is compared as PHP compares versions.
 * https://github.com/Dolibarr/dolibarr/blob/develop/htdocs/core/modules/DolibarrModules.class.php
 */
export async function checkForUpdate(module: InstalledModule, http: DolibarrHttp): Promise<UpdateCheck> {
  const outcome = { installed: module.version, lastVersion: null, status: null, redirects: 0 };
  if (!module.urlLastVersion) return { ...outcome, result: 0, cause: 'no_url' };
  const fetched = await fetchContent(module.urlLastVersion, http);
  const { answer, redirects } = fetched;
  const known = { ...outcome, redirects, status: answer?.status ?? null };
  if (fetched.refused) return { ...known, result: -1, cause: 'refused_address' };
  const body = answer?.body ?? new Uint8Array();
  if (body.byteLength >= TOO_LONG) return { ...known, result: -1, cause: 'too_long' };
  const lastVersion = cleaned(body);
  const newer = comparePhpVersions(lastVersion, module.version) > 0;
  if (newer) return { ...known, lastVersion, result: 1, cause: 'newer' };
  const cause = answer === null ? 'no_answer' : lastVersion === '' ? 'empty' : 'not_newer';
  return { ...known, lastVersion, result: 0, cause };
}

interface Fetched {
  refused: boolean;
  answer: HttpAnswer | null;
  redirects: number;
}

async function fetchContent(start: string, http: DolibarrHttp): Promise<Fetched> {
  let url = parsed(start);
  for (let redirects = 0; ; redirects++) {
    if (!url || !/^https?:$/.test(url.protocol) || (await isRefused(url, http))) {
      return { refused: true, answer: null, redirects };
    }
    const answer = await getFrom(url, http);
    if (!answer || !FOLLOWED.has(answer.status) || redirects === MOST_REDIRECTS) {
      return { refused: false, answer, redirects };
    }
    if (!answer.location) return { refused: false, answer: null, redirects };
    url = parsed(answer.location, url.href);
  }
}

function parsed(address: string, base?: string): URL | null {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}

async function isRefused(url: URL, http: DolibarrHttp): Promise<boolean> {
  if (!http.addressesOf) return false;
  return isRefusedHost(url.hostname, await http.addressesOf(url.hostname));
}

/** A user and password in the address are sent as HTTP Basic. */
function getFrom(url: URL, http: DolibarrHttp): Promise<HttpAnswer | null> {
  if (url.username === '' && url.password === '') return http.get(url.href, REQUEST_HEADERS);
  const login = `${decoded(url.username)}:${decoded(url.password)}`;
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  const authorization = `Basic ${Buffer.from(login, 'utf8').toString('base64')}`;
  return http.get(bare.href, { Authorization: authorization, ...REQUEST_HEADERS });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function cleaned(body: Uint8Array): string {
  return Buffer.from(body)
    .toString('latin1')
    .replace(/[^a-zA-Z0-9_.-]+/g, '');
}
