import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND, toIso } from '../clock.ts';
import { type AttemptState, afterAttempt, DISABLE_AFTER, type Outcome, SCHEDULE } from './retry-plan.ts';

const NOW = Date.UTC(2026, 0, 1);
const outcome = (status: number | null, retryAfter: string | null = null): Outcome => {
  return { status, retryAfter, error: null, durationMs: 1, answer: '' };
};
const fresh: AttemptState = { step: 0, isTest: false, active: true, failingSince: null };

describe('what comes after an attempt', () => {
  it.each([200, 201, 204, 299])('%s is success and ends a time of failures', (status) => {
    expect(afterAttempt(outcome(status), { ...fresh, step: 3, failingSince: toIso(NOW - DAY) }, NOW, 0)).toEqual({
      ...{ state: 'delivered', step: 3, nextAttemptAt: null, failingSince: null, heldUntil: null, disable: null },
    });
  });

  it.each([null, 100, 301, 302, 307, 400, 401, 404, 500])('%s is a failure, tried again', (status) => {
    expect(afterAttempt(outcome(status), fresh, NOW, 0)).toEqual({
      ...{ state: 'waiting', step: 1, nextAttemptAt: toIso(NOW + 5 * SECOND) },
      ...{ failingSince: toIso(NOW), heldUntil: null, disable: null },
    });
  });

  it('keeps the schedule of the spec, over three days, with at most a tenth more', () => {
    for (const [dice, share] of [
      [0, 1],
      [1, 1.1],
    ] as const) {
      let now = NOW;
      let step = 0;
      for (;;) {
        const next = afterAttempt(outcome(500), { ...fresh, step }, now, dice);
        if (next.nextAttemptAt === null) break;
        const wait = Date.parse(next.nextAttemptAt) - now;
        expect(wait).toBe(Math.round((SCHEDULE[step + 1] ?? 0) * share));
        now += wait;
        step = next.step;
      }
      expect(step).toBe(9);
      expect((now - NOW) / HOUR).toBeCloseTo(75.5847 * share, 3);
    }
  });

  it.each([
    [429, null, MINUTE, 5 * SECOND],
    [503, '120', 2 * MINUTE, 2 * MINUTE],
    [502, toIso(NOW + HOUR), HOUR, HOUR],
    [504, '9999999', DAY, DAY],
    [429, 'soon', MINUTE, 5 * SECOND],
    [429, '-5', MINUTE, 5 * SECOND],
  ])('%s with Retry-After %s holds up the endpoint', (status, header, held, wait) => {
    const next = afterAttempt(outcome(status, header), fresh, NOW, 0);
    expect(next.heldUntil).toBe(toIso(NOW + held));
    expect(next.nextAttemptAt).toBe(toIso(NOW + wait));
  });

  it('Retry-After counts with every failure, for this delivery', () => {
    const next = afterAttempt(outcome(500, '60'), fresh, NOW, 0);
    expect(next).toMatchObject({ heldUntil: null, nextAttemptAt: toIso(NOW + MINUTE) });
  });

  it('410 switches the endpoint off at once', () => {
    expect(afterAttempt(outcome(410), fresh, NOW, 0)).toMatchObject({ state: 'failed', disable: 'gone' });
  });

  it('five days of nothing but failures switch it off when a delivery is given up, and not before', () => {
    const last = { ...fresh, step: SCHEDULE.length - 1 };
    const since = (ms: number) => ({ failingSince: toIso(NOW - ms) });
    expect(afterAttempt(outcome(500), { ...last, ...since(DISABLE_AFTER) }, NOW, 0)).toMatchObject({
      disable: 'failing',
    });
    expect(afterAttempt(outcome(500), { ...last, ...since(DISABLE_AFTER - 1) }, NOW, 0)).toMatchObject({
      ...{ state: 'failed', disable: null },
    });
    expect(afterAttempt(outcome(500), { ...fresh, ...since(30 * DAY) }, NOW, 0)).toMatchObject({
      ...{ state: 'waiting', disable: null },
    });
  });

  it('a test is tried once and changes nothing', () => {
    const test = { ...fresh, isTest: true };
    expect(afterAttempt(outcome(410), test, NOW, 0)).toMatchObject({
      state: 'failed',
      disable: null,
      failingSince: null,
    });
    const failing = { ...test, failingSince: toIso(NOW - DAY) };
    expect(afterAttempt(outcome(200), failing, NOW, 0)).toMatchObject({ failingSince: failing.failingSince });
  });

  it('what fails while its endpoint is off is given up', () => {
    expect(afterAttempt(outcome(500), { ...fresh, active: false }, NOW, 0)).toMatchObject({ state: 'failed' });
  });
});
