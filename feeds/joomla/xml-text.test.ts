import { describe, expect, it } from 'vitest';
import { documentOf, emptyDocument, oneLine } from './xml-text.ts';

describe('one line', () => {
  it.each([
    ['a\n\tb\r\n c ', 'a b c'],
    ['nul\u0000, \u0007bell, \uFFFEx \uD800 y', 'nul, bell, x y'],
    ['ä € 🎉', 'ä € 🎉'],
    ['x'.repeat(20), 'x'.repeat(20)],
    ['x'.repeat(21), `${'x'.repeat(19)}…`],
    ['🎉'.repeat(20), '🎉'.repeat(20)],
    ['🎉'.repeat(21), `${'🎉'.repeat(19)}…`],
    ['', ''],
  ])('%j', (text, line) => {
    expect(oneLine(text, 20)).toBe(line);
  });
});

describe('a document', () => {
  it('takes entries from the first on while they fit, in bytes', () => {
    expect(documentOf('r', ['<ä/>', '<b/>', '<c/>'], 11)).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<r>\n<ä/>\n<b/>\n</r>\n',
    );
    expect(documentOf('r', ['<ä/>', '<b/>', '<c/>'], 10)).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<r>\n<ä/>\n</r>\n',
    );
  });

  it('is the empty one without entries', () => {
    expect(documentOf('r', [], 100)).toBe(emptyDocument('r'));
    expect(emptyDocument('r')).toBe('<?xml version="1.0" encoding="UTF-8"?>\n<r/>\n');
  });

  it('makes no more entries than it takes, and one', () => {
    let made = 0;
    function* entries() {
      for (;;) {
        made += 1;
        yield '<x/>';
      }
    }
    documentOf('r', entries(), 50);
    expect(made).toBe(11);
  });
});
