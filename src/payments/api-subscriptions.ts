import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { ProblemCode } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { makeFloodLimiter } from '../http/limits.ts';
import { type Context, type Route, route } from '../http/route.ts';
import { instant } from '../licensing/fields.ts';
import type { Gate } from '../licensing/gate.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { MONEY_STATES } from './money-filter.ts';
import { readMoney } from './money-reads.ts';
import { SubscriptionView } from './money-view.ts';
import { cancelByKey, type OwnDeps, portalByKey } from './own-subscriptions.ts';
import { type ActionDeps, actOnSubscription, portalOf, type SubscriptionWish } from './subscription-actions.ts';

interface Deps extends ActionDeps {
  db: Db;
  clock: Clock;
  gate: Gate;
  config: { publicUrl: string };
}

const FLOOD = { burst: 20, perSecond: 0.1, networks: 10_000 };

/** What the vendor's people and the buyer himself may do about a subscription; all of it happens at the provider. */
export function subscriptionRoutes(deps: Deps): Route[] {
  const keys = {
    ...{ db: deps.db, clock: deps.clock, gate: deps.gate, flood: makeFloodLimiter(FLOOD) },
    pageOf: (product: Parameters<OwnDeps['keys']['pageOf']>[0]) => pageUrl(deps.config.publicUrl, product),
  };
  const own: OwnDeps = { payments: deps.payments, look: deps.look, keys };
  return [...ACTIONS.map((each) => acting(deps, each)), changing(deps), portal(deps), ownPortal(own), ownCancel(own)];
}

const ID = z.object({ id: idParam('subscription') });
const SUPPORT = { tag: 'subscriptions', scope: 'licenses:write', role: 'support', params: ID } as const;
const REFUSED: readonly ProblemCode[] = [
  ...(['NOT_FOUND', 'WRONG_ID_KIND', 'NOT_CONNECTED', 'NOT_SUPPORTED'] as const),
  ...(['SUBSCRIPTION_ENDED', 'PAYMENT_TROUBLE'] as const),
];
const AS_SAID = 'What the subscription is afterwards is what the provider says.';
const WHEN = z.enum(['period_end', 'now']);

const ACTIONS = [
  {
    kind: 'cancel',
    summary: 'Ends a subscription, at the end of what is paid or at once',
    description: `${AS_SAID} Money goes back at the provider only. Where it knows no end of a period it is canceled there at once, and what is paid stays.`,
    body: z.strictObject({ when: WHEN.default('period_end') }),
  },
  {
    kind: 'uncancel',
    summary: 'Takes back a cancellation that has not come to its end',
    description: AS_SAID,
    body: z.strictObject({}),
  },
  { kind: 'pause', summary: 'Charges nothing until it is resumed', description: AS_SAID, body: z.strictObject({}) },
  { kind: 'resume', summary: 'Charges again after a pause', description: AS_SAID, body: z.strictObject({}) },
] as const;

function acting(deps: Deps, { kind, summary, description, body }: (typeof ACTIONS)[number]): Route {
  return route({
    ...SUPPORT,
    method: 'post',
    path: `/api/v1/subscriptions/{id}/${kind}`,
    operationId: `${kind}Subscription`,
    summary,
    description,
    body: body as z.ZodType<{ when?: 'period_end' | 'now' }>,
    answers: { 200: SubscriptionView },
    problems: REFUSED,
    async handler({ params, body: { when = 'period_end' } }, context) {
      const wish: SubscriptionWish = kind === 'cancel' ? { kind, when } : { kind };
      await actOnSubscription(deps, params.id, wish, context);
      return { status: 200, body: await readMoney(deps.db, context.actor, 'subscription', params.id) };
    },
  });
}

function changing(deps: Deps): Route {
  return route({
    ...SUPPORT,
    role: 'manager',
    method: 'post',
    path: '/api/v1/subscriptions/{id}/change',
    operationId: 'changeSubscription',
    summary: 'Another price or quantity: at once, or with the next period',
    description: `${AS_SAID} \`now\` is charged for the rest of the period at once, and holds when it is paid.`,
    body: z.strictObject({
      price: z.string().min(1).max(100).meta({ description: 'The code of a price of a package' }),
      quantity: z.number().int().min(1).max(100_000).default(1),
      when: WHEN,
      item: z.string().max(255).nullable().default(null).meta({ description: 'Of several items which one' }),
    }),
    answers: {
      200: SubscriptionView.extend({
        approval_url: z.string().nullable().meta({ description: 'Where the buyer must agree first' }),
      }).meta({ id: 'ChangedSubscription' }),
    },
    problems: [...REFUSED, 'PACKAGE_INACTIVE'],
    async handler({ params, body }, context) {
      const { approvalUrl } = await actOnSubscription(deps, params.id, { kind: 'change', ...body }, context);
      const found = await readMoney(deps.db, context.actor, 'subscription', params.id);
      return { status: 200, body: { ...found, approval_url: approvalUrl } };
    },
  });
}

const PortalAnswer = z.object({ url: z.string().meta({ description: 'Works for some minutes only' }) });

function portal(deps: Deps): Route {
  return route({
    ...SUPPORT,
    method: 'post',
    path: '/api/v1/subscriptions/{id}/portal',
    operationId: 'openSubscriptionPortal',
    summary: 'A link to the page on which the buyer looks after payment and invoices',
    body: z.strictObject({
      return_url: z
        .url({ protocol: /^https?$/ })
        .max(500)
        .optional(),
    }),
    answers: { 200: PortalAnswer },
    problems: REFUSED,
    secretFields: ['/url'],
    async handler({ params, body }, { actor }) {
      return { status: 200, body: { url: await portalOf(deps, params.id, body.return_url ?? null, actor) } };
    },
  });
}

const OwnBody = z.strictObject({
  key: z
    .string()
    .max(2_048)
    .refine((text) => text.trim() !== '', 'is required'),
  subscription_id: idParam('subscription').optional().meta({ description: 'Of several which one' }),
});
const OWN = { tag: 'subscriptions', scope: 'public', role: null, body: OwnBody } as const;
const OWN_REFUSED: readonly ProblemCode[] = [
  ...([
    'KEY_MALFORMED',
    'KEY_REVOKED',
    'LICENSE_NOT_FOUND',
    'LICENSE_SUSPENDED',
    'LOCKED_OUT',
    'RATE_LIMITED',
  ] as const),
  ...(['NOTHING_OPEN', 'NOT_CONNECTED', 'NOT_SUPPORTED', 'PAYMENT_TROUBLE', 'WRONG_ID_KIND', 'FORBIDDEN'] as const),
];
const BY_KEY =
  'The license key is the credential, but not one with a limit of its own; misses are counted as for `activate`.';

function ownRequest({ requestId, network, now }: Context<'public'>) {
  return { requestId, network, now };
}

function ownPortal(deps: OwnDeps): Route {
  return route({
    ...OWN,
    method: 'post',
    path: '/api/public/subscriptions/portal',
    operationId: 'openOwnPortal',
    summary: 'A link to the page on which the buyer looks after payment and invoices, for whoever holds the key',
    description: `${BY_KEY} Where the provider has no such page, cancel by \`/api/public/subscriptions/cancel\`.`,
    answers: { 200: PortalAnswer },
    problems: OWN_REFUSED,
    async handler({ body }, context) {
      const wish = { key: body.key, subscriptionId: body.subscription_id ?? null };
      return { status: 200, body: { url: await portalByKey(deps, wish, ownRequest(context)) } };
    },
  });
}

function ownCancel(deps: OwnDeps): Route {
  return route({
    ...OWN,
    method: 'post',
    path: '/api/public/subscriptions/cancel',
    operationId: 'cancelOwnSubscription',
    summary: 'Ends the subscription of a license at the end of what is paid, for whoever holds the key',
    description: `${BY_KEY} A second time changes nothing.`,
    answers: {
      200: z.object({
        ...{ id: z.string(), state: z.enum(MONEY_STATES.subscription) },
        ...{ paid_through: instant.nullable(), cancel_at: instant.nullable(), ended_at: instant.nullable() },
      }),
    },
    problems: [...OWN_REFUSED, 'SUBSCRIPTION_ENDED'],
    async handler({ body }, context) {
      const wish = { key: body.key, subscriptionId: body.subscription_id ?? null };
      const { id, state, paidThrough, cancelAt, endedAt } = await cancelByKey(deps, wish, ownRequest(context));
      return { status: 200, body: { id, state, paid_through: paidThrough, cancel_at: cancelAt, ended_at: endedAt } };
    },
  });
}
