import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { connect, connectSqlite, type Db } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { eventsOf } from '../support/event-worker.ts';
import { type FakeProvider, fakeEvent, signedDelivery, startFakeProvider } from '../support/fake-gateway.ts';
import { seedForge, seedOrganization } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { openGround } from '../support/served.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

/** A provider sends again what was answered with a 503, so that nothing is lost while the database is away. */
describe('webhooks of payments without a database', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function open(another: () => Db): Promise<{ test: TestCore; provider: FakeProvider }> {
    const provider = await startFakeProvider();
    ends.push(() => provider.close());
    const test = await openTestCore({ another }, { gateways: { fake: provider.gateway } });
    ends.push(() => test.close());
    await seedAccount(test.core.db, await seedOrganization(test.core.db, await seedForge(test.core.db)));
    return { test, provider };
  }

  async function deliver({ url }: TestCore): Promise<[status: number, code: string | undefined]> {
    const answer = await fetch(`${url}/api/fake/webhook`, { method: 'POST', ...signedDelivery(fakeEvent('evt_1')) });
    return [answer.status, ((await answer.json()) as { code?: string }).code];
  }

  it('case 12: a PostgreSQL that is down makes a 503, and the event is taken when it is back', async () => {
    const ground = await openGround('postgres');
    ends.push(() => ground.drop());
    const url = new URL(ground.databaseUrl ?? '');
    const proxy = await tcpProxy({ host: url.hostname, port: Number(url.port) });
    ends.push(() => proxy.close());
    url.port = String(proxy.port);
    const { test } = await open(() => connect(url.href, ''));
    await proxy.cut();
    expect(await deliver(test)).toEqual([503, 'UNAVAILABLE']);
    expect(await deliver(test)).toEqual([503, 'UNAVAILABLE']);
    await proxy.mend();
    expect((await deliver(test))[0]).toBe(200);
    expect(await eventsOf(test.core.db)).toHaveLength(1);
  });

  it('case 12: an SQLite that is busy for too long makes a 503, and for a moment an answer that waits', async () => {
    const ground = await openGround('sqlite');
    ends.push(() => ground.drop());
    const file = join(ground.dataDir, 'feedgate.db');
    const first = connectSqlite(file);
    await migrate(first, migrations, new Date().toISOString());
    await first.close();
    const { test } = await open(() => connectSqlite(file, { busyMs: 300 }));
    const other = new BetterSqlite3(file);
    ends.push(async () => other.close());
    other.exec('begin immediate');
    expect(await deliver(test)).toEqual([503, 'UNAVAILABLE']);
    const waiting = deliver(test);
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.exec('rollback');
    expect((await waiting)[0]).toBe(200);
    expect(await eventsOf(test.core.db)).toHaveLength(1);
  });
});
