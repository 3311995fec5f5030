import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOWED_SITES_LIMIT, isAllowed, parseAllowedSites } from './allowed-sites.ts';
import { siteIdentity } from './site-identity.ts';

function allowed(entries: string[], site: string): boolean {
  const list = parseAllowedSites(entries);
  const identity = siteIdentity(site);
  if (!list.ok || !identity.ok) throw new Error('expected a list and a site');
  return isAllowed(list.sites, identity.host);
}

describe('parseAllowedSites', () => {
  it('stores identities without doubles, in the order given', () => {
    const entries = [
      ' https://www.Example.com/shop ',
      '*.München.de',
      'example.com',
      '192.168.001.010',
      'localhost',
      '[::1]',
    ];
    expect(parseAllowedSites(entries)).toEqual({
      ok: true,
      sites: ['example.com', '*.xn--mnchen-3ya.de', '192.168.1.8', 'localhost', '[::1]'],
    });
  });

  it('reads its own answer as the same list', () => {
    const list = parseAllowedSites(['www.example.com', '*.www.example.com', '*.alice.github.io']);
    expect(list).toEqual({ ok: true, sites: ['example.com', '*.www.example.com', '*.alice.github.io'] });
    if (list.ok) expect(parseAllowedSites(list.sites)).toEqual(list);
  });

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['ex ample.com', 'no host name'],
    ['joomla.invalid', 'no host name'],
    ['*', 'is written as'],
    ['*.', 'no host name'],
    ['*example.com', 'is written as'],
    ['shop.*.example.com', 'is written as'],
    ['*.*.example.com', 'is written as'],
    ['*.example.*', 'is written as'],
    ['https://*.example.com', 'is written as'],
    ['*.example.com/shop', 'is written as'],
    ['*.com', 'somebody registered'],
    ['*.co.uk', 'somebody registered'],
    ['*.github.io', 'somebody registered'],
    ['*.localhost', 'somebody registered'],
    ['*.10.0.0.1', 'somebody registered'],
    ['*.[::1]', 'somebody registered'],
  ])('refuses %j and names it', (entry, words) => {
    const list = parseAllowedSites(['example.com', entry]);
    expect(list).toMatchObject({ ok: false, errors: [{ index: 1, entry }] });
    expect(list.ok ? '' : list.errors[0]?.detail).toContain(words);
  });

  it('names every bad entry, shortened', () => {
    const list = parseAllowedSites(['*', 'example.com', 'x'.repeat(3000)]);
    expect(list.ok ? [] : list.errors.map(({ index, entry }) => [index, entry.length])).toEqual([
      [0, 1],
      [2, 101],
    ]);
  });

  it('takes 200 entries and not one more', () => {
    const entries = Array.from({ length: ALLOWED_SITES_LIMIT }, (_, i) => `site${i}.example.com`);
    expect(parseAllowedSites(entries).ok).toBe(true);
    expect(parseAllowedSites([...entries, 'one-more.example.com'])).toMatchObject({
      ok: false,
      errors: [{ index: 200, entry: 'one-more.example.com' }],
    });
  });
});

describe('isAllowed', () => {
  it.each([
    ['example.com', 'example.com', true],
    ['example.com', 'www.example.com', true],
    ['www.example.com', 'https://example.com:8443/x', true],
    ['example.com', 'shop.example.com', false],
    ['example.com', 'notexample.com', false],
    ['*.example.com', 'shop.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'www.example.com', true],
    ['*.example.com', 'example.com', true],
    ['*.example.com', 'notexample.com', false],
    ['*.example.com', 'example.com.evil.com', false],
    ['*.shop.example.com', 'example.com', false],
    ['*.shop.example.com', 'de.shop.example.com', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
  ])('the list %j and the site %j: %j', (entry, site, expected) => {
    expect(allowed([entry], site)).toBe(expected);
  });

  it('an empty list means every site', () => {
    expect(allowed([], 'anything.example.org')).toBe(true);
  });

  it('never throws on any entry', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.domain().map((d) => `*.${d}`),
          ),
        ),
        (entries) => {
          const list = parseAllowedSites(entries);
          expect(list.ok ? isAllowed(list.sites, 'x.invalid') && list.sites.length > 0 : false).toBe(false);
        },
      ),
    );
  });
});
