import { setTimeout as sleep } from 'node:timers/promises';
import { type Core, openCore, serve } from '../src/app.ts';
import { makeLogger } from '../src/http/log.ts';
import { newId } from '../src/ids.ts';
import type { ParsedEvent } from '../src/payments/gateway.ts';
import type { AccountRecord } from '../src/payments/store-accounts.ts';
import { insertSubscription } from '../src/payments/store-facts.ts';
import { fakeEvent, fakeGateway, foundSubscription, startFakeProvider } from '../test/support/fake-gateway.ts';
import { seedForge, seedOrganization } from '../test/support/seed.ts';
import { seedAccount } from '../test/support/seed-accounts.ts';
import { seedSubscription } from '../test/support/seed-money.ts';
import { configOn, freePort } from '../test/support/served.ts';

/** One of the two servers of bench/payments.ts: the `provider`, or `feedgate` with its data folder and the provider's port. */
const [kind, folder = '', providerPort = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit());

if (kind === 'provider') await startProvider();
else await startFeedgate(folder, `http://127.0.0.1:${providerPort}`);

/** It knows every subscription that it is asked for. */
async function startProvider(): Promise<void> {
  const provider = await startFakeProvider();
  provider.onAsked((question) => {
    provider.asked.length = 0;
    const externalId = question.split(':')[1] ?? '';
    provider.subjects.clear();
    provider.subjects.set(`subscription:${externalId}`, foundSubscription({ externalId }));
  });
  process.send?.({ port: Number(new URL(provider.url).port) });
}

async function startFeedgate(dataDir: string, provider: string): Promise<void> {
  const port = await freePort();
  const config = { ...configOn({ databaseUrl: null, dataDir }, port), logLevel: 'warn' as const };
  const gateways = { fake: fakeGateway(provider) };
  const core = await openCore(config, { log: makeLogger({ level: 'error' }), gateways });
  const organization = await seedOrganization(core.db, await seedForge(core.db));
  const account = await seedAccount(core.db, organization);
  await serve(core);
  process.on('message', (wish: { queue: number; each: number } | { known: string; count: number }) => {
    const work =
      'known' in wish ? know(core, account, wish.known, wish.count) : drain(core, account, wish.queue, wish.each);
    void work.then((done) => process.send?.(done));
  });
  process.send?.({ port });
}

/** Subscriptions that were sold before, so that a look at them has something to write. */
async function know({ db }: Core, account: AccountRecord, name: string, count: number) {
  const model = await seedSubscription(db, account, { externalId: `${name}_model` });
  await db.tx(async (tx) => {
    for (let n = 0; n < count; n++)
      await insertSubscription(tx, { ...model, id: newId('subscription'), externalId: `${name}_${n}` });
  });
  return { known: count };
}

async function drain(core: Core, account: AccountRecord, queue: number, each: number) {
  const { db, paymentEvents } = core;
  const pending = async () =>
    Number((await db.read((tx) => tx('payment_events').where({ state: 'pending' }).count('id as n').first()))?.['n']);
  await paymentEvents.worker.stop();
  await paymentEvents.worker.drain();
  await know(core, account, 'queued', Math.ceil(queue / each));
  for (let n = 0; n < queue; n += 500)
    await paymentEvents.inbox.take(
      account,
      Array.from({ length: Math.min(500, queue - n) }, (_, i) => queued(n + i, each)),
    );
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 50);
  const began = performance.now();
  const cpu = process.cpuUsage();
  const looks = await paymentEvents.worker.drain();
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(watch);
  await sleep(100);
  return {
    looks,
    seconds,
    cpuMs: (user + system) / 1_000,
    before,
    most,
    after: process.memoryUsage().rss,
    left: await pending(),
  };
}

function queued(n: number, each: number): ParsedEvent {
  const id = `queued_${Math.floor(n / each)}`;
  return fakeEvent(`queued_evt_${n}`, { objectId: id, subject: `subscription:${id}` });
}
