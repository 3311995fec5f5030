/**
 * One token of PHP source. `text` is a string literal with its quotes and escapes undone; in it, and in `computed` ones,
 * whatever PHP would put in while running stands as `*`.
 */
export interface PhpToken {
  kind: 'variable' | 'name' | 'number' | 'text' | 'computed' | 'sign';
  value: string;
}

const OPENING = /<\?(?:php(?!\w)|=)/gi;
const CLOSING = /\?>/y;
const SKIPPED = /\s+|(?:\/\/|#(?!\[))(?:(?!\?>)[^\r\n])*/y;
const SINGLE = /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'/y;
const DOUBLE = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)"/y;
const SHELL = /`[^`\\]*(?:\\[\s\S][^`\\]*)*`/y;
const HEREDOC_START = /<<<[ \t]*(["']?)([A-Za-z_]\w*)\1\r?\n/y;
const VARIABLE = /\$[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*/y;
const NAME = /[A-Za-z_\\\u0080-\uffff][\w\\\u0080-\uffff]*/y;
const NUMBER = /\d[\d_]*(?:\.\d+)?/y;
const SIGN = /\?->|->|::|=>|===?|[\s\S]/y;
const NEVER_CLOSED = /['"`]|<<<[ \t]*["']?[A-Za-z_]/y;

/** The tokens of a PHP file without its comments; null where a string or comment is never closed, so that PHP refuses the file. */
export function readPhp(source: string): PhpToken[] | null {
  const tokens: PhpToken[] = [];
  let at = nextOpening(source, 0);
  while (at < source.length) {
    const skipped = matchAt(SKIPPED, source, at);
    if (skipped) {
      at += skipped[0].length;
      continue;
    }
    if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2);
      if (end === -1) return null;
      at = end + 2;
      continue;
    }
    if (matchAt(CLOSING, source, at)) {
      tokens.push({ kind: 'sign', value: ';' });
      at = nextOpening(source, at);
      continue;
    }
    const heredoc = heredocAt(source, at);
    const found = heredoc ?? tokenAt(source, at);
    if (!found) return null;
    tokens.push(found.token);
    at = found.end;
  }
  return tokens;
}

interface Found {
  token: PhpToken;
  end: number;
}

function tokenAt(source: string, at: number): Found | null {
  const single = matchAt(SINGLE, source, at);
  if (single) return found(at, single[0], 'text', (single[1] ?? '').replace(/\\([\\'])/g, '$1'));
  const double = matchAt(DOUBLE, source, at);
  if (double) return doubleQuoted(at, double[0], double[1] ?? '');
  const shell = matchAt(SHELL, source, at);
  if (shell) return found(at, shell[0], 'computed', '*');
  if (matchAt(NEVER_CLOSED, source, at)) return null;
  const kinds = [
    ['variable', VARIABLE],
    ['name', NAME],
    ['number', NUMBER],
    ['sign', SIGN],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const match = matchAt(pattern, source, at);
    if (match) return found(at, match[0], kind, match[0]);
  }
  return null;
}

function heredocAt(source: string, at: number): Found | null {
  const start = matchAt(HEREDOC_START, source, at);
  if (!start) return null;
  const body = at + start[0].length;
  const ending = new RegExp(`^[ \\t]*${start[2]}(?![\\w\\u0080-\\uffff])`, 'gm');
  ending.lastIndex = body;
  const last = ending.exec(source);
  if (!last) return null;
  return { token: { kind: 'computed', value: '*' }, end: last.index + last[0].length };
}

/** Bounded, so that a hostile file costs no more than its length. */
const INSERTED =
  /\{\$(?:[^{}]|\{[^{}]{0,200}\}){0,500}\}|\$\{[^}]{0,200}\}|\$[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*(?:\[[^\]]{0,200}\]|->[A-Za-z_]\w*)?/;
const ESCAPE = /\\(?:u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|[\s\S])/;
const INSIDE_DOUBLE = new RegExp(`${ESCAPE.source}|${INSERTED.source}`, 'g');
const ESCAPED: Record<string, string> = {
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  f: '\f',
  e: '\u001b',
  '\\': '\\',
  $: '$',
  '"': '"',
};

function doubleQuoted(at: number, whole: string, inside: string): Found {
  let computed = false;
  const value = inside.replace(INSIDE_DOUBLE, (part) => {
    if (part.startsWith('\\')) return unescaped(part);
    computed = true;
    return '*';
  });
  return found(at, whole, computed ? 'computed' : 'text', value);
}

function unescaped(sequence: string): string {
  const plain = ESCAPED[sequence.slice(1)];
  if (plain !== undefined) return plain;
  const hex = /^\\(?:u\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]+))$/.exec(sequence);
  const code = hex
    ? Number.parseInt(hex[1] ?? hex[2] ?? '', 16)
    : /^\\[0-7]+$/.test(sequence)
      ? Number.parseInt(sequence.slice(1), 8)
      : -1;
  return code < 0 || code > 0x10ffff ? sequence : String.fromCodePoint(code);
}

function found(at: number, whole: string, kind: PhpToken['kind'], value: string): Found {
  return { token: { kind, value }, end: at + whole.length };
}

function nextOpening(source: string, from: number): number {
  OPENING.lastIndex = from;
  return OPENING.exec(source) ? OPENING.lastIndex : source.length;
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}
