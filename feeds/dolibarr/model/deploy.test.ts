import { describe, expect, it } from 'vitest';
import { zipOf } from '../fixtures/test-sample.ts';
import { deploy } from './deploy.ts';
import { deployFolder } from './deploy-name.ts';

describe('deployFolder', () => {
  it.each([
    ['module_foo-1.2.3.zip', 'foo'],
    ['module_foo-1.2.3.ZIP', 'foo'],
    ['foo-1.2.3.zip', 'foo'],
    ['module_foo-2.zip', 'foo'],
    ['module_foo-1.2.3.4.zip', 'foo'],
    ['module_foo-20260101.zip', 'foo'],
    ['module_foo-1.2.3 (1).zip', 'foo'],
    ['module_foo-1.2.3(2).zip', 'foo'],
    ['C:/downloads/module_foo-1.2.3.zip', 'foo'],
    ['modulefoo_bar-1.0.zip', 'modulefoo_bar'],
    ['module_foo-rc-1.2.3.zip', 'foo-rc'],
    ['module_salesmodule_pro-1.0.zip', 'salespro'],
    ['theme_blue-1.0.zip', 'theme_blue'],
    ['module_foo-1.2.3-rc.1.zip', null],
    ['module_foo-1.2.3rc1.zip', null],
    ['module_foo-v1.2.3.zip', null],
    ['module_foo-1.2.3+b5.zip', null],
    ['module_foo_1.2.3.zip', null],
    ['foo.zip', null],
    ['module_foo-1.2.3.tar.gz', null],
    ['download.php?id=1', null],
    ['', null],
  ])('of %s is %s', (name, folder) => {
    expect(deployFolder(name)).toBe(folder);
  });
});

describe('deploy', () => {
  it.each(['foo/', 'htdocs/foo/'])('puts %s under custom', async (root) => {
    const bytes = await zipOf({
      'README.md': 'x',
      [`${root}core/modules/modFoo.class.php`]: '<?php',
      [`${root}img/`]: '',
      [`${root}img/a.png`]: '12',
    });
    expect(await deploy('module_foo-1.0.0.zip', bytes)).toEqual({
      ok: true,
      module: 'foo',
      folders: ['foo'],
      files: [
        { path: 'foo/core/modules/modFoo.class.php', size: 5 },
        { path: 'foo/img/a.png', size: 2 },
      ],
      dropped: [],
    });
  });

  it('drops entries that climb', async () => {
    const bytes = await zipOf({ 'foo/a.php': 'a', 'foo/xx/b.php': 'b', 'foo/cxxd.php': 'c' }, [
      ['foo/xx/', 'foo/../'],
      ['cxxd', 'c..d'],
    ]);
    expect(await deploy('foo-1.0.zip', bytes)).toMatchObject({
      ok: true,
      files: [{ path: 'foo/a.php' }],
      dropped: ['foo/../b.php', 'foo/c..d.php'],
    });
  });

  it.each([
    ['foo.zip', 'file_name'],
    ['module_foo-1.0-rc.1.zip', 'file_name'],
    ['module_bar-1.0.zip', 'folder'],
    ['Foo-1.0.zip', 'folder'],
    ['fo-1.0.zip', 'folder'],
    ['-1.0.zip', 'file_name'],
  ])('refuses %s', async (name, refusal) => {
    expect(await deploy(name, await zipOf({ 'foo/a.php': '' }))).toMatchObject({ ok: false, refusal });
  });

  it('refuses the source archive of a forge', async () => {
    const bytes = await zipOf({ 'foo-v1.0/core/modules/modFoo.class.php': '' });
    expect(await deploy('module_foo-1.0.zip', bytes)).toMatchObject({ ok: false, refusal: 'folder' });
  });

  it.each([
    ['no zip', async () => Buffer.from('not a zip')],
    ['nothing', async () => new Uint8Array()],
    ['half a zip', async () => (await zipOf({ 'foo/a.php': 'x' })).slice(0, 40)],
  ])('refuses %s', async (_, bytes) => {
    expect(await deploy('foo-1.0.zip', await bytes())).toMatchObject({ ok: false, refusal: 'archive' });
  });

  it('puts every folder of a metapackage under custom', async () => {
    const bytes = await zipOf({
      'foo/metapackage.conf': '# the set\n// of\nbar\nfoo\n\n',
      'foo/a.php': '',
      'htdocs/bar/b.php': '',
      'baz/c.php': '',
    });
    const result = await deploy('foo-1.0.zip', bytes);
    expect(result).toMatchObject({ ok: true, folders: ['bar', 'foo'] });
    expect(result.ok && result.files.map((file) => file.path).sort()).toEqual([
      'bar/b.php',
      'foo/a.php',
      'foo/metapackage.conf',
    ]);
  });

  it.each(['bar', 'foo\r'])('refuses a metapackage that lists %j', async (line) => {
    const bytes = await zipOf({ 'foo/metapackage.conf': `${line}\n`, 'foo/a.php': '' });
    expect(await deploy('foo-1.0.zip', bytes)).toMatchObject({ ok: false, refusal: 'metapackage' });
  });
});
