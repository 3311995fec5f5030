import type { TargetRange } from '../../src/releases/release.ts';
import { partsOf } from '../../src/releases/target-range.ts';

const ANY = '[0-9]+';

/**
 * The `version` of `<targetplatform>`. Joomla puts it unescaped between `/^` and `/` and matches its own full version
 * (`5.2.1`, `6.0.0-alpha1`) against it; so there is no slash in it, the alternatives stand in one group, and the group
 * is closed by the next dot: `5.2` alone would match 5.20 too, and `4|5` would match 6.5.
 */
export function targetRegexp(range: TargetRange): string {
  const [minMajor = 0, minMinor = 0] = range.min === null ? [] : partsOf(range.min);
  const [maxMajor = null, maxMinor = null] = range.max === null ? [] : partsOf(range.max);
  return `(${alternatives(minMajor, minMinor, maxMajor, maxMinor).join('|') || '(?!)'})(\\.|$)`;
}

/** null as an upper end: none. */
function alternatives(minMajor: number, minMinor: number, maxMajor: number | null, maxMinor: number | null): string[] {
  if (maxMajor !== null && maxMajor < minMajor) return [];
  if (minMajor === maxMajor) return versions(minMajor, minMajor, minMinor, maxMinor);
  const wholeFrom = minMinor === 0 ? minMajor : minMajor + 1;
  const wholeTo = maxMajor === null || maxMinor === null ? maxMajor : maxMajor - 1;
  return [
    ...(minMinor === 0 ? [] : versions(minMajor, minMajor, minMinor, null)),
    ...versions(wholeFrom, wholeTo, 0, null),
    ...(maxMajor === null || maxMinor === null ? [] : versions(maxMajor, maxMajor, 0, maxMinor)),
  ];
}

/** Every `major.minor` with both in their ranges, as one alternative or none. */
function versions(majorFrom: number, majorTo: number | null, minorFrom: number, minorTo: number | null): string[] {
  const major = numbers(majorFrom, majorTo);
  const minor = numbers(minorFrom, minorTo);
  return major === '' || minor === '' ? [] : [`${major}\\.${minor}`];
}

/** A pattern of the whole numbers between two ends (null: no upper end) without leading zeros; empty if there are none. */
function numbers(from: number, to: number | null): string {
  if (from === 0 && to === null) return ANY;
  if (to !== null && from > to) return '';
  const patterns: string[] = [];
  let low = from;
  for (;;) {
    const digits = String(low).length;
    const last = 10 ** digits - 1;
    patterns.push(...sameLength(String(low), String(to === null ? last : Math.min(last, to))));
    low = last + 1;
    if (to === null) patterns.push(`[1-9]${'[0-9]'.repeat(digits - 1)}${ANY}`);
    if (to === null || low > to) break;
  }
  return patterns.length === 1 ? patterns.join('') : `(${patterns.join('|')})`;
}

/** Both ends have the same number of digits, and `low` is not above `high`. */
function sameLength(low: string, high: string): string[] {
  if (low === high) return [low];
  const [a = '', b = ''] = [low[0], high[0]];
  const rest = low.length - 1;
  if (rest === 0) return [digit(a, b)];
  if (a === b) return sameLength(low.slice(1), high.slice(1)).map((pattern) => a + pattern);
  const lowWhole = /^0*$/.test(low.slice(1));
  const highWhole = /^9*$/.test(high.slice(1));
  const middleFrom = Number(a) + (lowWhole ? 0 : 1);
  const middleTo = Number(b) - (highWhole ? 0 : 1);
  return [
    ...(lowWhole ? [] : sameLength(low.slice(1), '9'.repeat(rest)).map((pattern) => a + pattern)),
    ...(middleFrom > middleTo ? [] : [digit(String(middleFrom), String(middleTo)) + '[0-9]'.repeat(rest)]),
    ...(highWhole ? [] : sameLength('0'.repeat(rest), high.slice(1)).map((pattern) => b + pattern)),
  ];
}

function digit(from: string, to: string): string {
  return from === to ? from : `[${from}-${to}]`;
}
