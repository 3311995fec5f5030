import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { type StreamBody, streamOf } from './stream.ts';

/** What stands in one cell; a list is joined by spaces in CSV. */
type Cell = string | number | boolean | null | readonly string[];
export type CellRow = Readonly<Record<string, Cell>>;

const EXPORT_FORMATS = ['csv', 'json'] as const;
type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The answer of a route that gives rows out; with `exportQuery` and `rowsStream`. */
export const ROWS_ANSWER = streamOf('text/csv', 'application/json');

/** The query fields of such a route. */
export const exportQuery = {
  format: z.enum(EXPORT_FORMATS).default('csv').meta({ description: '`json` is an array with one row a line' }),
  bom: z
    .enum(['true', 'false'])
    .default('false')
    .transform((word) => word === 'true')
    .meta({ description: 'Begins a CSV with the mark by which Excel knows UTF-8' }),
};

export interface RowsExport {
  format: ExportFormat;
  bom: boolean;
  /** Without its ending. */
  name: string;
  /** In this order; a CSV begins with their names. */
  columns: readonly string[];
  /** Rows as they are read: one batch is held at a time. */
  batches: AsyncIterable<readonly CellRow[]>;
}

/** Rows as CSV (RFC 4180, UTF-8, a line of names first) or as JSON. */
export function rowsStream({ format, bom, name, columns, batches }: RowsExport): StreamBody {
  const isCsv = format === 'csv';
  return {
    contentType: isCsv ? 'text/csv' : 'application/json',
    fileName: `${name}.${format}`,
    chunks: isCsv ? csvChunks(columns, batches, bom) : jsonChunks(columns, batches),
  };
}

async function* csvChunks(columns: readonly string[], batches: RowsExport['batches'], bom: boolean) {
  yield (bom ? '\uFEFF' : '') + csvLines([columns]);
  for await (const rows of batches) {
    if (rows.length > 0) yield csvLines(rows.map((row) => columns.map((column) => cellText(row[column] ?? null))));
  }
}

async function* jsonChunks(columns: readonly string[], batches: RowsExport['batches']) {
  const text = (row: CellRow) => JSON.stringify(Object.fromEntries(columns.map((name) => [name, row[name] ?? null])));
  let before = '[\n';
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    yield before + rows.map(text).join(',\n');
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  return typeof cell === 'object' ? cell.join(' ') : String(cell);
}

/** A spreadsheet runs a cell that begins like a formula, so such a one gets an apostrophe in front (OWASP, CSV injection). */
export function csvLines(rows: readonly (readonly string[])[]): string {
  return stringify(
    rows.map((row) => row.map((cell) => (/^[=+\-@\t\r\n＝＋－＠]/u.test(cell) ? `'${cell}` : cell))),
    { record_delimiter: 'windows' },
  );
}
