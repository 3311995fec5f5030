import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { reconcileDue, reconcileEvents } from '../../src/payments/reconcile-events.ts';
import { sweepOpen } from '../../src/payments/reconcile-open.ts';
import { type AccountRecord, findAccount } from '../../src/payments/store-accounts.ts';
import { onEachDatabase } from '../support/databases.ts';
import { alertsOf, type EventsAtWork, eventsOf, eventsOn, ledgerOf, makeLedger } from '../support/event-worker.ts';
import {
  checkoutFact,
  type FakeProvider,
  fakeEvent,
  foundSubscription,
  signedDelivery,
  startFakeProvider,
} from '../support/fake-gateway.ts';
import { SEED_NOW, seedForge, seedOrganization } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedOrder, seedPayment, seedSubscription } from '../support/seed-money.ts';

/** What makes up for events that were lost. */
onEachDatabase('reconciling payments', (database) => {
  const time = { now: SEED_NOW };
  let db: Db;
  let provider: FakeProvider;
  let organization: OrganizationRecord;
  let account: AccountRecord;
  let at: EventsAtWork;

  beforeAll(async () => {
    db = database().db;
    provider = await startFakeProvider();
    organization = await seedOrganization(db, await seedForge(db));
  });
  afterAll(() => provider.close());
  beforeEach(async () => {
    time.now = SEED_NOW;
    for (const each of [provider.subjects, provider.places, provider.faults]) each.clear();
    provider.events.length = 0;
    provider.asked.length = 0;
    provider.onAsked(() => undefined);
    await makeLedger(db);
    await db.tx(async (tx) => {
      const tables = ['payment_events', 'payment_locks', 'payment_alerts', 'payments', 'subscriptions', 'order_lines'];
      for (const table of [...tables, 'orders', 'payment_accounts']) await tx(table).delete();
    });
    account = await seedAccount(db, organization);
    at = on();
  });

  const on = (own = db) => eventsOn(own, provider.gateway, { clock: () => time.now });
  const ground = (of: EventsAtWork) => ({ ...of.deps, inbox: of.inbox, worker: of.worker });
  const known = async () => (await db.read((tx) => findAccount(tx, account.id))) as AccountRecord;
  const reconcile = async (of = at) => reconcileEvents(ground(of), await known());
  const deliver = (eventId: string, through = at) => {
    const { body, headers } = signedDelivery(fakeEvent(eventId));
    const delivery = { organizationId: organization.id, provider: 'fake', via: 'webhook' as const };
    return through.inbox.receive({ ...delivery, headers, raw: Buffer.from(body) });
  };

  it('case 10: brings what was never delivered into the same inbox, and nothing twice', async () => {
    provider.subjects.set('subscription:sub_1', foundSubscription());
    provider.events.push(...['evt_1', 'evt_lost', 'evt_2'].map((id) => fakeEvent(id)));
    await deliver('evt_1');
    await at.worker.drain();
    expect(await reconcile()).toBe(2);
    await at.worker.drain();
    expect((await eventsOf(db)).map(({ eventId, via, state, body }) => [eventId, via, state, body === null])).toEqual([
      ['evt_1', 'webhook', 'done', false],
      ['evt_lost', 'reconcile', 'done', true],
      ['evt_2', 'reconcile', 'done', true],
    ]);
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 2] });
    expect(await reconcile()).toBe(0);
    // The delivery comes after all.
    expect((await deliver('evt_lost')).outcome).toBe('duplicate');
    expect(await at.worker.drain()).toBe(0);
  });

  it('case 10: reads the list while deliveries of the same events come in', async () => {
    provider.subjects.set('subscription:sub_1', foundSubscription());
    const ids = Array.from({ length: 20 }, (_, i) => `evt_${i}`);
    provider.events.push(...ids.map((id) => fakeEvent(id)));
    const other = on(database().another());
    const account = await known();
    await Promise.all([
      reconcileEvents(ground(at), account),
      reconcileEvents(ground(other), account),
      ...ids.flatMap((id) => [deliver(id), deliver(id, other)]),
    ]);
    expect((await eventsOf(db)).map(({ eventId }) => eventId).sort()).toEqual([...ids].sort());
    await Promise.all([at.worker.drain(), other.worker.drain()]);
    expect((await eventsOf(db)).every(({ state }) => state === 'done')).toBe(true);
  });

  it('reads on from where it was, a little earlier, page by page, and again what was not read to its end', async () => {
    const subjectOf = (i: number) => ({ subject: `subscription:sub_${i % 3}` });
    provider.events.push(...Array.from({ length: 250 }, (_, i) => fakeEvent(`evt_${i}`, subjectOf(i))));
    time.now += HOUR;
    let pages = 0;
    provider.onAsked(() => {
      if (++pages === 2) provider.faults.set('*', 'unreachable');
    });
    await expect(reconcile()).rejects.toThrow('the fake says no');
    expect(await eventsOf(db)).toHaveLength(100);
    expect((await known()).cursor).toBeNull();
    provider.faults.clear();
    provider.onAsked(() => undefined);
    provider.asked.length = 0;
    expect(await reconcile()).toBe(150);
    expect(provider.asked).toEqual(Array(3).fill(`events ${SEED_NOW - 15 * MINUTE}`));
    expect(await known()).toMatchObject({ cursor: toIso(time.now), reconciledAt: toIso(time.now) });
    provider.asked.length = 0;
    const read = time.now;
    time.now += 5 * MINUTE;
    await reconcile();
    expect(provider.asked[0]).toBe(`events ${read - 15 * MINUTE}`);
  });

  it('reads each list once in its turn, and leaves alone what refuses it', async () => {
    const second = await seedAccount(db, organization, { mode: 'test' });
    await seedAccount(db, await seedOrganization(db, await seedForge(db)), { active: false });
    provider.faults.set('*', 'unauthorized');
    await reconcileDue(ground(at));
    expect(provider.asked).toHaveLength(2);
    time.now += 5 * MINUTE;
    await reconcileDue(ground(at));
    expect(provider.asked).toHaveLength(2);
    expect(await alertsOf(db)).toMatchObject([
      { code: 'ACCOUNT_UNAUTHORIZED', subject: account.id },
      { code: 'ACCOUNT_UNAUTHORIZED', subject: second.id },
    ]);
    provider.faults.clear();
    time.now += HOUR;
    await reconcileDue(ground(at));
    await reconcileDue(ground(on(database().another())));
    expect(provider.asked).toHaveLength(4);
    time.now += 5 * MINUTE;
    await reconcileDue(ground(at));
    expect(provider.asked).toHaveLength(6);
  });

  it('looks at all that is open and not at what is over', async () => {
    const made = (ms: number) => ({ createdAt: toIso(SEED_NOW - ms) });
    const open = { state: 'open' as const, paidAt: null };
    const order = await seedOrder(db, account, { ...open, ...made(2 * HOUR), externalId: 'cs_open' });
    await seedOrder(db, account, { ...open, ...made(MINUTE), externalId: 'cs_new' });
    await seedOrder(db, account, { state: 'processing', ...made(5 * DAY), externalId: 'cs_old' });
    await seedOrder(db, account, { state: 'paid', ...made(5 * DAY), externalId: 'cs_paid' });
    await seedOrder(db, account, { ...open, ...made(5 * HOUR), externalId: null });
    const stale = { fetchedAt: toIso(SEED_NOW - DAY) };
    await seedSubscription(db, account, { externalId: 'sub_active', ...stale });
    await seedSubscription(db, account, { externalId: 'sub_due', state: 'past_due', ...stale });
    await seedSubscription(db, account, { externalId: 'sub_seen' });
    await seedSubscription(db, account, { externalId: 'sub_over', state: 'canceled', ...stale });
    const seen = await seedSubscription(db, account, { externalId: 'sub_pays' });
    await seedPayment(db, account, { state: 'pending', paidAt: null, subscriptionId: seen.id });
    await seedPayment(db, account, { state: 'pending', paidAt: null, orderId: order.id });
    await seedPayment(db, account, { state: 'pending', paidAt: null });
    for (const id of ['cs_open', 'cs_old'])
      provider.subjects.set(`checkout:${id}`, {
        ...foundSubscription(),
        subscription: null,
        checkout: checkoutFact({ externalId: id }),
      });
    for (const id of ['sub_active', 'sub_due', 'sub_pays'])
      provider.subjects.set(`subscription:${id}`, foundSubscription({ externalId: id }));

    await sweepOpen(ground(at), 'recent');
    expect(provider.asked).toEqual(['read checkout:cs_open']);
    provider.asked.length = 0;
    await sweepOpen(ground(at), 'all');
    expect([...provider.asked].sort()).toEqual([
      'read checkout:cs_old',
      'read checkout:cs_open',
      'read checkout:cs_open',
      'read subscription:sub_active',
      'read subscription:sub_due',
      'read subscription:sub_pays',
    ]);
    expect(Object.keys(await ledgerOf(db))).toEqual([
      'checkout:cs_old',
      'checkout:cs_open',
      'subscription:sub_active',
      'subscription:sub_due',
      'subscription:sub_pays',
    ]);
  });

  it('looks at nothing where there is nothing to be looked at, and at no order of long ago', async () => {
    await seedSubscription(db, account, { externalId: 'sub_shop', fetchedAt: toIso(SEED_NOW - DAY) });
    const open = { state: 'open' as const, paidAt: null, externalId: 'cs_ancient' };
    await seedOrder(db, account, { ...open, createdAt: toIso(SEED_NOW - 90 * DAY) });
    const tells = eventsOn(db, { ...provider.gateway, tellsAll: true }, { clock: () => time.now });
    await sweepOpen(ground(tells), 'all');
    expect(provider.asked).toEqual([]);
    provider.subjects.set('subscription:sub_shop', foundSubscription({ externalId: 'sub_shop' }));
    await sweepOpen(ground(at), 'all');
    expect(provider.asked).toEqual(['read subscription:sub_shop']);
  });

  it('asks no more of a provider that is away, and goes on with the others', async () => {
    const stale = { fetchedAt: toIso(SEED_NOW - DAY) };
    const second = await seedAccount(db, organization, { mode: 'test' });
    for (let i = 0; i < 120; i++) await seedSubscription(db, account, { externalId: `sub_${i}`, ...stale });
    await seedSubscription(db, second, { externalId: 'sub_test', ...stale });
    provider.faults.set('*', 'unreachable');
    await sweepOpen(ground(at), 'all');
    expect(provider.asked.length).toBeLessThan(30);
    provider.asked.length = 0;
    provider.faults.set('*', 'unauthorized');
    await sweepOpen(ground(at), 'all');
    expect(provider.asked.length).toBeLessThan(10);
    provider.asked.length = 0;
    provider.faults.clear();
    for (let i = 0; i < 120; i++)
      provider.subjects.set(`subscription:sub_${i}`, foundSubscription({ externalId: `sub_${i}` }));
    await sweepOpen(ground(at), 'all');
    expect(provider.asked).toHaveLength(121);
  });
});
