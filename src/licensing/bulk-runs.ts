import { type Actor, SYSTEM_ACTOR } from '../accounts/actor.ts';
import { breathe } from '../batch.ts';
import { type Clock, DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { kindOfId } from '../ids.ts';
import type { Job } from '../jobs/store.ts';
import type { Lease } from '../jobs/worker.ts';
import { BULK, type BulkParams } from './bulk-view.ts';
import { type ChangeOrder, changeLicensesIn, type Outcome } from './change-licenses.ts';
import {
  type BulkItemRecord,
  type BulkRecord,
  deleteOldPlans,
  finishItems,
  lockBulk,
  updateBulk,
  waitingItems,
} from './store-bulk.ts';

export interface BulkRunDeps {
  db: Db;
  clock: Clock;
  /** A license that could not be changed for a reason that nobody foresaw. */
  onFailure(error: unknown, licenseId: string): void;
}

/** So many in one transaction: a few ten milliseconds, in which nobody else writes on SQLite. */
const SLICE = 100;

/**
 * Runs a bulk change to its end. What was done is written with each slice, so that a process that dies in the middle does nothing
 * twice: whoever takes over goes on with those that wait. A grant is besides unique by run and license.
 */
export async function runBulk(deps: BulkRunDeps, id: string, lease: Pick<Lease, 'check'>): Promise<void> {
  for (let after: string | null = ''; after !== null; ) {
    const from: string = after;
    after = await oneSlice(deps, id, lease, from, SLICE).catch((error: unknown) =>
      oneByOne(deps, id, lease, from, error),
    );
    await breathe();
  }
}

/** The last license of the slice; null: there is nothing more to do. */
async function oneSlice(
  { db, clock }: BulkRunDeps,
  id: string,
  lease: Pick<Lease, 'check'>,
  after: string,
  most: number,
): Promise<string | null> {
  return db.tx(async (tx) => {
    await lease.check(tx);
    const run = await lockBulk(tx, id);
    if (!run || run.state === 'canceled' || run.state === 'done') return null;
    const now = clock();
    const ids = await waitingItems(tx, id, after, most);
    if (ids.length === 0) {
      await updateBulk(tx, id, { state: 'done', endedAt: toIso(now) });
      return null;
    }
    if (run.state !== 'running') await updateBulk(tx, id, { state: 'running' });
    await changeSlice(tx, run, ids, now);
    return ids.at(-1) ?? null;
  });
}

async function changeSlice(tx: Tx, run: BulkRecord, ids: readonly string[], now: number): Promise<void> {
  const { change, reason } = JSON.parse(run.params) as BulkParams;
  const requestOf = (licenseId: string) => ({ token: run.id, key: licenseId });
  const order: ChangeOrder = { change, reason, requestOf, payment: null, bulkId: run.id };
  const by = { actor: actorOf(run), requestId: null, now };
  const outcomes = await changeLicensesIn(tx, run.organizationId, ids, order, by);
  const alike = new Map<string, { item: Omit<BulkItemRecord, 'licenseId'>; ids: string[] }>();
  for (const [licenseId, outcome] of outcomes) {
    const item = { ...inRow(outcome), doneAt: toIso(now) };
    const key = JSON.stringify(item);
    const group = alike.get(key);
    if (group) group.ids.push(licenseId);
    else alike.set(key, { item, ids: [licenseId] });
  }
  for (const group of alike.values()) await finishItems(tx, run.id, group.ids, group.item);
}

function inRow(outcome: Outcome): Pick<BulkItemRecord, 'state' | 'code' | 'detail'> {
  if (outcome.kind === 'refused') return { state: 'refused', code: outcome.code, detail: outcome.detail };
  return { state: outcome.kind, code: null, detail: '' };
}

/** In the name of whoever started it, whose right was looked at then. */
function actorOf({ startedBy, createdBy }: BulkRecord): Actor {
  const id = startedBy ?? createdBy;
  if (id === 'cli') return { ...SYSTEM_ACTOR, kind: 'cli', id };
  return { ...SYSTEM_ACTOR, kind: kindOfId(id) === 'token' ? 'token' : 'person', id };
}

/** One license may hold up a slice, but not the others: it is marked, and its error told. A lost lease or database ends it all. */
async function oneByOne(
  deps: BulkRunDeps,
  id: string,
  lease: Pick<Lease, 'check'>,
  after: string,
  first: unknown,
): Promise<string | null> {
  const { db, clock, onFailure } = deps;
  const ids = await db.tx(async (tx) => {
    await lease.check(tx);
    return waitingItems(tx, id, after, SLICE);
  });
  if (ids.length === 0) throw first;
  let last = after;
  for (const licenseId of ids) {
    try {
      if ((await oneSlice(deps, id, lease, last, 1)) === null) return null;
    } catch (error) {
      await db.tx(async (tx) => {
        await lease.check(tx);
        const item = { state: 'failed', code: 'INTERNAL', detail: 'it could not be changed', doneAt: toIso(clock()) };
        await finishItems(tx, id, [licenseId], item as Omit<BulkItemRecord, 'licenseId'>);
      });
      onFailure(error, licenseId);
    }
    last = licenseId;
  }
  return last;
}

/** For the worker. */
export function bulkJobs(deps: BulkRunDeps): Record<string, (job: Job, lease: Lease) => Promise<undefined>> {
  return {
    async [BULK](job, lease) {
      await runBulk(deps, job.subject, lease);
      return undefined;
    },
  };
}

const PLAN_DAYS = 7;

/** Forgets plans that nobody ran for a week. */
export async function forgetPlans(db: Db, now: number): Promise<number> {
  return db.tx((tx) => deleteOldPlans(tx, toIso(now - PLAN_DAYS * DAY), 20));
}
