type Order = -1 | 0 | 1;

const DOT = 46;
/** What PHP puts in place of a number when it is compared with a word, and of the end when words are left over. */
const NUMBER = '#N#';
const NUMBER_RANK = 4;
/** Above it PHP's integers saturate (64 bit). */
const LARGEST = 9_223_372_036_854_775_807n;

/**
 * The order in which Joomla and Dolibarr see versions: PHP's `version_compare`, not semver.
 * A word is known by its beginning, in lower case: dev < alpha = a < beta = b < rc = RC < a number < pl = p; any other word
 * is below dev. So `1.0.0-patch1` is above 1.0.0, and `v1.2.0` or `1.0.0-stable` below it.
 * As in PHP, a text that ends in a separator is below itself: the order is total only for texts that do not.
 * https://www.php.net/manual/en/function.version-compare.php and php-src ext/standard/versioning.c
 */
export function comparePhpVersions(a: string, b: string): Order {
  let left = a;
  let right = b;
  for (;;) {
    if (left === '' || right === '') return left === right ? 0 : left === '' ? -1 : 1;
    left = canonical(left);
    right = canonical(right);
    let i = 0;
    let j = 0;
    let moreLeft = true;
    let moreRight = true;
    while (moreLeft && moreRight && i < left.length && j < right.length) {
      const endLeft = endOfPart(left, i);
      const endRight = endOfPart(right, j);
      const order = compareParts(left, i, endLeft, right, j, endRight);
      if (order !== 0) return order;
      moreLeft = endLeft < left.length;
      moreRight = endRight < right.length;
      if (moreLeft) i = endLeft + 1;
      if (moreRight) j = endRight + 1;
    }
    if (moreLeft) {
      if (isDigit(left.charCodeAt(i))) return 1;
      left = left.slice(i);
      right = NUMBER;
    } else if (moreRight) {
      if (isDigit(right.charCodeAt(j))) return -1;
      left = NUMBER;
      right = right.slice(j);
    } else {
      return 0;
    }
  }
}

/** Separators become single dots, and a dot is put between digits and anything else. Plain dotted numbers come back as they are. */
function canonical(text: string): string {
  if (text.startsWith('#')) return text;
  const start = plainPrefix(text);
  if (start === text.length) return text;
  const bytes = asBytes(text);
  const first = Math.max(start, 1);
  let out = bytes.slice(0, first);
  let before = bytes.charCodeAt(first - 1);
  let last = before;
  for (let i = first; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    const copied = !isSeparator(code) && (startsPart(before, code) || isAlphanumeric(code));
    if (last !== DOT && (!copied || startsPart(before, code))) {
      out += '.';
      last = DOT;
    }
    if (copied) {
      out += bytes.charAt(i);
      last = code;
    }
    before = code;
  }
  return out;
}

/** How many characters from the start are digits or single dots. */
function plainPrefix(text: string): number {
  let before = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code) && (code !== DOT || before === DOT)) return i;
    before = code;
  }
  return text.length;
}

/** PHP looks at bytes; one character per byte makes both sides see the same. */
function asBytes(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

function startsPart(before: number, code: number): boolean {
  if (isDigit(before)) return !isDigit(code) && code !== DOT;
  return before !== DOT && isDigit(code);
}

function compareParts(a: string, i: number, endA: number, b: string, j: number, endB: number): Order {
  const numberA = isDigit(a.charCodeAt(i));
  const numberB = isDigit(b.charCodeAt(j));
  if (numberA && numberB) return compareNumbers(a, i, endA, b, j, endB);
  const rankA = numberA ? NUMBER_RANK : rankOfWord(a, i, endA);
  const rankB = numberB ? NUMBER_RANK : rankOfWord(b, j, endB);
  return sign(rankA - rankB);
}

function compareNumbers(a: string, i: number, endA: number, b: string, j: number, endB: number): Order {
  if (endA - i <= 15 && endB - j <= 15) return sign(smallNumber(a, i, endA) - smallNumber(b, j, endB));
  const left = largeNumber(a, i, endA);
  const right = largeNumber(b, j, endB);
  return left === right ? 0 : left < right ? -1 : 1;
}

function smallNumber(text: string, from: number, end: number): number {
  let value = 0;
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) break;
    value = value * 10 + (code - 48);
  }
  return value;
}

function largeNumber(text: string, from: number, end: number): bigint {
  let stop = from;
  while (stop < end && isDigit(text.charCodeAt(stop))) stop++;
  const value = BigInt(text.slice(from, stop));
  return value > LARGEST ? LARGEST : value;
}

function rankOfWord(text: string, from: number, end: number): number {
  if (from >= end) return -1;
  switch (text.charAt(from)) {
    case 'a':
      return 1;
    case 'b':
      return 2;
    case '#':
      return NUMBER_RANK;
    case 'p':
      return 5;
    case 'd':
      return end - from >= 3 && text.startsWith('dev', from) ? 0 : -1;
    case 'r':
      return end - from >= 2 && text.startsWith('rc', from) ? 3 : -1;
    case 'R':
      return end - from >= 2 && text.startsWith('RC', from) ? 3 : -1;
    default:
      return -1;
  }
}

function endOfPart(text: string, from: number): number {
  const dot = text.indexOf('.', from);
  return dot === -1 ? text.length : dot;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isSeparator(code: number): boolean {
  return code === 45 || code === 95 || code === 43;
}

function isAlphanumeric(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

function sign(value: number): Order {
  return value === 0 ? 0 : value < 0 ? -1 : 1;
}
