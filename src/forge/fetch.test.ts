import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Octokit } from '@octokit/core';
import { afterEach, describe, expect, it } from 'vitest';
import { ForgeTrouble } from '../errors.ts';
import { type ForgeFetchOptions, forgeFetch, readBounded } from './fetch.ts';
import { troubleOf } from './fetch-trouble.ts';

const TOKEN = 'token-of-the-test';
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Site {
  url: string;
  port: number;
  requests: IncomingMessage[];
}

async function site(listener: RequestListener): Promise<Site> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    req.resume();
    listener(req, res);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

function json(res: ServerResponse, value: unknown, status = 200) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function fetchOf(at: Site, options: ForgeFetchOptions = {}) {
  return forgeFetch({ baseUrl: at.url, token: TOKEN }, options);
}

async function reasonOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => new Error('it was answered'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ForgeTrouble)) throw error;
  expect(error.message).not.toContain(TOKEN);
  expect(error.message).not.toContain('signature=');
  return error.reason;
}

describe('the token', () => {
  it('goes to the forge, as a plain or a bearer token', async () => {
    const forge = await site((_req, res) => json(res, {}));
    await fetchOf(forge)(`${forge.url}/a`);
    await forgeFetch({ baseUrl: forge.url, token: 'a.b.c' })(`${forge.url}/a`);
    await forgeFetch({ baseUrl: forge.url, token: null })(`${forge.url}/a`);
    await fetchOf(forge)(`${forge.url}/a`, { headers: { Authorization: 'Bearer own' } });
    expect(forge.requests.map((req) => req.headers.authorization)).toEqual([
      `token ${TOKEN}`,
      'Bearer a.b.c',
      undefined,
      'Bearer own',
    ]);
  });

  it('does not follow a redirect to another origin, which is refused', async () => {
    const other = await site((_req, res) => json(res, {}));
    const forge = await site((_req, res) => res.writeHead(302, { location: `${other.url}/?signature=x` }).end());
    expect(await reasonOf(fetchOf(forge)(`${forge.url}/a`))).toBe('bad_answer');
    expect(other.requests).toHaveLength(0);
  });

  it('is left behind where leaving is allowed, also on the way back', async () => {
    const forge = await site((req, res) => {
      if (req.url === '/start') res.writeHead(302, { location: `${other.url}/signed?signature=x` }).end();
      else res.end('bytes');
    });
    const other: Site = await site((_req, res) => res.writeHead(302, { location: `${forge.url}/back` }).end());
    const answer = await fetchOf(forge, { expect: 'bytes', leaveOrigin: true })(`${forge.url}/start`, {
      headers: { accept: 'application/octet-stream', cookie: 'a=b', 'x-own': '1' },
    });
    expect(await answer.text()).toBe('bytes');
    const [start, back] = forge.requests;
    expect(start?.headers.authorization).toBe(`token ${TOKEN}`);
    expect(other.requests[0]?.headers).toMatchObject({ accept: 'application/octet-stream' });
    for (const request of [other.requests[0], back]) {
      expect(request?.headers.authorization).toBeUndefined();
      expect(request?.headers.cookie).toBeUndefined();
      expect(request?.headers['x-own']).toBeUndefined();
    }
  });

  it('is not sent to an address that is elsewhere from the start', async () => {
    const other = await site((_req, res) => json(res, {}));
    const forge = await site((_req, res) => json(res, {}));
    expect(await reasonOf(fetchOf(forge)(`${other.url}/a`))).toBe('bad_answer');
    await fetchOf(forge, { leaveOrigin: true })(`${other.url}/a`);
    expect(other.requests.map((req) => req.headers.authorization)).toEqual([undefined]);
  });
});

describe('redirects', () => {
  it('follows a relative one', async () => {
    const forge = await site((req, res) => {
      if (req.url === '/old') res.writeHead(301, { location: '/new' }).end();
      else json(res, { at: req.url });
    });
    const answer = await fetchOf(forge)(`${forge.url}/old`);
    expect(await answer.json()).toEqual({ at: '/new' });
    expect(forge.requests[1]?.headers.authorization).toBe(`token ${TOKEN}`);
  });

  it.each(['POST', 'PATCH', 'PUT', 'DELETE'])('never sends a %s again', async (method) => {
    const forge = await site((req, res) => {
      if (req.url === '/old') res.writeHead(301, { location: '/new' }).end();
      else json(res, {});
    });
    expect(await reasonOf(fetchOf(forge)(`${forge.url}/old`, { method, body: '{}' }))).toBe('bad_answer');
    expect(forge.requests).toHaveLength(1);
  });

  it.each([
    ['a circle', () => '/a'],
    ['an endless chain', (req: IncomingMessage) => `${req.url}x`],
    ['no address', () => 'http://['],
    ['another protocol', () => 'ftp://127.0.0.1/x'],
    ['a file', () => 'file:///etc/passwd'],
  ])('stops at %s', async (_name, target) => {
    const forge = await site((req, res) => res.writeHead(302, { location: target(req) }).end());
    expect(await reasonOf(fetchOf(forge, { leaveOrigin: true })(`${forge.url}/a`))).toBe('bad_answer');
    expect(forge.requests.length).toBeLessThanOrEqual(6);
  });

  it.each(['http://localhost', 'http://[::1]', 'http://2130706433', 'http://169.254.169.254', 'http://10.0.0.1'])(
    'does not go to the closed address %s',
    async (host) => {
      const other = await site((_req, res) => res.end('secret'));
      const address = `${new URL(host).origin}:${other.port}/`;
      const forge = await site((_req, res) => res.writeHead(302, { location: address }).end());
      const away = forgeFetch(
        { baseUrl: forge.url.replace('127.0.0.1', 'forge.test'), token: TOKEN },
        { leaveOrigin: true, expect: 'bytes', resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
      );
      expect(await reasonOf(away(`http://forge.test:${forge.port}/a`))).toBe('bad_answer');
      expect(other.requests).toHaveLength(0);
    },
  );

  it('does not go to a name with one closed address among its addresses', async () => {
    const other = await site((_req, res) => res.end('secret'));
    const forge = await site((_req, res) => res.writeHead(302, { location: `http://store.test:${other.port}/` }).end());
    const resolve = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const away = fetchOf(forge, { leaveOrigin: true, expect: 'bytes', resolve });
    expect(await reasonOf(away(`${forge.url}/a`))).toBe('bad_answer');
    expect(other.requests).toHaveLength(0);
  });
});

describe('answers', () => {
  it.each([
    [401, {}, 'unauthorized'],
    [429, { 'retry-after': '3' }, 'rate_limited'],
    [403, { 'x-ratelimit-remaining': '0' }, 'rate_limited'],
    [500, {}, 'bad_answer'],
    [502, {}, 'bad_answer'],
  ])('%d %j is trouble: %s', async (status, headers, reason) => {
    const forge = await site((_req, res) => res.writeHead(status, headers).end('{"message":"no"}'));
    expect(await reasonOf(fetchOf(forge)(`${forge.url}/a?signature=x`))).toBe(reason);
  });

  it.each([404, 403, 409, 422])('%d is an answer', async (status) => {
    const forge = await site((_req, res) => json(res, { message: 'no' }, status));
    const answer = await fetchOf(forge)(`${forge.url}/a`);
    expect([answer.status, await answer.json()]).toEqual([status, { message: 'no' }]);
  });

  it('has no body for 204 and 304', async () => {
    const forge = await site((req, res) => res.writeHead(req.url === '/204' ? 204 : 304).end());
    expect((await fetchOf(forge)(`${forge.url}/204`)).status).toBe(204);
    expect((await fetchOf(forge)(`${forge.url}/304`)).status).toBe(304);
  });

  it.each([
    [
      'a web page',
      (res: ServerResponse) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>'),
    ],
    ['a web page with 404', (res: ServerResponse) => res.writeHead(404, { 'content-type': 'text/html' }).end('<html>')],
    ['cut JSON', (res: ServerResponse) => res.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1},')],
    ['nothing', (res: ServerResponse) => res.writeHead(200).end()],
    ['a body that is too long', (res: ServerResponse) => json(res, 'x'.repeat(2000))],
    [
      'a broken connection',
      (res: ServerResponse) => {
        res.writeHead(200, { 'content-length': '100' });
        res.write('[]', () => res.destroy());
      },
    ],
    ['no HTTP', (res: ServerResponse) => res.socket?.end('hello\r\n\r\n')],
  ])('%s instead of JSON is a bad answer', async (_name, answer) => {
    const forge = await site((_req, res) => void answer(res));
    expect(await reasonOf(fetchOf(forge, { maxJsonBytes: 1000 })(`${forge.url}/a`))).toBe('bad_answer');
  });

  it('does not take a sign-in page for a file', async () => {
    const forge = await site((_req, res) =>
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    );
    expect(await reasonOf(fetchOf(forge, { expect: 'bytes' })(`${forge.url}/a.zip`))).toBe('bad_answer');
  });

  it('sends what it is given', async () => {
    let sent = '';
    const forge = await site((req, res) => {
      req.on('data', (chunk) => {
        sent += chunk;
      });
      req.on('end', () => json(res, { id: 7 }, 201));
    });
    const answer = await fetchOf(forge)(`${forge.url}/hooks`, { method: 'POST', body: '{"a":1}' });
    expect([answer.status, await answer.json(), sent, forge.requests[0]?.method]).toEqual([
      201,
      { id: 7 },
      '{"a":1}',
      'POST',
    ]);
  });
});

describe('the network', () => {
  it('is unreachable where nobody listens', async () => {
    const forge = await site(() => undefined);
    const [server] = servers.splice(0);
    server?.close();
    await once(server ?? forge.requests[0] ?? process, 'close');
    expect(await reasonOf(fetchOf(forge)(`${forge.url}/a`))).toBe('unreachable');
  });

  it('is unreachable where the name does not resolve', async () => {
    const forge = forgeFetch(
      { baseUrl: 'http://forge.test', token: TOKEN },
      { resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) },
    );
    expect(await reasonOf(forge('http://forge.test/a'))).toBe('unreachable');
  });

  it('times out without headers', async () => {
    const forge = await site(() => undefined);
    expect(await reasonOf(fetchOf(forge, { headersTimeoutMs: 20 })(`${forge.url}/a`))).toBe('timeout');
  });

  it('times out when the body falls silent', async () => {
    const forge = await site((_req, res) => void res.writeHead(200).write('['));
    expect(await reasonOf(fetchOf(forge, { idleTimeoutMs: 20 })(`${forge.url}/a`))).toBe('timeout');
  });

  it('reads again when a kept connection was closed meanwhile', async () => {
    const sockets = new Set<unknown>();
    const forge = await site((req, res) => {
      if (sockets.has(req.socket)) return void req.socket.destroy();
      sockets.add(req.socket);
      json(res, {});
    });
    const get = fetchOf(forge);
    expect((await get(`${forge.url}/a`)).status).toBe(200);
    expect((await get(`${forge.url}/b`)).status).toBe(200);
    expect(forge.requests.map((req) => req.url)).toEqual(['/a', '/b', '/b']);
  });
});

describe('streams', () => {
  it('gives every byte', async () => {
    const bytes = Buffer.alloc(300_000, 'feedgate');
    const forge = await site((_req, res) => res.writeHead(200, { 'content-length': bytes.length }).end(bytes));
    const answer = await fetchOf(forge, { expect: 'bytes' })(`${forge.url}/a.zip`);
    expect(answer.headers.get('content-length')).toBe('300000');
    if (answer.body === null) throw new Error('no body');
    const read = await readBounded(answer.body, 300_000);
    expect(read && bytes.equals(read)).toBe(true);
  });

  it('fails when less comes than was promised', async () => {
    const forge = await site((_req, res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('half', () => res.destroy());
    });
    const answer = await fetchOf(forge, { expect: 'bytes' })(`${forge.url}/a.zip`);
    expect(await reasonOf(answer.arrayBuffer())).toBe('bad_answer');
  });

  it('fails when it falls silent', async () => {
    const forge = await site((_req, res) => void res.writeHead(200).write('half'));
    const answer = await fetchOf(forge, { expect: 'bytes', idleTimeoutMs: 20 })(`${forge.url}/a.zip`);
    expect(await reasonOf(answer.arrayBuffer())).toBe('timeout');
  });

  it.each(['before it is read', 'in the middle'])('closes the connection when it is left %s', async (when) => {
    const closed = new Promise((resolve) => {
      void site((_req, res) => {
        res.on('close', () => resolve(true));
        res.writeHead(200, { 'content-length': 1000 }).write('the beginning');
      }).then(async (forge) => {
        const { body } = await fetchOf(forge, { expect: 'bytes' })(`${forge.url}/a.zip`);
        if (when === 'before it is read') return body?.cancel();
        for await (const _chunk of body ?? []) break;
      });
    });
    expect(await closed).toBe(true);
  });

  it('is read up to a limit', async () => {
    const stream = async function* () {
      yield Buffer.from('12345');
      yield Buffer.from('67890');
    };
    expect(await readBounded(stream(), 9)).toBeNull();
    expect(Buffer.from((await readBounded(stream(), 10)) ?? []).toString()).toBe('1234567890');
  });
});

describe('under Octokit', () => {
  it('carries answers and troubles through', async () => {
    const forge = await site((req, res) =>
      req.url === '/api/v1/version' ? json(res, { version: '1' }) : res.writeHead(500).end(),
    );
    const octokit = new Octokit({ baseUrl: `${forge.url}/api/v1`, request: { fetch: fetchOf(forge) } });
    expect((await octokit.request('GET /version')).data).toEqual({ version: '1' });
    expect(forge.requests[0]?.headers.authorization).toBe(`token ${TOKEN}`);
    const error = await octokit.request('GET /broken').catch((thrown: unknown) => thrown);
    expect(troubleOf(error)?.reason).toBe('bad_answer');
  });
});
