import { describe, expect, it } from 'vitest';
import { archiveKind, packageFileName } from './package-file.ts';

describe('packageFileName', () => {
  it.each([
    ['attachment; filename="x.zip"', 'x.zip'],
    ['attachment; filename=x.zip; size=3', 'x.zip'],
    ['attachment; filename="a/b/x.zip"', 'x.zip'],
    ['attachment; filename="x.zip" ; size=3', 'x.zip" '],
    ["attachment; filename*=UTF-8''y.zip", 'pkg.zip'],
    ['attachment; filename=""', 'pkg.zip'],
    ['attachment', 'pkg.zip'],
    [undefined, 'pkg.zip'],
  ])('the disposition %j gives %j', (disposition, name) => {
    expect(packageFileName('https://h.test/dl/pkg.zip', disposition)).toBe(name);
  });

  it.each([
    ['https://h.test/pkg.zip?dlid=K', 'pkg.zip_dlid_K'],
    ['https://h.test/pkg.zip?dlid=K&amp;dummy=my.zip', 'pkg.zip_dlid_K_amp_dummy_my.zip'],
    ['https://h.test/?file=pkg.zip', 'file_pkg.zip'],
    ['https://h.test/dl/?to=a/b.zip', 'b.zip'],
    ['https://h.test/dl/', ''],
    ['nothing', ''],
  ])('the address %s gives %j', (url, name) => {
    expect(packageFileName(url, undefined)).toBe(name);
  });
});

describe('archiveKind', () => {
  it.each([
    ['x.zip', 'zip'],
    ['X.ZIP', 'zip'],
    ['x.tar.gz', 'other'],
    ['x.tgz', 'other'],
    ['x.bz2', 'other'],
    ['x.zip_dlid_K', null],
    ['x', null],
    ['', null],
  ])('%s is %s', (name, kind) => {
    expect(archiveKind(name)).toBe(kind);
  });
});
