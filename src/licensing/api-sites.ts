import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { addSite } from './add-site.ts';
import { SiteView, siteView } from './site-view.ts';
import { releaseSite, type SiteQuery, sitesOf, sitesOfOrganization, sitesOfProduct } from './sites.ts';

const listQuery = z.object({
  ...pageQuery('activation'),
  filter: z.enum(['active', 'released', 'all']).default('active').meta({ description: 'Slots that are held, or were' }),
  host: z.string().max(253).optional().meta({ description: 'A part of the host name' }),
  key: idParam('key').optional().meta({ description: 'Only those that this key claimed' }),
});
type ListQuery = z.output<typeof listQuery>;

const DESCRIPTION =
  'In the order in which they were first seen. What a site says of itself is a claim: who polls with a key can name any host.';

function queryOf({ limit, cursor, filter, host, key }: ListQuery): SiteQuery {
  return { limit, cursor, state: filter, search: host?.trim(), keyId: key };
}

/** Where licenses run. */
export function siteRoutes({ db }: { db: Db }): Route[] {
  return [listOfLicense(db), listOfOrganization(db), listOfProduct(db), add(db), release(db)];
}

const list = {
  tag: 'sites',
  scope: 'licenses:read',
  role: 'viewer',
  description: DESCRIPTION,
  query: listQuery,
  answers: { 200: pageOf(SiteView) },
} as const;

function listOfLicense(db: Db): Route {
  return route({
    ...list,
    method: 'get',
    path: '/api/v1/licenses/{id}/sites',
    operationId: 'listSites',
    summary: 'The sites that a license is in use on',
    params: z.object({ id: idParam('license') }),
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor }) {
      return { status: 200, body: pageBody(await sitesOf(db, actor, params.id, queryOf(query)), siteView) };
    },
  });
}

function listOfOrganization(db: Db): Route {
  return route({
    ...list,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/sites`,
    operationId: 'listOrganizationSites',
    summary: 'The sites that the licenses of an organization are in use on',
    params: ORGANIZATION_LEVEL.params,
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor }) {
      const page = await sitesOfOrganization(db, actor, params.org, queryOf(query));
      return { status: 200, body: pageBody(page, siteView) };
    },
  });
}

function listOfProduct(db: Db): Route {
  return route({
    ...list,
    method: 'get',
    path: '/api/v1/products/{id}/sites',
    operationId: 'listProductSites',
    summary: 'The sites on which a product was seen',
    params: z.object({ id: idParam('product') }),
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor }) {
      return { status: 200, body: pageBody(await sitesOfProduct(db, actor, params.id, queryOf(query)), siteView) };
    },
  });
}

function add(db: Db): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/sites',
    operationId: 'addSite',
    summary: 'Adds a site by hand',
    description:
      'Under the limit of the license, as a poll would. `*.example.com` takes one slot for every host below the domain, and frees the slots that such hosts had. With `staging_of` the site is free of charge for as long as that one counts. 200: the license had it already.',
    tag: 'sites',
    scope: 'licenses:write',
    role: 'support',
    params: z.object({ id: idParam('license') }),
    body: z.strictObject({
      site: z.string().min(1).max(2_048).meta({ description: 'A host name or address, or `*.` and a domain' }),
      label: z.string().max(100).optional(),
      staging_of: idParam('activation').optional().meta({ description: 'A site of this license that counts' }),
    }),
    answers: { 200: SiteView, 201: SiteView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'INVALID_SITE', 'SITE_LIMIT', 'ACTIVATION_NOT_APPLICABLE'],
    async handler({ params, body }, context) {
      const wish = { site: body.site, label: body.label?.trim() || null, stagingOf: body.staging_of ?? null };
      const { site, isNew } = await addSite(db, params.id, wish, context);
      return isNew ? { status: 201, body: siteView(site) } : { status: 200, body: siteView(site) };
    },
  });
}

function release(db: Db): Route {
  return route({
    method: 'delete',
    path: '/api/v1/licenses/{id}/sites/{site_id}',
    operationId: 'releaseSite',
    summary: 'Frees the slot of a site',
    description:
      'Works on ended licenses too; a slot that is free already stays so. It counts against no transfer budget.',
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
  });
}
