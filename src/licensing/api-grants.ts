import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { Secrets } from '../secrets.ts';
import { lineField, paymentRefField, quantityField, reasonField } from './fields.ts';
import { GrantView } from './grant-view.ts';
import { changeGrant, readGrants } from './licenses.ts';
import { addGrant } from './shop.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const NewGrantBody = z.strictObject({
  package_id: idParam('package'),
  quantity: quantityField,
  source: z.enum(['purchase', 'renewal', 'admin', 'import']).default('purchase'),
  payment_ref: paymentRefField.nullable().default(null),
  line: lineField,
});

/** The ledgers of licenses. */
export function grantRoutes(deps: Deps): Route[] {
  return [listing(deps), adding(deps), ...(['close', 'reopen'] as const).map((kind) => closing(deps, kind))];
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/licenses/{id}/grants',
    operationId: 'listGrants',
    summary: 'The ledger of a license',
    description: 'Oldest first; each line with the time that it gives as things stand now.',
    tag: 'grants',
    scope: 'licenses:read',
    role: 'viewer',
    params: z.object({ id: idParam('license') }),
    query: z.object(pageQuery('grant')),
    answers: { 200: pageOf(GrantView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor }) {
      const grants = await readGrants(db, actor, params.id);
      return { status: 200, body: pageBody(pageOfAll(grants, query), (grant) => grant) };
    },
  });
}

function adding(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/grants',
    operationId: 'addGrant',
    summary: 'Sells one more package into a license',
    description:
      'The same package adds time, another one stacks. 200: the payment line or the Idempotency-Key had sold it before.',
    tag: 'grants',
    scope: 'licenses:write',
    role: 'manager',
    params: z.object({ id: idParam('license') }),
    body: NewGrantBody,
    answers: { 200: GrantView, 201: GrantView },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'PAYMENT_LINE_CONFLICT', 'NO_END_TO_EXTEND', 'TRIAL_USED'] as const),
      ...(['MASTER_IS_FIXED', 'PACKAGE_INACTIVE', 'STILL_IN_USE'] as const),
    ],
    async handler({ params, body }, context) {
      const request = context.idempotencyKey === null ? null : { token: context.actor.id, key: context.idempotencyKey };
      const wish = {
        packageId: body.package_id,
        quantity: body.quantity,
        source: body.source,
        paymentRef: body.payment_ref,
        line: body.line,
        request,
      };
      const { grant, replayed } = await addGrant(deps, params.id, wish, context);
      return replayed ? { status: 200, body: grant } : { status: 201, body: grant };
    },
  });
}

function closing({ db }: Deps, kind: 'close' | 'reopen'): Route {
  return route({
    method: 'post',
    path: `/api/v1/grants/{id}/${kind}`,
    operationId: `${kind}Grant`,
    summary: kind === 'close' ? 'Closes a grant, e.g. after a refund' : 'Reopens a grant, e.g. after a won dispute',
    description: 'A row of its own in the ledger. Once more is no error and writes nothing.',
    tag: 'grants',
    scope: 'licenses:write',
    role: 'manager',
    params: z.object({ id: idParam('grant') }),
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: GrantView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED'],
    async handler({ params, body }, context) {
      return { status: 200, body: await changeGrant(db, params.id, kind, body.reason, context) };
    },
  });
}
