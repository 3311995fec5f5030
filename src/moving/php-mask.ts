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
