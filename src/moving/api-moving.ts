import { z } from 'zod';
import { ForgeTrouble, problem } from '../errors.ts';
import type { HookDeps } from '../forge/hooks.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL, organizationOf, productOf } from '../releases/level.ts';
import { productsOf } from '../releases/whole-releases.ts';
import { adoptAll, adoptProduct, requireFeedUrl } from './adopt.ts';
import { endBridge, setBridge } from './bridge.ts';
import { movingOf } from './moving.ts';
import { AdoptionView, adoptionView, BridgeView, bridgeView, MovingView, movingView } from './moving-view.ts';

interface Deps {
  forge: HookDeps;
  /** The names of all feed documents. */
  documents: readonly string[];
}

const params = z.object({ id: idParam('product') });
const dryRun = z.boolean().default(false).meta({ description: 'true: says what it would do and does nothing' });

/** Moving a product here, and the addresses that it comes from. */
export function movingRoutes(deps: Deps): Route[] {
  return [adopting(deps), adoptingAll(deps), looking(deps), bridging(deps), unbridging(deps)];
}

function adopting({ forge }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/products/{id}/adopt',
    operationId: 'adoptProduct',
    summary: 'Proposes on the forge what moves a product here',
    description:
      'A pull request with the update server, the key field and the changelog in the manifest (or `url_last_version` in the descriptor), a script that takes the keys of sites along, and without the workflow steps that wrote the feed. Again: the same pull request, brought up to date.',
    tag: 'moving',
    scope: 'admin',
    role: 'admin',
    params,
    body: z.strictObject({
      dry_run: dryRun,
      feed_url: z
        .string()
        .max(500)
        .nullable()
        .default(null)
        .meta({ description: "Another server's feed in place of ours: the way back" }),
    }),
    answers: { 200: AdoptionView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'FORGE_TROUBLE'],
    async handler({ params: { id }, body }, context) {
      const product = await productOf(forge.db, context.actor, id);
      const wish = { dryRun: body.dry_run, feedUrl: body.feed_url === null ? null : requireFeedUrl(body.feed_url) };
      try {
        return { status: 200, body: adoptionView(await adoptProduct(forge, product, wish, context)) };
      } catch (error) {
        if (error instanceof ForgeTrouble) throw problem('FORGE_TROUBLE', error.message);
        throw error;
      }
    },
  });
}

function adoptingAll({ forge }: Deps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/adopt`,
    operationId: 'adoptOrganization',
    summary: 'The same for every product of an organization',
    description: 'One after the other; what goes wrong with one of them stands in its own item.',
    tag: 'moving',
    scope: 'admin',
    role: 'admin',
    params: ORGANIZATION_LEVEL.params,
    body: z.strictObject({ dry_run: dryRun }),
    answers: { 200: z.object({ items: z.array(AdoptionView) }) },
    problems: ['NOT_FOUND'],
    async handler({ params: { org }, body }, context) {
      const { id } = await organizationOf(forge.db, context.actor, org);
      const wish = { dryRun: body.dry_run, feedUrl: null };
      const adoptions = await adoptAll(forge, await productsOf(forge.db, id, false), wish, context);
      return { status: 200, body: { items: adoptions.map(adoptionView) } };
    },
  });
}

function looking({ forge }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}/moving',
    operationId: 'getMoving',
    summary: 'How far a product has come on its way here',
    description: 'The steps in the order that loses no site, and the addresses under which sites may still ask.',
    tag: 'moving',
    scope: 'any',
    role: 'viewer',
    params,
    answers: { 200: MovingView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor, now }) {
      const product = await productOf(forge.db, actor, id);
      return { status: 200, body: movingView(id, await movingOf(forge, product, now)) };
    },
  });
}

function bridging({ forge: { db }, documents }: Deps): Route {
  return route({
    method: 'put',
    path: '/api/v1/products/{id}/bridge',
    operationId: 'setBridge',
    summary: 'Keeps a feed file current on a branch, for sites that ask its raw address',
    description: 'It holds what a poll without a key is answered, and is written only when that changes.',
    tag: 'moving',
    scope: 'admin',
    role: 'admin',
    params,
    body: z.strictObject({
      branch: z.string().trim().min(1).max(200),
      path: z.string().trim().min(1).max(500),
      document: z
        .string()
        .nullable()
        .default(null)
        .meta({ description: `One of ${documents.join(', ')}; told by the ending of the path otherwise` }),
    }),
    answers: { 200: BridgeView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body }, context) {
      const product = await productOf(db, context.actor, id);
      return { status: 200, body: bridgeView(await setBridge(db, product, body, documents, context)) };
    },
  });
}

function unbridging({ forge: { db } }: Deps): Route {
  return route({
    method: 'delete',
    path: '/api/v1/products/{id}/bridge',
    operationId: 'endBridge',
    summary: 'Keeps the bridge file current no longer',
    description: 'The file stays on the branch as it is.',
    tag: 'moving',
    scope: 'admin',
    role: 'admin',
    params,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      await endBridge(db, await productOf(db, context.actor, id), context);
      return { status: 204 };
    },
  });
}
