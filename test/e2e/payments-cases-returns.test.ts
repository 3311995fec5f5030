import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { HOUR } from '../../src/clock.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openSelling, type Selling } from '../support/selling.ts';

const YEAR = { value: 1, unit: 'year' as const };
const MONTH = { value: 1, unit: 'month' as const };

/** Failure cases of money that goes back: reference "Failure cases", Money 24 and 25. */
onEachDatabase('money that goes back', (database) => {
  let shop: Selling;

  beforeAll(async () => {
    shop = await openSelling(database());
    await shop.sell('yearly', { amount: 4_900 }, { terms: { length: YEAR, sites: 3 } });
    await shop.sell('monthly', { amount: 900, interval: 'month' }, { terms: { length: MONTH, sites: 2 } });
  });
  afterAll(() => shop.close());
  beforeEach(() => shop.pass(HOUR));

  async function bought(code = 'yearly') {
    const { order, sessionId } = await shop.buy([{ price: code, quantity: 1 }]);
    await shop.settle();
    return { order, sessionId, license: await shop.licenseOf(order.id) };
  }
  const state = async (license: string | null) => (await shop.stateOf(license)).state;
  const isSuspended = async (license: string | null) =>
    (await shop.rows('licenses', { id: license }))[0]?.['suspended_at'] !== null;
  const mails = async (template: string, license: string | null) =>
    (await shop.rows('mails', { template })).filter(({ about }) => String(about).includes(String(license))).length;

  it('case 24: a refund that is heard of before the sale leaves a license that opens nothing, and mails no key', async () => {
    const { order, sessionId } = await shop.buy([{ price: 'yearly', quantity: 1 }]);
    shop.stripe.refund(sessionId);
    shop.stripe.deliveries.reverse();
    await shop.settle();
    const license = await shop.licenseOf(order.id);
    expect(await state(license)).toBe('canceled');
    expect(await mails('key', license)).toBe(0);
  });

  it('case 24: three partial refunds close it with the last, in any order of their news', async () => {
    const { sessionId, license } = await bought();
    shop.stripe.refund(sessionId, { amount: 1_000 });
    shop.stripe.refund(sessionId, { amount: 3_000 });
    await shop.settle();
    expect(await state(license)).toBe('active');
    shop.stripe.refund(sessionId, { amount: 900 });
    shop.stripe.deliveries.reverse();
    await shop.settle();
    expect(await state(license)).toBe('canceled');
    expect(await mails('refunded', license)).toBe(3);
    expect((await shop.rows('payments', { refunded_minor: 4_900 })).length).toBeGreaterThan(0);
  });

  it('case 24: a refund that is under way does nothing, and one that fails in the end gives back what it took', async () => {
    const { sessionId, license } = await bought();
    const refund = shop.stripe.refund(sessionId, { status: 'pending' });
    await shop.settle();
    expect(await state(license)).toBe('active');
    shop.stripe.moveRefund(refund.id, 'succeeded');
    await shop.settle();
    expect(await state(license)).toBe('canceled');
    shop.stripe.moveRefund(refund.id, 'failed');
    await shop.settle();
    expect(await state(license)).toBe('active');
    const closings = await database().db.read((tx) =>
      tx('grant_closings as c')
        .join('grants as g', 'g.id', 'c.grant_id')
        .where('g.license_id', license)
        .orderBy('c.id')
        .pluck('c.kind'),
    );
    expect(closings).toEqual(['close', 'reopen']);
  });

  it('case 24: the refund of a renewal gives back its period, that of the first period only that one', async () => {
    const { order, license, sessionId } = await bought('monthly');
    const id = shop.subscriptionOf(sessionId);
    const first = (await shop.stateOf(license)).end ?? 0;
    shop.pass(first - shop.now());
    shop.stripe.renew(id);
    await shop.settle();
    const [one, two] = (await shop.rows('payments'))
      .filter(({ lines }) => String(lines).includes('price_monthly'))
      .slice(-2);
    expect(await state(license)).toBe('active');
    shop.stripe.refund(String(two?.['external_id']));
    await shop.settle();
    expect(await shop.stateOf(license)).toMatchObject({ state: 'ended', end: first });
    shop.stripe.refund(String(one?.['external_id']));
    await shop.settle();
    expect(await state(license)).toBe('canceled');
    expect(await shop.licenseOf(order.id)).toBe(license);
  });

  it('case 24: a license that was refunded by hand here stays so, whatever Stripe says', async () => {
    const { sessionId, license } = await bought();
    const [grant] = await shop.rows('grants', { license_id: license });
    await database().db.tx((tx) =>
      tx('grant_closings').insert({
        ...{ id: `cls_${sessionId}`, grant_id: grant?.['id'], kind: 'close', at: new Date(shop.now()).toISOString() },
        ...{ reason: 'by hand', created_at: new Date(shop.now()).toISOString(), created_by: 'usr_somebody' },
      }),
    );
    shop.stripe.refund(sessionId, { amount: 100 });
    await shop.settle();
    expect(await state(license)).toBe('canceled');
  });

  it('case 24: money that goes back on a disputed charge is counted once', async () => {
    const { sessionId, license } = await bought();
    const dispute = shop.stripe.dispute(sessionId);
    shop.stripe.moveDispute(dispute.id, 'lost');
    await shop.settle();
    const [payment] = (await shop.rows('payments')).filter(({ refunded_minor: taken }) => Number(taken) > 0).slice(-1);
    expect(Number(payment?.['refunded_minor'])).toBeLessThanOrEqual(Number(payment?.['amount_minor']));
    expect(await state(license)).toBe('canceled');
  });

  it('case 25: an inquiry does nothing, opened or closed', async () => {
    const { sessionId, license } = await bought();
    const inquiry = shop.stripe.dispute(sessionId, { status: 'warning_needs_response' });
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', false]);
    shop.stripe.moveDispute(inquiry.id, 'warning_closed');
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', false]);
  });

  it.each([
    ['won', 'active', false],
    ['lost', 'canceled', false],
    ['prevented', 'canceled', false],
    ['under_review', 'active', true],
  ] as const)('case 25: a dispute that is %s: %s, suspended %s', async (end, expected, suspended) => {
    const { sessionId, license } = await bought();
    const dispute = shop.stripe.dispute(sessionId);
    await shop.settle();
    expect(await isSuspended(license)).toBe(true);
    shop.stripe.moveDispute(dispute.id, end);
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual([expected, suspended]);
  });

  it('case 25: a lost dispute that is appealed suspends again, and won at last gives back', async () => {
    const { sessionId, license } = await bought();
    const dispute = shop.stripe.dispute(sessionId);
    shop.stripe.moveDispute(dispute.id, 'lost');
    await shop.settle();
    expect(await state(license)).toBe('canceled');
    shop.stripe.moveDispute(dispute.id, 'appeal_under_review');
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', true]);
    shop.stripe.moveDispute(dispute.id, 'won');
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', false]);
  });

  it('case 25: what is heard of the end before the beginning ends the same, and of two disputes the last one counts', async () => {
    const { sessionId, license } = await bought();
    const one = shop.stripe.dispute(sessionId, { amount: 1_000 });
    const two = shop.stripe.dispute(sessionId, { amount: 1_000 });
    shop.stripe.moveDispute(one.id, 'won');
    shop.stripe.deliveries.reverse();
    await shop.settle();
    expect(await isSuspended(license)).toBe(true);
    shop.stripe.moveDispute(two.id, 'won');
    shop.stripe.deliveries.reverse();
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', false]);
  });

  it('case 25: who opens a disputed license by hand has the last word, and a revoked one stays revoked', async () => {
    const { sessionId, license } = await bought();
    const dispute = shop.stripe.dispute(sessionId);
    await shop.settle();
    await database().db.tx((tx) => tx('licenses').where({ id: license }).update({ suspended_at: null, held_at: null }));
    shop.stripe.moveDispute(dispute.id, 'under_review');
    await shop.settle();
    expect(await isSuspended(license)).toBe(false);
    const at = new Date(shop.now()).toISOString();
    await database().db.tx((tx) => tx('licenses').where({ id: license }).update({ revoked_at: at }));
    shop.stripe.moveDispute(dispute.id, 'won');
    await shop.settle();
    expect((await shop.rows('licenses', { id: license }))[0]?.['revoked_at']).toBe(at);
  });

  it('case 25: a warning of the bank is only noted, or suspends where the vendor wants that', async () => {
    const { sessionId, license } = await bought();
    shop.stripe.warn(sessionId);
    await shop.settle();
    expect([await state(license), await isSuspended(license)]).toEqual(['active', false]);
    const strict = await openSelling(database(), { policy: { fraudWarning: 'suspend', partialRefundPercent: 50 } });
    await strict.sell('yearly', { amount: 4_900 }, { terms: { length: YEAR, sites: 3 } });
    const { order, sessionId: session } = await strict.buy([{ price: 'yearly', quantity: 1 }]);
    await strict.settle();
    const warning = strict.stripe.warn(session);
    await strict.settle();
    const own = await strict.licenseOf(order.id);
    expect((await strict.rows('licenses', { id: own }))[0]?.['suspended_at']).not.toBeNull();
    // Once it is refunded nothing is left to be done about it, at Stripe and here.
    Object.assign(strict.stripe.world.warnings.get(warning.id) ?? {}, { actionable: false });
    strict.stripe.refund(session, { amount: 2_450 });
    await strict.settle();
    expect((await strict.stateOf(own)).state).toBe('canceled');
    expect((await strict.rows('licenses', { id: own }))[0]?.['suspended_at']).toBeNull();
    await strict.close();
  });
});
