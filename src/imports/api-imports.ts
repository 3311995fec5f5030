import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { instant } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL, organizationOf } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { bringIn } from './bring-in.ts';
import { type ImportRow, itemOfJson, ROW_CODES, type RowReport } from './import-format.ts';
import { csvRecords, type ImportRecord, readImport, readImports } from './import-reads.ts';
import { rowsOfTable } from './import-rows.ts';
import { zoneOffset } from './import-time.ts';
import { IMPORT_KINDS, PROFILES } from './profiles.ts';

const MOST_ROWS = 5_000;

const ReportRow = z
  .object({
    line: z.number().int().meta({ description: 'Of the CSV, or the place in the list of rows, from 1' }),
    kind: z.string(),
    ref: z.string(),
    outcome: z.enum(['created', 'unchanged', 'refused']),
    code: z.enum(ROW_CODES),
    words: z.string(),
    id: z.string(),
  })
  .meta({ id: 'ImportReportRow' });

const ImportView = z
  .object({
    id: z.string(),
    source: z.string(),
    file_name: z.string(),
    dry_run: z.boolean(),
    state: z.enum(['running', 'done']).meta({ description: '`running` for ever: it was cut off; send the same again' }),
    counts: z.record(z.string(), z.number().int()).meta({ description: 'By outcome and by code' }),
    faults: z.array(ReportRow).meta({ description: 'The first 100 rows that were refused' }),
    created_at: instant,
    ended_at: instant.nullable(),
  })
  .meta({ id: 'Import' });

function importView(record: ImportRecord): z.input<typeof ImportView> {
  return {
    ...{ id: record.id, source: record.source, file_name: record.fileName, dry_run: record.dry, state: record.state },
    ...{ counts: record.counts, faults: record.faults as RowReport[] },
    ...{ created_at: record.createdAt, ended_at: record.endedAt },
  };
}

const ImportBody = z.strictObject({
  kind: z.enum(IMPORT_KINDS).optional().meta({ description: 'What a CSV holds' }),
  csv: z.string().max(250_000).optional(),
  rows: z
    .array(z.record(z.string(), z.unknown()))
    .min(1)
    .max(MOST_ROWS)
    .optional()
    .meta({ description: 'Instead of a CSV: things in the format of `feedgate export`' }),
  from: z
    .enum(Object.keys(PROFILES) as [string, ...string[]])
    .default('csv')
    .meta({ description: 'Whose columns the CSV has' }),
  source: z.string().trim().min(1).max(200).meta({
    description: 'Where it is from; the same row of the same source is brought in once',
  }),
  timezone: z.string().max(60).optional(),
  dry_run: z.boolean().default(true),
});

/** Brings in what other systems have, some rows a call, and tells what became of it. */
export function importRoutes({ db, secrets }: { db: Db; secrets: Secrets }): Route[] {
  return [createRoute(db, secrets), listRoute(db), readRoute(db)];
}

const common = { tag: 'imports', params: ORGANIZATION_LEVEL.params, role: 'manager' } as const;

function createRoute(db: Db, secrets: Secrets): Route {
  return route({
    ...common,
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/imports`,
    operationId: 'createImport',
    summary: 'Brings in packages, customers, keys or sites; by default it only tells what it would do',
    description:
      'Rows that can be brought in are, the others are told with a code and words. The same rows again change nothing. Rows that set a product are taken of an owner or a token with the scope `admin` only. Larger files go by `feedgate import`.',
    scope: 'licenses:write',
    body: ImportBody,
    answers: { 200: z.object({ import: ImportView, report: z.array(ReportRow) }) },
    problems: ['NOT_FOUND', 'BODY_TOO_LARGE'],
    async handler({ params, body }, { actor, requestId, now }) {
      const organization = await organizationOf(db, actor, params.org);
      const rows = rowsOf(body);
      const report: RowReport[] = [];
      const wish = { organization, source: body.source, fileName: '', isDry: body.dry_run };
      const { id } = await bringIn({ db, secrets }, wish, rows, { actor, requestId, now }, (row) => {
        report.push(row);
      });
      return { status: 200, body: { import: importView(await readImport(db, organization, id)), report } };
    },
  });
}

function rowsOf(body: z.output<typeof ImportBody>): AsyncIterable<ImportRow> {
  const { csv, rows, kind, timezone: zone = null } = body;
  if ((csv === undefined) === (rows === undefined)) throw invalid('/rows', 'send either rows or csv');
  if (rows !== undefined) return rowsOfItems(rows);
  if (kind === undefined) throw invalid('/kind', `is required with csv: ${IMPORT_KINDS.join(', ')}`);
  if (zone !== null && zoneOffset(zone, 0) === null) throw invalid('/timezone', 'there is no such time zone');
  const profile = PROFILES[body.from];
  if (profile === undefined) throw invalid('/from', 'there is no such profile');
  return rowsOfTable(csvRecords(csv ?? ''), { kind, profile, zone, map: new Map() }, () => undefined);
}

async function* rowsOfItems(rows: readonly object[]): AsyncIterable<ImportRow> {
  for (const [i, json] of rows.entries()) {
    const row = itemOfJson(i + 1, json);
    if (!('source' in row)) yield row;
  }
}

function invalid(pointer: string, detail: string) {
  return problem('INVALID_REQUEST', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}

function listRoute(db: Db): Route {
  return route({
    ...common,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/imports`,
    operationId: 'listImports',
    summary: 'What was brought in, the latest first',
    scope: 'licenses:read',
    query: z.object(pageQuery('import')),
    answers: { 200: pageOf(ImportView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor }) {
      const organization = await organizationOf(db, actor, params.org);
      return { status: 200, body: pageBody(await readImports(db, organization, query), importView) };
    },
  });
}

function readRoute(db: Db): Route {
  return route({
    ...common,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/imports/{id}`,
    operationId: 'getImport',
    summary: 'What became of an import',
    scope: 'licenses:read',
    params: ORGANIZATION_LEVEL.params.extend({ id: idParam('import') }),
    answers: { 200: ImportView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      const organization = await organizationOf(db, actor, params.org);
      return { status: 200, body: importView(await readImport(db, organization, params.id)) };
    },
  });
}
