import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { cursorParam, pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { kindOfId } from '../ids.ts';
import { reasonField } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { EVENT_STATES } from './event.ts';
import { PaymentAlertView, PaymentEventView, paymentAlertView, paymentEventView } from './event-view.ts';
import { MODES } from './gateway.ts';
import {
  dismissAlert,
  giveUpEvent,
  listAlerts,
  listEvents,
  readEvent,
  readEventBody,
  retryNow,
} from './money-events.ts';
import type { Reconciled } from './processing.ts';
import { type AccountReconciled, reconcileOrganization } from './reconcile-organization.ts';
import type { EventWorker } from './work-events.ts';

interface Deps {
  db: Db;
  paymentEvents: { worker: Pick<EventWorker, 'workNow'>; reconcileNow(accountId: string): Promise<Reconciled> };
}

const SEEN = { tag: 'payment events', scope: 'licenses:read', role: 'support' } as const;
const ID = { params: z.object({ id: idParam('payment_event') }), problems: ['NOT_FOUND', 'WRONG_ID_KIND'] } as const;

/** What providers told, and what somebody must look at. */
export function moneyEventRoutes(deps: Deps): Route[] {
  return [
    reconciling(deps),
    events(deps),
    event(deps),
    body(deps),
    retrying(deps),
    givingUp(deps),
    alerts(deps),
    dismissing(deps),
  ];
}

const mode = z.enum(MODES).default('live');
const word = z.string().min(1).max(255);
const eventPlace = z
  .tuple([z.boolean(), z.string().refine((id) => kindOfId(id) === 'payment_event')])
  .transform(([stuck, id]) => ({ stuck, id }));

function events({ db }: Deps): Route {
  return route({
    ...SEEN,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/payments/events`,
    operationId: 'listPaymentEvents',
    summary: 'What payment providers told an organization',
    description: 'Those that are stuck first, with their error in `detail`, then the newest.',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      ...{ limit: pageQuery('payment_event').limit, cursor: cursorParam(eventPlace).optional() },
      ...{ mode, state: z.enum(EVENT_STATES).optional(), provider: word.optional(), type: word.optional() },
      subject: word.optional().meta({
        description: 'As it is looked at, e.g. `subscription:sub_1`, or the id of an object of the provider',
      }),
    }),
    answers: { 200: pageOf(PaymentEventView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query: { limit, cursor = null, ...rest } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const page = await listEvents(db, { organizationId: organization.id, ...rest }, { limit, after: cursor });
      return { status: 200, body: pageBody(page, paymentEventView) };
    },
  });
}

function event({ db }: Deps): Route {
  return route({
    ...SEEN,
    ...ID,
    method: 'get',
    path: '/api/v1/payment-events/{id}',
    operationId: 'getPaymentEvent',
    summary: 'One event of a payment provider',
    answers: { 200: PaymentEventView },
    async handler({ params }, { actor }) {
      return { status: 200, body: paymentEventView(await readEvent(db, actor, params.id)) };
    },
  });
}

function body({ db }: Deps): Route {
  return route({
    ...ID,
    ...{ tag: 'payment events', scope: 'admin', role: 'admin' },
    method: 'get',
    path: '/api/v1/payment-events/{id}/body',
    operationId: 'getPaymentEventBody',
    summary: 'The raw body of an event, without keys and secrets',
    description: 'Kept for 90 days, as it holds names and addresses of buyers; its hash stays.',
    answers: {
      200: z.object({
        id: z.string(),
        body: z.string().nullable().meta({ description: 'null: there was none, or it is not kept any more' }),
        sha256: z.string().meta({ description: 'Of the body as it came in; empty: there was none' }),
      }),
    },
    async handler({ params }, { actor }) {
      const { event: found, body: text, sha256 } = await readEventBody(db, actor, params.id);
      return { status: 200, body: { id: found.id, body: text, sha256 } };
    },
  });
}

const CARE = { tag: 'payment events', scope: 'licenses:write', role: 'manager' } as const;

const ReconciledView = z
  .object({
    ...{ account_id: z.string(), provider: z.string(), mode: z.enum(MODES) },
    events: z.number().int().nullable().meta({
      description: 'Events that were not known; null: the provider has no list, or it is being read just now',
    }),
    looks: z.number().int().meta({ description: 'Orders, subscriptions and payments that were looked at' }),
    trouble: z.string().nullable().meta({ description: 'Why the provider could not be asked' }),
  })
  .meta({ id: 'ReconciledAccount' });

function reconciling({ db, paymentEvents }: Deps): Route {
  return route({
    ...CARE,
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/payments/reconcile`,
    operationId: 'reconcilePayments',
    summary: 'Asks the payment providers now for what was missed',
    description:
      'Account by account; one that cannot be asked keeps no other from it. It happens by itself every few minutes.',
    params: ORGANIZATION_LEVEL.params,
    body: z.strictObject({}),
    answers: { 200: z.object({ accounts: z.array(ReconciledView) }) },
    problems: ['NOT_FOUND'],
    async handler({ params }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, params);
      const done = await reconcileOrganization({ db, ...paymentEvents }, organization.id, context);
      return { status: 200, body: { accounts: done.map(reconciledView) } };
    },
  });
}

function reconciledView({ account, events, looks, trouble }: AccountReconciled): z.input<typeof ReconciledView> {
  const { id, provider, mode: own } = account;
  return { account_id: id, provider, mode: own, events, looks, trouble };
}

function retrying({ db, paymentEvents }: Deps): Route {
  return route({
    ...CARE,
    ...ID,
    method: 'post',
    path: '/api/v1/payment-events/{id}/retry',
    operationId: 'retryPaymentEvent',
    summary: 'Looks at what an event is about once more, now',
    description:
      'Whatever became of it before; a second time does no harm. What comes of it stands in `state` and `detail`.',
    body: z.strictObject({}),
    answers: { 200: PaymentEventView },
    async handler({ params }, context) {
      const found = await retryNow({ db, worker: paymentEvents.worker }, params.id, context);
      return { status: 200, body: paymentEventView(found) };
    },
  });
}

function givingUp({ db }: Deps): Route {
  return route({
    ...CARE,
    ...ID,
    method: 'post',
    path: '/api/v1/payment-events/{id}/dismiss',
    operationId: 'dismissPaymentEvent',
    summary: 'Nothing is to be done about an event',
    description: 'Of one that is stuck or waits; a retry takes it up again.',
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: PaymentEventView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'NOTHING_OPEN'],
    async handler({ params, body: { reason } }, context) {
      return { status: 200, body: paymentEventView(await giveUpEvent(db, params.id, reason, context)) };
    },
  });
}

function alerts({ db }: Deps): Route {
  return route({
    ...SEEN,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/payments/alerts`,
    operationId: 'listPaymentAlerts',
    summary: 'What somebody must look at',
    description: 'One item a trouble, however often it shows; newest first.',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      ...{ ...pageQuery('payment_alert'), mode, code: word.optional() },
      dismissed: z
        .enum(['true', 'false'])
        .default('false')
        .transform((text) => text === 'true')
        .meta({ description: 'What was dismissed instead of what is open' }),
    }),
    answers: { 200: pageOf(PaymentAlertView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query: { limit, cursor, ...rest } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const page = await listAlerts(db, { organizationId: organization.id, ...rest }, { limit, cursor });
      return { status: 200, body: pageBody(page, paymentAlertView) };
    },
  });
}

function dismissing({ db }: Deps): Route {
  return route({
    ...CARE,
    method: 'post',
    path: '/api/v1/payment-alerts/{id}/dismiss',
    operationId: 'dismissPaymentAlert',
    summary: 'Nothing is left to do about an alert',
    description: 'Where the same shows again it is only counted. A second time changes nothing.',
    params: z.object({ id: idParam('payment_alert') }),
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: PaymentAlertView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, body: { reason } }, context) {
      return { status: 200, body: paymentAlertView(await dismissAlert(db, params.id, reason, context)) };
    },
  });
}
