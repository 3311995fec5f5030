import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { SiteView, siteView } from './site-view.ts';
import { releaseSite, sitesOf } from './sites.ts';

/** Where licenses run. */
export function siteRoutes({ db }: { db: Db }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/licenses/{id}/sites',
      operationId: 'listSites',
      summary: 'The sites that a license is in use on',
      tag: 'sites',
      scope: 'licenses:read',
      role: 'viewer',
      params: z.object({ id: idParam('license') }),
      query: z.object(pageQuery('activation')),
      answers: { 200: pageOf(SiteView) },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
      async handler({ params, query }, { actor }) {
        return { status: 200, body: pageBody(await sitesOf(db, actor, params.id, query), siteView) };
      },
    }),
    route({
      method: 'delete',
      path: '/api/v1/licenses/{id}/sites/{site_id}',
      operationId: 'releaseSite',
      summary: 'Frees the slot of a site',
      description: 'Works on ended licenses too; a slot that is free already stays so.',
      tag: 'sites',
      scope: 'licenses:write',
      role: 'support',
      params: z.object({ id: idParam('license'), site_id: idParam('activation') }),
      answers: { 204: null },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
      async handler({ params }, context) {
        await releaseSite(db, params.id, params.site_id, context);
        return { status: 204 };
      },
    }),
  ];
}
