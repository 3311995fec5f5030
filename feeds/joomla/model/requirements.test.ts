import { describe, expect, it } from 'vitest';
import { checkDatabase, matchTarget, phpFits } from './requirements.ts';

describe('matchTarget', () => {
  it.each([
    ...['5', '5.2', '5.*', '.*', '^5', '[56]\\.[0-9]', '', undefined, '4|5', '(4|5)', '(?:5|6)'].map(
      (p) => [p, 'fits'] as const,
    ),
    ...['(4\\.4|5\\.[0-9]+|6\\.[0-9]+)', '5{1}', '5++', '(?i)5', '\\A5', '(?P<x>5)', '[[:digit:]]'].map(
      (p) => [p, 'fits'] as const,
    ),
    ...['5.0', '5$', '(4|6)', '5]', '5\\/2', '6', '52'].map((p) => [p, 'other-joomla'] as const),
    ...['(5', '5/6', '5/', '*', '+5', '{5}', '[5', ')', '\\'].map((p) => [p, 'bad-pattern'] as const),
  ])('%j against 5.2.1: %s', (pattern, verdict) => {
    expect(matchTarget(pattern, '5.2.1')).toBe(verdict);
  });

  it.each([
    ['5', '50.0.0', 'fits'],
    ['5.2', '5.20.0', 'fits'],
    ['4|5', '6.5.0', 'fits'],
    ['(4|5)', '6.5.0', 'other-joomla'],
  ])('%s against %s: %s', (pattern, joomla, verdict) => {
    expect(matchTarget(pattern, joomla)).toBe(verdict);
  });
});

describe('phpFits', () => {
  it.each([
    [null, true],
    ['', true],
    ['8.2', true],
    ['8.2.20', true],
    ['8.3', false],
  ])('PHP 8.2.20 with a minimum of %j: %s', (minimum, fits) => {
    expect(phpFits(minimum, '8.2.20')).toBe(fits);
  });
});

describe('checkDatabase', () => {
  const attributes = new Map([
    ['mysql', '8.0'],
    ['mariadb', '10.4'],
  ]);

  it.each([
    ['mysql', '8.0.36', true],
    ['MySQL', '8.0.36', true],
    ['mysql', '5.7.44', false],
    ['mysql', '5.5.5-10.11.6-MariaDB-1', true],
    ['mysql', '10.3.39-MariaDB', false],
    ['postgresql', '16.1', false],
  ])('%s %s: %s', (type, version, fits) => {
    expect(checkDatabase((name) => attributes.get(name), { type, version }).fits).toBe(fits);
  });

  it('asks nothing of an entry without the element', () => {
    expect(checkDatabase(null, { type: 'x', version: '' })).toEqual({ fits: true });
  });
});
