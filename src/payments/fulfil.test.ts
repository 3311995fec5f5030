import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedPackage, seedSecrets, seedShop } from '../../test/support/seed.ts';
import { seedStripeAccount } from '../../test/support/seed-accounts.ts';
import {
  checkoutOf,
  disputeOf,
  invoiceOf,
  paymentOf,
  periodLine,
  refundOf,
  seedOrder,
  snapshotOf,
  subscriptionOf,
  worker,
} from '../../test/support/seed-payments.ts';
import { DAY, HOUR, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { addMonths } from '../licensing/spans.ts';
import { keysOfLicense } from '../licensing/store-keys.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { termsAt } from '../licensing/terms.ts';
import type { Snapshot } from './facts.ts';
import { applySnapshot } from './fulfil.ts';
import type { AccountRecord } from './store-accounts.ts';
import { linesOfOrder } from './store-orders.ts';

async function setUp(db: Db) {
  const { organization, product } = await seedShop(db);
  const account = await seedStripeAccount(db, organization);
  const year = await seedPackage(db, organization, { terms: { length: { value: 1, unit: 'year' }, sites: 3 } });
  return { organization, product, account, year };
}

function apply(db: Db, account: AccountRecord, change: Partial<Snapshot>, now = SEED_NOW + HOUR) {
  return db.tx((tx) => applySnapshot(tx, seedSecrets, account, snapshotOf(change), worker(now)));
}

async function stateOf(db: Db, licenseId: string, at: number) {
  return db.read(async (tx) => {
    const ledger = (await ledgersOf(tx, [licenseId])).get(licenseId) ?? [];
    const { state, end, graceEnd, limits } = termsAt(ledger, { id: '', repositoryId: null }, at);
    return { state, end, graceEnd, sites: limits.sites };
  });
}

onEachDatabase('what was paid becomes a license', (database) => {
  it('a paid order is one license with its key and one mail, however often it is told', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const told = {
      checkout: checkoutOf(bought),
      payments: [paymentOf('pi_a', SEED_NOW, { checkoutId: bought.order.externalId })],
    };
    expect(await apply(db, account, told)).toEqual({ state: 'done', detail: '' });
    expect(await apply(db, account, told, SEED_NOW + DAY)).toEqual({ state: 'done', detail: '' });
    const [line] = await db.read((tx) => linesOfOrder(tx, bought.order.id));
    const licenseId = line?.licenseId ?? '';
    const keys = await db.read((tx) => keysOfLicense(tx, licenseId));
    expect(keys.map(({ purpose }) => purpose)).toEqual(['commercial']);
    expect(await stateOf(db, licenseId, SEED_NOW + HOUR)).toMatchObject({
      ...{ state: 'active', end: addMonths(SEED_NOW, 12), sites: 3 },
    });
    const mails = await db.read((tx) => tx('mails').select('template', 'email'));
    expect(mails).toEqual([{ template: 'key', email: bought.order.email }]);
  });

  it('a refund closes it, one that fails in the end opens it again, and a hand goes before both', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const paid = {
      checkout: checkoutOf(bought),
      payments: [paymentOf('pi_b', SEED_NOW, { checkoutId: bought.order.externalId })],
    };
    await apply(db, account, paid);
    const licenseId = (await db.read((tx) => linesOfOrder(tx, bought.order.id)))[0]?.licenseId ?? '';
    const at = SEED_NOW + 2 * HOUR;
    await apply(db, account, { ...paid, refunds: [refundOf('re_b', 'pi_b', 400)] }, at);
    expect((await stateOf(db, licenseId, at)).state).toBe('active');
    const both = [refundOf('re_b', 'pi_b', 400), refundOf('re_c', 'pi_b', 600)];
    await apply(db, account, { ...paid, refunds: both }, at);
    expect((await stateOf(db, licenseId, at)).state).toBe('canceled');
    await apply(db, account, { ...paid, refunds: [{ ...both[1], state: 'failed' } as (typeof both)[0]] }, at);
    expect((await stateOf(db, licenseId, at)).state).toBe('active');
  });

  it('a dispute suspends while it is open, and closes what it took when it is lost', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const paid = {
      checkout: checkoutOf(bought),
      payments: [paymentOf('pi_d', SEED_NOW, { checkoutId: bought.order.externalId })],
    };
    await apply(db, account, paid);
    const licenseId = (await db.read((tx) => linesOfOrder(tx, bought.order.id)))[0]?.licenseId ?? '';
    const license = () => db.read((tx) => findLicense(tx, licenseId));
    await apply(db, account, { ...paid, disputes: [disputeOf('dp_1', 'pi_d')] });
    expect((await license())?.suspendedAt).not.toBeNull();
    await apply(db, account, { ...paid, disputes: [disputeOf('dp_1', 'pi_d', { state: 'won' })] });
    expect((await license())?.suspendedAt).toBeNull();
    await apply(db, account, { ...paid, disputes: [disputeOf('dp_1', 'pi_d', { state: 'lost' })] });
    expect((await stateOf(db, licenseId, SEED_NOW + HOUR)).state).toBe('canceled');
  });

  it('what was paid stays bought, and who is forgotten stays forgotten, whatever its page says later', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const payments = [paymentOf('pi_settled', SEED_NOW, { checkoutId: bought.order.externalId })];
    await apply(db, account, { checkout: checkoutOf(bought), payments });
    await db.tx((tx) => tx('orders').where({ id: bought.order.id }).update({ email: '', name: '' }));
    const later = checkoutOf(bought, { subtotalMinor: 1_500, totalMinor: 1_500 });
    expect(await apply(db, account, { checkout: later, payments })).toEqual({ state: 'done', detail: '' });
    const order = await db.read((tx) => tx('orders').where({ id: bought.order.id }).first('state', 'email', 'name'));
    expect(order).toEqual({ state: 'paid', email: '', name: '' });
    const refunds = [refundOf('re_settled', 'pi_settled', 1_000)];
    await apply(db, account, { checkout: later, payments, refunds });
    const [line] = await db.read((tx) => linesOfOrder(tx, bought.order.id));
    expect((await stateOf(db, line?.licenseId ?? '', SEED_NOW + HOUR)).state).toBe('canceled');
  });

  it('a sum that does not fit buys nothing, and says so once', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const told = {
      checkout: checkoutOf(bought, { subtotalMinor: 100, totalMinor: 100 }),
      payments: [paymentOf('pi_e', SEED_NOW, { checkoutId: bought.order.externalId, amountMinor: 100 })],
    };
    for (const _ of [1, 2]) expect((await apply(db, account, told)).detail).toContain('WRONG_AMOUNT');
    expect(await db.read((tx) => tx('grants').where({ payment_ref: 'pi_e' }))).toEqual([]);
    const alerts = await db.read((tx) =>
      tx('payment_alerts').where({ subject: bought.order.id }).select('code', 'count'),
    );
    expect(alerts).toEqual([{ code: 'WRONG_AMOUNT', count: 2 }]);
  });

  it('a refund of a payment that nobody knows keeps no buyer from his license', async () => {
    const { db } = database();
    const { account, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const refunds = [refundOf('re_gone', 'pi_gone', 1_000)];
    const payments = [paymentOf('pi_known', SEED_NOW, { checkoutId: bought.order.externalId })];
    const outcome = await apply(db, account, { checkout: checkoutOf(bought), payments, refunds });
    expect(outcome).toMatchObject({ state: 'parked', detail: 'the refund re_gone is of pi_gone, which is not known' });
    const [line] = await db.read((tx) => linesOfOrder(tx, bought.order.id));
    expect((await stateOf(db, line?.licenseId ?? '', SEED_NOW + HOUR)).state).toBe('active');
  });

  it('what is only played is no time in a license that somebody has', async () => {
    const { db } = database();
    const { organization, account, year } = await setUp(db);
    const real = await seedOrder(db, account, [{ packageId: year.id }]);
    const paidFor = ({ order, lines }: typeof real, id: string) => ({
      checkout: checkoutOf({ order, lines }),
      payments: [paymentOf(id, SEED_NOW, { checkoutId: order.externalId })],
    });
    await apply(db, account, paidFor(real, 'pi_real'));
    const licenseId = (await db.read((tx) => linesOfOrder(tx, real.order.id)))[0]?.licenseId ?? '';
    const sandbox = await seedStripeAccount(db, organization, { mode: 'test' });
    const into = { packageId: year.id, kind: 'into' as const, licenseId };
    const played = await seedOrder(db, sandbox, [into]);
    await apply(db, sandbox, paidFor(played, 'pi_played'));
    expect((await stateOf(db, licenseId, SEED_NOW + HOUR)).end).toBe(addMonths(SEED_NOW, 12));
    const own = (await db.read((tx) => linesOfOrder(tx, played.order.id)))[0]?.licenseId ?? '';
    expect(own).not.toBe(licenseId);
    // Into what was made by tests it goes.
    const again = await seedOrder(db, sandbox, [{ ...into, licenseId: own }]);
    await apply(db, sandbox, paidFor(again, 'pi_again'));
    expect((await stateOf(db, own, SEED_NOW + HOUR)).end).toBe(addMonths(SEED_NOW, 24));
  });

  it('an upgrade of two packages takes the place of what carried the license, and neither of the other', async () => {
    const { db } = database();
    const { account, organization, year } = await setUp(db);
    const [one, two] = [4, 5].map((sites) => ({ terms: { length: { value: 1, unit: 'year' as const }, sites } }));
    const packages = [await seedPackage(db, organization, one), await seedPackage(db, organization, two)];
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const pay = (of: typeof bought, ref: string) => ({
      checkout: checkoutOf(of),
      payments: [paymentOf(ref, SEED_NOW, { checkoutId: of.order.externalId, amountMinor: of.order.subtotalMinor })],
    });
    await apply(db, account, pay(bought, 'pi_s1'));
    const licenseId = (await db.read((tx) => linesOfOrder(tx, bought.order.id)))[0]?.licenseId ?? '';
    const lines = packages.map(({ id }) => ({ packageId: id, kind: 'switch' as const, licenseId }));
    await apply(db, account, pay(await seedOrder(db, account, lines), 'pi_s2'));
    expect(await stateOf(db, licenseId, SEED_NOW + 2 * HOUR)).toMatchObject({ state: 'active', sites: 9 });
  });

  it('nothing of ours is parked', async () => {
    const { db } = database();
    const { account } = await setUp(db);
    const foreign = { payments: [paymentOf('pi_f', SEED_NOW, { checkoutId: 'cs_foreign' })] };
    expect(await apply(db, account, foreign)).toMatchObject({ state: 'parked', owed: null });
  });

  it('case 5: money for something of ours that nothing here knows is owed, and that of another product is not', async () => {
    const { db } = database();
    const { account, organization, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id }]);
    const payments = [paymentOf('pi_owed', SEED_NOW, { checkoutId: 'cs_lost' })];
    const lost = checkoutOf(bought, { externalId: 'cs_lost', lines: [] });
    const stuck = { code: 'EVENT_STUCK', subject: null };
    expect(await apply(db, account, { checkout: lost, payments })).toMatchObject({ state: 'parked', owed: stuck });
    // A page that ran out names it too.
    const unpaid = { checkout: { ...lost, state: 'expired' as const } };
    expect(await apply(db, account, unpaid)).toMatchObject({ state: 'parked', owed: null });
    await db.tx((tx) =>
      tx('package_prices').insert({
        ...{ id: 'prc_owed', organization_id: organization.id, package_id: year.id, provider: 'stripe', place: 0 },
        ...{ external_id: 'price_owed', code: 'owed', created_at: toIso(SEED_NOW), created_by: 'test', trouble: '' },
      }),
    );
    const line = (priceId: string) => [periodLine(SEED_NOW, SEED_NOW + DAY, { priceId })];
    const of = (priceId: string) => ({ payments: [paymentOf(`pi_${priceId}`, SEED_NOW, { lines: line(priceId) })] });
    const owed = { code: 'PAID_WITHOUT_ORDER', subject: 'price_owed' };
    expect(await apply(db, account, of('price_owed'))).toMatchObject({ state: 'parked', owed });
    expect(await apply(db, account, of('price_foreign'))).toMatchObject({ state: 'parked', owed: null });
    expect(await db.read((tx) => tx('grants').where({ organization_id: organization.id }))).toEqual([]);
  });
});

onEachDatabase('a subscription', (database) => {
  const month = (n: number) => addMonths(SEED_NOW, n);

  async function subscribed(db: Db) {
    const { account, organization, year } = await setUp(db);
    const bought = await seedOrder(db, account, [{ packageId: year.id, recurring: true }]);
    const externalId = `sub_${bought.order.externalId}`;
    const fact = (change = {}) => subscriptionOf({ externalId, checkoutId: bought.order.externalId, ...change });
    const invoice = (n: number, change = {}) =>
      invoiceOf(`in_${externalId}_${n}`, periodLine(month(n - 1), month(n)), { subscriptionId: externalId, ...change });
    await apply(db, account, {
      ...{ checkout: checkoutOf(bought, { subscriptionId: externalId }), subscription: fact() },
      payments: [invoice(1)],
    });
    const licenseId = (await db.read((tx) => linesOfOrder(tx, bought.order.id)))[0]?.licenseId ?? '';
    return { account, organization, licenseId, fact, invoice, externalId };
  }

  it('lasts as long as it is paid, then its grace', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice } = await subscribed(db);
    expect(await stateOf(db, licenseId, SEED_NOW + HOUR)).toMatchObject({ state: 'active', end: month(1) });
    const failed = { state: 'pending' as const, paidAt: null, failedAt: month(1) + HOUR };
    await apply(
      db,
      account,
      { subscription: fact({ state: 'past_due' }), payments: [invoice(1), invoice(2, failed)] },
      month(1) + 2 * HOUR,
    );
    const graceEnd = month(1) + HOUR + 7 * DAY;
    expect(await stateOf(db, licenseId, graceEnd - 1)).toMatchObject({ state: 'grace', end: month(1), graceEnd });
    expect((await stateOf(db, licenseId, graceEnd)).state).toBe('ended');
    const late = { paidAt: month(1) + 9 * DAY, failedAt: month(1) + HOUR };
    await apply(db, account, { subscription: fact(), payments: [invoice(1), invoice(2, late)] }, month(1) + 9 * DAY);
    expect(await stateOf(db, licenseId, month(1) + 9 * DAY)).toMatchObject({ state: 'active', end: month(2) });
    const tags = await db.read((tx) => tx('mails').orderBy('id').pluck('template'));
    expect(tags.sort()).toEqual(['key', 'payment_failed', 'payment_failed', 'payment_failed', 'recovered']);
  });

  it('that is canceled keeps what is paid, without grace', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice } = await subscribed(db);
    const ending = fact({ cancelAt: month(1), canceledAt: SEED_NOW + DAY });
    await apply(db, account, { subscription: ending, payments: [invoice(1)] }, SEED_NOW + DAY);
    expect((await stateOf(db, licenseId, month(1) - 1)).state).toBe('active');
    expect((await stateOf(db, licenseId, month(1))).state).toBe('ended');
    await apply(db, account, { subscription: fact(), payments: [invoice(1)] }, SEED_NOW + 2 * DAY);
    expect((await stateOf(db, licenseId, month(1))).state).toBe('grace');
  });

  it('has its whole grace, whatever failed in a period that was given up long ago', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice } = await subscribed(db);
    const givenUp = invoice(2, { state: 'failed', paidAt: null, failedAt: month(1) });
    const payments = [invoice(1), givenUp, invoice(3)];
    await apply(db, account, { subscription: fact(), payments }, month(2) + HOUR);
    const row = await db.read((tx) => tx('subscriptions').where({ license_id: licenseId }).first('failed_at'));
    expect(row?.failed_at).toBeNull();
    const failed = invoice(4, { state: 'failed', paidAt: null, failedAt: month(3) });
    const late = { subscription: fact({ state: 'past_due' }), payments: [...payments, failed] };
    await apply(db, account, late, month(3) + HOUR);
    const graceEnd = month(3) + 7 * DAY;
    expect(await stateOf(db, licenseId, month(3) + HOUR)).toMatchObject({ state: 'grace', graceEnd });
  });

  it('whose end is far away is charged by itself until then', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice } = await subscribed(db);
    const ending = fact({ periodEnd: month(1), cancelAt: month(12), canceledAt: SEED_NOW });
    await apply(db, account, { subscription: ending, payments: [invoice(1)] });
    const runs = () => db.read((tx) => tx('subscriptions').where({ license_id: licenseId }).first('runs'));
    expect(Boolean((await runs())?.runs)).toBe(true);
    expect((await stateOf(db, licenseId, month(1))).state).toBe('grace');
    const last = fact({ periodEnd: month(12), cancelAt: month(12), canceledAt: SEED_NOW });
    await apply(db, account, { subscription: last, payments: [invoice(1)] });
    expect(Boolean((await runs())?.runs)).toBe(false);
  });

  it('that pays for a revoked license opens nothing again, and the vendor hears of it once', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice } = await subscribed(db);
    await db.tx((tx) =>
      tx('licenses')
        .where({ id: licenseId })
        .update({ revoked_at: toIso(SEED_NOW + DAY) }),
    );
    const licenses = async () => (await db.read((tx) => tx('licenses').where({ master: false }))).length;
    const before = await licenses();
    const mails = () => db.read((tx) => tx('mails').whereNot({ template: 'vendor_alert' }).pluck('template'));
    const sent = await mails();
    for (const payments of [
      [invoice(1), invoice(2)],
      [invoice(1), invoice(2), invoice(3)],
    ])
      await apply(db, account, { subscription: fact(), payments }, month(payments.length) - DAY);
    expect(await licenses()).toBe(before);
    expect(await mails()).toEqual(sent);
    const alerts = await db.read((tx) => tx('payment_alerts').where({ subject: licenseId }).select('code', 'count'));
    expect(alerts).toEqual([{ code: 'REVOKED_LICENSE_PAID', count: 2 }]);
  });

  it('gives back only the period that is refunded', async () => {
    const { db } = database();
    const { account, licenseId, fact, invoice, externalId } = await subscribed(db);
    const payments = [invoice(1), invoice(2)];
    await apply(db, account, { subscription: fact(), payments }, month(1) + HOUR);
    const refunds = [refundOf('re_s', `in_${externalId}_2`, 1_000)];
    await apply(db, account, { subscription: fact(), payments, refunds }, month(1) + DAY);
    expect(await stateOf(db, licenseId, month(1) + DAY)).toMatchObject({ state: 'ended', end: month(1) });
    expect((await stateOf(db, licenseId, month(1) - 1)).state).toBe('active');
  });

  it('is changed at once when the difference is paid', async () => {
    const { db } = database();
    const { account, organization, licenseId, fact, invoice, externalId } = await subscribed(db);
    const big = await seedPackage(db, organization, { terms: { length: { value: 1, unit: 'month' }, sites: 10 } });
    await db.tx((tx) =>
      tx('package_prices').insert({
        ...{ id: 'prc_big', organization_id: organization.id, package_id: big.id, provider: 'stripe', place: 0 },
        ...{ external_id: 'price_big', code: 'big', created_at: toIso(SEED_NOW), created_by: 'test', trouble: '' },
      }),
    );
    const middle = SEED_NOW + 10 * DAY;
    const rest = periodLine(middle, month(1), {
      id: 'il_up',
      priceId: 'price_big',
      amountMinor: 2_000,
      proration: true,
    });
    const upgrade = invoiceOf('in_up', rest, { subscriptionId: externalId, paidAt: middle });
    await apply(db, account, { subscription: fact(), payments: [invoice(1), upgrade] }, middle);
    expect(await stateOf(db, licenseId, middle - 1)).toMatchObject({ state: 'active', sites: 3 });
    expect(await stateOf(db, licenseId, middle)).toMatchObject({ state: 'active', sites: 10, end: month(1) });
  });
});
