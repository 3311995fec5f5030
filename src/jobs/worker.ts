import { type Clock, DAY, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { ForgeTrouble } from '../errors.ts';
import { newId } from '../ids.ts';
import {
  type ClaimTimes,
  claimJob,
  claimSubject,
  enqueue,
  extendLease,
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
  signal: AbortSignal;
}

/** `again`: run once more after so many ms (to see what no hook tells of). */
export type Handler = (
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
  /** Runs the job of one subject now, in this process. `elsewhere`: another process is at it. Throws what the job throws. */
  runNow(kind: string, subject: string, payload?: Record<string, unknown>): Promise<'done' | 'elsewhere'>;
}

const LEASE_MS = 2 * MINUTE;
/** Every plan of ours is nearer than this. */
const FARTHEST_MS = 2 * DAY;
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
    const times = { now: toIso(now), leaseUntil: toIso(now + LEASE_MS), never: toIso(now + FARTHEST_MS) };
    return db.tx((tx) => claim(tx, newId('lease', now), times));
  }

  /** Resolves with the error, after it was noted for a retry; null when the job is done. */
  async function run(job: Job): Promise<unknown> {
    const leaseId = job.leaseId as string;
    const abort = new AbortController();
    const beat = setInterval(() => {
      db.tx((tx) => extendLease(tx, leaseId, toIso(clock() + LEASE_MS))).then(
        (held) => held || abort.abort(new LeaseLost('the lease was lost')),
        () => undefined,
      );
    }, LEASE_MS / 3);
    const began = performance.now();
    try {
      const handler = deps.handlers[job.kind];
      if (!handler) throw new Error(`nobody knows how to do "${job.kind}"`);
      const check = async (tx: Tx) => {
        if (!(await holdsLease(tx, leaseId))) throw new LeaseLost('the lease was lost');
      };
      const result = await handler(job, { check, signal: abort.signal });
      await db.tx(async (tx) => {
        await check(tx);
        await finishJob(tx, leaseId);
        const { again } = result ?? {};
        if (again) await enqueueLater(tx, job, again);
      });
      deps.onDone?.(job, performance.now() - began);
      return null;
    } catch (error) {
      if (!(error instanceof LeaseLost)) await retry(job, error);
      return error;
    } finally {
      clearInterval(beat);
    }
  }

  async function enqueueLater(
    tx: Tx,
    job: Job,
    again: { afterMs: number; payload: Record<string, unknown> },
  ): Promise<void> {
    const waits = await tx('jobs').where({ kind: job.kind, subject: job.subject, lease_id: null }).first('id');
    // A newer hook asks for more than this one's remaining looks.
    if (waits) return;
    const now = clock();
    await enqueue(
      tx,
      { kind: job.kind, subject: job.subject, runAt: toIso(now + again.afterMs), payload: again.payload },
      toIso(now),
    );
  }

  async function retry(job: Job, error: unknown): Promise<void> {
    const nextAt = toIso(clock() + pauseAfter(job.attempts, error));
    deps.onFailure(job, error, nextAt);
    const words = error instanceof Error ? error.message : String(error);
    await db.tx((tx) => retryJob(tx, job, nextAt, words.slice(0, 500))).catch(() => undefined);
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
      let done = 0;
      for (let begun = await fill(); begun > 0; begun = await fill()) {
        done += begun;
        await Promise.allSettled(running);
      }
      return done;
    },
    async runNow(kind, subject, payload = {}) {
      const now = toIso(clock());
      await db.tx((tx) => enqueue(tx, { kind, subject, runAt: now, payload }, now));
      const job = await take((tx, leaseId, times) => claimSubject(tx, kind, subject, leaseId, times));
      if (job === null) return 'elsewhere';
      const error = await run(job);
      if (error !== null) throw error;
      return 'done';
    },
  };
}

/** 10 s, 20 s, 40 s ... at most an hour; a forge that says when it will answer again is believed. */
export function pauseAfter(attempts: number, error: unknown): number {
  if (error instanceof ForgeTrouble && error.retryAfterMs !== undefined)
    return Math.min(Math.max(error.retryAfterMs, SECOND), HOUR);
  if (attempts >= STUCK_AFTER) return HOUR;
  return Math.min(10 * SECOND * 2 ** (attempts - 1), HOUR);
}
