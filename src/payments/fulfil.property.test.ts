import fc from 'fast-check';
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
import type { Grant } from '../licensing/package-terms.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { termsAt } from '../licensing/terms.ts';
import type { DisputeFact, PaymentFact, RefundFact, Snapshot, SubscriptionFact } from './facts.ts';
import { applySnapshot } from './fulfil.ts';
import type { AccountRecord } from './store-accounts.ts';
import { linesOfOrder, type OrderLineRecord, type OrderRecord } from './store-orders.ts';

/**
 * A random life of purchases, renewals, failures, refunds, disputes and changes of plan, of which events tell in any order, twice or
 * not at all, with crashes before a commit; a look at the end sees all of it. What the ledger then says at any instant must be what
 * the oracle below says, which knows nothing but what was paid and given back.
 */

const ONE_OFF_DAYS = 30;
const SITES = { once: 3, small: 2, big: 7 };
const PRICE = 1_000;

/** What the provider knows. */
interface World {
  now: number;
  orders: { order: OrderRecord; lines: OrderLineRecord[]; payment: PaymentFact | null }[];
  subscription: SubscriptionFact | null;
  invoices: PaymentFact[];
  refunds: RefundFact[];
  disputes: DisputeFact[];
}

type Step =
  | { kind: 'buy'; quantity: number }
  | { kind: 'renew' }
  | { kind: 'charge'; works: boolean }
  | { kind: 'retry' }
  | { kind: 'upgrade' }
  | { kind: 'cancel' }
  | { kind: 'refund'; which: number; part: number; outcome: RefundFact['state'] }
  | { kind: 'settle'; which: number; outcome: RefundFact['state'] }
  | { kind: 'dispute'; which: number; state: DisputeFact['state'] }
  | { kind: 'rule'; which: number; state: DisputeFact['state'] };

const outcome = fc.constantFrom<RefundFact['state']>('pending', 'succeeded', 'failed');
const which = fc.nat(20);
const dispute = fc.constantFrom<DisputeFact['state']>('inquiry', 'open', 'won', 'lost', 'closed');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('buy' as const), quantity: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('renew' as const) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('charge' as const), works: fc.boolean() }) },
  fc.record({ kind: fc.constant('retry' as const) }),
  fc.record({ kind: fc.constant('upgrade' as const) }),
  fc.record({ kind: fc.constant('cancel' as const) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('refund' as const),
      which,
      part: fc.integer({ min: 1, max: 4 }),
      outcome,
    }),
  },
  fc.record({ kind: fc.constant('settle' as const), which, outcome }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('dispute' as const), which, state: dispute }) },
  fc.record({
    kind: fc.constant('rule' as const),
    which,
    state: dispute,
  }),
);
const delivery = fc.record({
  after: fc.integer({ min: 0, max: 2 }),
  place: fc.nat(50),
  crashes: fc.boolean(),
  again: fc.boolean(),
});
const life = fc.array(fc.record({ step, hours: fc.integer({ min: 1, max: 400 }), delivery }), {
  minLength: 4,
  maxLength: 22,
});

interface Shop {
  account: AccountRecord;
  onceId: string;
  smallId: string;
  /** The license that renewals go into: that of the first order. */
  target: { order: OrderRecord; lines: OrderLineRecord[] };
}

async function openShop(db: Db): Promise<{ shop: Shop; world: World }> {
  const { organization } = await seedShop(db);
  const account = await seedStripeAccount(db, organization);
  const days = (value: number) => ({ value, unit: 'day' as const });
  const once = await seedPackage(db, organization, { terms: { length: days(ONE_OFF_DAYS), sites: SITES.once } });
  const small = await seedPackage(db, organization, { terms: { length: days(30), sites: SITES.small } });
  const big = await seedPackage(db, organization, { terms: { length: days(30), sites: SITES.big } });
  for (const [name, packageId] of [
    ['small', small.id],
    ['big', big.id],
  ] as const)
    await db.tx((tx) =>
      tx('package_prices').insert({
        ...{ id: `prc_${name}_${organization.id}`, organization_id: organization.id, package_id: packageId },
        ...{ provider: 'stripe', place: 0, external_id: `price_${name}`, code: name, trouble: '' },
        ...{ amount_minor: PRICE, currency: 'EUR', created_at: toIso(SEED_NOW), created_by: 'test' },
      }),
    );
  const target = await seedOrder(db, account, [{ packageId: once.id }]);
  const world: World = { now: SEED_NOW, orders: [], subscription: null, invoices: [], refunds: [], disputes: [] };
  world.orders.push({ ...target, payment: pay(target.order, world.now, 1) });
  return { shop: { account, onceId: once.id, smallId: small.id, target }, world };
}

function pay(order: OrderRecord, at: number, quantity: number): PaymentFact {
  const what = { checkoutId: order.externalId, amountMinor: PRICE * quantity };
  return paymentOf(`pi_${order.externalId}`, at, what);
}

/** Lets a step happen at the provider; gives the subjects that events tell of. */
async function happen(db: Db, shop: Shop, world: World, step: Step): Promise<string[]> {
  const payments = paymentsOf(world);
  if (step.kind === 'buy') return buy(db, shop, world, { quantity: step.quantity, kind: 'new', licenseId: null });
  if (step.kind === 'renew') {
    const licenseId = (await db.read((tx) => linesOfOrder(tx, shop.target.order.id)))[0]?.licenseId ?? null;
    return licenseId === null ? [] : buy(db, shop, world, { quantity: 1, kind: 'into', licenseId });
  }
  if (step.kind === 'charge') return charge(db, shop, world, step.works);
  if (step.kind === 'retry') {
    const open = world.invoices.find(({ state }) => state === 'pending');
    if (!open || world.subscription?.endedAt != null) return [];
    Object.assign(open, { state: 'paid', paidAt: world.now });
    return ['subscription'];
  }
  if (step.kind === 'upgrade') return upgrade(world);
  if (step.kind === 'cancel') {
    const { subscription } = world;
    if (subscription === null || subscription.canceledAt !== null) return [];
    const last = Math.max(...world.invoices.filter(isPaid).map(endOf), world.now);
    Object.assign(subscription, { canceledAt: world.now, cancelAt: last });
    return ['subscription'];
  }
  if (step.kind === 'refund') {
    const paid = payments.filter(isPaid);
    const payment = paid[step.which % Math.max(1, paid.length)];
    if (!payment) return [];
    const amount = Math.ceil((payment.amountMinor * step.part) / 4);
    world.refunds.push(refundOf(`re_${world.refunds.length}`, payment.externalId, amount, { state: step.outcome }));
    return [subjectOf(world, payment.externalId)];
  }
  if (step.kind === 'settle') {
    const refund = world.refunds[step.which % Math.max(1, world.refunds.length)];
    if (!refund) return [];
    refund.state = step.outcome;
    return [subjectOf(world, refund.paymentId)];
  }
  if (step.kind === 'dispute') {
    const paid = payments.filter(isPaid);
    const payment = paid[step.which % Math.max(1, paid.length)];
    if (!payment) return [];
    const amountMinor = payment.amountMinor;
    world.disputes.push(
      disputeOf(`dp_${world.disputes.length}`, payment.externalId, { amountMinor, state: step.state }),
    );
    return [subjectOf(world, payment.externalId)];
  }
  const dispute = world.disputes[step.which % Math.max(1, world.disputes.length)];
  if (!dispute) return [];
  dispute.state = step.state;
  return [subjectOf(world, dispute.paymentId)];
}

async function buy(
  db: Db,
  { account, onceId }: Shop,
  world: World,
  line: Pick<OrderLineRecord, 'quantity' | 'kind' | 'licenseId'>,
): Promise<string[]> {
  const bought = await seedOrder(db, account, [{ packageId: onceId, ...line }]);
  world.orders.push({ ...bought, payment: pay(bought.order, world.now, line.quantity) });
  return [bought.order.externalId ?? ''];
}

/** The next period of the subscription, which begins with the first. A charge that fails leaves the period unpaid. */
async function charge(db: Db, { account, smallId }: Shop, world: World, works: boolean): Promise<string[]> {
  if (world.subscription === null) {
    const bought = await seedOrder(db, account, [
      { packageId: smallId, recurring: true, priceExternalId: 'price_small' },
    ]);
    world.orders.push({ ...bought, payment: null });
    const externalId = `sub_${bought.order.externalId}`;
    const items = [{ id: 'si_1', priceId: 'price_small', quantity: 1 }];
    world.subscription = subscriptionOf({ externalId, checkoutId: bought.order.externalId, items });
  } else if (world.subscription.canceledAt !== null || world.invoices.some(({ state }) => state === 'pending'))
    return [];
  const { externalId, items } = world.subscription;
  const n = world.invoices.length;
  const before = Math.max(world.now, ...world.invoices.map(endOf));
  const price = items[0]?.priceId ?? '';
  const line = periodLine(before, before + 30 * DAY, { id: `il_${n}`, priceId: price });
  const state =
    works || n === 0 ? { paidAt: before } : { state: 'pending' as const, paidAt: null, failedAt: before + HOUR };
  world.now = before + 2 * HOUR;
  world.invoices.push(invoiceOf(`in_${externalId}_${n}`, line, { subscriptionId: externalId, ...state }));
  return ['subscription'];
}

function upgrade(world: World): string[] {
  const { subscription } = world;
  const paid = world.invoices.filter(isPaid);
  if (subscription === null || subscription.canceledAt !== null || paid.length === 0) return [];
  const end = Math.max(...paid.map(endOf));
  if (world.now >= end || world.invoices.some(({ state }) => state === 'pending')) return [];
  const item = subscription.items[0];
  if (!item) return [];
  item.priceId = item.priceId === 'price_small' ? 'price_big' : 'price_small';
  const n = world.invoices.length;
  const line = periodLine(world.now, end, { id: `il_${n}`, priceId: item.priceId, amountMinor: 500, proration: true });
  const what = { subscriptionId: subscription.externalId, amountMinor: 500 };
  world.invoices.push(invoiceOf(`in_${subscription.externalId}_${n}`, line, what));
  return ['subscription'];
}

function paymentsOf(world: World): PaymentFact[] {
  return [...world.orders.flatMap(({ payment }) => payment ?? []), ...world.invoices];
}

function isPaid({ state }: PaymentFact): boolean {
  return state === 'paid';
}

function endOf({ lines }: PaymentFact): number {
  return lines[0]?.end ?? 0;
}

function subjectOf(world: World, paymentId: string): string {
  const order = world.orders.find(({ payment }) => payment?.externalId === paymentId);
  return order?.order.externalId ?? 'subscription';
}

/** What a look at a subject reads, at this very moment. */
function look(world: World, subject: string): Snapshot | null {
  const returnsOf = (payments: readonly PaymentFact[]) => {
    const ids = payments.map(({ externalId }) => externalId);
    const own = ({ paymentId }: { paymentId: string }) => ids.includes(paymentId);
    return { refunds: world.refunds.filter(own), disputes: world.disputes.filter(own) };
  };
  if (subject === 'subscription') {
    if (world.subscription === null) return null;
    const state = world.subscription.canceledAt === null ? {} : { state: 'canceled' as const };
    const subscription = { ...world.subscription, ...state };
    return structuredClone(snapshotOf({ subscription, payments: world.invoices, ...returnsOf(world.invoices) }));
  }
  const found = world.orders.find(({ order }) => order.externalId === subject);
  if (!found?.payment) return null;
  const checkout = checkoutOf(found);
  return structuredClone(snapshotOf({ checkout, payments: [found.payment], ...returnsOf([found.payment]) }));
}

class Crash extends Error {}

async function deliver(db: Db, { account }: Shop, world: World, subject: string, crashes = false): Promise<void> {
  const snapshot = look(world, subject);
  if (snapshot === null) return;
  const work = db.tx(async (tx) => {
    await applySnapshot(tx, seedSecrets, account, snapshot, worker(world.now));
    if (crashes) throw new Crash();
  });
  await work.catch((error: unknown) => {
    if (!(error instanceof Crash)) throw error;
  });
}

// --- the oracle -----------------------------------------------------------------------------------------------------------------

function isReturned(world: World, { externalId, amountMinor }: PaymentFact): boolean {
  const back = world.refunds.filter((each) => each.paymentId === externalId && each.state === 'succeeded');
  const lost = world.disputes.filter((each) => each.paymentId === externalId && each.state === 'lost');
  const total = [...back, ...lost].reduce((sum, each) => sum + each.amountMinor, 0);
  return total >= amountMinor;
}

/** Sites that a license has at an instant from what was bought once: one piece of time behind the other. */
function sitesBought(world: World, licenseOrders: readonly World['orders'][number][], at: number): number {
  const kept = licenseOrders
    .filter(({ payment }) => payment !== null && !isReturned(world, payment))
    .sort(
      (a, b) =>
        (a.payment?.paidAt ?? 0) - (b.payment?.paidAt ?? 0) ||
        ((a.payment?.externalId ?? '') < (b.payment?.externalId ?? '') ? -1 : 1),
    );
  let free = Number.NEGATIVE_INFINITY;
  for (const { payment, lines } of kept) {
    const start = Math.max(free, payment?.paidAt ?? 0);
    free = start + ONE_OFF_DAYS * DAY;
    if (start <= at && at < free) return SITES.once * (lines[0]?.quantity ?? 1);
  }
  return 0;
}

function sitesSubscribed(world: World, at: number): number {
  const { subscription } = world;
  if (subscription === null) return 0;
  const paid = world.invoices
    .filter(isPaid)
    .map((payment, order) => ({ payment, order, line: payment.lines[0], back: isReturned(world, payment) }));
  const kept = paid.filter(({ back }) => !back);
  if (kept.length === 0) return 0;
  const through = Math.max(...kept.map(({ payment }) => endOf(payment)));
  const runs = subscription.canceledAt === null;
  const lastBack = paid.some(({ payment, back }) => back && endOf(payment) > through);
  const failed = world.invoices.filter(({ state }) => state === 'pending').map(({ failedAt }) => failedAt ?? 0);
  const grace =
    runs && !lastBack
      ? Math.max(
          through,
          Math.min(...failed, Number.POSITIVE_INFINITY) === Number.POSITIVE_INFINITY
            ? through + 7 * DAY
            : Math.min(...failed) + 7 * DAY,
        )
      : through;
  let sites = 0;
  for (const { payment, line, order } of kept) {
    const end = endOf(payment);
    const last = end === through ? grace : end;
    const replaced = kept.some(
      (other) =>
        other.line?.proration === true &&
        other.order > order &&
        end > (other.line.start ?? 0) &&
        (other.payment.paidAt ?? 0) <= at,
    );
    // The grace of a period ends where the next of the same package begins; of another package it goes on beside it.
    if ((line?.start ?? 0) > at || at >= last || replaced) continue;
    sites += line?.priceId === 'price_big' ? SITES.big : SITES.small;
  }
  return sites;
}

function sitesOf(ledger: readonly Grant[], at: number): number {
  return termsAt(ledger, { id: '', repositoryId: null }, at).limits.sites ?? -1;
}

onEachDatabase('the ledger is a function of the facts', (database) => {
  it('whatever the order, the doubles, the gaps and the crashes', async () => {
    const { db } = database();
    await fc.assert(
      fc.asyncProperty(life, async (events) => {
        const { shop, world } = await openShop(db);
        const queue: string[] = [shop.target.order.externalId ?? ''];
        for (const { step, hours, delivery: plan } of events) {
          world.now += hours * HOUR;
          queue.push(...(await happen(db, shop, world, step)));
          for (let i = 0; i < plan.after && queue.length > 0; i++) {
            const [subject = ''] = queue.splice(plan.place % queue.length, 1);
            await deliver(db, shop, world, subject, plan.crashes);
            if (plan.again) queue.push(subject);
          }
        }
        // The sweep at the end.
        const subjects = [...world.orders.map(({ order }) => order.externalId ?? ''), 'subscription'];
        for (const subject of subjects) await deliver(db, shop, world, subject);
        await compare(db, shop, world);
      }),
      { numRuns: 25 },
    );
  }, 240_000);
});

async function compare(db: Db, shop: Shop, world: World): Promise<void> {
  const licenses = new Map<string, World['orders']>();
  for (const each of world.orders) {
    const lines = await db.read((tx) => linesOfOrder(tx, each.order.id));
    const licenseId = lines[0]?.licenseId;
    if (licenseId) licenses.set(licenseId, [...(licenses.get(licenseId) ?? []), each]);
    else expect(each.payment === null && world.invoices.every((invoice) => !isPaid(invoice))).toBe(true);
  }
  // Each purchase that names no license has made one of its own.
  const made = world.orders.filter(({ lines, payment }) => lines[0]?.kind === 'new' && payment !== null).length;
  expect(licenses.size).toBe(made + (world.subscription === null ? 0 : 1));
  for (const [licenseId, orders] of licenses) {
    const isSubscribed = orders.some(({ payment }) => payment === null);
    const ledger = (await db.read((tx) => ledgersOf(tx, [licenseId]))).get(licenseId) ?? [];
    for (let at = SEED_NOW + 30 * 60_000; at < world.now + 90 * DAY; at += 37 * HOUR) {
      const expected = isSubscribed ? sitesSubscribed(world, at) : sitesBought(world, orders, at);
      expect(sitesOf(ledger, at), `${licenseId} at ${toIso(at)}`).toBe(expected);
    }
    const disputed = orders.flatMap(({ payment }) => payment ?? (isSubscribed ? world.invoices : []));
    const ids = disputed.map(({ externalId }) => externalId);
    const isHeld = world.disputes.some(({ paymentId, state }) => ids.includes(paymentId) && state === 'open');
    expect((await db.read((tx) => findLicense(tx, licenseId)))?.suspendedAt !== null).toBe(isHeld);
  }
  const { account } = shop;
  const twice = await db.read((tx) =>
    tx('mails')
      .where({ organization_id: account.organizationId })
      .groupBy('tag')
      .havingRaw('count(*) > 1')
      .select('tag'),
  );
  expect(twice).toEqual([]);
}
