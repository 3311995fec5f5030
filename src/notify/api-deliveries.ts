import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { Sender } from './deliver.ts';
import { listDeliveries, readDelivery, resend, testWebhook } from './deliveries.ts';
import { DELIVERY_STATES, DeliveryView, deliveryView } from './webhook-view.ts';

interface Deps {
  db: Db;
  webhooks: { sender: Sender };
}

const ACCESS = { tag: 'webhooks', scope: 'admin', role: 'admin' } as const;
const OF_WEBHOOK = { ...ACCESS, params: z.object({ id: idParam('webhook') }) };
const OF_DELIVERY = { ...ACCESS, params: z.object({ id: idParam('webhook_delivery') }) };

/** The log of what was sent, and sending by hand. */
export function deliveryRoutes(deps: Deps): Route[] {
  return [testing(deps), listing(deps), reading(deps), resending(deps)];
}

function testing({ db, webhooks }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/webhooks/{id}/test',
    operationId: 'testWebhook',
    summary: 'Sends a test event now and tells how it went',
    description: 'One attempt of at most 15 seconds, to a webhook that is off too.',
    ...OF_WEBHOOK,
    body: z.strictObject({}),
    answers: { 200: DeliveryView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, context) {
      return { status: 200, body: deliveryView(await testWebhook(db, webhooks.sender, params.id, context)) };
    },
  });
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/webhooks/{id}/deliveries',
    operationId: 'listWebhookDeliveries',
    summary: 'What a webhook was told and how it went, newest first',
    description: 'Kept for 30 days.',
    ...OF_WEBHOOK,
    query: z.object({ ...pageQuery('webhook_delivery'), state: z.enum(DELIVERY_STATES).optional() }),
    answers: { 200: pageOf(DeliveryView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query: { state, ...page } }, { actor }) {
      const found = await listDeliveries(db, actor, { endpointId: params.id, state }, page);
      return { status: 200, body: pageBody(found, deliveryView) };
    },
  });
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/webhook-deliveries/{id}',
    operationId: 'getWebhookDelivery',
    summary: 'One delivery, with the bytes that are sent',
    ...OF_DELIVERY,
    answers: { 200: DeliveryView.extend({ body: z.string() }).meta({ id: 'WebhookDeliveryWithBody' }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      const delivery = await readDelivery(db, actor, params.id);
      return { status: 200, body: { ...deliveryView(delivery), body: delivery.body } };
    },
  });
}

function resending({ db, webhooks }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/webhook-deliveries/{id}/resend',
    operationId: 'resendWebhookDelivery',
    summary: 'Sends an event once more and tells how it went',
    description:
      'The same bytes under the same `webhook-id`, delivered before or not. Where it fails, its schedule begins anew.',
    ...OF_DELIVERY,
    body: z.strictObject({}),
    answers: { 200: DeliveryView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, context) {
      return { status: 200, body: deliveryView(await resend(db, webhooks.sender, params.id, context)) };
    },
  });
}
