import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** The proxies whose word on the client's address is taken. */
export type TrustedProxies = Pick<BlockList, 'check'>;

/** Reads TRUSTED_PROXIES: addresses and CIDR networks. Throws in words; "everybody" is no network that one can trust. */
export function trustedProxies(entries: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/', 2);
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || prefix < 1 || prefix > most) {
      throw new Error(
        `"${entry}" in TRUSTED_PROXIES is no network such as 10.0.0.0/8 or 2001:db8::/32; * is never allowed`,
      );
    }
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/**
 * The address of the client: the socket's, or, as long as that is a trusted proxy, the one before it in X-Forwarded-For. What
 * stands left of the first address that is not trusted is anybody's claim and is not read.
 */
export function clientAddress(req: Pick<IncomingMessage, 'socket' | 'headers'>, trusted: TrustedProxies): string {
  let address = plainAddress(req.socket.remoteAddress ?? '') ?? '';
  const header = req.headers['x-forwarded-for'];
  const claims = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',');
  while (claims.length > 0 && isTrusted(address, trusted)) {
    const before = plainAddress(claims.pop() ?? '');
    if (before === null) break;
    address = before;
  }
  return address;
}

function isTrusted(address: string, trusted: TrustedProxies): boolean {
  const version = isIP(address);
  return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** Without port, brackets and zone; an IPv4 address inside IPv6 as IPv4. null: no address. */
function plainAddress(text: string): string | null {
  const bare = text
    .trim()
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/%.*$/, '');
  const inner = bare.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  const address = isIP(inner) === 0 ? inner.replace(/:\d+$/, '') : inner;
  return isIP(address) === 0 ? null : address;
}

/** The network of an address, `192.0.2.0/24` or `2001:db8:1::/48`: the most that is kept of where somebody is. Else `unknown`. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (plain === null) return 'unknown';
  if (isIP(plain) === 4) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = ''] = plain.split('::', 1);
  const groups = head === '' ? [] : head.split(':');
  const first = [0, 1, 2].map((i) => Number.parseInt(groups[i] ?? '0', 16).toString(16));
  return `${first.join(':')}::/48`;
}
