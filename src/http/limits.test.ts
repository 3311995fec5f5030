import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeFloodLimiter } from './limits.ts';

const T = 1_000_000;

describe('makeFloodLimiter', () => {
  it('lets a burst through, then as many as flow back', () => {
    const limiter = makeFloodLimiter({ burst: 2, perSecond: 0.5, networks: 10 });
    expect(limiter.take('a', T)).toEqual({ allowed: true, retryAfterSeconds: 0 });
    expect(limiter.take('a', T).allowed).toBe(true);
    expect(limiter.take('a', T)).toEqual({ allowed: false, retryAfterSeconds: 2 });
    expect(limiter.take('a', T + 1_500)).toEqual({ allowed: false, retryAfterSeconds: 1 });
    expect(limiter.take('a', T + 2_000).allowed).toBe(true);
    expect(limiter.take('a', T + 2_000).allowed).toBe(false);
  });

  it('never saves up more than the burst', () => {
    const limiter = makeFloodLimiter({ burst: 2, perSecond: 1, networks: 10 });
    limiter.take('a', T);
    const later = T + 3_600_000;
    expect([1, 2, 3].map(() => limiter.take('a', later).allowed)).toEqual([true, true, false]);
  });

  it('keeps networks apart', () => {
    const limiter = makeFloodLimiter({ burst: 1, perSecond: 1, networks: 10 });
    expect([limiter.take('a', T), limiter.take('b', T), limiter.take('a', T)].map(({ allowed }) => allowed)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('remembers a bounded number of networks and forgets the one silent the longest', () => {
    const limiter = makeFloodLimiter({ burst: 1, perSecond: 0.001, networks: 2 });
    limiter.take('a', T);
    limiter.take('b', T);
    limiter.take('a', T);
    limiter.take('c', T);
    expect(limiter.take('a', T).allowed).toBe(false);
    expect(limiter.take('b', T).allowed).toBe(true);
  });

  it('takes nothing away when the clock is set back, and gives nothing twice', () => {
    const limiter = makeFloodLimiter({ burst: 1, perSecond: 1, networks: 2 });
    limiter.take('a', T);
    expect(limiter.take('a', T - 60_000)).toEqual({ allowed: false, retryAfterSeconds: 1 });
    expect(limiter.take('a', T + 999).allowed).toBe(false);
    expect(limiter.take('a', T + 1_000).allowed).toBe(true);
  });

  it('keeps its word: who waits as long as told gets through', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), fc.constantFrom(0.1, 0.5, 1, 7), (waits, burst, perSecond) => {
        const limiter = makeFloodLimiter({ burst, perSecond, networks: 3 });
        let now = T;
        let allowed = 0;
        for (const wait of waits) {
          now += wait;
          const answer = limiter.take('a', now);
          if (answer.allowed) allowed += 1;
          else expect(limiter.take('a', now + answer.retryAfterSeconds * 1_000 + 1).allowed).toBe(true);
          if (!answer.allowed) break;
        }
        expect(allowed).toBeLessThanOrEqual(burst + ((now - T) / 1_000) * perSecond + 1e-6);
      }),
    );
  });
});
