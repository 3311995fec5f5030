import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleFacts } from '../../feeds/joomla/fixtures/example.ts';
import type { PackageTerms } from '../../src/licensing/package-terms.ts';
import { type Product, productPath } from '../../src/releases/product.ts';
import { rawConnection } from '../support/raw-http.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import { ask, moduleFacts, onEachServer, type Served, seedRelease } from '../support/served.ts';

interface World {
  product: Product;
  at: string;
  /** One product for both platforms. */
  both: Product;
  bothAt: string;
  key: string;
  stableKey: string;
  bytes: Buffer;
  sha256: string;
}

const LARGE = 3 * 2 ** 20;

async function makeWorld({ core }: Served): Promise<World> {
  const { db } = core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = await seedProduct(db, organization, null);
  const both = await seedProduct(db, organization, null, { platforms: ['joomla', 'dolibarr'] });
  const { bytes, sha256 } = await seedRelease(core, product, { version: '1.0.0', bytes: randomBytes(LARGE) });
  await seedRelease(core, product, { version: '1.1.0-beta.1', clientWord: 'beta', facts: exampleFacts() });
  await seedRelease(core, both, { version: '1.0.0', bytes: Buffer.from('joomla') });
  await seedRelease(core, both, { version: '2.0.0', facts: moduleFacts(), bytes: Buffer.from('dolibarr') });
  const sold = async (terms: Partial<PackageTerms>) =>
    (await seedSoldLicense(db, { organization }, { terms: { sites: null, ...terms } })).key.text;
  return {
    product,
    at: `/${productPath(product)}`,
    both,
    bothAt: `/${productPath(both)}`,
    key: await sold({ channels: ['stable', 'beta'] }),
    stableKey: await sold({ channels: ['stable'] }),
    bytes,
    sha256,
  };
}

onEachServer('a download', (served) => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(served());
  });
  const file = () => `${world.at}/download/1.0.0/com_example-1.0.0.zip?dlid=${world.key}`;

  it('is the file under the name that the client installs by', async () => {
    const { status, headers, bytes, code } = await ask(served(), file());
    expect({ status, code, size: bytes.length }).toEqual({ status: 200, code: 'VALID', size: LARGE });
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(world.sha256);
    expect(headers.get('content-disposition')).toBe('attachment; filename="com_example-1.0.0.zip"');
    expect(headers.get('content-type')).toBe('application/zip');
    expect(headers.get('etag')).toBe(`"${world.sha256}"`);
    expect(headers.get('content-encoding')).toBeNull();
  });

  it.each([
    ['another file name', '1.0.0/anything.zip'],
    ['no file name', '1.0.0'],
    ['one that leads out of the folder', '1.0.0/..%2F..%2Fsecret.key'],
  ])('is the same with %s', async (_, rest) => {
    const { status, headers } = await ask(served(), `${world.at}/download/${rest}?dlid=${world.key}`);
    expect([status, headers.get('etag')]).toEqual([200, `"${world.sha256}"`]);
  });

  describe('in parts', () => {
    it.each([
      ['bytes=0-9', 206, 0, 10],
      ['bytes=1000000-', 206, 1_000_000, LARGE],
      ['bytes=-5', 206, LARGE - 5, LARGE],
    ])('%s', async (range, status, from, to) => {
      const answer = await ask(served(), file(), { headers: { Range: range } });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${LARGE}`);
      expect(answer.bytes.equals(world.bytes.subarray(from, to))).toBe(true);
      expect(answer.headers.get('content-disposition')).toContain('com_example-1.0.0.zip');
    });

    it('refuses a part that is not there', async () => {
      expect((await ask(served(), file(), { headers: { Range: `bytes=${LARGE}-` } })).status).toBe(416);
    });

    it('goes on only with the file that was begun', async () => {
      const part = (tag: string) => ask(served(), file(), { headers: { Range: 'bytes=0-9', 'If-Range': tag } });
      expect((await part(`"${world.sha256}"`)).status).toBe(206);
      expect((await part('"another"')).bytes.length).toBe(LARGE);
    });

    it('asks the gate for each part', async () => {
      const path = file().replace(world.key, 'nobodys');
      expect((await ask(served(), path, { headers: { Range: 'bytes=0-9' } })).status).toBe(403);
      expect((await ask(served(), path, { headers: { 'If-None-Match': `"${world.sha256}"` } })).status).toBe(403);
    });
  });

  it('answers HEAD without the file, and 304 to who has it', async () => {
    const head = await ask(served(), file(), { method: 'HEAD' });
    expect([head.status, head.bytes.length, head.headers.get('content-length')]).toEqual([200, 0, String(LARGE)]);
    expect(head.headers.get('content-disposition')).toBe('attachment; filename="com_example-1.0.0.zip"');
    const kept = await ask(served(), file(), { headers: { 'If-None-Match': `"${world.sha256}"` } });
    expect([kept.status, kept.bytes.length, kept.code]).toEqual([304, 0, 'VALID']);
  });

  it('takes GET and HEAD only', async () => {
    const { status, headers } = await ask(served(), file(), { method: 'POST' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('that is refused says why in one line and where to go', async () => {
    const beta = `${world.at}/download/1.1.0-beta.1/x.zip`;
    const { status, code, text, headers } = await ask(served(), `${beta}?dlid=${world.stableKey}`);
    expect([status, code]).toEqual([403, 'CHANNEL_NOT_INCLUDED']);
    expect(text).toBe(`This license does not include the channel. ${served().url}${world.at}\n`);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-disposition')).toBeNull();
    expect((await ask(served(), `${beta}?dlid=${world.stableKey}`, { method: 'HEAD' })).bytes.length).toBe(0);
  });

  it.each([
    ['an unknown version', '9.9.9/x.zip'],
    ['an unknown channel', 'latest?channel=nightly'],
    ['latest with a file name', 'latest/x.zip'],
  ])('of %s is a 404', async (_, rest) => {
    const path = `${world.at}/download/${rest}`;
    const { status, text } = await ask(served(), `${path}${path.includes('?') ? '&' : '?'}dlid=${world.key}`);
    expect([status, text]).toEqual([404, 'There is no such file.\n']);
  });

  describe('of the latest', () => {
    const nameOf = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await ask(served(), path, { headers });
      return [answer.status, /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '')?.[1] ?? null];
    };

    it('is the newest stable one, or that of the channel that is named', async () => {
      const latest = `${world.at}/download/latest?dlid=${world.key}`;
      expect(await nameOf(latest)).toEqual([200, 'com_example-1.0.0.zip']);
      expect(await nameOf(`${latest}&channel=beta`)).toEqual([200, 'com_example-1.1.0-beta.1.zip']);
      expect(await nameOf(`${latest}&channel=beta`.replace(world.key, world.stableKey))).toEqual([403, null]);
    });

    it('is for the platform that is named, or that asks, or that the product has it for', async () => {
      const latest = `${world.bothAt}/download/latest?dlid=${world.key}`;
      expect(await nameOf(latest)).toEqual([200, 'com_example-1.0.0.zip']);
      expect(await nameOf(`${latest}&platform=dolibarr`)).toEqual([200, 'module_example-2.0.0.zip']);
      expect(await nameOf(`${latest}&platform=nonsense`)).toEqual([200, 'com_example-1.0.0.zip']);
      expect(await nameOf(latest, { 'User-Agent': 'Dolibarr geturl function' })).toEqual([
        200,
        'module_example-2.0.0.zip',
      ]);
      expect(await nameOf(`${latest}&dolibarr=22.0.0`)).toEqual([200, 'module_example-2.0.0.zip']);
    });
  });

  it('takes a slot by the instance of a Dolibarr, also where the browser of its administrator asks', async () => {
    const { core } = served();
    const { both } = world;
    const organization = { id: both.organizationId, slug: both.organizationSlug, name: 'x' };
    const module = await seedProduct(core.db, organization as Parameters<typeof seedProduct>[1], null, {
      platforms: ['dolibarr'],
    });
    await seedRelease(core, module, { version: '1.0.0', facts: moduleFacts() });
    const { key, license } = await seedSoldLicense(core.db, { organization } as Parameters<typeof seedSoldLicense>[1], {
      terms: { sites: 1 },
    });
    const instance = 'ab'.repeat(32);
    const from = (site: string, hash: string) =>
      ask(served(), `/${productPath(module)}/download/latest?key=${key.text}&site=${site}&instance=${hash}`, {
        headers: { 'User-Agent': 'Mozilla/5.0 (X11) Firefox/130.0' },
      });
    expect((await from('erp.customer.com', instance)).status).toBe(200);
    expect((await from('erp.moved.com', instance)).status).toBe(200);
    const other = await from('erp.customer.com', 'cd'.repeat(32));
    expect([other.status, other.code]).toEqual([403, 'SITE_LIMIT']);
    const slots = await core.db.read((tx) => tx('activations').where({ license_id: license.id }).pluck('identity'));
    expect(slots).toEqual([`instance:${instance}`]);
  });

  it('goes to fifty at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(served(), file())));
    const hashes = answers.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
    expect(new Set(hashes)).toEqual(new Set([world.sha256]));
  });

  it('waits for a slow reader, and is not held up by one that is gone', async () => {
    const head = `GET ${file()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const gone = await rawConnection(served().port);
    gone.send(head);
    await gone.receive((text) => text.length > 1_000);
    gone.destroy();
    const slow = await rawConnection(served().port);
    slow.send(head);
    await slow.receive((text) => text.length > 1_000);
    slow.pause();
    expect((await ask(served(), file())).bytes.length).toBe(LARGE);
    slow.resume();
    const text = await slow.receive(() => false);
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(LARGE);
  });

  it('says that it is gone where neither the store nor a forge has the file', async () => {
    const { core } = served();
    const { sha256 } = await seedRelease(core, world.product, { version: '0.1.0', bytes: Buffer.from('lost') });
    await rm(core.store.pathOf(sha256));
    const { status, text } = await ask(served(), `${world.at}/download/0.1.0?dlid=${world.key}`);
    expect([status, text]).toEqual([404, 'The file is not on the forge any more.\n']);
  });
});
