import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import type { CheckoutRequest, CheckoutSettings, GatewayAccount, StartedCheckout } from '../gateway.ts';
import { ask, clientOf, StripeTrouble } from './client.ts';
import { instantOf } from './words.ts';

type Params = Stripe.Checkout.SessionCreateParams;

/** The order stands already; its id and attempt make that a repeated call opens no second page. */
export async function startCheckout(account: GatewayAccount, request: CheckoutRequest): Promise<StartedCheckout> {
  if (request.lines.length === 0) throw new PaymentTrouble('refused', 'there is nothing to sell');
  const stripe = clientOf(account);
  const open = (to: CheckoutRequest, key: string) =>
    ask(stripe.checkout.sessions.create(paramsOf(to, account.settings), { idempotencyKey: key }), 'checkout.session');
  const key = `${request.orderId}-${request.attempt}`;
  const session = await open(request, key).catch((error: unknown) => {
    // The vendor deleted that customer: the buyer is a new one then.
    const gone = error instanceof StripeTrouble && error.param === 'customer' && request.externalCustomerId !== null;
    if (!gone) throw error;
    return open({ ...request, externalCustomerId: null }, `${key}-new`);
  });
  if (!session.url) throw new PaymentTrouble('bad_answer', 'Stripe opened a payment page without an address');
  return { externalId: session.id, url: session.url, expiresAt: instantOf(session.expires_at) };
}

function paramsOf(request: CheckoutRequest, settings: CheckoutSettings): Params {
  const metadata = { order_id: request.orderId };
  const recurring = request.lines.some((line) => line.recurring);
  return {
    mode: recurring ? 'subscription' : 'payment',
    line_items: request.lines.map(({ priceId, quantity }) => ({ price: priceId, quantity })),
    client_reference_id: request.orderId,
    metadata,
    // What a session knows is not handed on to what it makes.
    ...(recurring ? { subscription_data: { metadata } } : oneOff(request, settings, metadata)),
    ...buyer(request, settings),
    success_url: request.successUrl,
    cancel_url: request.cancelUrl,
    locale: localeOf(request.language),
    ...(settings.automaticTax ? { automatic_tax: { enabled: true } } : {}),
    ...(settings.taxIds ? { tax_id_collection: { enabled: true } } : {}),
    ...(settings.promotionCodes ? { allow_promotion_codes: true } : {}),
    ...(request.brand === '' ? {} : { branding_settings: { display_name: request.brand } }),
  };
}

function oneOff({ externalCustomerId }: CheckoutRequest, settings: CheckoutSettings, metadata: Stripe.MetadataParam) {
  return {
    payment_intent_data: { metadata },
    // Without a customer there is no portal, and a refund has nobody to go to.
    ...(externalCustomerId === null ? { customer_creation: 'always' } : {}),
    ...(settings.invoices ? { invoice_creation: { enabled: true, invoice_data: { metadata } } } : {}),
  } satisfies Params;
}

function buyer({ externalCustomerId, email }: CheckoutRequest, { automaticTax, taxIds }: CheckoutSettings): Params {
  if (externalCustomerId === null) return email === '' ? {} : { customer_email: email };
  const update = automaticTax || taxIds ? { customer_update: { address: 'auto', name: 'auto' } } : {};
  return { customer: externalCustomerId, ...update };
}

const LOCALES = new Set(
  'bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW'.split(
    ' ',
  ),
);

/** `auto`: as the buyer's browser says. */
function localeOf(language: string): string {
  if (LOCALES.has(language)) return language;
  const base = language.split('-')[0] ?? '';
  return LOCALES.has(base) ? base : 'auto';
}
