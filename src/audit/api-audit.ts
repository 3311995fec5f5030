import { z } from 'zod';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { WRONG_ID_KIND } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { type IdKind, kindOfId } from '../ids.ts';
import { instantField } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { readAudit, readAuditOf } from './audit-reads.ts';
import { AuditView } from './audit-view.ts';

/** Kinds of rows that are nobody's to change, so that nothing is ever told of them. */
const UNCHANGED: readonly IdKind[] = ['audit', 'job', 'lease', 'delivery', 'webhook_event', 'problem'];

const anyId = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    const kind = kindOfId(text);
    if (kind === null) context.addIssue({ code: 'custom', message: 'must be an id of ours, such as lic_…' });
    else if (UNCHANGED.includes(kind)) {
      const message = 'is the id of something that nobody changes; that of a license, a key, a product … is needed';
      context.addIssue({ code: 'custom', message, params: WRONG_ID_KIND });
    }
  })
  .meta({ description: 'The id of anything: a license, a key, a product, a token, the organization itself' });

const word = z
  .string()
  .max(60)
  .regex(/^[a-z_.]+$/, 'is written in small letters, _ and .');

/** Who did what. */
export function auditRoutes(deps: { db: Db }): Route[] {
  return [ofOrganization(deps), ofThing(deps)];
}

function ofOrganization({ db }: { db: Db }): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/audit`,
    operationId: 'listAudit',
    summary: 'Who did what in an organization',
    description:
      'Newest first. Every change stands here with who made it, what was before and after, and the request that it came by; no key, token or secret does.',
    tag: 'audit',
    scope: 'admin',
    role: 'manager',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      ...pageQuery('audit'),
      entity: word.optional().meta({ description: 'The kind of thing, e.g. `license`' }),
      entity_id: anyId.optional(),
      actor: z.string().max(64).optional().meta({ description: "`cli`, `system`, a token's id or a person's" }),
      action: word.optional().meta({ description: 'The action or its beginning: `key.revoke`, `key.`' }),
      from: instantField.optional(),
      to: instantField.optional().meta({ description: 'Not included' }),
    }),
    answers: { 200: pageOf(AuditView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const { entity, entity_id: entityId, actor: who, action, from, to, ...page } = query;
      const filter = {
        ...{ organizationId: organization.id, entity, entityId, actor: who, action },
        from: from === undefined ? undefined : toIso(from),
        to: to === undefined ? undefined : toIso(to),
      };
      return { status: 200, body: pageBody(await readAudit(db, filter, page), (event) => event) };
    },
  });
}

function ofThing({ db }: { db: Db }): Route {
  return route({
    method: 'get',
    path: '/api/v1/audit/{id}',
    operationId: 'listAuditOf',
    summary: 'Who did what to one thing',
    description: 'Newest first. Anything that has an id: a license, a key, a grant, a package, a product, a token.',
    tag: 'audit',
    scope: 'admin',
    role: 'manager',
    params: z.object({ id: anyId }),
    query: z.object(pageQuery('audit')),
    answers: { 200: pageOf(AuditView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor }) {
      return { status: 200, body: pageBody(await readAuditOf(db, actor, params.id, query), (event) => event) };
    },
  });
}
