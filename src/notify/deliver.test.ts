import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { type Shop, seedSecrets, seedShop } from '../../test/support/seed.ts';
import { seedDelivery, seedWebhook, WEBHOOK_SECRET } from '../../test/support/seed-webhooks.ts';
import { type Received, type Receiver, startReceiver } from '../../test/support/webhook-receiver.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { auditRowsOf } from '../audit/store-audit.ts';
import { DAY, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import { updateOrganization } from '../forge/store.ts';
import { OrganizationSettings } from '../releases/organization-settings.ts';
import { LEASE_MS, makeSender, type Sender, type SenderDeps } from './deliver.ts';
import { resend } from './deliveries.ts';
import { findDelivery, type WholeDeliveryRecord } from './store-deliveries.ts';
import { findWebhook, updateWebhook, type WebhookRecord } from './store-webhooks.ts';
import { allowedTargets } from './webhook-io.ts';
import { addWebhook, changeWebhook, removeWebhook, rotateWebhookSecret } from './webhooks.ts';

const ALLOWED = allowedTargets(['127.0.0.1']);

onEachDatabase('the sender', (database) => {
  let shop: Shop;
  let receiver: Receiver;
  let hook: WebhookRecord;
  let time: { now: number };
  let sender: Sender;
  let disabled: string[];
  let errors: unknown[];
  const senders: Sender[] = [];

  function newSender(change: Partial<SenderDeps> = {}): Sender {
    const made = makeSender({
      ...{
        db: database().db,
        clock: () => time.now,
        secrets: seedSecrets,
        road: { allowed: ALLOWED, timeoutMs: 5_000 },
      },
      ...{ dice: () => 0, onError: (error: unknown) => void errors.push(error) },
      onDisabled: ({ id }, reason) => void disabled.push(`${id} ${reason}`),
      ...change,
    });
    senders.push(made);
    return made;
  }
  const by = () => ({ actor: CLI_ACTOR, requestId: null, now: time.now });
  const deps = () => ({ db: database().db, secrets: seedSecrets, allowed: ALLOWED });
  const stored = async (id: string) => (await database().db.read((tx) => findDelivery(tx, id))) as WholeDeliveryRecord;
  const endpoint = async () => (await database().db.read((tx) => findWebhook(tx, hook.id))) as WebhookRecord;
  const event = () => seedDelivery(database().db, hook, time.now);
  const verified = ({ headers, body }: Received, secret = WEBHOOK_SECRET) => new Webhook(secret).verify(body, headers);
  const waitOf = async (id: string) => Date.parse((await stored(id)).nextAttemptAt ?? '') - time.now;

  beforeEach(async () => {
    // The library of the spec reads the machine's clock.
    time = { now: Date.now() };
    [disabled, errors] = [[], []];
    await database().db.tx(async (tx) => {
      await tx('webhook_deliveries').delete();
      await tx('webhook_endpoints').delete();
    });
    receiver = await startReceiver();
    shop = await seedShop(database().db);
    hook = await seedWebhook(database().db, shop.organization, { url: receiver.url });
    sender = newSender();
  });
  afterEach(async () => {
    await Promise.all(senders.splice(0).map((each) => each.stop()));
    await receiver.close();
    expect(errors).toEqual([]);
  });

  it('sends an event once, signed so that the library of the spec takes it', async () => {
    const id = await event();
    expect(await sender.drain()).toBe(1);
    expect(await sender.drain()).toBe(0);
    expect(receiver.received).toHaveLength(1);
    const [got] = receiver.received as [Received];
    const delivery = await stored(id);
    expect(verified(got)).toMatchObject({ type: 'key.created' });
    expect(got.body).toBe(delivery.body);
    expect(got.path).toBe('/hooks?token=a');
    expect(got.headers).toMatchObject({
      ...{ 'webhook-id': delivery.eventId, 'webhook-timestamp': String(Math.floor(time.now / 1_000)) },
      ...{ 'content-type': 'application/json', 'user-agent': expect.stringMatching(/^Feedgate/) },
    });
    expect(delivery).toMatchObject({
      state: 'delivered',
      deliveredAt: toIso(time.now),
      nextAttemptAt: null,
      leaseId: null,
    });
    expect(delivery.tries).toEqual([
      { at: toIso(time.now), status: 204, duration_ms: expect.any(Number), error: null },
    ]);
  });

  it('comes back after a failure with the same id, the same bytes and the time of the attempt', async () => {
    receiver.answers = [500, 200];
    const id = await event();
    await sender.drain();
    expect(await stored(id)).toMatchObject({ state: 'waiting', step: 1, answer: 'answer 500' });
    expect((await endpoint()).failingSince).toBe(toIso(time.now));
    expect(await waitOf(id)).toBe(5 * SECOND);
    time.now += 5 * SECOND - 1;
    expect(await sender.drain()).toBe(0);
    time.now += 1;
    expect(await sender.drain()).toBe(1);
    const [first, second] = receiver.received as [Received, Received];
    expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
    expect(Number(second.headers['webhook-timestamp'])).toBe(Number(first.headers['webhook-timestamp']) + 5);
    for (const each of [first, second]) expect(verified(each)).toBeTruthy();
    expect((await stored(id)).tries.map(({ status, error }) => [status, error])).toEqual([
      [500, 'it answered 500'],
      [200, null],
    ]);
    expect(await endpoint()).toMatchObject({ failingSince: null, active: true });
  });

  it('gives up after ten attempts over three days, and switches off what failed for five', async () => {
    receiver.answers = [500];
    const settings = OrganizationSettings.parse({ mail: { replyTo: 'vendor@example.com' } });
    await database().db.tx((tx) => updateOrganization(tx, shop.organization.id, { settings }));
    const first = await event();
    const start = time.now;
    const whole = async (id: string) => {
      for (;;) {
        await sender.drain();
        const { nextAttemptAt } = await stored(id);
        if (nextAttemptAt === null) return;
        time.now = Date.parse(nextAttemptAt);
      }
    };
    await whole(first);
    expect(receiver.received).toHaveLength(10);
    expect((time.now - start) / DAY).toBeCloseTo(3.15, 1);
    expect((await stored(first)).state).toBe('failed');
    expect(await endpoint()).toMatchObject({ active: true, failingSince: toIso(start) });
    const [second, third] = [await event(), await event()];
    await whole(second);
    expect(await endpoint()).toMatchObject({ active: false, disabledReason: 'failing', disabledAt: toIso(time.now) });
    expect((await stored(third)).state).toBe('failed');
    expect(disabled).toEqual([`${hook.id} failing`]);
    const mails = await database().db.read((tx) => tx('mails').where({ template: 'vendor_alert' }));
    expect(mails.map(({ email, about }) => [email, JSON.parse(about)])).toEqual([
      ['vendor@example.com', { webhook_id: hook.id }],
    ]);
    const [told] = await database().db.read((tx) => auditRowsOf(tx, hook.id, 1));
    expect(told).toMatchObject({
      ...{ action: 'webhook.disable', actor: 'system', organization_id: shop.organization.id },
      changes: '{"active":{"from":true,"to":false},"reason":"failing"}',
    });
    await changeWebhook(deps(), hook.id, { active: true }, by());
    expect(await endpoint()).toMatchObject({
      active: true,
      disabledAt: null,
      disabledReason: null,
      failingSince: null,
    });
  });

  it('stops at once for a receiver that answers 410; what waits for it is given up', async () => {
    receiver.answers = [410];
    const [first, second] = [await event(), await event()];
    await database().db.tx((tx) => updateWebhook(tx, hook.id, { failingSince: toIso(time.now) }));
    await sender.drain();
    expect(receiver.received).toHaveLength(1);
    expect([(await stored(first)).state, (await stored(second)).state]).toEqual(['failed', 'failed']);
    expect(await endpoint()).toMatchObject({ active: false, disabledReason: 'gone' });
    expect(disabled).toEqual([`${hook.id} gone`]);
  });

  it('slows down for a receiver that asks for it', async () => {
    receiver.answers = [(_req, res) => res.writeHead(429, { 'retry-after': '7200' }).end(), 200];
    await database().db.tx((tx) => updateWebhook(tx, hook.id, { failingSince: toIso(time.now - HOUR) }));
    const [first, second] = [await event(), await event()];
    await sender.drain();
    expect(receiver.received).toHaveLength(1);
    time.now += 2 * HOUR - 1;
    expect(await sender.drain()).toBe(0);
    time.now += 1;
    expect(await sender.drain()).toBe(2);
    expect([(await stored(first)).state, (await stored(second)).state]).toEqual(['delivered', 'delivered']);
  });

  it('follows no redirect, not even to this machine', async () => {
    const inside = await startReceiver();
    receiver.answers = [(_req, res) => res.writeHead(307, { location: inside.url }).end()];
    const id = await event();
    await sender.drain();
    expect(inside.received).toEqual([]);
    expect((await stored(id)).tries[0]).toMatchObject({ status: 307, error: expect.stringContaining('redirect') });
    await inside.close();
  });

  it('waits for no receiver that hangs, and lets none hold up another', async () => {
    receiver.answers = [() => undefined];
    const healthy = await startReceiver();
    const other = await seedWebhook(database().db, shop.organization, { url: healthy.url });
    const stuck = await Promise.all([event(), event(), event()]);
    const fine = await Promise.all([1, 2, 3].map(() => seedDelivery(database().db, other, time.now)));
    const road = { allowed: ALLOWED, timeoutMs: 800 };
    await newSender({ road }).drain();
    expect(healthy.received).toHaveLength(3);
    for (const id of fine) expect((await stored(id)).state).toBe('delivered');
    // Two at once while it is well; once it fails the third is tried alone.
    expect(receiver.received).toHaveLength(3);
    for (const id of stuck)
      expect((await stored(id)).tries).toMatchObject([{ status: null, error: 'it did not answer in time' }]);
    await healthy.close();
  });

  it('reads 2 kB of an answer, however long it is, and minds no connection that breaks', async () => {
    receiver.answers = [
      (_req, res) => void res.writeHead(200).end('\0€'.repeat(3_000_000)),
      (_req, res) => void res.socket?.destroy(),
    ];
    const long = await event();
    await sender.drain();
    const { state, answer } = await stored(long);
    expect(state).toBe('delivered');
    expect(answer.length).toBeGreaterThan(400);
    expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(2_050);
    expect(answer).not.toContain('\0');
    const broken = await event();
    await sender.drain();
    expect((await stored(broken)).tries).toMatchObject([
      { status: null, error: expect.stringContaining('connection') },
    ]);
  });

  it('refuses what a name resolves to, where the connection is made', async () => {
    const url = receiver.url.replace('http://127.0.0.1', 'http://shop.example.com');
    await database().db.tx((tx) => updateWebhook(tx, hook.id, { url: url.replace('http:', 'https:') }));
    const id = await event();
    const allowed = allowedTargets([]);
    const resolve = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    await newSender({ road: { allowed, resolve } }).drain();
    expect((await stored(id)).tries).toMatchObject([
      { status: null, error: 'shop.example.com leads to 127.0.0.1, which is no public address' },
    ]);
    await database().db.tx((tx) => updateWebhook(tx, hook.id, { url: receiver.url }));
    time.now += MINUTE;
    await newSender({ road: { allowed } }).drain();
    expect((await stored(id)).tries[1]).toMatchObject({ error: expect.stringContaining('no public address') });
    expect(receiver.received).toEqual([]);
  });

  it('connects to the very address that was judged', async () => {
    const url = receiver.url.replace('127.0.0.1', 'crm.internal');
    await database().db.tx((tx) => updateWebhook(tx, hook.id, { url }));
    await event();
    const answers = [[{ address: '127.0.0.1', family: 4 }]];
    const resolve = async () => answers.shift() ?? [];
    await newSender({ road: { allowed: allowedTargets(['crm.internal']), resolve } }).drain();
    expect(receiver.received[0]?.headers['host']).toMatch(/^crm\.internal:/);
  });

  it('signs with both secrets while one is being replaced', async () => {
    const { webhook, secret } = await addWebhook(
      deps(),
      shop.organization.id,
      { url: receiver.url, types: ['*'], description: '' },
      by(),
    );
    hook = webhook;
    const rotated = await rotateWebhookSecret(deps(), hook.id, 24, by());
    await event();
    await sender.drain();
    const [during] = receiver.received as [Received];
    expect(verified(during, secret)).toBeTruthy();
    expect(verified(during, rotated.secret)).toBeTruthy();
    await rotateWebhookSecret(deps(), hook.id, 0, by());
    await event();
    await sender.drain();
    const after = receiver.received[1] as Received;
    expect(() => verified(after, rotated.secret)).toThrow();
    expect(after.headers['webhook-signature']).toMatch(/^v1,\S+$/);
  });

  it('forgets the old secret when its overlap is over', async () => {
    const rotated = await rotateWebhookSecret(deps(), hook.id, 1, by());
    time.now += HOUR;
    await event();
    await sender.drain();
    const [got] = receiver.received as [Received];
    expect(got.headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect(rotated.webhook.previousSecretUntil).toBe(toIso(time.now));
  });

  it('sends again what was delivered or given up: the same bytes under the same id', async () => {
    const id = await event();
    await sender.drain();
    expect(await resend(database().db, sender, id, by())).toMatchObject({ state: 'delivered' });
    const [first, second] = receiver.received as [Received, Received];
    expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
    receiver.answers = [500, 200];
    expect(await resend(database().db, sender, id, by())).toMatchObject({ state: 'waiting', step: 1 });
    time.now += 5 * SECOND;
    await sender.drain();
    expect(await stored(id)).toMatchObject({ state: 'delivered' });
    expect((await stored(id)).tries).toHaveLength(4);
  });

  it('sends again what a process had sent when it died before it wrote that down', async () => {
    const id = await event();
    const doomed = database().another();
    receiver.answers = [(_req, res) => void doomed.close().then(() => res.writeHead(200).end()), 200];
    await newSender({ db: doomed, onError: () => undefined })
      .drain()
      .catch(() => undefined);
    expect(await stored(id)).toMatchObject({ state: 'waiting', leaseId: expect.any(String) });
    time.now += LEASE_MS;
    expect(await sender.drain()).toBe(0);
    time.now += 1;
    expect(await sender.drain()).toBe(1);
    const [first, second] = receiver.received as [Received, Received];
    expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
    expect((await stored(id)).state).toBe('delivered');
  });

  it('lets whoever lost his lease write nothing', async () => {
    const id = await event();
    const late: (() => void)[] = [];
    receiver.answers = [(_req, res) => void late.push(() => res.writeHead(500).end()), 200];
    const draining = sender.drain();
    while (late.length === 0) await new Promise(setImmediate);
    time.now += LEASE_MS + 1;
    await newSender({ db: database().another() }).drain();
    late[0]?.();
    await draining;
    expect(await stored(id)).toMatchObject({ state: 'delivered', tries: [{ status: 200 }] });
  });

  it('sends everything once where two instances are at it', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => event()));
    const other = newSender({ db: database().another() });
    await Promise.all([sender.drain(), other.drain()]);
    for (let left = 1; left > 0; ) left = (await sender.drain()) + (await other.drain());
    const told = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(told).size).toBe(30);
    expect(told).toHaveLength(30);
    for (const id of ids) expect((await stored(id)).state).toBe('delivered');
  });

  it('sends nothing to what is switched off or removed', async () => {
    const id = await event();
    await changeWebhook(deps(), hook.id, { active: false }, by());
    expect(await stored(id)).toMatchObject({ state: 'failed', nextAttemptAt: null });
    await changeWebhook(deps(), hook.id, { active: true }, by());
    await event();
    await removeWebhook(database().db, hook.id, by());
    expect(await sender.drain()).toBe(0);
    expect(receiver.received).toEqual([]);
  });

  it('goes on after its clock was set back', async () => {
    receiver.answers = [500, 200];
    const id = await event();
    await sender.drain();
    time.now -= 30 * DAY;
    expect(await sender.drain()).toBe(1);
    expect((await stored(id)).state).toBe('delivered');
  });

  it('works by itself between start and stop', async () => {
    sender.start();
    const id = await event();
    while ((await stored(id)).state !== 'delivered') await new Promise(setImmediate);
    await sender.stop();
    await event();
    expect(receiver.received).toHaveLength(1);
  });

  it('has nothing in hand once it has stopped, even where it stops while it looks for work', async () => {
    const id = await event();
    sender.start();
    await sender.stop();
    const { state, leaseId } = await stored(id);
    expect([state, leaseId]).toEqual(['delivered', null]);
  });
});
