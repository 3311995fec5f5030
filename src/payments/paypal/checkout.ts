import sdk from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { PaymentTrouble } from '../../errors.ts';
import type { CheckoutLine, CheckoutRequest, StartedCheckout, SubscriptionActions } from '../gateway.ts';
import { demand, inPath, issuesOf, type Paypal, post, refusal } from './calls.ts';
import { toValue } from './money.ts';
import { linkOf, type Money } from './shapes.ts';

const LONGEST_TEXT = 127;
const Started = z.object({ id: z.string(), links: z.array(z.object({ href: z.string(), rel: z.string() })) });
const Revised = z.object({ links: z.array(z.object({ href: z.string(), rel: z.string() })).default([]) });

/** PayPal wants a region with every language. */
const LOCALES: Record<string, string> = {
  ...{ de: 'de-DE', en: 'en-US', fr: 'fr-FR', es: 'es-ES', it: 'it-IT', nl: 'nl-NL', pt: 'pt-PT', pl: 'pl-PL' },
  ...{ da: 'da-DK', sv: 'sv-SE', nb: 'no-NO', no: 'no-NO', fi: 'fi-FI', cs: 'cs-CZ', hu: 'hu-HU', ja: 'ja-JP' },
};

/** An order of PayPal for what is bought once, a subscription of PayPal for one thing that recurs. */
export async function startCheckout(paypal: Paypal, request: CheckoutRequest): Promise<StartedCheckout> {
  const recurring = request.lines.filter((line) => line.recurring);
  if (request.lines.length === 0) throw refused('there is nothing to buy');
  const [line] = recurring;
  if (line === undefined) return startOrder(paypal, request);
  if (request.lines.length > 1) throw refused('a subscription is bought alone, and nothing with it');
  return startSubscription(paypal, request, line);
}

async function startOrder(paypal: Paypal, request: CheckoutRequest): Promise<StartedCheckout> {
  const { orderId, attempt, currency, lines, email } = request;
  const total = lines.reduce((sum, { unitMinor, quantity }) => sum + unitMinor * quantity, 0);
  if (total <= 0) throw refused('an order of nothing is not taken');
  const money = (minor: number): Money => ({ currency_code: currency, value: toValue(minor, currency) });
  const unit = {
    ...{ reference_id: orderId, custom_id: orderId, invoice_id: `${orderId}-${attempt}` },
    amount: { ...money(total), breakdown: { item_total: money(total) } },
    items: lines.map((line) => ({
      ...{ name: shortened(line.name), sku: fitting(line.priceId), quantity: String(line.quantity) },
      ...{ unit_amount: money(line.unitMinor), category: 'DIGITAL_GOODS' },
    })),
  };
  const order = new sdk.orders.OrdersCreateRequest().prefer('return=representation').requestBody({
    intent: 'CAPTURE',
    purchase_units: [unit],
    application_context: { ...contextOf(request), landing_page: 'NO_PREFERENCE', user_action: 'PAY_NOW' },
    ...(email === '' ? {} : { payer: { email_address: email } }),
  });
  // The package has a setter for every other header.
  order.headers['PayPal-Request-Id'] = keyOf(request);
  return startedOf(demand(await paypal.execute(order), Started, order));
}

async function startSubscription(
  paypal: Paypal,
  request: CheckoutRequest,
  { priceId, quantity }: CheckoutLine,
): Promise<StartedCheckout> {
  const subscription = {
    ...{ plan_id: priceId, quantity: String(quantity), custom_id: request.orderId },
    ...(request.email === '' ? {} : { subscriber: { email_address: request.email } }),
    application_context: { ...contextOf(request), user_action: 'SUBSCRIBE_NOW' },
  };
  const made = post('/v1/billing/subscriptions', subscription, keyOf(request));
  return startedOf(demand(await paypal.execute(made), Started, made));
}

function contextOf({ brand, language, successUrl, cancelUrl }: CheckoutRequest) {
  const locale = LOCALES[language.slice(0, 2).toLowerCase()];
  const own = /^[a-z]{2}-[A-Z]{2}$/.test(language) ? language : locale;
  return {
    ...(brand === '' ? {} : { brand_name: shortened(brand) }),
    ...(own === undefined ? {} : { locale: own }),
    ...{ shipping_preference: 'NO_SHIPPING', return_url: successUrl, cancel_url: cancelUrl },
  };
}

/** PayPal says nothing of an end, and forgets an order that nobody agreed to: until then it is the order's only one. */
function startedOf({ id, links }: z.infer<typeof Started>): StartedCheckout {
  const url = linkOf(links, 'approve', 'payer-action');
  if (url === null) throw new PaymentTrouble('bad_answer', 'PayPal named no page to pay on');
  return { externalId: id, url, expiresAt: null };
}

function keyOf({ orderId, attempt }: CheckoutRequest): string {
  return `${orderId}-${attempt}`;
}

function shortened(text: string): string {
  return [...text].slice(0, LONGEST_TEXT).join('').slice(0, LONGEST_TEXT);
}

/** It comes back as what was sold, so it is never cut. */
function fitting(priceId: string): string {
  if (priceId.length > LONGEST_TEXT) throw refused(`the price ${priceId} has more than ${LONGEST_TEXT} characters`);
  return priceId;
}

function refused(why: string): PaymentTrouble {
  return new PaymentTrouble('refused', `PayPal: ${why}`);
}

/**
 * What can be done to a subscription. PayPal ends one at once, whenever that was asked for: what is paid stays. A change begins with
 * the next charge, since PayPal takes nothing for the rest of a period.
 */
export function subscriptionActions(open: (account: Paypal['account']) => Paypal): SubscriptionActions {
  const act = async (account: Paypal['account'], id: string, verb: string, key: string, done: string[]) => {
    const paypal = open(account);
    const request = post(`/v1/billing/subscriptions/${inPath(id)}/${verb}`, { reason: 'As was asked for' }, key);
    const answer = await paypal.execute(request);
    if (answer.statusCode < 300) return;
    // Said twice, or done there already: the sync that follows shows what it is.
    if (issuesOf(answer).includes('SUBSCRIPTION_STATUS_INVALID') && done.includes(await statusOf(paypal, id))) return;
    throw refusal(answer, request);
  };
  return {
    cancel: (account, id, _when, key) => act(account, id, 'cancel', key, ['CANCELLED', 'EXPIRED']),
    uncancel: null,
    pause: (account, id, key) => act(account, id, 'suspend', key, ['SUSPENDED']),
    resume: (account, id, key) => act(account, id, 'activate', key, ['ACTIVE']),
    async change(account, id, { priceId, quantity, returnUrl }, key) {
      const revision = {
        ...{ plan_id: priceId, quantity: String(quantity) },
        application_context: { shipping_preference: 'NO_SHIPPING', return_url: returnUrl, cancel_url: returnUrl },
      };
      const request = post(`/v1/billing/subscriptions/${inPath(id)}/revise`, revision, key);
      const { links } = demand(await open(account).execute(request), Revised, request);
      return { approvalUrl: linkOf(links, 'approve', 'payer-action') };
    },
  };
}

async function statusOf(paypal: Paypal, id: string): Promise<string> {
  const request = { path: `/v1/billing/subscriptions/${inPath(id)}`, verb: 'GET', body: null, headers: {} };
  return demand(await paypal.execute(request), z.object({ status: z.string() }), request).status;
}
