import { describe, expect, it } from 'vitest';
import { isRefusedHost } from './address-guard.ts';

describe('isRefusedHost', () => {
  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '240.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    'localhost',
    'LOCALHOST',
    'ip6-loopback',
    'metadata.google.internal',
    '[::1]',
    '[::]',
    '[fe80::1]',
    '[fd00::1]',
    '[::ffff:7f00:1]',
  ])('refuses %s', (host) => {
    expect(isRefusedHost(host, [])).toBe(true);
  });

  it.each([
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
    '169.253.0.1',
    '[2001:4860::1]',
    'example.org',
    'name.localhost',
    '10.example.org',
  ])('lets %s pass', (host) => {
    expect(isRefusedHost(host, [])).toBe(false);
  });

  it('looks at every address of a name', () => {
    expect(isRefusedHost('example.org', ['8.8.8.8', '::1'])).toBe(true);
    expect(isRefusedHost('example.org', ['8.8.8.8', '2001:4860::1'])).toBe(false);
  });
});
