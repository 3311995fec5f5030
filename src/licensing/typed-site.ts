import { readWildcard } from './allowed-sites.ts';
import { registrableDomain, siteIdentity } from './site-identity.ts';
import { type SiteClaim, WILDCARD, WILDCARD_DEPTH } from './slots.ts';

export type TypedSite = { ok: true; claim: SiteClaim } | { ok: false; detail: string };

/** A site as somebody types it who manages a license: a host name, an address, or `*.` and a domain that somebody registered. */
export function readTypedSite(text: string): TypedSite {
  const trimmed = text.trim();
  if (trimmed.includes('*')) return readTypedWildcard(trimmed);
  const read = siteIdentity(trimmed);
  if (!read.ok) return { ok: false, detail: 'is no host name of a site' };
  const exempt = read.class === 'counted' ? null : read.class;
  const { host, registrable, beside } = read;
  return { ok: true, claim: { host, registrable, exempt, exemptBeside: beside, instance: null, byInstance: false } };
}

function readTypedWildcard(text: string): TypedSite {
  const { site, detail } = readWildcard(text);
  if (detail !== null) return { ok: false, detail };
  const base = site.slice(WILDCARD.length);
  const registrable = registrableDomain(base) ?? base;
  const depth = base.length === registrable.length ? 0 : base.slice(0, -registrable.length - 1).split('.').length;
  if (depth > WILDCARD_DEPTH)
    return { ok: false, detail: `has more than ${WILDCARD_DEPTH} labels between "*." and the registered domain` };
  const claim = { host: site, registrable, exempt: null, exemptBeside: null, instance: null, byInstance: false };
  return { ok: true, claim };
}
