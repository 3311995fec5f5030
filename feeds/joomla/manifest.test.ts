import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { JoomlaFacts } from '../../src/releases/release.ts';
import { archiveOf, fixture } from './fixtures/example.ts';
import { readManifest } from './manifest.ts';

const TYPES = ['component', 'module', 'plugin', 'template', 'package', 'library', 'file', 'language'] as const;

async function read(files: Record<string, string | Uint8Array>, hint: string | null = null): Promise<JoomlaFacts> {
  const result = await readManifest(archiveOf(files), hint);
  if (!result.ok) throw new Error(result.problem.detail);
  return result.facts;
}

async function problemOf(files: Record<string, string | Uint8Array>, hint: string | null = null) {
  const result = await readManifest(archiveOf(files), hint);
  return result.ok ? null : result.problem;
}

/** A manifest of one line. */
function manifest(type: string, inside: string, attributes = '', version = '1.0.0'): string {
  return `<extension type="${type}" ${attributes}><version>${version}</version>${inside}</extension>`;
}

const plugin = (name: string, attributes = 'group="system"') =>
  manifest('plugin', `<files><file plugin="${name}">x.php</file></files>`, attributes);

describe('who the extension is', () => {
  it.each([
    ['component', 'com_exampleshopmore', 'administrator', ''],
    ['module', 'mod_example', 'administrator', ''],
    ['plugin', 'example', 'site', 'system'],
    ['template', 'examplelight', 'site', ''],
    ['package', 'pkg_ExampleSuite', 'site', ''],
    ['library', 'acme/example', 'site', ''],
    ['file', 'example', 'site', ''],
    ['language', 'de-DE', 'administrator', ''],
  ] as const)('%s: %s, %s, "%s"', async (type, element, client, folder) => {
    const facts = await read({ 'example.xml': fixture(`manifests/${type}.xml`) });
    expect(facts).toMatchObject({ platform: 'joomla', type, element, client, folder, version: '1.2.0' });
  });

  it.each([
    [
      'a component’s element before its name',
      manifest('component', '<name>Shop</name><element>COM_Other</element>'),
      { element: 'com_other' },
    ],
    [
      'a template for the administrator',
      manifest('template', '<name>T</name>', 'client="administrator"'),
      { client: 'administrator' },
    ],
    ['a module without a client', manifest('module', '<element>mod_x</element>'), { element: 'mod_x', client: 'site' }],
    ['a module’s element as it is written', manifest('module', '<element>mod_X</element>'), { element: 'mod_X' }],
    ['a plugin’s element as it is written', plugin('MyPlugin'), { element: 'MyPlugin' }],
    [
      'a client on a package that has none',
      manifest('package', '<packagename>x</packagename>', 'client="administrator"'),
      { client: 'site' },
    ],
  ])('reads %s', async (_name, xml, expected) => {
    expect(await read({ 'x.xml': xml })).toMatchObject(expected);
  });

  it.each([
    ['a component without any name', manifest('component', '<name>&amp;!</name>')],
    ['a plugin without its file', manifest('plugin', '<files><file>x.php</file></files>', 'group="system"')],
    ['a plugin without a group', plugin('x', '')],
    ['a package without a name', manifest('package', '')],
    ['a library without a name', manifest('library', '')],
    ['a language without a tag', manifest('language', '')],
    ['a module for a client that has no updates', manifest('module', '<element>mod_x</element>', 'client="api"')],
    ['an element above 100 characters', plugin('x'.repeat(101))],
    ['a group above 20 characters', plugin('x', `group="${'g'.repeat(21)}"`)],
    ['an element with blanks', plugin(' x ')],
    ['a type that Joomla does not know', manifest('widget', '<name>x</name>')],
    ['no version', '<extension type="component"><name>x</name></extension>'],
  ])('refuses %s', async (_name, xml) => {
    const problem = await problemOf({ 'x.xml': xml });
    expect(problem).toMatchObject({ code: 'MANIFEST_UNREADABLE', severity: 'error', platform: 'joomla' });
    expect(problem?.detail).toMatch(/\.$/);
  });

  it('takes 100 and 20 characters', async () => {
    const facts = await read({ 'x.xml': plugin('x'.repeat(100), `group="${'g'.repeat(20)}"`) });
    expect([facts.element.length, facts.folder.length]).toEqual([100, 20]);
  });

  it.each([
    ['##VERSION##', manifest('component', '<name>x</name>', '', '##VERSION##')],
    ['@version@', manifest('component', '<name>x</name>', '', '@version@')],
    ['{{ version }}', manifest('component', '<name>x</name>', '', '{{ version }}')],
    ['##NAME##', manifest('component', '<name>##NAME##</name>')],
    ['__PACKAGE_NAME__', manifest('package', '<packagename>__PACKAGE_NAME__</packagename>')],
    ['%GROUP%', plugin('x', 'group="%GROUP%"')],
  ])('tells the placeholder %s', async (holder, xml) => {
    expect(await problemOf({ 'x.xml': xml })).toMatchObject({
      code: 'MANIFEST_PLACEHOLDER',
      detail: expect.stringContaining(holder),
    });
  });

  it('refuses a version with blanks round it', async () => {
    expect(await problemOf({ 'x.xml': manifest('component', '<name>x</name>', '', '\n 1.0.0\n') })).toMatchObject({
      code: 'VERSION_UNFIT',
      severity: 'error',
    });
  });
});

describe('what else it says', () => {
  it('reads servers, key, PHP and changelog of a component', async () => {
    expect(await read({ 'example.xml': fixture('manifests/component.xml') })).toEqual({
      platform: 'joomla',
      element: 'com_exampleshopmore',
      type: 'component',
      client: 'administrator',
      folder: '',
      name: 'Example Shop & More!',
      version: '1.2.0',
      description: 'COM_EXAMPLE_DESC',
      phpMinimum: '8.1',
      updateServers: ['https://updates.example.org/acme/shop/updates.xml'],
      dlid: { prefix: 'dlid=', suffix: '' },
      changelogUrl: 'https://updates.example.org/acme/shop/changelog.xml',
      children: [],
      manifestPath: 'example.xml',
    });
  });

  it('reads what a package installs, and leaves collections out', async () => {
    const facts = await read({ 'pkg_example.xml': fixture('manifests/package.xml') });
    expect(facts.updateServers).toEqual(['https://updates.example.org/acme/suite/updates.xml']);
    expect(facts.children).toEqual([
      { type: 'component', id: 'com_example', client: '', group: '', file: 'packages/com_example.zip' },
      { type: 'plugin', id: 'example', client: '', group: 'system', file: 'packages/plg_system_example.zip' },
      { type: 'module', id: 'mod_example', client: 'site', group: '', file: 'packages/mod_example' },
    ]);
  });

  it('takes a bare text in <updateservers> for a server', async () => {
    const facts = await read({ 'example.xml': fixture('manifests/plugin.xml') });
    expect(facts.updateServers).toEqual(['https://updates.example.org/acme/plugin/updates.xml']);
  });

  it.each(['eight', '8.1 or later', '8.1.2.3.4', ''])('leaves the PHP version %j out', async (text) => {
    const facts = await read({ 'x.xml': manifest('component', `<name>x</name><php_minimum>${text}</php_minimum>`) });
    expect(facts.phpMinimum).toBeNull();
  });
});

describe('which manifest of an archive', () => {
  const component = manifest('component', '<name>shop</name>');
  const pack = manifest('package', '<packagename>suite</packagename>');
  const form = '<form><field type="text"/></form>';

  it.each([
    ['at the root', { 'shop.xml': component, 'admin/forms/a.xml': form }, 'shop.xml'],
    ['in the sole folder', { 'shop/shop.xml': component, 'shop/forms/a.xml': form }, 'shop/shop.xml'],
    [
      'deeper in the source of a tag',
      { 'shop-1.0/README.md': '', 'shop-1.0/src/com/shop.xml': component, 'shop-1.0/build.xml': '<project/>' },
      'shop-1.0/src/com/shop.xml',
    ],
    [
      'a package among others',
      { 'com/shop.xml': component, 'pkg/pkg_suite.xml': pack, 'plg/x.xml': plugin('x') },
      'pkg/pkg_suite.xml',
    ],
    [
      'the level nearest to the root',
      { 'pkg_suite.xml': pack, 'com/shop.xml': component, 'plg/x.xml': plugin('x') },
      'pkg_suite.xml',
    ],
    ['a good one beside a broken one', { 'a.xml': '<extension type="component"', 'b.xml': component }, 'b.xml'],
    [
      'beside what macOS leaves',
      { '__MACOSX/shop/._shop.xml': 'x', 'shop/shop.xml': component, '.hidden.xml': component },
      'shop/shop.xml',
    ],
  ])('%s', async (_name, files, path) => {
    expect((await read(files)).manifestPath).toBe(path);
  });

  it.each([
    ['x', 'plg/x.xml'],
    ['plg_system_x', 'plg/x.xml'],
    ['com_shop', 'com/deep/shop.xml'],
    ['pkg_suite', 'pkg_suite.xml'],
    ['com_unknown', 'pkg_suite.xml'],
  ])('the hint %s leads to %s', async (hint, path) => {
    const files = {
      'pkg_suite.xml': pack,
      'com/deep/shop.xml': component,
      'plg/x.xml': plugin('x'),
      'plg/y.xml': plugin('y'),
    };
    expect((await read(files, hint)).manifestPath).toBe(path);
  });

  it('reads no more levels than it needs', async () => {
    const archive = archiveOf({ 'shop.xml': component, 'forms/a.xml': form, 'forms/b.xml': form });
    await readManifest(archive, null);
    expect(archive.reads).toEqual(['shop.xml']);
  });

  it('names the candidates where it can’t decide', async () => {
    const problem = await problemOf({ 'a/x.xml': plugin('x'), 'b/y.xml': plugin('y') });
    expect(problem).toMatchObject({ code: 'MANIFEST_AMBIGUOUS', detail: expect.stringContaining('a/x.xml, b/y.xml') });
    expect(await problemOf({ 'a/x.xml': pack, 'b/y.xml': pack })).toMatchObject({ code: 'MANIFEST_AMBIGUOUS' });
  });

  it.each([
    ['nothing', {}],
    ['no XML', { 'README.md': 'x' }],
    ['other XML only', { 'a.xml': form, 'b/c.xml': '<metafile/>', 'd.xml': 'no xml' }],
    ['a file above 2 MB', { 'a.xml': `${component}${' '.repeat(2 * 1024 * 1024)}` }],
  ])('says that it is missing: %s', async (_name, files) => {
    expect(await problemOf(files)).toMatchObject({ code: 'MANIFEST_MISSING', severity: 'error' });
  });

  it.each([
    ['MANIFEST_WITH_ENTITIES', `<!DOCTYPE extension [<!ENTITY v "1.0">]>${component}`],
    ['MANIFEST_ENCODING', Buffer.from('<extension type="component"><name>\xe4</name></extension>', 'latin1')],
    ['MANIFEST_ENCODING', '<?xml version="1.0" encoding="utf-16"?><extension type="component"/>'],
    ['MANIFEST_UNREADABLE', '<extension type="component"><name>this & that</name></extension>'],
  ])('%s', async (code, content) => {
    expect(await problemOf({ 'x.xml': content })).toMatchObject({ code, severity: 'error' });
  });

  it('reads a manifest in UTF-16', async () => {
    const bytes = Buffer.from(`\uFEFF<?xml version="1.0" encoding="UTF-16"?>${component}`, 'utf16le');
    expect((await read({ 'shop.xml': bytes })).element).toBe('com_shop');
  });

  it('passes errors of the archive on', async () => {
    const archive = { files: [{ path: 'x.xml', size: 5 }], read: () => Promise.reject(new Error('damaged')) };
    await expect(readManifest(archive, null)).rejects.toThrow('damaged');
  });

  it('has a fixture for each type', () => {
    for (const type of TYPES) expect(fixture(`manifests/${type}.xml`)).toContain(`type="${type}"`);
  });
});

const samples = fileURLToPath(new URL('../../../shared/samples/joomla/manifests/', import.meta.url));
const withSamples = existsSync(samples) ? it : it.skip;
if (!existsSync(samples)) process.stderr.write(`SKIPPED: no sample manifests at ${samples}\n`);

describe('manifests of real extensions', () => {
  withSamples.each([
    ['com_ars.xml', 'com_ars', 'component', 'administrator', '7.3.2'],
    ['pkg_swjprojects.xml', 'pkg_swjprojects', 'package', 'site', '2.6.1'],
    ['file_joomla.xml', 'file_joomla', 'file', 'site', '5.2.1-dev'],
    ['tpl_cassiopeia.templateDetails.xml', 'cassiopeia', 'template', 'site', '1.0'],
  ])('%s', async (name, element, type, client, version) => {
    expect(await read({ [name]: readFileSync(samples + name) })).toMatchObject({ element, type, client, version });
  });

  withSamples.each(['mod_weblinks.xml', 'plg_system_weblinks.xml', 'pkg_with_dlid.xml'])(
    '%s is a template',
    async (name) => {
      expect(await problemOf({ [name]: readFileSync(samples + name) })).toMatchObject({ code: 'MANIFEST_PLACEHOLDER' });
    },
  );
});
