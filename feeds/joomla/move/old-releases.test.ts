import { describe, expect, it } from 'vitest';
import { joomlaOldDocument } from './old-releases.ts';

const HASH = 'a'.repeat(64);

interface Wish {
  version?: string;
  tag?: string;
  more?: string;
  target?: string;
}

function entry({
  version = '1.0.0',
  tag = '<tags><tag>stable</tag></tags>',
  more = '',
  target = '5\\..*',
}: Wish): string {
  return `<update><name>Hello</name><description>Says hello.</description><element>hello</element><type>plugin</type>
    <folder>system</folder><client>site</client><version>${version}</version>${tag}${more}
    <infourl title="Hello">https://example.com/hello</infourl>
    <targetplatform name="joomla" version="${target}"/></update>`;
}

const FILE = `<sha256>${HASH}</sha256><downloads><downloadurl>https://example.com/hello.zip</downloadurl></downloads>`;

function read(...entries: string[]) {
  const document = joomlaOldDocument.read(Buffer.from(`<?xml version="1.0"?><updates>${entries.join('')}</updates>`));
  if (!document.ok) throw new Error(document.detail);
  return document.releases;
}

describe('an old updates.xml', () => {
  it('tells its versions, the newest first, each once', () => {
    const cascade = ['beta', 'stable', 'rc'].map((word) =>
      entry({
        version: '1.10.0',
        tag: `<tags><tag>${word}</tag></tags>`,
        more: FILE.replace('hello.zip', `${word}.zip`),
      }),
    );
    const releases = read(entry({ version: 'v1.9.0', more: FILE }), ...cascade);
    expect(releases.map(({ version, word }) => [version, word])).toEqual([
      ['1.10.0', 'stable'],
      ['v1.9.0', 'stable'],
    ]);
    expect(releases[0]).toMatchObject({
      ...{ downloads: ['https://example.com/stable.zip'], hashes: { sha256: HASH }, unfit: null, faults: [] },
      ...{ notes: 'Says hello.', infoUrl: 'https://example.com/hello', target: { min: '5.0', max: '5' } },
    });
  });

  it('tells what was meant by wrong words, and words that nobody knows as they are', () => {
    const word = (tag: string) => read(entry({ tag, more: FILE }))[0];
    expect(word('<stability>release-candidate</stability>')?.word).toBe('rc');
    expect(word('<stability>release-candidate</stability>')?.faults.join()).toContain('<stability>');
    expect(word('<tags><tag>LTS</tag></tags>')).toMatchObject({ word: 'lts' });
    expect(word('<tags><tag>constructor</tag></tags>')).toMatchObject({ word: 'constructor' });
    expect(read(entry({ version: '1.0.0-beta2', tag: '', more: FILE }))[0]?.word).toBe('beta');
  });

  it('names a missing client, and mends hashes with blanks', () => {
    const bare = entry({ more: FILE.replace(HASH, `\n  ${HASH.toUpperCase()} `) }).replace('<client>site</client>', '');
    const [release] = read(bare);
    expect(release?.hashes.sha256).toBe(HASH);
    expect(release?.faults.join('\n')).toMatch(/^no <client>[\s\S]*blanks round it/);
  });

  it.each([
    ['no file', '', 'FILE_MISSING'],
    ['a hash that is none', FILE.replace(HASH, 'sha256 of it'), 'HASH_UNREADABLE'],
    ['two hashes', `${FILE}<sha256>${'b'.repeat(64)}</sha256>`, 'FILE_AMBIGUOUS'],
  ])('refuses an entry with %s', (_what, more, code) => {
    expect(read(entry({ more }))[0]?.unfit?.code).toBe(code);
  });

  it('refuses entries of one version that name different files, unless a hash says which it is', () => {
    const at = (file: string) => `<downloads><downloadurl>https://example.com/${file}</downloadurl></downloads>`;
    expect(read(entry({ more: at('a.zip') }), entry({ more: at('b.zip') }))[0]?.unfit?.code).toBe('FILE_AMBIGUOUS');
    const known = (file: string) => `<sha256>${HASH}</sha256>${at(file)}`;
    const [release] = read(
      entry({ more: known('a.zip'), target: '4\\..*' }),
      entry({ more: known('b.zip'), target: '6\\..*' }),
    );
    expect(release).toMatchObject({ unfit: null, target: { min: '4.0', max: '6' } });
    expect(release?.downloads.length).toBe(2);
  });

  it.each([
    ['a document type', '<!DOCTYPE updates [<!ENTITY a "b">]><updates/>', 'document type'],
    ['another root', '<extensions/>', '<extensions>'],
    ['no XML', 'nothing', 'line 1'],
    ['more than 2 MB', `<updates>${' '.repeat(2 * 1024 * 1024)}</updates>`, '2 MB'],
  ])('refuses %s', (_what, text, words) => {
    const document = joomlaOldDocument.read(Buffer.from(text));
    expect(document.ok).toBe(false);
    if (!document.ok) expect(document.detail).toContain(words);
  });
});
