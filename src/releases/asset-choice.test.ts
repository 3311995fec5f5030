import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemoteAsset } from '../forge/forge.ts';
import { type AssetRequest, chooseAsset, matchesGlob, versionFromFileName } from './asset-choice.ts';

function asset(name: string, extra: Partial<RemoteAsset> = {}): RemoteAsset {
  return { id: name, name, size: 10, revision: '1', sha256: null, external: false, locator: name, ...extra };
}

function chosen(names: string[], request: Partial<AssetRequest> = {}): string {
  return outcome(
    names.map((name) => asset(name)),
    request,
  );
}

function outcome(assets: RemoteAsset[], request: Partial<AssetRequest> = {}): string {
  const choice = chooseAsset(assets, { platform: 'joomla', patterns: [], hint: null, version: null, ...request });
  if (choice.kind === 'asset') return choice.asset.name;
  return choice.kind === 'archive' ? '(archive)' : choice.problem.code;
}

describe('chooseAsset without a pattern', () => {
  it.each<[string[], string]>([
    [[], '(archive)'],
    [['README.md', 'x.zip.sha256', 'x.zip.asc', 'x.zip.sig', 'checksums.txt'], '(archive)'],
    [['source.zip', 'example-1.0-src.zip', 'Source code (zip).zip', 'sources.tar.gz'], '(archive)'],
    [['anything.zip'], 'anything.zip'],
    [['ANYTHING.ZIP', 'anything.zip.md5'], 'ANYTHING.ZIP'],
    [['resource_kit-1.0.zip'], 'resource_kit-1.0.zip'],
    [['example-1.0.zip', 'example-1.0-source.zip'], 'example-1.0.zip'],
    [['pkg_x-1.0.tar.gz'], 'ASSET_MISSING'],
    [['com_x-1.0.zip', 'pkg_x-1.0.zip', 'plg_system_x-1.0.zip'], 'pkg_x-1.0.zip'],
    [['plg_system_x-1.0.zip', 'Com_X-1.0.zip', 'docs.zip'], 'Com_X-1.0.zip'],
    [['tpl_x.zip', 'lib_x.zip'], 'tpl_x.zip'],
    [['file_x.zip', 'x.zip'], 'file_x.zip'],
    [['com_x-1.0-core.zip', 'com_x-1.0-pro.zip'], 'ASSET_AMBIGUOUS'],
    [['a.zip', 'b.zip'], 'ASSET_AMBIGUOUS'],
  ])('for Joomla, of %j takes %s', (names, expected) => {
    expect(chosen(names)).toBe(expected);
  });

  it.each<[string[], string | null, string]>([
    [['module_foo-1.0.zip', 'foo-docs.zip'], null, 'module_foo-1.0.zip'],
    [['module_foo-1.0.zip', 'module_bar-1.0.zip'], 'foo', 'module_foo-1.0.zip'],
    [['module_foo-1.0.zip', 'module_foobar-1.0.zip'], 'foo', 'module_foo-1.0.zip'],
    [['foo-1.0.zip', 'manual.zip'], 'foo', 'foo-1.0.zip'],
    [['foo-1.0.zip', 'module_foo-1.0.zip'], null, 'module_foo-1.0.zip'],
    [['foo.zip', 'bar.zip'], null, 'ASSET_AMBIGUOUS'],
  ])('for Dolibarr, of %j with the hint %j takes %s', (names, hint, expected) => {
    expect(chosen(names, { platform: 'dolibarr', hint })).toBe(expected);
  });

  it('prefers what begins with the element of the product', () => {
    const names = ['pkg_other-1.0.zip', 'com_example-1.0.zip', 'com_examples-1.0.zip'];
    expect(chosen(names, { hint: 'com_example' })).toBe('com_example-1.0.zip');
    expect(chosen(names, { hint: 'com_absent' })).toBe('pkg_other-1.0.zip');
  });

  it('prefers the file of this version where old ones were left behind', () => {
    const names = ['pkg_x-1.2.0.zip', 'pkg_x-1.2.0-beta1.zip', 'pkg_x-11.2.0.zip', 'pkg_x-1.2.0.1.zip'];
    expect(chosen(names, { version: '1.2.0' })).toBe('pkg_x-1.2.0.zip');
    expect(chosen(names, { version: '1.2.0-beta1' })).toBe('pkg_x-1.2.0-beta1.zip');
    expect(chosen(names, { version: '1.3.0' })).toBe('ASSET_AMBIGUOUS');
  });

  it('passes over links to other servers while there is a file, and names them when there is none', () => {
    const link = asset('com_x-1.0.zip', { external: true, size: 0 });
    expect(outcome([link, asset('x.zip')])).toBe('x.zip');
    expect(outcome([link])).toBe('ASSET_EXTERNAL');
  });

  it('refuses an empty file', () => {
    expect(outcome([asset('com_x.zip', { size: 0 })])).toBe('ASSET_EMPTY');
  });

  it('names the files that it could not choose between', () => {
    const choice = chooseAsset([asset('a-core.zip'), asset('a-pro.zip')], {
      platform: 'dolibarr',
      patterns: [],
      hint: null,
      version: null,
    });
    expect(choice).toMatchObject({
      kind: 'problem',
      problem: {
        severity: 'error',
        platform: 'dolibarr',
        detail: 'Several files could be meant: "a-core.zip", "a-pro.zip".',
      },
    });
  });
});

describe('chooseAsset with patterns', () => {
  const names = ['com_x-1.2-core.zip', 'com_x-1.2-pro.zip', 'com_x-1.2-pro.zip.sha256', 'old_x-1.1-pro.zip'];

  it.each<[string[], string | null, string]>([
    [['*-core.zip'], null, 'com_x-1.2-core.zip'],
    [['com_*-pro.zip'], null, 'com_x-1.2-pro.zip'],
    [['com_*-pro*'], null, 'com_x-1.2-pro.zip'],
    [['*-{version}-pro.zip'], '1.2', 'com_x-1.2-pro.zip'],
    [['com_x-{version}-pro.zip'], null, 'com_x-1.2-pro.zip'],
    [['*-pro.zip'], '1.1', 'old_x-1.1-pro.zip'],
    [['*-pro.zip'], null, 'ASSET_AMBIGUOUS'],
    [['*-ultimate.zip', 'com_*-pro.zip', '*'], null, 'com_x-1.2-pro.zip'],
    [['*-ultimate.zip'], null, 'ASSET_MISSING'],
    [['*-PRO.zip'], null, 'ASSET_MISSING'],
    [['com_x-1.2-pro'], null, 'ASSET_MISSING'],
    [['*.sha256'], null, 'ASSET_MISSING'],
  ])('the patterns %j at version %j take %s', (patterns, version, expected) => {
    expect(chosen(names, { patterns, version })).toBe(expected);
  });

  it('never falls back to another file or to the archive of the tag', () => {
    expect(chosen(['com_x.zip'], { patterns: ['*-pro.zip'] })).toBe('ASSET_MISSING');
    expect(chosen([], { patterns: ['*-pro.zip'] })).toBe('ASSET_MISSING');
  });

  it('may name a source archive on purpose', () => {
    expect(chosen(['x-src.zip', 'x.zip'], { patterns: ['*-src.zip'] })).toBe('x-src.zip');
  });

  it('refuses a link to another server that it names', () => {
    expect(outcome([asset('x-pro.zip', { external: true })], { patterns: ['*-pro.zip'] })).toBe('ASSET_EXTERNAL');
  });
});

describe('matchesGlob', () => {
  it.each<[string, string, boolean]>([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['**', 'abc', true],
    ['a*', 'abc', true],
    ['*c', 'abc', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbb', false],
    ['?', '', false],
    ['a?c', 'abc', true],
    ['*ab*ab*', 'xabyab', true],
    ['*ab*ab*', 'xaby', false],
    ['*aab', 'aaab', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['v*', 'v1/2', true],
    ['A*', 'abc', false],
  ])('%j on %j: %j', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it('agrees with the plain definition', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?');
    const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const text = fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        expect(matchesGlob(glob, name)).toBe(
          new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('answers on the text that makes a backtracking matcher hang', () => {
    expect(matchesGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(255))).toBe(false);
  });
});

describe('versionFromFileName', () => {
  it.each<[string, string | null]>([
    ['pkg_x-02.19.00.zip', '02.19.00'],
    ['com_x-1.2.3.zip', '1.2.3'],
    ['com_x-v1.2.3.ZIP', '1.2.3'],
    ['com_x_1.2.3-pro.zip', '1.2.3'],
    ['com_x-1.2.3-rc.1.zip', '1.2.3-rc.1'],
    ['com_x-1.2.3-RC1-pro.zip', '1.2.3-RC1'],
    ['com_x-1.2.3b2.zip', '1.2.3b2'],
    ['com_x-1.2.3.4.zip', '1.2.3.4'],
    ['com_x-1.2.3+5.zip', '1.2.3'],
    ['plg_group_x_v5.0.0.Joomla4.zip', '5.0.0'],
    ['x-1.2.3-joomla-5.4.zip', '1.2.3'],
    ['x-joomla-5.4-1.2.3.zip', '1.2.3'],
    ['x-php-8.1-1.2.3.zip', '1.2.3'],
    ['com_k2-2.10.zip', '2.10'],
    ['pkg_2checkout-1.0.1.zip', '1.0.1'],
    ['mod_j2store.zip', null],
    ['module_foo-2.zip', '2'],
    ['module_foo-1.2.3 (1).zip', '1.2.3'],
    ['module_foo-1.2.3(2).zip', '1.2.3'],
    ['x-2026.01.05.zip', '2026.01.05'],
    ['x-20260105.zip', '20260105'],
    ['pkg_x-1.2.3-dev202601051200-revabc123.zip', '1.2.3-dev202601051200-revabc123'],
    ['1.2.3.zip', '1.2.3'],
    ['x-3-1.2.zip', '1.2'],
    ['x.zip', null],
    ['', null],
  ])('in %j is %j', (name, version) => {
    expect(versionFromFileName(name)).toBe(version);
  });

  it('answers on long names', () => {
    expect(versionFromFileName(`x-${'1.'.repeat(5000)}`)).not.toBeUndefined();
    expect(versionFromFileName(`x-${'1-'.repeat(5000)}a.zip`)).not.toBeUndefined();
  });
});
