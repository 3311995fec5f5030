import { z } from 'zod';
import { HOUR } from '../clock.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Context, type Route, route } from '../http/route.ts';
import { instantField } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL, productOf } from '../releases/level.ts';
import type { ApiToken } from './token.ts';
import { TokenView, tokenFields, tokenView } from './token-view.ts';
import { createToken, listTokens, revokeToken, rotateToken, type TokenDeps, tokenOf } from './tokens.ts';

const expiresAt = instantField.nullable().meta({ description: 'null: it lasts until it is revoked' });
const NewTokenBody = z.strictObject({ ...tokenFields, expires_at: expiresAt.default(null) });
const MadeTokenView = TokenView.extend({
  token: z.string().meta({ description: 'The token itself, shown this once' }),
}).meta({ id: 'MadeToken' });

const SHOWN_ONCE =
  'Its text stands in this answer and never again: not in the repeated one of an Idempotency-Key either.';
const productParams = z.object({ id: idParam('product') });
const params = z.object({ id: idParam('token') });

/** API tokens of organizations and of their products. */
export function tokenRoutes(deps: TokenDeps): Route[] {
  return [
    ...[ofOrganization(deps), makingForOrganization(deps), ofProduct(deps), makingForProduct(deps)],
    ...[reading(deps), rotating(deps), revoking(deps)],
  ];
}

function ofOrganization(deps: TokenDeps): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/tokens`,
    operationId: 'listOrganizationTokens',
    summary: 'The API tokens of an organization, without their texts',
    description:
      'Those that are bound to one of its products too; those that are good for every organization are not among them.',
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params: ORGANIZATION_LEVEL.params,
    query: z.object(pageQuery('token')),
    answers: { 200: pageOf(TokenView) },
    problems: ['NOT_FOUND'],
    async handler({ params: of, query }, { actor, now }) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, actor, of);
      const all = await listTokens(deps, organization.id);
      return { status: 200, body: pageBody(pageOfAll(all, query), (token) => tokenView(token, now)) };
    },
  });
}

function makingForOrganization(deps: TokenDeps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/tokens`,
    operationId: 'createOrganizationToken',
    summary: 'A new API token for an organization, or for one of its products',
    description: SHOWN_ONCE,
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params: ORGANIZATION_LEVEL.params,
    body: NewTokenBody.extend({
      product_id: idParam('product')
        .nullable()
        .default(null)
        .meta({ description: 'null: for all of the organization' }),
    }),
    answers: { 201: MadeTokenView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    secretFields: ['/token'],
    async handler({ params: of, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, context.actor, of);
      const { expires_at: ends, product_id: productId, ...wish } = body;
      const bound = { organizationId: organization.id, productId };
      const made = await createToken(deps, { ...wish, ...bound, expiresAt: ends }, ...who(context));
      return { status: 201, body: madeView(made, context.now) };
    },
  });
}

function ofProduct(deps: TokenDeps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}/tokens',
    operationId: 'listProductTokens',
    summary: 'The API tokens that are bound to one product',
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params: productParams,
    query: z.object(pageQuery('token')),
    answers: { 200: pageOf(TokenView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query }, { actor, now }) {
      const { organizationId } = await productOf(deps.db, actor, id);
      const all = (await listTokens(deps, organizationId)).filter(({ productId }) => productId === id);
      return { status: 200, body: pageBody(pageOfAll(all, query), (token) => tokenView(token, now)) };
    },
  });
}

function makingForProduct(deps: TokenDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/products/{id}/tokens',
    operationId: 'createProductToken',
    summary: 'A new API token for one product',
    description: SHOWN_ONCE,
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params: productParams,
    body: NewTokenBody,
    answers: { 201: MadeTokenView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    secretFields: ['/token'],
    async handler({ params: { id }, body }, context) {
      const { organizationId } = await productOf(deps.db, context.actor, id);
      const { expires_at: ends, ...wish } = body;
      const bound = { organizationId, productId: id };
      const made = await createToken(deps, { ...wish, ...bound, expiresAt: ends }, ...who(context));
      return { status: 201, body: madeView(made, context.now) };
    },
  });
}

function reading(deps: TokenDeps): Route {
  return route({
    method: 'get',
    path: '/api/v1/tokens/{id}',
    operationId: 'getToken',
    summary: 'One API token, without its text',
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params,
    answers: { 200: TokenView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor, now }) {
      return { status: 200, body: tokenView(await tokenOf(deps, actor, id), now) };
    },
  });
}

function rotating(deps: TokenDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/tokens/{id}/rotate',
    operationId: 'rotateToken',
    summary: 'A new API token in the place of one, which goes on for a while',
    description: `It has the same name, binding and scopes. ${SHOWN_ONCE}`,
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params,
    body: z.strictObject({
      overlap_hours: z
        .number()
        .int()
        .min(0)
        .max(720)
        .default(24)
        .meta({ description: 'How long the old one goes on, at most as long as it would have; 0: not at all' }),
      expires_at: expiresAt.optional().meta({ description: 'Of the new one. Required where the old one has an end' }),
    }),
    answers: { 201: MadeTokenView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'TOKEN_ENDED'],
    secretFields: ['/token'],
    async handler({ params: { id }, body }, context) {
      const ends = { overlapMs: body.overlap_hours * HOUR, expiresAt: body.expires_at };
      const made = await rotateToken(deps, id, ends, ...who(context));
      return { status: 201, body: madeView(made, context.now) };
    },
  });
}

function revoking(deps: TokenDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/tokens/{id}/revoke',
    operationId: 'revokeToken',
    summary: 'Makes an API token useless at once',
    description: 'Revoking twice is no error. A token may revoke itself.',
    tag: 'tokens',
    scope: 'admin',
    role: 'admin',
    params,
    answers: { 200: TokenView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      return { status: 200, body: tokenView(await revokeToken(deps, id, ...who(context)), context.now) };
    },
  });
}

function who({ actor, now, requestId }: Context<'admin'>) {
  return [actor, now, requestId] as const;
}

function madeView({ token, text }: { token: ApiToken; text: string }, now: number) {
  return { ...tokenView(token, now), token: text };
}
