import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { PaymentTrouble, type PaymentTroubleReason } from '../../src/errors.ts';
import { type CheckoutFact, NOTHING_FOUND, type Snapshot, type SubscriptionFact } from '../../src/payments/facts.ts';
import type { Gateway, ParsedEvent } from '../../src/payments/gateway.ts';
import { subscriptionOf } from './seed-payments.ts';

/** A payment provider of the simplest kind, for tests of what is the same with every provider: a little server and its gateway. */
export interface FakeProvider {
  url: string;
  gateway: Gateway;
  /** What it answers when it is asked for a subject; null: it knows nothing of it. */
  subjects: Map<string, Snapshot | null>;
  /** Which subject an object belongs to. */
  places: Map<string, string>;
  /** Its own list of events. */
  events: ParsedEvent[];
  /** What it does instead of answering, by subject; `*`: whatever it is asked. */
  faults: Map<string, PaymentTroubleReason | 'hang'>;
  /** Every question, e.g. `read subscription:sub_1`. */
  asked: string[];
  /** Called before each answer. */
  onAsked(listener: (question: string) => Promise<void> | void): void;
  close(): Promise<void>;
}

const FAKE_SECRET = 'hook_1';

export async function startFakeProvider(): Promise<FakeProvider> {
  const world = { subjects: new Map(), places: new Map(), events: [] as ParsedEvent[], faults: new Map() };
  const asked: string[] = [];
  let listener: (question: string) => Promise<void> | void = () => undefined;
  const server = createServer(async (req, res) => {
    const [what = '', name = '', page = ''] = (req.url ?? '').slice(1).split('/').map(decodeURIComponent);
    asked.push(`${what} ${name}`);
    await listener(`${what} ${name}`);
    const fault = world.faults.get(name) ?? world.faults.get('*');
    if (fault === 'hang') return;
    if (fault !== undefined) return void res.writeHead(fault === 'unauthorized' ? 401 : 500).end(fault);
    const send = (body: unknown) => res.end(JSON.stringify(body));
    if (what === 'read') return void send(world.subjects.get(name) ?? null);
    if (what === 'locate') return void send(world.places.get(name) ?? null);
    const from = Number(page);
    const next = from + 100 < world.events.length ? String(from + 100) : null;
    send({ events: world.events.slice(from, from + 100), next });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ url, gateway: fakeGateway(url), ...world, asked },
    onAsked: (next) => {
      listener = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The gateway alone, of a provider that runs elsewhere. */
export function fakeGateway(url: string): Gateway {
  async function ask<T>(...path: string[]): Promise<T> {
    const answer = await fetch(`${url}/${path.map(encodeURIComponent).join('/')}`);
    if (!answer.ok) throw new PaymentTrouble((await answer.text()) as PaymentTroubleReason, 'the fake says no');
    return (await answer.json()) as T;
  }
  const none = {
    ...{ registerHook: null, readPrice: null, startCheckout: null, subscriptions: null, portal: null },
    ...{ listSubscriptions: null, title: 'Fake', provider: 'fake' },
  };
  return {
    ...none,
    credentials: z.object({ secret: z.string() }),
    eventTypes: ['order.paid', 'subscription.changed', 'refund.made', 'price.changed', 'told'],
    async verify(raw, headers, { hookSecrets }) {
      const given = headers['fake-signature'];
      if (given === undefined) return { ok: false, reason: 'unsigned', detail: 'there is no Fake-Signature' };
      if (hookSecrets.some((secret) => signatureOf(raw, secret) === given)) return { ok: true };
      return { ok: false, reason: 'invalid', detail: 'the signature does not match' };
    },
    parse(raw, headers) {
      try {
        const event = JSON.parse(new TextDecoder().decode(raw)) as ParsedEvent;
        if (typeof event.eventId !== 'string') return { ok: false, detail: 'the body is no event' };
        return { ok: true, event: { ...event, deliveryId: (headers['fake-delivery'] as string | undefined) ?? null } };
      } catch {
        return { ok: false, detail: 'the body is no JSON' };
      }
    },
    locate: (_account, { objectId }) => ask('locate', objectId),
    read: (_account, subject) => ask('read', subject),
    listEvents: (_account, since, page) => ask('events', String(since), page ?? '0'),
    check: async () => ({ externalId: null, findings: [] }),
  };
}

function signatureOf(raw: Uint8Array, secret: string): string {
  return createHmac('sha256', secret).update(raw).digest('hex');
}

/** An event as the fake tells it. */
export function fakeEvent(eventId: string, change: Partial<ParsedEvent> = {}): ParsedEvent {
  return {
    ...{ eventId, deliveryId: null, type: 'subscription.changed', live: true, accountId: null, apiVersion: '1' },
    ...{ objectType: 'subscription', objectId: 'sub_1', subject: 'subscription:sub_1', ...change },
  };
}

/** The headers and the body of a signed delivery. */
export function signedDelivery(
  event: object | string,
  { secret = FAKE_SECRET, delivery }: { secret?: string; delivery?: string } = {},
) {
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  const headers: Record<string, string> = { 'fake-signature': signatureOf(Buffer.from(body), secret) };
  if (delivery !== undefined) headers['fake-delivery'] = delivery;
  return { body, headers };
}

export function checkoutFact(change: Partial<CheckoutFact> = {}): CheckoutFact {
  return {
    ...{ externalId: 'cs_1', orderId: null, state: 'paid', providerState: 'paid', currency: 'EUR', subtotalMinor: 0 },
    ...{ discountMinor: 0, taxMinor: 0, totalMinor: 0, lines: [], email: null, name: null, paymentId: null },
    ...{ externalCustomerId: null, subscriptionId: null, ...change },
  };
}

export function foundSubscription(change: Partial<SubscriptionFact> = {}): Snapshot {
  return {
    ...NOTHING_FOUND,
    subscription: subscriptionOf({ items: [], externalCustomerId: null, startedAt: 0, ...change }),
  };
}
