/** Whether a version is meant by what somebody wrote. */
export type VersionTest = (version: string) => boolean;

type Compare = (a: string, b: string) => -1 | 0 | 1;

const COMPARATOR = /^(<=|>=|<|>|=)?(.+)$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}$/;

/**
 * `1.2` (also `1.2*` and `1.2.*`): the versions that begin with these parts: 1.2, 1.2.7, 1.2-rc1, not 1.20. `=1.2.0`: that one only.
 * `<1.3`, `<=`, `>`, `>=`: by the platform's own order; those with blanks between them must all hold, of those with commas one.
 * null: it cannot be read.
 */
export function parseVersionRange(text: string, compare: Compare): VersionTest | null {
  const ways = text.split(',').map((way) => {
    const words = way.trim().split(/\s+/);
    return words.map((word) => testOf(word, compare));
  });
  if (ways.some((tests) => tests.includes(null))) return null;
  return (version) => ways.some((tests) => tests.every((test) => test?.(version)));
}

function testOf(word: string, compare: Compare): VersionTest | null {
  const [, sign = '', named = ''] = COMPARATOR.exec(word) ?? [];
  const version = sign === '' ? named.replace(/\.?\*$/, '') : named;
  if (!VERSION.test(version)) return null;
  if (sign === '') return (each) => each.startsWith(version) && !continuesPart(version, each.charAt(version.length));
  if (sign === '=') return (each) => compare(each, version) === 0;
  const wanted = sign.startsWith('<') ? -1 : 1;
  return (each) => {
    const order = compare(each, version);
    return order === wanted || (order === 0 && sign.endsWith('='));
  };
}

/** 1.20 is no 1.2, and 1.2rc1 is one. */
function continuesPart(version: string, next: string): boolean {
  const last = version.charAt(version.length - 1);
  return next !== '' && isDigit(last) === isDigit(next) && /[0-9A-Za-z]/.test(next);
}

function isDigit(character: string): boolean {
  return /[0-9]/.test(character);
}
