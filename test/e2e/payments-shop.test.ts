import { beforeAll, beforeEach, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { toIso } from '../../src/clock.ts';
import { unchecked } from '../../src/licensing/package-price.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { shopGateway } from '../../src/payments/shop/driver.ts';
import { applyFacts } from '../../src/payments/shop-told.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedPackage, seedSecrets, seedShop } from '../support/seed.ts';
import { seedShopAccount } from '../support/seed-accounts.ts';

const day = (n: number) => toIso(SEED_NOW + n * 86_400_000);
const MONTH = { start: day(0), end: day(30) };
const NEXT = { start: day(30), end: day(60) };

/** What shops tell becomes grants, in whatever order it is told. */
onEachDatabase('what shops tell', (database) => {
  let shop: Shop;
  let account: AccountRecord;
  let sold: PackageRecord;
  let order = '';
  let count = 0;

  beforeAll(async () => {
    shop = await seedShop(database().db);
    account = await seedShopAccount(database().db, shop.organization);
    sold = await seedPackage(database().db, shop.organization);
    const price = (code: string, change: object) =>
      unchecked({
        ...{ provider: 'shop', external_id: `shop-${code}`, code, amount_minor: null, currency: null },
        ...{ interval: null, duration: null, ...change },
      });
    const prices = [
      price('yearly', { amount_minor: 4_900, currency: 'EUR', duration: { value: 1, unit: 'year' } }),
      price('monthly', { interval: { value: 1, unit: 'month' } }),
      price('free', { duration: { value: 3, unit: 'month' } }),
    ];
    await database().db.tx((tx) => replacePrices(tx, sold, prices, 'test', toIso(SEED_NOW)));
  });
  beforeEach(() => {
    count += 1;
    order = `order-${count}`;
  });

  const customer = { email: 'ada@example.com', name: 'Ada', language: 'de' };
  const paid = (change: object = {}) => ({
    ...{
      type: 'paid',
      order,
      items: [{ price: 'yearly' }],
      customer,
      amount_minor: 4_900,
      currency: 'EUR',
      at: day(0),
    },
    ...change,
  });
  const sub = () => ({ subscription: { id: `S-${order}` } });
  const begun = () => paid({ items: [{ price: 'monthly' }], amount_minor: 900, period: MONTH, ...sub() });
  const renewed = (change: object = {}) => ({
    ...{ type: 'renewed', order, amount_minor: 900, currency: 'EUR', period: NEXT, at: day(30), ...sub(), ...change },
  });
  const refund = (change: object = {}) => ({
    ...{
      type: 'refunded',
      order,
      refund: { id: `r-${order}`, amount_minor: 4_900, reason: 'asked' },
      at: day(3),
      ...change,
    },
  });

  async function tellOne(event: object, now = day(61)) {
    const parsed = shopGateway.parse(Buffer.from(JSON.stringify(event)), {});
    if (!parsed.ok || !parsed.event.facts) throw new Error(JSON.stringify(parsed));
    const { facts } = parsed.event;
    const by = { actor: SYSTEM_ACTOR, requestId: null, now: Date.parse(now) };
    return database().db.tx((tx) => applyFacts(tx, seedSecrets, account, facts, by));
  }

  /** As the worker does: what is parked is taken up again. */
  async function tell(...events: object[]): Promise<string[]> {
    const states: string[] = [];
    let waiting: object[] = [];
    for (const event of events) {
      const { state } = await tellOne(event);
      states.push(state);
      if (state === 'parked') waiting.push(event);
      for (let left = -1; left !== waiting.length; ) {
        left = waiting.length;
        const still: object[] = [];
        for (const each of waiting) if ((await tellOne(each)).state === 'parked') still.push(each);
        waiting = still;
      }
    }
    return states;
  }

  async function ledger(name = order) {
    return database().db.read(async (tx) => {
      const grants = await tx('grants as g')
        .leftJoin('grant_closings as c', 'c.grant_id', 'g.id')
        .where('g.payment_ref', 'like', `${name}%`)
        .orderBy(['g.payment_ref', 'g.line'])
        .select(
          'g.payment_ref',
          'g.line',
          'g.license_id',
          'g.starts_at',
          'g.ends_at',
          'c.kind',
          'g.length_value',
          'g.quantity',
        );
      const orders = await tx('orders').where({ external_id: name }).select('state', 'language', 'email', 'trouble');
      const keys = await tx('license_keys').whereIn(
        'license_id',
        grants.map((each) => each.license_id),
      );
      const subscription = await tx('subscriptions')
        .where({ external_id: `S-${name}` })
        .first('state', 'cancel_at', 'canceled_at', 'period_end', 'paid_through', 'runs');
      return { grants, orders, keys: keys.length, subscription };
    });
  }

  it('makes order, license, grant and key of the first event, once', async () => {
    expect(await tell(paid(), paid())).toEqual(['done', 'done']);
    const { grants, orders, keys } = await ledger();
    expect(orders).toEqual([{ state: 'paid', language: 'de', email: 'ada@example.com', trouble: '' }]);
    expect(grants).toMatchObject([{ payment_ref: order, line: '1', length_value: 1, kind: null }]);
    expect(keys).toBe(1);
  });

  it('sells several lines, by the names of the shop, our codes and packages', async () => {
    const items = [{ price: 'shop-yearly', quantity: 2 }, { package: sold.id, line: 'b' }, { price: 'free' }];
    await tell(paid({ items, amount_minor: 9_999, discount_minor: 1_000, tax_minor: 0 }));
    const { grants, orders } = await ledger();
    expect(orders).toMatchObject([{ state: 'paid', trouble: '' }]);
    expect(grants.map(({ line, quantity, length_value }) => [line, quantity, length_value])).toEqual([
      ['1', 2, 1],
      ['3', 1, 3],
      ['b', 1, sold.terms.length?.value ?? null],
    ]);
  });

  it.each([
    ['less than the price', { amount_minor: 4_000 }],
    ['more than the price', { amount_minor: 5_000 }],
    ['another currency', { currency: 'USD' }],
    ['a quantity that was not paid', { items: [{ price: 'yearly', quantity: 2 }] }],
  ])('grants nothing for %s, and says so', async (_name, change) => {
    await tell(paid(change));
    const { grants, orders } = await ledger();
    expect([grants, orders[0].state]).toEqual([[], 'mismatch']);
    const alert = await database().db.read((tx) => tx('payment_alerts').where({ code: orders[0].trouble }).first());
    expect(alert).toBeDefined();
  });

  it('takes discount and tax, which change no grant', async () => {
    await tell(paid({ amount_minor: 4_641, discount_minor: 1_000, tax_minor: 741 }));
    expect((await ledger()).grants).toHaveLength(1);
  });

  it('waits for a price that nobody knows, and sells when it is there', async () => {
    const later = paid({ items: [{ price: `new-${order}` }] });
    expect(await tell(later)).toEqual(['parked']);
    const alerts = await database().db.read((tx) =>
      tx('payment_alerts').where({ code: 'UNKNOWN_PRICE', subject: order }),
    );
    expect(alerts).toHaveLength(1);
    expect((await ledger()).orders).toEqual([]);
    const other = await seedPackage(database().db, shop.organization);
    const price = {
      provider: 'shop',
      external_id: `x-${order}`,
      code: `new-${order}`,
      amount_minor: null,
      currency: null,
      interval: null,
      duration: null,
    };
    await database().db.tx((tx) => replacePrices(tx, other, [unchecked(price)], 'test', toIso(SEED_NOW)));
    expect(await tell(later)).toEqual(['done']);
    expect((await ledger()).grants).toHaveLength(1);
  });

  it("does not sell another organization's package", async () => {
    const stranger = await seedShop(database().db);
    const theirs = await seedPackage(database().db, stranger.organization);
    expect(await tell(paid({ items: [{ package: theirs.id }] }))).toEqual(['parked']);
    expect((await ledger()).grants).toEqual([]);
  });

  it('closes what was refunded, also where the refund is told first', async () => {
    expect(await tell(refund(), paid())).toEqual(['parked', 'done']);
    expect((await ledger()).grants).toMatchObject([{ kind: 'close' }]);
    const first = order;
    order = `${first}-second`;
    await tell(paid(), refund());
    expect((await ledger()).grants).toMatchObject([{ kind: 'close' }]);
  });

  it('keeps what was refunded in part', async () => {
    await tell(paid(), refund({ refund: { id: `part-${order}`, amount_minor: 100 } }));
    expect((await ledger()).grants).toMatchObject([{ kind: null }]);
  });

  it('ends alike in whatever order a subscription is told', async () => {
    const parts = [
      () => begun(),
      () => renewed(),
      () => ({ type: 'failed', order, period: { start: day(60), end: day(90) }, at: day(60), ...sub() }),
      () => ({ type: 'canceled', order, at: day(60.5), ...sub() }),
      () => refund({ refund: { id: `r-${order}`, amount_minor: 900 }, period: NEXT, ...sub(), at: day(60.6) }),
    ];
    const seen = new Set<string>();
    for (const [i, way] of permutations([0, 1, 2, 3, 4]).entries()) {
      if (i % 9 !== 0) continue;
      order = `way-${count}-${i}`;
      await tell(...way.map((at) => (parts[at] as () => object)()));
      const { grants, subscription, keys } = await ledger();
      const plain = grants.map(({ payment_ref: ref, starts_at, ends_at, kind }) => [
        ref.replace(order, ''),
        starts_at,
        ends_at,
        kind,
      ]);
      seen.add(
        JSON.stringify([plain, subscription.cancel_at, subscription.paid_through, Boolean(subscription.runs), keys]),
      );
    }
    expect([...seen].map((text) => JSON.parse(text))).toEqual([
      [
        [
          ['', MONTH.start, MONTH.end, null],
          [`@${NEXT.start}`, NEXT.start, NEXT.end, 'close'],
        ],
        ...[day(60), day(30), false, 1],
      ],
    ]);
  });

  it('goes on where a canceled subscription is paid again, and not where the cancellation is only late', async () => {
    const canceled = (at: string) => ({ type: 'canceled', order, at, ...sub() });
    await tell(begun(), canceled(day(20)));
    expect((await ledger()).subscription).toMatchObject({ state: 'active', cancel_at: MONTH.end });
    await tell(renewed());
    expect((await ledger()).subscription).toMatchObject({ cancel_at: null, paid_through: NEXT.end });
    await tell(canceled(day(25)));
    expect((await ledger()).subscription.cancel_at).toBeNull();
    await tell(canceled(day(40)));
    const { subscription, grants } = await ledger();
    expect(subscription.cancel_at).toBe(NEXT.end);
    expect(new Set(grants.map((each) => each.license_id)).size).toBe(1);
  });

  it('takes a running subscription over into the license that its items name', async () => {
    await tell(paid());
    const { license_id: license } = (await ledger()).grants[0];
    const first = order;
    order = `${first}-over`;
    expect(await tell(renewed({ customer }))).toEqual(['parked']);
    const items = [{ price: 'monthly', license }];
    expect(await tell(renewed({ items, customer }))).toEqual(['done']);
    expect((await ledger()).grants).toMatchObject([{ license_id: license, ends_at: NEXT.end }]);
  });

  it('says nothing of orders that never were', async () => {
    expect(await tell({ type: 'failed', order, at: day(0) }, { type: 'canceled', order, at: day(0) })).toEqual([
      'ignored',
      'ignored',
    ]);
    expect((await ledger()).orders).toEqual([]);
  });
});

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) => permutations(items.filter((each) => each !== item)).map((rest) => [item, ...rest]));
}
