import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fakeEvent, signedDelivery } from '../test/support/fake-gateway.ts';

/**
 * Two numbers about payments, on SQLite, of a server that is a process of its own: how long a webhook waits for its answer at a
 * steady rate of signed deliveries, and how fast a queue of events is worked off against a provider that is a process of its own,
 * with the server's memory before and after. The deliveries are sent by the clock, whether or not the ones before were answered.
 */
const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '15' },
    events: { type: 'string', default: '10000' },
    // Events of one subscription: a purchase by subscription tells of itself about four times.
    each: { type: 'string', default: '1' },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const events = Number(values.events);
const each = Number(values.each);

const dataDir = mkdtempSync(join(tmpdir(), 'feedgate-bench-'));
const server = (name: string, ...args: string[]) =>
  fork(join(import.meta.dirname, 'payments-server.ts'), [name, ...args], { execArgv: ['--import', 'tsx'] });

function messageOf<T>(child: ChildProcess, ask?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a server ended'));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
    if (ask) child.send(ask);
  });
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Milliseconds from the instant at which it was to be sent to the whole answer. */
function deliver(port: number, n: number): Promise<number> {
  const { body, headers } = signedDelivery(fakeEvent(`evt_${n}`, subjectOf(n)));
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const options = { agent, method: 'POST', headers: { ...headers, 'Content-Length': body.length } };
    const sent = request(`http://127.0.0.1:${port}/api/fake/webhook`, options, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`an answer was ${answer.statusCode}`));
      answer.resume().once('end', () => resolve(performance.now() - began));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

function subjectOf(n: number) {
  const id = `sub_${Math.floor(n / each)}`;
  return { objectId: id, subject: `subscription:${id}` };
}

async function steady(port: number): Promise<number[]> {
  const waits: Promise<number>[] = [];
  const began = performance.now();
  for (let n = 0; n < rate * seconds; ) {
    const due = Math.floor(((performance.now() - began) / 1_000) * rate);
    for (; n < Math.min(due, rate * seconds); n++) waits.push(deliver(port, n));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return (await Promise.all(waits)).sort((a, b) => a - b);
}

const say = (text: string) => process.stdout.write(`${text}\n`);
const provider = server('provider');
const { port: providerPort } = await messageOf<{ port: number }>(provider);
const feedgate = server('feedgate', dataDir, String(providerPort));
try {
  const { port } = await messageOf<{ port: number }>(feedgate);
  await messageOf(feedgate, { known: 'sub', count: Math.ceil((rate * seconds) / each) + 200 });
  for (let n = 0; n < 100; n++) await deliver(port, rate * seconds + n);
  const waits = await steady(port);
  const at = (share: number) => (waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0).toFixed(1);
  say(`webhook: ${rate}/s for ${seconds} s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`);
  type Drained = {
    looks: number;
    seconds: number;
    cpuMs: number;
    before: number;
    most: number;
    after: number;
    left: number;
  };
  const drained = await messageOf<Drained>(feedgate, { queue: events, each });
  const mb = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  const { looks, left } = drained;
  say(
    `queue: ${events} events, ${each} a subject: ${Math.round(events / drained.seconds)} events/s, ${looks} looks of ${(drained.cpuMs / looks).toFixed(1)} ms CPU each, ${left} left; ` +
      `memory ${mb(drained.before)} before, ${mb(drained.most)} at most, ${mb(drained.after)} after`,
  );
} finally {
  agent.destroy();
  for (const child of [feedgate, provider]) child.disconnect();
  rmSync(dataDir, { recursive: true, force: true });
}
