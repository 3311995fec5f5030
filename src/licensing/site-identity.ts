import { getDomain } from 'tldts';

type SiteClass =
  /** Takes a slot. */
  | 'counted'
  /** This very machine: `localhost`, 127.0.0.1, ::1. */
  | 'loopback'
  /** An address or a bare name that only a local network knows. */
  | 'private'
  /** Names and addresses set aside for tests, examples and local use. */
  | 'reserved'
  /** A test copy of the site named in `beside`. */
  | 'staging'
  /** Below a tunnel or a hoster's preview domain. */
  | 'hoster';

export interface SiteIdentity {
  /** ASCII, lower case, no port, no trailing dot, no leading `www.`; an IPv6 address in brackets. */
  host: string;
  /** The domain that was registered (Public Suffix List, private part included); the host itself where there is none. */
  registrable: string;
  class: SiteClass;
  /** Only for `staging`: the host that must hold a counted slot for this one to be free of charge; else null. */
  beside: string | null;
}

export type SiteResult =
  | ({ ok: true } & SiteIdentity)
  /** `none`: nothing was sent, or Joomla's command line, which has no site. */
  | { ok: false; reason: 'none' | 'too_long' | 'not_a_host' };

export type HostResult = { ok: true; host: string } | { ok: false; reason: 'none' | 'too_long' | 'not_a_host' };

/** Domains below which every host is a preview or a tunnel. An operator edits the list, so it has a version. */
export interface HosterList {
  version: string;
  /** Lower-case ASCII; a host strictly below one of them is exempt. A bare name such as `lan` works as well. */
  suffixes: readonly string[];
}

export const DEFAULT_HOSTERS: HosterList = {
  version: '1',
  suffixes: [
    'app.github.dev',
    'cloudwaysapps.com',
    'ddev.site',
    'flywheelsites.com',
    'gitpod.io',
    'kinsta.cloud',
    'lndo.site',
    'loca.lt',
    'localtest.me',
    'lvh.me',
    'myftpupload.com',
    'ngrok-free.app',
    'ngrok-free.dev',
    'ngrok.app',
    'ngrok.dev',
    'ngrok.io',
    'nip.io',
    'pantheonsite.io',
    'sg-host.com',
    'sslip.io',
    'trycloudflare.com',
    'wpengine.com',
    'wpenginepowered.com',
  ],
};

const INPUT_LIMIT = 2048;
const HOST_LIMIT = 253;
const LABEL = /^[a-z0-9_-]{1,63}$/;
const STAGING_LABEL = /^(?:dev|test|stage|staging\d*|local|uat|preview)$/;
/** RFC 2606 and 6762, ICANN's `internal`, RFC 8375: never in the public DNS. `.dev` is, and so is not among them. */
const RESERVED_NAMES = ['test', 'example', 'invalid', 'local', 'internal', 'home.arpa'];
const JOOMLA_CLI_HOST = 'joomla.invalid';
const SUFFIX_RULES = { allowPrivateDomains: true, extractHostname: false, validateHostname: false };

/**
 * Which site a client means by an address, a host name or an IP number, as it came from outside. Never throws; the same for its
 * own answer. A site is a claim, never a proof. Labels are compared whole: `my.developer-site.com` is no staging host.
 */
export function siteIdentity(raw: string, hosters: HosterList = DEFAULT_HOSTERS): SiteResult {
  const read = readHost(raw);
  if (!read.ok) return read;
  const host = withoutWww(read.host);
  if (host === JOOMLA_CLI_HOST) return { ok: false, reason: 'none' };
  const addressClass = classOfIpv4(host) ?? classOfIpv6(host);
  if (addressClass !== null) return { ok: true, host, registrable: host, class: addressClass, beside: null };
  const beside = stagingParent(host);
  const siteClass = classOfName(host, beside, hosters);
  return {
    ok: true,
    host,
    registrable: registrableDomain(host) ?? host,
    class: siteClass,
    beside: siteClass === 'staging' ? beside : null,
  };
}

/** What holds the slot: the host, or in packages that count domains the registered domain, for a staging host too. */
export function identityOf(site: Pick<SiteIdentity, 'host' | 'registrable'>, unit: 'host' | 'registrable'): string {
  return unit === 'host' ? site.host : site.registrable;
}

/** The domain below a public suffix that somebody registered; null for a suffix itself, a bare name and an IP number. */
export function registrableDomain(host: string): string | null {
  return isAddress(host) ? null : getDomain(host, SUFFIX_RULES);
}

/** The host in an address or a name, as ASCII and lower case, `www.` kept. At most 2048 characters in, 253 out, labels of 63. */
export function readHost(raw: string): HostResult {
  if (raw.length > INPUT_LIMIT) return { ok: false, reason: 'too_long' };
  const text = raw.trim();
  if (text === '') return { ok: false, reason: 'none' };
  const host = /\p{Cc}/u.test(text) ? null : hostOfUrl(withScheme(text));
  return host === null ? { ok: false, reason: 'not_a_host' } : { ok: true, host };
}

function withScheme(text: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  if (text.startsWith('//')) return `http:${text}`;
  return /^[0-9a-f]*:[0-9a-f.:]*:[0-9a-f.:]*$/i.test(text) ? `http://[${text}]` : `http://${text}`;
}

/** The URL parser writes every notation of an IPv4 address as four decimals, so addresses are looked at only after it. */
function hostOfUrl(text: string): string | null {
  const url = parsedUrl(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return null;
  const { hostname } = url;
  if (hostname.startsWith('[')) return unmapped(hostname);
  const host = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return host.length <= HOST_LIMIT && host.split('.').every((label) => LABEL.test(label)) ? host : null;
}

function parsedUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** `[::ffff:7f00:1]` is 127.0.0.1 by another name. */
function unmapped(host: string): string {
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host);
  if (!match?.[1] || !match[2]) return host;
  const high = Number.parseInt(match[1], 16);
  const low = Number.parseInt(match[2], 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Taken off only while a registered domain is left; repeatedly, so that the answer is its own answer. */
function withoutWww(host: string): string {
  let rest = host;
  while (rest.startsWith('www.') && registrableDomain(rest.slice(4)) !== null) rest = rest.slice(4);
  return rest;
}

function stagingParent(host: string): string | null {
  const dot = host.indexOf('.');
  if (dot === -1 || !STAGING_LABEL.test(host.slice(0, dot))) return null;
  const parent = host.slice(dot + 1);
  return registrableDomain(parent) === null ? null : withoutWww(parent);
}

function classOfName(host: string, beside: string | null, hosters: HosterList): SiteClass {
  if (isAtOrBelow(host, 'localhost')) return 'loopback';
  if (RESERVED_NAMES.some((name) => isAtOrBelow(host, name))) return 'reserved';
  if (hosters.suffixes.some((suffix) => host.endsWith(`.${suffix}`))) return 'hoster';
  if (!host.includes('.')) return 'private';
  return beside === null ? 'counted' : 'staging';
}

function isAtOrBelow(host: string, name: string): boolean {
  return host === name || host.endsWith(`.${name}`);
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry; null for what is no IPv4 address. */
function classOfIpv4(host: string): SiteClass | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(host);
  if (!match) return null;
  const [a, b, c] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (a === 127 || a === 0) return 'loopback';
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private';
  if ((a === 169 && b === 254) || (a === 100 && b >= 64 && b <= 127)) return 'private';
  if (a >= 224 || (a === 198 && (b === 18 || b === 19)) || (a === 192 && b === 0 && (c === 0 || c === 2)))
    return 'reserved';
  return (a === 198 && b === 51 && c === 100) || (a === 203 && b === 0 && c === 113) ? 'reserved' : 'counted';
}

/** https://www.iana.org/assignments/iana-ipv6-special-registry; null for what is no IPv6 address. */
function classOfIpv6(host: string): SiteClass | null {
  if (!host.startsWith('[')) return null;
  if (host === '[::1]' || host === '[::]') return 'loopback';
  const first = Number.parseInt(/^\[([0-9a-f]*)/.exec(host)?.[1] || '0', 16);
  if ((first & 0xfe00) === 0xfc00 || (first & 0xff80) === 0xfe80) return 'private';
  return (first & 0xff00) === 0xff00 || /^\[2001:db8:/.test(host) ? 'reserved' : 'counted';
}
