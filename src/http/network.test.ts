import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress, networkOf, trustedProxies } from './network.ts';

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as Parameters<typeof clientAddress>[0];

describe('clientAddress', () => {
  const trusted = trustedProxies(['10.0.0.0/8', '127.0.0.1', '2001:db8::/32']);

  it.each([
    ['a stranger who claims another address', '203.0.113.1', '198.51.100.7', '203.0.113.1'],
    ['a trusted proxy', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['a trusted proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy inside IPv6', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['a proxy on IPv6', '2001:db8::1', '2001:0db9::7', '2001:0db9::7'],
    ['a client that forged the first entry', '10.0.0.1', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['two proxies', '10.0.0.1', '1.1.1.1, 198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['proxies only', '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    ['an entry with a port', '10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['an entry with brackets and port', '10.0.0.1', '[2001:db9::7]:4711', '2001:db9::7'],
    ['an entry that is no address', '10.0.0.1', '198.51.100.7, unknown', '10.0.0.1'],
    ['an empty entry', '10.0.0.1', '', '10.0.0.1'],
    ['a socket that is gone', undefined, '198.51.100.7', ''],
  ])('reads %s', (_, socket, forwarded, address) => {
    expect(clientAddress(request(socket, forwarded), trusted)).toBe(address);
  });

  it('trusts nobody by default', () => {
    expect(clientAddress(request('127.0.0.1', '198.51.100.7'), trustedProxies([]))).toBe('127.0.0.1');
  });
});

describe('trustedProxies', () => {
  it.each([
    '*',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '2001:db8::/129',
    'proxy.local',
    '',
    '10.0.0.0/-1',
    '10.0.0/8',
  ])('refuses %j in words', (entry) => {
    expect(() => trustedProxies(['10.0.0.1', entry])).toThrow('TRUSTED_PROXIES');
  });
});

describe('networkOf', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1234:5678::9', '2001:db8:1234::/48'],
    ['2001:0DB8:0001:0002:0003:0004:0005:0006', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['', 'unknown'],
    ['somewhere', 'unknown'],
  ])('cuts %j to %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('depends on the first 48 bits of an IPv6 address only, however it is written', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((value) => value.toString(16).padStart(4, '0')).join(':');
        // WHATWG URL writes the short form.
        const short = new URL(`http://[${long}]/`).hostname.slice(1, -1);
        expect(isIPv6(short)).toBe(true);
        const network = `${groups
          .slice(0, 3)
          .map((value) => value.toString(16))
          .join(':')}::/48`;
        const mapped = groups.slice(0, 5).every((value) => value === 0) && groups[5] === 0xffff;
        if (!mapped) expect([networkOf(long), networkOf(short)]).toEqual([network, network]);
      }),
    );
  });
});
