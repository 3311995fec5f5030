import { requireRole, requireScope } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import type { CellRow } from '../http/rows-stream.ts';
import type { Secrets } from '../secrets.ts';
import { licenseKeyView } from './key-sale-view.ts';
import { type By, textIfKnown } from './keys.ts';
import { keysFound } from './level-keys.ts';
import type { LicenseFilter } from './license-filter.ts';
import { type LicenseView, licenseView } from './license-view.ts';
import { licensesFound } from './licenses.ts';
import { settleStandings } from './standings.ts';
import { type Place, prepareSearch, type Search } from './store-license-search.ts';

const BATCH = 500;

const OF_LICENSE = [
  ...['valid_until', 'customer_id', 'customer_name', 'customer_email', 'sites_used', 'sites_max', 'over_limit'],
  ...['starts_at', 'grace_until', 'canceled_at', 'suspended_at', 'revoked_at', 'notes', 'created_at'],
];
export const LICENSE_COLUMNS: readonly string[] = ['license_id', 'status', ...OF_LICENSE];
export const KEY_COLUMNS: readonly string[] = [
  ...[
    'key_id',
    'key',
    'hint',
    'label',
    'purpose',
    'role',
    'status',
    'key_status',
    'valid_until',
    'license_id',
    'customer_id',
  ],
  ...['customer_name', 'customer_email', 'domains', 'sites_used', 'sites_max', 'revoke_reason', 'last_used_at'],
  'created_at',
];

/**
 * Rows of all keys that a filter means, batch by batch, oldest first. Throws FORBIDDEN for who may not see texts; that they were
 * given out is written down once, before the first.
 */
export async function exportKeys(
  { db, secrets }: { db: Db; secrets: Pick<Secrets, 'open'> },
  filter: LicenseFilter,
  withTexts: boolean,
  by: By,
): Promise<AsyncIterable<readonly CellRow[]>> {
  if (withTexts) await noteExport(db, filter, by);
  const repositoryId = filter.repositoryId ?? null;
  return batches(db, 'keys', filter, by.now, async (search, tx, after) => {
    const page = await keysFound(tx, search, filter, { sort: 'created', limit: BATCH, after });
    const rows = page.items.map((seen): CellRow => {
      const { license, ...view } = licenseKeyView(seen, repositoryId, by.now);
      const own = { ...licenseCells(license), ...view, key_id: view.id };
      return withTexts ? { ...own, key: textIfKnown(secrets, seen.key) } : own;
    });
    return { rows, next: page.next };
  });
}

async function noteExport(db: Db, { organizationId, repositoryId }: LicenseFilter, by: By): Promise<void> {
  requireScope(by.actor, 'licenses:write');
  requireRole(by.actor, 'manager');
  const changes = { repository_id: repositoryId ?? null };
  const event = { actor: by.actor, action: 'key.export', entity: 'organization', entityId: organizationId, changes };
  await db.tx((tx) => audit(tx, { ...event, requestId: by.requestId }, by.now));
}

/** Rows of all licenses that a filter means, batch by batch, oldest first. */
export function exportLicenses(db: Db, filter: LicenseFilter, now: number): AsyncIterable<readonly CellRow[]> {
  return batches(db, 'licenses', filter, now, async (search, tx, after) => {
    const page = await licensesFound(tx, search, filter, { sort: 'created', limit: BATCH, after });
    const rows = page.items.map((whole) => licenseCells(licenseView(whole, filter.repositoryId ?? null, now)));
    return { rows, next: page.next };
  });
}

/** A license as one row. */
export function licenseCells(view: LicenseView): CellRow {
  const { sites } = view.limits;
  return {
    ...{ license_id: view.id, status: view.status, valid_until: view.valid_until, starts_at: view.starts_at },
    ...{ customer_id: view.customer.id, customer_name: view.customer.name, customer_email: view.customer.email },
    ...{ sites_used: sites.used, sites_max: sites.max, over_limit: view.over_limit, notes: view.notes },
    ...{ grace_until: view.grace_until, canceled_at: view.canceled_at, suspended_at: view.suspended_at },
    ...{ revoked_at: view.revoked_at, created_at: view.created_at },
  };
}

interface Batch {
  rows: CellRow[];
  next: unknown;
}
type ReadBatch = (search: Search, tx: Tx, after: Place | null) => Promise<Batch>;

/** Between two batches the database is free for others; a row that comes meanwhile stands behind or is left out. */
async function* batches(
  db: Db,
  list: Search['list'],
  filter: LicenseFilter,
  now: number,
  read: ReadBatch,
): AsyncGenerator<CellRow[]> {
  await settleStandings(db, now);
  const search = await db.read((tx) => prepareSearch(tx, list, filter, toIso(now)));
  let after: Place | null = null;
  for (;;) {
    const place: Place | null = after;
    const { rows, next }: Batch = await db.read((tx) => read(search, tx, place));
    if (rows.length > 0) yield rows;
    if (next === null) return;
    after = (next as Place).slice(1);
  }
}
