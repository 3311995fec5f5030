import { describe, expect, it } from 'vitest';
import { mayConnect, targetFault } from './target.ts';
import { allowedTargets } from './webhook-io.ts';

const nothing = allowedTargets([]);

describe('the address of a webhook', () => {
  it.each([
    'https://shop.example.com/hooks?token=a',
    'https://shop.example.com:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://shop.example.com./',
    'https://xn--bcher-kva.example.com/',
  ])('may be %s', (url) => {
    expect(targetFault(url, nothing)).toBeNull();
  });

  it.each([
    ['', 'no address'],
    ['shop.example.com', 'no address'],
    ['ftp://shop.example.com/', 'https'],
    ['file:///etc/passwd', 'https'],
    ['http://shop.example.com/', 'https'],
    ['https://user:secret@shop.example.com/', 'no user'],
    ['https://shop.example.com/#a', 'fragment'],
    [`https://shop.example.com/${'a'.repeat(2_000)}`, 'characters'],
    ['https://127.0.0.1/', 'no public address'],
    ['https://127.1/', 'no public address'],
    ['https://2130706433/', 'no public address'],
    ['https://0x7f.0.0.1/', 'no public address'],
    ['https://0177.0.0.1/', 'no public address'],
    ['https://10.0.0.1/', 'no public address'],
    ['https://100.64.0.1/', 'no public address'],
    ['https://172.16.0.1/', 'no public address'],
    ['https://192.168.0.1/', 'no public address'],
    ['https://169.254.169.254/latest/meta-data/', 'no public address'],
    ['https://0.0.0.0/', 'no public address'],
    ['https://[::1]/', 'no public address'],
    ['https://[::ffff:127.0.0.1]/', 'no public address'],
    ['https://[::ffff:a9fe:a9fe]/', 'no public address'],
    ['https://[fd00:ec2::254]/', 'no public address'],
    ['https://[fe80::1]/', 'no public address'],
    ['https://[64:ff9b::10.0.0.1]/', 'no public address'],
    ['https://localhost/', 'no public name'],
    ['https://LOCALHOST./', 'no public name'],
    ['https://a.localhost/', 'no public name'],
    ['https://metadata/', 'no public name'],
    ['https://metadata.google.internal/', 'no public name'],
    ['https://printer.local/', 'no public name'],
  ])('may not be %s', (url, words) => {
    expect(targetFault(url, nothing)).toContain(words);
  });

  it('may be what the operator allows, over http too', () => {
    const allowed = allowedTargets(['CRM.internal', '10.1.0.0/16', 'fd00::/8', '127.0.0.1']);
    for (const url of ['http://crm.internal/', 'http://10.1.2.3/', 'http://[fd00::1]/', 'http://127.0.0.1:81/'])
      expect([url, targetFault(url, allowed)]).toEqual([url, null]);
    for (const url of ['http://10.2.0.1/', 'https://127.0.0.2/', 'https://other.internal/', 'http://shop.example.com/'])
      expect([url, targetFault(url, allowed) === null]).toEqual([url, false]);
  });

  it('is judged again by what its name resolves to', () => {
    const allowed = allowedTargets(['crm.internal', '10.1.0.0/16']);
    expect(mayConnect('shop.example.com', '8.8.8.8', nothing)).toBe(true);
    for (const address of ['127.0.0.1', '10.1.0.1', '::1', '::ffff:10.1.0.1', 'fe80::1%eth0', '169.254.169.254'])
      expect([address, mayConnect('shop.example.com', address, nothing)]).toEqual([address, false]);
    expect(mayConnect('shop.example.com', '10.1.0.1', allowed)).toBe(true);
    expect(mayConnect('shop.example.com', '::ffff:10.1.0.1', allowed)).toBe(true);
    expect(mayConnect('shop.example.com', '10.2.0.1', allowed)).toBe(false);
    expect(mayConnect('crm.internal', '192.168.0.1', allowed)).toBe(true);
  });
});
