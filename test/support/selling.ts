import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { HOUR, toIso } from '../../src/clock.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { newId } from '../../src/ids.ts';
import { PackagePrice } from '../../src/licensing/package-price.ts';
import { ledgersOf } from '../../src/licensing/store-lookup.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { type Terms, termsAt } from '../../src/licensing/terms.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import type { OrderWish } from '../../src/payments/order-wish.ts';
import { beginOrder, type StartedOrder } from '../../src/payments/orders.ts';
import type { PaymentPolicy } from '../../src/payments/policy.ts';
import { type AccountRecord, insertAccount } from '../../src/payments/store-accounts.ts';
import { linesOfOrder } from '../../src/payments/store-orders.ts';
import { NO_ORGANIZATION_SETTINGS } from '../../src/releases/organization-settings.ts';
import { openTestCore, type TestCore } from './core.ts';
import type { TestDatabase } from './databases.ts';
import { type FakeStripe, startFakeStripe } from './fake-stripe.ts';
import { type PackageChange, seedForge, seedOrganization, seedPackage } from './seed.ts';

/**
 * A vendor who sells through the fake Stripe, with the whole server between: the real gateway, inbox and worker.
 *
 *   const shop = await openSelling(database());
 *   await shop.sell('yearly', { amount: 4900 }, { terms: { length: YEAR, sites: 3 } });
 *   const { order } = await shop.buy([{ price: 'yearly', quantity: 1 }]);   // pays at once
 *   await shop.settle();                                                   // delivers all events and works on them
 *   const license = await shop.licenseOf(order.id);
 *   expect(await shop.stateOf(license)).toMatchObject({ state: 'active' });
 */
export interface Selling {
  stripe: FakeStripe;
  test: TestCore;
  organization: OrganizationRecord;
  account: AccountRecord;
  hookUrl: string;
  now(): number;
  pass(ms: number): void;
  /** A package with one price, at Stripe and here. */
  sell(code: string, price: PriceWish, change?: PackageChange): Promise<PackageRecord>;
  /** Opens the page, without paying. */
  begin(items: OrderWish['items'], wish?: Partial<OrderWish>): Promise<StartedOrder & { sessionId: string }>;
  /** Opens the page and pays. */
  buy(items: OrderWish['items'], wish?: Partial<OrderWish>): Promise<StartedOrder & { sessionId: string }>;
  /** Delivers what waits and works on all that is due. */
  settle(): Promise<void>;
  /** The license that the first line of an order went into; null: none. */
  licenseOf(orderId: string): Promise<string | null>;
  /** What a license gives at an instant, now unless one is named. */
  stateOf(
    licenseId: string | null,
    at?: number,
  ): Promise<Pick<Terms, 'state' | 'end' | 'graceEnd' | 'pastDue'> & { sites: number | null }>;
  /** The subscription at Stripe of an order. */
  subscriptionOf(sessionId: string): string;
  rows(table: string, where?: object): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

interface PriceWish {
  amount: number;
  currency?: string;
  interval?: 'day' | 'month' | 'year';
  count?: number;
}

/** So that the ids of several fakes in one database differ. */
let salts = 0;

export async function openSelling(
  database: TestDatabase,
  options: { live?: boolean; policy?: Partial<PaymentPolicy>; start?: number } = {},
): Promise<Selling> {
  const time = { now: options.start ?? Date.UTC(2026, 0, 31, 10) };
  salts += 1;
  const live = options.live ?? true;
  const stripe = await startFakeStripe({ clock: () => time.now, live, salt: `s${salts}x` });
  const config = { payments: { accounts: [], apiBases: { stripe: stripe.url } } };
  const test = await openTestCore(database, { time, config });
  const { db, core } = { db: database.db, core: test.core };
  const settings = {
    ...NO_ORGANIZATION_SETTINGS,
    payments: { ...NO_ORGANIZATION_SETTINGS.payments, ...options.policy },
  };
  const organization = await seedOrganization(db, await seedForge(db), { settings });
  const account = accountFor(organization, stripe, core.secrets, time.now);
  await db.tx((tx) => insertAccount(tx, account));
  const hookUrl = `${test.url}/api/stripe/webhook/${organization.slug}`;

  async function begin(items: OrderWish['items'], wish: Partial<OrderWish> = {}) {
    const whole: OrderWish = {
      ...{ items, email: 'ada@example.com', language: 'en', successUrl: null, cancelUrl: null, consent: null },
      ...{ licenseId: null, kind: 'new', ...wish },
    };
    const by = { actor: SYSTEM_ACTOR, requestId: null, now: time.now };
    const deps = { ...core.payments, links: core.links };
    const started = await beginOrder(deps, organization, whole, live ? 'live' : 'test', by);
    return { ...started, sessionId: started.order.externalId ?? '' };
  }

  return {
    ...{ stripe, test, organization, account, hookUrl, begin },
    now: () => time.now,
    pass(ms) {
      time.now += ms;
    },
    async sell(code, { amount, currency = 'EUR', interval, count = 1 }, change = {}) {
      const made = await seedPackage(db, organization, change);
      const id = `price_${code}_s${salts}`;
      const recurring = interval === undefined ? {} : { interval, count };
      stripe.price({ id, amount, currency: currency.toLowerCase(), ...recurring });
      const known = { provider: 'stripe', external_id: id, code, amount_minor: amount, currency };
      const price = PackagePrice.parse({
        ...known,
        ...(interval === undefined ? {} : { interval: { value: count, unit: interval } }),
      });
      await db.tx((tx) => replacePrices(tx, made, [price], 'test', toIso(time.now)));
      return made;
    },
    async buy(items, wish) {
      const started = await begin(items, wish);
      stripe.pay(started.sessionId, { email: 'ada@example.com' });
      return started;
    },
    async settle() {
      await stripe.deliver(hookUrl);
      await core.paymentEvents.worker.drain();
    },
    async licenseOf(orderId) {
      return (await db.read((tx) => linesOfOrder(tx, orderId)))[0]?.licenseId ?? null;
    },
    async stateOf(licenseId, at = time.now) {
      if (licenseId === null) throw new Error('there is no license');
      const ledger = (await db.read((tx) => ledgersOf(tx, [licenseId]))).get(licenseId) ?? [];
      const { state, end, graceEnd, pastDue, limits } = termsAt(ledger, { id: '', repositoryId: null }, at);
      return { state, end, graceEnd, pastDue, sites: limits.sites };
    },
    subscriptionOf(sessionId) {
      return String(stripe.world.sessions.get(sessionId)?.subscription);
    },
    rows: (table, where = {}) =>
      db.read((tx) =>
        tx(table)
          .where({ organization_id: organization.id, ...where })
          .orderBy('id'),
      ),
    async close() {
      await test.close();
      await stripe.close();
    },
  };
}

function accountFor(
  organization: OrganizationRecord,
  stripe: FakeStripe,
  secrets: Parameters<typeof sealedAccount>[0],
  now: number,
): AccountRecord {
  const id = newId('payment_account');
  const { mode, credentials, hookSecrets, settings } = stripe.account();
  return {
    ...{ id, organizationId: organization.id, provider: 'stripe', mode, settings, hookId: null, externalId: null },
    ...sealedAccount(secrets, id, { credentials, hookSecrets }),
    ...{ source: 'api', active: true, cursor: null, reconciledAt: null, checkedAt: null, faults: [] },
    ...{ createdAt: toIso(now - HOUR), createdBy: 'test' },
  };
}
