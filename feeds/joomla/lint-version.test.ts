import { describe, expect, it } from 'vitest';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import { versionFault } from './lint-version.ts';

describe('whether Joomla orders a version as it is meant', () => {
  it.each([
    ['1.2.0', 'stable'],
    ['2024.01.05', 'stable'],
    ['7', 'stable'],
    ['1.2.0-1', 'stable'],
    ['1.2.0-pl2', 'stable'],
    ['1.2.0.1', 'stable'],
    ['1.2.0-rc1', 'stable'],
    ['1.2.0-dev', 'dev'],
    ['1.2.0-alpha.3', 'alpha'],
    ['1.2.0-beta2', 'beta'],
    ['1.2.0beta2', 'beta'],
    ['1.2.0b2', 'beta'],
    ['1.2.0-RC1', 'rc'],
    ['1.2.0-rc.1.dev', 'rc'],
    ['1.2.0-dev202603011200-rev1a2b3c4', 'dev'],
  ] as const)('%s as %s is fit', (version, word) => {
    expect(versionFault(version, word)).toBeNull();
  });

  it.each([
    ['v1.2.0', 'stable', 'error', 'begins with a "v"'],
    ['V1.2.0', 'beta', 'error', 'begins with a "v"'],
    ['release-1', 'stable', 'error', 'does not begin with a number'],
    ['', 'stable', 'error', 'does not begin with a number'],
    [' 1.2.0', 'stable', 'error', 'does not begin with a number'],
    ['1.2.0 ', 'stable', 'error', 'blanks or signs'],
    ['1.2.0/x', 'stable', 'error', 'blanks or signs'],
    ['1.2.0+build5', 'stable', 'error', 'build metadata'],
    ['1.2.0+1', 'stable', 'error', 'build metadata'],
    ['1.2.0-', 'stable', 'error', 'ends in a separator'],
    ['1.2.0-stable', 'stable', 'error', 'older than 1.2.0'],
    ['1.2.0-security.1', 'stable', 'error', 'older than 1.2.0'],
    ['1.2.0b', 'stable', 'warning', 'older than 1.2.0'],
    ['1.2.0-preview1', 'beta', 'error', 'newer than 1.2.0'],
    ['1.2.0-pre.1', 'alpha', 'error', 'newer than 1.2.0'],
    ['1.2.0-1', 'rc', 'error', 'newer than 1.2.0'],
    ['1.2.0', 'beta', null, ''],
    ['1.2.0-Beta2', 'beta', 'warning', '"Beta"'],
    ['1.2.0-nightly5', 'dev', 'warning', '"nightly"'],
    [`1.${'2'.repeat(31)}`, 'stable', 'error', '33 characters'],
  ] as const)('%j as %s: %s', (version, word, severity, words) => {
    const fault = versionFault(version, word);
    expect(fault?.severity ?? null).toBe(severity);
    expect(fault?.detail ?? '').toContain(words);
  });

  it('takes 32 characters', () => {
    expect(versionFault(`1.${'2'.repeat(30)}`, 'stable')).toBeNull();
  });

  it.each(['1.2.0-stable', '1.2.0-security.1', 'v1.2.0', '1.2.0b'])(
    'is right that %s is no update for 1.2.0',
    (version) => {
      expect(comparePhpVersions(version, '1.2.0')).toBeLessThan(0);
    },
  );
});
