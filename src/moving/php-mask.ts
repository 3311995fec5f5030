const PART =
  /\?>[\s\S]*?(?:<\?(?:php\b|=)|$(?![\s\S]))|\/\*[\s\S]*?\*\/|(?:\/\/|#(?!\[))(?:(?!\?>)[^\r\n])*|'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`|<<<[ \t]*(["']?)([A-Za-z_]\w*)\1\r?\n[\s\S]*?^[ \t]*\2\b/gm;

/**
 * A PHP source of the same length in which strings, comments and everything outside of PHP are blanks, so that what is left can
 * be searched and its braces counted; null for a file without PHP. Line ends stay.
 */
export function maskPhp(source: string): string | null {
  const opening = /<\?(?:php\b|=)/i.exec(source);
  if (!opening) return null;
  const start = opening.index + opening[0].length;
  return blanks(source.slice(0, start)) + source.slice(start).replace(PART, blanks);
}

function blanks(text: string): string {
  return text.replace(/[^\r\n]/g, ' ');
}

/** Where the brace that opens at `open` is closed; -1: nowhere. */
export function closingBrace(masked: string, open: number): number {
  let depth = 0;
  for (let i = open; i < masked.length; i++) {
    if (masked[i] === '{') depth += 1;
    else if (masked[i] === '}' && --depth === 0) return i;
  }
  return -1;
}

/** The line end that a text uses. */
export function lineEndOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The blanks before a place on its line; empty where something else stands there. */
export function indentAt(text: string, at: number): string {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  return /^[ \t]*$/.test(text.slice(start, at)) ? text.slice(start, at) : '';
}

/**
 * What a file puts in front of a line that lies one step further in: its most common step, the first of equals; null where
 * nothing lies further in. Lines that begin with a star are the middle of a comment and tell nothing.
 */
export function indentUnitOf(text: string): string | null {
  const counts = new Map<string, number>();
  let before = '';
  for (const line of text.split(/\r?\n/)) {
    const [, indent = '', sign] = /^([ \t]*)(\S)?/.exec(line) ?? [];
    if (sign === undefined || sign === '*') continue;
    const step = indent.startsWith(before) ? indent.slice(before.length) : '';
    if (step !== '') counts.set(step, (counts.get(step) ?? 0) + 1);
    before = indent;
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}
