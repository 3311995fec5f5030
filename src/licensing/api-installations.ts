import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { cursorParam, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { type CellRow, exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { productOf } from '../releases/level.ts';
import type { OwnedInstallation } from './installed.ts';
import { placeOfRefusal, REFUSAL_PLACE_LENGTH } from './refusal.ts';
import { everyInstallation, readInstallations, readRefusals } from './usage-reads.ts';
import { INSTALLATION_COLUMNS, InstallationView, installationView, RefusalView, refusalView } from './usage-view.ts';

const ROWS_AT_ONCE = 1_000;
const RANGE = 'A version such as `1.2` (1.2, 1.2.7, not 1.20), or a range such as `>=1.0 <1.3.1`';

const wishQuery = {
  version: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: `${RANGE}; commas mean "or"` }),
  below: z.string().trim().min(1).max(40).optional().meta({ description: 'Everything older than this version' }),
  affected_by: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({
      description: `${RANGE}; or a release's id: of a security release every version before it, of any other that one`,
    }),
};

function wishOf(query: { version?: string | undefined; below?: string | undefined; affected_by?: string | undefined }) {
  return { version: query.version ?? null, below: query.below ?? null, affectedBy: query.affected_by ?? null };
}

const common = { method: 'get', tag: 'usage', scope: 'licenses:read', role: 'viewer' } as const;
const productParams = z.object({ id: idParam('product') });
const DESCRIPTION =
  'As far as requests tell: a client kit says which version it runs; of stock Joomla it is the version that its key fetched last.';

/** Which versions run where, and what was refused of late. */
export function installationRoutes({ db }: { db: Db }): Route[] {
  return [
    installationsRoute(db),
    installationsExport(db),
    refusalsRoute(db, 'Product', '/api/v1/products/{id}', productParams),
    refusalsRoute(db, 'Key', '/api/v1/keys/{id}', z.object({ id: idParam('key') })),
  ];
}

function installationsRoute(db: Db): Route {
  return route({
    ...common,
    path: '/api/v1/products/{id}/installations',
    operationId: 'listInstallations',
    summary: 'Who runs which version: sites, keys and customers',
    description: DESCRIPTION,
    params: productParams,
    query: z.object({
      ...wishQuery,
      limit: pageQuery('key').limit,
      cursor: cursorParam(z.tuple([z.string(), z.string(), z.string()])).optional(),
    }),
    answers: {
      200: z.object({
        total: z.number().int(),
        unknown: z
          .number()
          .int()
          .meta({ description: 'So many say nothing and fetched nothing: they may run anything' }),
        versions: z.array(z.object({ version: z.string(), installations: z.number().int() })),
        items: z.array(InstallationView),
        next_cursor: z.string().nullable(),
      }),
    },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query: { limit, cursor = null, ...query } }, { actor }) {
      const product = await productOf(db, actor, params.id);
      const found = await readInstallations(db, product, wishOf(query), cursor, limit + 1);
      const items = found.rows.slice(0, limit);
      const last = found.rows.length > limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          total: found.versions.reduce((sum, { count }) => sum + count, 0),
          unknown: found.unknown,
          versions: found.versions.map(({ version, count }) => ({ version, installations: count })),
          items: items.map(installationView),
          next_cursor: last ? encodeCursor([last.version, last.keyId, last.site]) : null,
        },
      };
    },
  });
}

function installationsExport(db: Db): Route {
  return route({
    ...common,
    path: '/api/v1/products/{id}/installations/export',
    operationId: 'exportInstallations',
    summary: 'Who runs which version, as a file',
    description: DESCRIPTION,
    params: productParams,
    query: z.object({ ...exportQuery, ...wishQuery }),
    answers: { 200: ROWS_ANSWER },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query: { format, bom, ...query } }, { actor }) {
      const product = await productOf(db, actor, params.id);
      // Before the answer begins: a range that cannot be read is refused in words.
      const rows = await everyInstallation(db, product, wishOf(query), ROWS_AT_ONCE);
      const batches = cellsOf(rows);
      const name = `installations-${product.slug}`;
      return { status: 200, stream: rowsStream({ format, bom, name, columns: INSTALLATION_COLUMNS, batches }) };
    },
  });
}

async function* cellsOf(batches: AsyncIterable<OwnedInstallation[]>): AsyncIterable<CellRow[]> {
  for await (const rows of batches) yield rows.map((row): CellRow => ({ ...installationView(row) }));
}

function refusalsRoute(db: Db, name: 'Product' | 'Key', path: `/api/${string}`, params: typeof productParams): Route {
  const beside = name === 'Key' ? ' What came without any key from a site of its license is told too.' : '';
  return route({
    ...common,
    path: `${path}/refusals`,
    operationId: `list${name}Refusals`,
    summary: `What was refused of late to ${name === 'Key' ? 'a license key' : 'askers for a product'}, and why`,
    description: `One row a day, asker and reason, the latest first; as of the last minute.${beside}`,
    params,
    query: z.object({
      limit: pageQuery('key').limit,
      cursor: cursorParam(z.array(z.string()).length(REFUSAL_PLACE_LENGTH)).optional(),
    }),
    answers: { 200: z.object({ items: z.array(RefusalView), next_cursor: z.string().nullable() }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query: { limit, cursor = null } }, { actor }) {
      const of = name === 'Key' ? { key: id } : { product: id };
      const rows = await readRefusals(db, actor, of, cursor, limit + 1);
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      const next = last ? encodeCursor(placeOfRefusal(last)) : null;
      return { status: 200, body: { items: items.map(refusalView), next_cursor: next } };
    },
  });
}
