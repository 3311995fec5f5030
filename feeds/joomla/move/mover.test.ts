import { describe, expect, it } from 'vitest';
import type { ArchiveView, JoomlaFacts } from '../../../src/releases/release.ts';
import type { MoveWish } from '../../../src/updates/mover.ts';
import { joomlaMover } from './mover.ts';
import { METHOD } from './script-snippet.ts';

const FEED = 'https://updates.example.com/acme/shop/updates.xml';

function facts(change: Partial<JoomlaFacts> = {}): JoomlaFacts {
  return {
    ...{
      platform: 'joomla',
      element: 'pkg_shop',
      type: 'package',
      client: 'site',
      folder: '',
      name: 'Shop',
      version: '1.0.0',
    },
    ...{
      description: '',
      phpMinimum: null,
      updateServers: [],
      dlid: null,
      changelogUrl: null,
      children: [],
      manifestPath: 'pkg_shop.xml',
    },
    ...change,
  } as JoomlaFacts;
}

function wish(change: Partial<MoveWish> = {}): MoveWish {
  const changelogUrl = FEED.replace('updates.xml', 'changelog.xml');
  return { facts: facts(), name: 'Shop & Co', feedUrl: FEED, changelogUrl, needsKey: true, ...change };
}

function tree(files: Record<string, string>): ArchiveView {
  return {
    files: Object.entries(files).map(([path, text]) => ({ path, size: text.length })),
    read: async (path) => Buffer.from(files[path] ?? '', 'latin1'),
  };
}

async function moved(files: Record<string, string>, change: Partial<MoveWish> = {}) {
  const plan = await joomlaMover.move(tree(files), wish(change));
  const after: Record<string, string> = { ...files };
  for (const edit of plan.edits) after[edit.path] = Buffer.from(edit.after).toString('latin1');
  return { ...plan, after };
}

const PACKAGE = `<?xml version="1.0" encoding="utf-8"?>
<!-- <updateservers> in a comment is none -->
<extension type="package" method="upgrade">
	<name>pkg_shop \u00e4</name>
	<packagename>shop</packagename>
	<version>##VERSION##</version>
	<files>
		##FILES##
	</files>
	<updateservers>
		<!-- ours -->
		<server type="extension" priority="1" name="Shop">
			https://git.example.com/acme/shop/raw/branch/main/updates.xml
		</server>
		<server type="extension" priority="2" name="Shop">https://raw.githubusercontent.com/acme/shop/main/updates.xml</server>
	</updateservers>
</extension>
`.replaceAll('\n', '\r\n');

describe('a manifest', () => {
  it('keeps every byte that is not meant: line ends, comments, placeholders, encoding', async () => {
    const { after, edits, oldUrls, place } = await moved({ 'src/pkg_shop.xml': PACKAGE, 'src/script.php': '<?php' });
    expect(place).toBe('src/pkg_shop.xml');
    expect(after['src/pkg_shop.xml']).toBe(
      PACKAGE.replace('https://git.example.com/acme/shop/raw/branch/main/updates.xml', FEED)
        .replace(/\t\t<server type="extension" priority="2".*\r\n/, '')
        .replace(
          '\t</updateservers>\r\n',
          '\t</updateservers>\r\n\t<dlid prefix="dlid=" suffix=""/>\r\n\t<changelogurl>https://updates.example.com/acme/shop/changelog.xml</changelogurl>\r\n\t<scriptfile>feedgate-script.php</scriptfile>\r\n',
        ),
    );
    expect(oldUrls).toEqual([
      'https://git.example.com/acme/shop/raw/branch/main/updates.xml',
      'https://raw.githubusercontent.com/acme/shop/main/updates.xml',
    ]);
    expect(edits.map(({ path, before }) => [path, before === null])).toEqual([
      ['src/pkg_shop.xml', false],
      ['src/feedgate-script.php', true],
    ]);
  });

  it('that is as it should be already is left alone, and so is its script', async () => {
    const first = await moved({ 'pkg_shop.xml': PACKAGE });
    const second = await moved(first.after);
    expect(second).toMatchObject({ edits: [], oldUrls: [], place: 'pkg_shop.xml' });
  });

  it.each([
    ['no update server', '', '<server type="extension" name="Shop &amp; Co">'],
    ['an empty list', '\t<updateservers/>\r\n', '<server type="extension" name="Shop &amp; Co">'],
    [
      'a bare address',
      '\t<updateservers>https://old.example/u.xml</updateservers>\r\n',
      '<server type="extension" name="Shop &amp; Co">',
    ],
    [
      'a collection',
      '\t<updateservers><server name=\'x\' type="collection">a</server></updateservers>\r\n',
      '<server name=\'x\' type="extension">',
    ],
  ])('gets the server where it has %s', async (_name, instead, expected) => {
    const text = PACKAGE.replace(/\t<updateservers>[\s\S]*<\/updateservers>\r\n/, instead);
    const { after } = await moved({ 'pkg_shop.xml': text });
    expect(after['pkg_shop.xml']).toContain(`${expected}${FEED}</server>`);
    expect(after['pkg_shop.xml']?.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  it.each([
    ['two blanks', '  '],
    ['three blanks', '   '],
    ['four blanks', '    '],
    ['tabs', '\t'],
  ])('indented by %s keeps to them, with and without the list of servers', async (_name, unit) => {
    const servers = /\t<updateservers>[\s\S]*<\/updateservers>\r\n/;
    for (const instead of ['', '\t<updateservers/>\r\n']) {
      const text = PACKAGE.replace(servers, instead).replace(/^\t+/gm, (tabs) => unit.repeat(tabs.length));
      const { after } = await moved({ 'pkg_shop.xml': text });
      const lines = after['pkg_shop.xml']?.split('\r\n') ?? [];
      const at = lines.indexOf(`${unit}<updateservers>`);
      expect(lines[at + 1]).toBe(`${unit}${unit}<server type="extension" name="Shop &amp; Co">${FEED}</server>`);
      expect(lines[at + 2]).toBe(`${unit}</updateservers>`);
    }
  });

  it('of an open product gets no key field, and a wrong one is mended where a key is needed', async () => {
    const wrong = PACKAGE.replace('</extension>', '\t<dlid prefix="&amp;dlid=" suffix="" />\r\n</extension>');
    expect((await moved({ 'pkg_shop.xml': wrong })).after['pkg_shop.xml']).toContain(
      '\t<dlid prefix="dlid=" suffix=""/>\r\n',
    );
    expect((await moved({ 'pkg_shop.xml': PACKAGE }, { needsKey: false })).after['pkg_shop.xml']).not.toContain('dlid');
  });

  it('is found among those of children, by what the release says it is', async () => {
    const child =
      '<extension type="component"><name>com_shop</name><version>1</version><updateservers><server type="extension">https://old.example/c.xml</server></updateservers></extension>';
    const { place, remarks } = await moved({
      'com_shop/shop.xml': child,
      'build/pkg.xml': PACKAGE,
      'other.xml': '<a/>',
    });
    expect(place).toBe('build/pkg.xml');
    expect(remarks.join()).toContain('com_shop/shop.xml');
  });

  it('that is not there, or there twice, is told and nothing is changed', async () => {
    expect(await moved({ 'readme.md': '' })).toMatchObject({
      edits: [],
      place: null,
      remarks: [expect.stringContaining(FEED)],
    });
    const twice = await moved({ 'a/pkg_shop.xml': PACKAGE, 'b/pkg_shop.xml': PACKAGE });
    expect(twice).toMatchObject({
      edits: [],
      place: null,
      remarks: [expect.stringContaining('a/pkg_shop.xml, b/pkg_shop.xml')],
    });
  });

  it('with tags that do not fit is not touched', async () => {
    const broken = PACKAGE.replace('</files>', '');
    expect((await moved({ 'pkg_shop.xml': broken })).edits).toEqual([]);
  });
});

describe('a script file', () => {
  const WITH_SCRIPT = PACKAGE.replace('\t<files>', '\t<scriptfile>script.php</scriptfile>\r\n\t<files>');
  const script = async (text: string) => {
    const { after, edits, remarks } = await moved({ 'pkg_shop.xml': WITH_SCRIPT, 'script.php': text });
    return { text: after['script.php'] ?? '', changed: edits.some(({ path }) => path === 'script.php'), remarks };
  };

  it('of a class gets the method and the call, in its own indentation', async () => {
    const old = `<?php
// class Other { function postflight() {} }
defined('_JEXEC') or die;
class pkg_shopInstallerScript
{
\tprivate $text = 'class x { function postflight() {';

\tpublic function postflight($type, $parent)
\t{
\t\techo "{$type}";
\t}
}
`;
    const { text, changed } = await script(old);
    expect(changed).toBe(true);
    expect(text).toContain(
      `\tpublic function postflight($type, $parent)\n\t{\n\t\t$this->${METHOD}();\n\n\t\techo "{$type}";\n\t}\n`,
    );
    expect(text).toContain(`\n\tprivate function ${METHOD}()\n\t{\n\t\t$to   = '${FEED}';\n`);
    expect(text.trimEnd().endsWith('\n}')).toBe(true);
    const again = await script(text);
    expect(again.text).toBe(text);
  });

  it('that returns an anonymous class, inside a provider too, is edited in the right class', async () => {
    const old = `<?php
use Joomla\\CMS\\Installer\\InstallerScriptInterface;
return new class () implements ServiceProviderInterface {
    public function register(Container $container)
    {
        $container->set(InstallerScriptInterface::class, new class () implements InstallerScriptInterface {
            public function postflight(string $type, InstallerAdapter $adapter): bool
            {
                return true;
            }
        });
    }
};
`;
    const { text } = await script(old);
    expect(text).toContain(`            {\n                $this->${METHOD}();\n\n                return true;\n`);
    expect(text).toContain(`            private function ${METHOD}()\n            {\n`);
    expect(text).toContain('            // </feedgate-move>\n        });\n    }\n};\n');
  });

  it('without a postflight gets one, which calls that of its parent', async () => {
    const old =
      "<?php\nclass pkg_shopInstallerScript extends InstallerScript\n{\n    protected $minimumPhp = '8.1';\n}\n";
    const { text } = await script(old);
    expect(text).toContain(`    public function postflight($type, $parent)\n    {\n        $this->${METHOD}();\n`);
    expect(text).toContain('parent::postflight($type, $parent)');
  });

  it.each([
    [
      'two classes with a postflight',
      '<?php class A { function postflight() {} } class B { function postflight() {} }',
    ],
    ['no class', '<?php\nfunction com_install() {}\n'],
    ['a static postflight', '<?php class A { public static function postflight($a) {} }'],
    ['no PHP', 'hello'],
  ])('with %s is left to a person, with the method to paste', async (_name, text) => {
    const { changed, remarks } = await script(text);
    expect(changed).toBe(false);
    expect(remarks.join()).toContain(`private function ${METHOD}()`);
  });

  it('that the branch does not have is told', async () => {
    const { remarks } = await moved({ 'pkg_shop.xml': WITH_SCRIPT });
    expect(remarks.join()).toContain('script.php was not found');
  });
});
