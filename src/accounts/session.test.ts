import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, toIso } from '../clock.ts';
import { isSessionOver, localPath } from './session.ts';

const START = Date.UTC(2026, 0, 1);

describe('a session', () => {
  const session = { seenAt: toIso(START), expiresAt: toIso(START + 7 * DAY), endedAt: null };

  it.each([
    ['just used', {}, false, 0, false],
    ['unused for almost twelve hours', {}, false, 12 * HOUR - 1, false],
    ['unused for twelve hours', {}, false, 12 * HOUR, true],
    ["the operator's, unused for an hour", {}, true, HOUR, true],
    ['at its end, however busy', { seenAt: toIso(START + 7 * DAY) }, false, 7 * DAY, true],
    ['signed out', { endedAt: toIso(START) }, false, 0, true],
  ] as const)('%s', (_what, change, isOperator, after, over) => {
    expect(isSessionOver({ ...session, ...change }, isOperator, START + after)).toBe(over);
  });
});

describe('where to go after signing in', () => {
  it.each(['/', '/login', '/acme/hello?a=b&c=%2F#x', '/a//b'])('may be %s', (path) => {
    expect(localPath(path)).toBe(path);
  });

  it.each([
    ...[undefined, '', 'acme', 'https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example'],
    ...['/a\nb', '/ b', '\\\\evil.example', '/ä', `/${'a'.repeat(500)}`, '/.//evil.example', '/a/..//evil.example'],
  ])('may not be %j', (path) => {
    expect(localPath(path)).toBeNull();
  });

  it('never leads elsewhere, as browsers read it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'/\\.:@?#%a\t\n ') }), (text) => {
        const path = localPath(`/${text}`);
        if (path !== null) expect(new URL(path, 'https://here.example').host).toBe('here.example');
      }),
    );
  });
});
