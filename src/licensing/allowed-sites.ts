import { readHost, registrableDomain, siteIdentity } from './site-identity.ts';

/** The list as it is stored: identity hosts and `*.` with a host, without doubles, in the order given. Empty: every site. */
export type AllowedSites = readonly string[];

export type AllowedSitesResult =
  | { ok: true; sites: AllowedSites }
  /** One error an entry that cannot be used; `index` counts from 0 in what was given. */
  | { ok: false; errors: { index: number; entry: string; detail: string }[] };

export const ALLOWED_SITES_LIMIT = 200;

/**
 * Reads the domains that a key is bound to. `example.com` means that one site, `www.example.com` included, because both have one
 * identity; its other subdomains are not meant. `*.example.com` means every host below, at any depth, and example.com itself,
 * since it covers `www.example.com`. A wildcard needs a registered domain: `*.com` or `*.github.io` would open a key to strangers.
 */
export function parseAllowedSites(entries: readonly string[]): AllowedSitesResult {
  if (entries.length > ALLOWED_SITES_LIMIT) {
    const detail = `a key takes at most ${ALLOWED_SITES_LIMIT} domains`;
    return {
      ok: false,
      errors: [{ index: ALLOWED_SITES_LIMIT, entry: shown(entries[ALLOWED_SITES_LIMIT] ?? ''), detail }],
    };
  }
  const read = entries.map((entry, index) => ({ index, entry: shown(entry), ...readEntry(entry.trim()) }));
  const errors = read.flatMap(({ index, entry, detail }) => (detail === null ? [] : [{ index, entry, detail }]));
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, sites: [...new Set(read.map(({ site }) => site))] };
}

/** True if the list holds the site; `host` is its identity (`siteIdentity`), never raw text. */
export function isAllowed(sites: AllowedSites, host: string): boolean {
  if (sites.length === 0) return true;
  return sites.some((site) => site === host || (site.startsWith('*.') && isAtOrBelow(host, site.slice(2))));
}

type EntryResult = { site: string; detail: string | null };

function readEntry(entry: string): EntryResult {
  if (entry === '') return refused('the entry is empty');
  return entry.includes('*') ? readWildcard(entry) : readOne(entry);
}

function readOne(entry: string): EntryResult {
  const site = siteIdentity(entry);
  return site.ok ? { site: site.host, detail: null } : refused('this is no host name');
}

/** `*.` and a domain that somebody registered. `www.` stays in a wildcard: without it `*.www.example.com` would mean more than was written. */
export function readWildcard(entry: string): EntryResult {
  if (!entry.startsWith('*.') || entry.lastIndexOf('*') > 0 || entry.includes('/')) {
    return refused('a wildcard is written as "*." and a domain, for example "*.example.com"');
  }
  const base = readHost(entry.slice(2));
  if (!base.ok) return refused('what follows "*." is no host name');
  if (registrableDomain(base.host) === null) {
    return refused('a wildcard needs a domain that somebody registered, such as "*.example.com"');
  }
  return { site: `*.${base.host}`, detail: null };
}

function refused(detail: string): EntryResult {
  return { site: '', detail };
}

function isAtOrBelow(host: string, base: string): boolean {
  return host === base || host.endsWith(`.${base}`);
}

function shown(entry: string): string {
  return entry.length > 100 ? `${entry.slice(0, 100)}…` : entry;
}
