import { HOUR, SECOND, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { together } from '../db/together.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { freeMendedAccounts } from './event-setback.ts';
import type { Applied } from './fulfil.ts';
import { LEASE_MS, type Lone, type LookDeps, locate, look } from './look-events.ts';
import { findAccount } from './store-accounts.ts';
import {
  dueEvents,
  freeCrashedWork,
  type Hold,
  hasCrashedWork,
  heldAccounts,
  leaseEvent,
  takeSubject,
  type WorkTimes,
} from './store-event-work.ts';
import { findEvent } from './store-events.ts';

export interface EventWorker {
  start(): void;
  /** Lets what is under way end, for as long as a provider may take to answer. */
  stop(): Promise<void>;
  /** Something came in: looks at once instead of in a moment. */
  kick(): void;
  /** Works on everything that is due now and waits for it. Returns the number of looks. */
  drain(): Promise<number>;
  /**
   * Looks at a subject at once, with or without an event of it. `elsewhere`: somebody else is at it just now. Throws what the
   * provider's trouble is; its events, if it has any, are tried again by themselves.
   */
  syncNow(accountId: string, subject: string): Promise<Applied | { state: 'elsewhere'; detail: string }>;
  /** Works on one pending event at once, whatever its time. `elsewhere` also where it is not pending. */
  workNow(eventId: string): Promise<'worked' | 'elsewhere'>;
}

const IDLE_MS = 500;
const PARALLEL = 16;
/** Of one account: a provider that does not answer leaves room for the others. */
const PARALLEL_OF_ACCOUNT = 12;
/** Fewer must be under way before more is claimed, so that one claim serves several. */
const FEW = PARALLEL_OF_ACCOUNT / 2;
/** Looks that share a commit; more would let a delivery wait too long for its own. */
const SHARED = 4;
/** While deliveries come in: so long between two claims, which take no more than one commit's worth. Answers go before work. */
const PAUSE_MS = 40;
/** Beyond any lease, pause or hold of ours. */
export const FARTHEST_MS = 2 * HOUR;
const LONGEST_STOP_MS = 30 * SECOND;

/** Works on what providers told: a subject at a time, read afresh under its lock, written in one transaction with its events. */
export function makeEventWorker(ground: LookDeps): EventWorker {
  const deps = { ...ground, db: together(ground.db, SHARED) };
  const { db, clock } = deps;
  const running = new Map<Promise<void>, string>();
  let stopped = true;
  let more = false;
  let kicked = false;
  let arriving = false;
  let pausing = false;
  let filling: Promise<unknown> | null = null;
  let timer: NodeJS.Timeout | undefined;

  function begin(accountId: string, task: () => Promise<unknown>): Promise<void> {
    const work: Promise<void> = task()
      .then(
        () => undefined,
        (error: unknown) => deps.onTrouble(error, { account: accountId, subject: '' }),
      )
      .then(() => {
        running.delete(work);
        if (more && running.size <= FEW && !pausing) wake();
      });
    running.set(work, accountId);
    return work;
  }

  async function fill(most = PARALLEL): Promise<number> {
    const room = Math.min(most, PARALLEL - running.size);
    const times = timesAt(clock());
    if (room <= 0 || !(await db.read((tx) => isAnythingDue(tx, times)))) {
      more = room <= 0;
      return 0;
    }
    const tasks = await db.tx((tx) => claim(tx, times, room, [...running.values()]));
    for (const task of tasks) void begin(task.accountId, () => ('id' in task ? locate(deps, task) : look(deps, task)));
    more = tasks.length > 0;
    return tasks.length;
  }

  function wake(): void {
    if (stopped) return;
    kicked = filling !== null;
    if (filling) return;
    clearTimeout(timer);
    pausing = arriving;
    arriving = false;
    filling = fill(pausing ? SHARED : PARALLEL)
      .catch((error: unknown) => deps.onTrouble(error, { account: '', subject: '' }))
      .finally(() => {
        filling = null;
        if (stopped) return;
        if (pausing) timer = setTimeout(resume, PAUSE_MS);
        else if (kicked) wake();
        else timer = setTimeout(wake, IDLE_MS);
      });
  }

  function resume(): void {
    pausing = false;
    wake();
  }

  function kick(): void {
    arriving = true;
    if (!pausing) wake();
  }

  return {
    start() {
      stopped = false;
      wake();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await filling;
      await atMost(Promise.allSettled(running.keys()), LONGEST_STOP_MS);
    },
    kick,
    async drain() {
      for (let done = 0; ; ) {
        const wasBusy = running.size > 0;
        const begun = running.size <= FEW ? await fill() : 0;
        done += begun;
        if (running.size > 0) await Promise.race(running.keys());
        else if (begun === 0 && !wasBusy) return done;
      }
    },
    async syncNow(accountId, named) {
      const subject = await mainSubject(deps, accountId, named);
      const hold = { accountId, subject, leaseId: newId('lease') };
      const taken = await db.tx((tx) => takeNow(tx, hold, timesAt(clock())));
      if (!taken) return { state: 'elsewhere', detail: 'somebody else looks at it just now' };
      const looked = await look(deps, hold);
      if (looked.state === 'failed') throw looked.error;
      return looked;
    },
    async workNow(eventId) {
      const leaseId = newId('lease');
      const times = timesAt(clock());
      const task = await db.tx(async (tx): Promise<Hold | Lone | null> => {
        const event = await findEvent(tx, eventId);
        if (!event) throw problem('NOT_FOUND');
        const { id, accountId, subject } = event;
        if (event.state !== 'pending') return null;
        if (subject !== '')
          return (await takeNow(tx, { accountId, subject, leaseId }, times)) ? { accountId, subject, leaseId } : null;
        return (await leaseEvent(tx, id, leaseId, times.leaseUntil)) ? { id, accountId, leaseId } : null;
      });
      if (task === null) return 'elsewhere';
      await begin(task.accountId, () => ('id' in task ? locate(deps, task) : look(deps, task)));
      return 'worked';
    },
  };
}

/** The one name of a subject, under which its events are too. */
async function mainSubject({ db, gateways }: LookDeps, accountId: string, subject: string): Promise<string> {
  const account = await db.read((tx) => findAccount(tx, accountId));
  return (account && gateways[account.provider]?.mainSubject?.(subject)) ?? subject;
}

function timesAt(now: number): WorkTimes {
  return { now: toIso(now), leaseUntil: toIso(now + LEASE_MS), farthest: toIso(now + FARTHEST_MS) };
}

/** A read, so that an idle server writes nothing. */
async function isAnythingDue(tx: Tx, times: WorkTimes): Promise<boolean> {
  if ((await dueEvents(tx, times, [], 1, false)).length > 0) return true;
  return (await hasCrashedWork(tx, times)) || (await heldAccounts(tx)).length > 0;
}

async function takeNow(tx: Tx, hold: Hold, times: WorkTimes): Promise<boolean> {
  await freeCrashedWork(tx, times);
  return takeSubject(tx, hold, times.leaseUntil);
}

/** Takes what is due, each subject once. */
async function claim(tx: Tx, times: WorkTimes, room: number, busy: readonly string[]): Promise<(Hold | Lone)[]> {
  await freeCrashedWork(tx, times);
  await freeMendedAccounts(tx, times.now);
  const places = new Map<string, number>();
  for (const accountId of busy) places.set(accountId, (places.get(accountId) ?? 0) + 1);
  const full = [...places].filter(([, number]) => number >= PARALLEL_OF_ACCOUNT).map(([accountId]) => accountId);
  const due = await dueEvents(tx, times, full, room * 4, true);
  const wanted = new Map(
    due.map((event) => [event.subject === '' ? event.id : `${event.accountId} ${event.subject}`, event]),
  );
  const chosen = [...wanted.values()].filter(({ accountId }) => {
    const number = places.get(accountId) ?? 0;
    places.set(accountId, number + 1);
    return number < PARALLEL_OF_ACCOUNT;
  });
  const tasks: (Hold | Lone)[] = [];
  // In one order everywhere, so that two servers wait for each other's locks in no circle.
  const keyOf = ({ accountId, subject }: { accountId: string; subject: string }) => `${accountId} ${subject}`;
  for (const { id, accountId, subject } of chosen.slice(0, room).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const leaseId = newId('lease');
    if (subject === '') {
      if (await leaseEvent(tx, id, leaseId, times.leaseUntil)) tasks.push({ id, accountId, leaseId });
    } else if (await takeSubject(tx, { accountId, subject, leaseId }, times.leaseUntil)) {
      tasks.push({ accountId, subject, leaseId });
    }
  }
  return tasks;
}

async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, end]);
  clearTimeout(timer);
}
