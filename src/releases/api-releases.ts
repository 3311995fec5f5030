import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { productOf } from './level.ts';
import { yank } from './products.ts';
import { ReleaseView, releaseView } from './release-view.ts';
import { wholeRelease, wholeReleases } from './whole-releases.ts';

interface Deps {
  db: Db;
}

/** Releases of products. */
export function releaseRoutes(deps: Deps): Route[] {
  return [listing(deps), reading(deps), yanking(deps), puttingBack(deps)];
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}/releases',
    operationId: 'listReleases',
    summary: 'The releases of a product, the newest first',
    tag: 'releases',
    scope: 'any',
    role: 'viewer',
    params: z.object({ id: idParam('product') }),
    query: z.object(pageQuery('release')),
    answers: { 200: pageOf(ReleaseView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query }, { actor }) {
      await productOf(db, actor, id);
      const page = pageOfAll(await wholeReleases(db, id), query, 'newestFirst');
      return { status: 200, body: pageBody(page, releaseView) };
    },
  });
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/releases/{id}',
    operationId: 'getRelease',
    summary: 'One release with its files and problems',
    tag: 'releases',
    scope: 'any',
    role: 'viewer',
    params: z.object({ id: idParam('release') }),
    answers: { 200: ReleaseView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor }) {
      return { status: 200, body: releaseView(await wholeRelease(db, actor, id)) };
    },
  });
}

function yanking({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/releases/{id}/yank',
    operationId: 'yankRelease',
    summary: 'Takes a release out of every feed and download',
    tag: 'releases',
    scope: 'releases:write',
    role: 'admin',
    params: z.object({ id: idParam('release') }),
    body: z.strictObject({ reason: z.string().trim().max(500).default('') }),
    answers: { 200: ReleaseView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body }, context) {
      await wholeRelease(db, context.actor, id);
      await yank(db, id, true, body.reason, context);
      return { status: 200, body: releaseView(await wholeRelease(db, context.actor, id)) };
    },
  });
}

function puttingBack({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/releases/{id}/unyank',
    operationId: 'unyankRelease',
    summary: 'Puts a release back that was taken out',
    tag: 'releases',
    scope: 'releases:write',
    role: 'admin',
    params: z.object({ id: idParam('release') }),
    answers: { 200: ReleaseView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      await wholeRelease(db, context.actor, id);
      await yank(db, id, false, '', context);
      return { status: 200, body: releaseView(await wholeRelease(db, context.actor, id)) };
    },
  });
}
