import { afterAll, beforeAll, expect, it } from 'vitest';
import { toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { noteBroughtIn } from '../../src/imports/store-imports.ts';
import { appendUsage } from '../../src/licensing/store-usage.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { queueMail } from '../../src/notify/mails.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase, type TestDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedLicense, seedPackage, seedShop, seedSite } from '../support/seed.ts';
import { seedAccount } from '../support/seed-accounts.ts';
import { seedOrder, seedPayment, seedPaymentEvent, seedSubscription } from '../support/seed-money.ts';

/** Stands in everything that tells of the person. */
const PERSON = 'zzperson';

/** Every row of every table, as text. */
async function everything({ db, engine }: TestDatabase): Promise<Map<string, string>> {
  const names: { t: string }[] =
    engine === 'sqlite'
      ? await db.read((tx) => tx.raw("select name as t from sqlite_master where type = 'table'"))
      : (await db.read((tx) => tx.raw("select tablename as t from pg_tables where schemaname = 'public'"))).rows;
  const told = new Map<string, string>();
  for (const { t } of names) told.set(t, JSON.stringify(await db.read((tx) => tx(t))));
  return told;
}

onEachDatabase('what is kept of a customer', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  let customer: string;
  let double: string;
  let license: { id: string; key_id: string; key: string };

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    shop = await seedShop(db);
    base = `/organizations/${shop.organization.slug}`;
    const facts = (n: number) => ({
      ...{ name: `${PERSON} ${n}`, email: `${PERSON}${n}@example.com`, organization_name: `${PERSON} Ltd` },
      ...{ external_customer_id: `${PERSON}-${n}`, external_workspace_id: PERSON, notes: `calls ${PERSON}` },
    });
    customer = (await api.post(`${base}/customers`, facts(1), { headers: { 'Idempotency-Key': 'c-1' } })).json.id;
    double = (await api.post(`${base}/customers`, facts(2))).json.id;
    await api.patch(`/customers/${double}`, { name: `${PERSON} changed` });
    const sold = await seedPackage(db, shop.organization, { terms: { sites: 3 } });
    const sale = { package_id: sold.id, customer_id: double, payment_ref: 'pay-1', domains: [`${PERSON}.example.com`] };
    license = (await api.post(`${base}/licenses`, sale, { headers: { 'Idempotency-Key': 'l-1' } })).json;
    await api.patch(`/licenses/${license.id}`, { notes: `of ${PERSON}` });
    await api.patch(`/keys/${license.key_id}`, { label: PERSON });
    await api.post(`/grants/${(await api.get(`/licenses/${license.id}/grants`)).json.items[0].id}/close`, {
      reason: PERSON,
    });
    const entry = (site: string, n: number) => ({
      ...{ at: toIso(SEED_NOW + n), day: '2026-01-01', product_id: shop.product.id, key_id: license.key_id },
      ...{ license_id: license.id, site, kind: 'download', platform_version: 'joomla/5.4', code: 'VALID' },
      ...{ version: '1.0.0', channel: 'stable', refused: 0 as const },
    });
    const instance = `${PERSON}-instance`;
    await seedSite(db, license, `${PERSON}.example.com`, { keyId: license.key_id, instance });
    await db.tx((tx) => tx('activations').where({ license_id: license.id }).update({ label: PERSON }));
    await db.tx((tx) => appendUsage(tx, [entry(`${PERSON}.example.com`, 1), entry(`${PERSON}2.example.com`, 2)]));
    const refused = (key_id: string) => ({
      ...entry(`${PERSON}.example.com`, 4),
      key_id,
      code: 'EXPIRED',
      refused: 1 as const,
    });
    const keyless = { ...refused(''), license_id: '' };
    await db.tx((tx) => appendUsage(tx, [refused(license.key_id), keyless]));
    await rollUp(db);
    await db.tx((tx) => appendUsage(tx, [entry(`${PERSON}.example.com`, 3), keyless]));
    const where = { organizationId: shop.organization.id, source: 'crm', importId: newId('import') };
    await db.tx((tx) =>
      noteBroughtIn(tx, where, [
        { kind: 'customer', ref: `${PERSON}2@example.com`, entityId: double },
        { kind: 'site', ref: `L-1/${PERSON}.example.com`, entityId: license.id },
      ]),
    );
    const mail = { organizationId: shop.organization.id, customerId: double, email: `${PERSON}2@example.com` };
    await db.tx((tx) =>
      queueMail(
        tx,
        {
          ...{ ...mail, template: 'payment_failed', tag: 'action:1', language: 'en', notBefore: SEED_NOW },
          about: { license_id: license.id, url: `https://pay.example.com/${PERSON}` },
        },
        SEED_NOW,
      ),
    );
    const account = await seedAccount(db, shop.organization);
    const order = await seedOrder(db, account, {
      ...{ customerId: double, email: `${PERSON}2@example.com`, name: PERSON, externalUrl: `https://p/${PERSON}` },
    });
    const paying = await seedSubscription(db, account, { orderId: order.id, licenseId: license.id });
    await seedPayment(db, account, { orderId: order.id, subscriptionId: paying.id });
    for (const subject of [`checkout:${order.externalId}`, `subscription:${paying.externalId}`])
      await seedPaymentEvent(db, account, { subject, body: `{"name":"${PERSON}"}` });
    await db.tx((tx) =>
      tx('withdrawals').insert({
        ...{ id: newId('withdrawal'), organization_id: shop.organization.id, order_ref: order.id, email: PERSON },
        ...{ name: PERSON, statement: `I, ${PERSON}, withdraw`, order_id: order.id, at: toIso(SEED_NOW) },
      }),
    );
    // He did not finish, mistook the number of his order, and got mail of it: nothing says whose that is but his address.
    const address = `${PERSON}2@Example.com`;
    await seedOrder(db, account, { customerId: null, email: address, name: PERSON, state: 'expired' });
    await db.tx(async (tx) => {
      await tx('withdrawals').insert({
        ...{ id: newId('withdrawal'), organization_id: shop.organization.id, order_ref: '?', order_id: null },
        ...{ email: address.toLowerCase(), name: PERSON, statement: PERSON, at: toIso(SEED_NOW) },
      });
      const about = { ...mail, customerId: null, email: address, language: '', notBefore: SEED_NOW };
      await queueMail(tx, { ...about, template: 'withdrawal', tag: 'withdrawal:1', about: {} }, SEED_NOW);
    });
    await api.post(`/customers/${double}/merge`, { into: customer });
  });
  afterAll(() => api.close());

  it('is given out as one file, without the text of a key', async () => {
    const { json, headers, text } = await api.get(`/customers/${double}/export`);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${customer}.json"`);
    expect(Object.keys(json)).toEqual([
      'exported_at',
      'customer',
      'licenses',
      'grants',
      'keys',
      'sites',
      'usage',
      'installations',
      'refusals',
      'imports',
      'orders',
      'subscriptions',
      'payments',
      'withdrawals',
      'mails',
      'events',
    ]);
    expect(json.customer).toMatchObject({ id: customer, email: `${PERSON}1@example.com`, licenses: 1 });
    expect(json.licenses[0]).toMatchObject({ license_id: license.id, notes: `of ${PERSON}` });
    expect(json.grants[0]).toMatchObject({ license_id: license.id, payment_ref: 'pay-1', closed: true });
    expect(json.keys[0]).toMatchObject({ id: license.key_id, label: PERSON });
    expect(json.sites[0]).toMatchObject({ host: `${PERSON}.example.com`, counted: true });
    expect(json.usage.map(({ site, count }: { site: string; count: number }) => [site, count]).sort()).toEqual([
      [`${PERSON}.example.com`, 1],
      [`${PERSON}.example.com`, 1],
      [`${PERSON}2.example.com`, 1],
    ]);
    expect(json.installations).toMatchObject([
      { key_id: license.key_id, site: `${PERSON}.example.com`, activation_id: json.sites[0].id, version: '1.0.0' },
      { key_id: license.key_id, site: `${PERSON}2.example.com`, activation_id: null },
    ]);
    expect(json.refusals).toMatchObject([{ key_id: license.key_id, site: `${PERSON}.example.com`, code: 'EXPIRED' }]);
    expect(json.imports.map(({ ref }: { ref: string }) => ref)).toEqual([
      ...[`${PERSON}2@example.com`, `L-1/${PERSON}.example.com`],
    ]);
    expect(json.mails).toMatchObject([
      { template: 'payment_failed', email: `${PERSON}2@example.com`, state: 'waiting' },
    ]);
    expect(json.orders).toMatchObject([
      { email: `${PERSON}2@example.com`, name: PERSON, subtotal_minor: 4_900 },
      { email: `${PERSON}2@Example.com`, state: 'expired' },
    ]);
    expect(json.subscriptions).toMatchObject([{ license_id: license.id, order_id: json.orders[0].id }]);
    expect(json.payments).toMatchObject([{ order_id: json.orders[0].id, amount_minor: 4_900 }]);
    expect(json.withdrawals).toMatchObject([
      { order_id: json.orders[0].id, name: PERSON },
      { order_id: null, order_ref: '?' },
    ]);
    const actions = json.events.map(({ action }: { action: string }) => action);
    for (const action of [
      'customer.create',
      'customer.change',
      'customer.merge',
      'key.create',
      'grant.add',
      'grant.close',
    ])
      expect(actions).toContain(action);
    expect(text).not.toContain(license.key);
  });

  it('is given out part by part, as CSV too', async () => {
    const parts = ['customer', 'licenses', 'grants', 'keys', 'sites', 'usage', 'installations', 'refusals', 'imports'];
    for (const part of [...parts, 'orders', 'subscriptions', 'payments', 'withdrawals', 'mails', 'events']) {
      const csv = await api.get(`/customers/${customer}/export?part=${part}&format=csv`);
      expect([part, csv.status, csv.headers.get('content-type')]).toEqual([part, 200, 'text/csv; charset=utf-8']);
      expect(csv.text.split('\r\n').length).toBeGreaterThan(2);
      const whole = await api.get(`/customers/${customer}/export?part=${part}`);
      expect(whole.json.length).toBeGreaterThan(0);
    }
    const mixed = await api.get(`/customers/${customer}/export?format=csv`);
    expect([mixed.status, mixed.json.errors[0].pointer]).toEqual([400, '/query/format']);
  });

  it('goes on request, from every table, and the books stay', async () => {
    const sums = async () => {
      const { json } = await api.get(`/customers/${customer}/export`);
      const counts = json.usage.map(({ count }: { count: number }) => count).sort();
      const grants = json.grants.map(({ id, payment_ref, quantity, given_at, closed }: Record<string, unknown>) => ({
        id,
        payment_ref,
        quantity,
        given_at,
        closed,
      }));
      const { limits } = (await api.get(`/licenses/${license.id}`)).json;
      return { counts, grants, limits, sites: json.sites.length };
    };
    const before = await sums();
    const planned = await api.post(`/customers/${customer}/anonymize`, { dry_run: true });
    expect(planned.json).toMatchObject({
      dry_run: true,
      changed: true,
      gone: { licenses: 1, keys_revoked: 1, sites: 1 },
    });
    expect((await api.get(`/customers/${customer}`)).json.name).toBe(`${PERSON} 1`);
    const rows = await everything(database());
    const holding = [...rows].filter(([, text]) => text.includes(PERSON)).map(([table]) => table);
    expect(holding).toEqual(
      expect.arrayContaining([
        'activations',
        'import_rows',
        'installations',
        'mails',
        'usage_daily',
        'usage_log',
        'usage_refusals',
      ]),
    );
    expect(holding.length).toBeGreaterThan(8);

    const done = await api.post(`/customers/${customer}/anonymize`, {});
    expect(done.json).toEqual({ ...planned.json, dry_run: false, customer: done.json.customer });
    expect(done.json.customer).toMatchObject({ name: 'anonymized', email: '', external_customer_id: null });
    const left = [...(await everything(database()))]
      .filter(([, text]) => text.includes(PERSON))
      .map(([table]) => table);
    expect(left).toEqual([]);
    expect(await sums()).toEqual(before);
    const { json: key } = await api.get(`/keys/${license.key_id}`);
    expect(key).toMatchObject({ key_status: 'revoked', revoke_reason: 'anonymized', label: '', domains: [] });
    await rollUp(database().db);
    expect([...(await everything(database())).values()].join()).not.toContain(PERSON);

    const csv = `email,name\n${PERSON}2@example.com,${PERSON}\n`;
    const back = await api.post(`${base}/imports`, { source: 'crm', kind: 'customers', csv, dry_run: false });
    expect(back.json.import.counts).toMatchObject({ created: 0, unchanged: 1 });
    expect([...(await everything(database())).values()].join()).not.toContain(PERSON);

    const again = await api.post(`/customers/${customer}/anonymize`, {});
    expect(again.json).toMatchObject({ changed: false, gone: { licenses: 0, keys_revoked: 0, sites: 0 } });
    for (const call of [
      api.patch(`/customers/${customer}`, { name: 'Back' }),
      api.post(`/customers/${double}/merge`, { into: (await api.post(`${base}/customers`, { name: 'x' })).json.id }),
      api.post(`${base}/licenses`, {
        package_id: (await seedPackage(database().db, shop.organization)).id,
        customer_id: customer,
      }),
    ])
      expect((await call).json.code).toBe('CUSTOMER_ANONYMIZED');
    expect((await api.get(`${base}/customers?q=${PERSON}`)).json.items).toEqual([]);
  });

  it('may go while the keys stay, but never of the organization itself', async () => {
    const { db } = database();
    const { id } = (await api.post(`${base}/customers`, { name: 'Keeps' })).json;
    const sold = await seedPackage(db, shop.organization);
    const made = (await api.post(`${base}/licenses`, { package_id: sold.id, customer_id: id })).json;
    const { key } = (await api.get(`/keys/${made.key_id}/text`)).json;
    const use = async (site: string) =>
      (await api.post('/licenses/activate', { key, product: shop.path, site }, { token: null })).status;
    const full = made.limits.sites.max;
    for (let i = 0; i < full; i++) expect(await use(`s${i}.example.com`)).toBe(201);
    await api.post(`/customers/${id}/anonymize`, { keep_keys: true });
    expect((await api.get(`/keys/${made.key_id}`)).json.key_status).toBe('active');
    // Nobody could be told for the site that he is by the names that are left, so the sites get their places anew.
    for (let i = 0; i < full; i++) expect(await use(`s${i}.example.com`)).toBe(201);
    expect(await use('more.example.com')).toBe(409);
    expect((await api.get(`/licenses/${made.id}`)).json.limits.sites.used).toBe(full);
    const master = await seedLicense(db, shop.organization, { master: true });
    const refused = await api.post(`/customers/${master.customerId}/anonymize`, {});
    expect([refused.status, refused.json.code]).toEqual([409, 'MASTER_IS_FIXED']);
    const stranger = api.as(await api.token({ organizationId: (await seedShop(db)).organization.id }));
    expect((await stranger.post(`/customers/${id}/anonymize`, {})).status).toBe(404);
    expect((await stranger.get(`/customers/${id}/export`)).status).toBe(404);
  });
});
