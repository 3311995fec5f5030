import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask } from '../test/support/served.ts';
import { load } from './load.ts';

/**
 * The gated poll against a bare `node:http` server that answers 4,253 bytes: slices in turn, the ratio of each pair, the middle one
 * of all. Usage is durable before each answer. Each server is a process of its own and this one makes the load, so it wants two
 * processors; what else the machine does moves the numbers, CPU time less than the rate.
 */
const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '1' },
    connections: { type: 'string', default: '128' },
  },
});
const rounds = Number(values.rounds);
const sliceMs = Number(values.seconds) * 1_000;
const connections = Number(values.connections);

interface Bench {
  child: ChildProcess;
  port: number;
  path: string;
  keys: string[];
}

interface Slice {
  rate: number;
  /** Of the server, microseconds a request. */
  cpu: number;
}

async function start(...args: string[]): Promise<Bench> {
  const child = fork(join(import.meta.dirname, 'poll-server.ts'), args, { execArgv: ['--import', 'tsx'] });
  return { child, ...(await messageOf<Omit<Bench, 'child'>>(child)) };
}

function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a server ended'));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return (await messageOf<{ cpu: number }>(child)).cpu;
}

async function slice({ child, port }: Bench, next: () => string, status: 200 | 304): Promise<Slice> {
  const before = await cpuOf(child);
  const { requests, seconds } = await load(port, connections, sliceMs, next, status);
  return { rate: requests / seconds, cpu: ((await cpuOf(child)) - before) / requests };
}

function request(path: string, header = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: updates.example.com\r\nUser-Agent: Mozilla/5.0 Joomla!/5.4.1 Joomla\r\nAccept: */*\r\n${header}\r\n`;
}

function middle(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function compare(name: string, bare: Bench, gated: Bench, next: () => string, status: 200 | 304): Promise<void> {
  const pairs: [Slice, Slice][] = [];
  for (let round = 0; round < rounds; round++) {
    pairs.push([await slice(bare, () => request('/'), 200), await slice(gated, next, status)]);
  }
  const ratio = middle(pairs.map(([a, b]) => b.rate / a.rate));
  const rates = [0, 1].map((i) => Math.round(middle(pairs.map((pair) => (pair[i] as Slice).rate))));
  const cpus = [0, 1].map((i) => Math.min(...pairs.map((pair) => (pair[i] as Slice).cpu)).toFixed(1));
  const row = [name.padEnd(14), ratio.toFixed(2), ...rates, ...cpus];
  process.stdout.write(`${row.map((each) => String(each).padStart(9)).join(' ')}\n`);
}

const dataDir = mkdtempSync(join(tmpdir(), 'feedgate-bench-'));
const bare = await start('bare');
const gated = await start('gated', dataDir, values.keys);
try {
  const { path, keys } = gated;
  const anyKey = () => keys[Math.floor(Math.random() * keys.length)] ?? '';
  const first = await ask({ url: `http://127.0.0.1:${gated.port}` }, `${path}?dlid=${anyKey()}`);
  const fresh = `If-None-Match: ${first.headers.get('etag')}\r\n`;
  process.stdout.write(
    `${values.keys} keys on SQLite, ${connections} connections, ${rounds} rounds of ${values.seconds} s, a body of ${first.bytes.length} bytes\n`,
  );
  const head = ['poll'.padEnd(14), 'ratio', 'bare/s', 'gated/s', 'bare µs', 'gated µs'];
  process.stdout.write(`${head.map((each) => each.padStart(9)).join(' ')}\n`);
  await compare('with a key', bare, gated, () => request(`${path}?dlid=${anyKey()}`), 200);
  await compare('key and site', bare, gated, () => request(`${path}?dlid=${anyKey()}&site=www.example.com`), 200);
  await compare('304', bare, gated, () => request(`${path}?dlid=${anyKey()}`, fresh), 304);
  await compare('no key', bare, gated, () => request(path), 200);
  await compare('unknown key', bare, gated, () => request(`${path}?dlid=nobodys-${Math.random()}`), 200);
} finally {
  for (const { child } of [bare, gated]) child.disconnect();
  rmSync(dataDir, { recursive: true, force: true });
}
