import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY, HOUR, toIso } from '../../src/clock.ts';
import { fromRow } from '../../src/db/rows.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import { sendUsage } from '../../src/payments/meters.ts';
import type { SubscriptionRecord } from '../../src/payments/store-facts.ts';
import type { UsageRecord } from '../../src/payments/store-meters.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeStripe, startFakeStripe } from '../support/fake-stripe.ts';
import { seedForge, seedOrganization, seedSecrets } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedSubscription } from '../support/seed-money.ts';

onEachDatabase('usage that Stripe bills', (database) => {
  let api: ApiServer;
  let stripe: FakeStripe;
  let organization: OrganizationRecord;
  let subscription: SubscriptionRecord;
  let customer: string;
  const troubles: string[] = [];

  beforeAll(async () => {
    let now: () => number = () => 0;
    stripe = await startFakeStripe({ clock: () => now() });
    api = await startApi(database(), { apiBases: { stripe: stripe.url } });
    now = api.now;
    const { db } = database();
    organization = await seedOrganization(db, await seedForge(db));
    const account = await seedAccount(db, organization, { provider: 'stripe', mode: 'test' });
    const secrets = { credentials: stripe.account().credentials, hookSecrets: [] };
    const { credentialsSealed } = sealedAccount(seedSecrets, account.id, secrets);
    await db.tx((tx) =>
      tx('payment_accounts').where({ id: account.id }).update({ credentials_sealed: credentialsSealed }),
    );
    customer = stripe.customer('bo@example.com').id;
    subscription = await seedSubscription(db, account, { externalCustomerId: customer });
  });
  afterAll(async () => {
    await api.close();
    await stripe.close();
  });
  beforeEach(async () => {
    troubles.length = 0;
    stripe.faults.length = 0;
    stripe.requests.length = 0;
    await database().db.tx(async (tx) => {
      await tx('meter_usage').delete();
      await tx('payment_alerts').delete();
    });
  });

  const path = () => `/subscriptions/${subscription.id}/usage`;
  const report = (body: object = {}) => api.post(path(), { name: 'api_calls', value: 5, ...body });
  const send = () => sendUsage(api.core.payments, (error) => void troubles.push(String(error)));
  const told = () => stripe.requests.filter(({ path }) => path === '/v1/billing/meter_events');

  async function usage(): Promise<UsageRecord[]> {
    const rows = await database().db.read((tx) => tx('meter_usage').orderBy('id'));
    return rows.map((row) => fromRow<UsageRecord>(row));
  }
  async function alerts(): Promise<string[]> {
    return (await database().db.read((tx) => tx('payment_alerts').orderBy('code').select('code'))).map(
      ({ code }) => code,
    );
  }

  it('is kept, told once, and then known to be', async () => {
    const { status, json } = await report();
    expect([status, json]).toEqual([
      201,
      {
        id: expect.stringMatching(/^usg_/),
        subscription_id: subscription.id,
        name: 'api_calls',
        value: 5,
        identifier: json.id,
        at: toIso(api.now()),
        state: 'pending',
        detail: '',
      },
    ]);
    await send();
    await send();
    expect(told().map(({ form }) => form)).toEqual([
      {
        event_name: 'api_calls',
        payload: { stripe_customer_id: customer, value: '5' },
        identifier: json.id,
        timestamp: String(Math.floor(api.now() / 1_000)),
      },
    ]);
    expect(await usage()).toMatchObject([{ state: 'sent', sentAt: toIso(api.now()) }]);
    expect(await alerts()).toEqual([]);
  });

  it('with an identifier of the caller is one usage for ever', async () => {
    expect((await report({ identifier: 'job-1' })).status).toBe(201);
    const again = await Promise.all([report({ identifier: 'job-1' }), report({ identifier: 'job-1' })]);
    expect(again.map(({ status }) => status)).toEqual([200, 200]);
    const other = await report({ identifier: 'job-1', value: 6 });
    expect([other.status, other.json.code]).toEqual([409, 'ALREADY_EXISTS']);
    await send();
    expect((await report({ identifier: 'job-1' })).json.state).toBe('sent');
    expect(told()).toHaveLength(1);
  });

  it('is refused where it cannot be', async () => {
    const pointer = async (body: object) => (await report(body)).json.errors?.[0]?.pointer;
    expect(await pointer({ at: toIso(api.now() - 36 * DAY) })).toBe('/at');
    expect(await pointer({ at: toIso(api.now() + HOUR) })).toBe('/at');
    expect(await pointer({ value: -1 })).toBe('/value');
    expect(await pointer({ name: 'no good' })).toBe('/name');
    const { db } = database();
    const shop = await seedAccount(db, organization, { provider: 'shop' });
    const foreign = await seedSubscription(db, shop);
    const no = await api.post(`/subscriptions/${foreign.id}/usage`, { name: 'x', value: 1 });
    expect([no.status, no.json.code]).toEqual([409, 'NOT_SUPPORTED']);
    const stranger = (await seedOrganization(db, await seedForge(db))).id;
    const token = await api.token({ organizationId: stranger });
    expect((await api.as(token).post(path(), { name: 'x', value: 1 })).status).toBe(404);
    const reader = await api.token({ scopes: ['licenses:read'] });
    expect((await api.as(reader).post(path(), { name: 'x', value: 1 })).status).toBe(403);
    expect(await usage()).toEqual([]);
  });

  it('case 43: whose answer was lost is sent again within a day under the same identifier, and counts once', async () => {
    await report({ identifier: 'lost-1' });
    stripe.faults.push({ fault: 'lost', on: /meter_events/, times: 2 });
    await send();
    expect(await usage()).toMatchObject([{ state: 'unconfirmed' }]);
    expect(troubles).toHaveLength(1);
    api.pass(23 * HOUR);
    await send();
    expect(new Set(told().map(({ form }) => form['identifier']))).toEqual(new Set(['lost-1']));
    expect([...stripe.world.meterEvents.values()].filter(({ identifier }) => identifier === 'lost-1')).toHaveLength(1);
    expect(await usage()).toMatchObject([{ state: 'sent' }]);
  });

  it('case 43: whose answer was lost for a day is not sent blindly again, and the vendor is told', async () => {
    await report({ identifier: 'lost-2' });
    stripe.faults.push({ fault: 'lost', on: /meter_events/, times: 2 });
    await send();
    stripe.requests.length = 0;
    api.pass(DAY);
    await send();
    expect(told()).toEqual([]);
    expect(await usage()).toMatchObject([{ state: 'uncertain', detail: expect.stringContaining('twice') }]);
    expect(await alerts()).toEqual(['USAGE_UNCERTAIN']);
  });

  it('waits for a key that may tell it, and is not taken for one of no customer', async () => {
    await report();
    stripe.faults.push({ fault: '403', on: /meter_events/, times: 1 });
    await send();
    expect(await usage()).toMatchObject([{ state: 'pending', triedAt: null }]);
    expect([troubles.length, await alerts()]).toEqual([1, []]);
    await send();
    expect(await usage()).toMatchObject([{ state: 'sent' }]);
  });

  it('case 43: that grew older than 35 days is dropped with a record', async () => {
    await report({ at: toIso(api.now() - 34 * DAY) });
    stripe.faults.push({ fault: '401' });
    await send();
    // A clear no counts nothing.
    expect(await usage()).toMatchObject([{ state: 'pending', triedAt: null }]);
    api.pass(2 * DAY);
    stripe.requests.length = 0;
    await send();
    expect(told()).toEqual([]);
    expect(await usage()).toMatchObject([{ state: 'dropped', detail: 'it is older than 35 days' }]);
    expect(await alerts()).toEqual(['USAGE_DROPPED']);
  });

  it('case 43: of a customer whom Stripe does not know is refused, and the vendor is told', async () => {
    stripe.world.customers.delete(customer);
    await report();
    await send();
    const known = stripe.world.customer('bo@example.com');
    stripe.world.customers.set(customer, known);
    expect(await usage()).toMatchObject([{ state: 'refused', detail: 'the provider has no such customer' }]);
    expect(await alerts()).toEqual(['USAGE_REFUSED']);
  });

  it('is told once though two instances send at a time', async () => {
    for (let i = 0; i < 5; i++) await report({ identifier: `two-${i}` });
    await Promise.all([send(), send()]);
    const counted = [...stripe.world.meterEvents.values()].filter(({ identifier }) => identifier.startsWith('two-'));
    expect(counted).toHaveLength(5);
    expect((await usage()).map(({ state }) => state)).toEqual(Array(5).fill('sent'));
  });
});
