import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { PackagePrice } from '../../src/licensing/package-price.ts';
import { deleteUnsold } from '../../src/licensing/packages.ts';
import type { PackageRecord } from '../../src/licensing/store-packages.ts';
import { replacePrices } from '../../src/licensing/store-prices.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import { SellerSettings } from '../../src/payments/seller.ts';
import { NO_ORGANIZATION_SETTINGS } from '../../src/releases/organization-settings.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeStripe, startFakeStripe } from '../support/fake-stripe.ts';
import type { Buyer } from '../support/fake-stripe-checkout.ts';
import { seedForge, seedOrganization, seedPackage, seedSecrets } from '../support/seed.ts';
import { seedStripeAccount } from '../support/seed-accounts.ts';

const YEAR = { value: 1, unit: 'year' as const };
const NOW = Date.UTC(2026, 2, 1, 12);

onEachDatabase('the pages of a shop', (database) => {
  let test: TestCore;
  let stripe: FakeStripe;
  let acme: OrganizationRecord;
  let pro: PackageRecord;
  let count = 0;
  const time = { now: NOW };

  beforeAll(async () => {
    stripe = await startFakeStripe({ clock: () => time.now, live: true, salt: database().engine });
    const config = { payments: { accounts: [], apiBases: { stripe: stripe.url } } };
    test = await openTestCore(database(), { time, config });
  });
  afterAll(async () => {
    await test.close();
    await stripe.close();
  });
  beforeEach(async () => {
    // What one network may begin comes back with time.
    time.now += 3_600_000;
    stripe.take();
    acme = await seller({
      consent: { version: '1', text: 'I want it <at once>.' },
      termsUrl: 'https://acme.example/terms',
    });
    pro = await sold(4900);
  });

  async function seller(settings: object): Promise<OrganizationRecord> {
    const { db } = database();
    const made = await seedOrganization(db, await seedForge(db), {
      settings: {
        ...NO_ORGANIZATION_SETTINGS,
        seller: SellerSettings.parse(settings),
        mail: { ...NO_ORGANIZATION_SETTINGS.mail, replyTo: 'shop@acme.example' },
      },
    });
    const account = await seedStripeAccount(db, made);
    const { credentials, hookSecrets } = stripe.account();
    const sealed = sealedAccount(seedSecrets, account.id, { credentials, hookSecrets: [...hookSecrets] });
    await db.tx((tx) =>
      tx('payment_accounts')
        .where({ id: account.id })
        .update({ credentials_sealed: sealed.credentialsSealed, hook_secrets_sealed: sealed.hookSecretsSealed }),
    );
    return made;
  }

  async function sold(amount: number, change: { currency?: string; interval?: 'year' } = {}): Promise<PackageRecord> {
    count += 1;
    const { currency = 'EUR', interval } = change;
    const made = await seedPackage(database().db, acme, { terms: { length: YEAR } });
    const { id } = stripe.price({ amount, currency: currency.toLowerCase(), ...(interval ? { interval } : {}) });
    const price = { provider: 'stripe', external_id: id, code: `pro${count}`, amount_minor: amount, currency };
    const prices = [PackagePrice.parse({ ...price, interval: interval ? YEAR : null })];
    await database().db.tx((tx) => replacePrices(tx, made, prices, 'test', '2026-01-01T00:00:00.000Z'));
    return made;
  }

  async function get(path: string, language = '*') {
    const headers = { 'accept-language': language };
    const response = await fetch(`${test.url}${path}`, { redirect: 'manual', headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  async function post(path: string, form: Record<string, string>, language = '*') {
    const headers = { 'accept-language': language };
    const response = await fetch(`${test.url}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  const code = () => `pro${count}`;
  const agreed = { consent: 'yes', consent_version: '1', email: 'ada@example.com' };
  const buy = (form: object = {}) =>
    post(`/buy/${pro.id}`, { ...agreed, choice: `new:${code()}`, quantity: '1', ...form });

  /** Buys on the page, pays at the provider, and comes back. */
  async function bought(buyer: Buyer = {}, form: object = {}) {
    expect((await buy(form)).status).toBe(200);
    const order = await newestOrder();
    stripe.pay(order.external_id, buyer);
    const path = `/order/${test.core.links.order(order.id)}`;
    return { path, page: await get(path), order: await newestOrder() };
  }
  const newestOrder = async () =>
    (await database().db.read((tx) => tx('orders').where({ organization_id: acme.id }).orderBy('id', 'desc'))).at(0);
  const grants = () => database().db.read((tx) => tx('grants').where({ organization_id: acme.id }));
  const today = () => new Date(time.now).toISOString().slice(4, 10);
  const keyIn = (html: string) => /value="(FG1-[^"]+)"/.exec(html)?.[1];

  describe('/buy', () => {
    it('shows what is sold and leads to the payment by a link, not by a redirect', async () => {
      for (const path of [`/buy/${pro.id}`, `/buy/${acme.slug}/${code()}`]) {
        const { status, text, headers } = await get(path);
        expect(status).toBe(200);
        expect(text).toContain('€49.00 once, for 1 year: pay with Stripe');
        expect(text).toContain('I want it &lt;at once&gt;.');
        expect(text).toContain('https://acme.example/terms');
        expect(text).toContain(`/withdraw/${acme.slug}`);
        expect(headers.get('content-security-policy')).toContain("form-action 'self'");
      }
      const paid = await buy();
      const { external_url: url } = await newestOrder();
      expect(paid.text).toContain(`href="${url}"`);
      expect(await newestOrder()).toMatchObject({ state: 'open', email: 'ada@example.com', created_by: 'system' });
    });

    it.each([
      ['without consent', { consent: '' }, 'agreed'],
      ['with half an address', { email: 'ada' }, 'not complete'],
      ['with no number', { quantity: '1e3' }, 'whole number'],
      ['with another price', { choice: 'new:nothing' }, 'no price'],
      ['into a license', { choice: 'into:x' }, 'Choose a price'],
    ])('says what is wrong and keeps what was typed: %s', async (_, form, words) => {
      const { status, text } = await buy({ ...form });
      expect([status, text.includes(words)]).toEqual([422, true]);
      expect(text).toContain('<title>Error: ');
      expect(await newestOrder()).toBeUndefined();
    });

    const LANGUAGES = [
      ['en', /How many[\s\S]*€49\.00 once, for 1 year: pay with Stripe/, 'Choose a price.', 'On to the payment'],
      ['de', /Anzahl[\s\S]*49,00\s€ einmalig, für 1 Jahr: mit Stripe zahlen/, 'Wählen Sie', 'Weiter zur Zahlung'],
      ['fr', /Quantité[\s\S]*49,00\s€ en une fois, pour 1 an : payer/, 'Choisissez', 'Vers le paiement'],
    ] as const;
    it.each(LANGUAGES)('speaks the language of the browser: %s', async (language, shown, wrong, onwards) => {
      const at = `/buy/${pro.id}`;
      const seen = await get(at, language);
      expect(seen.text).toContain(`<html lang="${language}">`);
      expect(seen.text).toMatch(shown);
      expect(seen.headers.get('vary')).toContain('Accept-Language');
      const refused = await post(at, { ...agreed, choice: 'x' }, language);
      expect([refused.status, refused.text.includes(wrong)]).toEqual([422, true]);
      const paid = await post(at, { ...agreed, choice: `new:${code()}` }, language);
      expect(paid.text).toContain(onwards);
      expect(await newestOrder()).toMatchObject({ language });
    });

    it('says in every language what the shop refuses and what is not there', async () => {
      const wish = { ...agreed, choice: 'new:nothing' };
      expect((await post(`/buy/${pro.id}`, wish, 'de')).text).toContain('kann so nicht bestellt werden');
      expect((await post(`/buy/${pro.id}`, wish, 'fr')).text).toContain('ne peut pas être commandé');
      expect((await get('/buy/nothing', 'de')).text).toMatch(/lang="de"[\s\S]*nicht mehr verkauft/);
      expect((await get('/renew/nothing', 'fr')).text).toMatch(/lang="fr"[\s\S]*renouvellement/);
      expect((await get('/order/nothing', 'de')).text).toContain('einer Bestellung');
      expect((await get('/withdraw/nobody', 'fr')).text).toContain('Rétractez-vous');
    });

    it('says when to come back where there were too many from a network', async () => {
      let last = await post(`/buy/${pro.id}`, {}, 'de');
      for (let i = 0; i < 50 && last.status !== 429; i++) last = await post(`/buy/${pro.id}`, {}, 'de');
      expect([last.status, last.headers.get('retry-after')]).toEqual([429, '2']);
      expect(last.text).toContain('Zu viele auf einmal');
    });

    it('knows nothing of what is not sold', async () => {
      expect((await get('/buy/nothing')).status).toBe(404);
      await database().db.tx((tx) => tx('packages').where({ id: pro.id }).update({ active: false }));
      expect((await get(`/buy/${pro.id}`)).status).toBe(404);
    });
  });

  describe('/order', () => {
    it('waits, and shows the key as soon as the provider says that it is paid', async () => {
      await buy();
      const order = await newestOrder();
      const path = `/order/${test.core.links.order(order.id)}`;
      const waiting = await get(path);
      expect(waiting.text).toContain('http-equiv="refresh" content="5"');
      expect(keyIn(waiting.text)).toBeUndefined();
      expect(waiting.headers.get('cache-control')).toBe('no-store');
      expect(waiting.headers.get('referrer-policy')).toBe('no-referrer');
      expect(waiting.headers.get('x-robots-tag')).toContain('noindex');
      stripe.pay(order.external_id);
      const [one, other] = await Promise.all([get(path), get(path)]);
      const again = await get(path);
      expect(keyIn(again.text)).toMatch(/^FG1-/);
      for (const { text } of [one, other]) expect([undefined, keyIn(again.text)]).toContain(keyIn(text));
      expect(again.text).not.toContain('http-equiv="refresh"');
      expect(await grants()).toHaveLength(1);
      const told = test.lines.join('\n');
      expect(told).not.toContain(path);
      expect(told).not.toContain(keyIn(again.text));
    });

    it('speaks the language of the order, else of the browser, and leads to a withdrawal from this very order', async () => {
      const { path, order } = await bought();
      expect((await get(path)).text).toContain(`/withdraw/${acme.slug}?order=${order.id}`);
      const seen = async (language: string) => {
        await database().db.tx((tx) => tx('orders').where({ id: order.id }).update({ language }));
        return (await fetch(`${test.url}${path}`, { headers: { 'accept-language': 'fr' } })).text();
      };
      expect(await seen('de')).toMatch(/<html lang="de">[\s\S]*Ihr Lizenzschlüssel[\s\S]*49,00/);
      expect(await seen('')).toMatch(/<html lang="fr">[\s\S]*Votre clé de licence/);
    });

    it('shows nobody the key that took the place of the one that was sold', async () => {
      const { page, order, path } = await bought();
      const key = (await database().db.read((tx) => tx('license_keys').orderBy('id', 'desc'))).at(0);
      expect(keyIn(page.text)).toContain(key.hint.slice(-4));
      const next = {
        ...key,
        id: key.id.replace(/.$/, (sign: string) => (sign === 'z' ? 'y' : 'z')),
        hash: `x${order.id}`,
      };
      await database().db.tx(async (tx) => {
        await tx('license_keys').insert(next);
        await tx('license_keys').where({ id: key.id }).update({ replaced_by: next.id });
      });
      const after = await get(path);
      expect(keyIn(after.text)).toBeUndefined();
      expect(after.text).toContain('came by mail');
      expect(after.text).not.toContain('/k/');
      await database().db.tx((tx) =>
        tx('licenses').where({ id: key.license_id }).update({ revoked_at: order.created_at }),
      );
      expect((await get(path)).text).toContain('This license was withdrawn');
    });

    it('is opened by its token only', async () => {
      await buy();
      const { id } = await newestOrder();
      for (const wrong of [id, `${test.core.links.order(id)}0`, test.core.links.order(id).replace(/.$/, 'x'), 'x'])
        expect((await get(`/order/${wrong}`)).status).toBe(404);
    });

    it('leads back to the payment, and to a new page where the first is over', async () => {
      await buy();
      const order = await newestOrder();
      const path = `/order/${test.core.links.order(order.id)}`;
      expect((await post(path, {})).text).toContain(order.external_url);
      stripe.expire(order.external_id);
      expect((await get(path)).text).toContain('not finished in time');
      expect((await post(path, {})).status).toBe(200);
      expect(await newestOrder()).toMatchObject({ id: order.id, attempt: 2, state: 'open' });
      stripe.pay((await newestOrder()).external_id);
      expect(keyIn((await get(path)).text)).toMatch(/^FG1-/);
    });
  });

  describe('what was paid', () => {
    it('case 20: a page of somebody else that names our order pays for nothing', async () => {
      await buy();
      const order = await newestOrder();
      const other = await sold(100);
      await post(`/buy/${other.id}`, { ...agreed, choice: `new:${code()}`, quantity: '1' });
      const cheap = await newestOrder();
      const session = stripe.world.sessions.get(cheap.external_id);
      Object.assign(session ?? {}, { client_reference_id: order.id, metadata: { order_id: order.id } });
      stripe.pay(cheap.external_id);
      await stripe.deliver(`${test.url}/api/stripe/webhook/${acme.slug}`);
      await test.core.paymentEvents.worker.drain();
      const page = await get(`/order/${test.core.links.order(order.id)}`);
      expect(keyIn(page.text)).toBeUndefined();
      expect((await grants()).map(({ package_id }) => package_id)).not.toContain(pro.id);
    });

    it.each<[string, Buyer]>([
      ['a coupon of 100 %', { discount: { id: 'all', percent: 100 } as never }],
      ['tax', { taxPercent: 19 }],
    ])('case 21: %s changes the amount and not what was bought', async (_, buyer) => {
      const { page } = await bought(buyer);
      expect(keyIn(page.text)).toMatch(/^FG1-/);
      expect(await grants()).toMatchObject([{ package_id: pro.id, quantity: 1 }]);
    });

    it('case 21: two of a package are one license with twice as much', async () => {
      const { page } = await bought({}, { quantity: '2' });
      expect(keyIn(page.text)).toMatch(/^FG1-/);
      expect(await grants()).toMatchObject([{ quantity: 2 }]);
    });

    it('case 21: yen have no cents', async () => {
      pro = await sold(4900, { currency: 'JPY' });
      expect((await get(`/buy/${pro.id}`)).text).toContain('¥4,900 once');
      const { page } = await bought();
      expect(keyIn(page.text)).toMatch(/^FG1-/);
    });

    it.each([
      ['less', { amount_subtotal: 100, amount_total: 100 }],
      ['more', { amount_subtotal: 9900, amount_total: 9900 }],
      ['another currency', { currency: 'usd' }],
    ])('case 21: %s than was ordered buys nothing, and says so', async (_, change) => {
      await buy();
      const order = await newestOrder();
      Object.assign(stripe.pay(order.external_id), change);
      const page = await get(`/order/${test.core.links.order(order.id)}`);
      expect(page.text).toContain('being looked into');
      expect(await grants()).toEqual([]);
      const alerts = await database().db.read((tx) => tx('payment_alerts').where({ organization_id: acme.id }));
      expect(alerts).toMatchObject([{ subject: order.id }]);
    });

    it('case 21: a buyer who pays in his own currency pays what was ordered in ours', async () => {
      await buy();
      const order = await newestOrder();
      const shown = { presentment_details: { presentment_amount: 5390, presentment_currency: 'usd' } };
      Object.assign(stripe.pay(order.external_id), shown);
      // What it is settled in is between the vendor and Stripe.
      for (const charge of stripe.world.charges.values())
        Object.assign(charge, { ...shown, balance_transaction: { currency: 'chf', amount: 4_610 } });
      const page = await get(`/order/${test.core.links.order(order.id)}`);
      expect(keyIn(page.text)).toMatch(/^FG1-/);
      const paid = await database().db.read((tx) => tx('payments').where({ order_id: order.id }));
      expect(paid.map((row) => [Number(row.amount_minor), row.currency])).toEqual([[4_900, 'EUR']]);
    });

    it('case 22: a package cannot be deleted between order and payment, and without its price it is honoured', async () => {
      await buy();
      const by = { actor: SYSTEM_ACTOR, requestId: null, now: time.now };
      const { db } = database();
      const gone = db.tx((tx) => deleteUnsold(tx, { ...pro, prices: [] }, by));
      await expect(gone).rejects.toMatchObject({ code: 'STILL_IN_USE' });
      await db.tx((tx) => replacePrices(tx, pro, [], 'test', '2026-01-01T00:00:00.000Z'));
      const order = await newestOrder();
      stripe.pay(order.external_id);
      expect(keyIn((await get(`/order/${test.core.links.order(order.id)}`)).text)).toMatch(/^FG1-/);
    });

    it('case 22: a package that is taken off the list between order and payment is honoured', async () => {
      await buy();
      await database().db.tx((tx) => tx('packages').where({ id: pro.id }).update({ active: false }));
      const order = await newestOrder();
      stripe.pay(order.external_id);
      expect(keyIn((await get(`/order/${test.core.links.order(order.id)}`)).text)).toMatch(/^FG1-/);
    });

    it('case 23: a payment that takes its time gives nothing before it is there', async () => {
      for (const outcome of ['paid', 'declined'] as const) {
        const { page, path, order } = await bought({ outcome: 'delayed' });
        expect(page.text).toContain('on its way');
        expect(keyIn(page.text)).toBeUndefined();
        const before = (await grants()).length;
        stripe.settle(order.external_id, outcome);
        const after = await get(path);
        expect(keyIn(after.text) !== undefined).toBe(outcome === 'paid');
        expect((await grants()).length - before).toBe(outcome === 'paid' ? 1 : 0);
      }
    });
  });

  describe('/renew', () => {
    it('adds time to the same license, whose key stays', async () => {
      const { page } = await bought();
      const [grant] = await grants();
      const path = `/renew/${test.core.links.license(grant.license_id)}`;
      const shown = await get(path);
      expect(shown.text).toContain(`until 2027${today()}`);
      expect(shown.headers.get('referrer-policy')).toBe('no-referrer');
      expect((await post(path, { ...agreed, choice: `into:${code()}` })).status).toBe(200);
      const order = await newestOrder();
      stripe.pay(order.external_id);
      const renewed = await get(`/order/${test.core.links.order(order.id)}`);
      expect(keyIn(renewed.text)).toBe(keyIn(page.text));
      expect(renewed.text).toContain(`until 2028${today()}`);
      expect(new Set((await grants()).map(({ license_id }) => license_id)).size).toBe(1);
    });

    const SPOKEN = [
      ['en', 'Your license', 'until 2027', 'at its full price', 'Choose a price.', 'On to the payment'],
      ['de', 'Ihre Lizenz', 'bis 2027', 'zum vollen Preis', 'Wählen Sie', 'Weiter zur Zahlung'],
      ['fr', 'Votre licence', 'jusqu’au 2027', 'à son prix entier', 'Choisissez', 'Vers le paiement'],
    ] as const;
    it.each(SPOKEN)(
      'speaks the language of the customer, else of the browser: %s',
      async (language, title, until, change, wrong, onwards) => {
        const { order } = await bought();
        const [grant] = await grants();
        const own = code();
        await sold(9900);
        const path = `/renew/${test.core.links.license(grant.license_id)}`;
        const speak = (said: string) =>
          database().db.tx((tx) => tx('customers').where({ id: order.customer_id }).update({ language: said }));
        const other = language === 'de' ? 'fr' : 'de';
        for (const [customer, browser] of [
          [language, other],
          ['', language],
        ] as const) {
          await speak(customer);
          const { text } = await get(path, browser);
          expect(text).toContain(`<html lang="${language}">`);
          for (const words of [`<h1>${title}</h1>`, `${until}${today()}`, change]) expect(text).toContain(words);
          const refused = await post(path, { ...agreed, choice: 'x' }, browser);
          expect([refused.status, refused.text.includes(wrong)]).toEqual([422, true]);
        }
        await speak(language);
        const begun = await post(path, { ...agreed, choice: `into:${own}` }, other);
        expect(begun.text).toContain(onwards);
        expect(await newestOrder()).toMatchObject({ language });
      },
    );

    it('offers another package at its full price, and nothing where a subscription runs', async () => {
      await bought();
      const [grant] = await grants();
      const path = `/renew/${test.core.links.license(grant.license_id)}`;
      await sold(9900);
      const shown = await get(path);
      expect(shown.text).toContain('at its full price');
      expect(shown.text).toContain(`switch:${code()}`);
      pro = await sold(900, { interval: 'year' });
      await bought();
      const [running] = (await grants()).filter(({ package_id }) => package_id === pro.id);
      const own = await get(`/renew/${test.core.links.license(running.license_id)}`);
      expect(own.text).toContain('it renews itself');
      expect(own.text).not.toContain(`into:${code()}`);
      expect((await get('/renew/nothing')).status).toBe(404);
    });
  });

  describe('/withdraw', () => {
    const typed = { order: 'ord_none', name: 'Ada <b>', email: 'Ada@Example.com' };
    const declare = (form: object = {}) => post(`/withdraw/${acme.slug}`, { ...typed, step: 'confirm', ...form });
    const rows = () => database().db.read((tx) => tx('withdrawals').where({ organization_id: acme.id }).orderBy('id'));
    const mails = () => database().db.read((tx) => tx('mails').where({ organization_id: acme.id }).orderBy('id'));

    it('takes two steps, stores what was declared, and tells both sides once', async () => {
      expect((await get(`/withdraw/${acme.slug}?order=ord_1`)).text).toContain('value="ord_1"');
      const first = await post(`/withdraw/${acme.slug}`, { ...typed, step: 'check' });
      expect(first.text).toContain('Confirm withdrawal');
      expect(first.text).toContain('Ada &lt;b&gt;');
      expect(await rows()).toEqual([]);
      const done = await declare();
      expect(done.text).toContain('was received');
      await declare();
      expect(await rows()).toMatchObject([{ order_ref: 'ord_none', email: 'ada@example.com', order_id: null }]);
      expect((await mails()).map(({ template, email }) => [template, email])).toEqual([
        ['withdrawal', 'ada@example.com'],
        ['withdrawal_vendor', 'shop@acme.example'],
      ]);
    });

    it('speaks the language of the browser, on the page, in what is declared and in the mail', async () => {
      const headers = { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5' };
      const ask = await fetch(`${test.url}/withdraw/${acme.slug}`, { headers });
      expect(await ask.text()).toMatch(/<html lang="de">[\s\S]*Vertrag widerrufen/);
      const send = async (step: string) => {
        const body = new URLSearchParams({ ...typed, step });
        return (await fetch(`${test.url}/withdraw/${acme.slug}`, { method: 'POST', headers, body })).text();
      };
      expect(await send('check')).toContain('Ich widerrufe den Vertrag zur Bestellung ord_none.');
      expect(await send('change')).toContain('value="Ada &lt;b&gt;"');
      expect(await rows()).toEqual([]);
      expect(await send('confirm')).toContain('Ihr Widerruf ist eingegangen');
      expect(await rows()).toMatchObject([{ statement: 'Ich widerrufe den Vertrag zur Bestellung ord_none.' }]);
      expect(await mails()).toMatchObject([{ template: 'withdrawal', language: 'de' }, {}]);
    });

    it('tells a vendor by his address for support where answers to his mails go nowhere', async () => {
      await database().db.tx((tx) =>
        tx('organizations')
          .where({ id: acme.id })
          .update({
            support_url: 'mailto:help@acme.example',
            settings: JSON.stringify({ ...acme.settings, mail: { ...acme.settings.mail, replyTo: null } }),
          }),
      );
      await declare();
      expect((await mails()).map(({ template, email }) => [template, email])).toEqual([
        ['withdrawal', 'ada@example.com'],
        ['withdrawal_vendor', 'help@acme.example'],
      ]);
    });

    it('sends nobody a text of somebody else: no address of the web, no second line', async () => {
      for (const text of ['See https://evil.example', 'www.evil.example waits', 'evil.example/prize']) {
        expect((await declare({ name: text })).status).toBe(422);
        expect((await declare({ order: text })).status).toBe(422);
      }
      expect(await mails()).toEqual([]);
      await declare({ name: 'Ada\r\n\r\nCall  this number' });
      expect(await rows()).toMatchObject([{ name: 'Ada Call this number' }]);
    });

    it('takes a few a minute from one network, whatever the addresses', async () => {
      const statuses = [];
      for (let i = 0; i < 15; i++) statuses.push((await declare({ email: `ada${i}@example.com` })).status);
      expect(statuses.slice(0, 10)).toEqual(Array(10).fill(200));
      expect(statuses.slice(10)).toEqual(Array(5).fill(429));
    });

    it('answers alike whether there is such an order or not, and changes nothing', async () => {
      const { order } = await bought();
      const before = await grants();
      const words = ({ text }: { text: string }) => text.replace(/(ord|wdr)_\w+/g, '…').replace(/\d\d:\d\d:\d\d/g, '');
      const known = await declare({ order: order.id });
      const unknown = await declare({ order: order.id.replace(/.$/, (sign: string) => (sign === '0' ? '1' : '0')) });
      const foreign = await declare({ order: order.id, email: 'eve@example.com' });
      expect(words(unknown)).toBe(words(known));
      expect(words(foreign).replaceAll('eve@', 'ada@')).toBe(words(known));
      expect((await rows()).map(({ order_id }) => order_id)).toEqual([order.id, null, null]);
      expect(await grants()).toEqual(before);
    });

    it('says what is missing, writes no more than five mails a day to one address, and may be off', async () => {
      expect((await declare({ email: 'ada' })).status).toBe(422);
      expect((await declare({ order: '' })).status).toBe(422);
      for (let i = 0; i < 7; i++) await declare({ order: `order ${i}` });
      expect(await rows()).toHaveLength(7);
      expect((await mails()).filter(({ template }) => template === 'withdrawal')).toHaveLength(5);
      acme = await seller({ withdrawals: false });
      expect((await get(`/withdraw/${acme.slug}`)).status).toBe(404);
      expect((await declare()).status).toBe(404);
      expect((await get('/withdraw')).status).toBe(200);
    });
  });
});
