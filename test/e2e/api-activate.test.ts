import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { updateKey } from '../../src/licensing/store-keys.ts';
import { updateLicense } from '../../src/licensing/store-licenses.ts';
import type { Product } from '../../src/releases/product.ts';
import { type Answer, type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  type PackageChange,
  SEED_NOW,
  type Shop,
  seedClosing,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedProduct,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../support/seed.ts';

const INSTANCE = 'a'.repeat(64);

onEachDatabase('sites by their key', (database) => {
  let api: ApiServer;
  let shop: Shop;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
  });
  afterAll(() => api.close());

  let asked = 0;
  /** From a network of its own, unless one is named. */
  function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    asked += 1;
    const from = { 'X-Forwarded-For': `10.${asked >> 8}.${asked & 255}.1` };
    return api.post(`/licenses/${path}`, body, { token: null, headers: { ...from, ...headers } });
  }
  const activate = (body: object, headers: Record<string, string> = {}) =>
    post('activate', { product: shop.path, ...body }, headers);
  const deactivate = (body: object) => post('deactivate', body);
  const sold = (change: Parameters<typeof seedSoldLicense>[2] = {}) => seedSoldLicense(database().db, shop, change);
  const held = (licenseId: string) =>
    database().db.read((tx) =>
      tx('activations').where({ license_id: licenseId, released_at: null }).orderBy('id').pluck('identity'),
    );
  const counters = async (licenseId: string) => {
    const row = await database().db.read((tx) => tx('licenses').where({ id: licenseId }).first());
    return [Number(row.counted_sites), Number(row.exempt_sites)];
  };
  /** Without what every answer has of its own. */
  const same = ({ status, json: { request_id: _, ...rest } }: Answer) => JSON.stringify([status, rest]);

  describe('activate', () => {
    it('claims a slot once, with what the site says of itself', async () => {
      const { key, license } = await sold({ terms: { sites: 2 } });
      const wish = { key: key.text, site: 'https://www.Example.com/shop', instance: INSTANCE, label: ' My shop ' };
      const about = { version: '1.2.0', platform: 'joomla', platform_version: '5.2.1' };
      const first = await activate({ ...wish, ...about });
      expect([first.status, first.json.code, first.json.verdict]).toEqual([201, 'ACTIVATED', 'VALID']);
      expect(first.json.license).toEqual({
        ...{ id: license.id, status: 'active', valid_until: '2027-01-01T12:00:00.000Z', max_sites: 2 },
      });
      expect(first.json.activation).toMatchObject({
        ...{ license_id: license.id, key_id: key.id, identity: 'example.com', host: 'example.com', covers: 'host' },
        ...{ instance: INSTANCE, label: 'My shop', counted: true, exempt_reason: null, over_limit: false },
        ...{ first_seen_at: toIso(SEED_NOW), last_seen_at: toIso(SEED_NOW), released: null, beside: null },
        products: [
          {
            ...{ product_id: shop.product.id, version: '1.2.0', platform: 'joomla', platform_version: '5.2.1' },
            ...{ first_seen_at: toIso(SEED_NOW), since: toIso(SEED_NOW) },
          },
        ],
      });
      const again = await activate(wish);
      expect([again.status, again.json.code]).toEqual([200, 'ALREADY_ACTIVATED']);
      expect(again.json.activation).toEqual(first.json.activation);
      expect(await held(license.id)).toEqual(['example.com']);
      const { items } = (await api.get(`/licenses/${license.id}/sites`)).json;
      expect(items).toEqual([first.json.activation]);
      const row = await database().db.read((tx) => tx('audit_events').where({ entity_id: items[0].id }).first());
      expect(row).toMatchObject({ action: 'site.activate', actor: key.id, actor_kind: 'client' });
    });

    it('updatepulse-same-domain-reinstall: the same site again is fine at the limit, with another instance too', async () => {
      const { key, license } = await sold();
      expect((await activate({ key: key.text, site: 'example.com', instance: INSTANCE })).status).toBe(201);
      for (const letter of ['b', 'c', 'd']) {
        const again = await activate({ key: key.text, site: 'www.example.com', instance: letter.repeat(64) });
        expect([again.status, again.json.code]).toEqual([200, 'ALREADY_ACTIVATED']);
      }
      expect(await counters(license.id)).toEqual([1, 0]);
    });

    it('says of a full license how full it is, and by what names its owner knows the sites', async () => {
      const { key, license } = await sold({ terms: { sites: 2 } });
      await seedSite(database().db, license, 'shop.customer-site.com', { lastSeenAt: toIso(SEED_NOW) });
      const old = await seedSite(database().db, license, 'old.co.uk', { lastSeenAt: toIso(SEED_NOW - 9 * DAY) });
      const { status, json } = await activate({ key: key.text, site: 'third.example.com' });
      expect([status, json.code, json.used, json.max]).toEqual([409, 'SITE_LIMIT', 2, 2]);
      expect(json.activations.map(({ site }: { site: string }) => site)).toEqual(['o***.co.uk', 'sh***.cu***.com']);
      expect(json.activations[0]).toMatchObject({ id: old.id, last_seen_at: toIso(SEED_NOW - 9 * DAY) });
      expect(json.release_url).toBe(`https://updates.example.com/${shop.path}#sites`);
      expect(await held(license.id)).toHaveLength(2);
    });

    it('polar-limitless-key-403: without a limit every site is let in', async () => {
      const { key } = await sold({ terms: { sites: null } });
      for (let i = 0; i < 6; i++)
        expect((await activate({ key: key.text, site: `s${i}.example.com` })).status).toBe(201);
    });

    it('records a site that does not count, and says why', async () => {
      const { key, license } = await sold();
      await activate({ key: key.text, site: 'example.com' });
      const staging = (await activate({ key: key.text, site: 'staging2.example.com' })).json.activation;
      expect(staging).toMatchObject({ counted: false, exempt_reason: 'staging' });
      expect((await api.get(`/licenses/${license.id}/sites`)).json.items[1].beside.site).toBe('example.com');
      const local = (await activate({ key: key.text, site: '192.168.1.20' })).json.activation;
      expect(local).toMatchObject({ counted: false, exempt_reason: 'private' });
      const copy = { key: key.text, site: 'copy.example.org', instance: INSTANCE };
      await database().db.tx((tx) =>
        tx('activations').where({ license_id: license.id, identity: 'example.com' }).update({ instance: INSTANCE }),
      );
      expect((await activate(copy)).json.activation).toMatchObject({ exempt_reason: 'copy' });
    });

    it('answers an unknown key, the key of another product and an unknown product with the same bytes', async () => {
      const { db } = database();
      const other = await seedProduct(db, shop.organization, null);
      const mine = await sold({ terms: { products: [other.id] } });
      const foreign = await seedSoldLicense(db, await seedShop(db));
      const gone = await seedKey(db, await seedLicense(db, shop.organization));
      await db.tx((tx) => tx('license_keys').where({ id: gone.id }).delete());
      const answers = [];
      for (const key of [mine.key.text, foreign.key.text, gone.text, 'what-some-shop-sold', 'x'.repeat(2_000)])
        answers.push(await activate({ key, site: 'one.example.com' }));
      for (const product of ['no/thing', newId('product'), '/'])
        answers.push(await activate({ key: mine.key.text, product, site: 'one.example.com' }));
      for (const key of [mine.key.text, foreign.key.text, gone.text])
        answers.push(await post('deactivate', { key, product: shop.path, site: 'one.example.com' }));
      for (const key of [gone.text, 'what-some-shop-sold']) answers.push(await post('sites', { key }));
      expect(answers.map(({ status, json }) => [status, json.code])).toEqual(
        answers.map(() => [404, 'LICENSE_NOT_FOUND']),
      );
      expect(new Set(answers.map(same)).size).toBe(1);
      expect((await activate({ key: mine.key.text, product: other.id, site: 'one.example.com' })).status).toBe(201);
    });

    it('counts misses by network, in the database, and never turns a real key away for them', async () => {
      const { key } = await sold();
      const headers = { 'X-Forwarded-For': '198.51.100.9' };
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await activate({ key: `guess-${i}`, site: 'a.com' }, headers)).status);
      statuses.push((await post('validate', { key: 'guess', product: shop.path }, headers)).status);
      statuses.push((await post('deactivate', { key: 'guess', site: 'a.com' }, headers)).status);
      expect(statuses).toEqual([404, 404, 404, 200, 429]);
      expect((await activate({ key: key.text, site: 'example.com' }, headers)).status).toBe(201);
      expect((await post('sites', { key: key.text }, headers)).status).toBe(200);
    });

    it('tells a typing error at once, without a strike', async () => {
      const { key } = await sold();
      const typo = `${key.text.slice(0, -1)}${key.text.endsWith('2') ? '3' : '2'}`;
      for (let i = 0; i < 8; i++) {
        for (const path of ['activate', 'deactivate', 'sites']) {
          const body = { key: typo, product: 'no/thing', ...(path === 'sites' ? {} : { site: 'example.com' }) };
          const { status, json } = await post(path, body, { 'X-Forwarded-For': '192.0.2.7' });
          expect([path, status, json.code]).toEqual([path, 400, 'KEY_MALFORMED']);
        }
      }
    });

    it('refuses a real key with the reason, and takes no slot', async () => {
      const { db } = database();
      const at = toIso(SEED_NOW);
      const states: Record<string, Awaited<ReturnType<typeof sold>>> = {};
      states['403 LICENSE_SUSPENDED'] = await sold();
      await db.tx((tx) => updateLicense(tx, states['403 LICENSE_SUSPENDED']?.license.id ?? '', { suspendedAt: at }));
      states['403 LICENSE_REVOKED'] = await sold();
      await db.tx((tx) => updateLicense(tx, states['403 LICENSE_REVOKED']?.license.id ?? '', { revokedAt: at }));
      states['403 KEY_REVOKED'] = await sold();
      await db.tx((tx) => updateKey(tx, states['403 KEY_REVOKED']?.key.id ?? '', { revokedAt: at }));
      states['403 LICENSE_EXPIRED'] = await sold({ given: SEED_NOW - 400 * DAY });
      states['403 LICENSE_NOT_YET_VALID'] = await sold({ given: SEED_NOW + DAY });
      states['403 LICENSE_CANCELED'] = await sold();
      await seedClosing(db, states['403 LICENSE_CANCELED']?.grant ?? { id: '' }, 'close');
      states['403 SITE_NOT_ALLOWED'] = await sold();
      await db.tx((tx) => updateKey(tx, states['403 SITE_NOT_ALLOWED']?.key.id ?? '', { domains: ['mine.com'] }));
      for (const [expected, { key, license }] of Object.entries(states)) {
        const { status, json } = await activate({ key: key.text, site: 'shop.customer-site.com' });
        expect([expected, `${status} ${json.code}`]).toEqual([expected, expected]);
        expect(await held(license.id)).toEqual([]);
      }
    });

    it('polar-expired-key-activates: not even what stays after the end takes a new site', async () => {
      const { key, license } = await sold({ given: SEED_NOW - 400 * DAY, terms: { afterEnd: 'owned', sites: 3 } });
      await seedSite(database().db, license, 'example.com');
      for (const site of ['new.example.org', 'example.com'])
        expect((await activate({ key: key.text, site })).json.code).toBe('LICENSE_EXPIRED');
      expect(await held(license.id)).toEqual(['example.com']);
    });

    it('lets a site in while grace lasts, and starts no time', async () => {
      const grace = await sold({ given: SEED_NOW - 370 * DAY, terms: { graceDays: 14 } });
      const inGrace = await activate({ key: grace.key.text, site: 'example.com' });
      expect([inGrace.status, inGrace.json.verdict]).toEqual([201, 'GRACE']);
      const fresh = await sold({ terms: { startsOn: 'first_use' } });
      expect((await activate({ key: fresh.key.text, site: 'example.com' })).status).toBe(201);
      const row = await database().db.read((tx) => tx('grants').where({ id: fresh.grant.id }).first());
      expect(row.first_used_at).toBeNull();
    });

    it('counts no sites of a master key', async () => {
      const { key } = await sold({ kind: 'master', terms: { length: null, sites: null, channels: ['*'] } });
      const { status, json } = await activate({ key: key.text, site: 'example.com' });
      expect([status, json.code]).toEqual([409, 'ACTIVATION_NOT_APPLICABLE']);
    });

    it.each([
      [{ site: 'not a host' }, 'INVALID_SITE', '/site'],
      [{ site: 'x'.repeat(2_000) }, 'INVALID_SITE', '/site'],
      [{ site: 'ftp://example.com' }, 'INVALID_SITE', '/site'],
      [{ site: '*.example.com' }, 'INVALID_SITE', '/site'],
      [{ site: '' }, 'INVALID_REQUEST', '/site'],
      [{}, 'INVALID_REQUEST', '/site'],
      [{ site: 'joomla.invalid' }, 'INVALID_REQUEST', '/site'],
      [{ site: 'example.com', instance: 'my shop' }, 'INVALID_REQUEST', '/instance'],
      [{ site: 'example.com', label: 'x'.repeat(101) }, 'INVALID_REQUEST', '/label'],
      [{ site: 'example.com', platform: 'drupal' }, 'INVALID_REQUEST', '/platform'],
      [{ site: 'example.com', more: 1 }, 'INVALID_REQUEST', '/more'],
    ])('refuses %j: %s at %s', async (body, code, pointer) => {
      const { key } = await sold();
      const { status, json } = await activate({ key: key.text, ...body });
      expect([status, json.code, json.errors[0].pointer]).toEqual([400, code, pointer]);
    });

    it('knows a Dolibarr by its instance alone', async () => {
      const { db } = database();
      const dolibarr = await seedShop(db, { platforms: ['dolibarr'] } satisfies Partial<Product>);
      const { key, license } = await seedSoldLicense(db, dolibarr);
      const ask = (body: object) => activate({ key: key.text, product: dolibarr.path, ...body });
      expect((await ask({ site: 'erp.example.com', instance: INSTANCE })).status).toBe(201);
      expect((await ask({ site: 'new.example.org', instance: INSTANCE })).status).toBe(200);
      expect((await ask({ instance: INSTANCE.toUpperCase() })).status).toBe(200);
      expect(await held(license.id)).toEqual([`instance:${INSTANCE}`]);
    });

    it('polar-race-past-limit: of 100 sites at once exactly the limit gets in, and one site once', async () => {
      const { key, license } = await sold({ terms: { sites: 5 } });
      const many = await Promise.all(
        Array.from({ length: 100 }, (_, i) => activate({ key: key.text, site: `s${i}.example.com` })),
      );
      const statuses = many.map(({ status }) => status);
      expect(statuses.filter((status) => status === 201)).toHaveLength(5);
      expect(statuses.filter((status) => status === 409)).toHaveLength(95);
      expect(await counters(license.id)).toEqual([5, 0]);
      const one = await sold();
      const twins = await Promise.all(
        Array.from({ length: 50 }, () => activate({ key: one.key.text, site: 'example.com' })),
      );
      expect(twins.map(({ status }) => status).sort()).toEqual([...Array(49).fill(200), 201]);
      expect(await held(one.license.id)).toEqual(['example.com']);
    });

    it('slows a flood of changes with one key down, and no other key of that network', async () => {
      const { key } = await sold();
      const other = await sold();
      const headers = { 'X-Forwarded-For': '203.0.113.77' };
      const wish = { key: key.text, site: 'example.com' };
      const answers = await Promise.all(Array.from({ length: 310 }, () => activate(wish, headers)));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(10);
      const refused = answers.find(({ status }) => status === 429);
      expect([refused?.json.code, refused?.headers.get('retry-after')]).toEqual(['RATE_LIMITED', '1']);
      expect((await activate({ key: other.key.text, site: 'example.com' }, headers)).status).toBe(201);
    });

    it('edd-leaks-buyer: says nothing of the customer and writes no key anywhere', async () => {
      const { key } = await sold();
      const wish = { key: key.text, site: 'shop.customer-site.com' };
      const texts = [(await activate(wish)).text, (await activate({ ...wish, site: 'other.org' })).text];
      texts.push((await post('sites', { key: key.text })).text);
      expect(texts.join('')).not.toMatch(/@example|customer\d/);
      expect(texts.join('')).not.toContain(key.text);
      expect(api.lines.join('')).not.toContain(key.text);
      const stored = await database().db.read(async (tx) => [await tx('audit_events'), await tx('usage_log')]);
      expect(JSON.stringify(stored)).not.toContain(key.text);
    });
  });

  describe('deactivate', () => {
    it('edd-expired-cannot-release: frees the slot of an ended license; one that is free already stays so', async () => {
      const { key, license } = await sold({ given: SEED_NOW - 400 * DAY });
      const slot = await seedSite(database().db, license, 'example.com');
      for (const site of ['https://www.example.com/', 'example.com', 'never-seen.org'])
        expect((await deactivate({ key: key.text, site })).status).toBe(204);
      expect(await counters(license.id)).toEqual([0, 0]);
      const { json } = await api.get(`/licenses/${license.id}/sites?filter=released`);
      expect(json.items[0]).toMatchObject({ id: slot.id, released: { by: key.id, reason: 'self' } });
      expect((await api.get(`/licenses/${license.id}/sites`)).json.items).toEqual([]);
      expect((await api.get(`/licenses/${license.id}/sites?filter=all`)).json.total).toBe(1);
    });

    it('works by the id that the list tells, and by instance', async () => {
      const { key, license } = await sold({ terms: { sites: 3 } });
      const first = await seedSite(database().db, license, 'example.com');
      await seedSite(database().db, license, '', { identity: `instance:${INSTANCE}`, instance: INSTANCE });
      const { json } = await post('sites', { key: key.text });
      expect(json.items.map(({ site }: { site: string }) => site)).toEqual(['ex***.com', 'instance:aaaaaa***']);
      expect(json.limits.sites).toEqual({ used: 2, exempt: 0, max: 3 });
      expect(json.transfers).toEqual({ used: 0, max: 5, next_at: null });
      expect((await deactivate({ key: key.text, activation_id: first.id })).status).toBe(204);
      expect((await deactivate({ key: key.text, instance: INSTANCE })).status).toBe(204);
      expect(await held(license.id)).toEqual([]);
      expect((await post('sites', { key: key.text })).json.transfers.used).toBe(2);
    });

    it('frees nothing of another license', async () => {
      const mine = await sold();
      const theirs = await sold();
      const slot = await seedSite(database().db, theirs.license, 'example.com');
      expect((await deactivate({ key: mine.key.text, activation_id: slot.id })).status).toBe(204);
      expect(await held(theirs.license.id)).toEqual(['example.com']);
    });

    it('lets a key that is bound to domains or to sites of its own free only those', async () => {
      const { db } = database();
      const { key, license } = await sold({ terms: { sites: 9 } });
      const bound = await seedKey(db, license, { domains: ['mine.com'] });
      const small = await seedKey(db, license, { siteLimit: 1 });
      for (const [site, by] of [
        ['mine.com', key],
        ['other.com', key],
        ['small.com', small],
      ] as const)
        await activate({ key: by.text, site });
      for (const site of ['mine.com', 'other.com', 'small.com']) await deactivate({ key: bound.text, site });
      expect(await held(license.id)).toEqual(['other.com', 'small.com']);
      for (const site of ['other.com', 'small.com']) await deactivate({ key: small.text, site });
      expect(await held(license.id)).toEqual(['other.com']);
    });

    it('takes no withdrawn, replaced or suspended key', async () => {
      const { db } = database();
      const at = toIso(SEED_NOW);
      for (const [change, code] of [
        [{ revokedAt: at }, 'KEY_REVOKED'],
        [{ endsAt: at }, 'KEY_REVOKED'],
        [{ suspendedAt: at }, 'LICENSE_SUSPENDED'],
      ] as const) {
        const { key } = await sold();
        await db.tx((tx) => updateKey(tx, key.id, change));
        const { status, json } = await deactivate({ key: key.text, site: 'example.com' });
        expect([status, json.code]).toEqual([403, code]);
      }
    });

    it('gives up five slots in 30 days, then says when the next; whoever manages is not bound', async () => {
      const api = await startApi(database());
      try {
        const ask = (path: string, body: object) => api.post(`/licenses/${path}`, body, { token: null });
        const { key, license } = await sold({ terms: { sites: 10 } });
        for (let i = 0; i < 8; i++) await ask('activate', { key: key.text, product: shop.path, site: `s${i}.com` });
        await seedSite(database().db, license, 'localhost', { counted: false, exemptReason: 'loopback' });
        for (let i = 0; i < 5; i++) {
          expect((await ask('deactivate', { key: key.text, site: `s${i}.com` })).status).toBe(204);
          api.pass(DAY);
        }
        const refused = await ask('deactivate', { key: key.text, site: 's5.com' });
        expect([refused.status, refused.json.code]).toEqual([429, 'TRANSFER_LIMIT']);
        expect(refused.json.next_at).toBe(toIso(SEED_NOW + 30 * DAY));
        expect(refused.headers.get('retry-after')).toBe(String(25 * 86_400));
        expect((await ask('deactivate', { key: key.text, site: 'localhost' })).status).toBe(204);
        expect((await ask('deactivate', { key: key.text, site: 's0.com' })).status).toBe(204);
        const { items } = (await api.get(`/licenses/${license.id}/sites`)).json;
        expect((await api.delete(`/licenses/${license.id}/sites/${items[0].id}`)).status).toBe(204);
        api.pass(25 * DAY - 1);
        expect((await ask('deactivate', { key: key.text, site: 's6.com' })).status).toBe(429);
        api.pass(1);
        expect((await ask('deactivate', { key: key.text, site: 's6.com' })).status).toBe(204);
        expect((await ask('deactivate', { key: key.text, site: 's7.com' })).json.next_at).toBe(
          toIso(SEED_NOW + 31 * DAY),
        );
      } finally {
        await api.close();
      }
    });

    it('never gives up more at once than the budget', async () => {
      const { key, license } = await sold({ terms: { sites: 20 } });
      for (let i = 0; i < 20; i++) await seedSite(database().db, license, `s${i}.example.com`);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => deactivate({ key: key.text, site: `s${i}.example.com` })),
      );
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(5);
      expect(await counters(license.id)).toEqual([15, 0]);
    });
  });

  describe('limits that a license has beside its own', () => {
    it('a key of its own limit takes no more, and another key the rest', async () => {
      const { db } = database();
      const { key, license } = await sold({ terms: { sites: 4 } });
      const small = await seedKey(db, license, { siteLimit: 2 });
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => activate({ key: small.text, site: `s${i}.com` })),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
      const refused = answers.find(({ status }) => status === 409);
      expect([refused?.json.used, refused?.json.max]).toEqual([2, 2]);
      expect((await activate({ key: key.text, site: 'rest.com' })).status).toBe(201);
      // One slot a license and site, whichever key it comes with.
      expect((await activate({ key: small.text, site: 'rest.com' })).status).toBe(200);
      const { limits } = (await post('validate', { key: small.text, product: shop.path })).json;
      expect(limits.sites).toEqual({ used: 3, exempt: 0, max: 4, over_limit: false, key: { used: 2, max: 2 } });
    });

    it('a key that was replaced goes on for its overlap, and its successor has its sites', async () => {
      const { db } = database();
      const { license } = await sold({ terms: { sites: 4 } });
      const old = await seedKey(db, license, { siteLimit: 2 });
      await activate({ key: old.text, site: 'one.com' });
      const replaced = await api.post(`/keys/${old.id}/replace`, { overlap_days: 7, reason: 'moved' });
      expect(replaced.status).toBe(201);
      const next = replaced.json.key;
      expect((await activate({ key: old.text, site: 'two.com' })).status).toBe(201);
      for (const key of [old.text, next]) expect((await activate({ key, site: 'three.com' })).status).toBe(409);
      await db.tx((tx) => updateKey(tx, old.id, { endsAt: toIso(SEED_NOW) }));
      const { json } = await post('validate', { key: old.text, product: shop.path });
      expect([json.code, json.detail]).toEqual(['KEY_REVOKED', 'This license key was replaced; use the new one.']);
      expect((await activate({ key: next, site: 'two.com' })).status).toBe(200);
    });

    it('keys that were replaced one after the other share one limit, and each may free what came with another', async () => {
      const { license } = await sold({ terms: { sites: 9 } });
      const first = await seedKey(database().db, license, { siteLimit: 3 });
      const second = (await api.post(`/keys/${first.id}/replace`, { overlap_days: 7 })).json;
      const third = (await api.post(`/keys/${second.id}/replace`, { overlap_days: 7 })).json;
      const texts = [first.text, second.key, third.key];
      for (const [i, key] of texts.entries()) expect((await activate({ key, site: `s${i}.com` })).status).toBe(201);
      for (const key of texts) {
        expect((await activate({ key, site: 'more.com' })).status).toBe(409);
        const sites = await post('sites', { key });
        expect(sites.json.items).toHaveLength(3);
      }
      expect((await deactivate({ key: first.text, site: 's2.com' })).status).toBe(204);
      expect(await held(license.id)).toEqual(['s0.com', 's1.com']);
    });

    it('a key goes on for its overlap though its successor is deleted', async () => {
      const { key, license } = await sold({ terms: { sites: 2 } });
      const next = (await api.post(`/keys/${key.id}/replace`, { overlap_days: 7 })).json;
      expect((await api.delete(`/keys/${next.id}`)).status).toBe(204);
      expect((await activate({ key: key.text, site: 'late.com' })).status).toBe(201);
      expect(await held(license.id)).toEqual(['late.com']);
      expect((await api.get(`/keys/${key.id}`)).json.replaced_by).toBe(null);
    });

    it('overage lets so many more in, marked, and exactly so many of 100 at once', async () => {
      const { key, license } = await sold({ terms: { sites: 4, overage: { percent: 50 } } });
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => activate({ key: key.text, site: `s${i}.com` })),
      );
      const let_in = answers.filter(({ status }) => status === 201);
      expect(let_in.map(({ json }) => json.activation.over_limit).sort()).toEqual([
        ...Array(4).fill(false),
        true,
        true,
      ]);
      const row = () => database().db.read((tx) => tx('licenses').where({ id: license.id }).first());
      expect(await row()).toMatchObject({ counted_sites: 6, over_limit_at: toIso(SEED_NOW) });
      const site = let_in[0]?.json.activation.host as string;
      const { json } = await post('validate', { key: key.text, product: shop.path, site });
      expect([json.valid, json.limits.sites.over_limit, json.activation.counted]).toEqual([true, true, true]);
      for (const { json: each } of let_in.slice(0, 2)) await deactivate({ key: key.text, site: each.activation.host });
      expect((await row()).over_limit_at).toBeNull();
      const left = (await api.get(`/licenses/${license.id}/sites`)).json.items;
      expect(left.map(({ over_limit }: { over_limit: boolean }) => over_limit)).toEqual(Array(4).fill(false));
    });

    it('a silent site makes place for a new one, once for each, where the package says so', async () => {
      const { db } = database();
      const { key, license } = await sold({ terms: { sites: 3, takeoverDays: 90 } });
      const silent = async (host: string, days: number) =>
        seedSite(db, license, host, { lastSeenAt: toIso(SEED_NOW - days * DAY) });
      const [longest] = [await silent('longest.com', 200), await silent('long.com', 90), await silent('short.com', 89)];
      const peek = await post('validate', { key: key.text, product: shop.path, site: 'new0.com' });
      expect([peek.json.code, (await held(license.id)).length]).toEqual(['VALID', 3]);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => activate({ key: key.text, site: `new${i}.com` })),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
      expect(await counters(license.id)).toEqual([3, 0]);
      expect(await held(license.id)).toContain('short.com');
      const { items } = (await api.get(`/licenses/${license.id}/sites?filter=released`)).json;
      expect(items.map(({ released }: { released: object }) => released)).toEqual([
        { at: toIso(SEED_NOW), by: 'system', reason: 'takeover' },
        { at: toIso(SEED_NOW), by: 'system', reason: 'takeover' },
      ]);
      const audited = await db.read((tx) => tx('audit_events').where({ action: 'site.takeover' }).pluck('entity_id'));
      expect(audited).toContain(longest?.id);
    });

    it('nobody makes place where the package says nothing, or the license is far beyond its limit', async () => {
      const { db } = database();
      const old = { lastSeenAt: toIso(SEED_NOW - 900 * DAY) };
      const plain = await sold();
      await seedSite(db, plain.license, 'old.com', old);
      expect((await activate({ key: plain.key.text, site: 'new.com' })).status).toBe(409);
      const shrunk = await sold({ terms: { sites: 1, takeoverDays: 30 } });
      for (const host of ['a.com', 'b.com']) await seedSite(db, shrunk.license, host, old);
      expect((await activate({ key: shrunk.key.text, site: 'new.com' })).status).toBe(409);
      expect(await held(shrunk.license.id)).toEqual(['a.com', 'b.com']);
    });

    it('sites of a test key count like all others', async () => {
      const { db } = database();
      const { license } = await sold();
      const test = await seedKey(db, license, { purpose: 'test' });
      expect((await activate({ key: test.text, site: 'one.com' })).json.activation.counted).toBe(true);
      expect((await activate({ key: test.text, site: 'two.com' })).status).toBe(409);
    });

    it('an add-on makes place at once', async () => {
      const { db } = database();
      const { key, license } = await sold();
      await activate({ key: key.text, site: 'one.com' });
      expect((await activate({ key: key.text, site: 'two.com' })).status).toBe(409);
      const addon = await seedPackage(db, shop.organization, { kind: 'addon', terms: { sites: 1 } } as PackageChange);
      await seedGrant(db, license, addon);
      expect((await activate({ key: key.text, site: 'two.com' })).status).toBe(201);
    });
  });
});
