import { beginning } from '../accounts/search-words.ts';
import { readHost, siteIdentity } from './site-identity.ts';

/** What a search for a domain looks for, in names written backwards: all below a domain then begin alike. */
export interface DomainPattern {
  /** Hosts of sites. */
  hosts: string[];
  /** Entries of lists of allowed domains that hold the host. */
  entries: string[];
  /** Everything that begins so; null: only the host itself. */
  below: [from: string, to: string] | null;
}

export function reversedName(name: string): string {
  return [...name].reverse().join('');
}

/**
 * `example.com` is that site, by whatever key it may be used; `*.example.com` what stands below; `.example.com` both. Throws a text
 * in words for what is no host.
 */
export function domainPattern(typed: string): DomainPattern {
  const text = typed.trim();
  const isBelow = text.startsWith('*.');
  const isSuffix = !isBelow && text.startsWith('.');
  const bare = isBelow ? text.slice(2) : isSuffix ? text.slice(1) : text;
  const host = isBelow || isSuffix ? wholeHost(bare) : siteHost(bare);
  if (host === null) throw new Error('is no host name; `example.com`, `*.example.com` and `.example.com` are');
  const below = isBelow || isSuffix ? beginning(`${reversedName(host)}.`) : null;
  if (isBelow) return { hosts: [], entries: [], below };
  const entries = [host, ...wildcardsAbove(host)].map(reversedName);
  return { hosts: [reversedName(host)], entries, below };
}

/** `*.shop.example.com`, `*.example.com`, `*.com`: a wildcard holds its own domain too. */
function wildcardsAbove(host: string): string[] {
  const labels = host.split('.');
  return labels.map((_, i) => `*.${labels.slice(i).join('.')}`);
}

function siteHost(text: string): string | null {
  const site = siteIdentity(text);
  return site.ok ? site.host : null;
}

function wholeHost(text: string): string | null {
  const read = text.includes('*') ? null : readHost(text);
  return read?.ok ? read.host : null;
}
