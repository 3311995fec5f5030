import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseXmlText } from '../../src/releases/safe-xml.ts';
import { renderChangelog } from './changelog-xml.ts';
import { exampleInput, exampleRelease, fixture } from './fixtures/example.ts';
import { componentInput } from './fixtures/scenarios.ts';
import { parseChangelog } from './model/changelog.ts';

describe('the changelog', () => {
  it('component.changelog.xml', () => {
    expect(renderChangelog(componentInput())).toBe(fixture('component.changelog.xml'));
  });

  it('is empty where nothing is said', () => {
    expect(renderChangelog(exampleInput([exampleRelease()]))).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<changelogs/>\n',
    );
  });

  it('has each version once, by its first release', () => {
    const xml = renderChangelog(
      exampleInput([exampleRelease({ notes: 'first' }), exampleRelease({ notes: 'second' })]),
    );
    expect(xml.match(/<changelog>/g)).toHaveLength(1);
    expect(xml).toContain('first');
  });

  it('joins parts of the same word, in Joomla’s order', () => {
    const changelog = [
      { word: 'note' as const, items: ['n'] },
      { word: 'fix' as const, items: ['a'] },
      { word: 'fix' as const, items: ['b', ' '] },
    ];
    const xml = renderChangelog(exampleInput([exampleRelease({ changelog })]));
    expect(parseChangelog(Buffer.from(xml), '1.2.0').sections).toEqual([
      { word: 'fix', bullets: ['a', 'b'] },
      { word: 'note', bullets: ['n'] },
    ]);
  });

  it('is one bullet an item in Joomla, whatever it holds', () => {
    const item = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(']]>', '<![CDATA[x]]>', 'a & b &amp; c', 'x\ny', '</item>'),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 5 }), (items) => {
        const xml = renderChangelog(
          exampleInput([exampleRelease({ changelog: [{ word: 'fix', items }], notes: 'else' })]),
        );
        expect(parseXmlText(xml).ok).toBe(true);
        const bullets = parseChangelog(Buffer.from(xml), '1.2.0').sections?.flatMap((section) => section.bullets) ?? [];
        const shown = items.filter((text) => /[^\s\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(text));
        if (items.length > 0) expect(bullets).toHaveLength(shown.length);
      }),
    );
  });
});
