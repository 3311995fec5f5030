import { type Clock, DAY, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { enqueue } from './store.ts';

/** What is done again and again, in each instance; none of it minds being done twice. */
export interface Chores {
  /** Everything that the sweep looks at. */
  subjectsToSweep(db: Db): Promise<string[]>;
  sweepKind: string;
  rollUp(): Promise<number>;
  /** What payment providers list. */
  often(): Promise<void>;
  /** Licenses that end soon, orders that are open. */
  hourly(): Promise<void>;
  /** Hooks that drifted, raw bodies that are old, shares of keyless polls. */
  daily(): Promise<void>;
  onError(error: unknown, what: string): void;
}

export interface Schedule {
  start(): void;
  stop(): void;
}

export interface ScheduleDeps {
  db: Db;
  clock: Clock;
  sweepMinutes: number;
  chores: Chores;
}

const ROLL_UP_EVERY = 10 * SECOND;
const OFTEN = 5 * MINUTE;

/** A sweep means "look again" for every repository, so that a lost hook loses nothing. */
export function makeSchedule({ db, clock, sweepMinutes, chores }: ScheduleDeps): Schedule {
  const timers: NodeJS.Timeout[] = [];

  async function sweep(): Promise<void> {
    const now = toIso(clock());
    const subjects = await chores.subjectsToSweep(db);
    for (const subject of subjects)
      await db.tx((tx) => enqueue(tx, { kind: chores.sweepKind, subject, runAt: now, patient: true }, now));
  }

  function every(ms: number, what: string, chore: () => Promise<unknown>, soon = false): void {
    const run = () => {
      chore().catch((error: unknown) => chores.onError(error, what));
    };
    if (soon) run();
    const timer = setInterval(run, ms);
    timer.unref();
    timers.push(timer);
  }

  return {
    start() {
      every(sweepMinutes * MINUTE, 'the sweep', sweep, true);
      every(ROLL_UP_EVERY, 'the roll-up of usage', () => chores.rollUp());
      every(OFTEN, 'the lists of payment providers', () => chores.often(), true);
      every(HOUR, 'the hourly chores', () => chores.hourly(), true);
      every(DAY, 'the daily chores', () => chores.daily());
      // The first of the day soon after the start, or a server restarted daily would never do them.
      const first = setTimeout(
        () => chores.daily().catch((error: unknown) => chores.onError(error, 'the daily chores')),
        MINUTE,
      );
      first.unref();
      timers.push(first);
    },
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
