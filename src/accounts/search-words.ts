/** How people are found by what somebody types: the beginnings of words, whatever their case and accents. */

const LONGEST_WORD = 64;
const MOST_WORDS = 60;
const LONGEST_SORT_NAME = 60;
/** Greater than every text that begins like another one; no word holds it. */
const LAST_SIGN = '\u{10FFFF}';

/** Small letters without accents. */
function foldText(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().normalize('NFKC');
}

/** What a customer is sorted by: the name, else the address. */
export function sortName({ name, email }: { name: string; email: string }): string {
  return [...foldText(name.trim() || email)].slice(0, LONGEST_SORT_NAME).join('');
}

/**
 * The words by which texts are found: what stands between spaces, whole, and its parts between signs; of an e-mail address its
 * domain too. `Anna-Lena O'Hara` is found by "anna", "lena", "anna-l", "o'h" and "hara".
 */
export function wordsOf(...texts: readonly string[]): string[] {
  const whole = texts.flatMap(typedWords);
  const parts = whole.flatMap((word) => [word, ...word.split('@'), ...word.split(/[^\p{L}\p{N}]+/u)]);
  return [...new Set(parts.filter((word) => word !== '').map(cut))].slice(0, MOST_WORDS);
}

/** An address without its `+tag`, which most mail servers take for the same person's. */
export function emailBase(email: string): string {
  return email.toLowerCase().replace(/\+[^@]*(?=@)/, '');
}

/** The words of a search, each of which must be the beginning of one of the words of what is found. */
export function typedWords(text: string): string[] {
  return [
    ...new Set(
      foldText(text)
        .split(/\s+/u)
        .filter((word) => word !== '')
        .map(cut),
    ),
  ];
}

function cut(word: string): string {
  return [...word].slice(0, LONGEST_WORD).join('');
}

/** From (included) and to (excluded) between which, compared bytewise, everything lies that begins so. */
export function beginning(text: string): [from: string, to: string] {
  return [text, text + LAST_SIGN];
}
