import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { unchecked } from '../../src/licensing/package-price.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import {
  type KeyOptions,
  keyPath,
  keyQuery,
  keySignature,
  readKeyOptions,
  readKeyWish,
} from '../../src/payments/key-request.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedPackage, seedSecrets, seedShop } from '../support/seed.ts';
import { SHOP_SECRET, seedShopAccount } from '../support/seed-accounts.ts';

const KEY = /^FG1(-[0-9A-Z]{7}){4}$/;
const PLAIN: KeyOptions = { preset: null, keys: 'quantity', sell: null, fields: {} };

/** Shops that ask a license server for the key and mail its answer. */
onEachDatabase('keys as plain text', (database) => {
  let test: TestCore;
  let shop: Shop;
  let account: AccountRecord;
  let sold: PackageRecord;
  let token: string;
  let order = 0;

  beforeAll(async () => {
    test = await openTestCore(database());
    shop = await seedShop(database().db);
    account = await seedShopAccount(database().db, shop.organization);
    sold = await seedPackage(database().db, shop.organization);
    const price = {
      ...{ provider: 'shop', external_id: 'fs-premium', code: 'premium', amount_minor: null, currency: null },
      ...{ interval: null, duration: { value: 2, unit: 'year' as const } },
    };
    await database().db.tx((tx) => replacePrices(tx, sold, [unchecked(price)], 'test', toIso(test.time.now)));
    token = await tokenOf(shop.organization.id);
  });
  afterAll(() => test.close());
  beforeEach(() => {
    order += 1;
  });

  async function tokenOf(
    organizationId: string | null,
    scopes: ('payments:write' | 'licenses:read')[] = ['payments:write'],
  ) {
    const wish = { name: 'shop', organizationId, scopes, expiresAt: null };
    return (await createToken({ db: database().db, secrets: seedSecrets }, wish, CLI_ACTOR, test.time.now)).text;
  }

  function address(change: Partial<KeyOptions> = {}, secret = SHOP_SECRET, id = account.id): string {
    const options = { ...PLAIN, ...change };
    return `${keyPath(id)}?${keyQuery(options)}&sig=${keySignature(secret, id, options)}`;
  }

  async function ask(
    path: string,
    fields: Record<string, unknown> | string,
    {
      headers = {},
      json = false,
      method = 'POST',
    }: { headers?: Record<string, string>; json?: boolean; method?: string } = {},
  ) {
    const form = typeof fields === 'string' ? fields : new URLSearchParams(fields as Record<string, string>).toString();
    const type = json ? 'application/json' : 'application/x-www-form-urlencoded';
    const init = method === 'POST' ? { body: json ? JSON.stringify(fields) : form } : {};
    const answer = await fetch(`${test.url}${path}`, {
      method,
      headers: { 'Content-Type': type, ...headers },
      ...init,
    });
    const text = await answer.text();
    return {
      status: answer.status,
      text,
      type: answer.headers.get('content-type'),
      code: answer.headers.get('x-feedgate-code'),
    };
  }

  const sale = (change: Record<string, unknown> = {}) => ({
    ...{ reference: `FS-${order}`, email: 'ada@example.com', name: 'Ada', product: 'premium', ...change },
  });

  async function grantsOf(ref: string) {
    return database().db.read((tx) => tx('grants').where({ payment_ref: ref }).orderBy('line'));
  }

  it('answers the key and nothing else, and the same key for ever', async () => {
    const first = await ask(address(), sale());
    expect([first.status, first.type]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(first.text).toMatch(KEY);
    expect((await ask(address(), sale())).text).toBe(first.text);
    expect((await ask(address(), sale({ email: 'other@example.com' }))).text).toBe(first.text);
    const [grant] = await grantsOf(`FS-${order}`);
    expect(grant).toMatchObject({
      package_id: sold.id,
      line: '1',
      length_value: 2,
      length_unit: 'year',
      created_by: account.id,
    });
    expect(test.lines.join('\n')).not.toContain(first.text);
  });

  it('takes JSON, a token as bearer or as the password of Basic, an organization and a package', async () => {
    const path = `/api/v1/payments/keys/${shop.organization.slug}`;
    const basic = `Basic ${Buffer.from(`anybody:${token}`).toString('base64')}`;
    const fields = { order_id: order, line: 7, package_id: sold.id };
    const first = await ask(path, fields, { json: true, headers: { Authorization: `Bearer ${token}` } });
    expect(first.text).toMatch(KEY);
    expect(
      (await ask(path, { order_id: order, line: 7, package_id: sold.id }, { headers: { Authorization: basic } })).text,
    ).toBe(first.text);
    const [grant] = await grantsOf(String(order));
    expect(grant).toMatchObject({ line: '7', quantity: 1 });
  });

  it('makes a key for each piece, or one whose limits are multiplied', async () => {
    const each = (await ask(address(), sale({ quantity: 3 }))).text.split('\n');
    expect(new Set(each).size).toBe(3);
    expect(each.every((text) => KEY.test(text))).toBe(true);
    expect((await ask(address(), sale({ quantity: 3 }))).text.split('\n')).toEqual(each);
    expect((await ask(address(), sale({ quantity: 4 }))).text.split('\n').slice(0, 3)).toEqual(each);
    const one = await ask(address({ keys: 'order' }), sale({ reference: `one-${order}`, quantity: 3 }));
    expect(one.text).toMatch(KEY);
    expect(await grantsOf(`one-${order}`)).toMatchObject([{ quantity: 3 }]);
  });

  it('gives one set of keys when it is asked twenty times at once', async () => {
    const asked = Array.from({ length: 20 }, () => ask(address(), sale({ quantity: 2 })));
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await grantsOf(`FS-${order}`)).toHaveLength(2);
  });

  it('makes a test key of a test order, which the real order does not meet', async () => {
    const tried = await ask(address({ preset: 'paypro' }), {
      ORDER_ID: order,
      PRODUCT_ID: 'fs-premium',
      TEST_MODE: '1',
    });
    expect(tried.text).toMatch(KEY);
    expect((await ask(address(), sale({ reference: order, test: 'true' }))).text).toBe(tried.text);
    const real = await ask(address(), sale({ reference: order }));
    expect(real.text).not.toBe(tried.text);
    const purposes = await database().db.read((tx) =>
      tx('license_keys as k')
        .join('grants as g', 'g.license_id', 'k.license_id')
        .whereIn('g.payment_ref', [String(order), `test:${order}`])
        .orderBy('g.payment_ref')
        .pluck('k.purpose'),
    );
    expect(purposes.sort()).toEqual(['commercial', 'test']);
  });

  it('makes only test keys through an account of test mode', async () => {
    const trial = await seedShopAccount(database().db, shop.organization, { mode: 'test' });
    const { text } = await ask(address({}, SHOP_SECRET, trial.id), sale());
    expect(text).toMatch(KEY);
    expect(await grantsOf(`test:FS-${order}`)).toHaveLength(1);
  });

  it('sells what the address says, by the names that it says', async () => {
    const path = address({ sell: 'premium', fields: { order: 'Bestellnummer', quantity: 'Anzahl' }, keys: 'order' });
    expect((await ask(path, { Bestellnummer: `B${order}`, Anzahl: '2.00', product: 'something else' })).text).toMatch(
      KEY,
    );
    expect(await grantsOf(`B${order}`)).toMatchObject([{ quantity: 2 }]);
  });

  it('goes on with what the JSON route sold by the same token', async () => {
    const body = JSON.stringify({
      ...{
        package_id: sold.id,
        customer_name: 'Ada',
        customer_email: 'ada@example.com',
        payment_ref: `J${order}`,
        line: '2',
      },
    });
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const path = `${test.url}/api/v1/organizations/${shop.organization.slug}/license-keys`;
    const made = (await (await fetch(path, { method: 'POST', headers, body })).json()) as { key: string };
    const again = await ask(keyPath(account.id), sale({ reference: `J${order}`, line: 2 }), {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(again.text).toBe(made.key);
    // The address is somebody else: it is neither told the key nor does it sell the line twice.
    expect(await ask(address(), sale({ reference: `J${order}`, line: 2 }))).toMatchObject({ status: 403, text: '' });
    expect(await grantsOf(`J${order}`)).toHaveLength(1);
  });

  it('says nothing but a status when it has no key to give', async () => {
    const stranger = await seedShop(database().db);
    const theirs = await seedPackage(database().db, stranger.organization);
    const foreign = await seedShopAccount(database().db, stranger.organization, {}, [
      `whsec_${Buffer.alloc(32, 8).toString('base64')}`,
    ]);
    const bearer = (text: string) => ({ headers: { Authorization: `Bearer ${text}` } });
    const path = keyPath(account.id);
    const refused: [string, number, string, Promise<Awaited<ReturnType<typeof ask>>>][] = [
      ['no proof', 401, 'UNAUTHENTICATED', ask(path, sale())],
      [
        'a license key as token',
        401,
        'UNAUTHENTICATED',
        ask(path, sale(), bearer('FG1-0000000-0000000-0000000-0000000')),
      ],
      ['a wrong signature', 401, 'SIGNATURE_INVALID', ask(`${path}?sig=AAAA`, sale())],
      [
        'another secret',
        401,
        'SIGNATURE_INVALID',
        ask(address({}, `whsec_${Buffer.alloc(32, 9).toString('base64')}`), sale()),
      ],
      ['an option that is not signed', 401, 'SIGNATURE_INVALID', ask(`${address()}&sell=premium`, sale())],
      [
        'the signature of another account',
        401,
        'SIGNATURE_INVALID',
        ask(address({}, SHOP_SECRET, account.id).replace(account.id, foreign.id), sale()),
      ],
      ['an unknown option', 400, 'INVALID_REQUEST', ask(`${address()}&preset=nobody`, sale())],
      ['U+0000 in an option', 400, 'INVALID_REQUEST', ask(`${path}?sell=%00`, sale(), bearer(token))],
      ['U+0000 as place', 404, 'NOT_FOUND', ask(`${keyPath('%00')}?sig=AAAA`, sale())],
      ['no such place', 404, 'NOT_FOUND', ask(keyPath(newId('payment_account')), sale(), bearer(token))],
      ['no place at all', 404, 'NOT_FOUND', ask('/api/v1/payments/keys', sale(), bearer(token))],
      ['another organization', 404, 'NOT_FOUND', ask(keyPath(foreign.id), sale(), bearer(token))],
      [
        'a token that may not sell',
        403,
        'FORBIDDEN',
        ask(path, sale(), bearer(await tokenOf(shop.organization.id, ['licenses:read']))),
      ],
      ['a package of another organization', 404, 'NOT_FOUND', ask(address(), sale({ product: theirs.id }))],
      ['an unknown product', 422, 'PACKAGE_UNCLEAR', ask(address(), sale({ product: 'nothing' }))],
      ['no order', 400, 'INVALID_REQUEST', ask(address(), sale({ reference: '' }))],
      ['a quantity of nothing', 400, 'INVALID_REQUEST', ask(address(), sale({ quantity: 0 }))],
      ['too many keys', 400, 'INVALID_REQUEST', ask(address(), sale({ quantity: 501 }))],
      ['too large a body', 413, 'BODY_TOO_LARGE', ask(address(), { ...sale(), note: 'x'.repeat(70_000) })],
      [
        'another type',
        415,
        'UNSUPPORTED_MEDIA_TYPE',
        ask(address(), sale(), { headers: { 'Content-Type': 'text/plain' } }),
      ],
      ['broken JSON', 400, 'INVALID_REQUEST', ask(address(), '{', { headers: { 'Content-Type': 'application/json' } })],
      ['another method', 405, 'METHOD_NOT_ALLOWED', ask(address(), {}, { method: 'GET' })],
    ];
    for (const [name, status, code, asked] of refused) {
      const answer = await asked;
      expect([name, answer.status, answer.code, answer.text, answer.type]).toEqual([
        name,
        status,
        code,
        '',
        'text/plain; charset=utf-8',
      ]);
    }
    const alerts = await database().db.read((tx) =>
      tx('payment_alerts').where({ code: 'UNKNOWN_PRICE' }).pluck('subject'),
    );
    expect(alerts).toEqual(['nothing']);
    expect(await grantsOf(`FS-${order}`)).toEqual([]);
  });

  it('has an empty body too when the database fails', async () => {
    const { db } = test.core;
    const tx = db.tx;
    db.tx = () => Promise.reject(new Error('the disk is full of FG1-0000000-0000000-0000000-0000000'));
    try {
      expect(await ask(address(), sale())).toMatchObject({ status: 500, text: '', code: 'INTERNAL' });
    } finally {
      db.tx = tx;
    }
  });

  it('hands out the ready address, which goes with the secret', async () => {
    const admin = (
      await createToken(
        { db: database().db, secrets: seedSecrets },
        { name: 'a', organizationId: shop.organization.id, scopes: ['admin'], expiresAt: null },
        CLI_ACTOR,
        test.time.now,
      )
    ).text;
    const made = async (id: string, body: object) => {
      const headers = { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' };
      const answer = await fetch(`${test.url}/api/v1/payments/accounts/${id}/key-address`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return { status: answer.status, json: (await answer.json()) as { address: string; code: string } };
    };
    const { json } = await made(account.id, { preset: 'fastspring', sell: 'premium', fields: { line: 'item' } });
    expect(json.address).not.toContain(SHOP_SECRET.slice(6, 30));
    expect((await ask(json.address.replace(test.url, ''), sale({ product: '' }))).text).toMatch(KEY);
    const silent = await seedShopAccount(database().db, (await seedShop(database().db)).organization, {}, []);
    expect((await made(silent.id, {})).status).toBe(404);
    expect((await made(account.id, { preset: 'ebay' })).json.code).toBe('INVALID_REQUEST');
  });
});

it('reads fields whatever their case, and leaves out what is no address', () => {
  const wish = readKeyWish(
    { ORDER_ID: 5, 'Customer-Email': 'n/a', name: { first: 'x' }, 'e mail': 'x', constructor: 'y' },
    PLAIN,
  );
  expect(wish).toEqual({
    ok: true,
    value: { order: '5', line: '1', quantity: 1, email: '', name: '', product: null, test: false },
  });
  expect(readKeyOptions(new URLSearchParams('preset=constructor')).ok).toBe(false);
  expect(readKeyOptions(new URLSearchParams('sell=a&sell=b')).ok).toBe(false);
});
