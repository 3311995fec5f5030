import { z } from 'zod';
import type { SubscriptionFact } from '../facts.ts';
import { type Gateway, type GatewayAccount, partsOfSubject, subjectOf } from '../gateway.ts';
import { get, look, type Paypal } from './calls.ts';
import { startCheckout, subscriptionActions } from './checkout.ts';
import { DEFAULT_WIRE, PaypalClient, type Wire } from './client.ts';
import { EVENT_TYPES, locate, parseEvent } from './events.ts';
import { askPaypal, check, listEvents, registerHook } from './hooks.ts';
import { readOrder } from './orders.ts';
import { Plans, readPrice } from './plans.ts';
import { Subscription } from './shapes.ts';
import { DEFAULT_TRUST, Signatures, type Trust, transmissionOf } from './signature.ts';
import { readSubscription, subscriptionFact } from './subscriptions.ts';
import { Tokens } from './tokens.ts';

const PAGE_SIZE = 20;
const Page = z.object({ subscriptions: z.array(Subscription).default([]), total_pages: z.number().int().optional() });

/** PayPal. What it keeps of its own are tokens and certificates, so that they are not asked for every time. */
export function makePaypalGateway(options: Partial<Trust> & Partial<Wire> = {}): Gateway {
  const wire = { ...DEFAULT_WIRE, ...options };
  const tokens = new Tokens(wire.elapsed);
  const signatures = new Signatures({ ...DEFAULT_TRUST, ...options });
  const open = (account: GatewayAccount): Paypal => {
    const client = new PaypalClient(account, tokens, wire);
    return { account, execute: (request) => client.execute(request) };
  };
  return {
    provider: 'paypal',
    title: 'PayPal',
    credentials: z.object({ client_id: z.string().trim().min(1), client_secret: z.string().trim().min(1) }),
    eventTypes: EVENT_TYPES,
    verify: (raw, headers, account, now) => signatures.verdict(raw, headers, account, now, askPaypal(open(account))),
    parse: (raw, headers) => parseEvent(raw, transmissionOf(headers)?.id ?? null),
    locate: (account, event) => locate(open(account), event),
    read(account, subject, known) {
      const { kind, externalId } = partsOfSubject(subject);
      // An order that was sent to a subscription knows that as its page.
      const isSubscription = kind === 'subscription' || externalId.startsWith('I-');
      return (isSubscription ? readSubscription : readOrder)(open(account), externalId, known);
    },
    wantsKnown: true,
    mainSubject(subject) {
      const { kind, externalId } = partsOfSubject(subject);
      return kind === 'checkout' && externalId.startsWith('I-') ? subjectOf('subscription', externalId) : subject;
    },
    listEvents: (account, since, page) => listEvents(open(account), since, page),
    check: (account, hookUrl) => check(open(account), otherMode(account, open), hookUrl),
    registerHook: (account, hookUrl) => registerHook(open(account), hookUrl),
    readPrice: (account, externalId) => readPrice(open(account), externalId),
    oneOffIsOurs: true,
    startCheckout: (account, request) => startCheckout(open(account), request),
    subscriptions: subscriptionActions(open),
    // PayPal has its own pages for buyers, and none that we could send one to.
    portal: null,
    listSubscriptions: (account, page) => listSubscriptions(open(account), Number(page ?? 1)),
  };
}

export const paypalGateway: Gateway = makePaypalGateway();

/** With another host in PayPal's place there is no other mode to ask. */
function otherMode(account: GatewayAccount, open: (account: GatewayAccount) => Paypal): Paypal | null {
  return account.apiBase === null ? open({ ...account, mode: account.mode === 'live' ? 'test' : 'live' }) : null;
}

async function listSubscriptions(
  paypal: Paypal,
  page: number,
): Promise<{ subscriptions: SubscriptionFact[]; next: string | null }> {
  const query = {
    statuses: 'ACTIVE,SUSPENDED',
    page_size: String(PAGE_SIZE),
    page: String(page),
    total_required: 'true',
  };
  const listed = await look(paypal, get('/v1/billing/subscriptions', query), Page);
  const plans = new Plans(paypal);
  const subscriptions: SubscriptionFact[] = [];
  for (const subscription of listed?.subscriptions ?? []) {
    const plan = await plans.get(subscription.plan_id);
    subscriptions.push(subscriptionFact(paypal, subscription, plan, [], []));
  }
  const isLast = listed === null || page >= (listed.total_pages ?? page) || subscriptions.length === 0;
  return { subscriptions, next: isLast ? null : String(page + 1) };
}
