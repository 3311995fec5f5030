import { describe, expect, it } from 'vitest';
import { minorDigits, moneyText } from './money.ts';

describe('amounts in minor units', () => {
  it.each([
    [4_900, 'EUR', '€49.00'],
    [490, 'JPY', '¥490'],
    [120_000, 'HUF', 'HUF 1,200'],
    [120_050, 'HUF', 'HUF 1,200.5'],
    [120_000, 'TWD', 'NT$1,200.00'],
    [1_500_000, 'IDR', 'IDR 15,000'],
    [1_234, 'KWD', 'KWD 1.234'],
    [12_000, 'IQD', 'IQD 12'],
    [5_000, 'MGA', 'MGA 5,000'],
  ])('%d %s are %s', (minor, currency, text) => {
    expect(moneyText(minor, currency).replace(/\s/g, ' ')).toBe(text);
  });

  it('are written as the language has it', () => {
    expect(moneyText(120_000, 'HUF', 'de-DE').replace(/\s/g, ' ')).toBe('1.200 HUF');
  });

  it('have two digits where nobody says otherwise', () => {
    expect(['EUR', 'HUF', 'TWD', 'JPY', 'TND', 'XXX'].map(minorDigits)).toEqual([2, 2, 2, 0, 3, 2]);
  });
});
