import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { Problem } from '../errors.ts';
import { listRepositories, type OrganizationRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { prefixesInUse } from '../licensing/store-keys.ts';
import { packagesOf } from '../licensing/store-packages.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import { plannedKey } from './bring-keys.ts';
import { bringLicense } from './bring-license.ts';
import { bringCustomer, bringPackage, bringProduct } from './bring-others.ts';
import { bringSite } from './bring-sites.ts';
import { type ImportBatch, type ImportGround, lookedUp, type Told } from './import-batch.ts';
import type { ImportItem, ImportRow, RowReport } from './import-format.ts';
import { insertImport, noteBroughtIn, updateImport } from './store-imports.ts';

export interface ImportWish {
  organization: OrganizationRecord;
  /** Where the rows are from: the same row of the same source is brought in once. */
  source: string;
  fileName: string;
  /** Nothing is written; what would be is told. */
  isDry: boolean;
}

export interface ImportSummary {
  id: string;
  rows: number;
  created: number;
  unchanged: number;
  refused: number;
  /** How often each code was given. */
  codes: Record<string, number>;
  /** The first rows that were refused. */
  faults: RowReport[];
}

/** So few that polls do not wait for an import, and so many that a commit is worth it. */
const ROWS_AT_ONCE = 50;
const FAULTS_KEPT = 100;

/**
 * Brings in rows as they are read, some at a time, each time in one transaction with the note of what was brought in: killed at any
 * point, the same file goes on where it stopped, and a file that was brought in whole changes nothing.
 */
export async function bringIn(
  { db, secrets }: { db: Db; secrets: Secrets },
  wish: ImportWish,
  rows: AsyncIterable<ImportRow>,
  by: By,
  onRow: (row: RowReport) => void | Promise<void>,
): Promise<ImportSummary> {
  const id = newId('import', by.now);
  const { organization, source, isDry } = wish;
  const keyPrefixes = await db.read(prefixesInUse);
  const ground: ImportGround = {
    ...{ secrets, organization, source, isDry, keyPrefixes, by, importId: id, made: new Map(), dryPackages: [] },
  };
  const summary: ImportSummary = { id, rows: 0, created: 0, unchanged: 0, refused: 0, codes: {}, faults: [] };
  await db.tx((tx) =>
    insertImport(
      tx,
      {
        ...{ id, organizationId: organization.id, source, fileName: wish.fileName, dry: isDry, state: 'running' },
        ...{ counts: {}, faults: [], endedAt: null, createdAt: toIso(by.now) },
      },
      by.actor.id,
    ),
  );
  for await (const batch of inBatches(rows, ROWS_AT_ONCE)) {
    for (const report of await takeBatch(db, ground, batch)) {
      add(summary, report);
      await onRow(report);
    }
  }
  const { rows: count, created, unchanged, refused, codes } = summary;
  const counts = { rows: count, created, unchanged, refused, ...codes };
  await db.tx(async (tx) => {
    await updateImport(tx, id, { state: 'done', counts, faults: summary.faults, endedAt: toIso(by.now) });
    if (isDry) return;
    const changes = { source, created, unchanged, refused };
    const event = { actor: by.actor, action: 'import.run', entity: 'organization', entityId: organization.id, changes };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
  return summary;
}

async function* inBatches<T>(rows: AsyncIterable<T>, most: number): AsyncIterable<T[]> {
  let batch: T[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < most) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function add(summary: ImportSummary, report: RowReport): void {
  summary.rows += 1;
  summary[report.outcome] += 1;
  summary.codes[report.code] = (summary.codes[report.code] ?? 0) + 1;
  if (report.outcome === 'refused' && summary.faults.length < FAULTS_KEPT) summary.faults.push(report);
}

/** What a verb refuses of one row must not take the others with it: then each is tried by itself. */
async function takeBatch(db: Db, ground: ImportGround, rows: readonly ImportRow[]): Promise<RowReport[]> {
  const take = (tx: Tx) => takeRows(tx, ground, rows);
  try {
    const { reports, made } = ground.isDry ? await db.read(take) : await db.tx(take);
    for (const [place, id] of made) ground.made.set(place, id);
    return reports;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const [row] = rows;
    if (rows.length === 1 && row)
      return [{ ...headOf(row), outcome: 'refused', code: 'REFUSED', words: error.message, id: '' }];
    const reports: RowReport[] = [];
    for (const each of rows) reports.push(...(await takeBatch(db, ground, [each])));
    return reports;
  }
}

async function takeRows(tx: Tx, ground: ImportGround, rows: readonly ImportRow[]) {
  const batch = await openBatch(tx, ground, rows);
  const reports: RowReport[] = [];
  for (const row of rows) {
    const told: Told =
      row.item === null
        ? { outcome: 'refused', code: 'INVALID', words: row.faults.join('; '), id: '' }
        : await bring(batch, row.item);
    reports.push({ ...headOf(row), ...told });
  }
  const { importId, source, organization } = ground;
  await noteBroughtIn(tx, { importId, source, organizationId: organization.id }, batch.added);
  return { reports, made: batch.addedNow };
}

async function openBatch(tx: Tx, ground: ImportGround, rows: readonly ImportRow[]): Promise<ImportBatch> {
  const { organization } = ground;
  const items = rows.flatMap(({ item }) => (item === null ? [] : [item]));
  const owned = items.flatMap((item) =>
    item.type === 'license' ? item.keys : item.type === 'site' ? keyOfSite(item) : [],
  );
  const planned = owned.map((key) => plannedKey(ground, key)).filter((key) => typeof key !== 'string');
  const hashes = planned.map(({ hash }) => hash);
  const refs = planned.map(({ ref }) => ref);
  const repositories = await listRepositories(tx, organization.id);
  const found = await lookedUp(tx, ground, items, hashes, refs);
  return {
    ...ground,
    ...found,
    tx,
    packages: [...(await packagesOf(tx, { organizationId: organization.id })), ...ground.dryPackages],
    products: await productsOfOrganization(tx, organization.id),
    repositories: new Map(repositories.map(({ id, name }) => [name.toLowerCase(), id])),
    ...{ added: [], addedNow: new Map() },
  };
}

function keyOfSite({ key, key_sha256 }: Extract<ImportItem, { type: 'site' }>) {
  if (key === undefined && key_sha256 === undefined) return [];
  const rest = { label: '', purpose: 'commercial' as const, site_limit: null, domains: [], suspended_at: null };
  const more = { revoked_at: null, revoke_reason: null, ends_at: null, replaced_by: null };
  return [{ ...rest, ...more, ...(key_sha256 === undefined ? { key } : { key_sha256 }) }];
}

function bring(batch: ImportBatch, item: ImportItem): Promise<Told> {
  switch (item.type) {
    case 'package':
      return bringPackage(batch, item);
    case 'customer':
      return bringCustomer(batch, item);
    case 'product':
      return bringProduct(batch, item);
    case 'license':
      return bringLicense(batch, item);
    case 'site':
      return bringSite(batch, item);
  }
}

function headOf({ line, item }: ImportRow): Pick<RowReport, 'line' | 'kind' | 'ref'> {
  return { line, kind: item?.type ?? '', ref: item?.ref ?? '' };
}
