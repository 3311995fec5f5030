import { engineOf, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';
import { newId } from '../ids.ts';

export interface Job {
  id: string;
  kind: string;
  /** What it is about; two jobs of one kind and subject never run at once. */
  subject: string;
  payload: Record<string, unknown>;
  runAt: string;
  attempts: number;
  leaseId: string | null;
  leaseUntil: string | null;
  lastError: string | null;
  createdAt: string;
}

const SHAPE = { json: ['payload'] };

export interface NewJob {
  kind: string;
  subject: string;
  /** ISO; now by default. */
  runAt: string;
  payload?: Record<string, unknown>;
}

/**
 * Puts a job on the list in the transaction that causes it. One that waits already is not doubled: it runs at the earlier of
 * the two times with the newer payload (an empty one changes nothing), and begins its attempts anew.
 */
export async function enqueue(tx: Tx, job: NewJob, now: string): Promise<void> {
  const payload = JSON.stringify(job.payload ?? {});
  await tx.raw(
    `insert into jobs (id, kind, subject, payload, run_at, attempts, created_at) values (?, ?, ?, ?, ?, 0, ?)
     on conflict (kind, subject) where lease_id is null do update set
       run_at = case when excluded.run_at < jobs.run_at then excluded.run_at else jobs.run_at end,
       payload = case when excluded.payload = '{}' then jobs.payload else excluded.payload end, attempts = 0, last_error = null`,
    [newId('job'), job.kind, job.subject, payload, job.runAt, now],
  );
}

/** Instants of one claim, ISO. `never`: nothing is planned or leased beyond it, unless the clock was set back meanwhile. */
export interface ClaimTimes {
  now: string;
  leaseUntil: string;
  never: string;
}

/** Takes the next due job and leases it; jobs whose lease ran out (a crash) are due again. null: nothing is due. */
export async function claimJob(tx: Tx, leaseId: string, times: ClaimTimes): Promise<Job | null> {
  const { now, leaseUntil, never } = times;
  await freeCrashed(tx, times);
  const due = tx('jobs')
    .select('id')
    .where((query) => query.where('run_at', '<=', now).orWhere('run_at', '>', never))
    .whereNull('lease_id')
    .whereNotExists(function runningTwin() {
      this.from('jobs as r')
        .whereRaw('r.kind = jobs.kind and r.subject = jobs.subject and r.lease_id is not null')
        .select(tx.raw('1'));
    })
    .orderBy(['run_at', 'id'])
    .limit(1);
  const locked = engineOf(tx) === 'postgres' ? due.forUpdate().skipLocked() : due;
  const [found] = await locked;
  return found ? leaseJob(tx, found.id, leaseId, leaseUntil) : null;
}

/** Takes the waiting job of one subject whatever its time, e.g. for a command that somebody waits for. null: it runs elsewhere. */
export async function claimSubject(
  tx: Tx,
  kind: string,
  subject: string,
  leaseId: string,
  times: ClaimTimes,
): Promise<Job | null> {
  await freeCrashed(tx, times);
  if (await tx('jobs').where({ kind, subject }).whereNotNull('lease_id').first('id')) return null;
  const found = await tx('jobs').where({ kind, subject, lease_id: null }).first('id');
  return found ? leaseJob(tx, found.id, leaseId, times.leaseUntil) : null;
}

async function leaseJob(tx: Tx, id: string, leaseId: string, leaseUntil: string): Promise<Job | null> {
  try {
    const [row] = await tx('jobs')
      .where({ id, lease_id: null })
      .update({ lease_id: leaseId, lease_until: leaseUntil, attempts: tx.raw('attempts + 1') })
      .returning('*');
    return row ? fromRow<Job>(row, SHAPE) : null;
  } catch (error) {
    // Another worker leased a twin in this very moment.
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

/** A lease that ran out belongs to a process that died: its job waits again, or gives way to the twin that waits already. */
async function freeCrashed(tx: Tx, { now, never }: ClaimTimes): Promise<void> {
  const crashed = await tx('jobs')
    .whereNotNull('lease_id')
    .where((query) => query.where('lease_until', '<', now).orWhere('lease_until', '>', never))
    .select('id', 'kind', 'subject');
  for (const { id, kind, subject } of crashed) {
    const twin = await tx('jobs').where({ kind, subject, lease_id: null }).first('id');
    if (twin) await tx('jobs').where({ id }).delete();
    else await tx('jobs').where({ id }).update({ lease_id: null, lease_until: null });
  }
}

/** True while the lease is ours. Whatever a job writes, it asks this first in the same transaction. */
export async function holdsLease(tx: Tx, leaseId: string): Promise<boolean> {
  const query = tx('jobs').where({ lease_id: leaseId }).select('id');
  return (await (engineOf(tx) === 'postgres' ? query.forUpdate() : query)).length > 0;
}

export async function extendLease(tx: Tx, leaseId: string, leaseUntil: string): Promise<boolean> {
  return (await tx('jobs').where({ lease_id: leaseId }).update({ lease_until: leaseUntil })) > 0;
}

export async function finishJob(tx: Tx, leaseId: string): Promise<void> {
  await tx('jobs').where({ lease_id: leaseId }).delete();
}

/** Waits for its next attempt; a twin that came meanwhile takes its place. */
export async function retryJob(tx: Tx, job: Job, runAt: string, error: string): Promise<void> {
  const twin = await tx('jobs').where({ kind: job.kind, subject: job.subject, lease_id: null }).first('id');
  if (twin) {
    await tx('jobs').where({ id: job.id }).delete();
    return;
  }
  await tx('jobs')
    .where({ id: job.id })
    .update({ lease_id: null, lease_until: null, run_at: runAt, last_error: error });
}

/** Jobs that failed this often are shown as stuck; they go on being tried, once an hour. */
export const STUCK_AFTER = 8;

export async function stuckJobs(tx: Tx): Promise<Job[]> {
  const rows = await tx('jobs').where('attempts', '>=', STUCK_AFTER).orderBy('created_at').limit(100);
  return rows.map((row) => fromRow<Job>(row, SHAPE));
}

export async function countJobs(tx: Tx): Promise<number> {
  return Number((await tx('jobs').count('id as n').first())?.['n'] ?? 0);
}
