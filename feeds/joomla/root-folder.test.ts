import { describe, expect, it } from 'vitest';
import { repackPlan, soleFolder } from './root-folder.ts';

const listed = (...paths: string[]) => paths.map((path) => ({ path }));

describe('the sole folder of an archive', () => {
  it.each([
    [['a/x.xml', 'a/b/y.php'], 'a/'],
    [['a/x.xml', '.gitignore', '.github/ci.yml', '__MACOSX/a/._x.xml', 'notes.txt~'], 'a/'],
    [['a/x.xml', 'README.md'], ''],
    [['a/x.xml', 'b/y.xml'], ''],
    [['x.xml'], ''],
    [[], ''],
  ])('of %j is "%s"', (paths, folder) => {
    expect(soleFolder(listed(...paths))).toBe(folder);
  });
});

describe('how a file is brought into shape', () => {
  it.each([
    ['the root', 'x.xml', ['x.xml', 'src/a.php'], null],
    ['the sole folder', 'a/x.xml', ['a/x.xml', 'a/src/a.php'], null],
    ['one level down, alone', 'ext/x.xml', ['ext/x.xml', 'README.md', 'docs/a.md'], null],
    ['one level below the sole folder, alone', 'a/ext/x.xml', ['a/ext/x.xml', 'a/README.md', '.hidden.xml'], null],
    ['one level down beside other XML', 'ext/x.xml', ['ext/x.xml', 'build.xml'], 'ext/'],
    ['one level down beside a folder with XML', 'ext/x.xml', ['docs/a.xml', 'ext/x.xml'], 'ext/'],
    ['two levels below the root', 'src/ext/x.xml', ['src/ext/x.xml', 'README.md'], 'src/ext/'],
    ['two levels below the sole folder', 'a/src/ext/x.xml', ['a/src/ext/x.xml', 'a/README.md'], 'a/src/ext/'],
  ])('a manifest in %s', (_name, manifestPath, paths, strip) => {
    expect(repackPlan(manifestPath, listed(...paths))).toEqual(strip === null ? null : { strip, prefix: '' });
  });
});
