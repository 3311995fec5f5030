import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { DAY, HOUR, MINUTE, SECOND, toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import { dismissEvent, purgeEventBodies, retryEvent } from '../../src/payments/event-care.ts';
import { NOTHING_FOUND } from '../../src/payments/facts.ts';
import type { ParsedEvent } from '../../src/payments/gateway.ts';
import { type AccountRecord, updateAccount } from '../../src/payments/store-accounts.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  alertsOf,
  type EventsAtWork,
  type EventsWish,
  eventsOf,
  eventsOn,
  ledgerOf,
  makeLedger,
  writeDown,
} from '../support/event-worker.ts';
import {
  type FakeProvider,
  fakeEvent,
  foundSubscription,
  signedDelivery,
  startFakeProvider,
} from '../support/fake-gateway.ts';
import { SEED_NOW, seedForge, seedOrganization, seedSecrets } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedSubscription } from '../support/seed-money.ts';

/** What becomes of events between the commit of their row and the ledger. */
onEachDatabase('the worker of payment events', (database) => {
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
    account = await seedAccount(db, organization);
  });
  afterAll(() => provider.close());
  beforeEach(async () => {
    time.now = SEED_NOW;
    provider.subjects.clear();
    provider.places.clear();
    provider.faults.clear();
    provider.asked.length = 0;
    provider.onAsked(() => undefined);
    await makeLedger(db);
    await db.tx(async (tx) => {
      for (const table of ['payment_events', 'payment_locks', 'payment_alerts']) await tx(table).delete();
      await tx('payment_accounts').whereNot({ id: account.id }).delete();
    });
    at = on();
  });

  const on = (wish: EventsWish = {}, own = db) => eventsOn(own, provider.gateway, { clock: () => time.now, ...wish });

  /** An event of a subscription, which the provider knows, comes in. */
  async function tell(eventId: string, change: Partial<ParsedEvent> = {}, through = at) {
    const { body, headers } = signedDelivery(fakeEvent(eventId, change));
    const subject = change.subject ?? 'subscription:sub_1';
    if (subject !== '' && !provider.subjects.has(subject))
      provider.subjects.set(subject, foundSubscription({ externalId: subject.split(':')[1] ?? '' }));
    return through.inbox.receive({
      ...{ organizationId: organization.id, provider: 'fake', via: 'webhook', headers, raw: Buffer.from(body) },
    });
  }

  const states = async () => (await eventsOf(db)).map(({ eventId, state, detail }) => [eventId, state, detail]);
  const locks = () => db.read((tx) => tx('payment_locks').select('subject'));
  const waits = async () =>
    (await eventsOf(db)).map(({ nextAt }) => nextAt && (Date.parse(nextAt) - time.now) / SECOND);

  it('looks afresh at what an event is about, once for all of its events that have come', async () => {
    for (const id of ['evt_1', 'evt_2', 'evt_3']) await tell(id);
    await tell('evt_4', { subject: 'subscription:sub_2' });
    expect(await at.worker.drain()).toBe(2);
    expect(provider.asked.sort()).toEqual(['read subscription:sub_1', 'read subscription:sub_2']);
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 1], 'subscription:sub_2': ['active', 1] });
    const events = await eventsOf(db);
    expect(events.map(({ state, leaseId, nextAt, doneAt }) => [state, leaseId, nextAt, doneAt])).toEqual(
      events.map(() => ['done', null, null, toIso(time.now)]),
    );
    expect(await locks()).toEqual([]);
    expect(at.counted.get('fake done')).toBe(4);
    expect(await at.worker.drain()).toBe(0);
  });

  it('looks again for what comes while it looks', async () => {
    await tell('evt_1');
    provider.onAsked(async () => {
      provider.onAsked(() => undefined);
      await tell('evt_2');
    });
    await at.worker.drain();
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 2] });
    expect(await states()).toEqual([
      ['evt_1', 'done', ''],
      ['evt_2', 'done', ''],
    ]);
  });

  it('lets no two servers at one subject, and shares the others', async () => {
    const other = on({}, database().another());
    let most = 0;
    let now = 0;
    provider.onAsked(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now -= 1;
    });
    for (let i = 0; i < 30; i++) await tell(`evt_${i}`);
    await Promise.all([at.worker.drain(), other.worker.drain(), at.worker.drain()]);
    expect(most).toBe(1);
    for (let i = 0; i < 40; i++) await tell(`many_${i}`, { subject: `subscription:sub_${i % 20}` });
    await Promise.all([at.worker.drain(), other.worker.drain()]);
    expect(most).toBeGreaterThan(1);
    const ledger = await ledgerOf(db);
    expect(Object.keys(ledger)).toHaveLength(20);
    expect((await eventsOf(db)).every(({ state }) => state === 'done')).toBe(true);
    expect(at.troubles.concat(other.troubles)).toEqual([]);
  });

  it('case 3: works again on what a process had in hand when it died, and does it once', async () => {
    await tell('evt_1');
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    // A process that claims, asks and is gone: its lease is all that stays.
    provider.onAsked(() => new Promise(() => reach()));
    on({}, database().another())
      .worker.drain()
      .catch(() => undefined);
    await reached;
    provider.onAsked(() => undefined);
    expect(await at.worker.drain()).toBe(0);
    expect(await at.worker.syncNow(account.id, 'subscription:sub_1')).toMatchObject({ state: 'elsewhere' });
    time.now += 3 * MINUTE;
    expect(await at.worker.drain()).toBe(1);
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 1] });
    expect(await states()).toEqual([['evt_1', 'done', '']]);
  });

  it('case 3: writes nothing under a lease that another has taken over', async () => {
    await tell('evt_1');
    const held: { open: () => void } = { open: () => undefined };
    provider.onAsked(
      () =>
        new Promise<void>((resolve) => {
          held.open = resolve;
        }),
    );
    const slow = on({}, database().another());
    const drained = slow.worker.drain();
    while (provider.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    provider.onAsked(() => undefined);
    time.now += 3 * MINUTE;
    expect(await at.worker.drain()).toBe(1);
    held.open();
    await drained;
    expect(slow.troubles).toEqual(['the lease was lost']);
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 1] });
    expect(await locks()).toEqual([]);
  });

  it('case 5: waits for what an event belongs to, and in the end ignores what is of another product, with the reason', async () => {
    const orders = new Set<string>();
    const parking = on({
      async apply(tx, secrets, own, snapshot, by) {
        const { orderId } = snapshot.subscription ?? {};
        if (orderId && !orders.has(orderId)) return { state: 'parked', detail: `the order ${orderId} is not known` };
        return writeDown(tx, secrets, own, snapshot, by);
      },
    });
    const subjectOf = (id: string) => ({ subject: `subscription:${id}` });
    for (const id of ['late', 'foreign'])
      provider.subjects.set(`subscription:${id}`, foundSubscription({ externalId: id, orderId: id }));
    await tell('evt_late', subjectOf('late'));
    await tell('evt_foreign', subjectOf('foreign'));
    expect(await parking.worker.drain()).toBe(2);
    expect(await states()).toEqual([
      ['evt_late', 'pending', 'the order late is not known'],
      ['evt_foreign', 'pending', 'the order foreign is not known'],
    ]);
    expect(await waits()).toEqual([5, 5]);
    time.now += 5 * SECOND;
    expect(await parking.worker.drain()).toBe(2);
    expect(await waits()).toEqual([10, 10]);
    orders.add('late');
    for (let waited = 0; waited < 3 * DAY + HOUR; waited += HOUR) {
      time.now += HOUR;
      await parking.worker.drain();
    }
    expect(await states()).toEqual([
      ['evt_late', 'done', ''],
      ['evt_foreign', 'ignored', 'the order foreign is not known'],
    ]);
    expect(await ledgerOf(db)).toEqual({ 'subscription:late': ['active', 1] });
    expect(await alertsOf(db)).toEqual([]);
  });

  it('case 5: what was paid for and is ours ends as stuck, and the vendor is told', async () => {
    const owed = { code: 'PAID_WITHOUT_ORDER', subject: 'price_1' };
    const owing = on({
      apply: async (_tx, _secrets, _own, { subscription }) => ({
        ...{ state: 'parked', detail: 'no order of ours knows it' },
        owed: subscription?.externalId === 'named' ? { code: 'EVENT_STUCK', subject: null } : owed,
      }),
    });
    for (const id of ['named', 'priced', 'priced_2']) await tell(`evt_${id}`, { subject: `subscription:${id}` });
    for (let waited = 0; waited < 12; waited += 1) {
      await owing.worker.drain();
      time.now += 7 * HOUR;
    }
    expect((await eventsOf(db)).map(({ state }) => state)).toEqual(['stuck', 'stuck', 'stuck']);
    expect(await alertsOf(db)).toEqual([
      { code: 'EVENT_STUCK', subject: 'subscription:named', count: 1 },
      { code: 'PAID_WITHOUT_ORDER', subject: 'price_1', count: 2 },
    ]);
  });

  it('tells the vendor where the provider knows nothing of what was sold here', async () => {
    await seedSubscription(db, account, { externalId: 'sub_sold' });
    for (const id of ['sub_sold', 'sub_never']) {
      provider.subjects.set(`subscription:${id}`, null);
      await tell(`evt_${id}`, { subject: `subscription:${id}` });
    }
    for (let i = 0; i < 6; i++) {
      await at.worker.drain();
      time.now += 2 * MINUTE;
    }
    expect(await states()).toEqual([
      ['evt_sub_sold', 'stuck', 'the provider knows nothing of it'],
      ['evt_sub_never', 'ignored', 'the provider knows nothing of it'],
    ]);
    const alerts = await alertsOf(db);
    expect(alerts).toEqual([{ code: 'EVENT_STUCK', subject: 'subscription:sub_sold', count: 1 }]);
    await db.tx((tx) => tx('subscriptions').where({ account_id: account.id }).delete());
  });

  it('looks at a subject of two names under one of them', async () => {
    const mainSubject = (subject: string) => subject.replace('checkout:I-', 'subscription:I-');
    const two = eventsOn(db, { ...provider.gateway, mainSubject }, { clock: () => time.now });
    provider.subjects.set('subscription:I-1', foundSubscription({ externalId: 'I-1' }));
    await two.worker.syncNow(account.id, 'checkout:I-1');
    expect(provider.asked).toEqual(['read subscription:I-1']);
  });

  it('case 11: gives up a poison event after three days and tells of it, while all others flow', async () => {
    const poisoned = on({
      async apply(tx, secrets, own, snapshot, by) {
        if (snapshot.subscription?.externalId === 'poison') throw new Error('select 1 - poison');
        return writeDown(tx, secrets, own, snapshot, by);
      },
    });
    await tell('evt_poison', { subject: 'subscription:poison' });
    for (let i = 0; i < 40; i++) await tell(`evt_${i}`, { subject: `subscription:sub_${i}` });
    await poisoned.worker.drain();
    expect(Object.keys(await ledgerOf(db))).toHaveLength(40);
    const [first] = await eventsOf(db);
    expect(first).toMatchObject({ state: 'pending', attempts: 1, leaseId: null });
    expect(first?.detail).toBe('something went wrong on our side: poison');
    let looks = 0;
    for (let waited = 0; waited < 3 * DAY + 2 * HOUR; waited += HOUR) {
      time.now += HOUR;
      looks += await poisoned.worker.drain();
    }
    expect(looks).toBeLessThan(90);
    expect((await eventsOf(db))[0]).toMatchObject({ state: 'stuck', nextAt: null });
    expect(await alertsOf(db)).toEqual([{ code: 'EVENT_STUCK', subject: 'subscription:poison', count: 1 }]);
    expect(await poisoned.worker.drain()).toBe(0);
    // Somebody mends it and queues it again.
    const [{ id = '' } = {}] = await eventsOf(db);
    await db.tx((tx) => retryEvent(tx, id, { actor: CLI_ACTOR, requestId: null, now: time.now }));
    provider.subjects.set('subscription:poison', foundSubscription({ externalId: 'cured' }));
    expect(await poisoned.worker.drain()).toBe(1);
    expect((await eventsOf(db))[0]).toMatchObject({ state: 'done' });
  });

  it('tries again with growing pauses while the provider is down, and believes the time that it names', async () => {
    provider.faults.set('*', 'unreachable');
    await tell('evt_1');
    const seen: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      expect(await at.worker.drain()).toBe(1);
      const [wait] = await waits();
      seen.push(wait);
      time.now += Number(wait) * SECOND;
    }
    expect(seen).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
    provider.faults.clear();
    expect(await at.worker.drain()).toBe(1);
    expect(await states()).toEqual([['evt_1', 'done', '']]);
    expect(await alertsOf(db)).toEqual([]);
  });

  it('gives up at once what the provider refuses to answer', async () => {
    provider.faults.set('subscription:sub_1', 'refused');
    await tell('evt_1');
    await at.worker.drain();
    expect(await states()).toEqual([['evt_1', 'stuck', 'the fake says no']]);
    expect(await alertsOf(db)).toEqual([{ code: 'EVENT_STUCK', subject: 'subscription:sub_1', count: 1 }]);
  });

  it('asks an account that is refused once an hour, tells of it once, and goes on with new credentials', async () => {
    const sealed = (id: string) =>
      sealedAccount(seedSecrets, id, { credentials: { secret: 'b' }, hookSecrets: ['two'] });
    const id = `${account.id.slice(0, -1)}${account.id.endsWith('0') ? '1' : '0'}`;
    const second = await seedAccount(db, organization, { id, mode: 'test', ...sealed(id) });
    provider.faults.set('*', 'unauthorized');
    for (let i = 0; i < 40; i++) await tell(`evt_${i}`, { subject: `subscription:sub_${i}` });
    await at.worker.drain();
    // Those that were under way at the first refusal were asked, and no more.
    expect(provider.asked.length).toBeLessThanOrEqual(16);
    provider.asked.length = 0;
    await tell('evt_new', { subject: 'subscription:new' });
    expect(await at.worker.drain()).toBe(0);
    expect(await alertsOf(db)).toMatchObject([{ code: 'ACCOUNT_UNAUTHORIZED', subject: account.id }]);
    provider.faults.clear();
    const { body, headers } = signedDelivery(fakeEvent('evt_test', { live: false }), { secret: 'two' });
    provider.subjects.set('subscription:sub_1', foundSubscription());
    const delivery = { organizationId: organization.id, provider: 'fake', via: 'webhook' as const };
    await at.inbox.receive({ ...delivery, headers, raw: Buffer.from(body) });
    expect(await at.worker.drain()).toBe(1);
    expect(provider.asked).toEqual(['read subscription:sub_1']);
    expect((await eventsOf(db)).at(-1)).toMatchObject({ accountId: second.id, state: 'done' });
    await db.tx((tx) =>
      updateAccount(
        tx,
        account.id,
        sealedAccount(seedSecrets, account.id, {
          ...{ credentials: { secret: 'mended' }, hookSecrets: ['hook_1'] },
        }),
      ),
    );
    expect(await at.worker.drain()).toBe(41);
    expect((await eventsOf(db)).every(({ state, attempts }) => state === 'done' && attempts === 0)).toBe(true);
  });

  it('never gives up what waits for credentials', async () => {
    provider.faults.set('*', 'unauthorized');
    await tell('evt_1');
    for (let i = 0; i < 20; i++) {
      await at.worker.drain();
      time.now += 5 * HOUR;
    }
    expect(provider.asked.length).toBe(20);
    expect(await eventsOf(db)).toMatchObject([{ state: 'pending', attempts: 0 }]);
  });

  it('asks the provider what an event is about where it does not say', async () => {
    provider.subjects.set('subscription:sub_1', foundSubscription());
    provider.places.set('re_1', 'subscription:sub_1');
    await tell('evt_1', { subject: '', type: 'refund.made', objectId: 're_1' });
    await tell('evt_2', { subject: '', type: 'refund.made', objectId: 're_foreign' });
    await tell('evt_3');
    await at.worker.drain();
    expect(await states()).toEqual([
      ['evt_1', 'done', ''],
      ['evt_2', 'ignored', 'it belongs to nothing of ours'],
      ['evt_3', 'done', ''],
    ]);
    expect((await eventsOf(db)).map(({ subject }) => subject)).toEqual([
      'subscription:sub_1',
      '',
      'subscription:sub_1',
    ]);
    provider.faults.set('re_2', 'unreachable');
    await tell('evt_4', { subject: '', objectId: 're_2' });
    await at.worker.drain();
    expect((await eventsOf(db)).at(-1)).toMatchObject({ state: 'pending', attempts: 1, leaseId: null });
  });

  it('asks a few times for what the provider does not know yet', async () => {
    provider.subjects.set('subscription:sub_1', null);
    await tell('evt_1');
    for (let i = 0; i < 4; i++) {
      expect(await at.worker.drain()).toBe(1);
      time.now += 2 * MINUTE;
    }
    expect(await states()).toEqual([['evt_1', 'pending', 'the provider knows nothing of it']]);
    await at.worker.drain();
    expect(await states()).toEqual([['evt_1', 'ignored', 'the provider knows nothing of it']]);
  });

  it('takes what carries its own facts as it is, each event by itself and in order', async () => {
    const facts = (state: string) => ({ ...NOTHING_FOUND, ...foundSubscription({ providerState: state }) });
    const told: string[] = [];
    const shop = on({
      async apply(tx, secrets, own, snapshot, by) {
        const state = snapshot.subscription?.providerState ?? '';
        if (state === 'poison') throw new Error('poison');
        told.push(state);
        return writeDown(tx, secrets, own, snapshot, by);
      },
    });
    for (const state of ['one', 'poison', 'two']) await tell(`evt_${state}`, { facts: facts(state) });
    await shop.worker.drain();
    expect(told).toEqual(['one', 'two']);
    expect(provider.asked).toEqual([]);
    expect((await states()).map(([, state]) => state)).toEqual(['done', 'pending', 'done']);
    expect(await locks()).toEqual([]);
    await db.tx((tx) => tx('payment_events').where({ state: 'pending' }).update({ body: null }));
    time.now += MINUTE;
    provider.subjects.set('subscription:sub_1', null);
    await shop.worker.drain();
    expect((await eventsOf(db))[1]).toMatchObject({ state: 'pending', detail: 'the provider knows nothing of it' });
  });

  it('has prices looked up that events are about', async () => {
    const looked: string[] = [];
    const priced = on({ checkPrice: async (own, externalId) => void looked.push(`${own.id} ${externalId}`) });
    await tell('evt_1', { subject: 'price:price_1', type: 'price.changed' });
    await priced.worker.drain();
    expect(looked).toEqual([`${account.id} price_1`]);
    expect(await states()).toEqual([['evt_1', 'done', '']]);
  });

  it('looks at once for whoever waits, with or without an event', async () => {
    provider.subjects.set('subscription:sub_9', foundSubscription({ externalId: 'sub_9' }));
    expect(await at.worker.syncNow(account.id, 'subscription:sub_9')).toEqual({ state: 'done', detail: '' });
    await tell('evt_1', { subject: 'subscription:sub_9' });
    expect(await at.worker.syncNow(account.id, 'subscription:sub_9')).toMatchObject({ state: 'done' });
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_9': ['active', 2] });
    expect(await states()).toEqual([['evt_1', 'done', '']]);
    provider.faults.set('subscription:sub_9', 'timeout');
    await expect(at.worker.syncNow(account.id, 'subscription:sub_9')).rejects.toThrow('the fake says no');
    expect(await locks()).toEqual([]);
    // One that waits for its next try is worked on now.
    await tell('evt_2', { subject: 'subscription:sub_9' });
    await at.worker.drain();
    const [, { id = '' } = {}] = await eventsOf(db);
    provider.faults.clear();
    expect(await at.worker.workNow(id)).toBe('worked');
    expect(await at.worker.workNow(id)).toBe('elsewhere');
    expect((await eventsOf(db))[1]).toMatchObject({ state: 'done' });
    await expect(at.worker.workNow('pev_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('dismisses what is not done, and writes down who did', async () => {
    const by = { actor: CLI_ACTOR, requestId: null, now: time.now };
    const { id } = await tell('evt_1');
    await db.tx((tx) => dismissEvent(tx, id, by));
    expect(await at.worker.drain()).toBe(0);
    expect(await states()).toEqual([['evt_1', 'dismissed', '']]);
    await expect(db.tx((tx) => dismissEvent(tx, id, by))).rejects.toMatchObject({ code: 'NOTHING_OPEN' });
    const [last] = await db.read((tx) => tx('audit_events').where({ entity_id: id }));
    expect(last).toMatchObject({ action: 'payment_event.dismiss', organization_id: organization.id });
  });

  it('forgets bodies after 90 days and keeps the rows', async () => {
    await tell('evt_old');
    time.now += 60 * DAY;
    await tell('evt_new');
    await purgeEventBodies(db, time.now);
    expect((await eventsOf(db)).every(({ body }) => body !== null)).toBe(true);
    time.now += 31 * DAY;
    await purgeEventBodies(db, time.now);
    const events = await eventsOf(db);
    expect(events.map(({ eventId, body }) => [eventId, body === null])).toEqual([
      ['evt_old', true],
      ['evt_new', false],
    ]);
    expect(events[0]?.bodySha256).toHaveLength(64);
  });

  it('case 45: ends what is under way when it stops, and begins nothing more', async () => {
    for (let i = 0; i < 40; i++) await tell(`evt_${i}`, { subject: `subscription:sub_${i}` });
    provider.onAsked(() => new Promise((resolve) => setTimeout(resolve, 20)));
    at.worker.start();
    while (provider.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await at.worker.stop();
    const events = await eventsOf(db);
    const done = events.filter(({ state }) => state === 'done').length;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(40);
    expect(events.filter(({ leaseId }) => leaseId !== null)).toEqual([]);
    expect(await locks()).toEqual([]);
    provider.onAsked(() => undefined);
    await at.worker.drain();
    expect((await eventsOf(db)).every(({ state }) => state === 'done')).toBe(true);
    expect(Object.values(await ledgerOf(db)).every(([, times]) => times === 1)).toBe(true);
  });

  it('begins at once with what comes in while it runs', async () => {
    at.worker.start();
    const kicked = eventsOn(db, provider.gateway, { clock: () => time.now });
    await tell('evt_1', {}, kicked);
    at.worker.kick();
    while ((await eventsOf(db))[0]?.state !== 'done') await new Promise((resolve) => setImmediate(resolve));
    await at.worker.stop();
    expect(await ledgerOf(db)).toEqual({ 'subscription:sub_1': ['active', 1] });
  });
});
