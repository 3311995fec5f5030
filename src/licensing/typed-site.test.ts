import { describe, expect, it } from 'vitest';
import { siteOf, slotOf } from '../../test/support/seed-ledger.ts';
import { maskedSite } from './masked-site.ts';
import { possibleIdentities, slotHeldBy, wildcardsOver } from './slots.ts';
import { mostTransfers, nextTransfer } from './transfers.ts';
import { readTypedSite } from './typed-site.ts';

describe('a site as it is typed', () => {
  it.each<[string, string]>([
    ['https://www.Example.com/shop', 'example.com'],
    ['*.example.com', '*.example.com'],
    [' *.Shop.Example.co.uk ', '*.shop.example.co.uk'],
    ['*.münchen.de', '*.xn--mnchen-3ya.de'],
    ['*.www.example.com', '*.www.example.com'],
    ['*.customer.github.io', '*.customer.github.io'],
    ['*.a.b.c.d.example.com', '*.a.b.c.d.example.com'],
  ])('%s is %s', (text, host) => {
    expect(readTypedSite(text)).toMatchObject({ ok: true, claim: { host } });
  });

  it.each([
    '',
    '*',
    '*.',
    '*.com',
    '*.co.uk',
    '*.github.io',
    '*.localhost',
    '*.127.0.0.1',
    '**.example.com',
    'shop.*.example.com',
    '*example.com',
    '*.example.com/shop',
    '*.*.example.com',
    '*.a.b.c.d.e.example.com',
    'not a host',
    'ftp://example.com',
  ])('%s is refused in words', (text) => {
    const read = readTypedSite(text);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.detail).not.toBe('');
  });
});

describe('a wildcard', () => {
  const wildcard = slotOf('*.example.com');

  it.each<[string, string[]]>([
    ['example.com', ['*.example.com']],
    ['a.example.com', ['*.a.example.com', '*.example.com']],
    ['b.a.example.com', ['*.b.a.example.com', '*.a.example.com', '*.example.com']],
    [
      'f.e.d.c.b.a.example.com',
      ['*.d.c.b.a.example.com', '*.c.b.a.example.com', '*.b.a.example.com', '*.a.example.com', '*.example.com'],
    ],
  ])('over %s is one of %j', (host, expected) => {
    expect(wildcardsOver({ host, registrable: 'example.com' })).toEqual(expected);
  });

  it('is over no address and no bare name', () => {
    expect(wildcardsOver({ host: 'localhost', registrable: 'localhost' })).toEqual([]);
    expect(wildcardsOver({ host: '[::1]', registrable: '[::1]' })).toEqual([]);
    expect(wildcardsOver({ host: '', registrable: '' })).toEqual([]);
  });

  it.each(['example.com', 'shop.example.com', 'deep.shop.example.com', 'dev.example.com'])('holds %s', (host) => {
    expect(slotHeldBy(siteOf(host), 'host', [wildcard])?.id).toBe(wildcard.id);
    expect(possibleIdentities(siteOf(host))).toContain('*.example.com');
  });

  it.each(['example.org', 'notexample.com'])('does not hold %s', (host) => {
    expect(slotHeldBy(siteOf(host), 'host', [wildcard])).toBeNull();
  });

  it('leaves a host that has a slot of its own that one', () => {
    const own = slotOf('shop.example.com');
    expect(slotHeldBy(siteOf('shop.example.com'), 'host', [wildcard, own])?.id).toBe(own.id);
  });
});

describe('the name of a site, masked', () => {
  it.each([
    ['shop.example.co.uk', 'sh***.ex***.co.uk'],
    ['abc.de', 'a***.de'],
    ['*.example.com', '*.ex***.com'],
    ['192.168.1.20', '19***'],
    ['[2001:db8::1]', '[2001***]'],
    ['localhost', 'lo***'],
    ['instance:aaaaaabbbbbb', 'instance:aaaaaa***'],
    ['co.uk', 'co***'],
  ])('of %s is %s', (identity, expected) => {
    expect(maskedSite(identity)).toBe(expected);
  });
});

describe('the transfer budget', () => {
  it.each([
    [1, 1, 5],
    [25, 3, 5],
    [29, 0, 5],
    [30, 0, 6],
    [100, 10, 20],
    [5, 60, 12],
    [null, 10, 5],
    [null, 1_000, 200],
  ])('of %s sites with %s in use is %s', (limit, counted, most) => {
    expect(mostTransfers(limit, counted)).toBe(most);
  });

  it('opens again when the oldest that counts is 30 days old', () => {
    const day = 86_400_000;
    expect(nextTransfer([], 2)).toBeNull();
    expect(nextTransfer([10], 2)).toBeNull();
    expect(nextTransfer([10, 20], 2)).toBe(10 + 30 * day);
    expect(nextTransfer([10, 20, 30], 2)).toBe(20 + 30 * day);
  });
});
