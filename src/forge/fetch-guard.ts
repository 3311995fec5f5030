/**
 * Which network addresses a request may go to when somebody else chose the host: a redirect of a forge, a link in a release.
 * Only what is globally routable (IANA special-purpose registries for IPv4 and IPv6); everything else could be the operator's
 * own network or a cloud's metadata service.
 */

/** [network, prefix length] of every IPv4 block that is not globally reachable. */
const CLOSED_V4: readonly (readonly [number, number])[] = [
  [ipv4(0, 0), 8],
  [ipv4(10, 0), 8],
  [ipv4(100, 64), 10],
  [ipv4(127, 0), 8],
  [ipv4(169, 254), 16],
  [ipv4(172, 16), 12],
  [ipv4(192, 0), 24],
  [ipv4(192, 0, 2), 24],
  [ipv4(192, 88, 99), 24],
  [ipv4(192, 168), 16],
  [ipv4(198, 18), 15],
  [ipv4(198, 51, 100), 24],
  [ipv4(203, 0, 113), 24],
  [ipv4(224, 0), 3],
];

/**
 * True for a textual IPv4 or IPv6 address (no brackets, as a resolver gives it) that anybody on the internet could reach.
 * Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4) are judged by that one. Any other text is not public.
 */
export function isPublicAddress(address: string): boolean {
  const v4 = parseV4(address);
  if (v4 !== null) return isPublicV4(v4);
  const groups = parseV6(address);
  return groups !== null && isPublicV6(groups);
}

function isPublicV4(address: number): boolean {
  return !CLOSED_V4.some(([network, bits]) => address >>> (32 - bits) === network >>> (32 - bits));
}

function isPublicV6(groups: readonly number[]): boolean {
  const [g0 = 0, g1 = 0, g2 = 0] = groups;
  const low = joined(groups[6], groups[7]);
  const leadingZeros = groups.findIndex((group) => group !== 0);
  if (leadingZeros === 5 && groups[5] === 0xffff) return isPublicV4(low);
  if (g0 === 0x64 && g1 === 0xff9b && groups.slice(2, 6).every((group) => group === 0)) return isPublicV4(low);
  if (g0 === 0x2002) return isPublicV4(joined(g1, g2));
  if (g0 === 0x2001 && (g1 < 0x0200 || g1 === 0x0db8)) return false;
  if (g0 === 0x3fff && g1 < 0x1000) return false;
  return g0 >>> 13 === 1;
}

function parseV4(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte <= 255) ? ipv4(...bytes) : null;
}

/** Eight groups, or null. A zone (`%eth0`) is only ever on link-local addresses, which are not public anyway. */
function parseV6(text: string): number[] | null {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const v4 = tail ? parseV4(tail[2] ?? '') : null;
  if (tail && v4 === null) return null;
  const full = tail && v4 !== null ? `${tail[1]}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}` : text;
  const halves = full.split('::');
  if (halves.length > 2) return null;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...rest];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}

function ipv4(a = 0, b = 0, c = 0, d = 0): number {
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function joined(high = 0, low = 0): number {
  return ((high << 16) | low) >>> 0;
}
