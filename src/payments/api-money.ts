import { z } from 'zod';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { isoField } from '../http/license-query.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { emailField, instant, instantField } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { DisputeView, PaymentView, RefundView } from './charge-view.ts';
import { MODES } from './gateway.ts';
import { MONEY_STATES, type MoneyFilter, type MoneyKind } from './money-filter.ts';
import { listMoney, readMoney } from './money-reads.ts';
import { type Amount, type ModeSums, sumMoney } from './money-sums.ts';
import { OrderView, SubscriptionView } from './money-view.ts';

interface Deps {
  db: Db;
}

const SEEN = { scope: 'licenses:read', role: 'support', problems: ['NOT_FOUND', 'WRONG_ID_KIND'] } as const;

/** How the two routes of each kind are written down once. */
const KINDS = [
  { kind: 'order', name: 'Order', one: 'an order', view: OrderView, tag: 'orders' },
  { kind: 'subscription', name: 'Subscription', one: 'a subscription', view: SubscriptionView, tag: 'subscriptions' },
  { kind: 'payment', name: 'Payment', one: 'a payment', view: PaymentView, tag: 'payments' },
  { kind: 'refund', name: 'Refund', one: 'a refund', view: RefundView, tag: 'payments' },
  { kind: 'dispute', name: 'Dispute', one: 'a dispute', view: DisputeView, tag: 'payments' },
] as const;

/** Orders, subscriptions, payments, refunds and disputes, and what they come to. */
export function moneyRoutes(deps: Deps): Route[] {
  return [summary(deps), ...KINDS.flatMap((each) => [listing(deps, each), reading(deps, each)])];
}

type Kind = (typeof KINDS)[number];

function listing({ db }: Deps, { kind, name, view, tag }: Kind): Route {
  return route({
    ...SEEN,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/${kind}s`,
    operationId: `list${name}s`,
    summary: `The ${kind}s of an organization`,
    description:
      'Newest first. Live and test mode are never in one list. Refunds are made at the provider, and show here as soon as it has told of them.',
    tag,
    params: ORGANIZATION_LEVEL.params,
    query: z.object({ ...pageQuery(kind), ...filterFields(kind) }),
    answers: { 200: pageOf(view as z.ZodType) },
    async handler({ params, query }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const filter = moneyFilter(organization.id, query);
      return { status: 200, body: pageBody(await listMoney(db, actor, kind, filter, query), (each) => each) };
    },
  });
}

function filterFields(kind: MoneyKind) {
  return {
    mode: z.enum(MODES).default('live'),
    state: z.enum(MONEY_STATES[kind]).optional(),
    provider: z.string().min(1).max(40).optional(),
    customer_id: idParam('customer').optional(),
    license_id: idParam('license').optional(),
    email: emailField.optional().meta({ description: "The buyer's, or his customer's" }),
    order_id: idParam('order').optional(),
    subscription_id: idParam('subscription').optional(),
    payment_id: idParam('payment').optional(),
    external_id: z.string().min(1).max(255).optional().meta({ description: 'An id of the provider' }),
    trouble: z
      .enum(['true', 'false'])
      .transform((word) => word === 'true')
      .optional()
      .meta({ description: 'Whether something is wrong with it' }),
    from: isoField.optional(),
    to: isoField.optional().meta({ description: 'Not included' }),
  };
}

type Query = z.output<z.ZodObject<ReturnType<typeof filterFields>>>;

function moneyFilter(organizationId: string, query: Query): MoneyFilter {
  const { mode, state, provider, email, trouble, from, to } = query;
  return {
    ...{ organizationId, mode, state, provider, email, trouble, from, to },
    ...{ customerId: query.customer_id, licenseId: query.license_id, orderId: query.order_id },
    ...{ subscriptionId: query.subscription_id, paymentId: query.payment_id, externalId: query.external_id },
  };
}

function reading({ db }: Deps, { kind, name, one, view, tag }: Kind): Route {
  return route({
    ...SEEN,
    method: 'get',
    path: `/api/v1/${kind}s/{id}`,
    operationId: `get${name}`,
    summary: `One of the ${kind}s: ${one} with what it made and what touched it`,
    tag,
    params: z.object({ id: idParam(kind) }),
    answers: { 200: view as z.ZodType },
    async handler({ params }, { actor }) {
      return { status: 200, body: await readMoney(db, actor, kind, params.id) };
    },
  });
}

const AmountView = z
  .object({ count: z.number().int(), amount_minor: z.number().int() })
  .meta({ id: 'Amount', description: 'In the smallest unit of the currency' });
const ModeView = z
  .object({
    currencies: z.array(
      z.object({ currency: z.string(), paid: AmountView, refunded: AmountView, disputed: AmountView }),
    ),
    subscriptions: z
      .object({ running: z.number().int(), past_due: z.number().int(), canceling: z.number().int() })
      .meta({ description: 'As they stand now' }),
  })
  .meta({ id: 'MoneyOfMode' });

/** What is summed where nothing is said. */
const DAYS = 30;

function summary({ db }: Deps): Route {
  return route({
    ...SEEN,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/payments/summary`,
    operationId: 'getMoneySummary',
    summary: 'What came in and went back between two instants',
    description: `By currency, live and test mode apart. The last ${DAYS} days where nothing is said. A dispute counts when it was opened, whatever became of it.`,
    tag: 'payments',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      from: instantField.optional(),
      to: instantField.optional().meta({ description: 'Not included' }),
    }),
    answers: { 200: z.object({ from: instant, to: instant, live: ModeView, test: ModeView }) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor, now }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const to = query.to ?? now;
      const from = query.from ?? to - DAYS * DAY;
      if (from > to) {
        const detail = 'lies after `to`';
        throw problem('INVALID_REQUEST', `/query/from ${detail}`, { errors: [{ pointer: '/query/from', detail }] });
      }
      const { live, test } = await sumMoney(db, organization.id, { from, to }, now);
      return { status: 200, body: { from: toIso(from), to: toIso(to), live: modeView(live), test: modeView(test) } };
    },
  });
}

function modeView({ currencies, subscriptions }: ModeSums): z.input<typeof ModeView> {
  const amountView = ({ count, amountMinor }: Amount) => ({ count, amount_minor: amountMinor });
  const { running, pastDue, canceling } = subscriptions;
  return {
    currencies: currencies.map(({ currency, paid, refunded, disputed }) => ({
      ...{ currency, paid: amountView(paid), refunded: amountView(refunded), disputed: amountView(disputed) },
    })),
    subscriptions: { running, past_due: pastDue, canceling },
  };
}
