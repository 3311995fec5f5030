import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { makeLogger, requestLog, type Served } from './log.ts';
import { markRoute } from './request-facts.ts';

const KEY = newKeyText('ACME2');
const TOKEN = newTokenText();
const FOREIGN = 'imported-key-77';

function collector() {
  const lines: string[] = [];
  return { lines, log: makeLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }) };
}

describe('makeLogger', () => {
  it('writes one line of JSON with time, level and words', () => {
    const { lines, log } = collector();
    log.info({ forge: 'fge_1' }, 'synced');
    log.debug('too fine');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'info', forge: 'fge_1', msg: 'synced' });
    expect(Object.keys(line).sort()).toEqual(['forge', 'level', 'msg', 'time']);
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
  });

  it.each([
    ['in the message', (log: ReturnType<typeof collector>['log']) => log.info(`no license for ${KEY}`)],
    ['in a field', (log) => log.info({ note: `was ${TOKEN}` }, 'x')],
    [
      'in a nested field',
      (log) => log.info({ headers: { authorization: `Bearer ${FOREIGN}`, 'x-license-key': FOREIGN } }, 'x'),
    ],
    ['in a URL', (log) => log.info({ url: `/k/${FOREIGN}/a?dlid=${FOREIGN}` }, 'x')],
    ['in an error', (log) => log.error({ err: new Error(`row ${KEY} and key=${FOREIGN}`) }, 'x')],
    [
      'in the cause of an error',
      (log) => log.error({ err: new Error('x', { cause: new Error(`sent ${TOKEN}`) }) }, 'x'),
    ],
    ['in a format', (log) => log.info('asked for %s', KEY)],
    ['in a child', (log) => log.child({ key: FOREIGN }).info('x')],
  ] satisfies [string, (log: ReturnType<typeof collector>['log']) => void][])('lets no key out %s', (_, write) => {
    const { lines, log } = collector();
    write(log);
    expect(lines).toHaveLength(1);
    for (const secret of [KEY, TOKEN, FOREIGN]) expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain('***');
    expect(() => JSON.parse(lines[0] ?? '')).not.toThrow();
  });
});

describe('requestLog', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  async function serve(answer: RequestListener) {
    const { lines, log } = collector();
    const served: Served[] = [];
    let now = 0;
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const watch = requestLog(
      log,
      () => (now += 12.34),
      (one) => {
        served.push(one);
        ended();
      },
    );
    const server = createServer((req, res) => watch(req, res, () => answer(req, res)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    return { port: (server.address() as AddressInfo).port, lines, served, end };
  }

  it('tells method, pattern, status, time and id, and nothing that the caller sent beside', async () => {
    const { port, lines, served, end } = await serve((_req, res) => {
      markRoute(res, '/api/v1/licenses/{id}');
      res.writeHead(404).end();
    });
    const headers = { 'X-Request-Id': 'order-4711', Referer: 'https://shop.example/secret', 'User-Agent': 'spy' };
    await fetch(`http://127.0.0.1:${port}/api/v1/licenses/lic_1?dlid=${FOREIGN}`, { headers });
    await end;
    const { time: _, ...line } = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({
      level: 'info',
      method: 'GET',
      path: '/api/v1/licenses/{id}',
      status: 404,
      ms: 12.3,
      request_id: 'order-4711',
      msg: 'request',
    });
    expect(served).toEqual([{ method: 'GET', route: '/api/v1/licenses/{id}', status: 404, seconds: 0.0123 }]);
  });

  it('cuts key and query from a path that no route knows, and keeps it out of the metrics', async () => {
    const { port, lines, served, end } = await serve((_req, res) => void res.end('x'));
    await fetch(`http://127.0.0.1:${port}/k/${FOREIGN}/acme/updates.xml?key=${FOREIGN}`, { method: 'PROPFIND' });
    await end;
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ method: 'OTHER', path: '/k/***/acme/updates.xml', status: 200 });
    expect(lines[0]).not.toContain(FOREIGN);
    expect(served[0]).toMatchObject({ method: 'OTHER', route: 'other' });
  });

  it('marks a request that was cut', async () => {
    const { port, lines, end } = await serve((_req, res) => {
      res.write('half');
    });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.once('data', () => socket.destroy());
    await end;
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ cut: true });
  });
});
