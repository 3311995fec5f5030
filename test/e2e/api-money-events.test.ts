import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedShop } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedAlert, seedPaymentEvent } from '../support/seed-money.ts';

onEachDatabase('what payment providers told', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let account: AccountRecord;
  let base: string;
  beforeAll(async () => {
    api = await startApi(database());
  });
  beforeEach(async () => {
    shop = await seedShop(database().db);
    account = await seedAccount(database().db, shop.organization);
    base = `/organizations/${shop.organization.slug}/payments`;
  });
  afterAll(() => api.close());

  const idsIn = async (path: string) =>
    (await api.get(`${base}/${path}`)).json.items.map(({ id }: { id: string }) => id);

  it('is listed, what is stuck first with its error, page by page', async () => {
    const { db } = database();
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      const stuck = i % 2 === 0 ? { state: 'stuck', detail: 'the provider knows nothing of it', done_at: null } : {};
      ids.push(await seedPaymentEvent(db, account, stuck));
    }
    await seedPaymentEvent(db, await seedAccount(db, shop.organization, { mode: 'test' }));
    const order = [2, 0, 3, 1].map((i) => ids[i]);
    expect(await idsIn('events')).toEqual(order);
    const seen: string[] = [];
    for (let cursor = '', turns = 0; turns < 5; turns++) {
      const { json } = await api.get(`${base}/events?limit=1${cursor}`);
      expect(json.total).toBe(4);
      seen.push(...json.items.map(({ id }: { id: string }) => id));
      if (json.next_cursor === null) break;
      cursor = `&cursor=${json.next_cursor}`;
    }
    expect(seen).toEqual(order);
    const { json } = await api.get(`${base}/events?state=stuck`);
    expect(json.items[0]).toMatchObject({ state: 'stuck', detail: 'the provider knows nothing of it', mode: 'live' });
    expect(JSON.stringify(json)).not.toContain('"body"');
  });

  it('is found by subject, object, type and mode', async () => {
    const { db } = database();
    const one = await seedPaymentEvent(db, account, { subject: 'subscription:sub_9', object_id: 'in_9' });
    const two = await seedPaymentEvent(db, account, { type: 'charge.refunded' });
    expect(await idsIn('events?subject=subscription:sub_9')).toEqual([one]);
    expect(await idsIn('events?subject=in_9')).toEqual([one]);
    expect(await idsIn('events?type=charge.refunded')).toEqual([two]);
    expect(await idsIn('events?provider=other')).toEqual([]);
    expect(await idsIn('events?mode=test')).toEqual([]);
    expect((await api.get(`/payment-events/${one}`)).json).toMatchObject({
      id: one,
      object_id: 'in_9',
      has_body: true,
    });
    for (const query of ['state=lost', 'cursor=eyJ4IjoxfQ', 'subject='])
      expect([query, (await api.get(`${base}/events?${query}`)).status]).toEqual([query, 400]);
  });

  it('is shown as it came in to administrators only, without keys and secrets', async () => {
    const { db } = database();
    const body = JSON.stringify({ id: 'evt_1', data: { client_secret: 'pi_1_secret_2' }, note: 'FG1-ABCDEFG-ABCDEFG' });
    const id = await seedPaymentEvent(db, account, { body });
    const gone = await seedPaymentEvent(db, account, { body: null });
    const { json } = await api.get(`/payment-events/${id}/body`);
    expect(json).toMatchObject({ id, sha256: 'a'.repeat(64) });
    expect(JSON.parse(json.body).data).toEqual({ client_secret: '***' });
    expect((await api.get(`/payment-events/${gone}/body`)).json.body).toBe(null);
    const reader = api.as(await api.token({ scopes: ['licenses:write'] }));
    expect((await reader.get(`/payment-events/${id}/body`)).status).toBe(403);
    expect((await reader.get(`/payment-events/${id}`)).status).toBe(200);
  });

  it('raises alerts, which are dismissed once, and stay so', async () => {
    const { db } = database();
    const id = await seedAlert(db, account, { subject: 'in_1' });
    const other = await seedAlert(db, account, { code: 'WRONG_AMOUNT', subject: 'in_1' });
    const played = await seedAlert(db, await seedAccount(db, shop.organization, { mode: 'test' }));
    expect(await idsIn('alerts')).toEqual([other, id]);
    expect(await idsIn('alerts?code=WRONG_AMOUNT')).toEqual([other]);
    expect(await idsIn('alerts?mode=test')).toEqual([played]);
    for (let i = 0; i < 2; i++) {
      const { status, json } = await api.post(`/payment-alerts/${id}/dismiss`, { reason: 'an old shop' });
      expect([status, json.dismissed_at !== null]).toEqual([200, true]);
    }
    expect(await idsIn('alerts')).toEqual([other]);
    await seedAlert(db, account, { subject: 'in_1' });
    expect((await api.get(`${base}/alerts?dismissed=true`)).json.items).toMatchObject([{ id, count: 2 }]);
    const told = await api.get(`/audit/${id}`);
    expect(told.json.items.map(({ action }: { action: string }) => action)).toEqual(['payment_alert.dismiss']);
  });

  it('is nothing to another organization', async () => {
    const { db } = database();
    const event = await seedPaymentEvent(db, account);
    const alert = await seedAlert(db, account);
    const other = await seedShop(db);
    const stranger = api.as(await api.token({ organizationId: other.organization.id }));
    for (const path of [
      `/payment-events/${event}`,
      `/payment-events/${event}/body`,
      `${base}/events`,
      `${base}/alerts`,
    ])
      expect([path, (await stranger.get(path)).status]).toEqual([path, 404]);
    expect((await stranger.post(`/payment-alerts/${alert}/dismiss`, {})).status).toBe(404);
    expect((await api.post(`/payment-alerts/${event}/dismiss`, {})).json.code).toBe('WRONG_ID_KIND');
  });
});
