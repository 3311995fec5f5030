import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../src/clock.ts';
import { fromRow } from '../../src/db/rows.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import type { EventRecord } from '../../src/payments/store-events.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeProvider, fakeEvent, signedDelivery, startFakeProvider } from '../support/fake-gateway.ts';
import { seedForge, seedOrganization, seedSecrets } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';

/** What providers deliver, up to the commit of its row. */
onEachDatabase('the inbox of payments', (database) => {
  let provider: FakeProvider;
  let test: TestCore;
  let organization: OrganizationRecord;
  let account: AccountRecord;

  beforeAll(async () => {
    provider = await startFakeProvider();
    test = await openTestCore(database(), { gateways: { fake: provider.gateway } });
    const forge = await seedForge(database().db);
    organization = await seedOrganization(database().db, forge);
    account = await seedAccount(database().db, organization);
  });
  afterAll(async () => {
    await test.close();
    await provider.close();
  });
  beforeEach(() =>
    database().db.tx(async (tx) => {
      await tx('payment_events').delete();
      await tx('payment_alerts').delete();
      await tx('payment_accounts').whereNot({ id: account.id }).delete();
    }),
  );

  type Sent = { body: string | Buffer; headers: Record<string, string> };

  async function deliver({ body, headers }: Sent, path = '/api/fake/webhook', url = test.url) {
    const init = { method: 'POST', headers, body: typeof body === 'string' ? body : new Uint8Array(body) };
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : null };
  }

  async function events(): Promise<EventRecord[]> {
    return (await database().db.read((tx) => tx('payment_events').orderBy('id'))).map((row) => fromRow(row));
  }

  async function alerts(): Promise<{ code: string; count: number }[]> {
    return database().db.read((tx) => tx('payment_alerts').orderBy('code').select('code', 'count'));
  }

  it('case 1: keeps one row of an event, however often and through whichever server it comes', async () => {
    const second = await openTestCore(database(), { gateways: { fake: provider.gateway } });
    const sent = signedDelivery(fakeEvent('evt_1'));
    const urls = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? test.url : second.url));
    const answers = await Promise.all(urls.map((url) => deliver(sent, '/api/fake/webhook', url)));
    await second.close();
    expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 200));
    const outcomes = answers.map(({ json }) => json.outcome).sort();
    expect(outcomes).toEqual([...Array(19).fill('duplicate'), 'received']);
    expect(await events()).toMatchObject([
      { eventId: 'evt_1', accountId: account.id, subject: 'subscription:sub_1', state: 'pending', body: sent.body },
    ]);
  });

  it('takes what is for any organization at its own address, and knows no other', async () => {
    const other = await seedOrganization(database().db, await seedForge(database().db));
    const { body, headers } = signedDelivery(fakeEvent('evt_1'));
    expect((await deliver({ body, headers }, `/api/fake/webhook/${organization.slug}`)).status).toBe(200);
    for (const path of [`/api/fake/webhook/${other.slug}`, '/api/fake/webhook/nobody', '/api/other/webhook']) {
      const refused = await deliver({ body, headers }, path);
      expect([path, refused.status, refused.json.code]).toEqual([path, 404, 'NOT_FOUND']);
    }
    const looked = await fetch(`${test.url}/api/fake/webhook`);
    expect([looked.status, looked.headers.get('allow')]).toEqual([405, 'POST']);
    await looked.text();
    expect(await events()).toHaveLength(1);
  });

  it('finds the account of several modes, and the secret of several, that a delivery is signed with', async () => {
    const id = `${account.id.slice(0, -1)}${account.id.endsWith('0') ? '1' : '0'}`;
    const sealed = sealedAccount(seedSecrets, id, { credentials: { secret: 's' }, hookSecrets: ['new', 'old'] });
    const inTest = await seedAccount(database().db, organization, { id, mode: 'test', ...sealed });
    const names = ['new', 'old', 'hook_1'];
    for (const secret of names) {
      const sent = signedDelivery(fakeEvent(`evt_${secret}`, { live: secret === 'hook_1' }), { secret });
      expect((await deliver(sent)).json.outcome).toBe('received');
    }
    const owners = (await events()).map(({ accountId }) => accountId);
    expect(owners).toEqual([inTest.id, inTest.id, account.id]);
  });

  it.each([
    ['without a signature', () => ({ body: '{}', headers: {} })],
    ['with a wrong secret', () => signedDelivery(fakeEvent('evt_1'), { secret: 'wrong' })],
    ['with one byte changed', () => ({ ...signedDelivery(fakeEvent('evt_1')), body: '{"eventId":"evt_2"}' })],
    ['that is no JSON', () => signedDelivery('hello')],
    ['that is empty', () => signedDelivery('')],
    ['without an event', () => signedDelivery('[]')],
    ['with an id beyond measure', () => signedDelivery(fakeEvent('e'.repeat(3_000)))],
  ])('refuses a delivery %s with a 400 in words', async (_how, made) => {
    const refused = await deliver(made());
    expect([refused.status, refused.json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.json.detail).not.toBe('');
    expect(await events()).toEqual([]);
  });

  it('refuses more than a megabyte, packed or not, and tells the vendor once', async () => {
    const large = 'x'.repeat(2 ** 20 + 1);
    for (const sent of [
      signedDelivery(large),
      { body: gzipSync(Buffer.alloc(50 * 2 ** 20)), headers: { 'content-encoding': 'gzip' } },
    ]) {
      const refused = await deliver(sent);
      expect([refused.status, refused.json.code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
    expect(await alerts()).toEqual([{ code: 'DELIVERY_TOO_LARGE', count: 2 }]);
    const broken = await deliver({ body: 'no gzip', headers: { 'content-encoding': 'gzip' } });
    expect(broken.status).toBe(400);
  });

  it('keeps what is of another mode or account as ignored, with the reason', async () => {
    const strangers = [{ live: false }, { accountId: 'acct_other' }];
    for (const [i, change] of strangers.entries()) {
      expect((await deliver(signedDelivery(fakeEvent(`evt_${i}`, change)))).json.outcome).toBe('ignored');
    }
    expect((await events()).map(({ state, detail }) => [state, detail])).toEqual([
      ['ignored', 'it is of test mode and the account is of live mode'],
      ['ignored', 'it is about another account of the provider'],
    ]);
    expect(await alerts()).toEqual([{ code: 'EVENT_OF_ANOTHER_ACCOUNT', count: 2 }]);
  });

  it('keeps types that it does not know, answers 200 and tells of them once', async () => {
    for (const type of ['quantum.entangled', 'quantum.collapsed', 'order.paid'])
      await deliver(signedDelivery(fakeEvent(type, { type, subject: null })));
    expect((await events()).map(({ state }) => state)).toEqual(['ignored', 'ignored', 'ignored']);
    expect(await alerts()).toEqual([{ code: 'UNKNOWN_EVENT_TYPE', count: 2 }]);
  });

  it('binds a delivery to its first body', async () => {
    const delivery = 'transmission-1';
    expect((await deliver(signedDelivery(fakeEvent('evt_1'), { delivery }))).status).toBe(200);
    expect((await deliver(signedDelivery(fakeEvent('evt_1'), { delivery }))).json.outcome).toBe('duplicate');
    for (const event of [fakeEvent('evt_2'), fakeEvent('evt_1', { objectId: 'sub_2' })]) {
      const refused = await deliver(signedDelivery(event, { delivery }));
      expect([refused.status, refused.json.code]).toEqual([400, 'INVALID_REQUEST']);
    }
    expect(await events()).toHaveLength(1);
  });

  it('queues a given up event again when the provider sends it once more', async () => {
    const sent = signedDelivery(fakeEvent('evt_1'));
    await deliver(sent);
    await database().db.tx((tx) => tx('payment_events').update({ state: 'stuck', attempts: 90, next_at: null }));
    expect((await deliver(sent)).json.outcome).toBe('again');
    expect(await events()).toMatchObject([{ state: 'pending', attempts: 0 }]);
    for (const state of ['done', 'ignored', 'dismissed']) {
      await database().db.tx((tx) => tx('payment_events').update({ state }));
      expect((await deliver(sent)).json.outcome).toBe('duplicate');
      expect(await events()).toMatchObject([{ state }]);
    }
  });

  it('keeps bodies with U+0000, with a byte order mark and with broken UTF-8', async () => {
    const event = fakeEvent('evt_\0', { objectId: 'a\0b' });
    expect((await deliver(signedDelivery(event))).status).toBe(200);
    expect((await deliver(signedDelivery(`\uFEFF${JSON.stringify(fakeEvent('evt_bom'))}`))).status).toBe(200);
    expect((await deliver(signedDelivery(`${JSON.stringify(fakeEvent('evt_nul'))}\n`))).status).toBe(200);
    expect((await events()).map(({ eventId, objectId }) => [eventId, objectId])).toEqual([
      ['evt_', 'ab'],
      ['evt_bom', 'sub_1'],
      ['evt_nul', 'sub_1'],
    ]);
  });

  it('limits floods of what is not genuine, and never what is signed', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 80; i++) statuses.add((await deliver({ body: '{}', headers: {} })).status);
    expect(statuses).toEqual(new Set([400, 429]));
    for (let i = 0; i < 80; i++) expect((await deliver(signedDelivery(fakeEvent(`evt_${i}`)))).status).toBe(200);
    test.time.now += 5 * MINUTE;
  });

  it('case 18: a genuine old delivery is known even when its body is long gone', async () => {
    const sent = signedDelivery(fakeEvent('evt_1'), { delivery: 'transmission-1' });
    await deliver(sent);
    await database().db.tx((tx) => tx('payment_events').update({ state: 'done', body: null }));
    test.time.now += 400 * DAY;
    expect((await deliver(sent)).json.outcome).toBe('duplicate');
    expect(await events()).toMatchObject([{ state: 'done', body: null }]);
  });

  it('names ids only in the log', async () => {
    test.lines.length = 0;
    await deliver(signedDelivery(fakeEvent('evt_1', { objectId: 'secret-object' })));
    const lines = test.lines.filter((line) => line.includes('a payment event came in')).map((line) => JSON.parse(line));
    const [{ id }] = (await events()) as [EventRecord];
    expect(lines).toMatchObject([{ event: id, provider_event: 'evt_1', outcome: 'received' }]);
    expect(test.lines.join('')).not.toContain('secret-object');
  });
});
