import { expect } from 'vitest';
import { MINUTE } from '../../src/clock.ts';
import type { Answer } from './api-server.ts';
import { type FakeStripe, startFakeStripe } from './fake-stripe.ts';
import type { Journey } from './journey.ts';

/** What a vendor and his buyers do with Stripe, whatever comes of it. */

export const STRIPE_KEY = 'sk_live_s3cretOfAcme';
export const STRIPE_HOOK_SECRET = 'whsec_s3cretOfTheWebhook';
/** The vendor's own site. */
export const SITE = 'https://www.acme.example';
export const CONSENT = { version: '2026-01', text: 'I agree that the download begins at once.' };

export const STRIPE = {
  start: (clock: () => number) =>
    startFakeStripe({ clock, live: true, secretKey: STRIPE_KEY, hookSecret: STRIPE_HOOK_SECRET }),
  env: ({ url }: FakeStripe) => ({ STRIPE_API_BASE: url }),
  close: (fake: FakeStripe) => fake.close(),
};

/** Connects Stripe and makes the packages `One site` (once, monthly) and `Ten sites` (monthly_big). */
export async function sellWithStripe({ command, pass, work }: Journey, stripe: FakeStripe): Promise<void> {
  stripe.price({ id: 'price_once', amount: 4900 });
  stripe.price({ id: 'price_month', amount: 900, interval: 'month' });
  stripe.price({ id: 'price_big', amount: 1900, interval: 'month' });
  await command('payments', 'connect', 'acme', '--provider', 'stripe', '--mode', 'live', '--secret-key', STRIPE_KEY);
  await command('payments', 'hook', 'acme');
  const sell = (name: string, sites: string, length: string, ...prices: string[]) =>
    command(
      ...['package', 'create', '--org', 'acme', '--name', name, '--length', length, '--sites', sites],
      ...prices.flatMap((price) => ['--price', `stripe:${price}`]),
    );
  await sell('One site', '1', '1y', 'price_once:once', 'price_month:monthly');
  await sell('Ten sites', '10', '1m', 'price_big:monthly_big');
  await command(
    ...['organization', 'set', 'acme', '--terms-url', `${SITE}/terms`, '--privacy-url', `${SITE}/privacy`],
    ...['--consent-version', CONSENT.version, '--consent-text', CONSENT.text, '--origins', SITE],
    ...['--mail-reply-to', 'help@acme.example'],
  );
  // What the prices cost at Stripe is looked up by the server, after the commands, which take the real time.
  pass(MINUTE);
  await work();
}

export interface Bought {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any answer and fails where a field is missing
  order: any;
  orderUrl: string;
  key: string;
  sessionId: string;
  /** At Stripe; 'undefined' of what is not paid again. */
  subscription: string;
}

export function buyersAt(journey: () => Journey, stripe: () => FakeStripe) {
  const hookUrl = () => `${journey().url}/api/stripe/webhook/acme`;

  /** Stripe delivers what happened, and everything that follows is done. */
  async function settle(): Promise<void> {
    const statuses = await stripe().deliver(hookUrl());
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    await journey().work();
  }

  /** What a page of the vendor's site sends. */
  function checkout(items: object[], more: object = {}, origin = SITE): Promise<Answer> {
    const body = { organization: 'acme', items, consent: { version: CONSENT.version }, ...more };
    return journey().anybody.post('/api/checkout/session', body, { headers: { Origin: origin } });
  }

  function sessionAt(url: string): string {
    const session = [...stripe().world.sessions.values()].find((each) => each.url === url);
    if (!session) throw new Error(`there is no payment page ${url}`);
    return session.id;
  }

  /** The key as the page of the order shows it; '': it shows none. */
  async function keyOn(orderUrl: string): Promise<string> {
    const { status, text } = await journey().page(orderUrl);
    expect(status).toBe(200);
    return /<input class="key"[^>]* value="([^"]+)"/.exec(text)?.[1] ?? '';
  }

  /** Bought and paid on the site of the vendor. */
  async function bought(price: string, email: string): Promise<Bought> {
    const begun = await checkout([{ price }], { email });
    expect([begun.status, begun.text]).toEqual([201, begun.text]);
    const sessionId = sessionAt(begun.json.url);
    stripe().pay(sessionId, { email, name: 'Ada Lovelace' });
    await settle();
    const order = (await journey().operator.get(`/orders/${begun.json.order_id}`)).json;
    const orderUrl = String(begun.json.order_url);
    const subscription = String(stripe().world.sessions.get(sessionId)?.subscription);
    return { order, orderUrl, key: await keyOn(orderUrl), sessionId, subscription };
  }

  /** Until an instant, with what Stripe and the schedule of the server do by then. */
  async function until(instant: number): Promise<void> {
    journey().pass(instant - journey().time.now);
    stripe().advance();
    await settle();
    await journey().chores('hourly');
    await settle();
  }

  const endOf = (subscription: string) =>
    Number(stripe().world.subscriptions.get(subscription)?.items.data[0]?.current_period_end) * 1_000;

  return { hookUrl, settle, checkout, sessionAt, keyOn, bought, until, endOf };
}
