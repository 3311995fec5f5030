import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_HOSTERS, identityOf, readHost, registrableDomain, siteIdentity } from './site-identity.ts';

function hostOf(raw: string): string {
  const site = siteIdentity(raw);
  return site.ok ? site.host : `(${site.reason})`;
}

function classOf(raw: string): string {
  const site = siteIdentity(raw);
  return site.ok ? site.class : `(${site.reason})`;
}

describe('the host in what a client sends', () => {
  it.each([
    ['https://www.Example.com:8443/shop/index.php?a=b#c', 'example.com'],
    ['example.com', 'example.com'],
    ['  EXAMPLE.com  ', 'example.com'],
    ['example.com:8080/joomla', 'example.com'],
    ['//example.com/x', 'example.com'],
    ['http://user:secret@example.com/', 'example.com'],
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['straße.de', 'xn--strae-oqa.de'],
    ['EXAMPLE。com', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:80', 'example.com'],
    ['http://example.com\\@evil.com', 'example.com'],
    ['shop_1.example.com', 'shop_1.example.com'],
    ['-bad-.example.com', '-bad-.example.com'],
    ['192.168.001.010', '192.168.1.8'],
    ['127.1', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['8.8.8.8.', '8.8.8.8'],
    ['http://[2A00:1450:0:0::1]:8080/', '[2a00:1450::1]'],
    ['2a00:1450::1', '[2a00:1450::1]'],
    ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ['::ffff:8.8.8.8', '8.8.8.8'],
  ])('%j is the site %j', (raw, host) => {
    expect(hostOf(raw)).toBe(host);
  });

  it.each([
    ['www.example.com', 'example.com'],
    ['www.shop.example.com', 'shop.example.com'],
    ['www.www.example.com', 'example.com'],
    ['www.com', 'www.com'],
    ['www.co.uk', 'www.co.uk'],
    ['www.github.io', 'www.github.io'],
    ['www.www.com', 'www.com'],
    ['www2.example.com', 'www2.example.com'],
    ['wwwexample.com', 'wwwexample.com'],
  ])('%j loses its www only if a registered domain is left: %j', (raw, host) => {
    expect(hostOf(raw)).toBe(host);
  });

  it.each([
    ['', 'none'],
    ['   ', 'none'],
    ['https://joomla.invalid/set/by/console/application/', 'none'],
    ['joomla.invalid', 'none'],
    ['x'.repeat(2049), 'too_long'],
    ['xn--a.com', 'not_a_host'],
    ['a%2fb.com', 'not_a_host'],
    ['ex ample.com', 'not_a_host'],
    ['exam\nple.com', 'not_a_host'],
    ['example.com..', 'not_a_host'],
    ['.', 'not_a_host'],
    ['a..b', 'not_a_host'],
    ['*.example.com', 'not_a_host'],
    ['a,b.com', 'not_a_host'],
    ["a'b.com", 'not_a_host'],
    ['1.2.3.4.5', 'not_a_host'],
    ['256.1.1.1', 'not_a_host'],
    ['fe80::1%eth0', 'not_a_host'],
    ['ftp://example.com', 'not_a_host'],
    ['file:///etc/passwd', 'not_a_host'],
    ['http://', 'not_a_host'],
    [`${'a'.repeat(64)}.com`, 'not_a_host'],
    [`${'a.'.repeat(126)}com`, 'not_a_host'],
  ])('%j is no site', (raw, reason) => {
    expect(siteIdentity(raw)).toEqual({ ok: false, reason });
  });

  it('takes the longest legal name and label', () => {
    const longest = `${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(57)}.com`;
    expect(longest).toHaveLength(253);
    expect(hostOf(longest)).toBe(longest);
    expect(hostOf(`${longest}.`)).toBe(longest);
    expect(hostOf(`a${longest.replace(/^a/, '')}x`)).toBe('(not_a_host)');
  });
});

describe('the class of a site', () => {
  it.each([
    ['localhost', 'loopback'],
    ['localhost:8080', 'loopback'],
    ['shop.localhost', 'loopback'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['[::1]', 'loopback'],
    ['[::]', 'loopback'],
    ['[::ffff:127.0.0.1]', 'loopback'],
    ['10.1.2.3', 'private'],
    ['0xA000001', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['[fe80::1]', 'private'],
    ['[febf::1]', 'private'],
    ['[fec0::1]', 'private'],
    ['[fd12:3456::1]', 'private'],
    ['[::ffff:192.168.0.1]', 'private'],
    ['intranet', 'private'],
    ['192.0.2.7', 'reserved'],
    ['198.51.100.7', 'reserved'],
    ['203.0.113.7', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['[2001:db8::1]', 'reserved'],
    ['[ff02::1]', 'reserved'],
    ['shop.test', 'reserved'],
    ['shop.example', 'reserved'],
    ['shop.invalid', 'reserved'],
    ['shop.local', 'reserved'],
    ['shop.internal', 'reserved'],
    ['nas.home.arpa', 'reserved'],
    ['abc.ngrok-free.app', 'hoster'],
    ['10.0.0.1.nip.io', 'hoster'],
    ['staging.abc.ngrok.io', 'hoster'],
    ['example.com', 'counted'],
    ['example.dev', 'counted'],
    ['my.developer-site.com', 'counted'],
    ['localhost.com', 'counted'],
    ['local.com', 'counted'],
    ['test.com', 'counted'],
    ['test.co.uk', 'counted'],
    ['dev.github.io', 'counted'],
    ['dev-example.com', 'counted'],
    ['a.dev.example.com', 'counted'],
    ['mytest.example.com', 'counted'],
    ['notngrok.io', 'counted'],
    ['ngrok.io', 'counted'],
    ['home.arpa.com', 'counted'],
    ['8.8.8.8', 'counted'],
    ['172.32.0.1', 'counted'],
    ['100.128.0.1', 'counted'],
    ['[2a00:1450::1]', 'counted'],
    ['github.io', 'counted'],
  ])('%j is %s', (raw, expected) => {
    expect(classOf(raw)).toBe(expected);
  });

  it.each([
    ['dev.example.com', 'example.com'],
    ['test.example.com', 'example.com'],
    ['stage.example.com', 'example.com'],
    ['staging.example.com', 'example.com'],
    ['staging12.example.com', 'example.com'],
    ['local.example.com', 'example.com'],
    ['uat.example.com', 'example.com'],
    ['preview.example.com', 'example.com'],
    ['www.staging.example.com', 'example.com'],
    ['staging.www.example.com', 'example.com'],
    ['staging.shop.example.com', 'shop.example.com'],
    ['dev.alice.github.io', 'alice.github.io'],
    ['dev.example.co.uk', 'example.co.uk'],
  ])('%j is a staging host beside %j', (raw, beside) => {
    expect(siteIdentity(raw)).toMatchObject({ ok: true, class: 'staging', beside });
  });

  it('goes by the list of hosters it is given', () => {
    const hosters = { version: 'mine', suffixes: ['lan', 'preview.example.net'] };
    const classIn = (raw: string) => siteIdentity(raw, hosters);
    expect(classIn('nas.lan')).toMatchObject({ class: 'hoster' });
    expect(classIn('a.preview.example.net')).toMatchObject({ class: 'hoster' });
    expect(classIn('abc.ngrok.io')).toMatchObject({ class: 'counted' });
    expect(siteIdentity('nas.lan')).toMatchObject({ class: 'counted' });
  });

  it('ships a list that is lower case, sorted and without doubles', () => {
    const { suffixes, version } = DEFAULT_HOSTERS;
    expect(version).not.toBe('');
    expect([...new Set(suffixes)].sort()).toEqual(suffixes);
    for (const suffix of suffixes) expect(readHost(suffix)).toEqual({ ok: true, host: suffix });
  });
});

describe('identityOf', () => {
  it.each([
    ['https://www.a.b.example.co.uk', 'a.b.example.co.uk', 'example.co.uk'],
    ['alice.github.io', 'alice.github.io', 'alice.github.io'],
    ['github.io', 'github.io', 'github.io'],
    ['dev.shop.example.com', 'dev.shop.example.com', 'example.com'],
    ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
    ['intranet', 'intranet', 'intranet'],
  ])('%j holds a slot as host %j or as domain %j', (raw, host, registrable) => {
    const site = siteIdentity(raw);
    if (!site.ok) throw new Error('expected a site');
    expect(identityOf(site, 'host')).toBe(host);
    expect(identityOf(site, 'registrable')).toBe(registrable);
  });
});

describe('for whatever is sent', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const names = fc
    .tuple(
      fc.array(fc.oneof(label, fc.constantFrom('www', 'dev', 'staging', 'localhost', 'ngrok')), { maxLength: 4 }),
      fc.constantFrom('com', 'co.uk', 'github.io', 'test', 'dev', 'local', 'home.arpa', 'xn--p1ai', 'lan', 'io'),
    )
    .map(([labels, end]) => [...labels, end].join('.'));
  const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.ipV4(), fc.ipV6(), names, fc.domain());

  it('never throws, and its own answer gives the same answer', () => {
    fc.assert(
      fc.property(anything, (raw) => {
        const site = siteIdentity(raw);
        if (site.ok) expect(siteIdentity(site.host)).toEqual(site);
      }),
      { numRuns: 2000 },
    );
  });

  it('answers with whole, short, lower-case ASCII labels', () => {
    fc.assert(
      fc.property(anything, (raw) => {
        const site = siteIdentity(raw);
        if (!site.ok || site.host.startsWith('[')) return;
        expect(site.host).toMatch(/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/);
        expect(site.host.length).toBeLessThanOrEqual(253);
        expect(site.host === site.registrable || site.host.endsWith(`.${site.registrable}`)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('sees one site behind scheme, port, path, case, www and trailing dot', () => {
    fc.assert(
      fc.property(
        names,
        fc.constantFrom('http', 'https', 'HTTPS'),
        fc.integer({ min: 1, max: 65535 }),
        (name, scheme, port) => {
          const plain = siteIdentity(name);
          expect(siteIdentity(`${scheme}://${name.toUpperCase()}.:${port}/a/b?c=d`)).toEqual(plain);
          if (registrableDomain(name) !== null) expect(siteIdentity(`www.${name}`)).toEqual(plain);
        },
      ),
    );
  });
});
