import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { csvOf, isCsvFault } from './files-io.ts';
import type { CsvRecord } from './import-rows.ts';
import { countImports, findImport, type ImportRecord, importsOf } from './store-imports.ts';

export type { ImportRecord };

/** The lines of a CSV that is held as a text. Throws INVALID_REQUEST where it stops being one. */
export async function* csvRecords(text: string): AsyncIterable<CsvRecord> {
  let line = 0;
  try {
    for await (const record of csvOf({ text })) {
      line = record.line;
      yield record;
    }
  } catch (error) {
    if (!isCsvFault(error)) throw error;
    const detail = `is no CSV after line ${line}: ${error.code}`;
    throw problem('INVALID_REQUEST', `/csv: ${detail}`, { errors: [{ pointer: '/csv', detail }] });
  }
}

/** Throws NOT_FOUND. */
export async function readImport(
  db: Db,
  { id: organizationId }: OrganizationRecord,
  id: string,
): Promise<ImportRecord> {
  const found = await db.read((tx) => findImport(tx, id));
  if (found?.organizationId !== organizationId) throw problem('NOT_FOUND');
  return found;
}

/** The latest first. */
export async function readImports(
  db: Db,
  { id }: OrganizationRecord,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<ImportRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await importsOf(tx, id, after, limit + 1);
    return pageFrom(rows, limit, await countImports(tx, id, COUNT_LIMIT + 1), (row) => [row.id]);
  });
}
