import { problem } from '../errors.ts';
import { type CsvRules, rowOfCsv } from './import-csv.ts';
import { type ImportRow, itemOfJson } from './import-format.ts';
import { COLUMNS, columnOf } from './profiles.ts';

/** A line of a table, with its number in the file. */
export interface CsvRecord {
  line: number;
  cells: readonly string[];
}

export interface TableRules extends CsvRules {
  /** What the caller says of columns: theirs, in small letters -> ours; '' leaves one out. */
  map: ReadonlyMap<string, string>;
}

/** Which of our columns stand where; throws INVALID_REQUEST that names all that is missing or not known. */
function readHeader(header: readonly string[], rules: TableRules): { columns: (string | null)[]; ignored: string[] } {
  const { kind, profile, map } = rules;
  const wrong = [...map.values()].filter((name) => name !== '' && !COLUMNS[kind].includes(name));
  const columns = header.map((name) => columnOf(name, kind, profile, map));
  const twice = columns.filter((name, i) => name !== null && columns.indexOf(name) !== i);
  const missing = NEEDED[kind].filter((any) => !any.some((name) => columns.includes(name)));
  const faults = [
    ...wrong.map((name) => `there is no column "${name}" to map to; there are ${COLUMNS[kind].join(', ')}`),
    ...twice.map((name) => `two columns mean ${name}; leave one out with --map theirs=`),
    ...missing.map((any) => `no column means ${any.join(' or ')}; the file has ${header.join(', ')}`),
  ];
  if (faults.length > 0) throw problem('INVALID_REQUEST', faults.join('\n'));
  return { columns, ignored: header.filter((_, i) => columns[i] === null) };
}

const NEEDED: Record<TableRules['kind'], readonly (readonly string[])[]> = {
  packages: [
    ['name', 'ref'],
    ['duration', 'duration_days'],
  ],
  customers: [['ref', 'email', 'external_customer_id']],
  keys: [['key', 'key_sha256']],
  sites: [['site'], ['license', 'key', 'key_sha256']],
};

/** The rows of a table, whose first line names its columns. `onIgnored` is told the columns that are not read. */
export async function* rowsOfTable(
  records: AsyncIterable<CsvRecord>,
  rules: TableRules,
  onIgnored: (names: readonly string[]) => void,
): AsyncIterable<ImportRow> {
  let columns: (string | null)[] | null = null;
  for await (const { line, cells } of records) {
    if (columns === null) {
      const read = readHeader(cells, rules);
      columns = read.columns;
      if (read.ignored.length > 0) onIgnored(read.ignored);
      continue;
    }
    if (cells.length !== columns.length) {
      const faults = [`has ${cells.length} cells, the first line has ${columns.length}`];
      yield { line, item: null, faults };
      continue;
    }
    const named: Record<string, string> = {};
    for (const [i, column] of columns.entries()) if (column !== null) named[column] = plain(cells[i] ?? '');
    yield rowOfCsv(line, named, rules);
  }
}

/** An export for spreadsheets puts an apostrophe before what looks like a formula. */
function plain(cell: string): string {
  return /^'[=+\-@\t\r\n＝＋－＠]/u.test(cell) ? cell.slice(1) : cell;
}

/** The rows of a file in JSON lines; the source that its first line names goes to `onSource`. */
export async function* rowsOfJsonLines(
  lines: AsyncIterable<{ line: number; text: string }>,
  onSource: (source: string) => void,
): AsyncIterable<ImportRow> {
  for await (const { line, text } of lines) {
    if (text.trim() === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      yield { line, item: null, faults: ['the line is no JSON'] };
      continue;
    }
    const row = itemOfJson(line, json);
    if ('source' in row) onSource(row.source);
    else yield row;
  }
}

/** Objects of a JSON array as the lines of a table. */
export async function* recordsOfObjects(objects: readonly unknown[]): AsyncIterable<CsvRecord> {
  const names = [...new Set(objects.flatMap((each) => (isObject(each) ? Object.keys(each) : [])))];
  yield { line: 0, cells: names };
  for (const [i, each] of objects.entries()) {
    const cells = isObject(each) ? names.map((name) => cellOf(each[name])) : [];
    yield { line: i + 1, cells };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(cellOf).join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
