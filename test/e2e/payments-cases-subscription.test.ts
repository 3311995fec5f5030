import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY, HOUR, SECOND } from '../../src/clock.ts';
import { addMonths } from '../../src/licensing/spans.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openSelling, type Selling } from '../support/selling.ts';

const MONTH = { value: 1, unit: 'month' as const };

/** Failure cases of subscriptions: reference "Failure cases", Subscription. */
onEachDatabase('a subscription through its life', (database) => {
  let shop: Selling;

  beforeAll(async () => {
    shop = await openSelling(database());
    await shop.sell('monthly', { amount: 900, interval: 'month' }, { terms: { length: MONTH, sites: 2 } });
    await shop.sell('quarterly', { amount: 2400, interval: 'month', count: 3 }, { terms: { length: MONTH, sites: 5 } });
  });
  afterAll(() => shop.close());

  /** One that runs since now; `end` of its first period. */
  async function subscribed(code = 'monthly') {
    const bought = await shop.buy([{ price: code, quantity: 1 }]);
    await shop.settle();
    const id = shop.subscriptionOf(bought.sessionId);
    const license = await shop.licenseOf(bought.order.id);
    const { end } = await shop.stateOf(license);
    return { id, license, end: end ?? 0, order: bought.order };
  }

  const row = async (id: string) => (await shop.rows('subscriptions', { external_id: id }))[0] ?? {};
  const mailsOf = async (license: string | null) =>
    (await shop.rows('mails'))
      .filter(({ about }) => String(about).includes(String(license)))
      .map(({ template }) => template);

  it('case 26: a failed renewal keeps access for 7 days, to the second, whatever is tried meanwhile', async () => {
    const { id, license, end } = await subscribed();
    shop.pass(end - shop.now());
    shop.stripe.renew(id, 'declined');
    await shop.settle();
    const asked = (await shop.rows('mails')).filter(({ template }) => template === 'payment_failed');
    for (const { about } of asked) expect(JSON.parse(String(about)).url).toMatch(/^https?:/);
    const failed = await shop.stateOf(license);
    expect(failed).toMatchObject({ state: 'grace', pastDue: true });
    const off = failed.graceEnd ?? 0;
    expect(off - end).toBeGreaterThanOrEqual(7 * DAY);
    shop.pass(3 * DAY);
    shop.stripe.retry(id, 'declined');
    await shop.settle();
    expect((await shop.stateOf(license)).graceEnd).toBe(off);
    expect((await shop.stateOf(license, off - SECOND)).state).toBe('grace');
    expect((await shop.stateOf(license, off)).state).toBe('ended');
    shop.pass(6 * DAY);
    shop.stripe.retry(id, 'paid');
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', end: Date.UTC(2026, 2, 31, 10) });
    const sent = await mailsOf(license);
    expect(sent.filter((each) => each === 'payment_failed')).toHaveLength(3);
    expect(sent.filter((each) => each === 'recovered')).toHaveLength(1);
  });

  it('case 26: a charge that comes in on day 3 ends the grace', async () => {
    const { id, license, end } = await subscribed();
    shop.pass(end - shop.now());
    shop.stripe.renew(id, 'declined');
    await shop.settle();
    shop.pass(3 * DAY);
    shop.stripe.retry(id, 'paid');
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', pastDue: false, end: addMonths(end, 1) });
    expect(await row(id)).toMatchObject({ failed_at: null });
  });

  it('case 27: the period that has moved on while it is unpaid gives nothing', async () => {
    const { id, license, end } = await subscribed();
    shop.pass(end - shop.now());
    shop.stripe.renew(id, 'declined');
    await shop.settle();
    const found = await row(id);
    expect(Date.parse(String(found['period_end']))).toBeGreaterThan(end);
    expect(Date.parse(String(found['paid_through']))).toBe(end);
    expect((await shop.stateOf(license)).end).toBe(end);
  });

  it('case 28: canceled at the end of the period it lasts until then; taken back it goes on; ended it does not come back', async () => {
    const { id, license, end, order } = await subscribed();
    const actions = shop.test.core.payments.gateways['stripe']?.subscriptions;
    const account = shop.stripe.account({ id: shop.account.id });
    await actions?.cancel(account, id, 'period_end', 'a');
    await shop.settle();
    expect((await shop.stateOf(license, end - SECOND)).state).toBe('active');
    expect((await shop.stateOf(license, end)).state).toBe('ended');
    await actions?.uncancel?.(account, id, 'b');
    await shop.settle();
    expect((await shop.stateOf(license, end)).state).toBe('grace');
    await actions?.cancel(account, id, 'now', 'c');
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', end });
    expect(await row(id)).toMatchObject({ state: 'canceled', grace_until: null });
    // Who comes back buys into the same license.
    await shop.buy([{ price: 'monthly', quantity: 1 }], { licenseId: license, kind: 'into' });
    await shop.settle();
    expect(await shop.licenseOf(order.id)).toBe(license);
    expect((await shop.rows('subscriptions', { license_id: license })).length).toBe(2);
  });

  it('case 30: of two subscriptions of one customer a refund of one leaves the other', async () => {
    const one = await subscribed();
    const other = await subscribed();
    expect(one.license).not.toBe(other.license);
    shop.stripe.refund(one.id);
    await shop.settle();
    expect((await shop.stateOf(one.license)).state).toBe('canceled');
    expect((await shop.stateOf(other.license)).state).toBe('active');
    const [a, b] = await Promise.all([one, other].map(({ license }) => shop.rows('licenses', { id: license })));
    expect(a?.[0]?.['customer_id']).toBe(b?.[0]?.['customer_id']);
  });

  it('case 31: one whose first charge never comes grants nothing', async () => {
    const started = await shop.begin([{ price: 'monthly', quantity: 1 }]);
    shop.stripe.pay(started.sessionId, { email: 'ada@example.com', outcome: 'delayed' });
    await shop.settle();
    expect(await shop.licenseOf(started.order.id)).toBeNull();
    shop.stripe.settle(started.sessionId, 'declined');
    shop.pass(2 * DAY);
    shop.stripe.advance();
    await shop.settle();
    expect(await shop.licenseOf(started.order.id)).toBeNull();
    expect(
      await shop.rows('grants', { subscription_id: String((await row(shop.subscriptionOf(started.sessionId)))['id']) }),
    ).toEqual([]);
  });

  it('case 32: who pauses has what is paid and no grace; who goes on is charged again', async () => {
    const { id, license, end } = await subscribed();
    const actions = shop.test.core.payments.gateways['stripe']?.subscriptions;
    const account = shop.stripe.account({ id: shop.account.id });
    await actions?.pause?.(account, id, 'p');
    await shop.settle();
    expect((await shop.stateOf(license, end - SECOND)).state).toBe('active');
    expect((await shop.stateOf(license, end)).state).toBe('ended');
    await actions?.resume?.(account, id, 'r');
    await shop.settle();
    expect((await shop.stateOf(license, end)).state).toBe('grace');
    shop.pass(end - shop.now() + HOUR);
    shop.stripe.advance();
    await shop.settle();
    expect((await shop.stateOf(license)).state).toBe('active');
  });

  it('case 29: a bigger package holds when its difference is paid, a smaller one from the next period on', async () => {
    const { id, license, end } = await subscribed();
    const gateway = shop.test.core.payments.gateways['stripe'];
    const account = shop.stripe.account({ id: shop.account.id });
    const found = shop.stripe.world.subscriptions.get(id);
    const item = found?.items.data[0];
    const small = String(item?.price.id);
    const big = await shop.sell(
      'monthly_big',
      { amount: 1900, interval: 'month' },
      { terms: { length: MONTH, sites: 9 } },
    );
    const prices = await database().db.read((tx) => tx('package_prices').where({ package_id: big.id }));
    const priceId = String(prices[0]?.external_id);
    shop.pass(10 * DAY);
    shop.stripe.declines = 1;
    const to = { itemId: item?.id ?? '', priceId, quantity: 1, returnUrl: 'https://example.com' };
    await gateway?.subscriptions?.change?.(account, id, { ...to, when: 'now' }, 'up-1').catch(() => undefined);
    await shop.settle();
    expect((await shop.stateOf(license)).sites).toBe(2);
    shop.stripe.declines = 0;
    const open = [...shop.stripe.world.invoices.values()].filter(({ status }) => status === 'open');
    for (const invoice of open) shop.stripe.void(invoice.id ?? '');
    await gateway?.subscriptions?.change?.(account, id, { ...to, when: 'now' }, 'up-2');
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ sites: 9, end });
    await gateway?.subscriptions?.change?.(account, id, { ...to, priceId: small, when: 'period_end' }, 'down');
    await shop.settle();
    expect((await shop.stateOf(license)).sites).toBe(9);
    shop.pass(end - shop.now() + HOUR);
    shop.stripe.advance();
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', sites: 2 });
  });
});
