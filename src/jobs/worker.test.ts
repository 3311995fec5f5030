import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDatabase, type TestDatabase } from '../../test/support/databases.ts';
import { HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { fromRow } from '../db/rows.ts';
import { ForgeTrouble } from '../errors.ts';
import { enqueue, type Job, type NewJob, stuckJobs } from './store.ts';
import { LEASE_MS, type Lease, makeWorker, type Worker, type WorkerDeps } from './worker.ts';

const START = Date.UTC(2026, 2, 1, 12);

type Handler = WorkerDeps['handlers'][string];

/** Stands still until it is let go. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let came: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    came = resolve;
  });
  return { open, opened, came, arrived };
}

onEachDatabase('the worker', (database) => {
  const time = { now: START };
  let db: Db;
  let failures: string[];
  let workers: Worker[];

  beforeEach(async () => {
    time.now = START;
    db = database().db;
    failures = [];
    workers = [];
    await db.tx((tx) => tx('jobs').delete());
  });
  afterEach(async () => {
    for (const each of workers) await each.stop();
  });

  /** `look` is what every test's jobs are. */
  function worker(look: Handler, on: Pick<TestDatabase, 'db'> = { db }, clock = () => time.now): Worker {
    const made = makeWorker({
      ...{ db: on.db, clock, handlers: { look } },
      onFailure: (_job, error) => void failures.push(error instanceof Error ? error.message : String(error)),
    });
    workers.push(made);
    return made;
  }

  const put = (job: Partial<NewJob> = {}) =>
    db.tx((tx) => enqueue(tx, { kind: 'look', subject: 'a', runAt: toIso(time.now), ...job }, toIso(time.now)));

  async function jobs(): Promise<Job[]> {
    const rows = await db.read((tx) => tx('jobs').orderBy('id'));
    return rows.map((row) => fromRow<Job>(row, { json: ['payload'] }));
  }

  const due = async () => (await jobs()).map(({ runAt }) => (Date.parse(runAt) - time.now) / SECOND);
  const fine: Handler = async () => undefined;

  it('runs what is due, once, and in order', async () => {
    const seen: string[] = [];
    const { drain } = worker(async ({ subject }) => void seen.push(subject));
    for (const subject of ['a', 'b', 'c']) await put({ subject });
    await put({ subject: 'later', runAt: toIso(time.now + SECOND) });
    expect(await drain()).toBe(3);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect((await jobs()).map(({ subject }) => subject)).toEqual(['later']);
    time.now += SECOND;
    expect(await drain()).toBe(1);
    expect(await jobs()).toEqual([]);
  });

  it('keeps one waiting job a subject, at the earlier time and with the newer payload', async () => {
    await put({ runAt: toIso(time.now + MINUTE), payload: { looks: 1 } });
    await put({ runAt: toIso(time.now + 2 * MINUTE), payload: { looks: 2 } });
    await put({});
    expect(await jobs()).toMatchObject([{ runAt: toIso(time.now), payload: { looks: 2 } }]);
    await put({ subject: 'b' });
    await put({ kind: 'other' });
    expect(await jobs()).toHaveLength(3);
  });

  it('leaves a waiting job as it is for whoever has nothing new to tell', async () => {
    await put({ runAt: toIso(time.now + MINUTE), payload: { looks: 1 } });
    await put({ patient: true });
    expect(await due()).toEqual([60]);
    await put({ subject: 'b', patient: true });
    expect(await jobs()).toHaveLength(2);
  });

  it('adds nothing to a job that runs at once anyway, and something to any other', async () => {
    await put({ payload: { looks: 1 } });
    await put({ payload: { looks: 1 }, hint: true });
    expect(await jobs()).toHaveLength(1);
    await put({ payload: { looks: 2 }, hint: true });
    expect(await jobs()).toMatchObject([{ payload: { looks: 2 } }]);
    await put({ subject: 'late', runAt: toIso(time.now + MINUTE) });
    await put({ subject: 'late', hint: true });
    expect(await due()).toEqual([0, 0]);
  });

  it('refuses a plan that it would take for one from before the clock was set back', async () => {
    await expect(put({ runAt: toIso(time.now + 3 * HOUR) })).rejects.toThrow(/too far ahead/);
    await put({ runAt: toIso(time.now + 2 * HOUR) });
    expect(await worker(fine).drain()).toBe(0);
  });

  it('never runs one subject twice at once, and runs what came meanwhile afterwards', async () => {
    const first = gate();
    let runs = 0;
    const look: Handler = async () => {
      runs += 1;
      if (runs > 1) return undefined;
      first.came();
      await first.opened;
      return undefined;
    };
    const [one, two] = [worker(look), worker(look, { db: database().another() })];
    await put();
    const draining = one.drain();
    await first.arrived;
    await put();
    expect(await jobs()).toHaveLength(2);
    expect(await two.drain()).toBe(0);
    expect(await two.runNow('look', 'a')).toBe('elsewhere');
    expect(runs).toBe(1);
    first.open();
    await draining;
    await two.drain();
    expect(runs).toBe(2);
    expect(await jobs()).toEqual([]);
  });

  it('runs each of many jobs once, however many workers there are', async () => {
    const seen = new Map<string, number>();
    const look: Handler = async ({ subject }) => void seen.set(subject, (seen.get(subject) ?? 0) + 1);
    for (let i = 0; i < 40; i++) await put({ subject: `s${i}` });
    const many = [1, 2, 3].map(() => worker(look, { db: database().another() }));
    await Promise.all(many.map((each) => each.drain()));
    for (const each of many) await each.drain();
    expect(seen.size).toBe(40);
    expect(new Set(seen.values())).toEqual(new Set([1]));
    expect(await jobs()).toEqual([]);
  });

  it('waits longer after each failure, shows what is stuck, and forgets it all after a success', async () => {
    let broken = true;
    const { drain } = worker(async () => {
      if (broken) throw new Error('no luck');
      return undefined;
    });
    await put();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt++) {
      expect(await db.read(stuckJobs)).toHaveLength(attempt > 8 ? 1 : 0);
      expect(await drain()).toBe(1);
      waits.push(...(await due()));
      expect(await drain()).toBe(0);
      time.now = Date.parse((await jobs())[0]?.runAt ?? '');
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 3_600, 3_600, 3_600]);
    expect(await jobs()).toMatchObject([{ attempts: 10, lastError: 'no luck', leaseId: null, leaseUntil: null }]);
    expect(failures).toHaveLength(10);
    broken = false;
    expect(await drain()).toBe(1);
    expect(await jobs()).toEqual([]);
  });

  it('goes on waiting when a sweep comes by, and tries at once when something new is known', async () => {
    const { drain } = worker(async () => {
      throw new Error('no luck');
    });
    await put();
    for (let i = 0; i < 5; i++) {
      await drain();
      time.now = Date.parse((await jobs())[0]?.runAt ?? '');
    }
    await drain();
    await put({ patient: true });
    expect(await due()).toEqual([320]);
    expect(await jobs()).toMatchObject([{ attempts: 6 }]);
    await put({ hint: true });
    expect(await due()).toEqual([0]);
    expect(await jobs()).toMatchObject([{ attempts: 0, lastError: null }]);
  });

  it.each([
    ['a time', 90 * SECOND, 90],
    ['no time at all', 0, 1],
    ['next week', 7 * 24 * HOUR, 3_600],
  ])('believes a forge that names %s, whatever comes meanwhile', async (_what, retryAfterMs, seconds) => {
    let runs = 0;
    const { drain } = worker(async () => {
      runs += 1;
      throw new ForgeTrouble('rate_limited', 'too many requests', retryAfterMs);
    });
    await put();
    await drain();
    for (const more of [{}, { hint: true }, { patient: true }, { payload: { looks: 1 } }]) {
      await put(more);
      expect(await drain()).toBe(0);
      expect(await due()).toEqual([seconds]);
    }
    expect(await jobs()).toMatchObject([{ attempts: 1, payload: { looks: 1 }, lastError: 'too many requests' }]);
    time.now += seconds * SECOND;
    expect(await drain()).toBe(1);
    expect(runs).toBe(2);
  });

  it('lets what came meanwhile take the place of a failed job, at the time of its next attempt', async () => {
    const { drain } = worker(async () => {
      await put({});
      throw new ForgeTrouble('rate_limited', 'too many requests', MINUTE);
    });
    await put({ payload: { looks: 3 } });
    expect(await drain()).toBe(1);
    expect(await jobs()).toMatchObject([{ attempts: 1, payload: { looks: 3 }, leaseId: null }]);
    expect(await due()).toEqual([60]);
    await put();
    expect(await drain()).toBe(0);
  });

  it('plans the next look, which gives way to one that comes sooner but keeps its plans', async () => {
    const again = { afterMs: 30 * SECOND, payload: { looks: 1 } };
    const { drain } = worker(async ({ payload }) => (payload['looks'] === 2 ? { again } : undefined));
    await put({ payload: { looks: 2 } });
    await drain();
    expect(await jobs()).toMatchObject([{ payload: { looks: 1 }, attempts: 0 }]);
    expect(await due()).toEqual([30]);
    time.now += 30 * SECOND;
    expect(await drain()).toBe(1);
    expect(await jobs()).toEqual([]);

    const busy = worker(async ({ payload }) => {
      if (payload['looks'] !== 2) return undefined;
      await put();
      return { again };
    });
    await put({ payload: { looks: 2 } });
    const seen: unknown[] = [];
    const next = worker(async ({ payload }) => void seen.push(payload));
    expect(await busy.runNow('look', 'a')).toBe('done');
    expect(await due()).toEqual([0]);
    await next.drain();
    expect(seen).toEqual([{ looks: 1 }]);
  });

  it('does now what somebody waits for, and later what was planned', async () => {
    const seen: unknown[] = [];
    const { drain, runNow } = worker(async ({ payload }) => void seen.push(payload));
    expect(await runNow('look', 'a')).toBe('done');
    await put({ runAt: toIso(time.now + MINUTE), payload: { looks: 1 } });
    expect(await runNow('look', 'a')).toBe('done');
    expect(await due()).toEqual([60]);
    time.now += MINUTE;
    expect(await drain()).toBe(1);
    expect(seen).toEqual([{}, { looks: 1 }, { looks: 1 }]);
    expect(await jobs()).toEqual([]);
  });

  it('throws what goes wrong at whoever waits, and tries again all the same', async () => {
    let broken = true;
    const { drain, runNow } = worker(async () => {
      if (broken) throw new ForgeTrouble('timeout', 'the forge is slow');
      return undefined;
    });
    await expect(runNow('look', 'a')).rejects.toThrow('the forge is slow');
    expect(await jobs()).toMatchObject([{ attempts: 1, lastError: 'the forge is slow' }]);
    broken = false;
    expect(await runNow('look', 'a')).toBe('done');
    expect(await jobs()).toEqual([]);
    expect(await drain()).toBe(0);
  });

  it('tells of a kind that nobody knows and tries it again, for a newer version may know it', async () => {
    const { drain } = worker(fine);
    await put({ kind: 'from-the-future' });
    expect(await drain()).toBe(1);
    expect(failures).toEqual(['nobody knows how to do "from-the-future"']);
    expect(await due()).toEqual([10]);
  });

  /** As a process that died in the middle left it. */
  async function crash(): Promise<void> {
    const stuck = gate();
    const dying = worker(async () => {
      stuck.came();
      await stuck.opened;
      throw new Error('a dead process says nothing');
    });
    void dying.drain();
    await stuck.arrived;
    workers.pop();
  }

  it('takes over from a process that died, when its lease has run out', async () => {
    const ran: string[] = [];
    const { drain } = worker(async ({ subject }) => void ran.push(subject));
    await put({ payload: { looks: 1 } });
    await crash();
    time.now += LEASE_MS;
    expect(await drain()).toBe(0);
    time.now += SECOND;
    expect(await drain()).toBe(1);
    expect(ran).toEqual(['a']);
    expect(await jobs()).toEqual([]);
  });

  it('takes over its plans too, where another look waits already', async () => {
    const seen: unknown[] = [];
    const { drain } = worker(async ({ payload }) => void seen.push(payload));
    await put({ payload: { looks: 1 } });
    await crash();
    await put();
    time.now += LEASE_MS + SECOND;
    expect(await drain()).toBe(1);
    expect(seen).toEqual([{ looks: 1 }]);
    expect(await jobs()).toEqual([]);
  });

  it.each<[string, () => ReturnType<Handler>]>([
    ['a result', async () => ({ again: { afterMs: MINUTE, payload: { looks: 1 } } })],
    ['a failure', () => Promise.reject(new ForgeTrouble('timeout', 'the forge is slow'))],
  ])('lets whoever lost his lease write nothing, not even %s', async (_what, outcome) => {
    const late = gate();
    let ended: unknown;
    let lease: Lease | undefined;
    const slow = worker(async (_job, given) => {
      lease = given;
      late.came();
      await late.opened;
      return outcome();
    });
    await put();
    const draining = slow.drain();
    await late.arrived;
    time.now += LEASE_MS + SECOND;
    const other = gate();
    const taking = worker(
      async () => {
        other.came();
        await other.opened;
        return undefined;
      },
      { db: database().another() },
    );
    const taken = taking.drain();
    await other.arrived;
    await db
      .tx(async (tx) => lease?.check(tx))
      .catch((error: unknown) => {
        ended = error;
      });
    expect(ended).toMatchObject({ message: 'the lease was lost' });
    const [before] = await jobs();
    late.open();
    await draining;
    expect(await jobs()).toEqual([before]);
    other.open();
    await taken;
    expect(await jobs()).toEqual([]);
  });

  it.each([
    ['an hour and a half', 90 * MINUTE],
    ['a month', 30 * 24 * HOUR],
  ])('goes on after its clock was set back by %s', async (_what, ms) => {
    const ran: string[] = [];
    const { drain } = worker(async ({ subject }) => void ran.push(subject));
    await put({ subject: 'leased' });
    await crash();
    await put({ subject: 'planned', runAt: toIso(time.now + HOUR) });
    time.now -= ms;
    await drain();
    // What was leased is free at once; what was planned is so where no plan of ours can be.
    expect(ran.sort()).toEqual(['leased', 'planned']);
    expect(await jobs()).toEqual([]);
  });

  it('works by itself between start and stop, and lets what runs end', async () => {
    const running = gate();
    let ended = false;
    const one = worker(async () => {
      running.came();
      await running.opened;
      ended = true;
      return undefined;
    });
    await put();
    one.start();
    await running.arrived;
    const stopping = one.stop();
    expect(ended).toBe(false);
    running.open();
    await stopping;
    expect(ended).toBe(true);
    await put();
    expect(await jobs()).toHaveLength(1);
  });
});
