import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY, toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { makeGate } from '../../src/licensing/gate.ts';
import { makeLookup } from '../../src/licensing/lookup.ts';
import { makeRecorder } from '../../src/licensing/record.ts';
import { strike } from '../../src/licensing/strikes.ts';
import { validateByText } from '../../src/licensing/validate.ts';
import type { Product } from '../../src/releases/product.ts';
import { ProductSettings } from '../../src/releases/product.ts';
import { saveRelease } from '../../src/releases/store-releases.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedClosing,
  seedKey,
  seedLicense,
  seedPackage,
  seedProduct,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../support/seed.ts';

const INSTANCE = 'a'.repeat(64);

onEachDatabase('the validation of license keys', (database) => {
  let api: ApiServer;
  let shop: Shop;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db, {
      settings: ProductSettings.parse({ renewUrl: 'https://shop.example/renew' }),
    });
  });
  afterAll(() => api.close());

  let asked = 0;
  /** From a network of its own, unless one is named. */
  const validate = (body: object, headers: Record<string, string> = {}) => {
    asked += 1;
    const from = { 'X-Forwarded-For': `10.${asked >> 8}.${asked & 255}.1` };
    return api.post(
      '/licenses/validate',
      { product: shop.path, ...body },
      { token: null, headers: { ...from, ...headers } },
    );
  };
  const usage = () => database().db.read((tx) => tx('usage_log').orderBy('id').select('*'));

  it('says what a key opens, without a token, and claims nothing', async () => {
    const { key, license } = await seedSoldLicense(database().db, shop, {
      terms: { sites: 2, channels: ['stable', 'rc'], entitlements: { support: true } },
    });
    await seedSite(database().db, license, 'one.example.com');
    const answer = await validate({ key: key.text, site: 'https://two.example.com/shop' });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      valid: true,
      code: 'VALID',
      detail: expect.stringContaining('valid'),
      ts: toIso(SEED_NOW),
      nonce: null,
      next_check_at: toIso(SEED_NOW + DAY),
      activation: null,
      license: {
        purpose: 'commercial',
        id: license.id,
        status: 'active',
        valid_until: '2027-01-01T12:00:00.000Z',
        updates_until: null,
        trial: false,
      },
      valid_until: '2027-01-01T12:00:00.000Z',
      in_grace: false,
      grace_until: null,
      renew_url: 'https://shop.example/renew',
      limits: { sites: { used: 1, exempt: 0, max: 2, over_limit: false, key: null } },
      channels: ['rc', 'stable'],
      entitlements: { support: true },
    });
    const slots = await database().db.read((tx) => tx('activations').where({ license_id: license.id }).select('id'));
    expect(slots).toHaveLength(1);
    const row = (await usage()).at(-1);
    expect(row).toMatchObject({ kind: 'validate', key_id: key.id, site: 'two.example.com', code: 'VALID' });
  });

  it('answers an unknown key, the key of another product and an unknown product with the same bytes', async () => {
    const { db } = database();
    const other = await seedProduct(db, shop.organization, null);
    const elsewhere = await seedShop(db);
    const sold = await seedSoldLicense(db, shop, { terms: { products: [other.id] } });
    const foreign = await seedSoldLicense(db, elsewhere);
    const unknown = await seedKey(db, await seedLicense(db, shop.organization));
    await db.tx((tx) => tx('license_keys').where({ id: unknown.id }).delete());
    const texts = [];
    for (const key of [sold.key.text, foreign.key.text, unknown.text, 'what-some-shop-sold', 'x'.repeat(2_000)]) {
      const answer = await validate({ key, site: 'one.example.com' });
      expect([answer.status, answer.json.code, answer.json.license]).toEqual([200, 'NOT_FOUND', null]);
      texts.push(answer.text);
    }
    for (const product of ['no/thing', newId('product'), `${shop.path}/pro`, '/']) {
      texts.push((await validate({ key: sold.key.text, product })).text);
    }
    expect(new Set(texts).size).toBe(1);
    expect((await validate({ key: sold.key.text, product: other.id })).json.code).toBe('VALID');
  });

  it('takes a product by id, in capitals and by an old address, but no retired one', async () => {
    const { db } = database();
    const { key } = await seedSoldLicense(db, shop);
    await api.post(`/products/${shop.product.id}/aliases`, { path: 'old/place' });
    for (const product of [shop.product.id, `/${shop.path.toUpperCase()}/`, 'old/place']) {
      expect((await validate({ key: key.text, product })).json.code).toBe('VALID');
    }
    const retired = await seedProduct(db, shop.organization, null, { retiredAt: toIso(SEED_NOW) });
    expect((await validate({ key: key.text, product: retired.id })).json.code).toBe('NOT_FOUND');
  });

  it('sends the nonce back, tells the slot of the site, and when to ask again', async () => {
    const { db } = database();
    const { key, license } = await seedSoldLicense(db, shop, { given: SEED_NOW - 365 * DAY + 3_600_000 });
    const slot = await seedSite(db, license, 'one.example.com');
    const { json } = await validate({ key: key.text, site: 'one.example.com', nonce: 'n-1' });
    expect(json).toMatchObject({ nonce: 'n-1', code: 'EXPIRING', next_check_at: toIso(SEED_NOW + 3_600_000) });
    const first_seen_at = toIso(SEED_NOW);
    expect(json.activation).toEqual({ id: slot.id, counted: true, exempt_reason: null, first_seen_at });
    const unknown = await validate({ key: 'nobody', nonce: 'n-2' });
    expect(unknown.json).toMatchObject({ nonce: 'n-2', code: 'NOT_FOUND', activation: null });
  });

  it('tells whether features are included', async () => {
    const { db } = database();
    const { key } = await seedSoldLicense(db, shop, {
      terms: { entitlements: { support: true, seats: 0, tier: 'a' } },
    });
    const ask = async (...entitlements: string[]) => (await validate({ key: key.text, entitlements })).json;
    expect((await ask('support', 'tier')).code).toBe('VALID');
    for (const missing of ['seats', 'reports', 'toString'])
      expect(await ask('support', missing)).toMatchObject({ valid: false, code: 'ENTITLEMENT_MISSING' });
  });

  it('keygate-miss-dearer-than-hit: a miss costs no statement more than a hit, a typing error none', async () => {
    const { db } = database();
    const { key } = await seedSoldLicense(db, shop);
    const statements = async (text: string) => {
      let count = 0;
      const counting =
        (run: typeof db.tx): typeof db.tx =>
        (fn) =>
          run((tx) => {
            const counter = new Proxy(tx, {
              apply(target, _, args) {
                count += 1;
                return Reflect.apply(target as never, undefined, args);
              },
              get(target, name) {
                if (name === 'raw') count += 1;
                return Reflect.get(target, name);
              },
            });
            return fn(counter);
          });
      const gate = makeGate({
        ...{ clock: api.now, secrets: seedSecrets, keyPrefixes: () => ['FG1'] },
        ...{
          lookup: makeLookup({ ...db, read: counting(db.read) }),
          record: makeRecorder({ ...db, tx: counting(db.tx) }),
        },
      });
      const deps = { db: { ...db, tx: counting(db.tx), read: counting(db.read) }, clock: api.now, gate };
      const asker = { site: 'one.example.com', instance: null, channel: null, version: null, platform: null };
      const whole = { ...asker, entitlements: [], nonce: null };
      await validateByText(deps, text, shop.path, whole, () => strike(deps.db, '192.0.2.0/24', api.now()));
      return count;
    };
    const [hit, miss] = [await statements(key.text), await statements('nobody')];
    expect(hit).toBeGreaterThan(0);
    expect(miss).toBeLessThanOrEqual(hit);
    const typo = `${key.text.slice(0, -1)}${key.text.endsWith('2') ? '3' : '2'}`;
    expect(await statements(typo)).toBe(0);
  });

  it('tells a malformed key without counting it as a miss', async () => {
    const { key } = await seedSoldLicense(database().db, shop);
    const typo = `${key.text.slice(0, -1)}${key.text.endsWith('2') ? '3' : '2'}`;
    for (let i = 0; i < 40; i++) {
      const answer = await validate({ key: typo }, { 'X-Forwarded-For': '192.0.2.7' });
      expect([answer.status, answer.json.valid, answer.json.code]).toEqual([200, false, 'KEY_MALFORMED']);
    }
  });

  it('locks a network out that asks for keys nobody has, and never a known key', async () => {
    const { key } = await seedSoldLicense(database().db, shop);
    const headers = { 'X-Forwarded-For': '198.51.100.9' };
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await validate({ key: `guess-${i}` }, headers));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429, 429]);
    expect([answers[4]?.json.code, answers[4]?.headers.get('retry-after')]).toEqual(['LOCKED_OUT', '30']);
    const neighbor = await validate({ key: 'guess' }, { 'X-Forwarded-For': '198.51.100.200' });
    expect([neighbor.status, neighbor.json.code]).toEqual([429, 'LOCKED_OUT']);
    expect((await validate({ key: key.text }, headers)).json.code).toBe('VALID');
    expect((await validate({ key: 'guess' }, { 'X-Forwarded-For': '203.0.113.1' })).status).toBe(200);
    const other = await validate({ key: key.text, product: 'no/thing' }, headers);
    expect([other.status, other.json.code]).toEqual([429, 'LOCKED_OUT']);
  });

  it('says nothing of the customer and writes no key anywhere', async () => {
    const { key } = await seedSoldLicense(database().db, shop);
    const { text } = await validate({ key: key.text });
    expect(text).not.toMatch(/customer|@example/);
    expect(api.lines.join('')).not.toContain(key.text);
    expect(JSON.stringify(await usage())).not.toContain(key.text);
  });

  it('tells what is wrong with a real key', async () => {
    const { db } = database();
    const at = toIso(SEED_NOW);
    const suspended = await seedSoldLicense(db, shop);
    await db.tx((tx) => tx('licenses').where({ id: suspended.license.id }).update({ suspended_at: at }));
    const revoked = await seedSoldLicense(db, shop);
    await db.tx((tx) => tx('license_keys').where({ id: revoked.key.id }).update({ revoked_at: at }));
    const ended = await seedSoldLicense(db, shop, { given: SEED_NOW - 400 * DAY });
    const grace = await seedSoldLicense(db, shop, { given: SEED_NOW - 370 * DAY, terms: { graceDays: 14 } });
    const trial = await seedSoldLicense(db, shop, { kind: 'trial' });
    const refunded = await seedSoldLicense(db, shop);
    await seedClosing(db, refunded.grant, 'close');
    const full = await seedSoldLicense(db, shop);
    await seedSite(db, full.license, 'one.example.com');
    const bound = await seedSoldLicense(db, shop);
    await db.tx((tx) => tx('license_keys').where({ id: bound.key.id }).update({ domains: '["mine.example.com"]' }));
    const cases = [
      [suspended, false, 'SUSPENDED', 'suspended'],
      [revoked, false, 'KEY_REVOKED', 'active'],
      [ended, false, 'EXPIRED', 'expired'],
      [grace, true, 'GRACE', 'grace'],
      [trial, true, 'TRIAL', 'trial'],
      [refunded, false, 'CANCELED', 'canceled'],
      [full, false, 'SITE_LIMIT', 'active'],
      [bound, false, 'SITE_NOT_ALLOWED', 'active'],
    ] as const;
    for (const [{ key }, valid, code, status] of cases) {
      const { json } = await validate({ key: key.text, site: 'shop.customer-site.com' });
      expect([json.valid, json.code, json.license.status]).toEqual([valid, code, status]);
    }
    const { json } = await validate({ key: grace.key.text });
    expect([json.in_grace, json.grace_until]).toEqual([true, '2026-01-10T12:00:00.000Z']);
    expect((await validate({ key: ended.key.text })).json.limits.sites.max).toBe(1);
  });

  it('tells whether a channel is included', async () => {
    const { db } = database();
    const { key } = await seedSoldLicense(db, shop, { terms: { channels: ['stable', 'beta'] } });
    const ask = async (channel: string, product = shop.path) =>
      (await validate({ key: key.text, channel, product })).json;
    expect((await ask('beta')).code).toBe('VALID');
    const refused = await ask('rc');
    expect([refused.valid, refused.code, refused.license.status]).toEqual([false, 'CHANNEL_NOT_INCLUDED', 'active']);
    const open = await seedProduct(db, shop.organization, null, { mode: 'open', openChannels: ['stable', 'rc'] });
    const free = await ask('rc', open.id);
    expect([free.valid, free.code, free.channels]).toEqual([true, 'VALID', ['beta', 'rc', 'stable']]);
    const ended = await seedSoldLicense(db, shop, { given: SEED_NOW - 400 * DAY });
    expect((await validate({ key: ended.key.text, channel: 'rc' })).json.code).toBe('EXPIRED');
  });

  it('tells an ended license from a version that came after its end', async () => {
    const { db } = database();
    await saveVersion('1.0.0', SEED_NOW - 300 * DAY);
    await saveVersion('2.0.0', SEED_NOW - 3 * DAY);
    const ended = await seedSoldLicense(db, shop, { given: SEED_NOW - 400 * DAY, terms: { afterEnd: 'owned' } });
    const ask = async (version?: string) => (await validate({ key: ended.key.text, version })).json;
    expect(await ask()).toMatchObject({ valid: false, code: 'EXPIRED', channels: [] });
    expect((await ask()).license.updates_until).toBe(toIso(SEED_NOW - 35 * DAY));
    expect((await ask('1.0.0')).code).toBe('EXPIRED');
    expect((await ask('2.0.0')).code).toBe('UPDATES_EXPIRED');
    expect((await ask('3.0.0')).code).toBe('EXPIRED');
    const running = await seedSoldLicense(db, shop);
    expect((await validate({ key: running.key.text, version: '2.0.0' })).json.code).toBe('VALID');
  });

  async function saveVersion(version: string, firstSeen: number): Promise<void> {
    const at = toIso(firstSeen);
    await database().db.tx((tx) =>
      saveRelease(tx, {
        ...{ id: newId('release'), productId: shop.product.id, version, tag: version, commitId: '', webUrl: '' },
        ...{ forgeReleaseId: null, channel: 'stable', clientWord: 'stable', notes: '', changelog: [], security: false },
        ...{ targets: {}, phpMinimum: null, state: 'listed', fingerprint: '', firstSeenAt: at, updatedAt: at },
        ...{ withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
      }),
    );
  }

  it('knows a Dolibarr by its instance, also where the client does not say that it is one', async () => {
    const { db } = database();
    const dolibarr = await seedShop(db, { platforms: ['dolibarr'] } satisfies Partial<Product>);
    const { key, license } = await seedSoldLicense(db, dolibarr);
    await seedSite(db, license, 'erp.example.com', { identity: `instance:${INSTANCE}`, instance: INSTANCE });
    const ask = async (instance: string) =>
      (await validate({ key: key.text, product: dolibarr.path, site: 'new.customer-site.com', instance })).json.code;
    expect(await ask(INSTANCE)).toBe('VALID');
    expect(await ask('b'.repeat(64))).toBe('SITE_LIMIT');
  });

  it('tells every wrong field, and asks for key and product', async () => {
    const wrong = await validate({ key: '  ', product: 7, site: 'x'.repeat(3_000), platform: 'drupal', more: 1 });
    expect(wrong.status).toBe(400);
    expect(wrong.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/key',
      '/more',
      '/platform',
      '/product',
      '/site',
    ]);
    const { key } = await seedSoldLicense(database().db, shop);
    const empty = { site: '', instance: '', channel: '', version: '' };
    expect((await validate({ key: key.text, ...empty })).json.code).toBe('VALID');
  });

  it('validates by id for a token, for the main product of the repository unless another is named', async () => {
    const { db } = database();
    const mine = await seedPackage(db, shop.organization, { repository: shop.repository });
    const base = `/repos/${shop.organization.slug}/${shop.repository.name}/license-keys`;
    const buyer = { customer_name: 'Ada', customer_email: 'ada@example.com' };
    const sold = (await api.post(base, { ...buyer, package_id: mine.id })).json;
    const path = `${base}/${sold.id}/validate`;
    const answer = await api.post(path, { site: 'shop.customer-site.com' });
    expect([answer.status, answer.json]).toEqual([200, (await validate({ key: sold.key })).json]);
    expect((await usage()).at(-2)).toMatchObject({ kind: 'validate', key_id: sold.id, code: 'VALID' });
    const other = await seedProduct(db, shop.organization, null);
    const refused = await api.post(path, { product: other.id });
    expect([refused.status, refused.json.errors[0].pointer]).toEqual([400, '/product']);
    const twin = `/organizations/${shop.organization.slug}/license-keys/${sold.id}/validate`;
    expect((await api.post(twin, { product: other.id })).json.code).toBe('NOT_FOUND');
    expect((await api.post(twin, {})).json.errors[0].pointer).toBe('/product');
    await db.tx((tx) => tx('license_keys').where({ id: sold.id }).update({ sealed: null }));
    expect((await api.post(path, {})).json.code).toBe('VALID');
  });
});
