import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANGELOG_WORDS, changelogFromNotes, parseChangelog } from './changelog.ts';

const KEEP = `# Changelog

All notable changes.

## [Unreleased]

### Added
- Not out yet

## [1.2.0](https://git.example.org/a/b/compare/1.1.0...1.2.0) - 2026-03-01

### Fixed
- The **date** of \`plg_system_x\` is [right](https://example.org/1) again,
  also in a leap year
- Second fix
  - and a detail
### Security
* A form token was missing

### Language
1. German
2) French

### Deprecated
- The old view

### Removed
+ PHP 7

## [1.1.0] - 2026-01-01
### Changed
- Nothing much

[1.2.0]: https://git.example.org/a/b/compare/1.1.0...1.2.0
`;

function changelogOf(text: string, version: string, fileName = 'CHANGELOG.md') {
  const result = parseChangelog(text, version, fileName);
  if (!result.ok) throw new Error(result.detail);
  return result.changelog;
}

describe('a changelog in Markdown', () => {
  it('gives the section of the version, by Joomla’s words and in their order', () => {
    expect(changelogOf(KEEP, '1.2.0')).toEqual([
      { word: 'security', items: ['A form token was missing'] },
      {
        word: 'fix',
        items: ['The date of plg_system_x is right again, also in a leap year', 'Second fix', 'and a detail'],
      },
      { word: 'language', items: ['German', 'French'] },
      { word: 'remove', items: ['PHP 7'] },
      { word: 'note', items: ['Deprecated: The old view'] },
    ]);
    expect(changelogOf(KEEP, 'v1.1.0')).toEqual([{ word: 'change', items: ['Nothing much'] }]);
  });

  it.each([
    ['## 1.2.0', '1.2.0'],
    ['## v1.2.0 (2026-03-01)', '1.2.0'],
    ['# Version 1.2.0:', '1.2.0'],
    ['## Example 2 1.2.0-rc1', '1.2.0-RC1'],
    ['## **1.2.0**', '1.2.0+build5'],
    ['## [1.2.0] - 2026-03-01 [YANKED] ##', '1.2.0'],
    ['## 2026.03.01', '2026.03.01'],
    ['## 7', '7'],
    ['1.2.0\n-----', '1.2.0'],
    ['Example 1.2.0\n=====', '1.2.0'],
  ])('finds %j', (heading, version) => {
    expect(changelogOf(`${heading}\n\n- One\n\n# 0.9.0\n- Old\n`, version)).toEqual([{ word: 'note', items: ['One'] }]);
  });

  it('reads words that are headings of the same level as the version', () => {
    expect(changelogOf('## 1.0\n## Added\n- a\n## Bug Fixes\n- b\n## 0.9\n- c', '1.0')).toEqual([
      { word: 'fix', items: ['b'] },
      { word: 'addition', items: ['a'] },
    ]);
  });

  it.each(['1.2', '1.2.0.1', '2026-03-01', '9.9.9'])('says that %s is missing', (version) => {
    expect(parseChangelog(KEEP, version, 'CHANGELOG.md')).toMatchObject({ ok: false, reason: 'missing' });
  });

  it('is empty for a version without items', () => {
    expect(changelogOf('## 1.0\n\n## 0.9\n- old', '1.0')).toEqual([]);
  });

  it('refuses more than 2 MB', () => {
    expect(parseChangelog('x'.repeat(2 * 1024 * 1024 + 1), '1', 'a.md')).toMatchObject({
      ok: false,
      reason: 'unreadable',
    });
  });
});

describe('a changelog in Joomla’s XML', () => {
  const xml = `<?xml version="1.0"?><changelogs>
    <changelog><element>com_x</element><version>1.0.0</version><fix><item>first</item></fix></changelog>
    <changelog><version> 1.0.0 </version>
      <note><item>Read &amp; obey</item></note><Security><item><![CDATA[A <b>hole</b>]]></item><item/></Security>
      <other><item>dropped</item></other>
    </changelog></changelogs>`;

  it('takes the last entry of the version', () => {
    expect(changelogOf(xml, '1.0.0', 'changelog.XML')).toEqual([
      { word: 'security', items: ['A hole'] },
      { word: 'note', items: ['Read & obey'] },
    ]);
  });

  it('tells a missing version from a file that cannot be read', () => {
    expect(parseChangelog(xml, '2.0.0', 'c.xml')).toMatchObject({ ok: false, reason: 'missing' });
    expect(parseChangelog('<changelogs>', '1.0.0', 'c.xml')).toMatchObject({ ok: false, reason: 'unreadable' });
    expect(parseChangelog('<!DOCTYPE x><changelogs/>', '1.0.0', 'c.xml')).toMatchObject({
      ok: false,
      reason: 'unreadable',
    });
  });
});

const sample = fileURLToPath(
  new URL('../../../shared/samples/joomla/feeds/pkg_weblinks.changelog.xml', import.meta.url),
);
const withSample = existsSync(sample) ? it : it.skip;
if (!existsSync(sample)) process.stderr.write(`SKIPPED: no sample changelog at ${sample}\n`);

withSample('reads the changelog of a real extension', () => {
  expect(changelogOf(readFileSync(sample, 'utf8'), '5.1.0', 'changelog.xml')).toEqual([
    { word: 'change', items: ['Code clean'] },
    { word: 'note', items: ['Crowdin Language Files'] },
  ]);
});

describe('release notes', () => {
  it.each([
    ['nothing', '', []],
    ['plain lines', 'One thing.\nstill one\n\nAnother', [{ word: 'note', items: ['One thing. still one', 'Another'] }]],
    ['bullets', 'Intro:\n\n* a\n* b', [{ word: 'note', items: ['Intro:', 'a', 'b'] }]],
    [
      'headings',
      '## 🐛 Fixes\n- a\n### New features\n- b\n## Thanks\n- c',
      [
        { word: 'fix', items: ['a'] },
        { word: 'addition', items: ['b'] },
        { word: 'note', items: ['c'] },
      ],
    ],
    [
      'bold lines as headings',
      '**Added**\n- a\n\n__Security:__\n- b',
      [
        { word: 'security', items: ['b'] },
        { word: 'addition', items: ['a'] },
      ],
    ],
    [
      'plain lines as headings',
      'Fixed:\n- a\nChanged:\n- b',
      [
        { word: 'fix', items: ['a'] },
        { word: 'change', items: ['b'] },
      ],
    ],
    [
      'notes that the forge made',
      "<!-- made for v1 -->\n## What's Changed\n* Mend x by @me in https://git.example.org/a/b/pulls/1\n\n**Full Changelog**: https://git.example.org/a/b/compare/1...2",
      [{ word: 'change', items: ['Mend x'] }],
    ],
    [
      'code, rules, tables and comments',
      '- a\n```\n- not this\n```\n---\n| x | y |\n|---|---|\n<!-- nor this -->\n- [x] b\n<!--',
      [{ word: 'note', items: ['a', 'b'] }],
    ],
    ['Windows line ends', '# Fixed\r\n- a\r\n- b\r\n', [{ word: 'fix', items: ['a', 'b'] }]],
  ])('%s', (_name, notes, changelog) => {
    expect(changelogFromNotes(notes)).toEqual(changelog);
  });

  it.each([
    ['a **bold** and *slanted* and ***both***', 'a bold and slanted and both'],
    ['_slanted_, __bold__ but plg_system_x stays', 'slanted, bold but plg_system_x stays'],
    [
      'see [the page](https://example.org/a_(b) "title") and <https://example.org>',
      'see the page and https://example.org',
    ],
    ['![picture](x.png) with [a reference][1]', 'picture with a reference'],
    ['`a*b*c` and \\*not slanted\\*', 'a*b*c and *not slanted*'],
    ['[`code`](x) in ~~old~~ <strong>tags</strong>', 'code in old tags'],
    ['2 * 3 * 4 < 5', '2 * 3 * 4 < 5'],
  ])('%s', (markdown, text) => {
    expect(changelogFromNotes(markdown)).toEqual([{ word: 'note', items: [text] }]);
  });

  it('is bounded', () => {
    const [only, ...others] = changelogFromNotes(`- ${'ä'.repeat(600)}\n`.repeat(300));
    expect(others).toEqual([]);
    expect(only?.items).toHaveLength(100);
    expect(only?.items.every((item) => item.length === 500 && item.endsWith('ä…'))).toBe(true);
  });

  it('gives one-line items of known words for any text', () => {
    const piece = fc.constantFrom(
      '- ',
      '# ',
      '**',
      '`',
      '[',
      '](',
      ')',
      '<!--',
      '-->',
      '\n',
      '```',
      'Fixed:',
      'a',
      ' ',
      '\\',
      '<b',
      '_',
      '|',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 80 }).map((pieces) => pieces.join('')),
        (notes) => {
          const changelog = changelogFromNotes(notes);
          expect(changelog.map(({ word }) => word)).toEqual(
            CHANGELOG_WORDS.filter((word) => changelog.some((part) => part.word === word)),
          );
          for (const item of changelog.flatMap(({ items }) => items)) expect(item).toMatch(/^\S$|^\S.*\S$/);
        },
      ),
    );
  });
});
