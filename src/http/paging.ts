import { z } from 'zod';
import { problem } from '../errors.ts';
import { type IdKind, kindOfId } from '../ids.ts';

const PAGE_DEFAULT = 50;
const PAGE_LIMIT = 200;
/** Up to here a list says its exact `total`; a store counts one row further and stops (`limit COUNT_LIMIT + 1`). */
export const COUNT_LIMIT = 1_000;

/** A cursor is base64url of JSON: opaque to callers, checked like any other input. */
export function encodeCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** A query field that holds a cursor of the given shape; the handler gets what is in it. */
export function cursorParam<T extends z.ZodType>(shape: T) {
  return z
    .string()
    .max(1_024)
    .regex(/^[A-Za-z0-9_-]+$/, 'is no cursor of ours')
    .transform((text, context): z.output<T> => {
      const place = shape.safeParse(readCursor(text));
      if (place.success) return place.data;
      context.addIssue({ code: 'custom', message: 'is no cursor of this list' });
      return z.NEVER;
    })
    .meta({ description: 'Where the page before ended: its `next_cursor`' });
}

function readCursor(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

const limitParam = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGE_LIMIT)
  .default(PAGE_DEFAULT)
  .meta({ description: `How many items at most, 1 to ${PAGE_LIMIT}` });

/** The query fields of a list that is ordered by id: `limit`, and `cursor`, which becomes the id after which the page starts. */
export function pageQuery(kind: IdKind) {
  const place = z.tuple([z.string().refine((id) => kindOfId(id) === kind)]).transform(([id]) => id);
  return { limit: limitParam, cursor: cursorParam(place).optional() };
}

/** What a store needs to read one page by id. */
export interface PageRequest {
  limit: number;
  /** null: from the start. */
  after: string | null;
}

export function pageRequest(query: { limit: number; cursor?: string | undefined }): PageRequest {
  return { limit: query.limit, after: query.cursor ?? null };
}

/** The query fields of a list that can be sorted: `sort`, `limit`, and `cursor`, which belongs to this very list. */
export function sortedQuery<const S extends readonly [string, ...string[]]>(sorts: S) {
  return {
    sort: z
      .enum(sorts)
      .default(sorts[0])
      .meta({ description: '`-`: the greatest first; what has no value comes last' }),
    limit: limitParam,
    cursor: cursorParam(z.tuple([z.string()], z.string().nullable())).optional(),
  };
}

/** The place that such a cursor names. Throws INVALID_REQUEST for the cursor of another filter or order. */
export function placeIn(cursor: readonly (string | null)[] | undefined, fingerprint: string): (string | null)[] | null {
  if (cursor === undefined) return null;
  const [of, ...place] = cursor;
  if (of === fingerprint) return place;
  const detail = 'belongs to another filter or order; start from the first page';
  throw problem('INVALID_REQUEST', `/query/cursor ${detail}`, { errors: [{ pointer: '/query/cursor', detail }] });
}

export interface Page<T> {
  items: T[];
  /** The cursor's place of the next page, to be encoded; null: this is the last one. */
  next: unknown;
  /** Rows counted, at most COUNT_LIMIT + 1. */
  counted: number;
}

/**
 * A page from rows of which one more than `limit` was read: the extra row only tells that there is a next page.
 * `placeOf` is what the cursor remembers of the last row shown; of a list by id that is `[id]`.
 */
export function pageFrom<T>(
  rows: readonly T[],
  limit: number,
  counted: number,
  placeOf: (row: T) => readonly unknown[],
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, next: more ? placeOf(last) : null, counted };
}

export interface PageBody<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
  total_at_least?: number;
}

/** The answer of a list. The header `Link: rel="next"` is made of its `next_cursor` where the answer is sent. */
export function pageBody<T, U>(page: Page<T>, show: (item: T) => U): PageBody<U> {
  return {
    items: page.items.map(show),
    next_cursor: page.next === null ? null : encodeCursor(page.next),
    ...(page.counted > COUNT_LIMIT ? { total_at_least: COUNT_LIMIT } : { total: page.counted }),
  };
}

/** The schema of such an answer. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next_cursor: z.string().nullable(),
    total: z
      .number()
      .int()
      .optional()
      .meta({ description: `How many there are; left out above ${COUNT_LIMIT}` }),
    total_at_least: z.number().int().optional().meta({ description: 'There are more than this; in place of `total`' }),
  });
}
