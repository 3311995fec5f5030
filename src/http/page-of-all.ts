import { type Page, pageFrom, pageRequest } from './paging.ts';

/** A page of a list that is short by nature and so is read whole. `rows` are in the order shown: by id, `newestFirst` backwards. */
export function pageOfAll<T extends { id: string }>(
  rows: readonly T[],
  query: { limit: number; cursor?: string | undefined },
  order: 'oldestFirst' | 'newestFirst' = 'oldestFirst',
): Page<T> {
  const { limit, after } = pageRequest(query);
  const rest = rows.filter(({ id }) => after === null || (order === 'oldestFirst' ? id > after : id < after));
  return pageFrom(rest, limit, rows.length, ({ id }) => [id]);
}
