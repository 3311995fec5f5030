const CLOSED_NAMES = new Set([
  'localhost',
  'localhost.domain',
  'ip6-localhost',
  'ip6-loopback',
  'metadata.google.internal',
]);

/** First octets (and the range of the second) that Dolibarr never calls: private, loopback, link-local, reserved. */
const CLOSED_NETWORKS: readonly (readonly [first: number, from: number, to: number])[] = [
  [0, 0, 255],
  [10, 0, 255],
  [127, 0, 255],
  [169, 254, 254],
  [172, 16, 31],
  [192, 168, 168],
];
const CLOUD_METADATA = '100.100.100.200';

/**
 * Whether Dolibarr refuses to call a host: by its name, or because an address of it is private, loopback, link-local, reserved or
 * that of a cloud's metadata. A name without an address passes, as in Dolibarr. `host` may be an IPv6 address in brackets.
 */
export function isRefusedHost(host: string, addresses: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return CLOSED_NAMES.has(name) || [name, ...addresses].some(isClosedAddress);
}

function isClosedAddress(address: string): boolean {
  return address.includes(':') ? isClosedV6(address.toLowerCase()) : isClosedV4(address);
}

function isClosedV4(address: string): boolean {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(address)) return false;
  const [first = 0, second = 0] = address.split('.').map(Number);
  if (first >= 240 || address === CLOUD_METADATA) return true;
  return CLOSED_NETWORKS.some(([octet, from, to]) => first === octet && second >= from && second <= to);
}

/** Unspecified, loopback, IPv4 written as IPv6, link-local, unique local. */
function isClosedV6(address: string): boolean {
  return /^::1?$|^::ffff:|^fe[89ab]|^f[cd]/.test(address);
}
