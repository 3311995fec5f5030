import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { toIso } from '../../src/clock.ts';
import { unchecked } from '../../src/licensing/package-price.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { signedHeaders } from '../../src/notify/signature.ts';
import { packageRoot } from '../../src/package-root.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedPackage, seedSecrets, seedShop } from '../support/seed.ts';
import { SHOP_SECRET, seedShopAccount } from '../support/seed-accounts.ts';

const run = promisify(execFile);
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const PLUGIN = join(packageRoot, 'examples/joomla-shop');
const docs = readFileSync(join(packageRoot, 'docs/shops.md'), 'utf8');

function has(program: string, ...args: string[]): boolean {
  if (spawnSync(program, args).status === 0) return true;
  process.stderr.write(`\n!!! SKIPPED: what needs ${program} is not tried, because it is missing\n\n`);
  return false;
}
const withPhp = has('php', '-v') ? it : it.skip;
const withCurl = has('curl', '--version') && has('openssl', 'version') ? it : it.skip;

/** What shops call over HTTP, to the grant. */
onEachDatabase('the doors for shops', (database) => {
  let test: TestCore;
  let shop: Shop;
  let account: AccountRecord;
  let sold: PackageRecord;
  let count = 0;
  let order = '';
  let folder: string;

  beforeAll(async () => {
    // The examples sign with the time of this machine.
    test = await openTestCore(database(), { time: { now: Date.now() } });
    shop = await seedShop(database().db);
    account = await seedShopAccount(database().db, shop.organization);
    sold = await seedPackage(database().db, shop.organization);
    const price = {
      provider: 'shop',
      external_id: 'p1',
      code: 'premium_yearly',
      amount_minor: 4_900,
      currency: 'EUR',
      interval: null,
      duration: null,
    };
    await database().db.tx((tx) => replacePrices(tx, sold, [unchecked(price)], 'test', toIso(test.time.now)));
    folder = mkdtempSync(join(tmpdir(), 'feedgate-shop-'));
  });
  afterAll(async () => {
    await test.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    count += 1;
    order = `door-${count}`;
    test.time.now = Date.now();
  });

  const paid = (change: object = {}) => ({
    ...{ type: 'paid', order, items: [{ price: 'premium_yearly' }], customer: { email: 'ada@example.com' } },
    ...{ amount_minor: 4_900, currency: 'EUR', at: toIso(test.time.now), ...change },
  });

  async function post(
    event: object | string,
    {
      id = `evt-${count}`,
      secret = SHOP_SECRET,
      at = test.time.now,
      path = `?account=${account.id}`,
      change = {},
    }: { id?: string; secret?: string; at?: number; path?: string; change?: Record<string, string> } = {},
  ) {
    const body = typeof event === 'string' ? event : JSON.stringify(event);
    const headers = { 'Content-Type': 'application/json', ...signedHeaders({ id, body }, [secret], at), ...change };
    const answer = await fetch(`${test.url}/api/v1/payments/events${path}`, { method: 'POST', headers, body });
    return {
      status: answer.status,
      json: (await answer.json()) as { code: string; outcome: string; errors: { pointer: string }[] },
    };
  }

  const grantsOf = (ref: string) => database().db.read((tx) => tx('grants').where({ payment_ref: ref }));
  const eventsOf = (objectId: string) =>
    database().db.read((tx) => tx('payment_events').where({ object_id: objectId }));

  it('stores an event and makes a grant of it, once', async () => {
    expect(await post(paid())).toMatchObject({ status: 202, json: { outcome: 'received' } });
    expect(await post(paid())).toMatchObject({ status: 202, json: { outcome: 'duplicate' } });
    await Promise.all(Array.from({ length: 20 }, () => post(paid())));
    await test.core.paymentEvents.worker.drain();
    expect(await grantsOf(order)).toHaveLength(1);
    expect(await eventsOf(order)).toMatchObject([{ state: 'done', via: 'shop' }]);
  });

  it('takes it at the address of the organization, and of the first one', async () => {
    expect((await post(paid(), { path: `/${shop.organization.slug}` })).status).toBe(202);
    expect((await post(paid(), { id: `evt-${count}-b`, path: '' })).status).toBe(202);
  });

  it('sells an order once that is sold by the other route too', async () => {
    const wish = {
      name: 'shop',
      organizationId: shop.organization.id,
      scopes: ['payments:write' as const],
      expiresAt: null,
    };
    const { text } = await createToken({ db: database().db, secrets: seedSecrets }, wish, CLI_ACTOR, test.time.now);
    const sale = { package_id: sold.id, customer_name: 'Ada', customer_email: 'ada@example.com', payment_ref: order };
    const init = {
      method: 'POST',
      headers: { Authorization: `Bearer ${text}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(sale),
    };
    const path = `${test.url}/api/v1/organizations/${shop.organization.slug}/license-keys`;
    const first = (await (await fetch(path, init)).json()) as { key: string };
    await post(paid());
    await test.core.paymentEvents.worker.drain();
    expect(await grantsOf(order)).toHaveLength(1);
    expect(((await (await fetch(path, init)).json()) as { key: string }).key).toBe(first.key);
  });

  it('takes up again what came too early', async () => {
    const refund = {
      type: 'refunded',
      order,
      refund: { id: `r-${order}`, amount_minor: 4_900 },
      at: toIso(test.time.now),
    };
    await post(refund, { id: `${order}-r` });
    await test.core.paymentEvents.worker.drain();
    expect(await eventsOf(order)).toMatchObject([{ state: 'pending' }]);
    await post(paid());
    await test.core.paymentEvents.worker.drain();
    test.time.now += 60 * 60_000;
    await test.core.paymentEvents.worker.drain();
    expect((await eventsOf(order)).map(({ state }) => state)).toEqual(['done', 'done']);
    const [grant] = await grantsOf(order);
    expect(await database().db.read((tx) => tx('grant_closings').where({ grant_id: grant.id }))).toHaveLength(1);
  });

  it('refuses in words what is not signed, is old, or is for somebody else, and stores nothing', async () => {
    const stranger = await seedShop(database().db);
    const foreign = await seedShopAccount(database().db, stranger.organization, {}, [OTHER_SECRET]);
    const minutes = (n: number) => test.time.now + n * 60_000;
    const refused: [string, number, string, Awaited<ReturnType<typeof post>>][] = [
      ['another secret', 400, 'INVALID_REQUEST', await post(paid(), { secret: OTHER_SECRET })],
      ['no signature', 400, 'INVALID_REQUEST', await post(paid(), { change: { 'webhook-signature': '' } })],
      ['an old time', 400, 'INVALID_REQUEST', await post(paid(), { at: minutes(-6) })],
      ['a time ahead', 400, 'INVALID_REQUEST', await post(paid(), { at: minutes(6) })],
      [
        'another body',
        400,
        'INVALID_REQUEST',
        await post(paid(), { change: signedHeaders({ id: 'x', body: '{}' }, [SHOP_SECRET], test.time.now) }),
      ],
      ['another account', 400, 'INVALID_REQUEST', await post(paid(), { path: `?account=${foreign.id}` })],
      ['another organization', 400, 'INVALID_REQUEST', await post(paid(), { path: `/${stranger.organization.slug}` })],
      ['no account', 404, 'NOT_FOUND', await post(paid(), { path: '?account=pac_00000000000000000000000009' })],
      ['no organization', 404, 'NOT_FOUND', await post(paid(), { path: '/nobody' })],
      ['U+0000 as account', 404, 'NOT_FOUND', await post(paid(), { path: '?account=%00' })],
      ['U+0000 as organization', 404, 'NOT_FOUND', await post(paid(), { path: '/%00' })],
      ['another type', 415, 'UNSUPPORTED_MEDIA_TYPE', await post(paid(), { change: { 'Content-Type': 'text/plain' } })],
      ['too much', 413, 'BODY_TOO_LARGE', await post(paid({ note: 'x'.repeat(300_000) }))],
      ['no JSON', 400, 'INVALID_REQUEST', await post('{')],
      ['JSON without a bottom', 400, 'INVALID_REQUEST', await post(`${'['.repeat(90_000)}${']'.repeat(90_000)}`)],
      ['a time that is yet to come', 400, 'INVALID_REQUEST', await post(paid({ at: toIso(minutes(10)) }))],
    ];
    for (const [name, status, code, answer] of refused)
      expect([name, answer.status, answer.json.code]).toEqual([name, status, code]);
    expect(await eventsOf(order)).toEqual([]);
  });

  it('names every wrong field', async () => {
    const { status, json } = await post(paid({ items: [{ price: 'a', quantity: 0 }], currency: 5, extra: 1 }));
    expect(status).toBe(400);
    expect(json.errors.map(({ pointer }) => pointer).sort()).toEqual(['/currency', '/extra', '/items/0/quantity']);
  });

  it('refuses a second body under one id', async () => {
    expect((await post(paid())).status).toBe(202);
    const second = await post(paid({ amount_minor: 1 }));
    expect([second.status, second.json.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  it('keeps an event of test mode for an account of live mode apart, and says so', async () => {
    expect(await post(paid({ test: true }))).toMatchObject({ status: 202, json: { outcome: 'ignored' } });
    await test.core.paymentEvents.worker.drain();
    expect(await grantsOf(order)).toEqual([]);
  });

  describe('the clients of the docs', () => {
    const env = () => ({
      PATH: process.env['PATH'],
      EVENTS: `${test.url}/api/v1/payments/events?account=${account.id}`,
      SECRET: SHOP_SECRET,
    });
    const block = (language: string, mark: string) =>
      [...docs.matchAll(/```(\w+)\n([\s\S]*?)```/g)].find(
        ([, name, text]) => name === language && text?.includes(mark),
      )?.[2] ?? '';

    async function sells(program: string, args: string[], ref: string) {
      const { stdout } = await run(program, args, { env: env() });
      expect(stdout).toContain('"received":true');
      await test.core.paymentEvents.worker.drain();
      expect(await grantsOf(ref)).toHaveLength(1);
    }

    withCurl('sell with curl', () => sells('bash', ['-c', block('sh', 'openssl dgst')], '1042'));

    withPhp('sell with PHP', async () => {
      writeFileSync(join(folder, 'client.php'), block('php', 'hash_hmac'));
      await sells('php', [join(folder, 'client.php')], '1043');
    });

    it('sell with TypeScript', async () => {
      writeFileSync(join(folder, 'client.mts'), block('ts', 'createHmac'));
      await sells(process.execPath, ['--import', import.meta.resolve('tsx'), join(folder, 'client.mts')], '1044');
    });
  });

  describe('the plugin for Joomla', () => {
    withPhp('passes php -l in every file', () => {
      const files = readdirSync(PLUGIN, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.php'));
      expect(files.length).toBeGreaterThan(5);
      for (const file of files) expect([file, spawnSync('php', ['-l', join(PLUGIN, file)]).status]).toEqual([file, 0]);
    });

    /** Runs code with the plugin's plain classes, a queue in memory and `$events`. */
    async function php(code: string): Promise<never> {
      const file = join(folder, 'try.php');
      writeFileSync(
        file,
        `<?php
define('_JEXEC', 1);
foreach (['Sender', 'Events', 'Queue'] as $class) require ${JSON.stringify(join(PLUGIN, 'src'))} . "/$class.php";
use Feedgate\\Plugin\\System\\FeedgateShop\\{Events, Queue, Sender, Store};
final class Memory implements Store {
  public array $rows = [];
  public function add(string $id, string $body, int $now): void { $this->rows[$id] ??= ['id' => $id, 'body' => $body, 'tries' => 0, 'next' => $now, 'error' => '']; }
  public function due(int $now, int $most): array { return array_slice(array_values(array_filter($this->rows, fn ($row) => $row['next'] <= $now)), 0, $most); }
  public function remove(string $id): void { unset($this->rows[$id]); }
  public function postpone(string $id, int $nextAt, string $error): void { $this->rows[$id]['next'] = $nextAt; $this->rows[$id]['error'] = $error; if ($error !== 'being sent') $this->rows[$id]['tries']++; }
}
$store = new Memory();
$queue = new Queue($store, new Sender(getenv('EVENTS'), getenv('SECRET')));
$events = new Events("PREMIUM = premium_yearly\\nplan:3=${sold.id}\\n", ['confirmed', 'shipped'], 'EUR', false);
$order = (object) ['order_number' => '${order}', 'order_status' => 'confirmed', 'order_discount_price' => '0.00',
  'customer' => (object) ['user_email' => 'ada@example.com', 'name' => 'Ada'],
  'products' => [(object) ['order_product_id' => 7, 'order_product_code' => 'PREMIUM', 'order_product_quantity' => 1, 'order_product_price' => '49.00', 'order_product_tax' => '9.31']]];
$member = fn ($id, $from, $to) => (object) ['id' => $id, 'plan_id' => 3, 'user_id' => 9, 'email' => 'ada@example.com', 'first_name' => 'Ada', 'last_name' => 'L',
  'from_date' => $from, 'to_date' => $to, 'gross_amount' => '9.00', 'published' => 1];
${code}`,
      );
      const env = {
        PATH: process.env['PATH'],
        EVENTS: `${test.url}/api/v1/payments/events?account=${account.id}`,
        SECRET: SHOP_SECRET,
      };
      return JSON.parse((await run('php', [file], { env })).stdout) as never;
    }

    withPhp('tells of an order of HikaShop that is paid and of one that is not any more', async () => {
      const left = await php(`
$queue->add($events->ofHikaShop($order, 'created', 'EUR', time()), time());
$order->order_status = 'cancelled';
$queue->add($events->ofHikaShop($order, 'shipped', 'EUR', time()), time());
$queue->flush(time());
echo json_encode([count($store->rows), $events->ofHikaShop($order, 'created', 'EUR', time())]);`);
      expect(left).toEqual([0, null]);
      await test.core.paymentEvents.worker.drain();
      test.time.now += 60 * 60_000;
      await test.core.paymentEvents.worker.drain();
      const [grant] = await grantsOf(order);
      expect(grant).toMatchObject({ package_id: sold.id, line: '7' });
      expect(await database().db.read((tx) => tx('grant_closings').where({ grant_id: grant.id }))).toHaveLength(1);
    });

    withPhp('tells of a membership, its renewal and its end, which are one license', async () => {
      await php(`
$queue->add($events->ofMembership($member('${count}1', '2026-01-01 00:00:00', '2026-02-01 00:00:00'), time()), time());
$queue->add($events->ofMembership($member('${count}2', '2026-02-01 00:00:00', '2026-03-01 00:00:00'), time()), time());
$queue->add($events->ofMembershipEnd($member('${count}2', '2026-02-01 00:00:00', '2026-03-01 00:00:00'), time() + 1), time());
$queue->flush(time());
echo json_encode(array_values($store->rows));`);
      await test.core.paymentEvents.worker.drain();
      const grants = [...(await grantsOf(`mp-${count}1`)), ...(await grantsOf(`mp-${count}2`))];
      expect(grants).toHaveLength(2);
      expect(new Set(grants.map((each) => each.license_id)).size).toBe(1);
      const known = await database().db.read((tx) => tx('subscriptions').where({ external_id: 'mp-9-3' }).first());
      expect(known).toMatchObject({ cancel_at: '2026-03-01T00:00:00.000Z' });
    });

    withPhp('keeps what could not be sent, and sends it later under the same id', async () => {
      const [waiting, after] = (await php(`
$down = new Queue($store, new Sender('http://127.0.0.1:1/', getenv('SECRET'), 1));
$queue->add($events->ofHikaShop($order, 'created', 'EUR', time()), time());
$down->flush(time()); $down->flush(time());
$row = array_values($store->rows)[0];
$queue->flush(time() + 30); $still = count($store->rows);
$queue->flush($row['next']);
echo json_encode([[$row['tries'], $row['error'] !== '', $still], count($store->rows)]);`)) as [unknown, unknown];
      expect([waiting, after]).toEqual([[1, true, 1], 0]);
      expect(await eventsOf(order)).toHaveLength(1);
    });
  });
});
