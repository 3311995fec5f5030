import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedForge, seedOrganization } from '../../test/support/seed.ts';
import { seedAccount } from '../../test/support/seed-accounts.ts';
import { seedOrder } from '../../test/support/seed-money.ts';
import { DAY, toIso } from '../clock.ts';
import { forgetUnpaidBuyers } from './event-care.ts';
import { ORDER_STATES } from './order-states.ts';
import { forgetUnpaid } from './store-money-persons.ts';
import { findOrder, type OrderRecord } from './store-orders.ts';

onEachDatabase('who meant to buy', (database) => {
  const old = toIso(SEED_NOW - 91 * DAY);
  const buyer = {
    ...{ email: 'ada@example.com', name: 'Ada', createdAt: old },
    ...{ successUrl: 'https://acme.example/?who=ada', cancelUrl: 'https://acme.example/ada' },
  };

  async function seeded(changes: readonly Partial<OrderRecord>[]): Promise<OrderRecord[]> {
    const { db } = database();
    const account = await seedAccount(db, await seedOrganization(db, await seedForge(db)));
    const orders: OrderRecord[] = [];
    for (const change of changes) orders.push(await seedOrder(db, account, { ...buyer, ...change }));
    return orders;
  }
  const now = (order: OrderRecord) => database().db.read((tx) => findOrder(tx, order.id));

  it('is forgotten after 90 days where nobody paid; ids and sums stay', async () => {
    const orders = await seeded(ORDER_STATES.map((state) => ({ state })));
    await forgetUnpaidBuyers(database().db, SEED_NOW);
    const gone = { email: '', name: '', successUrl: null, cancelUrl: null };
    for (const order of orders) {
      const isUnpaid = ['open', 'failed', 'expired'].includes(order.state);
      expect(await now(order)).toEqual(isUnpaid ? { ...order, ...gone } : order);
    }
    await forgetUnpaidBuyers(database().db, SEED_NOW);
    expect(await now(orders[0] as OrderRecord)).toEqual({ ...orders[0], ...gone });
  });

  it('is known for 90 days, and while a page of the provider lives', async () => {
    const orders = await seeded([
      { state: 'open', createdAt: toIso(SEED_NOW - 90 * DAY) },
      { state: 'open', expiresAt: toIso(SEED_NOW + DAY) },
    ]);
    await forgetUnpaidBuyers(database().db, SEED_NOW);
    for (const order of orders) expect(await now(order)).toEqual(order);
  });

  it('is forgotten a number of orders at a time', async () => {
    await seeded([{ state: 'open' }, { state: 'failed', name: '' }, { state: 'expired', email: '' }]);
    const some = () => database().db.tx((tx) => forgetUnpaid(tx, toIso(SEED_NOW - 90 * DAY), 2));
    expect([await some(), await some(), await some()]).toEqual([2, 1, 0]);
  });
});
