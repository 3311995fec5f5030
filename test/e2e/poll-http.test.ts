import { beforeAll, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { addAlias } from '../../src/releases/aliases.ts';
import { type Product, productPath } from '../../src/releases/product.ts';
import { retireProduct, yank } from '../../src/releases/products.ts';
import { rawConnection } from '../support/raw-http.ts';
import {
  SEED_NOW,
  type SeededKey,
  seedForge,
  seedOrganization,
  seedProduct,
  seedShop,
  seedSoldLicense,
} from '../support/seed.ts';
import { ask, moduleFacts, onEachServer, type Served, seedRelease } from '../support/served.ts';

const BY = { actor: CLI_ACTOR, requestId: null, now: SEED_NOW };

interface World {
  product: Product;
  module: Product;
  /** `/org/repo` of each. */
  at: string;
  moduleAt: string;
  key: SeededKey;
}

async function makeWorld({ core }: Served): Promise<World> {
  const { db } = core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = await seedProduct(db, organization, null);
  const module = await seedProduct(db, organization, null, { platforms: ['dolibarr'] });
  await seedRelease(core, product, { version: '1.0.0' });
  await seedRelease(core, product, { version: '1.1.0-beta.1', clientWord: 'beta' });
  const needing = (dolibarrMin: number[]) => moduleFacts({ dolibarrMin });
  await seedRelease(core, module, { version: '1.0.0', facts: needing([16, 0]) });
  await seedRelease(core, module, { version: '2.0.0', facts: needing([20, 0]) });
  const { key } = await seedSoldLicense(db, { organization }, { terms: { sites: null } });
  return { product, module, at: `/${productPath(product)}`, moduleAt: `/${productPath(module)}`, key };
}

onEachServer('a poll over HTTP', (served) => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(served());
  });
  const feed = (query = '') => `${world.at}/updates.xml${query}`;

  describe('the key', () => {
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    it.each<[string, (key: string) => { path: string; headers?: Record<string, string> }]>([
      ['in the path', (key) => ({ path: `/k/${key}${feed()}` })],
      ['as bearer', (key) => ({ path: feed(), headers: { authorization: `Bearer ${key}` } })],
      ['in a header', (key) => ({ path: feed(), headers: { 'X-License-Key': key } })],
      ['as a password', (key) => ({ path: feed(), headers: basic(`anyone:${key}`) })],
      ['as dlid', (key) => ({ path: feed(`?dlid=${key}`) })],
      ['as key', (key) => ({ path: feed(`?key=${key}`) })],
      ['as license_key', (key) => ({ path: feed(`?license_key=${key}`) })],
      ['behind an ampersand that was escaped twice', (key) => ({ path: feed(`?x=1&amp;dlid=${key}`) })],
      ['in lower case', (key) => ({ path: feed(`?dlid=${key.toLowerCase()}`) })],
      ['without dashes', (key) => ({ path: feed(`?dlid=${key.replaceAll('-', '')}`) })],
      ['with blanks', (key) => ({ path: feed(`?dlid=%20${key.replaceAll('-', ' ').replaceAll(' ', '%20')}%20`) })],
      ['with blanks as forms send them', (key) => ({ path: feed(`?dlid=${key.replaceAll('-', '+')}`) })],
      ['twice, the first one right', (key) => ({ path: feed(`?dlid=${key}&dlid=wrong`) })],
      ['once empty, then right', (key) => ({ path: feed(`?dlid=&key=${key}`) })],
      ['with the tail that Joomla tries', (key) => ({ path: feed(`/extension.xml?dlid=${key}`) })],
      ['with that tail behind the query', (key) => ({ path: feed(`?dlid=${key}/extension.xml`) })],
    ])('%s', async (_, request) => {
      const { path, headers = {} } = request(world.key.text);
      const { status, code, versions } = await ask(served(), path, { headers });
      expect({ status, code, versions }).toEqual({ status: 200, code: 'VALID', versions: ['1.0.0'] });
    });

    it('of the path goes before that of a header, and that before the query', async () => {
      const { text } = world.key;
      const bearer = { authorization: `Bearer ${text}` };
      expect((await ask(served(), `/k/nobodys${feed()}`, { headers: bearer })).code).toBe('NOT_FOUND');
      expect((await ask(served(), feed('?dlid=nobodys'), { headers: bearer })).code).toBe('VALID');
      expect((await ask(served(), feed(`?dlid=${text}`), { headers: { 'X-License-Key': 'nobodys' } })).code).toBe(
        'NOT_FOUND',
      );
    });

    it('stands in the links of a feed only where the address had it in its path', async () => {
      const { text } = world.key;
      const keyed = await ask(served(), `/k/${text}${feed()}`);
      const link = /<downloadurl[^>]*>([^<]*)</.exec(keyed.text)?.[1] ?? '';
      expect(link).toBe(`${served().url}/k/${text}${world.at}/download/1.0.0/com_example-1.0.0.zip`);
      expect((await ask(served(), new URL(link).pathname)).status).toBe(200);
      expect((await ask(served(), feed(`?dlid=${text}`))).text).not.toContain(text);
      expect((await ask(served(), feed(), { headers: { 'X-License-Key': text } })).text).not.toContain(text);
    });

    it.each<[string, string, string]>([
      ['a NUL', '?dlid=a%00b', 'NOT_FOUND'],
      ['one of ours with a NUL', '?dlid=FG1-%00', 'KEY_MALFORMED'],
      ['umlauts and emoji', '?dlid=%C3%BC%F0%9F%94%91', 'NOT_FOUND'],
      ['half a character', '?dlid=%ED%A0%80', 'NOT_FOUND'],
      ['broken encoding', '?dlid=%E0%A4%A', 'NOT_FOUND'],
      ['20,000 characters', `?dlid=${'x'.repeat(20_000)}`, 'NOT_FOUND'],
      ['a list', '?dlid[]=a&dlid[]=b', 'NOT_FOUND'],
      ['5,000 parameters', `?${'a=1&'.repeat(5_000)}dlid=x`, 'NOT_FOUND'],
      ['SQL', "?dlid=' or 1=1 --", 'NOT_FOUND'],
    ])('with %s is answered with the empty document', async (_, query, code) => {
      const answer = await ask(served(), feed(query));
      expect({ ...answer, headers: null, bytes: null }).toMatchObject({ status: 200, code, versions: [] });
      expect(answer.text).toContain('<updates/>');
    });
  });

  describe('the site', () => {
    it.each([
      'javascript:alert(1)',
      '127.0.0.1',
      '[::1]:8080',
      'https://user:secret@exämple.de:8443/joomla/index.php?x=1',
      'x'.repeat(300),
      `${'a.'.repeat(3_000)}com`,
      'https://joomla.invalid/',
      'a b',
      '%00',
      '..',
    ])('%s is a site or none, and no reason to fail', async (site) => {
      const { status, versions } = await ask(
        served(),
        feed(`?dlid=${world.key.text}&site=${encodeURIComponent(site)}&instance=${encodeURIComponent(site)}`),
      );
      expect({ status, versions }).toEqual({ status: 200, versions: ['1.0.0'] });
    });
  });

  describe('methods and validators', () => {
    it('answers HEAD as GET without a body', async () => {
      const path = feed(`?dlid=${world.key.text}`);
      const [get, head] = [await ask(served(), path), await ask(served(), path, { method: 'HEAD' })];
      expect(head.bytes.length).toBe(0);
      for (const name of ['etag', 'content-length', 'content-type', 'cache-control', 'x-feedgate-code', 'vary'])
        expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
      expect(Number(head.headers.get('content-length'))).toBe(get.bytes.length);
    });

    it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s with an empty 405', async (method) => {
      const { status, bytes, headers } = await ask(served(), feed(), { method });
      expect({ status, size: bytes.length, allow: headers.get('allow') }).toEqual({
        status: 405,
        size: 0,
        allow: 'GET, HEAD',
      });
    });

    it('answers 304 to who has the body, and the body again once it has changed', async () => {
      const { core } = served();
      const { product, key } = world;
      const path = feed(`?dlid=${key.text}`);
      const first = await ask(served(), path);
      const etag = first.headers.get('etag') ?? '';
      const again = await ask(served(), path, { headers: { 'If-None-Match': `"x", W/${etag}` } });
      expect({ status: again.status, size: again.bytes.length, etag: again.headers.get('etag') }).toEqual({
        status: 304,
        size: 0,
        etag,
      });
      expect(again.headers.get('cache-control')).toBe('private, no-cache');
      const { release } = await seedRelease(core, product, { version: '1.0.5' });
      const changed = await ask(served(), path, { headers: { 'If-None-Match': etag } });
      expect({ status: changed.status, versions: changed.versions }).toEqual({
        status: 200,
        versions: ['1.0.5', '1.0.0'],
      });
      await yank(core.db, release.id, true, 'it breaks sites', BY);
      const yanked = await ask(served(), path, { headers: { 'If-None-Match': changed.headers.get('etag') ?? '' } });
      expect({ status: yanked.status, versions: yanked.versions }).toEqual({ status: 200, versions: ['1.0.0'] });
      expect((await ask(served(), `${world.at}/download/1.0.5/x.zip?dlid=${key.text}`)).status).toBe(404);
    });

    it('never tells a key that was revoked meanwhile that its copy is still right', async () => {
      const { core } = served();
      const organization = { organization: { id: world.product.organizationId } } as Parameters<
        typeof seedSoldLicense
      >[1];
      for (const inPath of [false, true]) {
        const { key } = await seedSoldLicense(core.db, organization, { terms: { sites: null } });
        const path = inPath ? `/k/${key.text}${feed()}` : feed(`?dlid=${key.text}`);
        const etag = (await ask(served(), path)).headers.get('etag') ?? '';
        expect((await ask(served(), path, { headers: { 'If-None-Match': etag } })).status).toBe(304);
        const revoked = { revoked_at: new Date(SEED_NOW).toISOString() };
        await core.db.tx((tx) => tx('license_keys').where({ id: key.id }).update(revoked));
        const { status, code, text } = await ask(served(), path, { headers: { 'If-None-Match': etag } });
        expect({ status, code }).toEqual({ status: 200, code: 'KEY_REVOKED' });
        expect(text).toContain('<updates/>');
      }
    });

    it('gives keys in the path a validator each, and all other askers of the same view one', async () => {
      const { core } = served();
      const shop = { organization: { id: world.product.organizationId } } as Parameters<typeof seedSoldLicense>[1];
      const other = (await seedSoldLicense(core.db, shop, { terms: { sites: null } })).key.text;
      const tagOf = async (path: string) => (await ask(served(), path)).headers.get('etag');
      const { text } = world.key;
      expect(await tagOf(`/k/${text}${feed()}`)).not.toBe(await tagOf(`/k/${other}${feed()}`));
      expect(await tagOf(feed(`?dlid=${text}`))).toBe(await tagOf(feed(`?dlid=${other}`)));
    });

    it('says what the answer depends on', async () => {
      const { headers } = await ask(served(), feed());
      expect(headers.get('vary')).toBe('Authorization, X-License-Key, X-Site-Url');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-encoding')).toBeNull();
    });
  });

  describe('addresses', () => {
    it('serves an edition under its own path', async () => {
      const { core } = served();
      const { product } = world;
      const organization = { id: product.organizationId, slug: product.organizationSlug, name: 'x' };
      const edition = { slug: product.slug, edition: 'pro' };
      const pro = await seedProduct(core.db, organization as Parameters<typeof seedProduct>[1], null, edition);
      await seedRelease(core, pro, { version: '9.0.0' });
      const path = `${world.at}/pro/updates.xml?dlid=${world.key.text}`;
      expect((await ask(served(), path)).versions).toEqual(['9.0.0']);
      expect((await ask(served(), feed(`?dlid=${world.key.text}`))).versions).toEqual(['1.0.0']);
      expect((await ask(served(), `${world.at}/pro/download/latest?dlid=${world.key.text}`)).status).toBe(200);
    });

    it('goes on serving old addresses: a folder, a whole file of any name, and one that stood for another document', async () => {
      const { core } = served();
      const { product, module, key } = world;
      await addAlias(core.db, product, '/Old-Org/Old-Name', null, BY);
      await addAlias(core.db, product, 'updates/hello-feed.xml', 'updates.xml', BY);
      await addAlias(core.db, product, 'updates/hello-changes.xml', 'changelog.xml', BY);
      await addAlias(core.db, module, 'ver.php', 'dolibarr.txt', BY);
      await addAlias(core.db, module, 'modules/example.xml', 'dolibarr.xml', BY);
      const get = (path: string) => ask(served(), `${path}?dlid=${key.text}`);
      expect((await get('/old-org/old-name/updates.xml')).versions).toEqual(['1.0.0']);
      expect((await get('/OLD-ORG/Old-Name/updates.xml')).versions).toEqual(['1.0.0']);
      expect((await get('/updates/hello-feed.xml')).versions).toEqual(['1.0.0']);
      expect((await get('/updates/hello-changes.xml')).text).toContain('<changelogs');
      expect((await get('/ver.php')).text).toBe('2.0.0\n');
      expect((await get('/modules/example.xml')).text).toContain('<module name="example">');
      expect((await get('/old-org/old-name/download/1.0.0/x.zip')).status).toBe(200);
      const { status, headers } = await ask(served(), '/old-org/old-name');
      expect([status, headers.get('location')]).toEqual([301, `${served().url}${world.at}`]);
    });

    it('answers for a platform that is not switched on as its client reads nothing', async () => {
      const { key, moduleAt, at } = world;
      expect((await ask(served(), `${moduleAt}/updates.xml?dlid=${key.text}`)).text).toContain('<updates/>');
      const text = await ask(served(), `${at}/dolibarr.txt?dlid=${key.text}`);
      expect({ status: text.status, size: text.bytes.length, code: text.code }).toEqual({
        status: 200,
        size: 0,
        code: 'VALID',
      });
    });

    it('answers for a retired product as for one that never was', async () => {
      const { core } = served();
      const shop = await seedShop(core.db, { repositoryId: null });
      await seedRelease(core, shop.product, { version: '1.0.0' });
      const { key } = await seedSoldLicense(core.db, shop);
      const path = `/${shop.path}/updates.xml?dlid=${key.text}`;
      expect((await ask(served(), path)).versions).toEqual(['1.0.0']);
      await retireProduct(core.db, shop.product.id, true, BY);
      const [retired, never] = [
        await ask(served(), path),
        await ask(served(), `/no/thing/updates.xml?dlid=${key.text}`),
      ];
      expect([retired.text, retired.code]).toEqual([never.text, never.code]);
      expect((await ask(served(), `/${shop.path}/download/1.0.0/x.zip?dlid=${key.text}`)).status).toBe(404);
      expect((await ask(served(), `/${shop.path}`)).status).toBe(404);
      await retireProduct(core.db, shop.product.id, false, BY);
      expect((await ask(served(), path)).versions).toEqual(['1.0.0']);
    });

    it.each([
      '/acme/h%00i/updates.xml',
      `/acme/${'x'.repeat(9_000)}/updates.xml`,
      '/acme/%/updates.xml',
      '/x/%2e%2e/updates.xml',
    ])('answers %s with the empty document', async (path) => {
      const { status, code, text } = await ask(served(), path);
      expect({ status, code }).toEqual({ status: 200, code: 'NOT_FOUND' });
      expect(text).toContain('<updates/>');
    });
  });

  describe('Dolibarr', () => {
    const latest = async (query: string) => {
      const answer = await ask(served(), `${world.moduleAt}/dolibarr.txt?key=${world.key.text}${query}`);
      return answer.text;
    };

    it('is not told of a version that it could not run', async () => {
      expect(await latest('')).toBe('2.0.0\n');
      expect(await latest('&dolibarr=22.0.4')).toBe('2.0.0\n');
      expect(await latest('&dolibarr=20.0.0')).toBe('2.0.0\n');
      expect(await latest('&dolibarr=19.0.3')).toBe('1.0.0\n');
      expect(await latest('&dolibarr=15.0.0')).toBe('');
      expect(await latest('&dolibarr=nonsense')).toBe('2.0.0\n');
    });

    it('gets nothing but its document, whatever is wrong', async () => {
      for (const path of [`${world.moduleAt}/dolibarr.txt`, '/no/thing/dolibarr.txt', '/a%00/b/dolibarr.txt']) {
        const { status, bytes } = await ask(served(), path);
        expect({ path, status, size: bytes.length }).toEqual({ path, status: 200, size: 0 });
      }
    });
  });

  describe('on the wire', () => {
    const request = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const bodies = (text: string) => text.match(/<\/updates>|<updates\/>/g)?.length ?? 0;

    it('answers requests that are sent without waiting, in their order', async () => {
      const connection = await rawConnection(served().port);
      const paths = [feed(), feed(`?dlid=${world.key.text}`), '/no/thing/updates.xml', feed('?dlid=FG1-x')];
      connection.send(paths.map((path) => request(path)).join(''));
      const text = await connection.receive((all) => bodies(all) === paths.length);
      connection.destroy();
      const codes = [...text.matchAll(/x-feedgate-code: (\w+)/g)].map(([, code]) => code);
      expect(codes).toEqual(['NOT_FOUND', 'VALID', 'NOT_FOUND', 'KEY_MALFORMED']);
    });

    it('waits for a client that sends one byte at a time', async () => {
      const connection = await rawConnection(served().port);
      for (const byte of request(feed())) {
        connection.send(byte);
        await new Promise(setImmediate);
      }
      expect(bodies(await connection.receive((all) => bodies(all) === 1))).toBe(1);
      connection.destroy();
    });

    it.each([
      ['a key of 1 MB in the address', `GET /k/${'x'.repeat(1_000_000)}/a/b/updates.xml HTTP/1.1\r\nHost: x\r\n\r\n`],
      [
        'a key of 1 MB in a header',
        `GET /a/b/updates.xml HTTP/1.1\r\nHost: x\r\nX-License-Key: ${'x'.repeat(1_000_000)}\r\n\r\n`,
      ],
      ['no HTTP', '\0\0\0\0\r\n\r\n'],
      ['no path', 'GET  HTTP/1.1\r\n\r\n'],
    ])('refuses %s and goes on serving others', async (_, text) => {
      const connection = await rawConnection(served().port);
      connection.send(text);
      expect(await connection.receive(() => false)).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect((await ask(served(), feed())).status).toBe(200);
    });

    it('takes a whole address, as proxies are sent it, and HTTP 1.0', async () => {
      const connection = await rawConnection(served().port);
      connection.send(`GET http://updates.example.com${feed(`?dlid=${world.key.text}`)} HTTP/1.0\r\n\r\n`);
      expect(await connection.receive(() => false)).toContain('x-feedgate-code: VALID');
    });

    it('survives a client that goes away in the middle', async () => {
      for (let i = 0; i < 20; i++) {
        const connection = await rawConnection(served().port);
        connection.send(request(feed(`?dlid=${world.key.text}`)).slice(0, i % 2 ? undefined : 30));
        connection.destroy();
      }
      expect((await ask(served(), feed())).status).toBe(200);
    });
  });

  it('has written nothing worse than a warning', () => {
    expect(served().lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});
