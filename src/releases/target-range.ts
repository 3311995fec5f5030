import type { TargetRange } from './release.ts';

export type RangeResult = { ok: true; range: TargetRange } | { ok: false; detail: string };

const PART_LIMIT = 999;
const VERSION = String.raw`(\d{1,3}(?:\.\d{1,3})?)(?:\.[x*])?`;
const ONE = new RegExp(`^${VERSION}$`);
const BETWEEN = new RegExp(`^${VERSION}\\s*(?:-|–|—|to|\\.\\.)\\s*${VERSION}$`);
const AND_LATER = new RegExp(`^${VERSION}\\s*(?:\\+|and later|or later)$`);
const COMPARISONS = new RegExp(`^(?:(?:>=|<=|>|<|=)\\s*${VERSION}[\\s,]*)+$`);
const HOW = 'write for example "4.4 - 6", "5" or ">=4.4"';

/**
 * Reads the platform versions that a vendor names: `"4.4 - 6"`, `"5"`, `">=4.4"`, `">=4.4 <7"`, `"5+"`, `"*"` or
 * `{min, max}` of the same. Both ends are included; an end without a minor means all of that major. A number with a
 * fraction is refused, because 5.10 arrives here as 5.1.
 */
export function parseTargetRange(value: unknown): RangeResult {
  if (typeof value === 'number') return numeric(value);
  if (typeof value === 'string') return fromText(value.trim().toLowerCase());
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return fromEnds(value);
  return { ok: false, detail: `this is no range of versions: ${HOW}` };
}

/** True if that full version of the platform (`5.2.1`, `6.0.0-alpha1`) lies in the range; only major and minor count. */
export function rangeIncludes(range: TargetRange, version: string): boolean {
  const [major, minor = 0] = partsOf(version);
  if (major === undefined) return false;
  if (range.min !== null) {
    const [minMajor = 0, minMinor = 0] = partsOf(range.min);
    if (major < minMajor || (major === minMajor && minor < minMinor)) return false;
  }
  if (range.max === null) return true;
  const [maxMajor = 0, maxMinor = PART_LIMIT] = partsOf(range.max);
  return major < maxMajor || (major === maxMajor && minor <= maxMinor);
}

/** As people say it: `4.4 to 6`, `5`, `4.4 and later`, `up to 6`, `all versions`. */
export function rangeWords(range: TargetRange): string {
  if (range.min !== null && range.min === range.max) return range.min;
  if (range.min !== null && range.max !== null) return `${range.min} to ${range.max}`;
  if (range.min !== null) return `${range.min} and later`;
  if (range.max !== null) return `up to ${range.max}`;
  return 'all versions';
}

/** `[major]` or `[major, minor]`, empty for a text that does not begin with a number. */
export function partsOf(version: string): number[] {
  const match = /^(\d+)(?:\.(\d+))?/.exec(version);
  if (!match) return [];
  return match[2] === undefined ? [Number(match[1])] : [Number(match[1]), Number(match[2])];
}

function numeric(value: number): RangeResult {
  if (Number.isInteger(value) && value >= 0 && value <= PART_LIMIT) return fromText(String(value));
  return { ok: false, detail: 'put the version in quotes, else 5.10 and 5.1 are the same' };
}

function fromEnds(value: object): RangeResult {
  const ends: Record<string, unknown> = { ...value };
  const stray = Object.keys(ends).find((key) => key !== 'min' && key !== 'max');
  if (stray !== undefined) return { ok: false, detail: 'a range has "min" and "max" and nothing else' };
  const min = endOf(ends['min']);
  if (!min.ok) return min;
  const max = endOf(ends['max']);
  if (!max.ok) return max;
  return ordered(min.end, max.end);
}

function endOf(value: unknown): { ok: true; end: string | null } | { ok: false; detail: string } {
  if (value === undefined || value === null) return { ok: true, end: null };
  if (typeof value === 'number') {
    const read = numeric(value);
    return read.ok ? { ok: true, end: read.range.min } : read;
  }
  const end = typeof value === 'string' ? ONE.exec(value.trim().toLowerCase())?.[1] : undefined;
  return end === undefined
    ? { ok: false, detail: 'an end is a version such as "5" or "4.4"' }
    : { ok: true, end: plain(end) };
}

function fromText(text: string): RangeResult {
  if (text === '*' || text === 'all' || text === 'any') return ordered(null, null);
  const one = ONE.exec(text)?.[1];
  if (one !== undefined) return ordered(plain(one), plain(one));
  const between = BETWEEN.exec(text);
  if (between?.[1] !== undefined && between[2] !== undefined) return ordered(plain(between[1]), plain(between[2]));
  const later = AND_LATER.exec(text)?.[1];
  if (later !== undefined) return ordered(plain(later), null);
  if (text.length <= 100 && COMPARISONS.test(text)) return fromComparisons(text);
  return { ok: false, detail: `this is no range of versions: ${HOW}` };
}

function fromComparisons(text: string): RangeResult {
  let min: string | null = null;
  let max: string | null = null;
  for (const [, sign = '', version = ''] of text.matchAll(/(>=|<=|>|<|=)\s*(\d+(?:\.\d+)?)/g)) {
    if ((sign.startsWith('>') || sign === '=') && min !== null)
      return { ok: false, detail: 'the lower end is named twice' };
    if ((sign.startsWith('<') || sign === '=') && max !== null)
      return { ok: false, detail: 'the upper end is named twice' };
    if (sign === '>=' || sign === '=') min = plain(version);
    if (sign === '>') min = after(version);
    if (sign === '<=' || sign === '=') max = plain(version);
    if (sign === '<') {
      max = before(version);
      if (max === null) return { ok: false, detail: 'there is no version below 0' };
    }
  }
  return ordered(min, max);
}

function after(version: string): string {
  const [major = 0, minor] = partsOf(version);
  return minor === undefined ? String(major + 1) : `${major}.${minor + 1}`;
}

function before(version: string): string | null {
  const [major = 0, minor = 0] = partsOf(version);
  if (minor > 0) return `${major}.${minor - 1}`;
  return major > 0 ? String(major - 1) : null;
}

function plain(version: string): string {
  return partsOf(version).join('.');
}

function ordered(min: string | null, max: string | null): RangeResult {
  const range = { min, max };
  if (min !== null && max !== null && !rangeIncludes(range, min)) {
    return { ok: false, detail: `the range ends (${max}) before it begins (${min})` };
  }
  return { ok: true, range };
}
