import { HOUR, toIso } from '../clock.ts';
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
  /** While it runs: until when it is leased. While it waits: null, or the instant that the other side named; nothing makes it run sooner. */
  leaseUntil: string | null;
  lastError: string | null;
  createdAt: string;
}

const SHAPE = { json: ['payload'] };

/** Every plan is nearer than this, so whatever lies beyond it was planned before the clock was set back, ms. */
export const FARTHEST_PLAN_MS = 2 * HOUR;

export interface NewJob {
  kind: string;
  subject: string;
  /** ISO, at most two hours ahead. */
  runAt: string;
  payload?: Record<string, unknown>;
  /** Nothing new is known: one that waits already is left as it is. */
  patient?: boolean;
  /** What caused it was true before this transaction began, so a job that is about to run will see it. */
  hint?: boolean;
}

/**
 * Puts a job on the list in the transaction that causes it. One that waits already is not doubled: it runs at the earlier of
 * the two times with the newer payload (an empty one changes nothing), and begins its attempts anew.
 */
export async function enqueue(tx: Tx, job: NewJob, now: string): Promise<void> {
  if (job.runAt > toIso(Date.parse(now) + FARTHEST_PLAN_MS)) throw new Error(`"${job.kind}" is planned too far ahead`);
  const payload = JSON.stringify(job.payload ?? {});
  if (job.hint && (await runsSoonAnyway(tx, job, payload))) return;
  const held = 'jobs.lease_until is not null';
  const change = `update set
       run_at = case when excluded.run_at < jobs.run_at and not (${held}) then excluded.run_at else jobs.run_at end,
       payload = case when excluded.payload = '{}' then jobs.payload else excluded.payload end,
       attempts = case when ${held} then jobs.attempts else 0 end,
       last_error = case when ${held} then jobs.last_error else null end`;
  await insertOr(tx, job.patient ? 'nothing' : change, job, payload, now);
}

async function insertOr(tx: Tx, otherwise: string, job: NewJob, payload: string, now: string): Promise<void> {
  await tx.raw(
    `insert into jobs (id, kind, subject, payload, run_at, attempts, created_at) values (?, ?, ?, ?, ?, 0, ?)
     on conflict (kind, subject) where lease_id is null do ${otherwise}`,
    [newId('job'), job.kind, job.subject, payload, job.runAt, now],
  );
}

/** So that a flood of hooks costs a read each and does not queue for the lock of one row. */
async function runsSoonAnyway(tx: Tx, { kind, subject, runAt }: NewJob, payload: string): Promise<boolean> {
  const waiting = tx('jobs').where({ kind, subject, lease_id: null, lease_until: null, attempts: 0 });
  const soon = waiting.where('run_at', '<=', runAt).first('id');
  return (await (payload === '{}' ? soon : soon.where({ payload }))) !== undefined;
}

/** Plans the next look of a job that is done. A twin that waits already comes sooner; it takes over what it has not of its own. */
export async function enqueueNext(tx: Tx, job: NewJob, now: string): Promise<void> {
  const change = "update set payload = case when jobs.payload = '{}' then excluded.payload else jobs.payload end";
  await insertOr(tx, change, job, JSON.stringify(job.payload ?? {}), now);
}

/** Instants of one claim, ISO. What is planned or leased beyond these limits was so before the clock was set back. */
export interface ClaimTimes {
  now: string;
  leaseUntil: string;
  farthestPlan: string;
  farthestLease: string;
}

/** Takes the next due job and leases it; jobs whose lease ran out (a crash) are due again. null: nothing is due. */
export async function claimJob(tx: Tx, leaseId: string, times: ClaimTimes): Promise<Job | null> {
  const { now, leaseUntil, farthestPlan } = times;
  await freeCrashed(tx, times);
  const due = tx('jobs')
    .select('id')
    .where((query) => query.where('run_at', '<=', now).orWhere('run_at', '>', farthestPlan))
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
    return row ? toJob(row) : null;
  } catch (error) {
    // Another worker leased a twin in this very moment.
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

/** A lease that ran out belongs to a process that died: its job waits again, or gives way to the twin that waits already. */
async function freeCrashed(tx: Tx, { now, farthestLease }: ClaimTimes): Promise<void> {
  const rows = await tx('jobs')
    .whereNotNull('lease_id')
    .where((query) => query.where('lease_until', '<', now).orWhere('lease_until', '>', farthestLease));
  for (const crashed of rows.map(toJob)) {
    const { attempts, lastError } = crashed;
    const runAt = crashed.runAt < now ? crashed.runAt : now;
    await release(tx, crashed, { runAt, attempts, lastError, leaseUntil: null });
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

/** Waits for its next attempt. `held`: the other side named the time, so nothing makes it sooner. */
export async function retryJob(tx: Tx, job: Job, next: { runAt: string; held: boolean; error: string }): Promise<void> {
  const { runAt, held, error } = next;
  await release(tx, job, {
    runAt,
    attempts: job.attempts,
    lastError: error.slice(0, 500),
    leaseUntil: held ? runAt : null,
  });
}

/** Ends the lease if it is still this one; a twin that came meanwhile takes the job's place, its time and its open plans. */
async function release(
  tx: Tx,
  job: Job,
  next: Pick<Job, 'runAt' | 'attempts' | 'lastError' | 'leaseUntil'>,
): Promise<void> {
  const { kind, subject, id, leaseId } = job;
  const change = {
    run_at: next.runAt,
    attempts: next.attempts,
    last_error: next.lastError,
    lease_until: next.leaseUntil,
  };
  const twin = await tx('jobs').where({ kind, subject, lease_id: null }).first('id', 'payload');
  if (!twin) {
    await tx('jobs')
      .where({ id, lease_id: leaseId })
      .update({ ...change, lease_id: null });
    return;
  }
  const ended = await tx('jobs').where({ id, lease_id: leaseId }).delete();
  if (ended === 0) return;
  const payload = twin.payload === '{}' ? JSON.stringify(job.payload) : twin.payload;
  await tx('jobs')
    .where({ id: twin.id, lease_id: null })
    .update({ ...change, payload });
}

/** Jobs that failed this often are shown as stuck; they go on being tried, once an hour. */
export const STUCK_AFTER = 8;

export async function stuckJobs(tx: Tx): Promise<Job[]> {
  return (await tx('jobs').where('attempts', '>=', STUCK_AFTER).orderBy('created_at').limit(100)).map(toJob);
}

export async function countJobs(tx: Tx): Promise<number> {
  return Number((await tx('jobs').count('id as n').first())?.['n'] ?? 0);
}

function toJob(row: object): Job {
  return fromRow<Job>(row, SHAPE);
}
