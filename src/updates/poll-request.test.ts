import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientVersion, type PollRequest, parsePoll, type RequestHead, type Target } from './poll-request.ts';

const DOCUMENTS = new Set(['updates.xml', 'changelog.xml', 'dolibarr.txt', 'dolibarr.xml']);
const RESERVED = new Set(['api', 'k', 'hooks', 'kits', 'robots.txt']);

function parse(url: string, headers: RequestHead['headers'] = {}): PollRequest | null {
  return parsePoll({ url, headers }, DOCUMENTS, RESERVED);
}

function pathsOf(url: string): string[] | null {
  return parse(url)?.target.paths ?? null;
}

function keyOf(url: string, headers: RequestHead['headers'] = {}): string | null | undefined {
  return parse(url, headers)?.credentials.keyText;
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the target of a poll', () => {
  it.each<[string, string, string[]]>([
    ['/acme/hello/updates.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/acme/hello/pro/updates.xml', 'updates.xml', ['acme/hello/pro', 'acme/hello/pro/updates.xml']],
    ['/Acme/Hello/Updates.XML', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['//acme//hello/dolibarr.txt', 'dolibarr.txt', ['acme/hello', 'acme/hello/dolibarr.txt']],
    ['/acme/hello/updates.xml/extension.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/acme/hello/updates.xml/extension.xml?dlid=K', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/acme/hello/updates.xml?dlid=K/extension.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/k/KEY/acme/hello/updates.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/k//acme/hello/updates.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/K/KEY/acme/hello/updates.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/acme/h%65llo/updates.xml', 'updates.xml', ['acme/hello', 'acme/hello/updates.xml']],
    ['/acme/100%/updates.xml', 'updates.xml', ['acme/100%', 'acme/100%/updates.xml']],
    [
      'http://updates.example.com/acme/hello/dolibarr.txt?key=K',
      'dolibarr.txt',
      ['acme/hello', 'acme/hello/dolibarr.txt'],
    ],
    ['/old/feeds/hello.xml', 'hello.xml', ['old/feeds/hello.xml']],
    ['/ver.php?m=hello', 'ver.php', ['ver.php']],
    ['/updates.xml', 'updates.xml', ['updates.xml']],
  ])('%s asks for %s at %j', (url, fileName, paths) => {
    expect(parse(url)?.target).toEqual({ kind: 'document', fileName, paths } satisfies Target);
  });

  it.each<[string, Omit<Extract<Target, { kind: 'download' }>, 'kind'>]>([
    ['/acme/hello/download/1.1.0/a.zip', { paths: ['acme/hello'], version: '1.1.0', fileName: 'a.zip' }],
    ['/acme/hello/download/latest', { paths: ['acme/hello'], version: 'latest', fileName: null }],
    ['/acme/hello/pro/download/1.1.0', { paths: ['acme/hello/pro'], version: '1.1.0', fileName: null }],
    ['/k/KEY/acme/hello/download/1.1.0/a.zip', { paths: ['acme/hello'], version: '1.1.0', fileName: 'a.zip' }],
    ['/acme/hello/download/1.0.0%2B5/a%20b.zip', { paths: ['acme/hello'], version: '1.0.0+5', fileName: 'a b.zip' }],
    ['/acme/hello/download/1.1.0/updates.xml', { paths: ['acme/hello'], version: '1.1.0', fileName: 'updates.xml' }],
  ])('%s is a download', (url, target) => {
    expect(parse(url)?.target).toEqual({ kind: 'download', ...target });
  });

  it.each([
    '/',
    '',
    '/?dlid=K',
    '/acme/hello',
    '/acme/hello/download',
    '/acme/hello/download/1/2/3',
    '/acme/hello/updates.xml.zip',
    '/api/openapi.json',
    '/API/v1/updates.xml',
    '/kits/acme/joomla.zip',
    '/robots.txt',
    '/k/KEY',
    '/k/KEY/api/v1/updates.xml',
    '/%61pi/v1/updates.xml',
    '*',
  ])('%s is left to others', (url) => {
    expect(parse(url)).toBeNull();
  });

  it.each([
    ['a NUL', '/acme/hel%00lo/updates.xml'],
    ['a line end', '/acme/hel%0Alo/updates.xml'],
    ['a name longer than any alias', `/acme/${'x'.repeat(600)}/updates.xml`],
  ])('%s in the path leads nowhere, and the client gets its document all the same', (_, url) => {
    expect(pathsOf(url)).toEqual([]);
  });
});

describe('the key of a poll', () => {
  const FEED = '/acme/hello/updates.xml';

  it('is the first that is not empty: path, bearer, header, Basic password, then the query by name', () => {
    const everywhere = {
      url: `/k/in-path${FEED}?amp;dlid=amp&license_key=license&key=key&dlid=dlid`,
      headers: { authorization: 'Bearer bearer', 'x-license-key': 'header' } as RequestHead['headers'],
    };
    expect(keyOf(everywhere.url, everywhere.headers)).toBe('in-path');
    const query = `${FEED}?amp;dlid=amp&license_key=license&key=key&dlid=dlid`;
    expect(keyOf(query, everywhere.headers)).toBe('bearer');
    expect(keyOf(query, { 'x-license-key': 'header' })).toBe('header');
    expect(keyOf(query, { 'x-license-key': 'header', authorization: basic('u:basic') })).toBe('header');
    expect(keyOf(query, { authorization: basic('u:basic') })).toBe('basic');
    expect(keyOf(query)).toBe('dlid');
    expect(keyOf(`${FEED}?amp;dlid=amp&license_key=license&key=key`)).toBe('key');
    expect(keyOf(`${FEED}?amp;dlid=amp&license_key=license`)).toBe('license');
    expect(keyOf(`${FEED}?amp;dlid=amp`)).toBe('amp');
    expect(keyOf(FEED)).toBeNull();
  });

  it.each<[string, string, RequestHead['headers'], string | null]>([
    ['an empty one gives way to the next', `${FEED}?dlid=&key=K`, { 'x-license-key': '' }, 'K'],
    ['a blank one too', `/k/%20${FEED}?key=K`, { 'x-license-key': '  ' }, 'K'],
    ['a login without a password is no key', FEED, { authorization: basic('user') }, null],
    ['a password may hold colons', FEED, { authorization: basic('user:a:b') }, 'a:b'],
    ['Basic that is no base64 is no key', FEED, { authorization: 'Basic ***' }, null],
    ['a scheme in other letters', FEED, { authorization: 'bEARER K' }, 'K'],
    ['another scheme', FEED, { authorization: 'Digest K' }, null],
    ['encoded', `${FEED}?dlid=FG1%2DAB%20CD`, {}, 'FG1-AB CD'],
    ['encoded name', `${FEED}?%64lid=K`, {}, 'K'],
    ['raw, as Joomla sends it', `${FEED}?dlid=ab:c/d+e==`, {}, 'ab:c/d+e=='],
    ['a plus in a key like ours is a blank', `${FEED}?dlid=FG1+AB+CD`, {}, 'FG1 AB CD'],
    ['broken encoding as it stands', `${FEED}?dlid=100%`, {}, '100%'],
    ['the first of two', `${FEED}?dlid=a&dlid=b`, {}, 'a'],
    ['the first of two that is not empty', `${FEED}?dlid=&dlid=b`, {}, 'b'],
    ['a list of PHP is another name', `${FEED}?dlid[]=a`, {}, null],
    ['umlauts', `${FEED}?dlid=%C3%BC`, {}, 'ü'],
    ['a NUL', `${FEED}?dlid=a%00b`, {}, 'a\0b'],
    ['in the path, encoded', `/k/a%2Fb${FEED}`, {}, 'a/b'],
    ['in the path, broken encoding', `/k/a%zz${FEED}`, {}, 'a%zz'],
    ['of a header that came twice', FEED, { 'x-license-key': ['a', 'b'] }, 'a'],
  ])('%s', (_, url, headers, expected) => {
    expect(keyOf(url, headers)).toBe(expected);
  });

  it.each([
    ['/k/KEY/acme/hello/updates.xml', true],
    ['/k//acme/hello/updates.xml', false],
    ['/acme/hello/updates.xml?dlid=KEY', false],
  ])('%s: links carry the key: %s', (url, expected) => {
    expect(parse(url)?.keyInPath).toBe(expected);
  });
});

describe('the site of a poll', () => {
  it.each<[string, RequestHead['headers'], string | null]>([
    ['?site=a.example&domain=b.example', { 'x-site-url': 'https://c.example' }, 'a.example'],
    ['?site=&domain=b.example', { 'x-site-url': 'https://c.example' }, 'b.example'],
    ['', { 'x-site-url': 'https://c.example' }, 'https://c.example'],
    ['?site=https%3A%2F%2Fd.example%2Fjoomla', {}, 'https://d.example/joomla'],
    ['?site=https://d.example/joomla', {}, 'https://d.example/joomla'],
    ['', {}, null],
  ])('%s with %j is %s', (query, headers, expected) => {
    expect(parse(`/acme/hello/updates.xml${query}`, headers)?.credentials.siteText).toBe(expected);
  });

  it('comes with an instance', () => {
    expect(parse('/acme/hello/dolibarr.txt?instance=abc')?.credentials.instanceText).toBe('abc');
  });
});

describe('the installed version', () => {
  it.each([
    ['?installed=1.2.3', '1.2.3'],
    ['?installed=2.0.0-rc.1%2Bbuild.5', '2.0.0-rc.1+build.5'],
    ['?installed=%201.2%20', '1.2'],
    ['?installed=', null],
    ['?installed=1.2&installed=3', '1.2'],
    ['?installed=%3Cscript%3E', null],
    ['?installed=1.2%00', null],
    [`?installed=${'1'.repeat(40)}`, '1'.repeat(40)],
    [`?installed=${'1'.repeat(41)}`, null],
    ['?installed=-1', null],
    ['', null],
  ])('of %s is %s', (query, expected) => {
    expect(parse(`/acme/hello/updates.xml${query}`)?.extensionVersion).toBe(expected);
    expect(parse(`/acme/hello/download/latest${query}`)?.extensionVersion).toBe(expected);
  });
});

describe('clientVersion', () => {
  const query = (url: string) => parse(`/acme/hello/dolibarr.txt${url}`)?.query ?? (() => null);
  it.each([
    ['joomla', 'Mozilla/5.0 Joomla!/5.2.1 Joomla', '', 'joomla/5.2.1'],
    ['joomla', 'Mozilla/5.0 Joomla!/6.0.0-alpha1 Joomla', '', 'joomla/6.0.0-alpha1'],
    ['joomla', 'curl/8', '', ''],
    ['joomla', undefined, '', ''],
    ['dolibarr', 'Dolibarr geturl function', '?dolibarr=22.0.4', 'dolibarr/22.0.4'],
    ['dolibarr', 'Dolibarr geturl function', '', ''],
    ['dolibarr', '', '?dolibarr=x', ''],
    ['dolibarr', '', `?dolibarr=1${'0'.repeat(40)}`, ''],
    ['dolibarr', '', '?dolibarr=22%00', ''],
  ] as const)('%s that says %s %s is %s', (platform, userAgent, parameters, expected) => {
    expect(clientVersion(platform, userAgent, query(parameters))).toBe(expected);
  });
});

describe('whatever comes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'acme',
      'hello',
      'k',
      'api',
      'download',
      'latest',
      'updates.xml',
      'extension.xml',
      '%',
      '%00',
      '%ff',
    ),
    fc.string({ maxLength: 20, unit: 'binary' }),
  );
  const address = fc
    .tuple(fc.array(piece, { maxLength: 8 }), fc.array(fc.tuple(piece, piece), { maxLength: 5 }))
    .map(([path, query]) => `/${path.join('/')}?dlid=${query.map((pair) => pair.join('=')).join('&')}`);
  const headers = fc.record(
    {
      authorization: fc.string({ unit: 'binary' }),
      'x-license-key': fc.string({ unit: 'binary' }),
      'x-site-url': fc.string(),
    },
    { requiredKeys: [] },
  );

  it('never throws, and names at most two addresses that a database can be asked for', () => {
    fc.assert(
      fc.property(fc.oneof(address, fc.string({ unit: 'binary' }), fc.webPath()), headers, (url, sent) => {
        const poll = parse(url, sent);
        if (poll === null) return;
        poll.query('dlid');
        expect(poll.target.paths.length).toBeLessThanOrEqual(2);
        for (const path of poll.target.paths) expect(path).toMatch(/^[^\p{Cc}]{1,500}$/u);
        expect(poll.credentials.keyText ?? 'none').not.toMatch(/^\s*$/);
      }),
    );
  });

  it('reads the same document with a key in the path and without', () => {
    const segment = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/).filter((text) => !RESERVED.has(text));
    fc.assert(
      fc.property(segment, segment, fc.stringMatching(/^[A-Z0-9-]{1,40}$/), (organization, repository, key) => {
        const path = `/${organization}/${repository}/updates.xml`;
        expect(parse(`/k/${key}${path}`)?.target).toEqual(parse(path)?.target);
        expect(keyOf(`/k/${key}${path}`)).toBe(keyOf(`${path}?dlid=${key}`));
      }),
    );
  });

  it('reads any text that a client encoded as a key', () => {
    const text = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .filter((each) => each.trim() !== '' && !each.includes('+'));
    fc.assert(
      fc.property(text, (key) => {
        expect(keyOf(`/acme/hello/updates.xml?dlid=${encodeURIComponent(key)}`)).toBe(key);
      }),
    );
  });
});
