import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPhp } from './php-source.ts';
import { expressionAt, knownText, valuesOfProperty } from './php-values.ts';

function texts(source: string): string[] | undefined {
  return readPhp(source)?.flatMap((token) => (token.kind === 'text' || token.kind === 'computed' ? [token.value] : []));
}

describe('readPhp', () => {
  it.each([
    [String.raw`<?php 'a\'b\\c\n'`, [String.raw`a'b\c\n`]],
    [String.raw`<?php "a\"b\\c\tn\$x\x41\101\u{e9}\q"`, ['a"b\\c\tn$xAA\u00e9\\q']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: PHP writes it so
    ['<?php "a $b c {$d[\'e\']} ${f} $g->h $i[0] 5$ { $"', ['a * c * * * * 5$ { $']],
    ['<?php "a//b" # "c"\n; \'d\' // "e"\r\n "f" /* "g" */ "h"', ['a//b', 'd', 'f', 'h']],
    ['text "a" <?php "b" ?> "c" <?= "d" ?> "e" <?php "f"', ['b', 'd', 'f']],
    ["<?php <<<'X'\nit's \"not\" closed\n  X; 'a'", ['*', 'a']],
    ['<?php <<<"X"\nX2 it\'s\n\tX . "b"', ['*', 'b']],
    ['<?php 1 << 2; "a"', ['a']],
    ['<?phpx "a"', []],
  ])('reads the strings of %s', (source, expected) => {
    expect(texts(source)).toEqual(expected);
  });

  it.each(["<?php 'a", '<?php "a\\"', '<?php /* a *', '<?php `a', '<?php <<<A\nB'])('refuses %s', (source) => {
    expect(readPhp(source)).toBeNull();
  });

  it('knows every single-quoted string that PHP can write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = text.replace(/[\\']/g, '\\$&');
        expect(texts(`<?php $a = '${written}';`)).toEqual([text]);
      }),
    );
  });

  it('ends on any text', () => {
    const pieces = fc.constantFrom(
      "'",
      '"',
      '\\',
      '/*',
      '*/',
      '//',
      '#',
      '\n',
      '<<<A\n',
      '{$',
      '${',
      '$a',
      '?>',
      '<?php ',
      '`',
      '(',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const tokens = readPhp(`<?php ${parts.join('')}`);
        expect(tokens === null || Array.isArray(tokens)).toBe(true);
      }),
    );
  });

  it.each([
    ['brackets', '('.repeat(200_000)],
    ['insertions', `"${'${'.repeat(200_000)}"`],
    ['insertions with names', `"${'{$a'.repeat(200_000)}"`],
    ['assignments', '$this->version='.repeat(50_000)],
    [
      'doublings',
      Array.from(
        { length: 20 },
        (_, i) =>
          `$a${i} = ${Array(500)
            .fill(`$a${i + 1}`)
            .join('.')};`,
      ).join(''),
    ],
    ['stars', `/${'*'.repeat(200_000)}`],
    ['backslashes', `'${'\\'.repeat(200_001)}'`],
  ])('stays cheap with hostile %s', (_, source) => {
    const tokens = readPhp(`<?php ${source}; $this->version = $a0;`) ?? [];
    const last = valuesOfProperty(tokens, 'version').at(-1);
    const known = last === undefined ? null : knownText(expressionAt(tokens, last), tokens);
    expect(known?.whole ?? false).toBe(false);
    expect(known?.text.length ?? 0).toBeLessThanOrEqual(4_000);
  });
});
