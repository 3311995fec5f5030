import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, MINUTE, SECOND } from '../clock.ts';
import { NO_STRIKES, type Strikes, struck } from './strike.ts';

const T = Date.UTC(2026, 0, 1);

/** The seconds that each miss at these instants is told to wait. */
function waits(times: number[], from: Strikes = NO_STRIKES): (number | null)[] {
  let state = from;
  return times.map((at) => {
    const { after, retryAfterSeconds } = struck(state, at);
    state = after;
    return retryAfterSeconds;
  });
}

const five = (from: number) => [0, 1, 2, 3, 4].map((i) => from + i);

describe('keys that nobody has', () => {
  it('lock a network with the fifth in five minutes, which is refused itself', () => {
    expect(waits(five(T))).toEqual([null, null, null, null, 30]);
    expect(waits([0, 1, 2, 3, 5].map((minutes) => T + minutes * MINUTE))).toEqual([null, null, null, null, null]);
    expect(waits([0, 1, 2, 3, 5].map((minutes) => T + minutes * MINUTE - (minutes === 5 ? 1 : 0)))[4]).toBe(30);
  });

  it('are told how long to wait, rounded up, and count nothing meanwhile', () => {
    const last = T + 4;
    expect(waits([...five(T), last + 1, last + 29_999, last + 30_000])).toEqual([
      ...[null, null, null, null, 30],
      ...[30, 1, null],
    ]);
  });

  it('lock for twice as long each time, half an hour at most', () => {
    const seen: (number | null)[] = [];
    let at = T;
    let state = NO_STRIKES;
    for (let i = 0; i < 9; i++) {
      for (const time of five(at)) {
        const { after, retryAfterSeconds } = struck(state, time);
        state = after;
        if (retryAfterSeconds !== null) seen.push(retryAfterSeconds);
      }
      at = (state.lockedUntil ?? at) + SECOND;
    }
    expect(seen).toEqual([30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800]);
  });

  it('are forgotten a day after the last lock', () => {
    const locked: Strikes = { misses: [], locks: 4, lockedUntil: T };
    expect(waits(five(T + DAY), locked)[4]).toBe(30);
    expect(waits(five(T + DAY - 5), locked)[4]).toBe(480);
  });

  it('never lock for longer than half an hour, whatever the times, and keep few instants', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -DAY, max: DAY }), { maxLength: 60 }), (offsets) => {
        let state = NO_STRIKES;
        for (const offset of offsets) {
          const { after, retryAfterSeconds } = struck(state, T + offset);
          state = after;
          expect(state.misses.length).toBeLessThan(5);
          if (retryAfterSeconds !== null) expect(retryAfterSeconds).toBeGreaterThan(0);
          expect((state.lockedUntil ?? 0) - (T + DAY)).toBeLessThanOrEqual(30 * MINUTE);
        }
      }),
    );
  });
});
