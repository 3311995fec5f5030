import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { DAY } from '../../src/clock.ts';
import { connect, type Db } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { applySnapshot } from '../../src/payments/fulfil.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { eventsOf, eventsOn } from '../support/event-worker.ts';
import { type FakeProvider, fakeEvent, signedDelivery, startFakeProvider } from '../support/fake-gateway.ts';
import { seedForge, seedOrganization, seedPackage } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { checkoutOf, invoiceOf, periodLine, seedOrder, snapshotOf, subscriptionOf } from '../support/seed-payments.ts';
import { type Ground, openGround } from '../support/served.ts';

const SCRIPT = fileURLToPath(new URL('../support/crash-events.ts', import.meta.url));
/** More writes than one purchase needs, from its event to its mail. */
const MOST_WRITES = 40;
const AT_ONCE = 4;

describe.each(['sqlite', 'postgres'] as const)('kill -9 of what works on payments (%s)', (engine) => {
  let ground: Ground;
  let db: Db;
  let provider: FakeProvider;
  let organizationId: string;
  let account: AccountRecord;
  let yearly: PackageRecord;

  beforeEach(async () => {
    ground = await openGround(engine);
    db = connect(ground.databaseUrl, sqliteFile());
    await migrate(db, migrations, new Date().toISOString());
    provider = await startFakeProvider();
    const organization = await seedOrganization(db, await seedForge(db));
    organizationId = organization.id;
    account = await seedAccount(db, organization);
    yearly = await seedPackage(db, organization);
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

  it('case 3: between any two writes of a purchase leaves nothing half done, and it is made once', {
    timeout: 240_000,
  }, async () => {
    // PostgreSQL is asked at every third: what is not committed is gone there whoever asks.
    const step = engine === 'sqlite' ? 1 : 3;
    const most = engine === 'sqlite' ? 31 : MOST_WRITES;
    const numbers = Array.from({ length: Math.ceil(most / step) }, (_, i) => 1 + i * step);
    const ids: string[] = [];
    for (const nth of numbers) ids.push(await bought(nth));
    const killed: boolean[] = [];
    for (let i = 0; i < numbers.length; i += AT_ONCE) {
      const some = numbers.slice(i, i + AT_ONCE).map((nth, j) => crash('work', ids[i + j] ?? '', nth));
      killed.push(...(await Promise.all(some)));
    }
    // Taking, leasing, facts, license, key, grant, audit, mail, the event, the lock and both commits, at least.
    expect(killed.indexOf(false) * step).toBeGreaterThan(16);
    expect(killed.at(-1)).toBe(false);
    const done = (await eventsOf(db)).filter(({ state }) => state === 'done').length;
    expect(await counts()).toEqual({ grants: done, license_keys: done, mails: done, subscriptions: done });
    // A moment later, when what the dead held has run out.
    const past = new Date(Date.now() - 60_000).toISOString();
    await db.tx(async (tx) => {
      await tx('payment_events').whereNotNull('lease_id').update({ lease_until: past });
      await tx('payment_locks').update({ lease_until: past });
    });
    await eventsOn(db, provider.gateway, { apply: applySnapshot }).worker.drain();
    expect((await eventsOf(db)).map(({ state }) => state)).toEqual(numbers.map(() => 'done'));
    const all = numbers.length;
    expect(await counts()).toEqual({ grants: all, license_keys: all, mails: all, subscriptions: all });
    expect(await db.read((tx) => tx('payment_locks').select())).toEqual([]);
  });

  /** An order by subscription, paid; gives the id of the event that tells of it. */
  async function bought(nth: number): Promise<string> {
    const sold = await seedOrder(db, account, [{ packageId: yearly.id, recurring: true }], { externalId: `cs_${nth}` });
    const externalId = `sub_${nth}`;
    const [start, end] = [Date.now() - DAY, Date.now() + 30 * DAY];
    const invoice = invoiceOf(`in_${nth}`, periodLine(start, end, { id: `il_${nth}` }), { subscriptionId: externalId });
    const subscription = subscriptionOf({ externalId, checkoutId: `cs_${nth}` });
    const checkout = checkoutOf(sold, { subscriptionId: externalId });
    provider.subjects.set(`subscription:${externalId}`, snapshotOf({ checkout, subscription, payments: [invoice] }));
    return (await receive(`evt_${nth}`, `subscription:${externalId}`)).id;
  }

  async function counts(): Promise<Record<string, number>> {
    const tables = ['grants', 'license_keys', 'mails', 'subscriptions'];
    return db.read(async (tx) => {
      const found: Record<string, number> = {};
      for (const table of tables) found[table] = Number((await tx(table).count('id as n').first())?.['n']);
      return found;
    });
  }
});
