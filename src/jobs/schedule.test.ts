import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { DAY, MINUTE, SECOND, toIso } from '../clock.ts';
import { type Chores, makeSchedule, type Schedule } from './schedule.ts';
import { enqueue } from './store.ts';

const NOW = Date.UTC(2026, 2, 1, 12);

onEachDatabase('the schedule', (database) => {
  let schedule: Schedule;
  let done: string[];
  let troubles: string[];
  let subjects: string[];
  let broken: boolean;

  beforeEach(async () => {
    [done, troubles, subjects, broken] = [[], [], ['a', 'b'], false];
    await database().db.tx((tx) => tx('jobs').delete());
    const chores: Chores = {
      sweepKind: 'look',
      subjectsToSweep: async () => {
        done.push('sweep');
        if (broken) throw new Error('no database');
        return subjects;
      },
      rollUp: async () => done.push('roll-up'),
      often: async () => void done.push('often'),
      hourly: async () => void done.push('hourly'),
      daily: async () => void done.push('daily'),
      onError: (_error, what) => void troubles.push(what),
    };
    schedule = makeSchedule({ db: database().db, clock: () => NOW, sweepMinutes: 15, chores });
  });
  afterEach(() => {
    schedule.stop();
    vi.useRealTimers();
  });

  const waiting = async () => {
    const rows = await database().db.read((tx) => tx('jobs').orderBy('subject').select('kind', 'subject', 'run_at'));
    return rows.map((row) => `${row.kind} ${row.subject} ${row.run_at}`);
  };

  it('sweeps everything at its start', async () => {
    schedule.start();
    await vi.waitUntil(async () => (await waiting()).length === 2, { timeout: 10_000 });
    expect(await waiting()).toEqual([`look a ${toIso(NOW)}`, `look b ${toIso(NOW)}`]);
  });

  it('leaves what waits already as it is', async () => {
    const later = toIso(NOW + MINUTE);
    await database().db.tx((tx) => enqueue(tx, { kind: 'look', subject: 'a', runAt: later }, toIso(NOW)));
    schedule.start();
    await vi.waitUntil(async () => (await waiting()).length === 2, { timeout: 10_000 });
    expect(await waiting()).toEqual([`look a ${later}`, `look b ${toIso(NOW)}`]);
  });

  it('does each thing at its time, and the daily ones soon after the start too', () => {
    vi.useFakeTimers();
    subjects = [];
    schedule.start();
    const during = (ms: number) => {
      done.length = 0;
      vi.advanceTimersByTime(ms);
      const count = (what: string) => done.filter((each) => each === what).length;
      return { sweep: count('sweep'), rollUp: count('roll-up'), hourly: count('hourly'), daily: count('daily') };
    };
    expect(during(59 * SECOND)).toEqual({ sweep: 0, rollUp: 5, hourly: 0, daily: 0 });
    expect(during(SECOND)).toEqual({ sweep: 0, rollUp: 1, hourly: 0, daily: 1 });
    expect(during(14 * MINUTE)).toEqual({ sweep: 1, rollUp: 84, hourly: 0, daily: 0 });
    expect(during(DAY - 15 * MINUTE)).toMatchObject({ sweep: 95, hourly: 24, daily: 1 });
    schedule.stop();
    expect(during(DAY)).toEqual({ sweep: 0, rollUp: 0, hourly: 0, daily: 0 });
  });

  it('tells of a chore that failed and goes on', async () => {
    vi.useFakeTimers();
    broken = true;
    schedule.start();
    await vi.advanceTimersByTimeAsync(15 * MINUTE);
    expect(troubles).toEqual(['the sweep', 'the sweep']);
  });
});
