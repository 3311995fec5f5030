import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problem } from '../errors.ts';
import { openapiDocument } from './openapi.ts';
import { type Route, route } from './route.ts';
import { type CellRow, csvLines, exportQuery, ROWS_ANSWER, rowsStream } from './rows-stream.ts';
import { streamOf } from './stream.ts';
import { serveRoutes } from './test-api.ts';

/** A route that exports what a generator gives; `asked` counts its batches. */
function exporting(batches: () => AsyncIterable<readonly CellRow[]>): Route {
  return route({
    method: 'get',
    path: '/api/v1/rows',
    operationId: 'exportRows',
    summary: 'All rows',
    tag: 'rows',
    scope: 'public',
    role: null,
    query: z.object(exportQuery),
    answers: { 200: ROWS_ANSWER },
    async handler({ query }) {
      const stream = rowsStream({ ...query, name: 'rows of "a"', columns: ['id', 'note'], batches: batches() });
      return { status: 200, stream };
    },
  });
}

async function* two(): AsyncIterable<readonly CellRow[]> {
  yield [{ id: 1, note: '=1+1' }];
  yield [];
  yield [{ id: 2, note: 'a "b", ü\n😀', other: 'x' }];
}

async function* none(): AsyncIterable<readonly CellRow[]> {}

describe('an answer that is sent in pieces', () => {
  it('is CSV with names first, and a file name', async () => {
    const { ask } = await serveRoutes([exporting(two)]);
    const { status, headers, text } = await ask('/api/v1/rows');
    expect(status).toBe(200);
    expect(text).toBe('id,note\r\n1,\'=1+1\r\n2,"a ""b"", ü\n😀"\r\n');
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('content-disposition')).toBe('attachment; filename="rows-of-a-.csv"');
    expect(headers.get('cache-control')).toBe('private, no-store');
  });

  it('begins with a mark for Excel where that is wanted, and is JSON where that is', async () => {
    const { ask } = await serveRoutes([exporting(two)]);
    const marked = await fetch((await serveRoutes([exporting(two)])).url('/api/v1/rows?bom=true'));
    expect([...new Uint8Array(await marked.arrayBuffer())].slice(0, 5)).toEqual([0xef, 0xbb, 0xbf, 0x69, 0x64]);
    const { json } = await ask('/api/v1/rows?format=json');
    expect(json).toEqual([
      { id: 1, note: '=1+1' },
      { id: 2, note: 'a "b", ü\n😀' },
    ]);
    const empty = await serveRoutes([exporting(none)]);
    expect((await empty.ask('/api/v1/rows?format=json')).json).toEqual([]);
    expect((await empty.ask('/api/v1/rows')).text).toBe('id,note\r\n');
  });

  it('answers HEAD with its head only', async () => {
    const { ask } = await serveRoutes([exporting(two)]);
    const { status, text, headers } = await ask('/api/v1/rows', { method: 'HEAD' });
    expect([status, text, headers.get('content-type')]).toEqual([200, '', 'text/csv; charset=utf-8']);
  });

  it('is a problem where it fails before the first piece, and cut off where it fails later', async () => {
    const late = route({
      ...{ method: 'get', path: '/api/v1/rows', operationId: 'exportRows', summary: 'All rows', tag: 'rows' },
      ...{ scope: 'public', role: null },
      answers: { 200: streamOf('text/csv') },
      query: z.object({ at: z.coerce.number() }),
      async handler({ query: { at } }) {
        async function* chunks() {
          for (let i = 0; i < 3; i++) {
            if (i === at) throw problem('NOT_FOUND', 'gone');
            yield `${i}\n`;
          }
        }
        return { status: 200, stream: { contentType: 'text/csv', fileName: 'x.csv', chunks: chunks() } };
      },
    });
    const { ask, lines } = await serveRoutes([late]);
    const first = await ask('/api/v1/rows?at=0');
    expect([first.status, first.json.code]).toEqual([404, 'NOT_FOUND']);
    await expect(ask('/api/v1/rows?at=2')).rejects.toThrow();
    expect((await ask('/api/v1/rows?at=9')).text).toBe('0\n1\n2\n');
    expect(lines).toEqual([]);
  });

  it('makes no more than its reader takes, and stops when he goes away', async () => {
    let made = 0;
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    async function* endless(): AsyncIterable<readonly CellRow[]> {
      try {
        for (;;) yield [{ id: ++made, note: 'x'.repeat(100_000) }];
      } finally {
        ended();
      }
    }
    const { url } = await serveRoutes([exporting(endless)]);
    const stop = new AbortController();
    const response = await fetch(url('/api/v1/rows'), { signal: stop.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    // Sockets hold a few megabytes; nothing like all that an endless list would fill in this time.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made).toBeLessThan(2_000);
    stop.abort();
    await end;
  });

  it('is documented by its types, and for GET only', () => {
    const document = openapiDocument([exporting(two)], { version: '1', publicUrl: null });
    const { paths } = document as { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
    expect(paths['/api/v1/rows']?.['get']?.responses['200']).toMatchObject({
      content: {
        'text/csv': { schema: { type: 'string' } },
        'application/json': { schema: { type: ['array', 'object'] } },
      },
    });
    expect(() =>
      route({
        ...{
          method: 'post',
          path: '/api/v1/rows',
          operationId: 'x',
          summary: 'X',
          tag: 'x',
          scope: 'public',
          role: null,
        },
        answers: { 200: streamOf('text/csv') },
        handler: async () => ({
          status: 200,
          stream: { contentType: 'text/csv', fileName: 'x', chunks: none() as AsyncIterable<never> },
        }),
      }),
    ).toThrow('only a GET');
  });
});

describe('a cell', () => {
  it.each(['=1', '+1', '-1', '@a', '\ta', '\ra', '\na', '＝1', '＋1', '－1', '＠a'])(
    'that would be run as a formula is only text: %j',
    (cell) => {
      expect(csvLines([[cell]])).toContain(`'${cell}`);
    },
  );
  it('that only holds such a sign stays', () => {
    expect(csvLines([['a=1', 'x@example.com', '']])).toBe('a=1,x@example.com,\r\n');
  });
});
