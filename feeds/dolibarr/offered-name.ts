/** One number for each word of a version that is not final; three digits, since the parts of a final version lose their zeros. */
const WORD_NUMBERS: readonly (readonly [RegExp, string])[] = [
  [/^dev/, '001'],
  [/^a/, '002'],
  [/^b/, '003'],
  [/^rc/i, '004'],
  [/^p/, '006'],
];
const OTHER_WORD = '000';

/**
 * The file name under which a version is offered, one that Dolibarr's deploy page takes: `module_<module>-<digits and dots>.zip`.
 * Words become numbers with leading zeros, which no final version has: 2.0.0 stays 2.0.0 (02.05.02 is 2.5.2), 2.0.0-rc.1 is 2.0.0.004.1.
 * So a pre-release never shares a name with a final version. The number in the name has no meaning to Dolibarr.
 */
export function offeredName(module: string, version: string): string {
  const parts = version.replace(/\+.*$/s, '').match(/\d+|[A-Za-z]+/g) ?? [];
  const first = parts.findIndex((part) => /^\d/.test(part));
  const numbers = first === -1 ? ['0'] : parts.slice(first).map(asNumber);
  return `module_${module}-${numbers.join('.')}.zip`;
}

function asNumber(part: string): string {
  if (/^\d/.test(part)) return part.replace(/^0+(?=\d)/, '');
  return WORD_NUMBERS.find(([word]) => word.test(part))?.[1] ?? OTHER_WORD;
}
