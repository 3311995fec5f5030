/** Currencies whose minor unit is not a hundredth, as payment providers count them: ISO 4217, and the ariary in whole pieces. */
const WHOLE = new Set('BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF'.split(' '));
const THOUSANDTHS = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '));

/** How many digits the minor unit has. `Intl` counts the digits that people write, which are fewer for some, e.g. HUF and IDR. */
export function minorDigits(currency: string): 0 | 2 | 3 {
  if (WHOLE.has(currency)) return 0;
  return THOUSANDTHS.has(currency) ? 3 : 2;
}

/** An amount as it is written where that language is spoken: `€49.00`, `HUF 1,200`. */
export function moneyText(minor: number, currency: string, locale = 'en'): string {
  const usual = new Intl.NumberFormat(locale, { style: 'currency', currency }).resolvedOptions();
  const most = minorDigits(currency);
  const least = Math.min(usual.minimumFractionDigits ?? most, most);
  const digits = { minimumFractionDigits: least, maximumFractionDigits: most };
  return new Intl.NumberFormat(locale, { style: 'currency', currency, ...digits }).format(minor / 10 ** most);
}
