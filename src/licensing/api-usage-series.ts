import { z } from 'zod';
import { DAY, dayOf } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { cursorParam, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { type CellRow, exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { dayField } from './fields.ts';
import { requireRange } from './shop.ts';
import { readSeries, readSeriesRows, type UsagePlace, usageOf } from './usage-reads.ts';
import { type Dimension, SERIES_OF_KEY, SERIES_OF_PRODUCTS, type UsageOf } from './usage-series.ts';
import { USAGE_COLUMNS, UsageRowView, UsageSumsView, usageRowView, usageSumsView } from './usage-view.ts';

const DAYS_SHOWN = 30;
const ROWS_AT_ONCE = 1_000;

interface Place {
  path: `/api/${string}`;
  /** Stands in the operation ids. */
  name: string;
  words: string;
  params: z.ZodObject;
  dimensions: readonly [Dimension, ...Dimension[]];
  of(params: Record<string, unknown>): UsagePlace;
}

const PLACES: readonly Place[] = [
  {
    path: '/api/v1/products/{id}',
    ...{ name: 'Product', words: 'a product', params: z.object({ id: idParam('product') }) },
    dimensions: SERIES_OF_PRODUCTS,
    of: ({ id }) => ({ product: String(id) }),
  },
  {
    path: ORGANIZATION_LEVEL.path,
    ...{ name: 'Organization', words: 'an organization', params: ORGANIZATION_LEVEL.params },
    dimensions: SERIES_OF_PRODUCTS,
    of: ({ org }) => ({ org: String(org) }),
  },
  {
    path: '/api/v1/keys/{id}',
    ...{ name: 'Key', words: 'a license key', params: z.object({ id: idParam('key') }) },
    dimensions: SERIES_OF_KEY,
    of: ({ id }) => ({ key: String(id) }),
  },
];

const DESCRIPTION = `Sums of ${DAYS_SHOWN} days unless told otherwise, of a year at most, up to this moment. Days come newest first.`;

/** What products and keys were used for: totals, and a series by whatever is asked. */
export function usageSeriesRoutes({ db }: { db: Db }): Route[] {
  return PLACES.flatMap((place) => [seriesRoute(db, place), exportRoute(db, place)]);
}

function rangeQuery({ dimensions }: Place) {
  return {
    group_by: z.enum(dimensions).default('day'),
    from: dayField.optional().meta({ description: 'The first day, in UTC' }),
    to: dayField.optional().meta({ description: 'The last day; today unless said' }),
  };
}

function rangeOf(query: { from?: string | undefined; to?: string | undefined }, now: number) {
  const toDay = query.to ?? dayOf(now);
  const fromDay = query.from ?? dayOf(Date.parse(toDay) - (DAYS_SHOWN - 1) * DAY);
  requireRange(fromDay, toDay);
  return { fromDay, toDay };
}

const common = { method: 'get', tag: 'usage', scope: 'licenses:read', role: 'viewer' } as const;

function seriesRoute(db: Db, place: Place): Route {
  return route({
    ...common,
    path: `${place.path}/usage`,
    operationId: `get${place.name}Usage`,
    summary: `What ${place.words} was used for: totals, and by day or another thing`,
    description: DESCRIPTION,
    params: place.params,
    query: z.object({
      ...rangeQuery(place),
      limit: pageQuery('key').limit,
      cursor: cursorParam(z.tuple([z.string()])).optional(),
    }),
    answers: {
      200: z.object({
        from: z.string(),
        to: z.string(),
        group_by: z.string(),
        totals: UsageSumsView,
        items: z.array(UsageRowView),
        next_cursor: z.string().nullable(),
      }),
    },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor, now }) {
      const { limit, cursor } = query;
      const by = query.group_by as Dimension;
      const range = rangeOf(query as { from?: string; to?: string }, now);
      const of = await usageOf(db, actor, place.of(params));
      const { totals, rows } = await readSeries(db, of, { ...range, by, after: cursor?.[0] ?? null, limit: limit + 1 });
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          ...{ from: range.fromDay, to: range.toDay, group_by: by, totals: usageSumsView(totals) },
          items: items.map(usageRowView),
          next_cursor: last ? encodeCursor([last.value]) : null,
        },
      };
    },
  });
}

function exportRoute(db: Db, place: Place): Route {
  return route({
    ...common,
    path: `${place.path}/usage/export`,
    operationId: `export${place.name}Usage`,
    summary: `The usage of ${place.words} as a file`,
    description: DESCRIPTION,
    params: place.params,
    query: z.object({ ...exportQuery, ...rangeQuery(place) }),
    answers: { 200: ROWS_ANSWER },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query }, { actor, now }) {
      const by = query.group_by as Dimension;
      const range = rangeOf(query as { from?: string; to?: string }, now);
      const of = await usageOf(db, actor, place.of(params));
      const columns = USAGE_COLUMNS.map((name) => (name === 'value' ? by : name));
      const batches = seriesBatches(db, of, { ...range, by });
      const { format, bom } = query;
      return { status: 200, stream: rowsStream({ format, bom, name: `usage-by-${by}`, columns, batches }) };
    },
  });
}

async function* seriesBatches(
  db: Db,
  of: UsageOf,
  wish: { fromDay: string; toDay: string; by: Dimension },
): AsyncIterable<CellRow[]> {
  let after: string | null = null;
  for (;;) {
    const rows = await readSeriesRows(db, of, { ...wish, after, limit: ROWS_AT_ONCE });
    yield rows.map((row) => {
      const { value, ...sums } = usageRowView(row);
      return { [wish.by]: value, ...sums };
    });
    const last = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || last === undefined) return;
    after = last.value;
  }
}
