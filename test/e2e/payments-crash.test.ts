import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { connect, type Db } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import { eventsOf, eventsOn, ledgerOf, makeLedger } from '../support/event-worker.ts';
import {
  type FakeProvider,
  fakeEvent,
  foundSubscription,
  signedDelivery,
  startFakeProvider,
} from '../support/fake-gateway.ts';
import { seedForge, seedOrganization } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { type Ground, openGround } from '../support/served.ts';

const SCRIPT = fileURLToPath(new URL('../support/crash-events.ts', import.meta.url));
/** More writes than taking, looking and settling one event need. */
const MOST_WRITES = 14;
const AT_ONCE = 4;

describe.each(['sqlite', 'postgres'] as const)('kill -9 of what works on payments (%s)', (engine) => {
  let ground: Ground;
  let db: Db;
  let provider: FakeProvider;
  let organizationId: string;

  beforeEach(async () => {
    ground = await openGround(engine);
    db = connect(ground.databaseUrl, sqliteFile());
    await migrate(db, migrations, new Date().toISOString());
    provider = await startFakeProvider();
    const organization = await seedOrganization(db, await seedForge(db));
    organizationId = organization.id;
    await seedAccount(db, organization);
    await makeLedger(db);
  });
  afterEach(async () => {
    await provider.close();
    await db.close();
    await ground.drop();
  });

  const sqliteFile = () => join(ground.dataDir, 'feedgate.db');

  /** True: it was killed at its nth write; false: it came to its end before. */
  async function crash(act: 'receive' | 'work', eventId: string, nth: number): Promise<boolean> {
    const wish = { databaseUrl: ground.databaseUrl, sqliteFile: sqliteFile(), providerUrl: provider.url };
    const args = ['--import', 'tsx', SCRIPT, JSON.stringify({ ...wish, act, organizationId, eventId, nth })];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL']);
    return signal !== null;
  }

  function receive(eventId: string, subject = 'subscription:sub_1') {
    const { body, headers } = signedDelivery(fakeEvent(eventId, { subject }));
    const raw = Buffer.from(body);
    return eventsOn(db, provider.gateway).inbox.receive({
      ...{ organizationId, provider: 'fake', via: 'webhook', headers, raw },
    });
  }

  it('case 2: leaves no row or a whole one, and the delivery that comes again is taken once', async () => {
    const outcomes: string[] = [];
    for (const nth of [1, 2, 3]) {
      expect(await crash('receive', `evt_${nth}`, nth)).toBe(true);
      outcomes.push((await receive(`evt_${nth}`)).outcome);
    }
    // Before the row, between the row and its commit, between the commit and the answer.
    expect(outcomes).toEqual(['received', 'received', 'duplicate']);
    // Ids of two processes are in no order.
    expect((await eventsOf(db)).map(({ eventId, state }) => `${eventId} ${state}`).sort()).toEqual(
      [1, 2, 3].map((nth) => `evt_${nth} pending`),
    );
  });

  it('case 3: between any two writes leaves nothing half done, and the work is done once', {
    timeout: 240_000,
  }, async () => {
    const numbers = Array.from({ length: MOST_WRITES }, (_, i) => i + 1);
    const ids: string[] = [];
    for (const nth of numbers) {
      provider.subjects.set(`subscription:sub_${nth}`, foundSubscription({ externalId: `sub_${nth}` }));
      ids.push((await receive(`evt_${nth}`, `subscription:sub_${nth}`)).id);
    }
    const killed: boolean[] = [];
    for (let i = 0; i < numbers.length; i += AT_ONCE) {
      const some = numbers.slice(i, i + AT_ONCE);
      killed.push(...(await Promise.all(some.map((nth) => crash('work', ids[nth - 1] ?? '', nth)))));
    }
    // Taking, leasing, the ledger, the event, the lock and both commits, at least.
    expect(killed.indexOf(false)).toBeGreaterThan(8);
    expect(killed.at(-1)).toBe(false);
    const before = await eventsOf(db);
    const ledger = await ledgerOf(db);
    for (const { state, subject } of before) expect([subject, subject in ledger]).toEqual([subject, state === 'done']);
    // A moment later, when what the dead held has run out.
    const past = new Date(Date.now() - 60_000).toISOString();
    await db.tx(async (tx) => {
      await tx('payment_events').whereNotNull('lease_id').update({ lease_until: past });
      await tx('payment_locks').update({ lease_until: past });
    });
    await eventsOn(db, provider.gateway).worker.drain();
    expect((await eventsOf(db)).map(({ state }) => state)).toEqual(numbers.map(() => 'done'));
    expect(Object.values(await ledgerOf(db))).toEqual(numbers.map(() => ['active', 1]));
    expect(await db.read((tx) => tx('payment_locks').select())).toEqual([]);
  });
});
