import { describe, expect, it } from 'vitest';
import type { DolibarrFacts } from '../../src/releases/release.ts';
import type { LintContext } from '../../src/updates/feed-format.ts';
import { exampleFacts } from './fixtures/test-sample.ts';
import { lintRelease } from './lint.ts';

function context(changed: Partial<LintContext> = {}, facts: Partial<DolibarrFacts> = {}): LintContext {
  const version = changed.version ?? '2.1.0';
  return {
    facts: { ...exampleFacts, version, ...facts },
    files: [{ path: 'example/core/modules/modExample.class.php', size: 10 }],
    fileName: 'module_example-2.1.0.zip',
    tag: `v${version}`,
    version,
    clientWord: 'stable',
    target: null,
    targetDeclared: false,
    mode: 'strict',
    feedUrls: ['https://gate.example.org/acme/example/dolibarr.txt'],
    earlier: null,
    ...changed,
  };
}

function codes(changed: Partial<LintContext> = {}, facts: Partial<DolibarrFacts> = {}): string[] {
  return lintRelease(context(changed, facts)).map((problem) => `${problem.severity} ${problem.code}`);
}

describe('lintRelease', () => {
  it('finds nothing in a release that Dolibarr takes as it is', () => {
    expect(codes()).toEqual([]);
  });

  it('has nothing to say of other packages', () => {
    const { facts, ...rest } = context();
    const joomla: LintContext['facts'] = {
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
    expect(facts.platform).toBe('dolibarr');
    expect(lintRelease({ ...rest, facts: joomla })).toEqual([]);
  });

  it.each([
    ['2.1.0', '2.1.0', []],
    ['2.1.0', null, []],
    ['2.1.0-rc.1', '2.1.0rc1', []],
    ['2.5.2', '02.05.02', []],
    ['2.1.0', '2.1', ['error VERSION_MISMATCH']],
    ['2.1.0', '2.0.0', ['error VERSION_MISMATCH']],
    ['2.1.0', '2.2.0', ['error VERSION_MISMATCH']],
    ['2.1.0', 'v2.1.0', ['error VERSION_MISMATCH']],
    ['2.1.0-rc.1', '2.1.0', ['error VERSION_MISMATCH']],
    ['2.1.0', 'development', ['error DESCRIPTOR_VERSION_KEYWORD']],
    ['2.1.0', 'dolibarr_deprecated', ['error DESCRIPTOR_VERSION_KEYWORD']],
  ])('release %s with descriptor %s: %j', (version, installed, expected) => {
    expect(codes({ version }, { version: installed })).toEqual(expected);
  });

  it.each([
    ['1'.repeat(28), []],
    ['1'.repeat(29), ['error VERSION_UNFIT']],
    ['2.0.0-rc.1', []],
    ['2.0.0-RC1', []],
    ['2.0.0-beta.2', []],
    ['2.0.0-pl1', []],
    ['2.0b1', []],
    ['2.0.0-Beta.2', ['error VERSION_UNFIT']],
    ['2.0.0-DEV', ['error VERSION_UNFIT']],
    ['2.0.0-nightly', ['error VERSION_UNFIT']],
    ['2.0.0-security.1', ['error VERSION_UNFIT']],
    ['2.0.0-preview1', ['error VERSION_UNFIT']],
    ['2.0.0-hotfix.1-x', ['error VERSION_UNFIT', 'error VERSION_UNFIT']],
    ['2.0.0-', ['error VERSION_UNFIT']],
    ['2.0.0~rc1', ['error VERSION_UNFIT']],
    ['stable', ['error VERSION_UNFIT']],
    ['v2.0.0', ['warning VERSION_UNFIT']],
    ['2.0.0+build.5', ['warning VERSION_UNFIT']],
  ])('version %s: %j', (version, expected) => {
    expect(codes({ version }, { version: null })).toEqual(expected);
  });

  it.each([
    ['example', []],
    ['other', ['error IDENTITY_CHANGED']],
  ])('after a release of module %s: %j', (module, expected) => {
    expect(codes({ earlier: { ...exampleFacts, module } })).toEqual(expected);
  });

  it.each([
    ['module_example-2.1.0.zip', []],
    ['example-2.1.0.ZIP', []],
    ['example.zip', ['warning FILE_NAME_UNFIT']],
    ['module_example-2.1.0-rc.1.zip', ['warning FILE_NAME_UNFIT']],
    ['module_example-v2.1.0.zip', ['warning FILE_NAME_UNFIT']],
    ['module_example-pro-2.1.0.zip', ['warning FILE_NAME_UNFIT']],
    ['Example-2.1.0.zip', ['warning FILE_NAME_UNFIT']],
  ])('asset %s: %j', (fileName, expected) => {
    expect(codes({ fileName })).toEqual(expected);
  });

  it('tells of a module name that no file name can lead to', () => {
    const facts = { module: 'salesmodule_pro', rootPath: 'salesmodule_pro/' };
    const [problem, ...others] = lintRelease(context({ fileName: 'salesmodule_pro-2.1.0.zip' }, facts));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: 'FILE_NAME_UNFIT', severity: 'warning' });
    expect(problem?.fix).toContain('htdocs/custom');
  });

  it.each([
    ['example/', []],
    ['htdocs/example/', []],
    ['', ['warning ROOT_FOLDER_UNFIT']],
    ['example-2.1.0/', ['warning ROOT_FOLDER_UNFIT']],
    ['Example/', ['warning ROOT_FOLDER_UNFIT']],
    ['htdocs/custom/example/', ['warning ROOT_FOLDER_UNFIT']],
  ])('root %j: %j', (rootPath, expected) => {
    expect(codes({}, { rootPath })).toEqual(expected);
  });

  it.each([
    [{ numero: 500_000 }, ['warning NUMERO_DEFAULT']],
    [{ numero: null }, []],
    [{ urlLastVersion: null }, ['warning UPDATE_URL_MISSING']],
    [{ urlLastVersion: 'https://elsewhere.example.com/v.txt?key=SECRET' }, ['warning UPDATE_URL_MISSING']],
    [{ urlLastVersion: 'https://gate.example.org/k/*/acme/example/dolibarr.txt' }, []],
    [{ dolibarrMin: null }, ['warning TARGET_PLATFORM_MISSING']],
  ])('descriptor with %j: %j', (facts, expected) => {
    expect(codes({}, facts)).toEqual(expected);
  });

  it('is content with a target from the product', () => {
    expect(codes({ target: { min: '19', max: null } }, { dolibarrMin: null })).toEqual([]);
  });

  it('tells no key that stands in the address', () => {
    const urlLastVersion = 'https://me:SECRET@elsewhere.example.com/k/SECRET/v.txt?key=SECRET';
    const problems = lintRelease(context({}, { urlLastVersion }));
    expect(JSON.stringify(problems)).not.toContain('SECRET');
    expect(problems[0]?.detail).toContain('elsewhere.example.com/v.txt');
    expect(problems[0]?.fix).toContain('https://gate.example.org/acme/example/dolibarr.txt');
  });
});
