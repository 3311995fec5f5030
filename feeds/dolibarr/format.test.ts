import { describe, expect, it } from 'vitest';
import type { PackageFacts } from '../../src/releases/release.ts';
import { archiveOf, exampleFacts, feedInput, fixture, release, zipOf } from './fixtures/test-sample.ts';
import { dolibarrFormat } from './format.ts';
import { deploy } from './model/deploy.ts';
import { checkForUpdate } from './model/update-check.ts';
import { textDocument } from './text.ts';

describe('dolibarrFormat', () => {
  it('serves a text and an XML feed', () => {
    expect(dolibarrFormat.documents.map((one) => `${one.fileName} ${one.kind}`)).toEqual([
      'dolibarr.txt feed',
      'dolibarr.xml feed',
    ]);
  });

  it.each([
    ['example/', null],
    ['htdocs/example/', null],
    ['', { strip: '', prefix: 'example/' }],
    ['repo-2.1.0/', { strip: 'repo-2.1.0/', prefix: 'example/' }],
    ['htdocs/custom/example/', { strip: 'htdocs/custom/example/', prefix: 'example/' }],
  ])('packs %j anew as %j', (rootPath, plan) => {
    expect(dolibarrFormat.repack({ ...exampleFacts, rootPath }, [])).toEqual(plan);
  });

  it.each(['', 'example/', 'repo-2.1.0/', 'repo-2.1.0/src/', 'htdocs/custom/example/', 'htdocs/example/'])(
    'makes of a module in %j a file that Dolibarr deploys',
    async (root) => {
      const contents = {
        [`${root}core/modules/modExample.class.php`]: fixture('descriptors/modExample.class.php'),
        [`${root}admin/setup.php`]: '<?php',
      };
      const archive = archiveOf(contents);
      const result = await dolibarrFormat.read(archive, null);
      if (!result.ok) throw new Error(result.problem.detail);
      const plan = dolibarrFormat.repack(result.facts, archive.files) ?? { strip: '', prefix: '' };
      const packed = Object.entries(contents).map(([path, text]) => [
        plan.prefix + path.slice(plan.strip.length),
        text,
      ]);
      const fileName = dolibarrFormat.downloadName(result.facts, '2.1.0-rc.1');
      expect(await deploy(fileName, await zipOf(Object.fromEntries(packed)))).toMatchObject({
        ok: true,
        folders: ['example'],
        files: [{ path: 'example/core/modules/modExample.class.php' }, { path: 'example/admin/setup.php' }],
      });
    },
  );

  it.each([
    ['2.0.0', 1],
    ['2.1.0', 0],
    ['2.2.0', 0],
  ])('tells a Dolibarr with %s of 2.1.0 (result %d)', async (version, expected) => {
    const body = Buffer.from(textDocument.render(feedInput([release('2.1.0'), release('2.0.0')])));
    const http = { get: async () => ({ status: 200, location: null, body }) };
    const { result } = await checkForUpdate({ version, urlLastVersion: 'https://gate.example.org/' }, http);
    expect(result).toBe(expected);
  });

  it('takes no package of another kind', () => {
    const joomla: PackageFacts = {
      platform: 'joomla',
      element: 'com_x',
      type: 'component',
      client: 'administrator',
      folder: '',
      name: 'x',
      version: '1',
      description: '',
      phpMinimum: null,
      updateServers: [],
      dlid: null,
      changelogUrl: null,
      children: [],
      manifestPath: 'x.xml',
    };
    expect(() => dolibarrFormat.downloadName(joomla, '1')).toThrow('joomla');
  });

  it('names the download so that it can be deployed', () => {
    expect(dolibarrFormat.downloadName(exampleFacts, '2.1.0')).toBe('module_example-2.1.0.zip');
  });

  it.each([
    ['1.0.0-preview1', '1.0.0', 1],
    ['1.0.0-pre', '1.0.0', 1],
    ['1.0.0-patch1', '1.0.0', 1],
    ['1.0.0-build5', '1.0.0-beta4', 1],
    ['1.0.0-build5', '1.0.0', -1],
    ['1.0.0-stable', '1.0.0', -1],
    ['1.0.0-final', '1.0.0', -1],
    ['1.0.0-ga', '1.0.0', -1],
    ['1.0.0-release', '1.0.0', -1],
    ['1.0.0-hotfix.1', '1.0.0', -1],
    ['1.0.0-next', '1.0.0', -1],
    ['2.0.0-nightly', '2.0.0-dev', -1],
    ['2.0.0-snapshot', '2.0.0-dev', -1],
    ['1.0.0-canary', '1.0.0-nightly', 0],
    ['1.0.0-DEV', '1.0.0-dev', -1],
    ['1.0.0-BETA1', '1.0.0-dev', -1],
    ['1.0.0-Rc1', '1.0.0-dev', -1],
    ['1.0.0-RC1', '1.0.0-rc1', 0],
    ['1.0.0-PL1', '1.0.0', -1],
    ['1.0.0a', '1.0.0-alpha', 0],
    ['1.0.0p1', '1.0.0pl1', 0],
    ['1.0.0-p1', '1.0.0', 1],
    ['1.0.0-1', '1.0.0', 1],
    ['1.0.0.1', '1.0.0', 1],
    ['1.0.0-1', '1.0.0.1', 0],
    ['1.0.0-rc.1', '1.0.0rc1', 0],
    ['1.0.0-beta.1', '1.0.0-beta1', 0],
    ['1.0.0-rc10', '1.0.0-rc9', 1],
    ['1.0.0-rc', '1.0.0-rc1', -1],
    ['1.0.0-beta', '1.0.0-beta1', -1],
    ['1.0.0-dev', '1.0', 1],
    ['1.0', '1.0.0', -1],
    ['1.0.0', '1.0.0.0', -1],
    ['1.0.0.', '1.0.0', -1],
    ['2.0.0+1', '2.0.0', 1],
    ['1.10.0', '1.9.0', 1],
    ['', '1.0.0', -1],
    ['', 'dev', -1],
    ['2.0.0', 'development', 1],
    ['2.0.0', 'dolibarr', 1],
  ])('orders %j and %j as Dolibarr does: %d', (a, b, order) => {
    expect(dolibarrFormat.compareVersions(a, b)).toBe(order);
  });
});
