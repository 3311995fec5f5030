import { expect, it } from 'vitest';
import { MINUTE } from '../../src/clock.ts';
import { callerOf } from '../support/api-server.ts';
import { allOf, joomlaPoll, onEachJourney, startTime } from '../support/journey.ts';
import { startServerProcess } from '../support/server-process.ts';
import { CONSENT, SITE, STRIPE, sellWithStripe } from '../support/stripe-journey.ts';

const BUYERS = ['a', 'b', 'c', 'd'].map((name) => `${name}@example.com`);

/** The server as an operator starts it is killed when it has taken what Stripe told and asks Stripe about it. */
onEachJourney('a server that is killed while money comes in', STRIPE, (journey, stripe) => {
  it('leaves nothing behind that the next one does not do, once', async () => {
    await sellWithStripe(journey(), stripe());
    await journey().stop();
    const { PORT: _, PUBLIC_URL: __, ...env } = journey().env;
    const server = await startServerProcess(env);
    const orders: string[] = [];
    try {
      await server.ready();
      const site = callerOf(server.url, null);
      journey().time.now = startTime();
      for (const email of BUYERS) {
        const body = { organization: 'acme', items: [{ price: 'once' }], email, consent: { version: CONSENT.version } };
        const begun = await site.post('/api/checkout/session', body, { headers: { Origin: SITE } });
        expect([begun.status, begun.text]).toEqual([201, begun.text]);
        const session = [...stripe().world.sessions.values()].find(({ url }) => url === begun.json.url);
        stripe().pay(session?.id ?? '', { email });
        orders.push(begun.json.order_id);
      }
      // So that it is in the middle of two of them.
      stripe().faults.push({ fault: 'drip', on: /^GET/, times: 2 });
      const statuses = await stripe().deliver(`${server.url}/api/stripe/webhook/acme`);
      expect(statuses.every((status) => status === 200)).toBe(true);
    } finally {
      await server.kill();
    }
    stripe().faults.length = 0;

    // Longer than what it had in hand stays reserved for it.
    journey().pass(10 * MINUTE);
    await journey().restart();
    await journey().work();
    for (const id of orders) {
      const { json } = await journey().operator.get(`/orders/${id}`);
      expect(json).toMatchObject({ state: 'paid', trouble: '' });
      expect(json.grants).toHaveLength(1);
    }
    const licenses = await allOf(journey().operator, '/organizations/acme/licenses');
    expect(licenses.filter(({ master }) => !master)).toHaveLength(BUYERS.length);
    const mails = journey().mails();
    expect([...new Set(mails.map(({ envelope }) => envelope.to[0]))].sort()).toEqual(BUYERS);
    const keys = new Set(mails.map(({ text }) => /FG1(-[0-9A-Z]{7}){4}/.exec(text)?.[0] ?? ''));
    expect(keys.size).toBe(BUYERS.length);
    for (const key of keys) expect((await joomlaPoll(journey(), key)).code).toBe('VALID');
  }, 60_000);
});
