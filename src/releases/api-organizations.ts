import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { channelsOf } from './channels.ts';
import { ORGANIZATION_LEVEL, organizationsOf } from './level.ts';

const OrganizationView = z
  .object({
    id: z.string(),
    slug: z.string().meta({ description: 'Stands in every address' }),
    name: z.string(),
    forge_id: z.string(),
    owner: z.string().meta({ description: 'Login on the forge' }),
    key_prefix: z.string(),
    channels: z.array(z.string()),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Organization' });

function organizationView(organization: OrganizationRecord): z.input<typeof OrganizationView> {
  return {
    id: organization.id,
    slug: organization.slug,
    name: organization.name,
    forge_id: organization.forgeId,
    owner: organization.owner,
    key_prefix: organization.keyPrefix,
    channels: channelsOf(organization.rules),
    created_at: organization.createdAt,
  };
}

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
  ];
}
