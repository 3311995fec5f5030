import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTargetRange, partsOf, rangeIncludes, rangeWords } from './target-range.ts';

describe('what a vendor may write', () => {
  it.each<[unknown, string | null, string | null]>([
    ['4.4 - 6', '4.4', '6'],
    ['4.4-6', '4.4', '6'],
    ['4.4 – 6.1', '4.4', '6.1'],
    ['4.4 to 6', '4.4', '6'],
    ['  5 ', '5', '5'],
    ['5.x', '5', '5'],
    ['5.2.*', '5.2', '5.2'],
    ['5.10', '5.10', '5.10'],
    [5, '5', '5'],
    ['>=4.4', '4.4', null],
    ['>= 4.4 < 7', '4.4', '6'],
    ['>=4.4, <=5.2', '4.4', '5.2'],
    ['>4 <5.3', '5', '5.2'],
    ['>4.4', '4.5', null],
    ['<=6', null, '6'],
    ['<5.0', null, '4'],
    ['=5', '5', '5'],
    ['4.4+', '4.4', null],
    ['5 and later', '5', null],
    ['*', null, null],
    ['ALL', null, null],
    [{ min: '4.4', max: '6' }, '4.4', '6'],
    [{ min: 4 }, '4', null],
    [{ max: '5.x' }, null, '5'],
    [{ min: null, max: null }, null, null],
    ['05.02', '5.2', '5.2'],
  ])('%j', (value, min, max) => {
    expect(parseTargetRange(value)).toEqual({ ok: true, range: { min, max } });
  });

  it.each([
    '',
    'v5',
    '5.2.1',
    'five',
    '6 - 5',
    '5.3 - 5.2',
    '>=4 >=5',
    '=5 <6',
    '<0',
    '4||5',
    '1000',
    5.1,
    -1,
    Number.NaN,
    null,
    undefined,
    true,
    ['5'],
    { min: '6', max: '5' },
    { min: 'x' },
    { min: 4.4 },
    { from: '4' },
  ])('refuses %j in words', (value) => {
    const result = parseTargetRange(value);
    expect(result).toMatchObject({ ok: false, detail: expect.stringMatching(/\w+ \w+/) });
  });
});

describe('which versions lie in a range', () => {
  it.each([
    ['4.4', '6', '4.3.9', false],
    ['4.4', '6', '4.4.0', true],
    ['4.4', '6', '4.10.0', true],
    ['4.4', '6', '5.0.0-alpha1', true],
    ['4.4', '6', '6.12.3', true],
    ['4.4', '6', '7.0.0-dev', false],
    ['4.4', '6', '40.4.0', false],
    ['5', '5.2', '5.2.99', true],
    ['5', '5.2', '5.3.0', false],
    ['5', '5.2', '5.20.0', false],
    ['5', '5', '6', false],
    [null, '5', '3.10.12', true],
    [null, null, '99.1.0', true],
    [null, null, 'nonsense', false],
  ])('%s to %s: %s is %s', (min, max, version, included) => {
    expect(rangeIncludes({ min, max }, version)).toBe(included);
  });

  it('includes both ends of every range that is read', () => {
    const part = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const result = parseTargetRange(`${a}.${b} - ${c}.${d}`);
        const inOrder = a < c || (a === c && b <= d);
        expect(result.ok).toBe(inOrder);
        if (!result.ok) return;
        expect(rangeIncludes(result.range, `${a}.${b}.0`) && rangeIncludes(result.range, `${c}.${d}.7`)).toBe(true);
        expect(rangeIncludes(result.range, `${c}.${d + 1}.0`)).toBe(false);
      }),
    );
  });
});

describe('words', () => {
  it.each([
    ['4.4', '6', '4.4 to 6'],
    ['5', '5', '5'],
    ['4.4', null, '4.4 and later'],
    [null, '6', 'up to 6'],
    [null, null, 'all versions'],
  ])('%s, %s', (min, max, words) => {
    expect(rangeWords({ min, max })).toBe(words);
  });

  it('cuts a version into its first two numbers', () => {
    expect(partsOf('5.2.1')).toEqual([5, 2]);
    expect(partsOf('6')).toEqual([6]);
    expect(partsOf('x')).toEqual([]);
  });
});
