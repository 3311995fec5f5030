import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkForUpdates } from './check.ts';
import { joomlaHttp } from './http-io.ts';
import { installUpdate } from './install.ts';
import { joomlaHeaders } from './site.ts';
import { aFeed, anEntry, aSite, aZip, hashOf } from './test-world.ts';

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const headers = joomlaHeaders('5.4.0');

describe('joomlaHttp', () => {
  it("sends Joomla's headers and no other", async () => {
    let seen: IncomingMessage | undefined;
    const base = await serve((request, response) => {
      seen = request;
      response.setHeader('X-Answer', 'yes');
      response.end('body');
    });
    const answer = await joomlaHttp()({ url: `${base}/feed.xml?a=1`, headers, timeoutMs: 20_000 });
    expect([seen?.method, seen?.url]).toEqual(['GET', '/feed.xml?a=1']);
    expect(seen?.rawHeaders).toEqual([
      ...['Host', base.slice('http://'.length)],
      ...['User-Agent', 'Mozilla/5.0 Joomla!/5.4.0 Joomla'],
      ...['Accept', '*/*'],
    ]);
    expect(answer).toMatchObject({ status: 200, url: `${base}/feed.xml?a=1`, headers: { 'x-answer': 'yes' } });
    expect(Buffer.from(answer.body).toString()).toBe('body');
  });

  it.each([301, 302, 303, 307, 308])('follows a %i, also to a relative address', async (status) => {
    const base = await serve((request, response) => {
      if (request.url === '/new') response.end('here');
      else response.writeHead(status, { location: '/new' }).end();
    });
    const answer = await joomlaHttp()({ url: `${base}/old`, headers, timeoutMs: null });
    expect([answer.status, answer.url, Buffer.from(answer.body).toString()]).toEqual([200, `${base}/new`, 'here']);
  });

  it('takes a secret header of a plugin to the same host only, any other header everywhere', async () => {
    const seen: [string | undefined, unknown][] = [];
    const note: RequestListener = (request) => seen.push([request.headers.authorization, request.headers['x-key']]);
    const far = await serve((request, response) => {
      note(request, response);
      response.end();
    });
    const near = await serve((request, response) => {
      note(request, response);
      response.writeHead(302, { location: request.url === '/1' ? '/2' : far }).end();
    });
    const secret = { ...headers, Authorization: 'Bearer t', 'X-Key': 'k' };
    await joomlaHttp()({ url: `${near}/1`, headers: secret, timeoutMs: null });
    expect(seen).toEqual([
      ['Bearer t', 'k'],
      ['Bearer t', 'k'],
      [undefined, 'k'],
    ]);
  });

  it('hands out any other status as it is', async () => {
    const base = await serve((_, response) => response.writeHead(410).end('gone'));
    expect((await joomlaHttp()({ url: base, headers, timeoutMs: null })).status).toBe(410);
  });

  it('gives up on an endless chain, on silence, on a flood, on nobody and on no address at all', async () => {
    const circle = await serve((_, response) => response.writeHead(302, { location: '/' }).end());
    const silent = await serve(() => {});
    const flood = await serve((_, response) => response.end('x'.repeat(1_000)));
    const http = joomlaHttp({ maxBytes: 999 });
    await expect(http({ url: circle, headers, timeoutMs: null })).rejects.toThrow('too many redirects');
    await expect(joomlaHttp({ patienceMs: 1 })({ url: silent, headers, timeoutMs: null })).rejects.toThrow();
    await expect(http({ url: flood, headers, timeoutMs: null })).rejects.toThrow('too large');
    await expect(http({ url: 'http://127.0.0.1:1/', headers, timeoutMs: null })).rejects.toThrow();
    await expect(http({ url: '?dlid=K', headers, timeoutMs: null })).rejects.toThrow();
  });

  it('carries a whole update: check, details, redirect, package', async () => {
    const zip = await aZip();
    const base = await serve((request, response) => {
      const sha = `<sha256>${hashOf('sha256', zip)}</sha256>`;
      const downloads = `<downloads><downloadurl>http://${request.headers.host}/get</downloadurl></downloads>`;
      if (request.url === '/feed.xml') response.end(aFeed(anEntry({ downloads, more: sha })));
      else if (request.url === '/get?dlid=K') response.writeHead(302, { location: '/file' }).end();
      else if (request.url === '/file') {
        response.setHeader('Content-Disposition', 'attachment; filename="com_example-1.2.0.zip"').end(zip);
      } else response.writeHead(403).end();
    });
    const site = aSite({ feedUrl: `${base}/feed.xml`, extraQuery: 'dlid=K' });
    const [row] = (await checkForUpdates(site, joomlaHttp())).offered;
    if (row === undefined) throw new Error('nothing is offered');
    const expected = { outcome: 'installed', fileName: 'com_example-1.2.0.zip', checksum: 'validated' };
    expect(await installUpdate(site, row, joomlaHttp())).toMatchObject(expected);
  });
});
