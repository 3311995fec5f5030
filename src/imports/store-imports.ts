import { among, insertMany, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

export interface ImportRecord {
  id: string;
  organizationId: string;
  source: string;
  fileName: string;
  dry: boolean;
  state: 'running' | 'done';
  counts: Record<string, number>;
  faults: unknown[];
  endedAt: string | null;
  createdAt: string;
}

const SHAPE = { json: ['counts', 'faults'], booleans: ['dry'] };
const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'source', 'fileName', 'dry', 'state', 'counts', 'faults', 'endedAt', 'createdAt'],
);

export async function insertImport(tx: Tx, record: ImportRecord, actor: string): Promise<void> {
  await tx('imports').insert({ ...toRow(record, SHAPE), created_by: actor });
}

export async function updateImport(
  tx: Tx,
  id: string,
  change: Partial<Pick<ImportRecord, 'state' | 'counts' | 'faults' | 'endedAt'>>,
): Promise<void> {
  await tx('imports').where({ id }).update(toRow(change, SHAPE));
}

export async function findImport(tx: Tx, id: string): Promise<ImportRecord | null> {
  const row = await tx('imports').select(COLUMNS).where({ id }).first();
  return row ? fromRow<ImportRecord>(row, SHAPE) : null;
}

export async function importsOf(tx: Tx, organizationId: string, after: string | null, limit: number) {
  const query = tx('imports')
    .select(COLUMNS)
    .where({ organization_id: organizationId })
    .orderBy('id', 'desc')
    .limit(limit);
  const rows = await (after === null ? query : query.where('id', '<', after));
  return rows.map((row) => fromRow<ImportRecord>(row, SHAPE));
}

/** A thing of a source, as it was brought in. */
export interface BroughtIn {
  kind: string;
  ref: string;
  entityId: string;
}

/** What of these was brought in before: `kind\nref` -> id. */
export async function broughtIn(
  tx: Tx,
  organizationId: string,
  source: string,
  kind: string,
  refs: readonly string[],
): Promise<Map<string, string>> {
  if (refs.length === 0) return new Map();
  const rows = await tx('import_rows')
    .where({ organization_id: organizationId, source, kind })
    .whereRaw(`ref ${among(tx)}`, [JSON.stringify(refs)])
    .select('ref', 'entity_id');
  return new Map(rows.map((row) => [row.ref as string, row.entity_id as string]));
}

export async function noteBroughtIn(
  tx: Tx,
  where: { organizationId: string; source: string; importId: string },
  rows: readonly BroughtIn[],
): Promise<void> {
  const columns = ['organization_id', 'source', 'kind', 'ref', 'entity_id', 'import_id'];
  const given = rows.map(({ kind, ref, entityId }) => ({ ...toRow({ ...where, kind, ref, entityId }) })) as Row[];
  await insertMany(tx, 'import_rows', columns, given);
}

export interface KeyAtHand {
  id: string;
  licenseId: string;
  organizationId: string;
}

/** The keys that there are already, by their look-up hashes, whoever has them. */
export async function keysAtHand(tx: Tx, hashes: readonly string[]): Promise<Map<string, KeyAtHand>> {
  if (hashes.length === 0) return new Map();
  const rows = await tx('license_keys as k')
    .join('licenses as l', 'l.id', 'k.license_id')
    .whereRaw(`k.hash ${among(tx)}`, [JSON.stringify(hashes)])
    .select('k.hash', 'k.id', 'k.license_id', 'l.organization_id');
  return new Map(
    rows.map((row) => [
      row.hash as string,
      { id: row.id as string, licenseId: row.license_id as string, organizationId: row.organization_id as string },
    ]),
  );
}

/** Payment lines that are taken: `reference\nline`. */
export async function paymentsTaken(tx: Tx, organizationId: string, refs: readonly string[]): Promise<Set<string>> {
  if (refs.length === 0) return new Set();
  const rows = await tx('grants')
    .where({ organization_id: organizationId })
    .whereRaw(`payment_ref ${among(tx)}`, [JSON.stringify(refs)])
    .select('payment_ref', 'line');
  return new Set(rows.map((row) => `${row.payment_ref}\n${row.line}`));
}

/** Customers by e-mail address or by the id in the vendor's books, the oldest of each. */
export async function customersAtHand(
  tx: Tx,
  organizationId: string,
  column: 'email' | 'external_customer_id' | 'id',
  values: readonly string[],
): Promise<Map<string, string>> {
  if (values.length === 0) return new Map();
  const rows = await tx('customers')
    .where({ organization_id: organizationId })
    .whereRaw(`${column} ${among(tx)}`, [JSON.stringify(values)])
    .orderBy('id', 'desc')
    .select(`${column} as value`, tx.raw('coalesce(merged_into, id) as id'));
  return new Map(rows.map((row) => [String(row.value), String(row.id)]));
}

/** The master license of a level, whose keys may stand beside each other. */
export async function masterLicenseOf(
  tx: Tx,
  organizationId: string,
  repositoryId: string | null,
): Promise<string | null> {
  const row = await tx('licenses as l')
    .join('grants as g', 'g.license_id', 'l.id')
    .join('packages as p', 'p.id', 'g.package_id')
    .where({ 'l.organization_id': organizationId, 'l.master': true, 'p.repository_id': repositoryId })
    .first('l.id');
  return row ? (row.id as string) : null;
}

/** Exact up to `most`. */
export async function countImports(tx: Tx, organizationId: string, most: number): Promise<number> {
  return (await tx('imports').where({ organization_id: organizationId }).select('id').limit(most)).length;
}
