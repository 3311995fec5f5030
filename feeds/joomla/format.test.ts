import { describe, expect, it } from 'vitest';
import type { JoomlaFacts, PackageFacts } from '../../src/releases/release.ts';
import { archiveOf, exampleContext, exampleFacts, exampleInput, fixture } from './fixtures/example.ts';
import { joomlaFormat } from './format.ts';
import { parseUpdates } from './model/parse-updates.ts';

describe('the documents', () => {
  it('are named and typed', () => {
    expect(joomlaFormat.documents.map(({ fileName, kind, contentType }) => [fileName, kind, contentType])).toEqual([
      ['updates.xml', 'feed', 'application/xml; charset=utf-8'],
      ['changelog.xml', 'changelog', 'application/xml; charset=utf-8'],
    ]);
  });

  it('are empty in the same way for nobody and for nothing', () => {
    for (const document of joomlaFormat.documents) expect(document.render(exampleInput([]))).toBe(document.empty);
  });

  it('are read without a word by Joomla when empty', () => {
    const site = {
      joomla: '5.4.0',
      php: '8.3.0',
      db: { type: 'mysql', version: '8.0.36' },
      minStability: 4 as const,
      extensions: [],
      extraQuery: '',
      feedUrl: '',
    };
    const empty = joomlaFormat.documents[0]?.empty ?? '';
    expect(parseUpdates(Buffer.from(empty), site)).toMatchObject({ ok: true, fatal: null, warnings: [], entries: [] });
  });
});

describe('the name of the download', () => {
  it.each([
    ['com_example-1.2.0.zip', {}],
    ['mod_example-1.2.0.zip', { type: 'module', element: 'mod_example' }],
    ['plg_system_example-1.2.0.zip', { type: 'plugin', element: 'example', folder: 'system' }],
    ['tpl_example-1.2.0.zip', { type: 'template', element: 'example' }],
    ['pkg_Example-1.2.0.zip', { type: 'package', element: 'pkg_Example' }],
    ['lib_acme_example-1.2.0.zip', { type: 'library', element: 'acme/example' }],
    ['lib_example-1.2.0.zip', { type: 'library', element: 'lib_example' }],
    ['files_example-1.2.0.zip', { type: 'file', element: 'files_example' }],
    ['lang_de-DE-1.2.0.zip', { type: 'language', element: 'de-DE' }],
  ] as [string, Partial<JoomlaFacts>][])('%s', (name, facts) => {
    expect(joomlaFormat.downloadName(exampleFacts(facts), '1.2.0')).toBe(name);
  });

  it.each(['1.0; x="', '1.0\r\nX: y', '1.0 ä+b/../c', ''])('is safe in a header for the version %j', (version) => {
    expect(joomlaFormat.downloadName(exampleFacts(), version)).toMatch(/^[A-Za-z0-9._-]+\.zip$/);
  });

  it('is bounded', () => {
    expect(joomlaFormat.downloadName(exampleFacts({ element: 'e'.repeat(500) }), '1'.repeat(500)).length).toBeLessThan(
      210,
    );
  });
});

describe('from an archive to a clean release', () => {
  it('reads, finds nothing to complain of, and has nothing to repack', async () => {
    const archive = archiveOf({ 'example.xml': fixture('manifests/component.xml'), 'admin/src/x.php': '' });
    const result = await joomlaFormat.read(archive, null);
    if (!result.ok) throw new Error(result.problem.detail);
    expect(joomlaFormat.lint(exampleContext({ facts: result.facts, files: archive.files }))).toEqual([]);
    expect(joomlaFormat.repack(result.facts, archive.files)).toBeNull();
  });

  it('repacks the archive of a tag that keeps the extension in a folder', async () => {
    const archive = archiveOf({
      'shop-1.2.0/build.xml': '<project/>',
      'shop-1.2.0/extension/example.xml': fixture('manifests/component.xml'),
    });
    const result = await joomlaFormat.read(archive, null);
    if (!result.ok) throw new Error(result.problem.detail);
    expect(joomlaFormat.repack(result.facts, archive.files)).toEqual({ strip: 'shop-1.2.0/extension/', prefix: '' });
  });
});

it('orders versions as PHP does', () => {
  const versions = ['1.2.0', '1.2.0-rc1', '1.10.0', '1.2.0-beta2', '1.2.0.1', '1.2.0-dev'];
  expect(versions.toSorted(joomlaFormat.compareVersions)).toEqual([
    '1.2.0-dev',
    '1.2.0-beta2',
    '1.2.0-rc1',
    '1.2.0',
    '1.2.0.1',
    '1.10.0',
  ]);
});

it('refuses facts of another platform everywhere', () => {
  const facts = { platform: 'dolibarr' } as unknown as PackageFacts;
  expect(() => joomlaFormat.repack(facts, [])).toThrow(TypeError);
  expect(() => joomlaFormat.downloadName(facts, '1')).toThrow(TypeError);
});
