import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/clock.ts';
import { addMonths } from '../../src/licensing/spans.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openSelling, type Selling } from '../support/selling.ts';

const MONTH = { value: 1, unit: 'month' as const };
const YEAR = { value: 1, unit: 'year' as const };

/** Failure cases of what is sold and when: reference "Failure cases", Subscription 33 to 37, Provider 42. */
onEachDatabase('what a subscription is made of', (database) => {
  let shop: Selling;

  beforeAll(async () => {
    shop = await openSelling(database());
    await shop.sell('monthly', { amount: 900, interval: 'month' }, { terms: { length: MONTH, sites: 2 } });
    await shop.sell('more', { amount: 300, interval: 'month' }, { kind: 'addon', terms: { length: MONTH, sites: 4 } });
    await shop.sell('yearly', { amount: 4_900 }, { terms: { length: YEAR, sites: 3 } });
  });
  afterAll(() => shop.close());
  beforeEach(() => shop.pass(HOUR));

  async function subscribed(items = [{ price: 'monthly', quantity: 1 }], buyer = {}) {
    const { order, sessionId } = await shop.begin(items);
    shop.stripe.pay(sessionId, { email: 'ada@example.com', ...buyer });
    await shop.settle();
    return { order, id: shop.subscriptionOf(sessionId), license: await shop.licenseOf(order.id) };
  }
  const row = async (id: string) => (await shop.rows('subscriptions', { external_id: id }))[0] ?? {};
  const alerts = (code: string) => shop.rows('payment_alerts', { code });

  it('case 33: several items go into one license, each with its own package', async () => {
    const { license, id } = await subscribed([
      { price: 'monthly', quantity: 1 },
      { price: 'more', quantity: 2 },
    ]);
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 10 });
    const end = (await shop.stateOf(license)).end ?? 0;
    shop.pass(end - shop.now());
    shop.stripe.renew(id);
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 10 });
    expect((await shop.stateOf(license)).end).toBeGreaterThan(end);
  });

  it('an add-on bought with its base goes into its license; the same bought again is another license', async () => {
    await shop.sell('extra', { amount: 900 }, { kind: 'addon', terms: { length: YEAR, sites: 4 } });
    const items = [
      { price: 'yearly', quantity: 1 },
      { price: 'extra', quantity: 2 },
    ];
    const [one, two] = [await shop.buy(items), await shop.buy(items)];
    await shop.settle();
    const licenses = await Promise.all([one, two].map(({ order }) => shop.licenseOf(order.id)));
    expect(new Set(licenses).size).toBe(2);
    for (const license of licenses) {
      expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 3 + 2 * 4 });
      const keys = await database().db.read((tx) => tx('license_keys').where({ license_id: license }));
      expect(keys).toHaveLength(1);
    }
    const [a, b] = await Promise.all(licenses.map((id) => shop.rows('licenses', { id })));
    expect(a?.[0]?.['customer_id']).toBe(b?.[0]?.['customer_id']);
  });

  it('case 33: a price that nobody here knows leaves what its item gave, as long as it is paid, and is told', async () => {
    const { license, id } = await subscribed();
    shop.stripe.price({ id: 'price_foreign', amount: 500, currency: 'eur', interval: 'month' });
    shop.stripe.changeItems(id, [{ price: 'price_foreign', quantity: 1 }]);
    await shop.settle();
    const end = (await shop.stateOf(license)).end ?? 0;
    shop.pass(end - shop.now());
    shop.stripe.renew(id);
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 2 });
    const told = (await alerts('UNKNOWN_PRICE')).filter(({ detail }) => String(detail).includes('price_foreign'));
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told.map(({ subject }) => subject)).size).toBe(told.length);
  });

  it('case 34: a trial gives its days, and goes over into what is paid', async () => {
    const { license, id } = await subscribed(undefined, { trialDays: 14 });
    const start = shop.now();
    expect((await row(id))['state']).toBe('trialing');
    const trial = await shop.stateOf(license);
    expect(trial.state).toBe('active');
    expect(Math.abs((trial.end ?? 0) - (start + 14 * DAY))).toBeLessThan(MINUTE);
    shop.pass(14 * DAY + 2 * HOUR);
    shop.stripe.advance();
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', end: addMonths(trial.end ?? 0, 1) });
    expect((await row(id))['state']).toBe('active');
  });

  it('case 34: a trial that is not paid for at its end has its grace, and no more', async () => {
    const { license } = await subscribed(undefined, { trialDays: 14 });
    const end = (await shop.stateOf(license)).end ?? 0;
    shop.pass(14 * DAY + 2 * HOUR);
    shop.stripe.declines = 1;
    shop.stripe.advance();
    await shop.settle();
    shop.stripe.declines = 0;
    const after = await shop.stateOf(license);
    expect(after).toMatchObject({ state: 'grace', end });
    expect((await shop.stateOf(license, after.graceEnd ?? 0)).state).toBe('ended');
  });

  it('case 35: a customer who is deleted at Stripe, or writes from another address, keeps what he has', async () => {
    const { license, id } = await subscribed();
    const customer = shop.stripe.world.customers.get(String(shop.stripe.world.subscriptions.get(id)?.customer));
    if (!customer) throw new Error('there is no customer');
    Object.assign(customer, { email: 'new@example.com' });
    shop.stripe.world.emit('customer.updated', customer);
    await shop.settle();
    shop.stripe.world.emit('customer.deleted', { ...customer, deleted: true });
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active' });
    const [found] = await database().db.read((tx) =>
      tx('customers as c').join('licenses as l', 'l.customer_id', 'c.id').where('l.id', license).select('c.email'),
    );
    expect(found?.email).toBe('ada@example.com');
    expect(await shop.rows('payment_events', { state: 'stuck' })).toEqual([]);
  });

  it('case 36: on a subscription that runs the same package is not sold, another stacks, and a master is not touched', async () => {
    const { license, id } = await subscribed();
    const again = shop.begin([{ price: 'monthly', quantity: 1 }], { licenseId: license, kind: 'into' });
    await expect(again).rejects.toMatchObject({ code: 'SUBSCRIPTION_RUNS' });
    await shop.buy([{ price: 'yearly', quantity: 1 }], { licenseId: license, kind: 'into' });
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 5, end: addMonths(shop.now(), 12) });
    shop.stripe.refund(id);
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 3 });
    expect(await shop.rows('licenses', { master: true, suspended_at: null })).toEqual(
      await shop.rows('licenses', { master: true }),
    );
  });

  it.each([-10, 10])('case 37: a clock at Stripe that differs by %i minutes changes nothing', async (minutes) => {
    const { sessionId, order } = await shop.begin([{ price: 'yearly', quantity: 1 }]);
    const now = Math.floor(shop.now() / 1_000);
    shop.stripe.world.at(now + minutes * 60, () => void shop.stripe.pay(sessionId, { email: 'ada@example.com' }));
    // Of an order that is signed so far ahead the provider's own list says the same.
    await shop.settle();
    const license = await shop.licenseOf(order.id);
    expect((await shop.stateOf(license)).state).toBe('active');
  });

  it.each([
    ['31 January', Date.UTC(2026, 0, 31, 10), [Date.UTC(2026, 1, 28, 10), Date.UTC(2026, 2, 31, 10)]],
    ['a leap day', Date.UTC(2028, 1, 29, 10), [Date.UTC(2028, 2, 29, 10), Date.UTC(2028, 3, 29, 10)]],
    [
      'a change of summer time',
      Date.UTC(2026, 2, 28, 23, 30),
      [Date.UTC(2026, 3, 28, 23, 30), Date.UTC(2026, 4, 28, 23, 30)],
    ],
  ])('case 37: periods that begin on %s are the provider’s own', async (_, start, ends) => {
    const own = await openSelling(database(), { start });
    await own.sell('monthly', { amount: 900, interval: 'month' }, { terms: { length: MONTH, sites: 2 } });
    const { order, sessionId } = await own.buy([{ price: 'monthly', quantity: 1 }]);
    await own.settle();
    const license = await own.licenseOf(order.id);
    expect((await own.stateOf(license)).end).toBe(ends[0]);
    own.pass((ends[0] ?? 0) - own.now());
    own.stripe.renew(own.subscriptionOf(sessionId));
    await own.settle();
    expect((await own.stateOf(license)).end).toBe(ends[1]);
    await own.close();
  });

  it('case 42: a word that nobody knows changes nothing, and is told once', async () => {
    const { license, id } = await subscribed();
    const subscription = shop.stripe.world.subscriptions.get(id);
    if (!subscription) throw new Error('there is no subscription');
    Object.assign(subscription, { status: 'hibernating' });
    for (const _ of [1, 2]) {
      shop.stripe.world.emit('customer.subscription.updated', subscription);
      await shop.settle();
    }
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active' });
    expect(await row(id)).toMatchObject({ state: 'active', provider_state: 'hibernating' });
    const told = (await alerts('UNKNOWN_STATE')).filter(({ subject }) => String(subject).includes(id));
    expect(told).toHaveLength(1);
    const strange = {
      ...shop.stripe.world.emit('customer.subscription.updated', subscription),
      ...{ type: 'customer.imagined', data: { object: { id: 'img_1', object: 'imagined' } } },
    };
    shop.stripe.take();
    const { body, headers } = shop.stripe.world.sign({ ...strange, id: `evt_imagined_${id}` } as never);
    expect((await fetch(shop.hookUrl, { method: 'POST', body, headers })).status).toBe(200);
    await shop.settle();
    expect((await shop.rows('payment_events', { type: 'customer.imagined' }))[0]).toMatchObject({ state: 'ignored' });
  });
});
