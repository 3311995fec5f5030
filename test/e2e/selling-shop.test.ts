import { createHmac } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { DAY, HOUR, toIso } from '../../src/clock.ts';
import { allOf, joomlaPoll, onEachJourney } from '../support/journey.ts';

/** The lives of a vendor and his buyers whose shop tells of its sales by signed events, and one whose shop asks for the keys. */

const NOBODY = { start: async () => null, env: () => ({}), close: async () => undefined };
const ORG = '/organizations/acme';
const KEY = /^FG1(-[0-9A-Z]{7}){4}$/;

onEachJourney('selling through a shop of another kind', NOBODY, (journey) => {
  let accountId = '';
  let secret = '';
  let admin = '';
  let told = 0;
  let start = 0;

  beforeAll(async () => {
    const { command, time } = journey();
    start = time.now;
    const made = await command('payments', 'connect', 'acme', '--provider', 'shop', '--mode', 'live');
    accountId = made.id;
    const hook = await command('payments', 'hook', 'acme');
    secret = hook.hook_secret;
    await command(
      ...['package', 'create', '--org', 'acme', '--name', 'One site', '--length', '1y', '--sites', '1'],
      ...['--price', 'shop:sku-1:once,amount=4900,currency=EUR'],
      ...['--price', 'shop:sku-2:monthly,amount=900,currency=EUR,interval=1m'],
    );
    admin = (await command('token', 'create', '--name', 'shop', '--scopes', 'payments:write', '--organization', 'acme'))
      .token;
  });

  /** As the client of docs/shops.md does. */
  async function send(event: object): Promise<string> {
    told += 1;
    const body = JSON.stringify(event);
    const id = `told-${told}`;
    const now = Math.floor(journey().time.now / 1_000);
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${now}.${body}`).digest('base64');
    const answer = await fetch(`${journey().url}/api/v1/payments/events?account=${accountId}`, {
      method: 'POST',
      headers: {
        ...{ 'webhook-id': id, 'webhook-timestamp': String(now), 'webhook-signature': `v1,${mac}` },
        'Content-Type': 'application/json',
      },
      body,
    });
    const text = await answer.text();
    return answer.status === 202 ? '' : `${answer.status} ${text}`;
  }

  async function tell(...events: object[]) {
    for (const event of events) expect(await send(event)).toBe('');
    await journey().work();
    // What came before what it is about waits a while.
    journey().pass(10 * 60_000);
    await journey().work();
  }

  const customer = (email: string) => ({ email, name: 'Ada', language: 'de' });
  const at = (days: number) => toIso(start + days * DAY);
  const paid = (order: string, email: string, change: object = {}) => ({
    ...{ type: 'paid', order, items: [{ price: 'once' }], customer: customer(email) },
    ...{ amount_minor: 4900, currency: 'EUR', at: at(0), ...change },
  });
  const cycle = (order: string) => ({ order, subscription: { id: `S-${order}` }, amount_minor: 900, currency: 'EUR' });
  const period = (from: number, to: number) => ({ period: { start: at(from), end: at(to) }, at: at(from) });

  const mailsTo = (email: string) =>
    journey()
      .mails()
      .filter(({ envelope }) => envelope.to.includes(email));
  const keyIn = (text = '') => /FG1(-[0-9A-Z]{7}){4}/.exec(text)?.[0] ?? '';
  const code = async (key: string) => (await joomlaPoll(journey(), key)).code;

  it('a sale makes a key that goes out by mail, told once or ten times; a refund closes it', async () => {
    const sale = paid('1001', 'ada@example.com');
    await tell(sale, ...Array.from({ length: 9 }, () => sale));
    const [mail, ...others] = mailsTo('ada@example.com');
    expect([others, mail?.headers['subject']]).toEqual([[], expect.stringContaining('Lizenz')]);
    const key = keyIn(mail?.text);
    expect(await joomlaPoll(journey(), key)).toEqual({ code: 'VALID', versions: ['1.1.0', '1.0.0'] });
    const refund = { id: 'R-1', amount_minor: 4900, reason: 'withdrawn' };
    await tell({ type: 'refunded', order: '1001', refund, at: toIso(journey().time.now) });
    expect(await code(key)).toBe('CANCELED');
    expect(mailsTo('ada@example.com').map(({ headers }) => headers['subject'])).toEqual([
      expect.stringMatching(/49,00/),
    ]);
  });

  it('a refund that is told before its sale leaves nothing open', async () => {
    const refund = { id: 'R-2', amount_minor: 4900, reason: '' };
    await tell({ type: 'refunded', order: '1002', refund, at: toIso(journey().time.now) });
    await tell(paid('1002', 'bob@example.com'));
    journey().pass(2 * HOUR);
    await journey().work();
    const [order] = await allOf(journey().operator, `${ORG}/orders?external_id=1002`);
    expect(order.grants.map((each: { state: string }) => each.state)).toEqual(['closed']);
  });

  it('a wrong amount gives nothing and is an alert; a stranger is told nothing', async () => {
    await tell(paid('1003', 'eve@example.com', { amount_minor: 1 }));
    const [alert] = await allOf(journey().operator, `${ORG}/payments/alerts`);
    expect(alert).toMatchObject({ code: expect.stringContaining('AMOUNT'), provider: 'shop' });
    expect(mailsTo('eve@example.com')).toEqual([]);
    const right = secret;
    secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(await send(paid('1004', 'eve@example.com'))).toMatch(/^400 /);
    secret = right;
  });

  it('a subscription is told in any order, fails, recovers and is canceled', async () => {
    const begun = paid('2001', 'sue@example.com', {
      ...{ ...cycle('2001'), items: [{ price: 'monthly' }], ...period(0, 30) },
    });
    await tell(begun);
    const key = keyIn(mailsTo('sue@example.com')[0]?.text);
    const renewed = (from: number, to: number) => ({ type: 'renewed', ...cycle('2001'), ...period(from, to) });
    journey().pass(start + 30 * DAY + HOUR - journey().time.now);
    await tell({ type: 'failed', order: '2001', subscription: { id: 'S-2001' }, ...period(30, 60) });
    expect(await code(key)).toBe('PAST_DUE');
    journey().pass(8 * DAY);
    expect(await code(key)).toBe('EXPIRED');
    await tell({ ...renewed(30, 60), at: at(38) });
    expect(await code(key)).toBe('VALID');
    // Two periods, the later one first.
    journey().pass(start + 95 * DAY - journey().time.now);
    await tell(renewed(90, 120), renewed(60, 90));
    expect(await code(key)).toBe('VALID');
    await tell({ type: 'canceled', order: '2001', subscription: { id: 'S-2001' }, at: at(95) });
    journey().pass(start + 119 * DAY - journey().time.now);
    expect(await code(key)).toBe('EXPIRING');
    journey().pass(2 * DAY);
    expect(await code(key)).toBe('EXPIRED');
    const subjects = mailsTo('sue@example.com').map(({ headers }) => headers['subject']);
    expect(subjects.length).toBeGreaterThanOrEqual(3);
    const [subscription] = await allOf(journey().operator, `${ORG}/subscriptions?external_id=S-2001`);
    expect(subscription).toMatchObject({ runs: false, cancel_at: subscription.paid_through });
    expect(subscription.grants).toHaveLength(4);
    const summary = (await journey().operator.get(`${ORG}/payments/summary`)).json;
    expect(summary.live.subscriptions).toEqual({ running: 0, past_due: 0, canceling: 0 });
  });

  it('a shop that asks for the key gets it as plain text, the same again, and nothing where something is wrong', async () => {
    const { operator, url } = journey();
    const wish = { preset: 'fastspring', sell: 'once', keys: 'quantity' };
    const made = await operator.post(`/payments/accounts/${accountId}/key-address`, wish);
    expect(made.status).toBe(200);
    const ask = async (address: string, fields: Record<string, string>, headers: Record<string, string> = {}) => {
      const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(fields), headers });
      return { status: answer.status, text: await answer.text() };
    };
    const order = { reference: 'FS-1', quantity: '2', email: 'fay@example.com', name: 'Fay' };
    const first = await ask(made.json.address, order);
    const keys = first.text.trim().split(/\r?\n/);
    expect([first.status, keys.length]).toEqual([200, 2]);
    for (const key of keys) {
      expect(key).toMatch(KEY);
      expect(await code(key)).toBe('VALID');
    }
    expect(await ask(made.json.address, order)).toEqual(first);
    const wrong = await ask(made.json.address.replace('once', 'free'), order);
    expect([wrong.status >= 400, wrong.text]).toEqual([true, '']);
    const byToken = await ask(
      `${url}/api/v1/payments/keys/acme`,
      { order: 'T-1', product: 'once', email: 'tom@example.com' },
      {
        Authorization: `Bearer ${admin}`,
      },
    );
    expect([byToken.status, byToken.text.trim()]).toEqual([200, expect.stringMatching(KEY)]);
  });
});
