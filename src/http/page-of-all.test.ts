import { describe, expect, it } from 'vitest';
import { pageOfAll } from './page-of-all.ts';

const rows = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }));

describe('pages of a list that is read whole', () => {
  it.each([
    ['oldestFirst', rows, ['ab', 'cd', 'e']],
    ['newestFirst', [...rows].reverse(), ['ed', 'cb', 'a']],
  ] as const)('come in the order %s, without a gap and without an end too many', (order, all, pages) => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = pageOfAll(all, { limit: 2, cursor }, order);
      expect(page.counted).toBe(5);
      seen.push(page.items.map(({ id }) => id).join(''));
      cursor = (page.next as [string] | null)?.[0];
    } while (cursor !== undefined);
    expect(seen).toEqual(pages);
  });

  it('go on behind a row that is gone', () => {
    expect(pageOfAll(rows, { limit: 9, cursor: 'bb' }).items.map(({ id }) => id)).toEqual(['c', 'd', 'e']);
  });
});
