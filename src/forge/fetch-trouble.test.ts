import { describe, expect, it } from 'vitest';
import { ForgeTrouble } from '../errors.ts';
import { troubleOf, troubleOfAnswer } from './fetch-trouble.ts';

const NOW = Date.parse('2026-11-22T18:00:00Z');

function judge(status: number, headers: Record<string, string> = {}, text = '') {
  const trouble = troubleOfAnswer({ status, header: (name) => headers[name] ?? null, text }, 'GET https://f', NOW);
  return trouble && [trouble.reason, trouble.retryAfterMs];
}

describe('troubleOfAnswer', () => {
  it.each([
    ['a dead token', 401, {}, '', ['unauthorized', undefined]],
    ['too many requests', 429, {}, '', ['rate_limited', 60_000]],
    ['a wait in seconds', 429, { 'retry-after': '7' }, '', ['rate_limited', 7_000]],
    ['a wait as a date', 429, { 'retry-after': 'Sun, 22 Nov 2026 18:00:30 GMT' }, '', ['rate_limited', 30_000]],
    ['a date in the past', 429, { 'retry-after': 'Sun, 22 Nov 2026 17:00:00 GMT' }, '', ['rate_limited', 0]],
    ['a wait of days', 429, { 'retry-after': '999999' }, '', ['rate_limited', 3_600_000]],
    ['a wait that says nothing', 429, { 'retry-after': 'soon' }, '', ['rate_limited', 60_000]],
    [
      'an exhausted limit',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 90) },
      '',
      ['rate_limited', 90_000],
    ],
    ['a secondary limit by header', 403, { 'retry-after': '60' }, '', ['rate_limited', 60_000]],
    [
      'a secondary limit by text',
      403,
      {},
      '{"message":"You have exceeded a secondary rate limit."}',
      ['rate_limited', 60_000],
    ],
    ['a missing right', 403, { 'x-ratelimit-remaining': '4999' }, '{"message":"no"}', null],
    ['a broken server', 500, {}, '', ['bad_answer', undefined]],
    ['maintenance', 503, { 'retry-after': '120' }, '', ['bad_answer', 120_000]],
    ['an answer', 200, { 'x-ratelimit-remaining': '0' }, '', null],
    ['nothing new', 304, {}, '', null],
    ['nothing there', 404, {}, '', null],
  ] as const)('%s', (_name, status, headers, text, expected) => {
    expect(judge(status, { ...headers }, text)).toEqual(expected);
  });
});

describe('troubleOf', () => {
  it('finds the trouble inside a wrapped error', () => {
    const trouble = new ForgeTrouble('timeout', 'too slow');
    expect(troubleOf(trouble)).toBe(trouble);
    expect(troubleOf(new Error('outer', { cause: new Error('inner', { cause: trouble }) }))).toBe(trouble);
  });

  it('finds none in another error', () => {
    const circle = new Error('a');
    circle.cause = circle;
    expect(troubleOf(circle)).toBeNull();
    expect(troubleOf('text')).toBeNull();
  });
});
