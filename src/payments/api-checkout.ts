import { z } from 'zod';
import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { problem } from '../errors.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { idParam } from '../http/id-param.ts';
import { type FloodLimiter, makeFloodLimiter } from '../http/limits.ts';
import { type Route, route } from '../http/route.ts';
import { emailField, quantityField } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { MODES } from './gateway.ts';
import { publicOffers, sellsFrom } from './offers.ts';
import type { OrderWish } from './order-wish.ts';
import { beginOrder, type OrderDeps, type StartedOrder } from './orders.ts';
import { PlansView, plansView } from './plan-view.ts';

/** A buyer begins a few payments; a program that begins hundreds fills the list of orders. */
const CHECKOUTS = { burst: 20, perSecond: 0.2, networks: 10_000 };
const PLANS_SECONDS = 60;

const address = z.url({ protocol: /^https?$/ }).max(2_000);

const orderFields = {
  items: z
    .array(z.strictObject({ price: z.string().trim().min(1).max(100), quantity: quantityField }))
    .min(1)
    .max(20)
    .meta({ description: 'Prices by their code; what they come to is never taken from here' }),
  email: emailField.optional(),
  language: z
    .string()
    .regex(/^[A-Za-z]{2}(-[A-Za-z0-9]{1,8})*$/, 'must be a language such as de or en-GB')
    .optional(),
  success_url: address.optional().meta({
    description:
      'Where the buyer goes when he has paid; `{ORDER_TOKEN}` in it becomes the token of the order. Without it, a page of ours that shows the key',
  }),
  cancel_url: address.optional(),
  consent: z
    .strictObject({ version: z.string().min(1).max(40) })
    .optional()
    .meta({ description: 'Which text the buyer agreed to; required where the organization has one' }),
  kind: z.enum(['new', 'into', 'switch']).optional().meta({
    description:
      '`new`: a new license. `into`: more of the license. `switch`: in the license it takes the place of what runs, at the full price. Without it `into` where a license is named',
  }),
};

const SessionBody = z.strictObject({
  organization: z.string().trim().min(1).max(100),
  ...orderFields,
  license: z.string().max(200).optional().meta({ description: 'The token of a renewal link' }),
});

const OrderBody = z.strictObject({
  ...orderFields,
  license_id: idParam('license').optional(),
  mode: z.enum(MODES).optional().meta({ description: '`test`: the account for tests takes the payment' }),
});

const StartedView = z
  .object({
    order_id: z.string(),
    order_token: z.string().meta({ description: 'Shows the order, and its key when it is paid: only for the buyer' }),
    order_url: z.string(),
    url: z.string().meta({ description: "The payment provider's page: send the buyer there" }),
    expires_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'StartedOrder' });

const REFUSALS = [
  ...(['NOT_FOUND', 'PACKAGE_INACTIVE', 'MASTER_IS_FIXED', 'STILL_IN_USE', 'ADDON_NEEDS_LICENSE'] as const),
  ...(['TRIAL_USED', 'NO_END_TO_EXTEND', 'SUBSCRIPTION_RUNS', 'NOTHING_OPEN', 'NOT_CONNECTED'] as const),
  'PAYMENT_TROUBLE' as const,
];

/** What a marketing site asks for, and the twin of a checkout for whoever has a token. */
export function checkoutRoutes(deps: OrderDeps): Route[] {
  const flood = makeFloodLimiter(CHECKOUTS);
  return [listing(deps), starting(deps, flood), ordering(deps)];
}

function listing(deps: OrderDeps): Route {
  return route({
    method: 'get',
    path: '/api/public/plans',
    operationId: 'listPlans',
    summary: 'What an organization sells, with prices',
    description: 'For marketing sites: pages of the origins that the organization lists may ask it from a browser.',
    tag: 'selling',
    scope: 'public',
    role: null,
    crossOrigin: true,
    query: z.object({ organization: z.string().trim().min(1).max(100) }),
    answers: { 200: PlansView },
    problems: ['NOT_FOUND', 'FORBIDDEN'],
    async handler({ query }, { origin }) {
      const offers = await publicOffers(deps, query.organization);
      requireOrigin(deps, offers.organization, origin);
      const headers = { 'Cache-Control': `public, max-age=${PLANS_SECONDS}` };
      return { status: 200, body: plansView(offers, deps.publicUrl), headers };
    },
  });
}

function starting(deps: OrderDeps, flood: FloodLimiter): Route {
  return route({
    method: 'post',
    path: '/api/checkout/session',
    operationId: 'startCheckout',
    summary: 'Begins a payment',
    description:
      'Answers with the address of the payment page, to which the site sends the buyer. Everything of one order is paid at one provider, in one currency.',
    tag: 'selling',
    scope: 'public',
    role: null,
    crossOrigin: true,
    body: SessionBody,
    answers: { 201: StartedView },
    problems: [...REFUSALS, 'FORBIDDEN', 'RATE_LIMITED'],
    async handler({ body }, { origin, network, now, requestId }) {
      const organization = await requireOrganization(deps.db, body.organization);
      requireOrigin(deps, organization, origin);
      const { allowed, retryAfterSeconds } = flood.take(network, now);
      if (!allowed) throw problem('RATE_LIMITED', undefined, { retryAfterSeconds });
      const licenseId = body.license === undefined ? null : licenseOfToken(deps, body.license);
      const by = { actor: SYSTEM_ACTOR, now, requestId };
      const begun = await beginOrder(deps, organization, wishOf(body, licenseId), null, by);
      return { status: 201, body: startedView(deps, begun) };
    },
  });
}

function ordering(deps: OrderDeps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/orders`,
    operationId: 'createOrder',
    summary: 'Begins a payment for somebody',
    description:
      'Like `/api/checkout/session`, for who may sell: into any license of the organization, and in test mode where that is asked for.',
    tag: 'selling',
    scope: 'payments:write',
    role: 'support',
    params: ORGANIZATION_LEVEL.params,
    body: OrderBody,
    answers: { 201: StartedView },
    problems: [...REFUSALS, 'WRONG_ID_KIND'],
    secretFields: ['/order_token', '/order_url'],
    async refill(stored) {
      const reply = z.looseObject({ order_id: z.string() }).parse(stored);
      return { ...reply, ...addressOf(deps, reply.order_id) };
    },
    async handler({ params, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, context.actor, params);
      const wish = wishOf(body, body.license_id ?? null);
      const begun = await beginOrder(deps, organization, wish, body.mode ?? null, context);
      return { status: 201, body: startedView(deps, begun) };
    },
  });
}

/** A page of an address that is not the organization's is told so; no page at all (a server, a link) may ask. */
function requireOrigin({ publicUrl }: OrderDeps, { settings, name }: OrganizationRecord, origin: string | null): void {
  if (origin === null || origin === new URL(publicUrl).origin || sellsFrom(settings.seller.origins, origin)) return;
  throw problem('FORBIDDEN', `pages of this address do not sell for ${name}: list it among the seller's origins`);
}

function licenseOfToken({ links }: OrderDeps, token: string): string {
  const id = links.read('license', token);
  if (id === null) throw problem('NOT_FOUND', 'there is no such renewal link');
  return id;
}

function wishOf(
  body: Pick<z.output<typeof SessionBody>, keyof typeof orderFields>,
  licenseId: string | null,
): OrderWish {
  return {
    ...{ items: body.items, email: body.email ?? '', language: body.language ?? '' },
    ...{ successUrl: body.success_url ?? null, cancelUrl: body.cancel_url ?? null },
    ...{ consent: body.consent?.version ?? null, licenseId },
    kind: body.kind ?? (licenseId === null ? 'new' : 'into'),
  };
}

function startedView(deps: OrderDeps, { order, url, expiresAt }: StartedOrder): z.input<typeof StartedView> {
  const expires_at = expiresAt === null ? null : new Date(expiresAt).toISOString();
  return { order_id: order.id, ...addressOf(deps, order.id), url, expires_at };
}

function addressOf({ links, publicUrl }: OrderDeps, orderId: string) {
  const token = links.order(orderId);
  return { order_token: token, order_url: `${publicUrl}/order/${token}` };
}
