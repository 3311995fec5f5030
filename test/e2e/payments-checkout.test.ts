import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PaymentTrouble } from '../../src/errors.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { PackagePrice } from '../../src/licensing/package-price.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { NOTHING_FOUND } from '../../src/payments/facts.ts';
import { startPayment } from '../../src/payments/orders.ts';
import { SellerSettings } from '../../src/payments/seller.ts';
import { findOrder, linesOfOrder, type OrderRecord } from '../../src/payments/store-orders.ts';
import { NO_ORGANIZATION_SETTINGS } from '../../src/releases/organization-settings.ts';
import { type Answer, type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type PlayedGateway, playGateway } from '../support/played-gateway.ts';
import {
  type PackageChange,
  seedForge,
  seedGrant,
  seedLicense,
  seedOrganization,
  seedPackage,
} from '../support/seed.ts';
import { seedStripeAccount } from '../support/seed-accounts.ts';

const HOUR = 3_600_000;
const MONTH = { value: 1, unit: 'month' as const };
const YEAR = { value: 1, unit: 'year' as const };

onEachDatabase('checkout', (database) => {
  let api: ApiServer;
  let gateway: PlayedGateway;
  let acme: OrganizationRecord;
  let yearly: PackageRecord;

  beforeAll(async () => {
    gateway = playGateway('stripe', () => api.now());
    const other = playGateway('paypal');
    api = await startApi(database(), { gateways: { stripe: gateway, paypal: other } });
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    // So that what one test began is not held against the next.
    api.pass(HOUR);
    Object.assign(gateway, { failure: null, pageLife: HOUR, requests: [] });
    gateway.snapshots.clear();
    acme = await organization();
    yearly = await sold('pro', {}, { terms: { length: YEAR } });
  });

  const organization = async (seller: object = {}) =>
    seedOrganization(database().db, await seedForge(database().db), {
      settings: { ...NO_ORGANIZATION_SETTINGS, seller: SellerSettings.parse(seller) },
    });

  /** A package with one price. */
  async function sold(code: string, price: object = {}, change: PackageChange = {}): Promise<PackageRecord> {
    const made = await seedPackage(database().db, acme, change);
    const known = { provider: 'stripe', external_id: `price_${code}`, code, amount_minor: 4900, currency: 'EUR' };
    await database().db.tx((tx) =>
      replacePrices(tx, made, [PackagePrice.parse({ ...known, ...price })], 'test', '2026-01-01T00:00:00.000Z'),
    );
    return made;
  }

  const connect = (change: object = {}) => seedStripeAccount(database().db, acme, change);

  /** `/api/...` is not below `/api/v1`. */
  async function ask(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: text === '' ? null : JSON.parse(text) };
  }
  const plans = (headers: Record<string, string> = {}) =>
    ask('GET', `/api/public/plans?organization=${acme.slug}`, undefined, headers);
  const session = (body: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
    ask('POST', '/api/checkout/session', { organization: acme.slug, items: [{ price: 'pro' }], ...body }, headers);
  const said = ({ status, json }: Answer) => [
    status,
    json?.code,
    (json?.errors ?? []).map((each: { pointer: string }) => each.pointer),
  ];
  const stored = async (id: string) => (await database().db.read((tx) => findOrder(tx, id))) as OrderRecord;
  const token = (licenseId: string) => api.core.links.license(licenseId);

  describe('plans', () => {
    it('are what is sold now, with what it costs', async () => {
      await connect();
      await sold('monthly', { interval: MONTH });
      await sold('unknown', { amount_minor: null, currency: null });
      await sold('elsewhere', { provider: 'paypal' });
      await sold('old', {}, { active: false });
      const { status, json, headers } = await plans();
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('public, max-age=60');
      expect(json).toMatchObject({ organization: acme.slug, test: false, consent: null });
      expect(json.withdrawal_url).toBe(`https://updates.example.com/withdraw/${acme.slug}`);
      expect(json.items.map(({ prices }: { prices: object[] }) => prices)).toEqual([
        [
          {
            ...{ code: 'pro', provider: 'stripe', amount_minor: 4900, currency: 'EUR', interval: null, duration: YEAR },
            buy_url: `https://updates.example.com/buy/${acme.slug}/pro`,
          },
        ],
        [expect.objectContaining({ code: 'monthly', interval: MONTH, duration: MONTH })],
      ]);
    });

    it('are none without an account, and none of an organization that is not there', async () => {
      expect((await plans()).json.items).toEqual([]);
      expect((await ask('GET', '/api/public/plans?organization=nobody')).status).toBe(404);
    });

    it('leave out a price that is not what it was at its provider', async () => {
      await connect();
      await database().db.tx((tx) =>
        tx('package_prices').where({ package_id: yearly.id }).update({ trouble: 'changed' }),
      );
      expect((await plans()).json.items).toEqual([]);
      expect(said(await session())).toEqual([409, 'PACKAGE_INACTIVE', []]);
    });

    it('are read by pages of the origins that the organization lists', async () => {
      acme = await organization({ origins: ['https://www.example.com'] });
      await sold('pro');
      await connect();
      const allowed = await plans({ Origin: 'https://www.example.com' });
      expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
        200,
        'https://www.example.com',
      ]);
      expect(allowed.headers.get('vary')).toContain('Origin');
      const foreign = await plans({ Origin: 'https://www.example.com.evil.example' });
      expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null]);
      const before = await ask('OPTIONS', '/api/checkout/session', undefined, {
        ...{ Origin: 'https://www.example.com', 'Access-Control-Request-Method': 'POST' },
      });
      expect([before.status, before.headers.get('access-control-allow-methods')]).toEqual([204, 'POST']);
      expect(before.headers.get('access-control-allow-headers')).toBe('Content-Type');
      const refused = await session({ items: [{ price: 'nothing' }] }, { Origin: 'https://www.example.com' });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
        400,
        'https://www.example.com',
      ]);
      const other = await organization();
      expect(said(await session({ organization: other.slug }, { Origin: 'https://www.example.com' }))[1]).toBe(
        'FORBIDDEN',
      );
    });
  });

  describe('an order', () => {
    it('holds what is sold as it is now, and the buyer is sent to the page of the provider', async () => {
      await connect();
      const begun = await session({
        items: [{ price: 'pro', quantity: 2 }],
        email: 'Ada@Example.com',
        language: 'de-AT',
      });
      expect(begun.status).toBe(201);
      const order = await stored(begun.json.order_id);
      expect(begun.json).toEqual({
        ...{ order_id: order.id, order_token: api.core.links.order(order.id), url: order.externalUrl },
        order_url: `https://updates.example.com/order/${begun.json.order_token}`,
        expires_at: new Date(api.now() + HOUR).toISOString(),
      });
      expect(order).toMatchObject({
        ...{
          state: 'open',
          mode: 'live',
          email: 'ada@example.com',
          language: 'de',
          subtotalMinor: 9800,
          currency: 'EUR',
        },
        ...{ attempt: 1, consent: {}, customerId: null, createdBy: 'system' },
      });
      expect(await database().db.read((tx) => linesOfOrder(tx, order.id))).toMatchObject([
        {
          ...{ line: '1', packageId: yearly.id, packageVersion: 1, priceCode: 'pro', priceExternalId: 'price_pro' },
          ...{ quantity: 2, unitMinor: 4900, recurring: false, kind: 'new', licenseId: null },
        },
      ]);
      expect(gateway.requests.at(-1)).toMatchObject({
        ...{ orderId: order.id, attempt: 1, brand: acme.name, successUrl: begun.json.order_url },
        lines: [{ line: '1', priceId: 'price_pro', quantity: 2, unitMinor: 4900, recurring: false }],
      });
      expect(api.lines.join('\n')).not.toContain(begun.json.order_token);
    });

    it('case 4: a crash between the page and our commit repeats with the same key and gets the same page', async () => {
      await connect();
      gateway.failure = { error: new PaymentTrouble('timeout', 'the answer was lost'), after: true };
      expect(said(await session())).toEqual([502, 'PAYMENT_TROUBLE', []]);
      const [lost] = await database().db.read((tx) => tx('orders').where({ organization_id: acme.id }));
      expect(lost).toMatchObject({ state: 'open', external_id: null, attempt: 1 });
      gateway.failure = null;
      const deps = { ...api.core.payments, links: api.core.links };
      const both = await Promise.all([startPayment(deps, lost.id), startPayment(deps, lost.id)]);
      const again = await startPayment(deps, lost.id);
      const page = gateway.pages.get(`${lost.id}#1`);
      expect([...both, again].map(({ url }) => url)).toEqual([page?.url, page?.url, page?.url]);
      expect(await stored(lost.id)).toMatchObject({ externalId: page?.externalId, attempt: 1 });
      expect([...gateway.pages.keys()].filter((name) => name.startsWith(lost.id))).toEqual([`${lost.id}#1`]);
    });

    it('whose page is over gets another one, but never beside one that is paid', async () => {
      await connect();
      gateway.pageLife = null;
      const { json } = await session();
      const deps = { ...api.core.payments, links: api.core.links };
      const { externalId } = await stored(json.order_id);
      const state = (checkout: string) =>
        gateway.snapshots.set(`checkout:${externalId}`, { ...NOTHING_FOUND, checkout: { state: checkout } as never });
      for (const living of ['open', 'processing', 'paid', 'unknown']) {
        state(living);
        expect((await startPayment(deps, json.order_id)).url).toBe(json.url);
      }
      state('expired');
      const anew = await startPayment(deps, json.order_id);
      expect(anew.url).not.toBe(json.url);
      expect(await stored(json.order_id)).toMatchObject({ attempt: 2, externalUrl: anew.url, state: 'open' });
      await database().db.tx((tx) => tx('package_prices').where({ package_id: yearly.id }).update({ amount_minor: 9 }));
      await expect(startPayment(deps, json.order_id)).rejects.toMatchObject({ code: 'PACKAGE_INACTIVE' });
      await database().db.tx((tx) => tx('orders').where({ id: json.order_id }).update({ state: 'paid' }));
      await expect(startPayment(deps, json.order_id)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    });

    it('is of one provider and one currency, and names each price once', async () => {
      await connect();
      await connect({ provider: 'paypal' });
      await sold('usd', { currency: 'USD' });
      await sold('pp', { provider: 'paypal' });
      const of = (...codes: string[]) => session({ items: codes.map((price) => ({ price })) });
      expect(said(await of('pro', 'usd'))).toEqual([400, 'INVALID_REQUEST', ['/items/1/price']]);
      expect(said(await of('pro', 'pp'))).toEqual([400, 'INVALID_REQUEST', ['/items/1/price']]);
      expect(said(await of('pro', 'pro'))).toEqual([400, 'INVALID_REQUEST', ['/items/1/price']]);
      expect(said(await of('nothing'))).toEqual([400, 'INVALID_REQUEST', ['/items/0/price']]);
      expect((await of('pp')).status).toBe(201);
    });

    it('takes no amount from a browser, and no mode', async () => {
      await connect();
      for (const more of [
        { mode: 'test' },
        { amount: 1 },
        { items: [{ price: 'pro', amount_minor: 1 }] },
        { currency: 'USD' },
      ])
        expect((await session(more)).status).toBe(400);
      expect((await session({ items: [{ price: 'pro', quantity: 0 }] })).status).toBe(400);
    });

    it('is of what is sold, by an account that is connected', async () => {
      expect(said(await session())).toEqual([409, 'NOT_CONNECTED', []]);
      const account = await connect();
      await sold('old', {}, { active: false });
      expect(said(await session({ items: [{ price: 'old' }] }))).toEqual([409, 'PACKAGE_INACTIVE', []]);
      expect((await session()).status).toBe(201);
      await database().db.tx((tx) => tx('payment_accounts').where({ id: account.id }).update({ active: false }));
      expect(said(await session())).toEqual([409, 'NOT_CONNECTED', []]);
    });

    it('case 22: of a package that is not sold is refused before anything is paid', async () => {
      await connect();
      await database().db.tx((tx) => tx('packages').where({ id: yearly.id }).update({ active: false }));
      expect(said(await session())).toEqual([409, 'PACKAGE_INACTIVE', []]);
      expect(gateway.requests).toEqual([]);
      expect(await database().db.read((tx) => tx('orders').where({ organization_id: acme.id }))).toEqual([]);
    });

    it('is live where that is connected, and a test where only that is, or who may asks for it', async () => {
      await connect({ mode: 'test' });
      expect((await stored((await session()).json.order_id)).mode).toBe('test');
      await connect();
      expect((await stored((await session()).json.order_id)).mode).toBe('live');
      const path = `/organizations/${acme.slug}/orders`;
      const made = await api.post(path, { items: [{ price: 'pro' }], mode: 'test' });
      expect([made.status, (await stored(made.json.order_id)).mode]).toEqual([201, 'test']);
      const weak = api.as(await api.token({ scopes: ['licenses:read'] }));
      expect((await weak.post(path, { items: [{ price: 'pro' }], mode: 'test' })).status).toBe(403);
    });

    it('comes again by its Idempotency-Key with its token, which is not kept', async () => {
      await connect();
      const wish = { items: [{ price: 'pro' }] };
      const ask = () => api.post(`/organizations/${acme.slug}/orders`, wish, { headers: { 'Idempotency-Key': 'one' } });
      const first = await ask();
      expect((await ask()).json).toEqual(first.json);
      const kept = await database().db.read((tx) => tx('idempotency_keys').select('response'));
      expect(JSON.stringify(kept)).not.toContain(first.json.order_token);
    });
  });

  describe('what a buyer agrees to', () => {
    beforeEach(async () => {
      acme = await organization({ consent: { version: '2', text: 'I want it at once.' } });
      await sold('pro');
      await connect();
    });

    it('is asked for where the organization wants it, in the version of today', async () => {
      expect(said(await session())).toEqual([400, 'INVALID_REQUEST', ['/consent']]);
      expect(said(await session({ consent: { version: '1' } }))).toEqual([
        400,
        'INVALID_REQUEST',
        ['/consent/version'],
      ]);
      const { json } = await session({ consent: { version: '2' } });
      expect((await stored(json.order_id)).consent).toEqual({
        ...{ version: '2', text: 'I want it at once.', at: new Date(api.now()).toISOString() },
      });
    });
  });

  describe('where a buyer is sent back to', () => {
    it.each([
      ['https://www.example.com/thanks?order={ORDER_TOKEN}', true],
      ['https://www.example.com', false],
      ['https://www.example.com/thanksgiving', false],
      ['https://www.example.com/thanks/../admin', false],
      ['https://www.example.com.evil.example/thanks', false],
      ['https://www.example.com@evil.example/thanks', false],
      ['http://www.example.com/thanks', false],
      ['https://updates.example.com/order/x', true],
    ])('is an address that is listed, or ours: %s', async (url, allowed) => {
      acme = await organization({ returnUrls: ['https://www.example.com/thanks'] });
      await sold('pro');
      await connect();
      const begun = await session({ success_url: url, cancel_url: url });
      if (!allowed) return expect(said(begun)).toEqual([400, 'INVALID_REQUEST', ['/success_url', '/cancel_url']]);
      expect(gateway.requests.at(-1)?.successUrl).toBe(url.replace('{ORDER_TOKEN}', begun.json.order_token));
    });
  });

  describe('into a license', () => {
    it('is sold by the token of its renewal link only', async () => {
      await connect();
      const license = await seedLicense(database().db, acme);
      await seedGrant(database().db, license, yearly);
      const { json } = await session({ license: token(license.id) });
      expect(await stored(json.order_id)).toMatchObject({ customerId: license.customerId });
      expect(await database().db.read((tx) => linesOfOrder(tx, json.order_id))).toMatchObject([
        { kind: 'into', licenseId: license.id },
      ]);
      for (const wrong of [license.id, 'x', api.core.links.customer(license.customerId), `${token(license.id)}0`])
        expect(said(await session({ license: wrong }))).toEqual([404, 'NOT_FOUND', []]);
      const other = await seedLicense(database().db, await organization());
      expect(said(await session({ license: token(other.id) }))).toEqual([404, 'NOT_FOUND', []]);
      expect(said(await session({ license: token(license.id), kind: 'new' }))).toEqual([
        400,
        'INVALID_REQUEST',
        ['/kind'],
      ]);
      expect(said(await session({ kind: 'into' }))).toEqual([400, 'INVALID_REQUEST', ['/license']]);
    });

    it('is not sold what has no end there, or goes on by itself', async () => {
      const account = await connect();
      const forever = await sold('life', {}, { terms: { length: null } });
      const license = await seedLicense(database().db, acme);
      await seedGrant(database().db, license, forever);
      expect(said(await session({ items: [{ price: 'life' }], license: token(license.id) }))[1]).toBe(
        'NO_END_TO_EXTEND',
      );
      const grant = await seedGrant(database().db, license, yearly);
      const subscription = {
        ...{ id: 'sbs_1', organization_id: acme.id, account_id: account.id, provider: 'stripe', mode: 'live' },
        ...{ external_id: `sub_${license.id}`, state: 'active', license_id: license.id, provider_state: 'active' },
        ...{
          items: '[]',
          currency: 'EUR',
          runs: true,
          trouble: '',
          url: '',
          fetched_at: '',
          created_at: '',
          created_by: '',
        },
      };
      const id = `sbs_${license.id.slice(4)}`;
      await database().db.tx((tx) => tx('subscriptions').insert({ ...subscription, id }));
      await database().db.tx((tx) => tx('grants').where({ id: grant.id }).update({ subscription_id: id }));
      expect(said(await session({ license: token(license.id) }))).toEqual([409, 'SUBSCRIPTION_RUNS', []]);
      await sold('big');
      const bigger = { items: [{ price: 'big' }], license: token(license.id) };
      expect(said(await session({ ...bigger, kind: 'switch' }))).toEqual([409, 'SUBSCRIPTION_RUNS', []]);
      expect((await session(bigger)).status).toBe(201);
      await database().db.tx((tx) => tx('subscriptions').where({ id }).update({ runs: false }));
      expect((await session({ license: token(license.id) })).status).toBe(201);
    });

    it('a switch takes the place of what runs', async () => {
      await connect();
      await sold('big');
      const license = await seedLicense(database().db, acme);
      const wish = { items: [{ price: 'big' }], license: token(license.id), kind: 'switch' };
      expect(said(await session(wish))).toEqual([409, 'NOTHING_OPEN', []]);
      await seedGrant(database().db, license, yearly);
      const { json } = await session(wish);
      expect(await database().db.read((tx) => linesOfOrder(tx, json.order_id))).toMatchObject([
        { kind: 'switch', licenseId: license.id },
      ]);
      const two = { ...wish, items: [{ price: 'big' }, { price: 'pro' }] };
      expect(said(await session(two))).toEqual([400, 'INVALID_REQUEST', ['/items']]);
    });

    it('an add-on goes with a package or into a license, and a revoked license takes nothing', async () => {
      await connect();
      await sold('more', {}, { kind: 'addon' });
      expect(said(await session({ items: [{ price: 'more' }] }))).toEqual([422, 'ADDON_NEEDS_LICENSE', []]);
      const both = await session({ items: [{ price: 'more' }, { price: 'pro' }] });
      const kinds = await database().db.read((tx) => linesOfOrder(tx, both.json.order_id));
      expect(kinds.map(({ kind }) => kind)).toEqual(['into', 'new']);
      const license = await seedLicense(database().db, acme);
      expect((await session({ items: [{ price: 'more' }], license: token(license.id) })).status).toBe(201);
      await database().db.tx((tx) => tx('licenses').where({ id: license.id }).update({ revoked_at: 'x' }));
      expect(said(await session({ license: token(license.id) }))[1]).toBe('STILL_IN_USE');
    });

    it('a trial is sold once, and one at a time', async () => {
      await connect();
      const trial = await sold('try', { amount_minor: 0 }, { kind: 'trial' });
      expect(said(await session({ items: [{ price: 'try', quantity: 2 }] }))[2]).toEqual(['/items/0/quantity']);
      const license = await seedLicense(database().db, acme);
      const wish = { items: [{ price: 'try' }], license: token(license.id) };
      expect((await session(wish)).status).toBe(201);
      await seedGrant(database().db, license, trial);
      expect(said(await session(wish))).toEqual([409, 'TRIAL_USED', []]);
    });
  });

  it('is not begun hundreds of times from one network', async () => {
    await connect();
    const codes: string[] = [];
    const shop = await startApi(database(), { gateways: { stripe: gateway } });
    try {
      for (let i = 0; i < 25; i++) {
        const response = await fetch(`${shop.url}/api/checkout/session`, {
          ...{ method: 'POST', headers: { 'Content-Type': 'application/json' } },
          body: JSON.stringify({ organization: acme.slug, items: [{ price: 'nothing' }] }),
        });
        codes.push(((await response.json()) as { code: string }).code);
      }
    } finally {
      await shop.close();
    }
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(5);
  });
});
