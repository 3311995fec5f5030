import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { addAddress, removeAlias } from './aliases.ts';
import { planSync } from './connect-product.ts';
import { productOf } from './level.ts';
import { AliasView } from './product-view.ts';
import { ProblemView, problemView } from './release-view.ts';
import { addressesOf, problemsOf } from './whole-releases.ts';

interface Deps {
  db: Db;
  /** The names of all feed documents. */
  documents: readonly string[];
}

const params = z.object({ id: idParam('product') });
const Aliases = z.object({ items: z.array(AliasView) });

/** Addresses and problems of products, and the look at their repositories. */
export function productPartRoutes(deps: Deps): Route[] {
  return [listingAliases(deps), addingAlias(deps), removingAlias(deps), listingProblems(deps), syncing(deps)];
}

function listingAliases({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}/aliases',
    operationId: 'listAliases',
    summary: 'Every address at which a product is served',
    tag: 'products',
    scope: 'any',
    role: 'viewer',
    params,
    answers: { 200: Aliases },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor }) {
      await productOf(db, actor, id);
      return { status: 200, body: { items: await addressesOf(db, id) } };
    },
  });
}

function addingAlias({ db, documents }: Deps): Route {
  const document = z.string().refine((name) => documents.includes(name), `must be one of ${documents.join(', ')}`);
  return route({
    method: 'post',
    path: '/api/v1/products/{id}/aliases',
    operationId: 'addAlias',
    summary: 'One more address for a product, e.g. that of the server before',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    body: z.strictObject({
      path: z.string().trim().min(1).max(500),
      document: document
        .nullable()
        .default(null)
        .meta({
          description: `Where the path is that of a whole file: the feed that is served there, one of ${documents.join(', ')}`,
        }),
    }),
    answers: { 201: Aliases },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'ALREADY_EXISTS'],
    async handler({ params: { id }, body }, context) {
      const product = await productOf(db, context.actor, id);
      await addAddress(db, product, body.path, body.document, context);
      return { status: 201, body: { items: await addressesOf(db, id) } };
    },
  });
}

function removingAlias({ db }: Deps): Route {
  return route({
    method: 'delete',
    path: '/api/v1/products/{id}/aliases',
    operationId: 'removeAlias',
    summary: 'Takes an old address from a product; from then on it leads nowhere',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    query: z.object({ path: z.string().trim().min(1).max(500) }),
    answers: { 200: Aliases },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'STILL_IN_USE'],
    async handler({ params: { id }, query }, context) {
      await removeAlias(db, await productOf(db, context.actor, id), query.path, context);
      return { status: 200, body: { items: await addressesOf(db, id) } };
    },
  });
}

function listingProblems({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}/problems',
    operationId: 'listProblems',
    summary: 'What clients would refuse or ignore in the releases of a product',
    tag: 'products',
    scope: 'any',
    role: 'viewer',
    params,
    query: z.object(pageQuery('problem')),
    answers: { 200: pageOf(ProblemView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query }, { actor }) {
      await productOf(db, actor, id);
      return { status: 200, body: pageBody(pageOfAll(await problemsOf(db, id), query), problemView) };
    },
  });
}

function syncing({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/products/{id}/sync',
    operationId: 'syncProduct',
    summary: 'Plans a look at the repository of a product now',
    tag: 'products',
    scope: 'releases:write',
    role: 'manager',
    params,
    answers: { 202: z.object({ product_id: z.string(), queued: z.boolean() }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      await planSync(db, await productOf(db, context.actor, id), context);
      return { status: 202, body: { product_id: id, queued: true } };
    },
  });
}
