import { isPublicAddress } from '../forge/fetch-guard.ts';

/** What the operator lets webhooks reach beside the public internet. */
export interface AllowedTargets {
  /** Lower case. */
  hosts: readonly string[];
  /** True for an address inside an allowed network. */
  holds(address: string): boolean;
}

const MOST_CHARACTERS = 2_000;
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|.*:.*)$/;
const INSIDE = /^[^.]+$|\.(localhost|local|internal|intranet|lan|home\.arpa|onion|test|invalid)$/;

/** The host as it is compared: without brackets and the dot of the root. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/**
 * Why nothing may be sent to an address, in words; null: as far as its text tells, it may. What a name resolves to is judged where
 * the connection is made (`mayConnect`), each time.
 */
export function targetFault(text: string, allowed: AllowedTargets): string | null {
  if (text.length > MOST_CHARACTERS) return `has more than ${MOST_CHARACTERS} characters`;
  if (!URL.canParse(text)) return 'is no address such as https://shop.example.com/hooks';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must hold no user and no password';
  if (url.hash !== '') return 'must have no fragment (#…)';
  const host = hostOf(url);
  if (isNamed(host, allowed)) return null;
  const isAddress = ADDRESS.test(host);
  if (isAddress && !isPublicAddress(host) && !allowed.holds(host)) {
    return `leads to ${host}, which is no public address; the operator may allow it (WEBHOOK_ALLOW_HOSTS)`;
  }
  if (!isAddress && INSIDE.test(host)) {
    return `leads to ${host}, which is no public name; the operator may allow it (WEBHOOK_ALLOW_HOSTS)`;
  }
  const isOpen = isAddress && allowed.holds(host);
  return url.protocol === 'https:' || isOpen ? null : 'must begin with https://';
}

/** Whether a connection may be made to an address that the host of a webhook resolved to. */
export function mayConnect(host: string, address: string, allowed: AllowedTargets): boolean {
  return isNamed(host, allowed) || isPublicAddress(address) || allowed.holds(address);
}

function isNamed(host: string, { hosts }: AllowedTargets): boolean {
  return hosts.includes(host);
}
