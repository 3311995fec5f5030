import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeIncludes } from '../../src/releases/target-range.ts';
import { targetRegexp } from './target-regexp.ts';

/** As Joomla does it: after `/^`, against its full version. */
function joomlaMatches(pattern: string, version: string): boolean {
  return new RegExp(`^${pattern}`).test(version);
}

describe('the pattern of a range', () => {
  it.each([
    ['4.4', '6', '(4\\.([4-9]|[1-9][0-9]+)|[5-6]\\.[0-9]+)(\\.|$)'],
    ['5', '5', '(5\\.[0-9]+)(\\.|$)'],
    ['5.2', '5.2', '(5\\.2)(\\.|$)'],
    ['4', '5.2', '(4\\.[0-9]+|5\\.[0-2])(\\.|$)'],
    ['4.4', '5.2', '(4\\.([4-9]|[1-9][0-9]+)|5\\.[0-2])(\\.|$)'],
    ['4.4', null, '(4\\.([4-9]|[1-9][0-9]+)|([5-9]|[1-9][0-9]+)\\.[0-9]+)(\\.|$)'],
    ['9', '12', '((9|1[0-2])\\.[0-9]+)(\\.|$)'],
    [null, null, '([0-9]+\\.[0-9]+)(\\.|$)'],
    ['6', '5', '((?!))(\\.|$)'],
  ])('%s to %s', (min, max, pattern) => {
    expect(targetRegexp({ min, max })).toBe(pattern);
  });

  it('agrees with the range for every end and every Joomla version, and holds no slash', () => {
    const part = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 130 }));
    const end = fc.option(
      fc.oneof(
        part.map(String),
        fc.tuple(part, part).map((parts) => parts.join('.')),
      ),
    );
    const tail = fc.constantFrom('', '.0', '.1', '.12', '.0-alpha1', '.1-dev', '.0-rc2');
    const version = fc.tuple(part, part, tail).map(([major, minor, rest]) => `${major}.${minor}${rest}`);
    fc.assert(
      fc.property(end, end, version, (min, max, joomla) => {
        const pattern = targetRegexp({ min, max });
        expect(pattern).not.toContain('/');
        expect(joomlaMatches(pattern, joomla)).toBe(rangeIncludes({ min, max }, joomla));
      }),
      { numRuns: 3_000 },
    );
  });

  it('agrees on a full grid of small versions', () => {
    const ends = [
      null,
      ...['3', '4', '5', '6', '10'].flatMap((major) => [major, `${major}.0`, `${major}.2`, `${major}.10`]),
    ];
    const versions = [3, 4, 5, 6, 7, 10, 40].flatMap((major) =>
      [0, 1, 2, 3, 9, 10, 11, 20].map((minor) => `${major}.${minor}.1`),
    );
    for (const min of ends) {
      for (const max of ends) {
        const pattern = targetRegexp({ min, max });
        const matched = versions.filter((version) => joomlaMatches(pattern, version));
        expect(matched).toEqual(versions.filter((version) => rangeIncludes({ min, max }, version)));
      }
    }
  });
});
