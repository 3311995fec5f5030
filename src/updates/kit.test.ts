import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { templateOf } from '../../test/e2e/kit-php/run-kit.ts';
import { buildKit, type KitFile, type KitOptions, kitIdentifier } from './kit.ts';

const OPTIONS: KitOptions = {
  platform: 'joomla',
  serverUrl: 'https://Updates.Example.org/',
  organizationSlug: 'acme-gmbh',
  organizationName: 'Acme GmbH',
  version: '1.2.3',
};

function file(path: string, text: string): KitFile {
  return { path, bytes: new TextEncoder().encode(text) };
}

function built(path: string, text: string, options: Partial<KitOptions> = {}): string {
  const [only] = buildKit([file(path, text)], { ...OPTIONS, ...options }).files;
  return new TextDecoder().decode(only?.bytes);
}

describe('kitIdentifier', () => {
  it.each([
    ['acme', 'acme'],
    ['Acme', 'acme'],
    ['acme-gmbh', 'acme_gmbh'],
    ['3d-parts', '3d_parts'],
    ['list', 'list'],
  ])('keeps %s readable as %s', (slug, expected) => {
    expect(kitIdentifier(slug)).toBe(expected);
  });

  it.each([
    ['a-b', 'a_b'],
    ['a.b', 'a_b'],
    ['a_b', 'a-b'],
    [`${'x'.repeat(45)}1`, `${'x'.repeat(45)}2`],
  ])('never gives %s and %s the same one', (one, other) => {
    expect(kitIdentifier(one)).not.toBe(kitIdentifier(other));
  });

  it('gives any slug a name that PHP takes after a letter', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 120, unit: 'binary' }), (slug) => {
        expect(kitIdentifier(slug)).toMatch(/^[a-z0-9_]{1,40}$/);
      }),
    );
  });
});

describe('buildKit', () => {
  it.each([
    ['joomla', 'pkg_feedgate_acme_gmbh-1.2.3.zip'],
    ['dolibarr', 'dolibarr_feedgate_acme_gmbh-1.2.3.zip'],
  ] as const)('names the %s kit for the organization', (platform, expected) => {
    expect(buildKit([], { ...OPTIONS, platform }).fileName).toBe(expected);
  });

  it('fills marks in paths and text, in the order of the template', () => {
    const template = [
      file(
        'b/__ELEMENT__.php',
        "__NS__ __CONST___X FeedgateUpdate___IDENT__ '__SERVER_URL__' '__ORG_SLUG__' __VERSION__ __DIR__",
      ),
      file('a.txt', '__NS__'),
    ];
    const { files } = buildKit(template, OPTIONS);
    expect(files.map((one) => [one.path, new TextDecoder().decode(one.bytes)])).toEqual([
      [
        'b/feedgate_acme_gmbh.php',
        "Feedgate_acme_gmbh FEEDGATE_ACME_GMBH_X FeedgateUpdate_acme_gmbh 'https://updates.example.org' 'acme-gmbh' 1.2.3 __DIR__",
      ],
      ['a.txt', '__NS__'],
    ]);
  });

  it.each([
    ['x.php', String.raw`O\'Neil \\ "S" & b ?`],
    ['x.xml', 'O&#39;Neil \\ &#34;S&#34; &#38; b ?'],
    ['x.ini', String.raw`O'Neil / \"S\" & b ?`],
    ['x.md', String.raw`O'Neil \\ "S" & b ?`],
  ])('writes a name into %s as that language wants it', (path, expected) => {
    expect(built(path, '__ORG_NAME__', { organizationName: 'O\'Neil \\\r\n "S" & <b> ?\u{0}' })).toBe(expected);
  });

  it('does not read a mark that a value brings', () => {
    expect(built('x.php', '__ORG_NAME__', { organizationName: '__VERSION__ $& $1' })).toBe('__VERSION__ $& $1');
  });

  it('takes the slug where the name is empty', () => {
    expect(built('x.md', '__ORG_NAME__', { organizationName: ' \n' })).toBe('acme-gmbh');
  });

  it.each([
    ['https://a.example/feeds//', 'https://a.example/feeds'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ["https://a.example/'.x", "https://a.example/\\'.x"],
    ['https://b\u{fc}cher.example', 'https://xn--bcher-kva.example'],
  ])('writes the address %s as %s', (serverUrl, expected) => {
    expect(built('x.php', '__SERVER_URL__', { serverUrl })).toBe(expected);
  });

  it.each([
    { serverUrl: 'ftp://a.example' },
    { serverUrl: 'updates.example.org' },
    { serverUrl: 'https://user:pw@a.example' },
    { serverUrl: 'https://a.example/?a=1' },
    { serverUrl: 'https://a.example/#x' },
    { version: '1.2' },
    { version: "1.2.3'" },
    { organizationSlug: '' },
  ])('refuses %o', (options) => {
    expect(() => buildKit([], { ...OPTIONS, ...options })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });
});

describe.each(['joomla', 'dolibarr'] as const)('the %s template', (platform) => {
  const files = buildKit(templateOf(platform), {
    ...OPTIONS,
    platform,
    organizationName: 'O\'Neil & "S\u{f6}hne"',
  }).files;
  const texts = files.map((one) => ({ path: one.path, text: new TextDecoder().decode(one.bytes) }));

  it('leaves no mark behind', () => {
    for (const { path, text } of texts) {
      expect(path + text).not.toMatch(/__(ELEMENT|IDENT|NS|CONST|SERVER_URL|ORG_NAME|ORG_SLUG|VERSION)__/);
    }
  });

  it('names its license in every file of code, and brings it along', () => {
    const license = platform === 'joomla' ? 'GPL-2.0-or-later' : 'GPL-3.0-or-later';
    for (const { path, text } of texts) {
      if (/\.(php|xml|ini)$/.test(path))
        expect(text.slice(0, 200), path).toContain(`SPDX-License-Identifier: ${license}`);
    }
    const full = texts.find((one) => one.path.endsWith('LICENSE.txt'))?.text ?? '';
    expect(full).toContain(`SPDX-License-Identifier: ${license}`);
    expect(full).toContain(platform === 'joomla' ? 'Version 2, June 1991' : 'Version 3, 29 June 2007');
  });
});

describe('the joomla template', () => {
  const files = buildKit(templateOf('joomla'), { ...OPTIONS, organizationName: 'O\'Neil & "S\u{f6}hne"' }).files;
  const texts = files.map((one) => ({ path: one.path, text: new TextDecoder().decode(one.bytes) }));

  it('is well-formed XML and lists folders that are there', () => {
    for (const { path, text } of texts.filter((one) => one.path.endsWith('.xml'))) {
      const folder = path.includes('/') ? `${path.split('/')[0]}/` : '';
      const listed: string[] = [];
      const parser = new SaxesParser();
      let inside = '';
      parser.on('opentag', (tag) => {
        inside = tag.name;
      });
      parser.on('text', (value) => {
        if (inside === 'folder' && value.trim() !== '') listed.push(`${folder}${value.trim()}/`);
      });
      parser.write(text).close();
      expect(listed.length).toBeGreaterThan(0);
      for (const one of listed)
        expect(
          files.some((built) => built.path.startsWith(one)),
          one,
        ).toBe(true);
    }
  });

  it('says the same in every language', () => {
    const keys = new Map<string, string[]>();
    for (const { path, text } of texts.filter((one) => one.path.endsWith('.ini'))) {
      const name = path.replace(/language\/[^/]+\//, '');
      keys.set(name, [...(keys.get(name) ?? []), text.replace(/=.*/g, '')]);
    }
    expect(keys.size).toBe(4);
    for (const [name, versions] of keys) expect([name, versions.length, new Set(versions).size]).toEqual([name, 3, 1]);
  });
});
