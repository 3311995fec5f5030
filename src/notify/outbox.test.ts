import { beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { seedAccount } from '../../test/support/seed-accounts.ts';
import { seedPayment, seedSubscription } from '../../test/support/seed-money.ts';
import { seedDelivery, seedWebhook, toldTo } from '../../test/support/seed-webhooks.ts';
import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { DAY, HOUR, toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { changeLicenseIn } from '../licensing/change-license.ts';
import { makeGate } from '../licensing/gate.ts';
import { makeLookup } from '../licensing/lookup.ts';
import { makeRecorder } from '../licensing/record.ts';
import { sell } from '../licensing/sales.ts';
import { purgeDeliveries } from './deliveries.ts';
import { EVENT_DATA, EventCause } from './event-data.ts';
import { announce, type News } from './outbox.ts';
import { insertNews } from './store-outbox.ts';
import type { WebhookRecord } from './store-webhooks.ts';

const BY = { actor: SYSTEM_ACTOR, requestId: null, now: SEED_NOW };

onEachDatabase('the outbox', (database) => {
  let shop: Shop;
  let hook: WebhookRecord;
  beforeEach(async () => {
    shop = await seedShop(database().db);
    hook = await seedWebhook(database().db, shop.organization);
  });
  const count = async (table: string) =>
    Number((await database().db.read((tx) => tx(table).count('id as n').first()))?.['n']);
  const typesTo = async (webhook = hook) => (await toldTo(database().db, webhook)).map(({ type }) => type);
  const suspend = (id: string) =>
    database().db.tx((tx) => changeLicenseIn(tx, id, { change: { kind: 'suspend' } }, BY));

  it('tells every webhook of the organization that wants it, once', async () => {
    const { db } = database();
    const groups = await seedWebhook(db, shop.organization, { types: ['license.*', 'key.created'] });
    const keys = await seedWebhook(db, shop.organization, { types: ['key.created'] });
    const off = await seedWebhook(db, shop.organization, { active: false });
    const stranger = await seedWebhook(db, (await seedShop(db)).organization);
    const { license } = await seedSoldLicense(db, shop);
    await suspend(license.id);
    for (const [webhook, told] of [
      [hook, ['license.suspended']],
      [groups, ['license.suspended']],
      [keys, []],
      [off, []],
      [stranger, []],
    ] as const)
      expect(await typesTo(webhook)).toEqual(told);
    const [event] = await toldTo(db, hook);
    expect(event).toMatchObject({
      timestamp: toIso(SEED_NOW),
      data: {
        ...{ object: 'license', id: license.id, url: `/api/v1/licenses/${license.id}`, status: 'suspended' },
        ...{ organization_id: shop.organization.id, customer_id: license.customerId, max_sites: 1 },
        by: { kind: 'system', id: 'system' },
        changed: [],
      },
    });
  });

  it('writes nothing where nobody listens', async () => {
    const { db } = database();
    const quiet = await seedShop(db);
    const { license } = await seedSoldLicense(db, quiet);
    const before = [await count('webhook_events'), await count('webhook_deliveries')];
    await suspend(license.id);
    expect([await count('webhook_events'), await count('webhook_deliveries')]).toEqual(before);
  });

  it('is undone with the change that it tells of', async () => {
    const { db } = database();
    const { license } = await seedSoldLicense(db, shop);
    const undone = db.tx(async (tx) => {
      await changeLicenseIn(tx, license.id, { change: { kind: 'revoke' } }, BY);
      throw new Error('stop');
    });
    await expect(undone).rejects.toThrow('stop');
    expect(await typesTo()).toEqual([]);
  });

  it('tells of each kind of thing what the document says, and never a key or an address of a customer', async () => {
    const { db } = database();
    const sold = await seedSoldLicense(db, shop, { repository: shop.repository });
    const site = await seedSite(db, sold.license, 'one.example.com', { keyId: sold.key.id });
    const release = newId('release');
    await db.tx((tx) =>
      tx('releases').insert({
        ...{ id: release, product_id: shop.product.id, version: '1.0.0', tag: 'v1.0.0', commit_id: '', notes: '' },
        ...{ channel: 'stable', client_word: 'stable', changelog: '[]', security: false, targets: '{}', web_url: '' },
        ...{ state: 'listed', fingerprint: '', first_seen_at: toIso(SEED_NOW), updated_at: toIso(SEED_NOW) },
      }),
    );
    const things = { key: sold.key.id, license: sold.license.id, grant: sold.grant.id, site: site.id, release };
    const types = { key: 'key.changed', license: 'license.changed', grant: 'grant.added' } as const;
    const others = { site: 'site.claimed', release: 'release.published' } as const;
    for (const [group, type] of Object.entries({ ...types, ...others })) {
      const id = things[group as keyof typeof things];
      const news = { type, id, organizationId: shop.organization.id, by: { kind: 'cli', id: 'cli' }, changed: ['a'] };
      await db.tx((tx) => announce(tx, [news as News], SEED_NOW));
      const event = (await toldTo(db, hook)).at(-1);
      const schema = EVENT_DATA[group as keyof typeof EVENT_DATA].extend(EventCause.shape).strict();
      expect(schema.parse(event?.data)).toEqual(event?.data);
      expect([event?.data.object, event?.data.id, event?.type]).toEqual([group, id, type]);
    }
    const all = JSON.stringify(await toldTo(db, hook));
    expect(all).not.toContain(sold.key.text);
    expect(all).not.toContain('@');
  });

  it('tells of what is gone by its id alone', async () => {
    const id = newId('key');
    const event = {
      actor: SYSTEM_ACTOR,
      action: 'key.delete',
      entity: 'key',
      entityId: id,
      changes: {},
      requestId: null,
    };
    await database().db.tx((tx) => audit(tx, { ...event, organizationId: shop.organization.id }, SEED_NOW));
    expect(await toldTo(database().db, hook)).toMatchObject([
      { type: 'key.deleted', data: { object: 'key', id, url: '' } },
    ]);
  });

  it('tells of a sale: the key, the license and what was sold', async () => {
    const { db } = database();
    const wish = {
      ...{
        organization: shop.organization,
        repositoryId: null,
        packageId: (await seedPackage(db, shop.organization)).id,
      },
      ...{ licenseId: null, quantity: 1, customer: { name: 'Ada', email: 'ada@example.com' }, domains: [] },
      ...{ source: 'purchase' as const, paymentRef: 'order-1', line: '1', request: null },
    };
    await db.tx((tx) => sell(tx, seedSecrets, wish, BY));
    expect(await typesTo()).toEqual(['key.created', 'license.created', 'grant.added']);
    await db.tx((tx) => sell(tx, seedSecrets, wish, BY));
    expect(await typesTo()).toHaveLength(3);
  });

  it('tells of a site that polls once: when it takes its slot', async () => {
    const { db } = database();
    const sold = await seedSoldLicense(db, shop, { terms: { startsOn: 'first_use', sites: 2 } });
    const keyPrefixes = () => ['FG1'];
    const clock = () => SEED_NOW;
    const gate = makeGate({
      clock,
      secrets: seedSecrets,
      keyPrefixes,
      lookup: makeLookup(db),
      record: makeRecorder(db),
    });
    const download = async (site: string | null) => {
      const asked = await gate.ask('download', [shop.path], {
        ...{ keyText: sold.key.text, siteText: site, instanceText: null, platform: null },
      });
      if (!asked) throw new Error('there is no such product');
      await gate.record(asked, {
        kind: 'download',
        platformVersion: '',
        extensionVersion: '',
        code: asked.verdict.code,
      });
    };
    await download('one.example.com');
    expect(await typesTo()).toEqual(['site.claimed', 'license.started']);
    const [claimed] = await toldTo(db, hook);
    expect(claimed?.data).toMatchObject({
      ...{ site: 'one.example.com', host: 'one.example.com', counted: true, key_id: sold.key.id, released: false },
      ...{ license_id: sold.license.id, by: { kind: 'client', id: sold.key.id } },
    });
    await download('one.example.com');
    await download(null);
    expect(await typesTo()).toHaveLength(2);
    await Promise.all([download('two.example.com'), download('one.example.com')]);
    expect(await typesTo()).toEqual(['site.claimed', 'license.started', 'site.claimed']);
  });

  it('tells of payments and subscriptions, of their organization and of no other', async () => {
    const { db } = database();
    const account = await seedAccount(db, shop.organization);
    const stranger = await seedWebhook(db, (await seedShop(db)).organization);
    const subscription = await seedSubscription(db, account);
    const payment = await seedPayment(db, account, { subscriptionId: subscription.id, refundedMinor: 900 });
    const told = { actor: SYSTEM_ACTOR, changes: {}, requestId: null };
    await db.tx(async (tx) => {
      await audit(tx, { ...told, action: 'payment.refund', entity: 'payment', entityId: payment.id }, SEED_NOW);
      const entityId = subscription.id;
      await audit(tx, { ...told, action: 'subscription.cancel', entity: 'subscription', entityId }, SEED_NOW);
    });
    const events = await toldTo(db, hook);
    expect(events.map(({ type, data }) => [type, data.id])).toEqual([
      ['payment.refunded', payment.id],
      ['subscription.canceled', subscription.id],
    ]);
    expect(events[0]?.data).toMatchObject({ mode: 'live', amount_minor: 4_900, refunded_minor: 900, currency: 'EUR' });
    EVENT_DATA.payment.extend(EventCause.shape).strict().parse(events[0]?.data);
    EVENT_DATA.subscription.extend(EventCause.shape).strict().parse(events[1]?.data);
    expect(await toldTo(db, stranger)).toEqual([]);
  });

  it('is emptied of what is old, however many webhooks were told of one event', async () => {
    const { db } = database();
    const at = toIso(SEED_NOW - DAY);
    const events = Array.from({ length: 700 }, () => ({
      ...{ id: newId('webhook_event'), organizationId: shop.organization.id, type: 'key.created', at, body: '{}' },
    }));
    const another = await seedWebhook(db, shop.organization);
    const deliveries = events.flatMap(({ id: eventId }) =>
      [hook, another].map((each) => ({ id: newId('webhook_delivery'), endpointId: each.id, eventId })),
    );
    await db.tx((tx) => insertNews(tx, events, deliveries, at));
    const young = await seedDelivery(db, hook);
    await purgeDeliveries(db, SEED_NOW - HOUR);
    const left = await db.read((tx) =>
      tx('webhook_deliveries').whereIn('endpoint_id', [hook.id, another.id]).pluck('id'),
    );
    expect(left).toEqual([young]);
    const kept = db.read((tx) => tx('webhook_events').where({ organization_id: shop.organization.id }).pluck('at'));
    expect(await kept).toEqual([toIso(SEED_NOW)]);
  });

  it('costs an ordinary poll no statement, and a new site one where nobody listens', async () => {
    const { db, engine } = database();
    // Only there is the writing connection one and the same.
    if (engine !== 'sqlite') return;
    const quiet = await seedShop(db);
    const sold = await seedSoldLicense(db, quiet, { terms: { sites: 3 } });
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => void (sql.includes('webhook') && statements.push(sql));
    const clock = () => SEED_NOW;
    const ground = { clock, secrets: seedSecrets, keyPrefixes: () => ['FG1'] };
    const gate = makeGate({ ...ground, lookup: makeLookup(db), record: makeRecorder(db) });
    const download = async (siteText: string) => {
      const asked = await gate.ask('download', [quiet.path], {
        ...{ keyText: sold.key.text, siteText, instanceText: null, platform: null },
      });
      if (!asked) throw new Error('there is no such product');
      const use = { kind: 'download', platformVersion: '', extensionVersion: '', code: asked.verdict.code };
      await db.tx(async (tx) => void tx.on('query', listen));
      await gate.record(asked, use);
      await db.tx(async (tx) => void tx.removeListener('query', listen));
      return statements.splice(0).length;
    };
    expect(await download('one.example.com')).toBe(1);
    expect(await download('one.example.com')).toBe(0);
  });
});
