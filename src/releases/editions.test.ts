import { describe, expect, it } from 'vitest';
import { matchesGlob } from './asset-choice.ts';
import { editionsOf } from './editions.ts';

describe('editionsOf', () => {
  it.each([
    [
      ['pkg_x-1.2.0-core.zip', 'pkg_x-1.2.0-pro.zip'],
      ['core pkg_x-*-core.zip', 'pro pkg_x-*-pro.zip'],
    ],
    [
      ['pkg_x-core-1.2.0.zip', 'pkg_x-Pro-1.2.0.zip'],
      ['core pkg_x-core-*.zip', 'pro pkg_x-Pro-*.zip'],
    ],
    [
      ['x_free.zip', 'x_pro.zip', 'x_pro.zip.sha256', 'readme.txt'],
      ['free x_free.zip', 'pro x_pro.zip'],
    ],
    [
      ['a-1-core.zip', 'a-1-pro.zip', 'a-1-max.zip'],
      ['core a-*-core.zip', 'pro a-*-pro.zip', 'max a-*-max.zip'],
    ],
    [['pkg_x-1.2.0.zip'], []],
    [[], []],
    [['pkg_x-1.2.0.zip', 'pkg_x-1.2.0-pro.zip'], []],
    [['com_a-1.2.0-core.zip', 'com_b-1.2.0-pro.zip'], []],
    [['x-1.2.0-5.zip', 'x-1.2.0-6.zip'], []],
  ])('%j are the editions %j', (names, expected) => {
    expect(editionsOf(names).map(({ edition, asset }) => `${edition} ${asset}`)).toEqual(expected);
  });

  it('gives patterns of which each matches its own file only', () => {
    const names = ['pkg_x-1.2.0-core.zip', 'pkg_x-1.2.0-pro.zip'];
    const matched = editionsOf(names).map(({ asset }) => names.filter((name) => matchesGlob(asset, name)));
    expect(matched).toEqual([[names[0]], [names[1]]]);
  });
});
