import { expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/clock.ts';
import { allOf, joomlaPoll, linkIn, onEachJourney } from '../support/journey.ts';
import { buyersAt, CONSENT, SITE, STRIPE, STRIPE_KEY } from '../support/stripe-journey.ts';

/** The lives of a vendor and his buyers with Stripe, by command, HTTP and mail as they live them. */

const ORG = '/organizations/acme';

onEachJourney('selling through Stripe', STRIPE, (journey, stripe) => {
  const { hookUrl, settle, checkout, sessionAt, keyOn, bought, until, endOf } = buyersAt(journey, stripe);
  const poll = (key: string) => joomlaPoll(journey(), key);
  const subjects = (to: string) =>
    journey()
      .mails()
      .filter(({ envelope }) => envelope.to.includes(to))
      .map(({ headers }) => headers['subject']);
  const licenseOf = async (id: string) => (await journey().operator.get(`/licenses/${id}`)).json;
  const alerts = () => allOf(journey().operator, `${ORG}/payments/alerts`);
  const subscriptionBy = async (externalId: string) =>
    (await allOf(journey().operator, `${ORG}/subscriptions?external_id=${externalId}`))[0];
  it('the vendor connects, and is told what is missing until nothing is', async () => {
    const { run, command } = journey();
    const codes = async () => {
      const { code, json } = await run('payments', 'check', 'acme', '--json');
      const all = [...json.findings, ...json.accounts.flatMap((each: { findings: object[] }) => each.findings)];
      const bad = all.filter(({ severity }) => severity !== 'ok');
      return [code, bad.map((each) => each.code).sort()];
    };
    expect(await codes()).toEqual([1, ['NOT_HTTPS', 'NO_ACCOUNT', 'NO_PRICES', 'SELLER_SETTINGS']]);
    const connect = ['payments', 'connect', 'acme', '--provider', 'stripe', '--mode', 'live'];
    const made = await command(...connect, '--secret-key', STRIPE_KEY);
    expect(made.hook_url).toBe(hookUrl());
    expect(await codes()).toEqual([1, ['HOOK_MISSING', 'NOT_HTTPS', 'NO_PRICES', 'SELLER_SETTINGS']]);
    expect((await run('payments', 'check', 'acme')).said).toContain('feedgate payments hook');
    await command('payments', 'hook', 'acme');
    expect([...stripe().world.endpoints.values()]).toMatchObject([{ url: hookUrl(), status: 'enabled' }]);

    stripe().price({ id: 'price_once', amount: 4900 });
    stripe().price({ id: 'price_month', amount: 900, interval: 'month' });
    stripe().price({ id: 'price_big', amount: 1900, interval: 'month' });
    const sell = (name: string, sites: string, length: string, ...prices: string[]) =>
      command(
        ...['package', 'create', '--org', 'acme', '--name', name, '--length', length, '--sites', sites],
        ...prices.flatMap((price) => ['--price', `stripe:${price}`]),
      );
    await sell('One site', '1', '1y', 'price_once:once', 'price_month:monthly');
    await sell('Ten sites', '10', '1m', 'price_big:monthly_big', 'price_gone:gone');
    expect(await codes()).toEqual([1, ['NOT_HTTPS', 'PRICE_GONE', 'SELLER_SETTINGS']]);
    await command('package', 'change', 'Ten sites', '--org', 'acme', '--price', 'stripe:price_big:monthly_big');
    await command(
      ...['organization', 'set', 'acme', '--terms-url', `${SITE}/terms`, '--privacy-url', `${SITE}/privacy`],
      ...['--consent-version', CONSENT.version, '--consent-text', CONSENT.text, '--origins', SITE],
      ...['--mail-reply-to', 'help@acme.example'],
    );
    expect(await codes()).toEqual([0, ['NOT_HTTPS']]);
  });

  it('a marketing site shows the plans and begins a payment, with consent and from a listed origin', async () => {
    const plans = await journey().anybody.get('/api/public/plans?organization=acme', { headers: { Origin: SITE } });
    expect([plans.status, plans.headers.get('access-control-allow-origin')]).toEqual([200, SITE]);
    expect(plans.json).toMatchObject({ test: false, consent: CONSENT });
    const prices = plans.json.items.flatMap((each: { prices: object[] }) => each.prices);
    expect(prices).toMatchObject([
      { code: 'once', amount_minor: 4900, currency: 'EUR', interval: null },
      { code: 'monthly', amount_minor: 900, interval: { value: 1, unit: 'month' } },
      { code: 'monthly_big', amount_minor: 1900 },
    ]);
    expect((await journey().page(prices[0].buy_url)).text).toContain(CONSENT.text);
    expect((await checkout([{ price: 'once' }], {}, 'https://evil.example')).json.code).toBe('FORBIDDEN');
    expect((await checkout([{ price: 'once' }], { consent: undefined })).status).toBe(400);
    expect((await checkout([{ price: 'once' }], { success_url: 'https://evil.example/' })).status).toBe(400);
  });

  it('who pays gets a key on the page of the order and by mail, and with it the newest file', async () => {
    const begun = await checkout([{ price: 'once' }], { email: 'ada@example.com', language: 'de' });
    expect(await keyOn(begun.json.order_url)).toBe('');
    stripe().pay(sessionAt(begun.json.url), { email: 'ada@example.com', name: 'Ada Lovelace' });
    await settle();
    const { text } = await journey().page(begun.json.order_url);
    const key = await keyOn(begun.json.order_url);
    expect(key).toMatch(/^FG1-/);
    const file = linkIn(text, `${journey().url}/k/`);
    const got = await fetch(file);
    expect([
      got.status,
      Buffer.from(await got.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ]).toEqual([200, 'PK']);
    expect(file).toContain('1.1.0');
    expect((await fetch(file.replace(/\/k\/[^/]+/, ''))).status).toBe(403);
    expect(await poll(key)).toEqual({ code: 'VALID', versions: ['1.1.0', '1.0.0'] });

    const [mail, ...others] = journey().mails();
    expect(others).toEqual([]);
    expect(mail?.envelope).toEqual({ from: 'shop@acme.example', to: ['ada@example.com'] });
    expect(mail?.headers['reply-to']).toContain('help@acme.example');
    expect(mail?.text).toContain(`\n${key}\n`);
    expect(mail?.html).toContain(key);
    expect(mail?.headers['subject']).toContain('Lizenz');
    expect(await keyOn(linkIn(mail?.text ?? '', `${journey().url}/order/`))).toBe(key);
    await settle();
    expect(journey().mails()).toEqual([]);

    const order = (await journey().operator.get(`/orders/${begun.json.order_id}`)).json;
    expect(order).toMatchObject({ state: 'paid', trouble: '', consent: { version: CONSENT.version } });
    expect(order.grants).toMatchObject([{ source: 'purchase', quantity: 1, state: 'open' }]);
    expect(order.events).toMatchObject([{ type: 'checkout.session.completed', state: 'done' }]);
    expect(order.url).toContain('https://dashboard.stripe.com/');
  });

  it('an event that was lost is found when the vendor has Stripe asked, by the API or by command', async () => {
    const asked = await checkout([{ price: 'once' }], { email: 'lost@example.com' });
    stripe().pay(sessionAt(asked.json.url), { email: 'lost@example.com' });
    expect(stripe().take().length).toBeGreaterThan(0);
    const answer = await journey().operator.post(`${ORG}/payments/reconcile`, {});
    expect([answer.status, answer.json.accounts[0]?.events > 0]).toEqual([200, true]);
    await journey().work();
    expect(
      journey()
        .mails()
        .map(({ envelope }) => envelope.to),
    ).toEqual([['lost@example.com']]);
    const begun = await checkout([{ price: 'once' }], { email: 'lost@example.com' });
    stripe().pay(sessionAt(begun.json.url), { email: 'lost@example.com' });
    expect(stripe().take().length).toBeGreaterThan(0);
    await journey().work();
    expect((await journey().operator.get(`/orders/${begun.json.order_id}`)).json.state).toBe('open');
    expect((await journey().command('payments', 'reconcile', 'acme')).new_events).toBeGreaterThan(0);
    // The command takes the real time.
    journey().pass(MINUTE);
    await journey().work();
    expect((await journey().operator.get(`/orders/${begun.json.order_id}`)).json.state).toBe('paid');
    expect(
      journey()
        .mails()
        .map(({ envelope }) => envelope.to),
    ).toEqual([['lost@example.com']]);
  });

  it('buyers who pay in the same moment get their keys at the first look, and in no circle of locks', async () => {
    const emails = Array.from({ length: 8 }, (_, i) => `crowd${i}@example.com`);
    for (const email of emails) {
      const begun = await checkout([{ price: 'once' }], { email });
      stripe().pay(sessionAt(begun.json.url), { email });
    }
    await settle();
    const received = journey().mails();
    expect(received.map(({ envelope }) => envelope.to[0]).sort()).toEqual(emails);
    const events = await allOf(journey().operator, `${ORG}/payments/events`);
    expect(events.filter(({ attempts }) => attempts > 0)).toEqual([]);
    expect(journey().lines.filter((line) => line.includes('deadlock'))).toEqual([]);
  });

  it('a subscription renews itself; a charge that fails gives a grace, three mails and an end, and then recovers', async () => {
    const { key, order, subscription } = await bought('monthly', 'sue@example.com');
    const mails = journey().mails();
    expect(mails.map(({ headers }) => headers['subject'])).toEqual(['Your license key for hello']);
    expect(mails[0]?.text).toContain('then it renews itself');
    const [license] = order.grants.map((each: { license_id: string }) => each.license_id);
    const first = endOf(subscription);
    expect((await licenseOf(license)).valid_until).toBe(new Date(first).toISOString());
    await until(first + HOUR);
    const second = endOf(subscription);
    expect(second).toBeGreaterThan(first);
    expect((await licenseOf(license)).valid_until).toBe(new Date(second).toISOString());
    expect((await poll(key)).code).toBe('VALID');

    stripe().declines = 3;
    await until(second + 2 * HOUR);
    expect((await poll(key)).code).toBe('PAST_DUE');
    expect(await subscriptionBy(subscription)).toMatchObject({ state: 'past_due' });
    const failed = 'hello: the payment did not go through';
    expect(subjects('sue@example.com')).toEqual([failed]);
    await until(second + 2 * DAY);
    expect(subjects('sue@example.com')).toEqual([]);
    await until(second + 3 * DAY + 3 * HOUR);
    expect(subjects('sue@example.com')).toEqual([failed]);
    await until(second + 6 * DAY + 3 * HOUR);
    expect(subjects('sue@example.com')).toEqual([failed]);
    expect((await poll(key)).code).toBe('PAST_DUE');
    // Stripe's next try is late.
    journey().pass(second + 7 * DAY + 3 * HOUR - journey().time.now);
    expect(await poll(key)).toMatchObject({ code: 'EXPIRED', versions: [] });
    expect(stripe().declines).toBe(0);
    stripe().advance();
    await settle();
    expect((await poll(key)).code).toBe('VALID');
    expect(subjects('sue@example.com')).toEqual(['hello: your payment has arrived']);
    expect(await subscriptionBy(subscription)).toMatchObject({ state: 'active', failed_at: null, runs: true });
  });

  it('a subscription is changed up at once and down with the period, canceled, taken up again and looked after', async () => {
    const { operator, anybody } = journey();
    const { key, order, subscription } = await bought('monthly', 'carl@example.com');
    expect(subjects('carl@example.com')).toHaveLength(1);
    const [license] = order.grants.map((each: { license_id: string }) => each.license_id);
    const { id } = await subscriptionBy(subscription);
    const sites = async () => (await licenseOf(license)).limits.sites.max;
    const act = async (action: string, body: object = {}) => {
      const { status, json, text } = await operator.post(`/subscriptions/${id}/${action}`, body);
      expect([status, text]).toEqual([200, text]);
      await settle();
      return json;
    };
    expect(await sites()).toBe(1);
    const end = endOf(subscription);
    await until(end - 10 * DAY);
    await act('change', { price: 'monthly_big', when: 'now' });
    expect(await sites()).toBe(10);
    await act('change', { price: 'monthly', when: 'period_end' });
    expect(await sites()).toBe(10);
    await until(end + HOUR);
    expect(await sites()).toBe(1);
    expect((await poll(key)).code).toBe('VALID');

    subjects('');
    const next = endOf(subscription);
    expect(await act('cancel', { when: 'period_end' })).toMatchObject({ runs: false });
    expect(subjects('carl@example.com')).toEqual(['hello: your subscription is canceled']);
    expect((await poll(key)).code).toBe('VALID');
    expect(await act('uncancel')).toMatchObject({ runs: true, cancel_at: null });
    const portal = await anybody.post('/api/public/subscriptions/portal', { key });
    expect([portal.status, portal.json?.url]).toEqual([200, expect.stringContaining('billing.stripe.com')]);
    const own = await anybody.post('/api/public/subscriptions/cancel', { key });
    expect([own.status, own.json?.cancel_at]).toEqual([200, new Date(next).toISOString()]);
    await settle();
    await until(next - DAY);
    expect((await poll(key)).code).toBe('EXPIRING');
    await until(next + HOUR);
    expect((await poll(key)).code).toBe('EXPIRED');
    expect((await anybody.post('/api/public/subscriptions/cancel', { key })).status).not.toBe(500);
  });

  it('money that goes back is told, closes what it paid for, and suspends while it is disputed', async () => {
    const one = await bought('once', 'rita@example.com');
    journey().mails();
    const intent = String(stripe().world.sessions.get(one.sessionId)?.payment_intent);
    stripe().refund(intent, { amount: 900 });
    await settle();
    expect((await poll(one.key)).code).toBe('VALID');
    const [partial] = journey().mails();
    expect(partial?.headers['subject']).toMatch(/^hello: \D*9\.00\D* refunded$/);
    const dispute = stripe().dispute(intent, { amount: 4000 });
    await settle();
    expect((await poll(one.key)).code).toBe('SUSPENDED');
    const [found] = await allOf(journey().operator, `${ORG}/disputes?external_id=${dispute.id}`);
    expect(found).toMatchObject({ state: 'open', held_at: expect.any(String), grants: [{ state: 'open' }] });
    stripe().moveDispute(dispute.id, 'won');
    await settle();
    expect((await poll(one.key)).code).toBe('VALID');
    journey().mails();
    stripe().refund(intent);
    await settle();
    expect((await poll(one.key)).code).toBe('CANCELED');
    expect(subjects('rita@example.com')).toEqual([expect.stringMatching(/^hello: \D*40\.00\D* refunded$/)]);
    expect((await journey().page(one.orderUrl)).text).toContain('This was given back');
    const seen = (await journey().operator.get(`/orders/${one.order.id}`)).json;
    expect(seen.grants).toMatchObject([{ state: 'closed' }]);
    const [payment] = await allOf(journey().operator, `${ORG}/payments?order_id=${one.order.id}`);
    expect(payment).toMatchObject({ amount_minor: 4900, refunded_minor: 4900, currency: 'EUR' });
    const refunds = await allOf(journey().operator, `${ORG}/refunds?order_id=${one.order.id}`);
    expect(refunds.map((each) => each.amount_minor).sort()).toEqual([4000, 900]);
  });

  it('a reminder leads to the page on which the same license is renewed, or changed', async () => {
    const { key, order } = await bought('once', 'rene@example.com');
    journey().mails();
    const [license] = order.grants.map((each: { license_id: string }) => each.license_id);
    const end = Date.parse((await licenseOf(license)).valid_until);
    await until(end - 6 * DAY);
    const reminder = journey()
      .mails()
      .find(({ envelope }) => envelope.to.includes('rene@example.com'));
    expect(reminder?.headers['subject']).toMatch(/^hello: your license ends on /);
    const renew = linkIn(reminder?.text ?? '', `${journey().url}/renew/`);
    const page = await journey().page(renew);
    expect([page.status, page.text.includes('value="into:once"'), page.text.includes('switch:')]).toEqual([
      ...[200, true, true],
    ]);
    const pay = async (choice: string) => {
      const form = { choice, quantity: '1', consent: 'yes', consent_version: CONSENT.version };
      const sent = await journey().page(renew, form);
      expect([sent.status, sent.text]).toEqual([200, expect.stringContaining('On to the payment')]);
      stripe().pay(sessionAt(linkIn(sent.text, 'https://checkout.stripe.com')), { email: 'other@example.com' });
      await settle();
    };
    expect((await journey().page(renew, { choice: 'into:once' })).text).toContain('agreed');
    await pay('into:once');
    const after = Date.parse((await licenseOf(license)).valid_until);
    expect(after - end).toBeGreaterThanOrEqual(365 * DAY);
    expect((await poll(key)).code).toBe('VALID');
    expect(subjects('rene@example.com')).toEqual(['Renewed: hello']);
    await pay('switch:monthly_big');
    expect((await licenseOf(license)).limits.sites.max).toBe(10);
    expect((await poll(key)).code).toBe('VALID');
    const found = await allOf(journey().operator, `${ORG}/licenses?customer_email=rene@example.com`);
    expect(found.map((each) => each.id)).toEqual([license]);
  });

  it('a withdrawal is declared in two steps, confirmed by mail, told to the vendor, and changes nothing', async () => {
    const { key, order, orderUrl } = await bought('once', 'wim@example.com');
    journey().mails();
    const { text } = await journey().page(orderUrl);
    const url = linkIn(text, `${journey().url}/withdraw/acme`);
    const answers: string[] = [];
    for (const reference of [order.id, 'ord_nobody']) {
      const form = { order: reference, email: 'wim@example.com', name: 'Wim' };
      const check = await journey().page(url, { ...form, step: 'check' });
      expect([check.status, check.text.includes('Confirm withdrawal')]).toEqual([200, true]);
      const done = await journey().page(url, { ...form, step: 'confirm' });
      expect(done.status).toBe(200);
      answers.push(done.text.replaceAll(reference, 'REF').replaceAll(/wdr_[a-z0-9]+/g, 'ID'));
    }
    expect(answers[0]).toBe(answers[1]);
    await settle();
    const mails = journey().mails();
    expect(mails.map(({ envelope }) => envelope.to[0]).sort()).toEqual([
      ...['help@acme.example', 'help@acme.example', 'wim@example.com', 'wim@example.com'],
    ]);
    expect((await poll(key)).code).toBe('VALID');
    const open = await allOf(journey().operator, `${ORG}/withdrawals?open=true`);
    expect(open.map((each) => each.order_id).sort()).toEqual([order.id, null].sort());
  });

  it('what the vendor must see to is an alert and a mail, and grants nothing', async () => {
    const [gone, ...none] = await alerts();
    expect([gone.code, none]).toEqual(['PRICE_GONE', []]);
    await journey().operator.post(`/payment-alerts/${gone.id}/dismiss`, { reason: 'it is not sold any more' });
    stripe().price({ id: 'price_foreign', amount: 100, interval: 'month' });
    const { subscription } = await bought('monthly', 'alan@example.com');
    const item = stripe().world.subscriptions.get(subscription)?.items.data[0]?.id ?? '';
    stripe().changeItems(subscription, [{ id: item, price: 'price_foreign' }]);
    await settle();
    const [alert] = await alerts();
    expect(alert).toMatchObject({ code: 'UNKNOWN_PRICE', provider: 'stripe', mode: 'live' });
    expect(subjects('help@acme.example')).toEqual([expect.stringContaining('needs your attention')]);
    const closed = await journey().operator.post(`/payment-alerts/${alert.id}/dismiss`, { reason: 'a price of old' });
    expect(closed.status).toBe(200);
    expect(await alerts()).toEqual([]);
    expect(await allOf(journey().operator, `${ORG}/payments/events?state=stuck`)).toEqual([]);
  });

  it('the money is told by the API, of live mode only', async () => {
    const { operator } = journey();
    const summary = (await operator.get(`${ORG}/payments/summary?from=2020-01-01T00:00:00.000Z`)).json;
    expect(summary.live.currencies).toMatchObject([{ currency: 'EUR', refunded: { count: 2, amount_minor: 4900 } }]);
    expect(summary.test.currencies).toEqual([]);
    for (const kind of ['orders', 'subscriptions', 'payments', 'refunds', 'disputes']) {
      const [first] = await allOf(operator, `${ORG}/${kind}`);
      const one = await operator.get(`/${kind}/${first.id}`);
      expect([kind, one.status, one.json]).toEqual([kind, 200, first]);
      expect([kind, first.url]).toEqual([kind, expect.stringContaining('https://dashboard.stripe.com/')]);
      expect([kind, first.events.length > 0]).toEqual([kind, true]);
      expect(await allOf(operator, `${ORG}/${kind}?mode=test`)).toEqual([]);
    }
    const stranger = await journey().anybody.get(`${ORG}/orders`);
    expect(stranger.status).toBe(401);
  });
});
