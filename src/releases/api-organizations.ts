import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { requireMatch } from '../http/if-match.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL, organizationsOf } from './level.ts';
import { OrganizationChangeBody, OrganizationView, organizationView } from './organization-view.ts';
import { changeOrganization } from './organizations.ts';

/** A token of one organization sees only that one. */
export function organizationRoutes({ db }: { db: Db }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/organizations',
      operationId: 'listOrganizations',
      summary: 'The organizations that the token may see',
      tag: 'organizations',
      scope: 'any',
      role: 'viewer',
      query: z.object(pageQuery('organization')),
      answers: { 200: pageOf(OrganizationView) },
      async handler({ query }, { actor }) {
        return { status: 200, body: pageBody(pageOfAll(await organizationsOf(db, actor), query), organizationView) };
      },
    }),
    route({
      method: 'get',
      path: ORGANIZATION_LEVEL.path,
      operationId: 'getOrganization',
      summary: 'One organization',
      tag: 'organizations',
      scope: 'any',
      role: 'viewer',
      params: ORGANIZATION_LEVEL.params,
      answers: { 200: OrganizationView },
      problems: ['NOT_FOUND'],
      async handler({ params }, { actor }) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
        return { status: 200, body: organizationView(organization) };
      },
    }),
    route({
      method: 'patch',
      path: ORGANIZATION_LEVEL.path,
      operationId: 'changeOrganization',
      summary: 'Changes an organization',
      description:
        'What is left out stays as it is, also inside `test_key`, `new_products`, `payments`, `seller` and `mail`, so that two changes at once both count.',
      tag: 'organizations',
      scope: 'admin',
      role: 'admin',
      params: ORGANIZATION_LEVEL.params,
      body: OrganizationChangeBody,
      conditional: true,
      answers: { 200: OrganizationView },
      problems: ['NOT_FOUND'],
      async handler({ params, body }, context) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, params);
        const unchanged = (now: OrganizationRecord) =>
          requireMatch(context.ifMatch, OrganizationView, organizationView(now));
        const changed = await changeOrganization(db, organization.id, body, context, unchanged);
        return { status: 200, body: organizationView(changed) };
      },
    }),
  ];
}
