import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { CsvRecord } from './import-rows.ts';

const HEAD_BYTES = 64 * 1024;

/** The first bytes of a file, by which is told what it is. */
export async function headOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .replace(/^\uFEFF/, '');
  } finally {
    await file.close();
  }
}

/** Lines as they are read, numbered from 1. */
export async function* linesOf(path: string): AsyncIterable<{ line: number; text: string }> {
  let line = 0;
  const input = createReadStream(path, 'utf8');
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    yield { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text };
  }
}

/** The lines of a CSV as they are read: UTF-8 with or without its mark, commas, semicolons or tabs, any line ends. */
export async function* csvOf(source: { path: string } | { text: string }): AsyncIterable<CsvRecord> {
  const head = 'path' in source ? await headOf(source.path) : source.text.slice(0, HEAD_BYTES).replace(/^\uFEFF/, '');
  const input = 'path' in source ? createReadStream(source.path) : Readable.from([source.text]);
  const parser = input.pipe(
    parse({
      ...{ bom: true, delimiter: delimiterOf(head), info: true, relax_column_count: true, skip_empty_lines: true },
      max_record_size: 1_000_000,
    }),
  );
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>)
    yield { line: info.lines, cells: record };
}

/** True for what is wrong with the text itself, such as a quote that never ends. */
export function isCsvFault(error: unknown): error is CsvError {
  return error instanceof CsvError;
}

/** The one that the first line has most of, outside of quotes. */
function delimiterOf(head: string): string {
  const first = (head.split(/\r?\n/, 1)[0] ?? '').replace(/"[^"]*"/g, '');
  const count = (sign: string) => first.split(sign).length;
  return [',', ';', '\t'].reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

export interface TextFile {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A new file that only its owner may read. */
export function writeTextFile(path: string): TextFile {
  const stream = createWriteStream(path, { mode: 0o600 });
  return {
    async write(text) {
      if (!stream.write(text)) await once(stream, 'drain');
    },
    async close() {
      stream.end();
      await once(stream, 'close');
    },
  };
}
