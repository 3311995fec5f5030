import { isIP } from 'node:net';
import { isPublicAddress } from '../forge/fetch-guard.ts';
import type { ForgeKind } from '../forge/forge.ts';

/**
 * What an administrator of the forge adds, so that it delivers to an address of its own network: Gitea and Forgejo refuse those
 * until they are told. null: this address needs nothing, as far as its text tells.
 */
export function hostListLine(publicUrl: string, kind: ForgeKind): string | null {
  if (kind !== 'gitea' && kind !== 'forgejo') return null;
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  if (!isPrivateHost(host)) return null;
  return `The forge delivers no hooks to ${host} before its app.ini says so:\n[webhook]\nALLOWED_HOST_LIST = external,${host}`;
}

/** By its text alone: a name without a dot, one of a local network, or an address that is not public. */
export function isPrivateHost(host: string): boolean {
  if (isIP(host) !== 0) return !isPublicAddress(host);
  return !host.includes('.') || /\.(local|lan|internal|home|intranet|localhost|test)$/i.test(host);
}
