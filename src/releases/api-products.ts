import { z } from 'zod';
import type { HookDeps } from '../forge/hooks.ts';
import { idParam } from '../http/id-param.ts';
import { requireMatch } from '../http/if-match.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { connectProduct, type ProductWish } from './connect-product.ts';
import { ORGANIZATION_LEVEL, organizationOf, productOf } from './level.ts';
import { type Product, ProductSettings } from './product.ts';
import { changedSettings, NewProductBody, ProductChangeBody, settingsEdit } from './product-change.ts';
import { ProductView, productView } from './product-view.ts';
import { changeProduct, retireProduct } from './products.ts';
import { productsOf } from './whole-releases.ts';

interface Deps {
  forge: HookDeps;
}

const params = z.object({ id: idParam('product') });

/** Products: what is licensed. */
export function productRoutes(deps: Deps): Route[] {
  return [listing(deps), reading(deps), adding(deps), changing(deps), retiring(deps), bringingBack(deps)];
}

function listing({ forge: { db } }: Deps): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/products`,
    operationId: 'listProducts',
    summary: 'The products of an organization',
    tag: 'products',
    scope: 'any',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      ...pageQuery('product'),
      retired: z.enum(['true', 'false']).default('false').meta({ description: 'Whether retired ones are listed too' }),
    }),
    answers: { 200: pageOf(ProductView) },
    problems: ['NOT_FOUND'],
    async handler({ params: { org }, query }, { actor }) {
      const { id } = await organizationOf(db, actor, org);
      const products = await productsOf(db, id, query.retired === 'true');
      return { status: 200, body: pageBody(pageOfAll(products, query), productView) };
    },
  });
}

function reading({ forge: { db } }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/products/{id}',
    operationId: 'getProduct',
    summary: 'One product',
    tag: 'products',
    scope: 'any',
    role: 'viewer',
    params,
    answers: { 200: ProductView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor }) {
      return { status: 200, body: productView(await productOf(db, actor, id)) };
    },
  });
}

function adding({ forge }: Deps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/products`,
    operationId: 'createProduct',
    summary: 'A new product, of a repository or without one',
    description: 'Asks the forge for the repository, makes its hook and plans the first look. Read the `warnings`.',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params: ORGANIZATION_LEVEL.params,
    body: NewProductBody,
    answers: { 201: ProductView },
    problems: ['NOT_FOUND', 'ALREADY_EXISTS', 'FORGE_TROUBLE'],
    async handler({ params: { org }, body }, context) {
      const organization = await organizationOf(forge.db, context.actor, org);
      const { product, warning } = await connectProduct(forge, organization, wishOf(body), context);
      const shown = productView(product);
      const warnings = warning === null ? shown.warnings : [...shown.warnings, warning];
      return { status: 201, body: { ...shown, warnings } };
    },
  });
}

function wishOf(body: z.output<typeof NewProductBody>): ProductWish {
  const { settings, open_channels, security_open, claim_on, missing_site, require_key, ...wish } = body;
  return {
    ...wish,
    openChannels: open_channels,
    securityOpen: security_open,
    claimOn: claim_on,
    missingSite: missing_site,
    requireKey: require_key,
    settings: changedSettings(ProductSettings.parse({}), settingsEdit(settings)),
  };
}

function changing({ forge: { db } }: Deps): Route {
  return route({
    method: 'patch',
    path: '/api/v1/products/{id}',
    operationId: 'changeProduct',
    summary: 'Changes a product',
    description:
      'What is left out stays as it is, so that two changes at once both count; a list is replaced whole, so send `If-Match` with one. Read the `warnings`.',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    body: ProductChangeBody,
    conditional: true,
    answers: { 200: ProductView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body }, context) {
      await productOf(db, context.actor, id);
      const { settings, ...change } = body;
      const edit = { ...change, settings: settings && settingsEdit(settings) };
      const unchanged = (now: Product) => requireMatch(context.ifMatch, ProductView, productView(now));
      return { status: 200, body: productView(await changeProduct(db, id, edit, context, unchanged)) };
    },
  });
}

function retiring({ forge: { db } }: Deps): Route {
  return route({
    method: 'delete',
    path: '/api/v1/products/{id}',
    operationId: 'retireProduct',
    summary: 'Retires a product',
    description: 'It answers as an unknown one from then on; nothing of it is deleted.',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      const { retiredAt } = await productOf(db, context.actor, id);
      if (retiredAt === null) await retireProduct(db, id, true, context);
      return { status: 204 };
    },
  });
}

function bringingBack({ forge: { db } }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/products/{id}/unretire',
    operationId: 'unretireProduct',
    summary: 'Serves a retired product again',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    answers: { 200: ProductView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      const { retiredAt } = await productOf(db, context.actor, id);
      if (retiredAt !== null) await retireProduct(db, id, false, context);
      return { status: 200, body: productView(await productOf(db, context.actor, id)) };
    },
  });
}
