import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import type { FeedRelease } from '../../src/updates/feed-format.ts';
import { exampleFacts, feedInput, fixture, release } from './fixtures/test-sample.ts';
import { xmlDocument } from './xml.ts';

const RELEASES: FeedRelease[] = [
  release('2.2.0-rc.1', { channel: 'next', clientWord: 'rc' }),
  release('2.1.0', {
    security: true,
    phpMinimum: '8.1',
    target: { min: '20', max: '23.0' },
    changelog: [
      { word: 'security', items: ['Escapes <b>names</b> & "quotes"'] },
      { word: 'fix', items: ['One', 'Zwei – ü'] },
    ],
  }),
  release('2.0.0', { downloadable: false, facts: { ...exampleFacts, phpMax: [8, 4], dolibarrMax: [22, 0] } }),
  release('1.0.0', { facts: { ...exampleFacts, phpMin: null, dolibarrMin: null } }),
];

/** Every text and attribute of a document; throws where it is not well-formed. */
function valuesOf(xml: string): string[] {
  const values: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => values.push(...Object.values(tag.attributes)));
  parser.on('text', (text) => values.push(text));
  parser.write(xml).close();
  return values;
}

/** What the XML 1.0 grammar calls Char, told apart by numbers. */
function withoutUnreadable(text: string): string {
  return Array.from(text)
    .filter((character) => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 32) return code === 9 || code === 10 || code === 13;
      return (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
    })
    .join('');
}

describe('dolibarr.xml', () => {
  it('is the golden file', () => {
    expect(xmlDocument.render(feedInput(RELEASES))).toBe(fixture('dolibarr.xml'));
  });

  it('is the empty document where there is nothing to list', () => {
    expect(xmlDocument.render(feedInput([]))).toBe(xmlDocument.empty);
    expect(xmlDocument.empty).toBe('<?xml version="1.0" encoding="UTF-8"?>\n<module/>\n');
  });

  it('lists the newest first in the order of Dolibarr, and tells versions as the text feed does', () => {
    const releases = ['1.9.0', 'v1.10.0', '1.10.0-rc.1', '2.0.0+build.5'].map((version) => release(version));
    const numbers = [...xmlDocument.render(feedInput(releases)).matchAll(/number="([^"]*)"/g)].map((match) => match[1]);
    expect(numbers).toEqual(['2.0.0', '1.10.0', '1.10.0-rc.1', '1.9.0']);
  });

  it('offers no file where it is refused', () => {
    const xml = xmlDocument.render(feedInput([release('1.0.0', { downloadable: false })]));
    expect(xml).not.toContain('download');
    expect(xml).toContain('<infourl>');
  });

  it('is well-formed whatever people write, and says what they wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        const readable = withoutUnreadable(text);
        const input = feedInput([release('1.0.0', { changelog: [{ word: 'note', items: [text] }], phpMinimum: text })]);
        const values = valuesOf(xmlDocument.render({ ...input, product: { ...input.product, name: text } }));
        const asRead = readable.replace(/\r\n?/g, '\n');
        if (asRead.trim() !== '') expect(values.filter((value) => value === asRead).length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it('stays bounded', () => {
    const changelog = [{ word: 'fix' as const, items: Array(5_000).fill('&'.repeat(5_000)) }];
    const xml = xmlDocument.render(feedInput([release('1.0.0', { changelog })]));
    expect(xml.match(/<item /g)).toHaveLength(100);
    expect(Buffer.byteLength(xml)).toBeLessThan(600_000);
  });

  it('does not cut a pair of characters in half', () => {
    const changelog = [{ word: 'fix' as const, items: [`${'a'.repeat(999)}😀`] }];
    expect(valuesOf(xmlDocument.render(feedInput([release('1.0.0', { changelog })])))).toContain('a'.repeat(999));
  });
});
