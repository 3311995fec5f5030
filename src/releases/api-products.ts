import { z } from 'zod';
import type { HookDeps } from '../forge/hooks.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { MODES } from '../licensing/verdict.ts';
import { requireChannels } from './channels.ts';
import { connectProduct } from './connect-product.ts';
import { ORGANIZATION_LEVEL, organizationOf, productOf } from './level.ts';
import { type Product, ProductChange, ProductSettings } from './product.ts';
import { changedSettings, modeFor, ProductView, productView, SettingsBody } from './product-view.ts';
import { changeProduct, retireProduct } from './products.ts';
import { productsOf } from './whole-releases.ts';

interface Deps {
  forge: HookDeps;
}

const own = ProductChange.shape;
const params = z.object({ id: idParam('product') });
const requireKey = z
  .boolean()
  .optional()
  .meta({ description: 'true is the mode `strict` (`listed` stays), false is `open`; not beside `mode`' });
const path = z.string().trim().min(1).max(100);

const oneModeOnly = {
  path: ['require_key'],
  message: 'says the same as mode; send one of them',
};
type ModeBody = { mode?: Product['mode'] | undefined; require_key?: boolean | undefined };
const hasOneMode = (body: ModeBody) => body.mode === undefined || body.require_key === undefined;

const NewProductBody = z
  .strictObject({
    repository: path.nullable().default(null).meta({
      description: "Name of a repository of the organization's owner on its forge; null: an app without one",
    }),
    slug: path.optional().meta({ description: "Path below the organization; the repository's name by default" }),
    edition: path.optional(),
    name: own.name.optional(),
    description: own.description.optional(),
    platforms: own.platforms,
    mode: z.enum(MODES).optional().meta({ description: '`listed` by default' }),
    require_key: requireKey,
    settings: SettingsBody.default({}),
  })
  .refine(hasOneMode, oneModeOnly)
  .refine((body) => body.repository !== null || body.slug !== undefined, {
    path: ['slug'],
    message: 'is required without a repository',
  });

const ProductChangeBody = z
  .strictObject({
    name: own.name,
    description: own.description,
    platforms: own.platforms,
    mode: own.mode,
    require_key: requireKey,
    open_channels: own.open_channels,
    security_open: own.security_open,
    claim_on: own.claim_on,
    missing_site: own.missing_site,
    settings: SettingsBody,
  })
  .partial()
  .refine(hasOneMode, oneModeOnly);

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
      const { require_key: required, settings, ...wish } = body;
      const mode = body.mode ?? (required === undefined ? 'listed' : modeFor(null, required));
      const { product, warning } = await connectProduct(
        forge,
        organization,
        { ...wish, mode, settings: changedSettings(ProductSettings.parse({}), settings) },
        context,
      );
      const shown = productView(product);
      const warnings = warning === null ? shown.warnings : [...shown.warnings, warning];
      return { status: 201, body: { ...shown, warnings } };
    },
  });
}

function changing({ forge: { db } }: Deps): Route {
  return route({
    method: 'patch',
    path: '/api/v1/products/{id}',
    operationId: 'changeProduct',
    summary: 'Changes a product',
    description: 'Settings that are left out stay as they are. Read the `warnings`.',
    tag: 'products',
    scope: 'admin',
    role: 'admin',
    params,
    body: ProductChangeBody,
    answers: { 200: ProductView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body }, context) {
      const product = await productOf(db, context.actor, id);
      const { rules } = await organizationOf(db, context.actor, product.organizationId);
      const { require_key: required, mode, settings, ...change } = definedOf(body);
      requireChannels(rules, change.open_channels ?? [], '/open_channels');
      const changed = {
        ...change,
        ...(mode === undefined ? {} : { mode }),
        ...(required === undefined ? {} : { mode: modeFor(product.mode, required) }),
        ...(settings === undefined ? {} : { settings: changedSettings(product.settings, settings) }),
      };
      return { status: 200, body: productView(await changeProduct(db, id, changed, context)) };
    },
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Zod leaves out what was not sent; the types do not know that. */
function definedOf<T extends object>(body: T): Defined<T> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as Defined<T>;
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
