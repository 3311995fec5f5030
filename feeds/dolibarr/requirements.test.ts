import { describe, expect, it } from 'vitest';
import { fitsDolibarr } from './requirements.ts';

describe('fitsDolibarr', () => {
  it.each([
    [[18, 0], '18.0.0', true],
    [[18, 0], '22.0.4', true],
    [[18, 0], '17.0.3', false],
    [[18], '18.0.0', true],
    [[9, 0], '10.0.0', true],
    [[19, -3], '19.0.0-beta', true],
    [[19, -3], '18.0.5', false],
    [[22, 0, 4], '22.0.3', false],
    [null, '6.0.0', true],
  ])('a module that needs %j on Dolibarr %s: %s', (dolibarrMin, version, expected) => {
    expect(fitsDolibarr(null, { dolibarrMin }, version)).toBe(expected);
  });

  it('lets what the release or product says win over the descriptor', () => {
    const descriptor = { dolibarrMin: [18, 0] };
    expect(fitsDolibarr({ min: '20', max: null }, descriptor, '19.0.0')).toBe(false);
    expect(fitsDolibarr({ min: '16', max: null }, descriptor, '17.0.0')).toBe(true);
    expect(fitsDolibarr({ min: null, max: '21' }, descriptor, '17.0.0')).toBe(false);
  });

  it('knows no maximum, as Dolibarr does not', () => {
    expect(fitsDolibarr({ min: '18', max: '20' }, { dolibarrMin: null }, '23.0.0')).toBe(true);
  });
});
