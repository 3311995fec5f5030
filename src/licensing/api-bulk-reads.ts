import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { bulkItems, bulkReport, listBulk, seeBulk } from './bulk-reads.ts';
import { BULK_ITEM_STATES, BulkHead, BulkItem, BulkView, bulkHead, bulkItem } from './bulk-view.ts';

interface Deps {
  db: Db;
}

const params = z.object({ id: idParam('bulk') });
const stateField = z.enum(BULK_ITEM_STATES).optional();

/** How far a bulk change is, and the report of it. */
export function bulkReadRoutes(deps: Deps): Route[] {
  return [listing(deps), reading(deps), results(deps), report(deps)];
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/bulk`,
    operationId: 'listBulk',
    summary: 'The bulk changes of an organization, newest first',
    tag: 'bulk changes',
    scope: 'licenses:read',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object(pageQuery('bulk')),
    answers: { 200: pageOf(BulkHead) },
    problems: ['NOT_FOUND'],
    async handler({ params: { org }, query }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, { org });
      return { status: 200, body: pageBody(await listBulk(db, organization.id, query), bulkHead) };
    },
  });
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/bulk/{id}',
    operationId: 'getBulk',
    summary: 'How far a bulk change is, and what came of it',
    tag: 'bulk changes',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    answers: { 200: BulkView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    handler: async ({ params: { id } }, { actor }) => ({ status: 200, body: await seeBulk(db, actor, id) }),
  });
}

function results({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/bulk/{id}/results',
    operationId: 'listBulkResults',
    summary: 'What became of each license, or would',
    tag: 'bulk changes',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    query: z.object({ ...pageQuery('license'), state: stateField }),
    answers: { 200: pageOf(BulkItem) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query }, { actor }) {
      return { status: 200, body: pageBody(await bulkItems(db, actor, id, query), bulkItem) };
    },
  });
}

function report({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/bulk/{id}/report',
    operationId: 'exportBulkResults',
    summary: 'The same as one file',
    tag: 'bulk changes',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    query: z.object({ ...exportQuery, state: stateField }),
    answers: { 200: ROWS_ANSWER },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query: { state, ...form } }, { actor }) {
      const batches = await bulkReport(db, actor, id, state);
      const columns = ['license_id', 'state', 'code', 'detail', 'done_at'];
      return { status: 200, stream: rowsStream({ ...form, name: `bulk-${id}`, columns, batches }) };
    },
  });
}
