import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { describeCheck } from './check-sentence.ts';
import { dolibarrHttp } from './http-io.ts';
import { checkForUpdate, type DolibarrHttp, type HttpAnswer, type UpdateCheck } from './update-check.ts';

const servers: Server[] = [];
const endpoint = dolibarrHttp({ guard: false });

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serve(listener: RequestListener): Promise<string> {
  return listen(createServer(listener));
}

/** A server that hands every connection to `answer`, below HTTP. */
function serveRaw(answer: (socket: Socket) => void): Promise<string> {
  return listen(createTcpServer((socket) => answer(socket.on('error', () => {}))));
}

function answering(body: string | Uint8Array, status = 200): DolibarrHttp {
  return { get: async () => ({ status, location: null, body: Buffer.from(body) }) };
}

function check(body: string | Uint8Array, installed = '1.0.0', status = 200): Promise<UpdateCheck> {
  return checkForUpdate({ version: installed, urlLastVersion: 'https://x.org/v.txt' }, answering(body, status));
}

describe('what Dolibarr makes of an answer', () => {
  it.each([
    ['2.0.0', '1.0.0', 200, 1, '2.0.0'],
    ['2.0.0\n', '1.0.0', 200, 1, '2.0.0'],
    ['2.0.0\r\n', '1.0.0', 200, 1, '2.0.0'],
    ['\ufeff2.0.0', '1.0.0', 200, 1, '2.0.0'],
    ['', '1.0.0', 200, 0, ''],
    ['', '1.0.0', 204, 0, ''],
    ['', '1.0.0', 404, 0, ''],
    ['404 page not found\n', '1.0.0', 404, 1, '404pagenotfound'],
    ['403 Forbidden', '1.0.0', 403, 1, '403Forbidden'],
    ['9.9.9', '1.0.0', 404, 1, '9.9.9'],
    ['Forbidden', '1.0.0', 403, 0, 'Forbidden'],
    ['Internal Server Error', '1.0.0', 500, 0, 'InternalServerError'],
    [`<html><body>${'x'.repeat(41)}</body></html>`, '1.0.0', 200, -1, null],
    ['{"version":"2.0.0"}', '1.0.0', 200, 0, 'version2.0.0'],
    ['v2.0.0', '1.0.0', 200, 0, 'v2.0.0'],
    ['2.0.0-rc.1', '1.0.0', 200, 1, '2.0.0-rc.1'],
    ['2.0.0-rc.1', '2.0.0', 200, 0, '2.0.0-rc.1'],
    ['2.0.0', '2.0.0-rc.1', 200, 1, '2.0.0'],
    ['2.0.0-rc.2', '2.0.0-rc.1', 200, 1, '2.0.0-rc.2'],
    ['2.0.0-beta.1', '2.0.0-alpha.1', 200, 1, '2.0.0-beta.1'],
    ['2.0.0-dev.1', '2.0.0-alpha.9', 200, 0, '2.0.0-dev.1'],
    ['2.0.0-development', '2.0.0-alpha.9', 200, 0, '2.0.0-development'],
    ['2.0.0-security.1', '2.0.0', 200, 0, '2.0.0-security.1'],
    ['2.0.0-pl1', '2.0.0', 200, 1, '2.0.0-pl1'],
    ['2.0.0+build.5', '2.0.0', 200, 0, '2.0.0build.5'],
    ['2.0.0+1', '2.0.0', 200, 1, '2.0.01'],
    ['2.0.0', '2.0', 200, 1, '2.0.0'],
    ['2.0.0.1', '2.0.0', 200, 1, '2.0.0.1'],
    ['02.05.02', '2.5.1', 200, 1, '02.05.02'],
    ['02.05.02', '2.5.2', 200, 0, '02.05.02'],
    ['9'.repeat(29), '1.0.0', 200, 1, '9'.repeat(29)],
    ['9'.repeat(30), '1.0.0', 200, -1, null],
    [`${'9'.repeat(28)}\r\n`, '1.0.0', 200, -1, null],
    [`\ufeff${'9'.repeat(27)}`, '1.0.0', 200, -1, null],
    ['é'.repeat(15), '1.0.0', 200, -1, null],
    ['2.0.0', 'development', 200, 1, '2.0.0'],
    ['2.0.0', 'dolibarr', 200, 1, '2.0.0'],
  ])('%j over %s (%d) gives %d', async (body, installed, status, result, lastVersion) => {
    expect(await check(body, installed, status)).toMatchObject({ result, lastVersion, status });
  });

  it('undoes no compression', async () => {
    const base = await serve((_, response) => {
      response.setHeader('Content-Encoding', 'gzip').end(gzipSync('2.0.0\n'));
    });
    const packed = gzipSync('2.0.0\n');
    expect(packed.byteLength).toBeLessThan(30);
    const result = await checkForUpdate({ version: '1.0.0', urlLastVersion: base }, endpoint);
    expect(result.lastVersion).not.toBe('2.0.0');
    expect(result.lastVersion).toBe(packed.toString('latin1').replace(/[^\w.-]/g, ''));
  });
});

describe('what Dolibarr sends', () => {
  it('is Host, User-Agent and Accept, and nothing else', async () => {
    let sent = '';
    const base = await serveRaw((socket) => {
      socket.on('data', (data) => {
        sent += data.toString();
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n2.0.0\n');
      });
    });
    const url = `${base}/acme/example/dolibarr.txt?key=a%20b&m=example`;
    expect(await checkForUpdate({ version: '1.0.0', urlLastVersion: url }, endpoint)).toMatchObject({ result: 1 });
    const lines = sent.trimEnd().split('\r\n');
    expect(lines[0]).toBe('GET /acme/example/dolibarr.txt?key=a%20b&m=example HTTP/1.1');
    expect(lines.slice(1).sort()).toEqual([
      'Accept: */*',
      `Host: ${new URL(base).host}`,
      'User-Agent: Dolibarr geturl function',
    ]);
  });

  it('is also Basic for a user and password in the address', async () => {
    const seen: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      seen.push(request.url, request.headers.authorization);
      response.end('2.0.0');
    });
    await checkForUpdate({ version: '1', urlLastVersion: base.replace('//', '//us%20er:pa%3Ass@') }, endpoint);
    expect(seen).toEqual(['/', `Basic ${Buffer.from('us er:pa:ss').toString('base64')}`]);
  });
});

describe('redirects', () => {
  function hopping(status: number): RequestListener {
    return (request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) return void response.end('2.0.0\n');
      response.writeHead(status, { Location: `/${left - 1}` }).end();
    };
  }

  it.each([
    [301, 1, 1],
    [302, 1, 1],
    [303, 1, 1],
    [307, 4, 1],
    [307, 5, 0],
    [308, 1, 0],
    [300, 1, 0],
  ])('of status %d, %d hops: result %d', async (status, hops, result) => {
    const base = await serve(hopping(status));
    const found = await checkForUpdate({ version: '1.0.0', urlLastVersion: `${base}/${hops}` }, endpoint);
    expect(found.result).toBe(result);
  });

  it('end with their own body after the fourth', async () => {
    const base = await serve((_, response) => response.writeHead(302, { Location: '/' }).end('3.0.0'));
    const found = await checkForUpdate({ version: '1.0.0', urlLastVersion: base }, endpoint);
    expect(found).toMatchObject({ result: 1, lastVersion: '3.0.0', redirects: 4, status: 302 });
  });

  it('without a target give nothing, and to another scheme are refused', async () => {
    const without: HttpAnswer = { status: 302, location: null, body: Buffer.from('9.9.9') };
    const module = { version: '1.0.0', urlLastVersion: 'https://x.org/' };
    expect(await checkForUpdate(module, { get: async () => without })).toMatchObject({ result: 0, cause: 'no_answer' });
    const elsewhere = { ...without, location: 'ftp://x.org/' };
    expect(await checkForUpdate(module, { get: async () => elsewhere })).toMatchObject({
      result: -1,
      cause: 'refused_address',
    });
  });
});

describe('no answer', () => {
  it.each([
    ['refused', (socket: Socket) => socket.destroy()],
    [
      'cut off',
      (socket: Socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n2.0.0')),
    ],
    ['not HTTP', (socket: Socket) => socket.once('data', () => socket.end('2.0.0\n'))],
    ['without an end', () => {}],
  ])('(%s) is "up to date"', async (_, answer) => {
    const sockets: Socket[] = [];
    const base = await serveRaw((socket) => {
      sockets.push(socket);
      answer(socket);
    });
    const http = dolibarrHttp({ guard: false, timeoutMs: 300 });
    const found = await checkForUpdate({ version: '1.0.0', urlLastVersion: base }, http);
    expect(found).toMatchObject({ result: 0, cause: 'no_answer', lastVersion: '' });
    for (const socket of sockets) socket.destroy();
  });

  it('(nobody listens, or TLS fails) is "up to date"', async () => {
    const base = await serve((_, response) => response.end('2.0.0'));
    for (const url of ['http://127.0.0.1:1/', base.replace('http:', 'https:')]) {
      expect(await checkForUpdate({ version: '1.0.0', urlLastVersion: url }, endpoint)).toMatchObject({
        cause: 'no_answer',
      });
    }
  });

  it('is waited for where the module names no address', async () => {
    const never: DolibarrHttp = { get: () => Promise.reject(new Error('asked')) };
    for (const urlLastVersion of [null, '']) {
      expect(await checkForUpdate({ version: '1.0.0', urlLastVersion }, never)).toMatchObject({
        result: 0,
        cause: 'no_url',
      });
    }
  });

  it('is cut at a size, which fails the check like any long answer', async () => {
    const base = await serve((_, response) => response.end('1'.repeat(3_000_000)));
    expect(await checkForUpdate({ version: '1.0.0', urlLastVersion: base }, endpoint)).toMatchObject({
      cause: 'too_long',
    });
  });
});

describe('the guard', () => {
  const answer = (location: string | null): HttpAnswer => ({
    status: location ? 302 : 200,
    location,
    body: Buffer.from('2.0.0'),
  });

  it('refuses a private address before anything is sent, and as the target of a redirect', async () => {
    const asked: string[] = [];
    const http: DolibarrHttp = {
      get: async (url) => {
        asked.push(url);
        return answer('http://10.0.0.1/');
      },
      addressesOf: async (host) => (host === 'inside.example' ? ['192.168.1.2'] : []),
    };
    const of = (urlLastVersion: string): Promise<UpdateCheck> =>
      checkForUpdate({ version: '1.0.0', urlLastVersion }, http);
    expect(await of('http://inside.example/')).toMatchObject({ result: -1, cause: 'refused_address' });
    expect(asked).toEqual([]);
    expect(await of('http://outside.example/')).toMatchObject({ result: -1, cause: 'refused_address', redirects: 1 });
    expect(asked).toEqual(['http://outside.example/']);
  });

  it('is on unless it is switched off', async () => {
    const base = await serve((_, response) => response.end('2.0.0'));
    const found = await checkForUpdate({ version: '1.0.0', urlLastVersion: base }, dolibarrHttp());
    expect(found).toMatchObject({ result: -1, cause: 'refused_address' });
  });

  it.each(['ftp://x.org/', 'file:///etc/passwd', 'ver.php', 'https://'])('refuses %s', async (urlLastVersion) => {
    expect(await checkForUpdate({ version: '1.0.0', urlLastVersion }, answering('2.0.0'))).toMatchObject({
      result: -1,
      cause: 'refused_address',
    });
  });
});

describe('describeCheck', () => {
  it.each([
    ['2.0.0\n', 200, 'Dolibarr shows an update from 1.0.0 to 2.0.0.'],
    [
      '404 page not found\n',
      404,
      'Dolibarr shows an update from 1.0.0 to 404pagenotfound (although the answer has status 404, which it ignores).',
    ],
    ['1.0.0\n', 200, 'Dolibarr shows nothing: it was told 1.0.0, which is not newer than 1.0.0.'],
    ['', 403, 'Dolibarr shows nothing: the answer was empty, which it takes for "up to date".'],
    ['x'.repeat(30), 200, 'Dolibarr shows "version check failed": the answer has 30 bytes or more.'],
  ])('of %j (%d)', async (body, status, sentence) => {
    expect(describeCheck(await check(body, '1.0.0', status))).toBe(sentence);
  });

  it.each([
    [null, 'names no address'],
    ['ftp://x.org/', 'private addresses'],
  ])('of the address %s', async (urlLastVersion, part) => {
    expect(describeCheck(await checkForUpdate({ version: '1.0.0', urlLastVersion }, answering('')))).toContain(part);
  });

  it('of no answer', async () => {
    const found = await checkForUpdate({ version: '1', urlLastVersion: 'https://x.org' }, { get: async () => null });
    expect(describeCheck(found)).toBe('Dolibarr shows nothing: no answer came, which it takes for "up to date".');
  });
});
