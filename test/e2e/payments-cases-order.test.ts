import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY, HOUR } from '../../src/clock.ts';
import { onEachDatabase } from '../support/databases.ts';
import type { Delivery } from '../support/fake-stripe-world.ts';
import { openSelling, type Selling } from '../support/selling.ts';

const MONTH = { value: 1, unit: 'month' as const };

/** Failure cases of events that come late, twice, or in another order: reference "Failure cases", Delivery. */
onEachDatabase('events in any order', (database) => {
  let shop: Selling;

  beforeAll(async () => {
    shop = await openSelling(database());
    await shop.sell('monthly', { amount: 900, interval: 'month' }, { terms: { length: MONTH, sites: 2 } });
  });
  afterAll(() => shop.close());

  async function post({ event }: Delivery): Promise<void> {
    const { body, headers } = shop.stripe.world.sign(event);
    expect((await fetch(shop.hookUrl, { method: 'POST', body, headers })).status).toBe(200);
    await shop.test.core.paymentEvents.worker.drain();
  }

  async function summary(orderId: string) {
    const license = await shop.licenseOf(orderId);
    const grants = await shop.rows('grants', { license_id: license });
    const keys = await database().db.read((tx) => tx('license_keys').where({ license_id: license }));
    const { state, end, sites } = await shop.stateOf(license);
    return { state, end, sites, grants: grants.length, keys: keys.length };
  }

  it('case 6: every order of the four events of a purchase ends in the same state', async () => {
    const seen = new Set<string>();
    for (const order of permutations([0, 1, 2, 3])) {
      const bought = await shop.buy([{ price: 'monthly', quantity: 1 }]);
      const wanted = [
        'checkout.session.completed',
        'customer.subscription.created',
        'customer.subscription.updated',
        'invoice.paid',
      ];
      shop.stripe.world.emit(
        'customer.subscription.updated',
        shop.stripe.world.subscriptions.get(shop.subscriptionOf(bought.sessionId)) ?? {},
      );
      const events = shop.stripe.take();
      const four = wanted.map((type) => events.find(({ event }) => event.type === type) as Delivery);
      expect(four.every((each) => each !== undefined)).toBe(true);
      for (const i of order) await post(four[i] as Delivery);
      const { end, ...rest } = await summary(bought.order.id);
      seen.add(JSON.stringify(rest));
      expect(end).toBe(Date.UTC(2026, 1, 28, 10));
    }
    expect([...seen].map((each) => JSON.parse(each))).toEqual([{ state: 'active', sites: 2, grants: 1, keys: 1 }]);
  });

  it('case 7: an event of its beginning that comes late takes nothing from a subscription that runs', async () => {
    const bought = await shop.buy([{ price: 'monthly', quantity: 1 }]);
    const events = shop.stripe.take();
    const created = events.find(({ event }) => event.type === 'customer.subscription.created') as Delivery;
    for (const each of events.filter((one) => one !== created)) await post(each);
    const early = structuredClone(created);
    Object.assign(early.event.data.object, { status: 'incomplete' });
    await post(early);
    expect(await summary(bought.order.id)).toMatchObject({ state: 'active', grants: 1 });
    expect((await shop.rows('subscriptions')).map(({ state }) => state)).not.toContain('incomplete');
  });

  it('case 8: one that is over stays so, whatever is heard of it late', async () => {
    const bought = await shop.buy([{ price: 'monthly', quantity: 1 }]);
    await shop.settle();
    const id = shop.subscriptionOf(bought.sessionId);
    const late = shop.stripe.world.sign(
      shop.stripe.world.emit('customer.subscription.updated', shop.stripe.world.subscriptions.get(id) ?? {}),
    );
    shop.stripe.take();
    const gateway = shop.test.core.payments.gateways['stripe'];
    const account = shop.stripe.account({ id: shop.account.id });
    await gateway?.subscriptions?.cancel(account, id, 'now', 'end-it');
    await shop.settle();
    await post(late);
    const [row] = await shop.rows('subscriptions', { external_id: id });
    expect(row).toMatchObject({ state: 'canceled', grace_until: null });
    expect(Number(row?.['runs'])).toBe(0);
  });

  it('case 9: a failure that is heard of after the payment of the same invoice changes nothing', async () => {
    const bought = await shop.buy([{ price: 'monthly', quantity: 1 }]);
    await shop.settle();
    const id = shop.subscriptionOf(bought.sessionId);
    const license = await shop.licenseOf(bought.order.id);
    shop.pass(29 * DAY);
    shop.stripe.renew(id, 'declined');
    const failed = shop.stripe.take();
    shop.pass(HOUR);
    shop.stripe.retry(id, 'paid');
    for (const each of [...shop.stripe.take(), ...failed]) await post(each);
    expect(await shop.stateOf(license)).toMatchObject({ state: 'active', pastDue: false });
    expect((await shop.rows('subscriptions', { external_id: id }))[0]).toMatchObject({
      failed_at: null,
      state: 'active',
    });
  });
});

function permutations(all: readonly number[]): number[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((each) => permutations(all.filter((other) => other !== each)).map((rest) => [each, ...rest]));
}
