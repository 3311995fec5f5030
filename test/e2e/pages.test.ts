import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openArchive } from '../../feeds/joomla/model/archive-io.ts';
import { type Product, productPath } from '../../src/releases/product.ts';
import { updateProduct } from '../../src/releases/store-products.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import {
  ask,
  type Ground,
  moduleFacts,
  onEachServer,
  openGround,
  type Served,
  seedRelease,
  startServed,
} from '../support/served.ts';

const EVIL = `<script>alert("x")</script>'&`;

onEachServer('pages', (served) => {
  let product: Product;
  let key: string;
  const at = () => `/${productPath(product)}`;
  const change = async (changes: Partial<Product>) => {
    product = { ...product, ...changes };
    await served().core.db.tx((tx) => updateProduct(tx, product));
    return (await ask(served(), at())).text;
  };

  beforeAll(async () => {
    const { core } = served();
    const organization = await seedOrganization(core.db, await seedForge(core.db), { name: `Acme ${EVIL}` });
    const platforms = ['joomla', 'dolibarr'] as const;
    product = await seedProduct(core.db, organization, null, { name: `Hello ${EVIL}`, description: EVIL, platforms });
    const changelog = [{ word: 'fix' as const, items: [`Says ${EVIL}`] }];
    await seedRelease(core, product, { version: '1.0.0', changelog });
    await seedRelease(core, product, { version: '1.1.0-rc.1', clientWord: 'rc' });
    await seedRelease(core, product, { version: '2.0.0', facts: moduleFacts() });
    key = (await seedSoldLicense(core.db, { organization })).key.text;
  });

  it('show what vendors write as text, whatever it holds', async () => {
    const { status, text, headers } = await ask(served(), at());
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toContain('Hello &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;');
    expect(text).not.toContain('<script');
    expect(text.match(/&lt;script/g)?.length).toBe(6);
  });

  it('allow the browser nothing but their own style', async () => {
    const { text, headers } = await ask(served(), at());
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(text).not.toMatch(/ style=| on\w+=/);
  });

  it('name the newest version of each public channel, without its file where a key is needed', async () => {
    for (const mode of ['strict', 'listed'] as const) {
      const text = await change({ mode, openChannels: ['stable'] });
      expect(text).toContain('<td>1.0.0</td>');
      expect(text).toContain('<td>2.0.0</td>');
      expect(text).not.toContain('1.1.0-rc.1');
      expect(text).not.toContain('/download/');
      expect(text).toContain('Updates need a license key.');
    }
    const open = await change({ mode: 'open', openChannels: ['stable', 'rc'] });
    const links = [...open.matchAll(/href="([^"]*\/download\/[^"]*)"/g)].map(([, url]) => new URL(url as string));
    expect(links.map(({ pathname }) => pathname.slice(at().length))).toEqual([
      '/download/1.1.0-rc.1/com_example-1.1.0-rc.1.zip',
      '/download/1.0.0/com_example-1.0.0.zip',
      '/download/2.0.0/module_example-2.0.0.zip',
    ]);
    for (const { pathname } of links) expect((await ask(served(), pathname)).status).toBe(200);
    expect(open).toContain('The public versions need no license key');
  });

  it('say to owners of a Joomla site that they need the plugin where a strict feed shows nothing without a key', async () => {
    expect(await change({ mode: 'strict' })).toContain(`/kits/${product.organizationSlug}/joomla.zip`);
    expect(await change({ mode: 'listed' })).not.toContain('/kits/');
    expect(await change({ mode: 'strict', platforms: ['dolibarr'] })).not.toContain('/kits/');
    await change({ platforms: ['joomla', 'dolibarr'] });
  });

  it('lead to where a key is bought', async () => {
    expect(await change({})).toContain('Ask the vendor for a license key.');
    const settings = { ...product.settings, renewUrl: 'https://shop.example.com/?a=1&b=2' };
    const text = await change({ settings });
    expect(text).toContain('<a href="https://shop.example.com/?a=1&amp;b=2">Get or renew a license key.</a>');
  });

  it('have a validator, and are there in any spelling of the address', async () => {
    const { headers } = await ask(served(), at());
    const again = await ask(served(), at(), { headers: { 'If-None-Match': headers.get('etag') ?? '' } });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
    expect((await ask(served(), at().toUpperCase())).text).toBe((await ask(served(), at())).text);
  });

  it('know no key: one in the address changes nothing and is not repeated', async () => {
    const { text } = await ask(served(), `${at()}?dlid=${key}`);
    expect(text).toBe((await ask(served(), at())).text);
    expect((await ask(served(), `/k/${key}${at()}`)).status).toBe(404);
  });

  it.each(['/', '/nothing', '/nobody/nothing', '/a/b/c/d', '/nobody/nothing/pro'])(
    'answer %s with a page that says that there is none',
    async (path) => {
      const { status, text, headers } = await ask(served(), path);
      expect([status, headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
      expect(text).toContain('There is no such page');
    },
  );

  it('are not answered for an address with broken encoding', async () => {
    expect((await ask(served(), '/acme/%E0%A4%A')).status).toBe(400);
  });

  it('tell nobody what went wrong inside', async () => {
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    const large = await fetch(`${served().url}/login/link`, { ...form, body: `token=${'x'.repeat(5_000)}` });
    expect([large.status, await large.text()]).toEqual([413, expect.stringContaining('<h1>')]);
    for (const path of ['/acme/%E0%A4%A', '/login/%E0%A4%A', '/kits/%E0%A4%A/joomla.zip']) {
      const { status, text, headers } = await ask(served(), path);
      expect([path, status, headers.get('cache-control')]).toEqual([path, 400, 'no-store']);
      expect(text).toContain('<h1>');
      expect(text).not.toMatch(/node_modules|URIError|at \w+ \(/);
    }
    const { core } = served();
    await core.db.tx((tx) => tx.schema.renameTable('forge_logins', 'gone'));
    try {
      const { status, text } = await ask(served(), '/login');
      expect([status, text]).toEqual([500, expect.stringContaining('<h1>')]);
      expect(text).not.toMatch(/node_modules|forge_logins/);
      expect(served().lines.some((line) => line.includes('forge_logins'))).toBe(true);
    } finally {
      await core.db.tx((tx) => tx.schema.renameTable('gone', 'forge_logins'));
    }
  });

  describe('kits', () => {
    it.each([
      ['joomla', /^pkg_feedgate_\w+-[\d.]+\.zip$/],
      ['dolibarr', /^[\w.-]+\.zip$/],
    ])('the one for %s is a zip with the address of this server in it', async (platform, fileName) => {
      const { status, headers, bytes } = await ask(served(), `/kits/${product.organizationSlug}/${platform}.zip`);
      expect([status, headers.get('content-type')]).toEqual([200, 'application/zip']);
      expect(/filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')?.[1]).toMatch(fileName);
      const archive = await openArchive(bytes);
      expect(archive?.paths.length).toBeGreaterThan(1);
    });

    it.each(['/kits/nobody/joomla.zip', '/kits/nobody/wordpress.zip'])('%s is a 404', async (path) => {
      const { status, text } = await ask(served(), path);
      expect([status, text]).toEqual([404, expect.stringContaining('There is no such page')]);
    });
  });

  describe('health', () => {
    it('says that the process lives and can work', async () => {
      expect((await ask(served(), '/healthz')).text).toBe('ok\n');
      expect((await ask(served(), '/readyz')).text).toBe('ready\n');
    });

    it('tells numbers to this machine only while there is no token, and not through a proxy', async () => {
      const { status, text } = await ask(served(), '/metrics');
      expect(status).toBe(200);
      expect(text).toContain('feedgate_polls_total');
      expect(text).not.toContain(key);
      const proxied = { headers: { 'X-Forwarded-For': '192.0.2.1' } };
      expect((await ask(served(), '/metrics', proxied)).status).toBe(403);
    });
  });
});

describe('numbers behind a token', () => {
  let ground: Ground;
  let served: Served;
  beforeAll(async () => {
    ground = await openGround('sqlite');
    served = await startServed(ground, { metricsToken: 'a-token-of-some-length' });
  });
  afterAll(async () => {
    await served.stop();
    await ground.drop();
  });

  it.each([
    [undefined, 401],
    ['Bearer wrong', 401],
    ['Basic YTpi', 401],
    ['Bearer a-token-of-some-length', 200],
  ])('%s is answered %i', async (authorization, status) => {
    const answer = await ask(served, '/metrics', authorization === undefined ? {} : { headers: { authorization } });
    expect(answer.status).toBe(status);
  });
});
