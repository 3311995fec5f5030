import { describe, expect, it } from 'vitest';
import { comparePhpVersions } from './version-order.ts';
import { parseVersionRange } from './version-range.ts';

const VERSIONS = ['1.1.9', '1.2-rc1', '1.2', '1.2.0', '1.2.7', '1.3.0-beta2', '1.3.0', '1.20.0', '2.0'];

const meant = (text: string) => {
  const test = parseVersionRange(text, comparePhpVersions);
  return test && VERSIONS.filter(test);
};

describe('a range of versions', () => {
  it.each(['1.2', '1.2*', '1.2.*'])('names the versions that begin with its parts: %s', (text) => {
    const all = ['1.2-rc1', '1.2', '1.2.0', '1.2.7'];
    expect(meant(text)).toEqual(all);
  });

  it('names one version', () => {
    expect(meant('=1.2')).toEqual(['1.2']);
    expect(meant('1.2.7')).toEqual(['1.2.7']);
  });

  it('goes by the order of the platform, in which a beta comes before its release', () => {
    expect(meant('<1.3.0')).toEqual(['1.1.9', '1.2-rc1', '1.2', '1.2.0', '1.2.7', '1.3.0-beta2']);
    expect(meant('<=1.2')).toEqual(['1.1.9', '1.2-rc1', '1.2']);
    expect(meant('>1.3.0')).toEqual(['1.20.0', '2.0']);
    expect(meant('>=1.2.0 <1.3.0')).toEqual(['1.2.0', '1.2.7', '1.3.0-beta2']);
    expect(meant('=1.1.9, >=1.3.0 <2')).toEqual(['1.1.9', '1.3.0', '1.20.0']);
  });

  it.each(['', ' ', '<', '>= 1.0', '*', '1.2 ,', 'a b/c', '1.2;drop', '<<1', '-1'])('is not %j', (text) => {
    expect(meant(text)).toBe(null);
  });
});
