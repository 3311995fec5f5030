import { describe, expect, it } from 'vitest';
import type { DolibarrFacts } from '../../src/releases/release.ts';
import { readDescriptor } from './descriptor.ts';
import { archiveOf, fixture } from './fixtures/test-sample.ts';

const EXAMPLE = fixture('descriptors/modExample.class.php');

/** A descriptor with these lines as its constructor. */
function descriptor(lines: string, className = 'modExample'): string {
  return `<?php\nclass ${className} extends DolibarrModules\n{\n\tpublic function __construct($db)\n\t{\n${lines}\n\t}\n}\n`;
}

async function factsOf(lines: string, more: Record<string, string> = {}): Promise<DolibarrFacts> {
  const result = await readDescriptor(
    archiveOf({ 'example/core/modules/modExample.class.php': descriptor(lines), ...more }),
    null,
  );
  if (!result.ok || result.facts.platform !== 'dolibarr') throw new Error('the descriptor was not read');
  return result.facts;
}

async function problemOf(contents: Record<string, string | Uint8Array>, hint: string | null = null): Promise<string> {
  const result = await readDescriptor(archiveOf(contents), hint);
  return result.ok ? 'none' : result.problem.code;
}

describe('readDescriptor', () => {
  it('reads a descriptor of the usual shape, comments and traps and all', async () => {
    const result = await readDescriptor(archiveOf({ 'example/core/modules/modExample.class.php': EXAMPLE }), null);
    expect(result).toEqual({
      ok: true,
      facts: {
        platform: 'dolibarr',
        module: 'example',
        className: 'modExample',
        version: '2.1.0',
        description: 'It\'s the "Example" module; // not a comment, # neither, /* nor this */',
        numero: 184_500,
        phpMin: [7, 4],
        phpMax: [8, 4],
        dolibarrMin: [19, -3],
        dolibarrMax: [23, 0],
        editorName: 'Example Ltd',
        editorUrl: 'https://www.example.com',
        urlLastVersion: 'https://gate.example.org/acme/example/dolibarr.txt?key=*&domain=*',
        descriptorPath: 'example/core/modules/modExample.class.php',
        rootPath: 'example/',
      },
    });
  });

  it.each([
    ['core/modules/modExample.class.php', ''],
    ['example/core/modules/modExample.class.php', 'example/'],
    ['acme-example-2.1.0/core/modules/modExample.class.php', 'acme-example-2.1.0/'],
    ['acme-example-2.1.0/src/core/modules/modExample.class.php', 'acme-example-2.1.0/src/'],
    ['src/core/modules/modExample.class.php', 'src/'],
    ['htdocs/core/modules/modExample.class.php', 'htdocs/'],
    ['htdocs/example/core/modules/modExample.class.php', 'htdocs/example/'],
    ['htdocs/custom/example/core/modules/modExample.class.php', 'htdocs/custom/example/'],
    ['repo-main/htdocs/custom/example/core/modules/modExample.class.php', 'repo-main/htdocs/custom/example/'],
    ['repo-main/example/core/modules/modExample.class.php', 'repo-main/example/'],
  ])('finds %s', async (path, rootPath) => {
    const readme =
      rootPath.startsWith('repo-main/') || rootPath.startsWith('acme-') ? `${path.split('/')[0]}/README.md` : null;
    const result = await readDescriptor(archiveOf({ ...(readme ? { [readme]: '' } : {}), [path]: EXAMPLE }), null);
    expect(result).toMatchObject({ ok: true, facts: { module: 'example', descriptorPath: path, rootPath } });
  });

  it.each([
    'test/data/core/modules/modExample.class.php',
    'core/modules/sub/modExample.class.php',
    'core/modules/modules_example.class.php',
    'core/modules/example.class.php',
    'xcore/modules/modExample.class.php',
  ])('takes no descriptor from %s', async (path) => {
    expect(await problemOf({ 'README.md': '', [path]: EXAMPLE })).toBe('MANIFEST_MISSING');
  });

  it('prefers the root to a stray folder', async () => {
    const stray = { 'old/core/modules/modOld.class.php': descriptor('', 'modOld') };
    const result = await readDescriptor(archiveOf({ ...stray, 'core/modules/modExample.class.php': EXAMPLE }), null);
    expect(result).toMatchObject({ ok: true, facts: { className: 'modExample' } });
  });

  it.each([
    [`$this->version = '1.2.3';`, '1.2.3'],
    [`$this->version = "1.2.3";`, '1.2.3'],
    [`$this -> version\n=\n( '1.2.3' ) ;`, '1.2.3'],
    [`//$this->version = '9';\n$this->version = '1.2.3'; /* $this->version = '8'; */ # $this->version = '7';`, '1.2.3'],
    [`$a = "// no comment"; $b = '/* nor this'; $this->version = '1.2.3'; $c = '*/';`, '1.2.3'],
    [`$a = 'it\\'s'; $this->version = '1.2.3';`, '1.2.3'],
    [`#[Attribute]\n$this->version = '1.2.3';`, '1.2.3'],
    [`// a comment ends here ?> <?php $this->version = '1.2.3';`, '1.2.3'],
    [`$this->version = 'development'; $this->version = '1.2.3';`, '1.2.3'],
    [`$this->version = 'dolibarr';`, 'dolibarr'],
    [`$v = '1.2'; $this->version = $v.'.3';`, '1.2.3'],
    [`$this->version = 1.2;`, '1.2'],
    [`$this->version = '02.05.02';`, '02.05.02'],
    [`if ($this->version == '4') { $other->version = '5'; }`, null],
    [`$this->version = \`cat VERSION\`;`, null],
    [`$this->version = $this->version;`, null],
    [`$a = $b; $b = $a; $this->version = $a;`, null],
    [`$this->version = '';`, null],
    ['', null],
  ])('reads the version of %s', async (lines, version) => {
    expect((await factsOf(lines)).version).toBe(version);
  });

  it('follows class constants and declarations', async () => {
    const source = `<?php class modExample extends DolibarrModules { const string VERSION = '3.4.5'; public $numero = 12;
      public ?string $editor_name = 'Acme'; function __construct() { $this->version = self::VERSION; } }`;
    const result = await readDescriptor(archiveOf({ 'core/modules/modExample.class.php': source }), null);
    expect(result).toMatchObject({ ok: true, facts: { version: '3.4.5', numero: 12, editorName: 'Acme' } });
  });

  it.each([['example/VERSION'], ['example/core/VERSION'], ['example/core/modules/version'], ['VERSION']])(
    'takes a computed version from the file %s',
    async (path) => {
      const lines = `$this->version = 'development'; $this->version = trim(file_get_contents(__DIR__.'/../../VERSION'));`;
      expect((await factsOf(lines, { [path]: '4.5.6\n' })).version).toBe('4.5.6');
    },
  );

  it('takes a literal rather than a VERSION file, and an earlier literal where the last is computed and no file is there', async () => {
    expect((await factsOf(`$this->version = '1.2.3';`, { 'example/VERSION': '4.5.6' })).version).toBe('1.2.3');
    expect((await factsOf(`$this->version = '1.2.3'; $this->version = f();`)).version).toBe('1.2.3');
    expect((await factsOf(`$this->version = f();`, { 'example/VERSION': '<html>' })).version).toBe(null);
  });

  it.each([
    ['array(7, 1)', [7, 1]],
    ['[7, 1]', [7, 1]],
    ['array(19, -3)', [19, -3]],
    [`array('19', "-3",)`, [19, -3]],
    ['array(0 => 19, 1 => 0)', [19, 0]],
    ['array()', null],
    [`'19.0'`, null],
    ['array(DOL_VERSION)', null],
    ['array(7.4)', null],
    ['$min', null],
  ])('reads need_dolibarr_version = %s', async (value, numbers) => {
    expect((await factsOf(`$this->need_dolibarr_version = ${value};`)).dolibarrMin).toEqual(numbers);
  });

  it.each([
    ['500000', 500_000],
    ['500_000', 500_000],
    [`'184500'`, 184_500],
    ['BASE + 1', null],
  ])('reads numero = %s', async (value, numero) => {
    expect((await factsOf(`$this->numero = ${value};`)).numero).toBe(numero);
  });

  it.each([
    [`'https://x.org/v.txt'`, 'https://x.org/v.txt'],
    [`"https://x.org/k/$key/v.txt?m={$this->name}&v=\${v}"`, 'https://x.org/k/*/v.txt?m=*&v=*'],
    [`'https://x.org/ver.php?m='.$this->rights_class.'&v='.$this->version`, 'https://x.org/ver.php?m=example&v=1.0.0'],
    [`$this->kit->url('https://x.org/v.txt', $conf)`, 'https://x.org/v.txt'],
    [`dol_buildpath('/v.txt', 2)`, null],
    [`''`, null],
  ])('reads url_last_version = %s', async (value, url) => {
    const lines = `$this->rights_class = 'example'; $this->version = '1.0.0'; $this->url_last_version = ${value};`;
    expect((await factsOf(lines)).urlLastVersion).toBe(url);
  });

  it('takes the address that a constant may switch off', async () => {
    const lines = `if (!getDolGlobalString('OFF')) { $this->url_last_version = 'https://x.org/v.txt'; } else { $this->url_last_version = ''; }`;
    expect((await factsOf(lines)).urlLastVersion).toBe('https://x.org/v.txt');
  });
});

describe('the module name', () => {
  it.each([
    ['core/modules/modFooBar.class.php', `$this->name = preg_replace('/^mod/i', '', get_class($this));`, 'foobar'],
    ['core/modules/modFooBar.class.php', `$this->name = 'FooBar';`, 'foobar'],
    ['core/modules/modFooBar.class.php', `$this->name = 'Foo Bar';`, 'foobar'],
    ['core/modules/modFooBar.class.php', `$this->config_page_url = array("setup.php@foolder");`, 'foolder'],
    ['foolder/core/modules/modFooBar.class.php', `$this->config_page_url = array("setup.php@foolder");`, 'foolder'],
    ['foobar/core/modules/modFooBar.class.php', `$this->config_page_url = array("index.php@other");`, 'foobar'],
    ['FooBar/core/modules/modFooBar.class.php', '', 'foobar'],
    ['repo-1.0/core/modules/modFooBar.class.php', '', 'foobar'],
  ])('of %s with %s is %s', async (path, lines, module) => {
    const result = await readDescriptor(archiveOf({ [path]: descriptor(lines, 'modFooBar') }), null);
    expect(result).toMatchObject({ ok: true, facts: { module } });
  });
});

describe('several descriptors', () => {
  const two = {
    'one/core/modules/modOne.class.php': descriptor('', 'modOne'),
    'two/core/modules/modTwo.class.php': descriptor('', 'modTwo'),
    'README.md': '',
  };

  it('are chosen from by the hint, whatever its case', async () => {
    expect(await readDescriptor(archiveOf(two), 'Two')).toMatchObject({ ok: true, facts: { module: 'two' } });
  });

  it('are chosen from by the folder that the module names', async () => {
    const lines = `$this->config_page_url = ['setup.php@shop'];`;
    const contents = { ...two, 'shop/core/modules/modFoo.class.php': descriptor(lines, 'modFoo') };
    expect(await readDescriptor(archiveOf(contents), 'shop')).toMatchObject({ ok: true, facts: { module: 'shop' } });
  });

  it.each([null, 'three'])('are ambiguous with the hint %s', async (hint) => {
    const result = await readDescriptor(archiveOf(two), hint);
    expect(result).toMatchObject({ ok: false, problem: { code: 'MANIFEST_AMBIGUOUS', platform: 'dolibarr' } });
  });

  it('count only where PHP would take them', async () => {
    const contents = { ...two, 'two/core/modules/modTwo.class.php': '<?php // nothing' };
    expect(await readDescriptor(archiveOf(contents), null)).toMatchObject({ ok: true, facts: { module: 'one' } });
  });

  it('are not read by the hundred', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `modN${i}`);
    const many = Object.fromEntries(names.map((name) => [`core/modules/${name}.class.php`, descriptor('', name)]));
    expect(await problemOf(many)).toBe('MANIFEST_AMBIGUOUS');
    expect(await readDescriptor(archiveOf(many), 'n77')).toMatchObject({ ok: true, facts: { module: 'n77' } });
  });
});

describe('what no PHP could read', () => {
  const path = 'core/modules/modExample.class.php';

  it.each([
    ['an unclosed string', `<?php class modExample extends X { $a = 'b; }`],
    ['an unclosed comment', '<?php class modExample extends X { /* }'],
    ['an unclosed heredoc', '<?php class modExample extends X { $a = <<<SQL\nx }'],
    ['another class', '<?php class modOther extends X { }'],
    ['no PHP at all', 'class modExample {}'],
    ['an empty file', ''],
  ])('is unreadable: %s', async (_, source) => {
    expect(await problemOf({ [path]: source })).toBe('MANIFEST_UNREADABLE');
  });

  it('is unreadable where it is too large for the archive view', async () => {
    expect(await problemOf({ [path]: ' '.repeat(2_000_001) })).toBe('MANIFEST_UNREADABLE');
  });

  it('has a problem of its own where the encoding is none of PHP', async () => {
    expect(await problemOf({ [path]: Buffer.from(EXAMPLE, 'utf16le') })).toBe('MANIFEST_ENCODING');
  });

  it('but Windows-1252 and a byte order mark are read', async () => {
    const source = Buffer.from(descriptor(`$this->editor_name = 'Caf\u00e9';`), 'latin1');
    expect(await readDescriptor(archiveOf({ [path]: source }), null)).toMatchObject({ facts: { editorName: 'Café' } });
    expect(await readDescriptor(archiveOf({ [path]: `\ufeff${EXAMPLE}` }), null)).toMatchObject({ ok: true });
  });
});
