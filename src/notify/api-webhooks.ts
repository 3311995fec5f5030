import { z } from 'zod';
import { toIso } from '../clock.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { descriptionField, typesField, urlField, WebhookView, WebhookWithSecret, webhookView } from './webhook-view.ts';
import {
  addWebhook,
  changeWebhook,
  listWebhooks,
  readWebhook,
  removeWebhook,
  rotateWebhookSecret,
  type WebhookDeps,
} from './webhooks.ts';

const OWN = { tag: 'webhooks', scope: 'admin', role: 'admin', params: z.object({ id: idParam('webhook') }) } as const;
const PATH = '/api/v1/webhooks/{id}';
const DAY_IN_HOURS = 24;

/** Who is told what happens in an organization. */
export function webhookRoutes(deps: WebhookDeps): Route[] {
  return [listing(deps), adding(deps), reading(deps), changing(deps), rotating(deps), removing(deps)];
}

function listing({ db }: WebhookDeps): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/webhooks`,
    operationId: 'listWebhooks',
    summary: 'The webhooks of an organization',
    ...{ tag: 'webhooks', scope: 'admin', role: 'admin', params: ORGANIZATION_LEVEL.params },
    query: z.object(pageQuery('webhook')),
    answers: { 200: pageOf(WebhookView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor, now }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const page = pageOfAll(await listWebhooks(db, organization.id), query);
      return { status: 200, body: pageBody(page, (each) => webhookView(each, toIso(now))) };
    },
  });
}

function adding(deps: WebhookDeps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/webhooks`,
    operationId: 'createWebhook',
    summary: 'Makes a webhook and shows its secret, this once',
    description:
      'From now on each chosen event is sent there, signed by the Standard Webhooks scheme. Private and loopback addresses are refused unless the operator allows them.',
    ...{ tag: 'webhooks', scope: 'admin', role: 'admin', params: ORGANIZATION_LEVEL.params },
    body: z.strictObject({ url: urlField, types: typesField, description: descriptionField.default('') }),
    answers: { 201: WebhookWithSecret },
    problems: ['NOT_FOUND', 'STILL_IN_USE'],
    secretFields: ['/secret'],
    async handler({ params, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, context.actor, params);
      const { webhook, secret } = await addWebhook(deps, organization.id, body, context);
      return { status: 201, body: { ...webhookView(webhook, toIso(context.now)), secret } };
    },
  });
}

function reading({ db }: WebhookDeps): Route {
  return route({
    method: 'get',
    path: PATH,
    operationId: 'getWebhook',
    summary: 'One webhook',
    ...OWN,
    answers: { 200: WebhookView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor, now }) {
      return { status: 200, body: webhookView(await readWebhook(db, actor, params.id), toIso(now)) };
    },
  });
}

function changing(deps: WebhookDeps): Route {
  return route({
    method: 'patch',
    path: PATH,
    operationId: 'changeWebhook',
    summary: 'Changes a webhook, or switches it off and on',
    description: 'What happens while it is off is not kept for it, and what waited when it went off is given up.',
    ...OWN,
    body: z.strictObject({
      url: urlField.optional(),
      types: typesField.optional(),
      description: descriptionField.optional(),
      active: z.boolean().optional(),
    }),
    answers: { 200: WebhookView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, body }, context) {
      const webhook = await changeWebhook(deps, params.id, body, context);
      return { status: 200, body: webhookView(webhook, toIso(context.now)) };
    },
  });
}

function rotating(deps: WebhookDeps): Route {
  return route({
    method: 'post',
    path: `${PATH}/rotate-secret`,
    operationId: 'rotateWebhookSecret',
    summary: 'Makes a new secret and shows it, this once',
    description: 'For the overlap every delivery is signed with both, so that a receiver can change without a gap.',
    ...OWN,
    body: z.strictObject({
      overlap_hours: z.number().int().min(0).max(168).default(DAY_IN_HOURS).meta({
        description: 'How long the old secret signs too; 0: it is of no use at once',
      }),
    }),
    answers: { 200: WebhookWithSecret },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    secretFields: ['/secret'],
    async handler({ params, body }, context) {
      const { webhook, secret } = await rotateWebhookSecret(deps, params.id, body.overlap_hours, context);
      return { status: 200, body: { ...webhookView(webhook, toIso(context.now)), secret } };
    },
  });
}

function removing({ db }: WebhookDeps): Route {
  return route({
    method: 'delete',
    path: PATH,
    operationId: 'removeWebhook',
    summary: 'Removes a webhook with its log',
    ...OWN,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, context) {
      await removeWebhook(db, params.id, context);
      return { status: 204 };
    },
  });
}
