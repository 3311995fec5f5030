import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { connect, connectSqlite, type Db } from '../../src/db/connect.ts';
import { type Migration, migrate } from '../../src/db/migrate.ts';
import { openTestCore } from '../support/core.ts';
import { eventsOf } from '../support/event-worker.ts';
import { fakeEvent, signedDelivery, startFakeProvider } from '../support/fake-gateway.ts';
import { seedForge, seedOrganization } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { openGround } from '../support/served.ts';

/** A provider tells on while another server with a newer schema starts. */
describe.each(['sqlite', 'postgres'] as const)('webhooks of payments while the schema changes (%s)', (engine) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('case 45: every delivery during a migration is stored once, or refused so that it comes again', async () => {
    const ground = await openGround(engine);
    ends.push(() => ground.drop());
    const file = join(ground.dataDir, 'feedgate.db');
    const another = (): Db =>
      engine === 'sqlite' ? connectSqlite(file, { busyMs: 200 }) : connect(ground.databaseUrl, '');
    const provider = await startFakeProvider();
    ends.push(() => provider.close());
    const test = await openTestCore({ another }, { gateways: { fake: provider.gateway } });
    ends.push(() => test.close());
    await seedAccount(test.core.db, await seedOrganization(test.core.db, await seedForge(test.core.db)));
    const deliver = async (id: string) => {
      const sent = { method: 'POST', ...signedDelivery(fakeEvent(id)) };
      const answer = await fetch(`${test.url}/api/fake/webhook`, sent);
      await answer.body?.cancel();
      return { id, status: answer.status };
    };
    expect((await deliver('evt_before')).status).toBe(200);

    let begun = () => {};
    let goOn = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const mayEnd = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const next: Migration = {
      name: '9999-next',
      async up(tx) {
        await tx.schema.alterTable('payment_events', (t) => t.text('note').nullable());
        begun();
        await mayEnd;
      },
    };
    const newer = another();
    ends.push(() => newer.close());
    const migrated = migrate(newer, [...migrations, next], new Date().toISOString());
    await hasBegun;
    const during = Promise.all(['evt_1', 'evt_2', 'evt_3'].map(deliver));
    await new Promise((resolve) => setTimeout(resolve, 20));
    goOn();
    expect(await migrated).toEqual(['9999-next']);
    for (const { id, status } of await during) {
      expect([200, 503]).toContain(status);
      if (status === 503) expect((await deliver(id)).status).toBe(200);
    }
    expect((await deliver('evt_after')).status).toBe(200);
    const stored = (await eventsOf(test.core.db)).map(({ eventId }) => eventId);
    expect(stored.sort()).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_after', 'evt_before']);
  });
});
