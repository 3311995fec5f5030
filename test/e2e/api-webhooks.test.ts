import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { newInstallation } from '../../src/cli/test-cli.ts';
import { DAY, HOUR, toIso } from '../../src/clock.ts';
import { connectSqlite } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import { type ApiServer, type Caller, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedShop, seedSoldLicense } from '../support/seed.ts';
import { type Received, type Receiver, startReceiver } from '../support/webhook-receiver.ts';

onEachDatabase('the webhook routes', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let other: Shop;
  let owner: Caller;
  let receiver: Receiver;
  let list: string;
  const add = (change: object = {}) => owner.post(list, { url: receiver.url, types: ['*'], ...change });

  beforeAll(async () => {
    api = await startApi(database());
    receiver = await startReceiver();
    other = await seedShop(database().db);
  });
  beforeEach(async () => {
    shop = await seedShop(database().db);
    owner = api.as(await api.token({ organizationId: shop.organization.id }));
    list = `/organizations/${shop.organization.slug}/webhooks`;
    receiver.received.length = 0;
    receiver.answers = [204];
  });
  afterAll(async () => {
    await api.close();
    await receiver.close();
  });

  it('makes a webhook and shows its secret once', async () => {
    const { status, json } = await add({ types: ['key.*', 'license.renewed'], description: ' CRM ' });
    expect(status).toBe(201);
    expect(json).toEqual({
      ...{ id: expect.stringMatching(/^whk_/), organization_id: shop.organization.id, url: receiver.url },
      ...{ types: ['key.*', 'license.renewed'], description: 'CRM', active: true, disabled_at: null },
      ...{ disabled_reason: null, failing_since: null, previous_secret_until: null, created_at: toIso(api.now()) },
      ...{ created_by: expect.stringMatching(/^tok_/), secret: expect.stringMatching(/^whsec_\S{44}$/) },
    });
    const { secret, ...shown } = json;
    expect((await owner.get(`/webhooks/${json.id}`)).json).toEqual(shown);
    expect((await owner.get(list)).json).toMatchObject({ items: [shown], total: 1 });
    const kept = await database().db.read((tx) => tx('webhook_endpoints').where({ id: json.id }));
    expect(JSON.stringify(kept)).not.toContain(secret);
    const events = (await owner.get(`/audit/${json.id}`)).json.items;
    expect(events).toMatchObject([{ action: 'webhook.create', changes: { types: ['key.*', 'license.renewed'] } }]);
    expect(JSON.stringify(events)).not.toMatch(/whsec|token=a/);
  });

  it('keeps no secret with a reply that is repeated', async () => {
    const headers = { 'Idempotency-Key': newId('job') };
    const body = { url: receiver.url, types: ['*'] };
    const first = await owner.post(list, body, { headers });
    const again = await owner.post(list, body, { headers });
    expect(again.status).toBe(201);
    expect(again.json.id).toBe(first.json.id);
    expect(again.json.secret).toBeUndefined();
    const kept = await database().db.read((tx) => tx('idempotency_keys').select('response'));
    expect(JSON.stringify(kept)).not.toContain('whsec_');
  });

  it.each([
    [{ url: 'https://169.254.169.254/latest' }, '/url', 'no public address'],
    [{ url: 'http://shop.example.com/' }, '/url', 'https'],
    [{ url: 'https://localhost/' }, '/url', 'no public name'],
    [{ url: 'https://[::ffff:10.0.0.1]/' }, '/url', 'no public address'],
    [{ url: 'nonsense' }, '/url', 'no address'],
    [{ types: [] }, '/types', ''],
    [{ types: ['key.exploded'] }, '/types/0', ''],
    [{ types: ['webhook.test'] }, '/types/0', ''],
    [{ secret: 'whsec_mine' }, '/secret', ''],
  ])('refuses %j in words', async (change, pointer, words) => {
    const { status, json } = await add(change);
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(json.errors).toMatchObject([{ pointer, detail: expect.stringContaining(words) }]);
    const made = await add();
    if (pointer !== '/secret') expect((await owner.patch(`/webhooks/${made.json.id}`, change)).status).toBe(400);
  });

  it('takes twenty webhooks and no more', async () => {
    const answers = await Promise.all(Array.from({ length: 22 }, () => add()));
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused.map(({ json }) => json.code)).toEqual(['STILL_IN_USE', 'STILL_IN_USE']);
    expect((await owner.get(list)).json.total).toBe(20);
  });

  it('tests at once and tells how it went, switched off too', async () => {
    const { id, secret } = (await add({ types: ['site.*'] })).json;
    const { status, json } = await owner.post(`/webhooks/${id}/test`, {});
    expect(status).toBe(200);
    expect(json).toMatchObject({
      webhook_id: id,
      type: 'webhook.test',
      state: 'delivered',
      attempts: [{ status: 204 }],
    });
    const [got] = receiver.received as [Received];
    // The library holds the timestamp against the machine's clock, which is not that of the test.
    const signature = new Webhook(secret).sign(json.event_id, new Date(api.now()), got.body);
    expect(got.headers).toMatchObject({ 'webhook-id': json.event_id, 'webhook-signature': signature });
    expect(JSON.parse(got.body).data).toEqual({
      ...{ object: 'webhook', id, url: `/api/v1/webhooks/${id}`, organization_id: shop.organization.id },
    });
    await owner.patch(`/webhooks/${id}`, { active: false });
    receiver.answers = [410];
    expect((await owner.post(`/webhooks/${id}/test`, {})).json).toMatchObject({
      ...{ state: 'failed', next_attempt_at: null, answer: 'answer 410' },
      attempts: [{ status: 410, error: 'it answered 410' }],
    });
    expect((await owner.get(`/webhooks/${id}`)).json).toMatchObject({ active: false, disabled_reason: null });
  });

  it('tells of what happens by the API, logs each delivery page by page, and sends one again', async () => {
    const { id } = (await add({ types: ['license.*'] })).json;
    const { license, key } = await seedSoldLicense(database().db, shop);
    for (const verb of ['suspend', 'resume']) await owner.post(`/licenses/${license.id}/${verb}`, {});
    receiver.answers = [204, 204];
    await api.core.webhooks.sender.drain();
    // By itself: two are under way at once, and either may come first.
    await owner.post(`/licenses/${license.id}/suspend`, {});
    await owner.post(`/keys/${key.id}/suspend`, {});
    receiver.answers = [500, 204];
    await api.core.webhooks.sender.drain();
    const path = `/webhooks/${id}/deliveries`;
    const { items, total } = (await owner.get(path)).json;
    expect(items.map(({ type, state }: { type: string; state: string }) => `${type} ${state}`)).toEqual([
      'license.suspended waiting',
      ...['license.resumed delivered', 'license.suspended delivered'],
    ]);
    expect(total).toBe(3);
    expect((await owner.get(`${path}?state=waiting`)).json).toMatchObject({ total: 1, items: [{ id: items[0].id }] });
    const page = (await owner.get(`${path}?limit=2`)).json;
    const rest = (await owner.get(`${path}?limit=2&cursor=${page.next_cursor}`)).json;
    expect([...page.items, ...rest.items]).toEqual(items);
    const whole = (await owner.get(`/webhook-deliveries/${items[0].id}`)).json;
    expect(JSON.parse(whole.body)).toMatchObject({ type: 'license.suspended', data: { id: license.id } });
    const again = (await owner.post(`/webhook-deliveries/${items[0].id}/resend`, {})).json;
    expect(again).toMatchObject({ id: items[0].id, event_id: items[0].event_id, state: 'delivered' });
    expect(again.attempts).toHaveLength(2);
    expect(receiver.received.slice(-1)[0]?.body).toBe(whole.body);
  });

  it('changes, switches off and on, replaces the secret and removes', async () => {
    const { id, secret } = (await add()).json;
    const path = `/webhooks/${id}`;
    expect((await owner.patch(path, { types: ['key.created'], description: 'x' })).json).toMatchObject({
      ...{ types: ['key.created'], description: 'x', active: true },
    });
    expect((await owner.patch(path, { active: false })).json).toMatchObject({
      ...{ active: false, disabled_at: toIso(api.now()), disabled_reason: null },
    });
    expect((await owner.patch(path, { active: true })).json).toMatchObject({ active: true, disabled_at: null });
    const rotated = (await owner.post(`${path}/rotate-secret`, {})).json;
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.previous_secret_until).toBe(toIso(api.now() + 24 * HOUR));
    expect((await owner.post(`${path}/rotate-secret`, { overlap_hours: 169 })).status).toBe(400);
    api.pass(DAY);
    expect((await owner.get(path)).json.previous_secret_until).toBeNull();
    expect((await owner.delete(path)).status).toBe(204);
    expect((await owner.get(path)).status).toBe(404);
    expect((await owner.get(`/audit/${id}`)).json.items.map(({ action }: { action: string }) => action)).toEqual([
      ...['webhook.remove', 'webhook.rotate_secret', 'webhook.change', 'webhook.change', 'webhook.change'],
      'webhook.create',
    ]);
  });

  it('shows nothing of it to others, and to no token without the scope admin', async () => {
    const { id } = (await add()).json;
    const delivery = (await owner.post(`/webhooks/${id}/test`, {})).json.id;
    const stranger = api.as(await api.token({ organizationId: other.organization.id }));
    const small = api.as(await api.token({ organizationId: shop.organization.id, scopes: ['licenses:write'] }));
    for (const path of [list, `/webhooks/${id}`, `/webhooks/${id}/deliveries`, `/webhook-deliveries/${delivery}`]) {
      expect([path, (await stranger.get(path)).status]).toEqual([path, 404]);
      expect([path, (await small.get(path)).status]).toEqual([path, 403]);
    }
    for (const path of [
      `/webhooks/${id}/test`,
      `/webhooks/${id}/rotate-secret`,
      `/webhook-deliveries/${delivery}/resend`,
    ])
      expect([path, (await stranger.post(path, {})).status]).toEqual([path, 404]);
    expect((await stranger.delete(`/webhooks/${id}`)).status).toBe(404);
    expect((await owner.get(`/webhooks/${delivery}`)).json.code).toBe('WRONG_ID_KIND');
    expect(receiver.received).toHaveLength(1);
  });
});

it('feedgate webhook does it for the operator', async () => {
  const receiver = await startReceiver();
  const place = newInstallation({ WEBHOOK_ALLOW_HOSTS: '127.0.0.1' });
  await place.run('token', 'list');
  const db = connectSqlite(join(place.folder, 'data', 'feedgate.db'));
  try {
    const { slug } = (await seedShop(db)).organization;
    const added = await place.run(
      'webhook',
      'add',
      slug,
      '--url',
      receiver.url,
      '--types',
      'key.*,site.claimed',
      '--json',
    );
    const { id, secret } = added.json;
    expect(added.json).toMatchObject({ types: ['key.*', 'site.claimed'], created_by: 'cli', active: true });
    const listed = await place.run('webhook', 'list', slug, '--json');
    expect(listed.json.webhooks).toMatchObject([{ id, url: receiver.url }]);
    expect((await place.run('webhook', 'list', slug)).said).toMatch(new RegExp(`${id}  on  `));
    const tested = await place.run('webhook', 'test', id);
    expect(tested).toMatchObject({ code: 0, said: expect.stringContaining('delivered: 204') });
    const [got] = receiver.received as [Received];
    expect(new Webhook(secret).verify(got.body, got.headers)).toMatchObject({ type: 'webhook.test' });
    receiver.answers = [500];
    expect(await place.run('webhook', 'test', id)).toMatchObject({ code: 1, said: expect.stringContaining('500') });
    const { deliveries } = (await place.run('webhook', 'deliveries', id, '--json')).json;
    expect(deliveries.map(({ state }: { state: string }) => state)).toEqual(['failed', 'delivered']);
    expect((await place.run('webhook', 'deliveries', id, '--state', 'failed')).said).toContain('it answered 500');
    receiver.answers = [200];
    const again = await place.run('webhook', 'resend', deliveries[0].id, '--json');
    expect(again).toMatchObject({ code: 0, json: { id: deliveries[0].id, state: 'delivered' } });
    const rotated = await place.run('webhook', 'rotate', id, '--overlap-hours', '0');
    expect(rotated.said).toMatch(/^whsec_/);
    expect((await place.run('webhook', 'set', id, '--active', 'no', '--types', '*')).said).toContain(
      `${id} is off: * to`,
    );
    expect(await place.run('webhook', 'set', id, '--active', 'maybe')).toMatchObject({ code: 2 });
    expect(await place.run('webhook', 'remove', id)).toMatchObject({ code: 0 });
    expect((await place.run('webhook', 'list', slug)).said).toBe(`${slug} has no webhook.`);
    const refused = await place.run('webhook', 'add', slug, '--url', 'https://10.0.0.1/');
    expect(refused).toMatchObject({ code: 1, noted: expect.stringContaining('no public address') });
    const unknown = await place.run('webhook', 'add', slug, '--url', receiver.url, '--types', 'key.exploded');
    expect(unknown).toMatchObject({ code: 2, noted: expect.stringContaining('no event type "key.exploded"') });
    expect(await place.run('webhook', 'test', id)).toMatchObject({ code: 1 });
  } finally {
    await db.close();
    place.remove();
    await receiver.close();
  }
});
