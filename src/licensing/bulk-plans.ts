import { audit } from '../audit/audit.ts';
import { breathe } from '../batch.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../jobs/store.ts';
import { bulkOf } from './bulk-reads.ts';
import { BULK, type BulkParams } from './bulk-view.ts';
import { decisionsOf } from './change-licenses.ts';
import type { By } from './keys.ts';
import type { Decision, LicenseChange } from './license-change.ts';
import type { LicenseFilter } from './license-filter.ts';
import { settleStandings } from './standings.ts';
import {
  type BulkItemRecord,
  type BulkRecord,
  bulkCounts,
  insertBulk,
  insertItems,
  lockBulk,
  updateBulk,
} from './store-bulk.ts';
import { licenseIdsMatching } from './store-license-search.ts';
import { findLicenses } from './store-licenses.ts';

export interface BulkWish {
  action: string;
  change: LicenseChange;
  reason: string;
  /** The parameters as they are shown. */
  shown: Record<string, unknown>;
  selection: { licenseIds: readonly string[] } | { filter: LicenseFilter; shown: unknown };
}

/** The most licenses of one bulk change. */
const MOST = 100_000;
/** So many are looked at in one go; the plan is written in as many transactions. */
const SLICE = 1_000;

/**
 * Fixes which licenses are meant and counts what would become of each, without changing any. Whoever comes into the filter later is
 * not touched by the run; each license is decided upon again when its turn comes.
 */
export async function planBulk(db: Db, organizationId: string, wish: BulkWish, by: By): Promise<BulkRecord> {
  const { action, change, reason, shown, selection } = wish;
  const params: BulkParams = { change, reason, shown };
  const run: BulkRecord = {
    ...{
      id: newId('bulk', by.now),
      organizationId,
      action,
      params: JSON.stringify(params),
      state: 'planned',
      total: 0,
    },
    selection: JSON.stringify(
      'filter' in selection ? { filter: selection.shown } : { count: selection.licenseIds.length },
    ),
    ...{ startedAt: null, startedBy: null, endedAt: null, createdAt: toIso(by.now), createdBy: by.actor.id },
  };
  const ids = await chosen(db, selection, by.now);
  run.total = ids.length;
  await db.tx((tx) => insertBulk(tx, run));
  for (let at = 0; at < ids.length; at += SLICE) {
    const slice = ids.slice(at, at + SLICE);
    const items = await db.read((tx) => foreseen(tx, organizationId, slice, change, by.now));
    await db.tx((tx) => insertItems(tx, run.id, items));
    await breathe();
  }
  await db.tx((tx) => noteRun(tx, run, 'bulk.plan', { action, total: ids.length }, by));
  return run;
}

async function chosen(db: Db, selection: BulkWish['selection'], now: number): Promise<string[]> {
  if ('licenseIds' in selection) return [...new Set(selection.licenseIds)].sort();
  const { filter } = selection;
  await settleStandings(db, now);
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const found = await db.read((tx) => licenseIdsMatching(tx, filter, after, SLICE, toIso(now)));
    ids.push(...found);
    after = found.at(-1) ?? null;
    if (ids.length > MOST) {
      const detail = `means more than ${MOST} licenses; narrow it`;
      throw problem('INVALID_REQUEST', `the filter ${detail}`, { errors: [{ pointer: '/selection/filter', detail }] });
    }
    if (found.length < SLICE) return ids;
  }
}

async function foreseen(
  tx: Tx,
  organizationId: string,
  ids: readonly string[],
  change: LicenseChange,
  now: number,
): Promise<BulkItemRecord[]> {
  const decisions = await decisionsOf(tx, organizationId, await findLicenses(tx, ids), change, now);
  return ids.map((licenseId) => ({ licenseId, ...foretold(decisions.get(licenseId)), doneAt: null }));
}

function foretold(decision: Decision | undefined): Pick<BulkItemRecord, 'state' | 'code' | 'detail'> {
  if (decision === undefined) return { state: 'would_refuse', code: 'NOT_FOUND', detail: 'there is no such license' };
  if (decision.kind === 'refused') return { state: 'would_refuse', code: decision.code, detail: decision.detail };
  return { state: decision.kind === 'unchanged' ? 'would_stay' : 'would_change', code: null, detail: '' };
}

/** Puts the run on the list of jobs; once more is no error. Throws PLAN_ENDED for one that was given up, or not planned to its end. */
export async function startBulk(db: Db, id: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await bulkOf(tx, by.actor, id);
    const run = await lockBulk(tx, id);
    if (run?.state === 'canceled') throw problem('PLAN_ENDED', 'this bulk change was given up; plan it anew');
    if (run?.state !== 'planned') return;
    const planned = (await bulkCounts(tx, id)).reduce((sum, { count }) => sum + count, 0);
    if (planned < run.total) throw problem('PLAN_ENDED', 'this bulk change is not planned to its end; plan it anew');
    const at = toIso(by.now);
    await updateBulk(tx, id, { state: 'queued', startedAt: at, startedBy: by.actor.id });
    await enqueue(tx, { kind: BULK, subject: id, runAt: at }, at);
    await noteRun(tx, run, 'bulk.run', {}, by);
  });
}

/** What is done stays done; what has not had its turn stays as it is. Throws PLAN_ENDED for one that is done. */
export async function cancelBulk(db: Db, id: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await bulkOf(tx, by.actor, id);
    const run = await lockBulk(tx, id);
    if (run?.state === 'done') throw problem('PLAN_ENDED', 'this bulk change is done');
    if (!run || run.state === 'canceled') return;
    await updateBulk(tx, id, { state: 'canceled', endedAt: toIso(by.now) });
    await noteRun(tx, run, 'bulk.cancel', {}, by);
  });
}

function noteRun(tx: Tx, run: BulkRecord, action: string, changes: Record<string, string | number>, by: By) {
  const event = { actor: by.actor, action, entity: 'bulk', entityId: run.id, changes, requestId: by.requestId };
  return audit(tx, { ...event, organizationId: run.organizationId }, by.now);
}
