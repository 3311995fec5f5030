import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DAY, HOUR, toIso } from '../../src/clock.ts';
import { addMonths } from '../../src/licensing/spans.ts';
import { findLicense, grantsOf } from '../../src/licensing/store-licenses.ts';
import { ledgersOf } from '../../src/licensing/store-lookup.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { termsAt } from '../../src/licensing/terms.ts';
import { NOTHING_FOUND, type SubscriptionFact } from '../../src/payments/facts.ts';
import { applySnapshot } from '../../src/payments/fulfil.ts';
import type { AccountRecord } from '../../src/payments/store-accounts.ts';
import { type ApiServer, type Caller, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { playGateway } from '../support/played-gateway.ts';
import { SEED_NOW, type Shop, seedGrant, seedKey, seedLicense, seedPackage, seedShop } from '../support/seed.ts';
import { seedAccount, seedStripeAccount } from '../support/seed-accounts.ts';
import { invoiceOf, periodLine, snapshotOf, subscriptionOf, worker } from '../support/seed-payments.ts';

onEachDatabase('subscriptions that run already', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let owner: Caller;
  let account: AccountRecord;
  let sold: Awaited<ReturnType<typeof seedPackage>>;
  let running: SubscriptionFact[];
  let path: string;
  const stripe = playGateway('stripe');

  beforeAll(async () => {
    // Two pages, so that the second one is asked for.
    stripe.listSubscriptions = async (_account, page) => ({
      subscriptions: page === null ? running.slice(0, 1) : running.slice(1),
      next: page === null && running.length > 1 ? 'more' : null,
    });
    const paypal = playGateway('paypal');
    api = await startApi(database(), { gateways: { stripe, paypal } });
  });
  beforeEach(async () => {
    const { db } = database();
    shop = await seedShop(db);
    owner = api.as(await api.token({ organizationId: shop.organization.id }));
    account = await seedStripeAccount(db, shop.organization);
    path = `/payments/accounts/${account.id}/adopt`;
    sold = await seedPackage(db, shop.organization, { terms: { length: { value: 1, unit: 'year' }, sites: 3 } });
    await price(sold.id, 'price_1');
    running = [];
    stripe.snapshots.clear();
  });
  afterAll(() => api.close());

  const price = (packageId: string, external_id: string) => {
    const rest = {
      currency: 'EUR',
      amount_minor: 1_000,
      interval: { value: 1, unit: 'year' as const },
      duration: null,
    };
    const prices = [{ provider: 'stripe', external_id, code: `c-${external_id}`, ...rest }];
    const of = { id: packageId, organizationId: shop.organization.id };
    return database().db.tx((tx) => replacePrices(tx, of, prices, 'test', toIso(SEED_NOW)));
  };
  /** An imported license: one line of its ledger, for a year from the seed's now. */
  async function imported(packageId = sold) {
    const { db } = database();
    const license = await seedLicense(db, shop.organization, { validUntil: toIso(addMonths(SEED_NOW, 12)) });
    await seedGrant(db, license, packageId, { source: 'import' });
    const email = await db.read((tx) => tx('customers').where({ id: license.customerId }).first('email'));
    return { license, key: await seedKey(db, license), email: email?.email as string };
  }
  const adopt = async (body: object = {}) => (await owner.post(path, { dry_run: false, ...body })).json;
  const outcomes = ({ lines }: { lines: { external_id: string; outcome: string; code: string | null }[] }) =>
    lines.map(({ external_id, outcome, code }) => [external_id, code ?? outcome]);

  it('are linked to the only license of their customer that has their package, once', async () => {
    const { license, email } = await imported();
    running = [subscriptionOf({ email: email.toUpperCase() })];
    const dry = await adopt({ dry_run: true });
    expect(dry).toEqual({
      ...{ dry_run: true, counts: { adopt: 1, known: 0, refused: 0 } },
      lines: [
        {
          ...{ line: null, external_id: 'sub_1', outcome: 'adopt', license_id: license.id, found_by: 'email' },
          ...{ code: null, detail: '' },
        },
      ],
    });
    expect(await rows()).toEqual([]);
    expect((await adopt()).counts).toEqual({ adopt: 1, known: 0, refused: 0 });
    expect((await adopt()).counts).toEqual({ adopt: 0, known: 1, refused: 0 });
    expect(await rows()).toEqual([['sub_1', license.id, null]]);
    const events = await database().db.read((tx) =>
      tx('payment_events').where({ account_id: account.id }).select('subject', 'state'),
    );
    expect(events).toEqual([{ subject: 'subscription:sub_1', state: 'pending' }]);
  });

  const rows = () =>
    database().db.read(async (tx) =>
      (await tx('subscriptions').where({ account_id: account.id }).orderBy('external_id')).map((row) => [
        ...[row.external_id, row.license_id, row.order_id],
      ]),
    );

  it('give nothing for what was paid before, and the next paid period extends', async () => {
    const { db } = database();
    const { license, email } = await imported();
    const end = addMonths(SEED_NOW, 12);
    running = [subscriptionOf({ email })];
    await adopt();
    const subscription = subscriptionOf({ email });
    const before = invoiceOf('in_1', periodLine(SEED_NOW - DAY, end));
    const look = (change: object, now: number) =>
      db.tx((tx) => applySnapshot(tx, api.core.secrets, account, snapshotOf(change), worker(now)));
    await look({ subscription, payments: [before] }, SEED_NOW + HOUR);
    expect(await db.read((tx) => grantsOf(tx, license.id))).toHaveLength(1);
    const next = invoiceOf('in_2', periodLine(end, addMonths(SEED_NOW, 24)));
    for (const _ of [1, 2]) await look({ subscription, payments: [before, next] }, end + HOUR);
    expect(await db.read((tx) => grantsOf(tx, license.id))).toHaveLength(2);
    // Two years, and the grace of a subscription that runs is no part of it.
    const after = await db.read((tx) => findLicense(tx, license.id));
    expect(after?.validUntil?.slice(0, 10)).toBe('2028-01-01');
  });

  it('have a grace behind the imported end if their very first charge here fails', async () => {
    const { db } = database();
    const { license, email } = await imported();
    const end = addMonths(SEED_NOW, 12);
    running = [subscriptionOf({ email })];
    await adopt();
    const stateAt = (at: number) =>
      db.read(async (tx) => {
        const ledger = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
        const { state, graceEnd, pastDue } = termsAt(ledger, { id: '', repositoryId: null }, at);
        return { state, graceEnd, pastDue };
      });
    const look = (change: object, now: number) =>
      db.tx((tx) => applySnapshot(tx, api.core.secrets, account, snapshotOf(change), worker(now)));
    await look({ subscription: subscriptionOf({ email }) }, SEED_NOW + HOUR);
    expect((await stateAt(end - 1)).state).toBe('active');
    expect((await stateAt(end)).state).toBe('grace');
    const failed = { state: 'pending' as const, paidAt: null, failedAt: end + HOUR };
    const next = invoiceOf('in_2', periodLine(end, addMonths(SEED_NOW, 24)), failed);
    await look({ subscription: subscriptionOf({ email, state: 'past_due' }), payments: [next] }, end + 2 * HOUR);
    const graceEnd = end + HOUR + 7 * DAY;
    expect(await stateAt(graceEnd - 1)).toEqual({ state: 'grace', graceEnd, pastDue: true });
    expect((await stateAt(graceEnd)).state).toBe('ended');
    const paid = { ...next, state: 'paid' as const, paidAt: end + 8 * DAY };
    await look({ subscription: subscriptionOf({ email }), payments: [paid] }, end + 8 * DAY);
    expect((await stateAt(end + 8 * DAY)).state).toBe('active');
    expect((await stateAt(addMonths(SEED_NOW, 24))).state).toBe('grace');
  });

  it('count from the imported end on where a renewal came in between', async () => {
    const { license, email } = await imported();
    const past = toIso(SEED_NOW - 20 * DAY);
    await database().db.tx((tx) => tx('licenses').where({ id: license.id }).update({ valid_until: past }));
    running = [subscriptionOf({ email })];
    await adopt();
    const [row] = await database().db.read((tx) => tx('subscriptions').where({ license_id: license.id }));
    expect(row.created_at).toBe(toIso(SEED_NOW - 21 * DAY));
  });

  it('are told why not, line by line', async () => {
    const twice = await imported();
    const again = await imported();
    await database().db.tx((tx) =>
      tx('licenses').where({ id: again.license.id }).update({ customer_id: twice.license.customerId }),
    );
    const busy = await imported();
    const other = await imported(await seedPackage(database().db, shop.organization));
    running = [
      subscriptionOf({ externalId: 'sub_busy', email: busy.email }),
      subscriptionOf({ externalId: 'sub_busy_2', email: busy.email }),
      subscriptionOf({ externalId: 'sub_two', email: twice.email }),
      subscriptionOf({ externalId: 'sub_nobody', email: 'nobody@example.com' }),
      subscriptionOf({ externalId: 'sub_mailless', email: null }),
      subscriptionOf({ externalId: 'sub_over', state: 'canceled', email: busy.email }),
      subscriptionOf({ externalId: 'sub_lacks', email: other.email }),
      subscriptionOf({ externalId: 'sub_foreign', items: [{ id: 'si', priceId: 'price_x', quantity: 1 }] }),
    ];
    const expected = [
      ['sub_busy', 'adopt'],
      ['sub_busy_2', 'LICENSE_HAS_SUBSCRIPTION'],
      ['sub_two', 'SEVERAL_LICENSES'],
      ['sub_nobody', 'NO_LICENSE'],
      ['sub_mailless', 'NO_LICENSE'],
      ['sub_over', 'ENDED'],
      ['sub_lacks', 'NO_LICENSE'],
      ['sub_foreign', 'FOREIGN_PRICE'],
    ];
    expect(outcomes(await adopt({ dry_run: true }))).toEqual(expected);
    expect(outcomes(await adopt())).toEqual(expected);
    expect((await rows()).map(([id]) => id)).toEqual(['sub_busy']);
  });

  it('are named by a CSV of ids with licenses, keys or addresses, each read by itself', async () => {
    const all = await Promise.all([1, 2, 3].map(() => imported()));
    const [byLicense, byKey, byMail] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
    const other = await imported(await seedPackage(database().db, shop.organization));
    for (const id of ['sub_a', 'sub_b', 'sub_c', 'sub_d'])
      stripe.snapshots.set(`subscription:${id}`, {
        ...NOTHING_FOUND,
        subscription: subscriptionOf({ externalId: id }),
      });
    const csv = [
      'Subscription;license;key;email',
      `sub_a;${byLicense.license.id};;`,
      `sub_b;;${byKey.key.text};`,
      `sub_c;;;${byMail.email}`,
      `sub_d;${other.license.id};;`,
      `sub_d;${byMail.license.id};;`,
      'sub_gone;;;',
      ';;;',
      'sub_e;lic_nothing;;',
    ].join('\r\n');
    stripe.snapshots.set('subscription:sub_e', {
      ...NOTHING_FOUND,
      subscription: subscriptionOf({ externalId: 'sub_e' }),
    });
    const report = await adopt({ csv });
    expect(outcomes(report)).toEqual([
      ['sub_a', 'adopt'],
      ['sub_b', 'adopt'],
      ['sub_c', 'adopt'],
      ['sub_d', 'LICENSE_LACKS_PACKAGE'],
      ['sub_d', 'NAMED_TWICE'],
      ['sub_gone', 'NOT_AT_PROVIDER'],
      ['', 'NO_ID'],
      ['sub_e', 'LICENSE_NOT_FOUND'],
    ]);
    expect(
      report.lines.map(({ line, found_by: by }: { line: number; found_by: string }) => [line, by]).slice(0, 4),
    ).toEqual([
      ...[
        [2, 'license'],
        [3, 'key'],
        [4, 'email'],
        [5, null],
      ],
    ]);
    expect(JSON.stringify(report)).not.toContain(byKey.key.text);
    const refused = await owner.post(path, { csv: 'a,b\n1,2' });
    expect([refused.status, refused.json.errors[0].pointer]).toEqual([400, '/csv']);
    for (const csv of ['external_id\n"abc', 'external_id\na"b"\n', '']) {
      const { status, json } = await owner.post(path, { csv });
      expect([csv, status, json.errors[0].pointer]).toEqual([csv, 400, '/csv']);
    }
  });

  it('may name their license in their notes, which may be about something else too', async () => {
    const [one, two] = [await imported(), await imported()];
    running = [
      subscriptionOf({ externalId: 'sub_note', licenseRef: one.key.text }),
      subscriptionOf({ externalId: 'sub_odd', licenseRef: 'see invoice 12', email: two.email }),
    ];
    const { lines } = await adopt();
    expect(lines.map(({ license_id, found_by }: Record<string, string>) => [license_id, found_by])).toEqual([
      [one.license.id, 'note'],
      [two.license.id, 'email'],
    ]);
  });

  it('are of one license only, also when asked for at once', async () => {
    const { email } = await imported();
    running = [subscriptionOf({ externalId: 'sub_x', email }), subscriptionOf({ externalId: 'sub_y', email })];
    await Promise.all([adopt(), adopt(), adopt()]);
    expect(await rows()).toHaveLength(1);
  });

  it('must be named where the provider cannot list them; other organizations see nothing', async () => {
    const paypal = await seedAccount(database().db, shop.organization, { provider: 'paypal' });
    const refused = await owner.post(`/payments/accounts/${paypal.id}/adopt`, {});
    expect([refused.status, refused.json.code]).toEqual([409, 'NOT_SUPPORTED']);
    const other = await seedShop(database().db);
    const stranger = api.as(await api.token({ organizationId: other.organization.id }));
    expect((await stranger.post(path, {})).status).toBe(404);
  });
});
