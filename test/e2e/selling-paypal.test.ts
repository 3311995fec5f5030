import { expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/clock.ts';
import { type FakePaypal, startFakePaypal } from '../support/fake-paypal.ts';
import { allOf, joomlaPoll, onEachJourney } from '../support/journey.ts';
import { gatewayFor } from '../support/paypal-account.ts';

/** The lives of a vendor and his buyers with PayPal, by command, HTTP and mail as they live them. */

const PAYPAL = {
  start: (clock: () => number) => startFakePaypal({ clock }),
  env: ({ url }: FakePaypal) => ({ PAYPAL_API_BASE: url }),
  gateways: (fake: FakePaypal) => ({ paypal: gatewayFor(fake) }),
  close: (fake: FakePaypal) => fake.close(),
};
const ORG = '/organizations/acme';

onEachJourney('selling through PayPal', PAYPAL, (journey, paypal) => {
  /** What PayPal told was taken, and everything that follows is done. */
  async function settle() {
    const refused = paypal().deliveries.filter(({ status }) => status !== 200);
    expect(refused).toEqual([]);
    await journey().work();
  }

  async function begin(price: string, email: string) {
    const body = { organization: 'acme', items: [{ price }], email };
    const { status, json, text } = await journey().anybody.post('/api/checkout/session', body);
    expect([status, text]).toEqual([201, text]);
    const order = await orderOf(json.order_id);
    return { orderId: String(json.order_id), orderUrl: String(json.order_url), url: String(json.url), ...order };
  }

  const orderOf = async (id: string) => {
    const { state, external_id, grants } = (await journey().operator.get(`/orders/${id}`)).json;
    return { state: String(state), externalId: String(external_id), grants };
  };

  /** The key as the page of the order shows it; '': it shows none. */
  async function keyOn(orderUrl: string): Promise<string> {
    const { status, text } = await journey().page(orderUrl);
    expect(status).toBe(200);
    return /<input class="key"[^>]* value="([^"]+)"/.exec(text)?.[1] ?? '';
  }

  /** Bought by a buyer who agrees at PayPal and never comes back. */
  async function bought(price: string, email: string) {
    const begun = await begin(price, email);
    await paypal().approve(begun.externalId, { email, givenName: 'Ada', surname: 'Lovelace' });
    await settle();
    return { ...begun, key: await keyOn(begun.orderUrl), ...(await orderOf(begun.orderId)) };
  }

  const code = async (key: string) => (await joomlaPoll(journey(), key)).code;
  const subjects = (to: string) =>
    journey()
      .mails()
      .filter(({ envelope }) => envelope.to.includes(to))
      .map(({ headers }) => headers['subject']);
  const subscriptionBy = async (externalId: string) =>
    (await allOf(journey().operator, `${ORG}/subscriptions?external_id=${externalId}`))[0];
  const paidThrough = async (externalId: string) => Date.parse((await subscriptionBy(externalId)).paid_through);

  /** Until an instant, with the chores of the server that fall due. */
  async function until(instant: number, chores: 'hourly' | 'daily' = 'hourly') {
    journey().pass(instant - journey().time.now);
    await journey().chores(chores);
    await settle();
  }

  it('the vendor connects, lets the webhook be made, and sells', async () => {
    const { run, command, ground } = journey();
    const credentials = ['--client-id', paypal().clientId, '--client-secret', paypal().secret];
    const made = await command('payments', 'connect', 'acme', '--provider', 'paypal', '--mode', 'live', ...credentials);
    expect(made.hook_url).toBe(`${journey().url}/api/paypal/webhook/acme`);
    expect((await run('payments', 'check', 'acme')).said).toContain('feedgate payments hook');
    await command('payments', 'hook', 'acme');
    expect([...paypal().webhooks.values()]).toMatchObject([{ url: made.hook_url }]);
    const plan = paypal().addPlan({ price: '9.00' });
    await command(
      ...['package', 'create', '--org', 'acme', '--name', 'One site', '--length', '1y', '--sites', '1'],
      ...['--price', 'paypal:once:once,amount=4900,currency=EUR'],
      ...['--price', `paypal:${plan.id}:monthly,amount=900,currency=EUR,interval=1m`],
    );
    await command('organization', 'set', 'acme', '--withdrawals', 'no');
    const checked = await run('payments', 'check', 'acme', '--json');
    const { findings, accounts } = checked.json;
    const bad = [...findings, ...accounts[0].findings].filter(({ severity }) => severity !== 'ok');
    expect([ground.engine, checked.code, bad.map((each) => each.code)]).toEqual([ground.engine, 0, ['NOT_HTTPS']]);
  });

  it('who agrees and never comes back is charged once by the webhook, and gets his key by mail', async () => {
    const begun = await begin('once', 'ada@example.com');
    const agreed = await fetch(begun.url, { redirect: 'manual' });
    expect([agreed.status, agreed.headers.get('location')]).toEqual([302, expect.stringContaining(begun.orderUrl)]);
    await settle();
    expect([...paypal().payments.values()]).toHaveLength(1);
    const [mail, ...others] = journey().mails();
    expect(others).toEqual([]);
    const key = await keyOn(begun.orderUrl);
    expect(mail?.text).toContain(`\n${key}\n`);
    expect(await joomlaPoll(journey(), key)).toEqual({ code: 'VALID', versions: ['1.1.0', '1.0.0'] });
    const order = (await journey().operator.get(`/orders/${begun.orderId}`)).json;
    expect(order).toMatchObject({ state: 'paid', trouble: '', grants: [{ state: 'open' }] });
    expect(order.url).toContain('paypal.com');
  });

  it('a cheque gives nothing while it is under way, the key when it is there, and nothing when it never comes', async () => {
    for (const end of ['COMPLETED', 'DECLINED'] as const) {
      paypal().nextCaptures.push('PENDING');
      const email = `${end.toLowerCase()}@example.com`;
      const { orderId, orderUrl, externalId, key, state } = await bought('once', email);
      expect([state, key, subjects(email)]).toEqual(['processing', '', []]);
      expect((await journey().page(orderUrl)).text).toContain('your bank takes its time');
      await paypal().settle(paypal().lastPayment(externalId), end);
      await settle();
      const came = end === 'COMPLETED';
      expect((await orderOf(orderId)).state).toBe(came ? 'paid' : 'failed');
      expect([await keyOn(orderUrl), subjects(email)]).toEqual(
        came ? [expect.stringMatching(/^FG1-/), ['Your license key for hello']] : ['', []],
      );
    }
  });

  it('a subscription renews, fails, is suspended and comes back, and is canceled with its paid time kept', async () => {
    const { key, externalId } = await bought('monthly', 'sue@example.com');
    expect(subjects('sue@example.com')).toEqual(['Your license key for hello']);
    const first = await paidThrough(externalId);
    await until(first + HOUR);
    await paypal().renew(externalId);
    await settle();
    const second = await paidThrough(externalId);
    expect(second - first).toBeGreaterThanOrEqual(28 * DAY - HOUR);
    expect(await code(key)).toBe('VALID');

    await until(second + HOUR);
    await paypal().fail(externalId);
    await settle();
    expect([await code(key), subjects('sue@example.com')]).toEqual([
      'PAST_DUE',
      ['hello: the payment did not go through'],
    ]);
    await until(second + 2 * DAY);
    await paypal().fail(externalId);
    await settle();
    await paypal().suspend(externalId);
    await settle();
    expect(await subscriptionBy(externalId)).toMatchObject({ state: 'paused', grace_until: null });
    await until(second + 8 * DAY);
    expect(await code(key)).toBe('EXPIRED');
    subjects('sue@example.com');

    await paypal().reactivate(externalId);
    await paypal().renew(externalId);
    await settle();
    expect(await code(key)).toBe('VALID');
    const third = await paidThrough(externalId);
    expect(third).toBeGreaterThan(second);

    const { id } = await subscriptionBy(externalId);
    const canceled = await journey().operator.post(`/subscriptions/${id}/cancel`, { when: 'period_end' });
    expect([canceled.status, canceled.json.runs]).toEqual([200, false]);
    await settle();
    expect(paypal().subscriptions.get(externalId)?.status).toBe('CANCELLED');
    await until(third - HOUR);
    expect(await code(key)).toBe('EXPIRING');
    await until(third + HOUR);
    expect(await code(key)).toBe('EXPIRED');
  });

  it('a cancellation by the key keeps the paid time; there is no portal', async () => {
    const { key, externalId } = await bought('monthly', 'kim@example.com');
    subjects('');
    const portal = await journey().anybody.post('/api/public/subscriptions/portal', { key });
    expect(portal.json.code).toBe('NOT_SUPPORTED');
    const own = await journey().anybody.post('/api/public/subscriptions/cancel', { key });
    expect(own.status).toBe(200);
    await settle();
    expect(subjects('kim@example.com')).toEqual(['hello: your subscription is canceled']);
    await until((await paidThrough(externalId)) - 20 * DAY);
    expect(await code(key)).toBe('VALID');
  });

  it('a cancellation that nobody was told of is found by the daily look', async () => {
    const { key, externalId } = await bought('monthly', 'lou@example.com');
    subjects('');
    paypal().forget(1);
    await paypal().cancel(externalId);
    await settle();
    expect((await subscriptionBy(externalId)).state).toBe('active');
    await until(journey().time.now + DAY + MINUTE, 'daily');
    expect(await subscriptionBy(externalId)).toMatchObject({ state: 'canceled', runs: false });
    expect(subjects('lou@example.com')).toEqual(['hello: your subscription is canceled']);
    await until((await paidThrough(externalId)) - 15 * DAY);
    expect(await code(key)).toBe('VALID');
    await until((await paidThrough(externalId)) + MINUTE);
    expect(await code(key)).toBe('EXPIRED');
  });

  it('money that goes back closes what it paid for, and a dispute suspends until it is won', async () => {
    const one = await bought('once', 'rita@example.com');
    const other = await bought('once', 'rita@example.com');
    expect(one.key).not.toBe(other.key);
    subjects('');
    await paypal().refund(paypal().lastPayment(one.externalId), '9.00');
    await settle();
    expect([await code(one.key), subjects('rita@example.com')]).toEqual([
      'VALID',
      [expect.stringMatching(/^hello: \D*9\.00\D* refunded$/)],
    ]);
    const dispute = await paypal().dispute([paypal().lastPayment(one.externalId)]);
    await settle();
    expect([await code(one.key), await code(other.key)]).toEqual(['SUSPENDED', 'VALID']);
    const [found] = await allOf(journey().operator, `${ORG}/disputes?external_id=${dispute.id}`);
    expect(found).toMatchObject({ state: 'open', due_at: expect.any(String) });
    await paypal().resolve(dispute.id, 'RESOLVED_SELLER_FAVOUR');
    await settle();
    expect(await code(one.key)).toBe('VALID');
    await paypal().refund(paypal().lastPayment(one.externalId));
    await settle();
    expect([await code(one.key), await code(other.key)]).toEqual(['CANCELED', 'VALID']);
    const lost = await paypal().dispute([paypal().lastPayment(other.externalId)]);
    await paypal().resolve(lost.id, 'RESOLVED_BUYER_FAVOUR', '49.00');
    await settle();
    expect(await code(other.key)).toBe('CANCELED');
    expect(await allOf(journey().operator, `${ORG}/payments/alerts`)).toEqual([]);
    expect(await allOf(journey().operator, `${ORG}/payments/events?state=stuck`)).toEqual([]);
  });
});
