/** What a request says of where it comes from. */
export interface Provenance {
  /** Upper case. */
  method: string;
  origin: string | undefined;
  /** `Sec-Fetch-Site`, which browsers send to https and to this machine. */
  fetchSite: string | undefined;
}

/** What reads and changes nothing: RFC 9110, section 9.2.1. */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether a request that carries a cookie of ours may be taken for the person's own act: what changes something must come from a page
 * of this very origin. Where the browser says neither `Sec-Fetch-Site` nor `Origin`, it is nobody's. `publicUrl` is the configured
 * address, never the Host that came along.
 */
export function isOwnRequest({ method, origin, fetchSite }: Provenance, publicUrl: string): boolean {
  if (SAFE.includes(method)) return true;
  if (fetchSite !== undefined) return fetchSite === 'same-origin';
  return origin !== undefined && origin === new URL(publicUrl).origin;
}
