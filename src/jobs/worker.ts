import { type Clock, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { isUniqueViolation, type Tx } from '../db/dialect.ts';
import { ForgeTrouble } from '../errors.ts';
import { newId } from '../ids.ts';
import {
  type ClaimTimes,
  claimJob,
  claimSubject,
  enqueue,
  enqueueNext,
  extendLease,
  FARTHEST_PLAN_MS,
  finishJob,
  holdsLease,
  type Job,
  retryJob,
  STUCK_AFTER,
} from './store.ts';

/** What a running job may rely on. */
export interface Lease {
  /** Throws when another worker has taken over: then nothing that this one found may be written. */
  check(tx: Tx): Promise<void>;
  /** Aborts when the lease is known to be lost. */
  signal: AbortSignal;
}

/** `again`: run once more after so many ms (to see what no hook tells of). */
type Handler = (
  job: Job,
  lease: Lease,
) => Promise<{ again?: { afterMs: number; payload: Record<string, unknown> } } | undefined>;

export interface WorkerDeps {
  db: Db;
  clock: Clock;
  handlers: Record<string, Handler>;
  onFailure(job: Job, error: unknown, nextAt: string): void;
  onDone?(job: Job, ms: number): void;
}

export interface Worker {
  start(): void;
  /** Lets running jobs end. */
  stop(): Promise<void>;
  /** Runs everything that is due now and waits for it; used by commands and tests. */
  drain(): Promise<number>;
  /**
   * Runs the job of one subject now, in this process; what was planned for it stays planned. `elsewhere`: another process is at it.
   * Throws what the job throws.
   */
  runNow(kind: string, subject: string): Promise<'done' | 'elsewhere'>;
}

export const LEASE_MS = 2 * MINUTE;
/** More than any instance's clock may be ahead of another's. */
const FARTHEST_LEASE_MS = 10 * MINUTE;
const IDLE_MS = 500;
const PARALLEL = 4;

class LeaseLost extends Error {}

/** Works the list: leases one subject at a time, retries with growing pauses, survives kill -9 (the lease runs out). */
export function makeWorker(deps: WorkerDeps): Worker {
  const { db, clock } = deps;
  const running = new Set<Promise<void>>();
  let stopped = true;
  let timer: NodeJS.Timeout | undefined;

  async function take(claim: (tx: Tx, leaseId: string, times: ClaimTimes) => Promise<Job | null>): Promise<Job | null> {
    const now = clock();
    return db.tx((tx) => claim(tx, newId('lease', now), timesAt(now)));
  }

  /** Resolves with the error, after it was noted for a retry; null when the job is done. */
  async function run(job: Job): Promise<unknown> {
    const leaseId = job.leaseId as string;
    const { lease, stopBeating } = holdLease(db, clock, leaseId);
    const isEarly = isAheadOfPlan(job, clock());
    const began = performance.now();
    try {
      const handler = deps.handlers[job.kind];
      if (!handler) throw new Error(`nobody knows how to do "${job.kind}"`);
      const { again } = (await handler(job, lease)) ?? {};
      await db.tx(async (tx) => {
        await lease.check(tx);
        await finishJob(tx, leaseId);
        const now = clock();
        const { kind, subject } = job;
        if (isEarly) await enqueueNext(tx, job, toIso(now));
        else if (again) {
          const runAt = toIso(now + again.afterMs);
          await enqueueNext(tx, { kind, subject, runAt, payload: again.payload }, toIso(now));
        }
      });
      deps.onDone?.(job, performance.now() - began);
      return null;
    } catch (error) {
      if (!(error instanceof LeaseLost)) await retry(job, error);
      return error;
    } finally {
      stopBeating();
    }
  }

  /** Where even this cannot be written the lease runs out, which comes to the same. */
  async function retry(job: Job, error: unknown): Promise<void> {
    const runAt = toIso(clock() + pauseAfter(job.attempts, error));
    deps.onFailure(job, error, runAt);
    const words = error instanceof Error ? error.message : String(error);
    const next = { runAt, held: namedTime(error) !== undefined, error: words };
    const write = () => db.tx((tx) => retryJob(tx, job, next));
    // A twin that was put on the list in this very moment is seen at the second try.
    await write()
      .catch((fault: unknown) => (isUniqueViolation(fault) ? write() : undefined))
      .catch(() => undefined);
  }

  async function fill(): Promise<number> {
    let begun = 0;
    while (running.size < PARALLEL) {
      const job = await take(claimJob);
      if (job === null) break;
      begun++;
      const work: Promise<void> = run(job).then(() => {
        running.delete(work);
      });
      running.add(work);
    }
    return begun;
  }

  function tick(): void {
    if (stopped) return;
    fill()
      .catch(() => undefined)
      .finally(() => {
        if (!stopped) timer = setTimeout(tick, IDLE_MS);
      });
  }

  return {
    start() {
      stopped = false;
      tick();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.allSettled(running);
    },
    async drain() {
      for (let done = 0; ; ) {
        const begun = await fill();
        done += begun;
        // A race of nobody never ends.
        if (running.size > 0) await Promise.race(running);
        else if (begun === 0) return done;
      }
    },
    async runNow(kind, subject) {
      const job = await take(async (tx, leaseId, times) => {
        await enqueue(tx, { kind, subject, runAt: times.now, patient: true }, times.now);
        return claimSubject(tx, kind, subject, leaseId, times);
      });
      if (job === null) return 'elsewhere';
      const error = await run(job);
      if (error !== null) throw error;
      return 'done';
    },
  };
}

/** A look that was planned for later and is done now because somebody asked for it. A retry that comes sooner is no such plan. */
function isAheadOfPlan({ runAt, attempts }: Job, now: number): boolean {
  return attempts === 1 && runAt > toIso(now) && runAt <= toIso(now + FARTHEST_PLAN_MS);
}

function timesAt(now: number): ClaimTimes {
  return {
    now: toIso(now),
    leaseUntil: toIso(now + LEASE_MS),
    farthestPlan: toIso(now + FARTHEST_PLAN_MS),
    farthestLease: toIso(now + FARTHEST_LEASE_MS),
  };
}

function holdLease(db: Db, clock: Clock, leaseId: string): { lease: Lease; stopBeating: () => void } {
  const abort = new AbortController();
  const lost = () => new LeaseLost('the lease was lost');
  const beat = setInterval(() => {
    db.tx((tx) => extendLease(tx, leaseId, toIso(clock() + LEASE_MS))).then(
      (held) => held || abort.abort(lost()),
      () => undefined,
    );
  }, LEASE_MS / 3);
  async function check(tx: Tx): Promise<void> {
    if (!(await holdsLease(tx, leaseId))) throw lost();
  }
  return { lease: { check, signal: abort.signal }, stopBeating: () => clearInterval(beat) };
}

/** 10 s, 20 s, 40 s ... at most an hour; a forge that says when it will answer again is believed. */
function pauseAfter(attempts: number, error: unknown): number {
  const named = namedTime(error);
  if (named !== undefined) return Math.min(Math.max(named, SECOND), HOUR);
  if (attempts >= STUCK_AFTER) return HOUR;
  return Math.min(10 * SECOND * 2 ** (attempts - 1), HOUR);
}

function namedTime(error: unknown): number | undefined {
  return error instanceof ForgeTrouble ? error.retryAfterMs : undefined;
}
