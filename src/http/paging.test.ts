import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../ids.ts';
import {
  COUNT_LIMIT,
  cursorParam,
  encodeCursor,
  pageBody,
  pageFrom,
  pageOf,
  pageQuery,
  pageRequest,
} from './paging.ts';

const Query = z.object(pageQuery('license'));

describe('pageQuery', () => {
  it('gives 50 from the start where nothing is asked', () => {
    expect(pageRequest(Query.parse({}))).toEqual({ limit: 50, after: null });
  });

  it('reads its own cursor back', () => {
    const id = newId('license');
    expect(pageRequest(Query.parse({ limit: '200', cursor: encodeCursor([id]) }))).toEqual({ limit: 200, after: id });
  });

  it.each([
    ['of another kind of thing', encodeCursor([newId('key')])],
    ['of no id', encodeCursor(['1; drop table licenses'])],
    ['of two places', encodeCursor([newId('license'), 1])],
    ['of an object', encodeCursor({ after: newId('license') })],
    ['of no JSON', 'bm90IGpzb24'],
    ['that is empty', ''],
    ['that is too long', 'A'.repeat(513)],
    ['with foreign characters', 'a+b='],
  ])('refuses a cursor %s', (_, cursor) => {
    expect(Query.safeParse({ cursor }).success).toBe(false);
  });

  it('never throws on a cursor, whatever it is', () => {
    fc.assert(fc.property(fc.string(), (cursor) => void Query.safeParse({ cursor })));
    fc.assert(
      fc.property(fc.json(), (json) => void Query.safeParse({ cursor: Buffer.from(json).toString('base64url') })),
    );
  });
});

describe('cursorParam', () => {
  it('carries any place of a list in another order', () => {
    const param = cursorParam(z.tuple([z.iso.datetime(), z.string()]));
    const place = ['2026-11-20T10:00:00.000Z', 'lic_ü'];
    expect(param.parse(encodeCursor(place))).toEqual(place);
  });
});

describe('a page', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `id${String(i).padStart(4, '0')}` }));
  const place = ({ id }: { id: string }) => [id];

  it.each([
    [0, 2, [], null],
    [2, 2, ['id0000', 'id0001'], null],
    [3, 2, ['id0000', 'id0001'], ['id0001']],
  ])('of %i rows read for a limit of %i', (read, limit, items, next) => {
    const page = pageFrom(rows(read), limit, read, place);
    expect(page.items.map(({ id }) => id)).toEqual(items);
    expect(page.next).toEqual(next);
  });

  it.each([
    [0, { total: 0 }],
    [COUNT_LIMIT, { total: 1_000 }],
    [COUNT_LIMIT + 1, { total_at_least: 1_000 }],
  ])('counts %i as %j', (counted, wanted) => {
    const body = pageBody(pageFrom(rows(1), 1, counted, place), ({ id }) => ({ name: id }));
    expect(body).toEqual({ items: [{ name: 'id0000' }], next_cursor: null, ...wanted });
    expect(pageOf(z.object({ name: z.string() })).parse(body)).toEqual(body);
  });

  it('by page shows every row once, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }), (count, limit) => {
        const all = rows(count);
        const readFrom = (after: string): string[] => {
          const read = all.filter(({ id }) => id > after).slice(0, limit + 1);
          const page = pageFrom(read, limit, count, place);
          const [last] = z.tuple([z.string()]).nullable().parse(page.next) ?? [];
          const shown = page.items.map(({ id }) => id);
          return last === undefined ? shown : [...shown, ...readFrom(last)];
        };
        expect(readFrom('')).toEqual(all.map(({ id }) => id));
      }),
    );
  });
});
