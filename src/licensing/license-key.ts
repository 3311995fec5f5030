import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Crockford's base32: no I, L, O, U. https://www.crockford.com/base32.html */
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BODY_LENGTH = 26;
const CHECK_LENGTH = 2;
const GROUP = 7;
const KEY_LENGTH_LIMIT = 512;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const TOKEN_PREFIX = 'fgt_';
const TOKEN_BODY_LENGTH = 30;
const TOKEN_CHECK_LENGTH = 6;

/** What a key is for. Only a label: none of them opens more or less. */
export const KEY_PURPOSES = ['commercial', 'test', 'internal'] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

export const DEFAULT_KEY_PREFIX = 'FG1';
/** A brand of 2 to 8 letters and one digit for the version of the format. */
export const KEY_PREFIX_PATTERN = /^[A-Z]{2,8}[0-9]$/;
/** Finds keys of every brand in logs, code and mail; add the flag `g` where all are wanted. */
export const KEY_SCAN_PATTERN = /\b[A-Z]{2,8}[0-9](?:-[0-9A-HJKMNP-TV-Z]{7}){4}\b/;
/** Finds API tokens in the same way; a hit is certain once `isTokenText` says so. */
export const TOKEN_SCAN_PATTERN = /\bfgt_[0-9A-Za-z]{36}\b/;

export type RandomBytes = (size: number) => Uint8Array;

export type ParsedKey =
  /** Wears one of our prefixes and its check characters are right; `text` is the one canonical form. */
  | { kind: 'ours'; text: string }
  /** Wears one of our prefixes and has a typing error: no look-up, no strike. */
  | { kind: 'malformed' }
  /** Any other key, e.g. an imported one: looked up exactly as typed, trimmed. */
  | { kind: 'foreign'; text: string }
  /** Longer than 512 characters or with control characters: nobody's key, and not worth a look-up. */
  | { kind: 'unusable' }
  /** Nothing was typed. */
  | { kind: 'none' };

/**
 * A new license key: `FG1-` and 28 characters in groups of 7, of which 26 are random (130 bits) and two check the rest.
 * 256 is a multiple of 32, so that cutting a random byte to 5 bits favors no character.
 */
export function newKeyText(prefix: string = DEFAULT_KEY_PREFIX, random: RandomBytes = randomBytes): string {
  if (!KEY_PREFIX_PATTERN.test(prefix)) throw new Error('a key prefix is 2 to 8 capital letters and one digit');
  let body = '';
  for (const byte of random(BODY_LENGTH)) body += BASE32[byte & 31];
  return canonicalText(prefix, body + checkCharacters(prefix, body));
}

/**
 * Why new keys may not wear a prefix; null: they may. Many organizations may share one, for a key is found by all of its text; but
 * two that read the same once look-alikes are forgiven (`FGI1`, `FGL1`) would be taken for each other.
 */
export function prefixFault(prefix: string, inUse: readonly string[]): string | null {
  if (!KEY_PREFIX_PATTERN.test(prefix)) return 'a key prefix is 2 to 8 capital letters and one digit';
  const twin = inUse.find((other) => other !== prefix && foldLookAlikes(other) === foldLookAlikes(prefix));
  return twin === undefined ? null : `a key prefix must not look like ${twin}, which is in use here`;
}

/**
 * Tells what kind of key a text is. Only a text that wears one of the known prefixes is normalized (blanks, dashes and
 * invisible characters dropped, upper case, O as 0, I and L as 1). A look-alike inside the prefix itself is forgiven only when
 * length and check characters confirm the key, so that a stranger's `FGL-…` stays a stranger's.
 */
export function parseKeyText(text: string, knownPrefixes: readonly string[]): ParsedKey {
  const typed = text.trim();
  if (typed === '') return { kind: 'none' };
  if (typed.length > KEY_LENGTH_LIMIT) return { kind: 'unusable' };
  const compact = compactText(typed);
  for (const prefix of knownPrefixes) {
    const canonical = readOurs(compact, prefix);
    if (canonical !== null) return { kind: 'ours', text: canonical };
  }
  // With its letters together: the `MOKO-1ABC-…` of another server does not wear `MOKO1`.
  const beginning = typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/\p{Cf}/gu, '');
  if (knownPrefixes.some((prefix) => beginning.startsWith(prefix))) return { kind: 'malformed' };
  return /[\p{Cc}\p{Cs}]/u.test(typed) ? { kind: 'unusable' } : { kind: 'foreign', text: typed };
}

/** What may be shown of a key: its prefix and its last four characters; of a short foreign key less, so that most of it stays hidden. */
export function keyHint(text: string): string {
  const prefix = /^([A-Z]{2,8}[0-9])(?:-[0-9A-Z]{7}){4}$/.exec(text)?.[1] ?? '';
  const shown = Math.min(4, Math.floor(text.length / 4));
  return `${prefix}…${shown === 0 ? '' : text.slice(-shown)}`;
}

/** A new API token: `fgt_`, 30 random base62 characters (178 bits) and the CRC-32 of all that in 6 more. */
export function newTokenText(random: RandomBytes = randomBytes): string {
  let text = TOKEN_PREFIX;
  while (text.length < TOKEN_PREFIX.length + TOKEN_BODY_LENGTH) text += randomBase62(random);
  return text + tokenCheck(text);
}

/** True for a text that has the form and the checksum of an API token; says nothing of whether it was ever given out. */
export function isTokenText(text: string): boolean {
  if (!/^fgt_[0-9A-Za-z]{36}$/.test(text)) return false;
  return tokenCheck(text.slice(0, -TOKEN_CHECK_LENGTH)) === text.slice(-TOKEN_CHECK_LENGTH);
}

function readOurs(compact: string, prefix: string): string | null {
  if (compact.length !== prefix.length + BODY_LENGTH + CHECK_LENGTH) return null;
  const folded = foldLookAlikes(compact);
  if (!folded.startsWith(foldLookAlikes(prefix))) return null;
  const rest = folded.slice(prefix.length);
  const body = rest.slice(0, BODY_LENGTH);
  if (!/^[0-9A-HJKMNP-TV-Z]+$/.test(rest)) return null;
  return checkCharacters(prefix, body) === rest.slice(BODY_LENGTH) ? canonicalText(prefix, rest) : null;
}

/** Mail programs and web pages put soft hyphens and zero-width characters into a copied key: they go with blanks and dashes. */
function compactText(typed: string): string {
  return typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}\p{Cf}\u2212\u2043\u02D7_]/gu, '');
}

function foldLookAlikes(text: string): string {
  return text.replaceAll('O', '0').replace(/[IL]/g, '1');
}

/**
 * Two characters, modulo 1024, over prefix and body; each character weighs three times the next one. The weights are odd and
 * values differ by less than 64, so a wrong character always changes the sum. Two characters that change places at a distance of
 * less than 16 do too: 3^n - 1 holds at most the factor 2^5, a difference of values at most 2^4, and 1024 is 2^10.
 */
function checkCharacters(prefix: string, body: string): string {
  let sum = 0;
  for (const character of prefix) sum = (sum * 3 + Number.parseInt(character, 36)) % 1024;
  for (const character of body) sum = (sum * 3 + BASE32.indexOf(character)) % 1024;
  return BASE32.charAt(sum >> 5) + BASE32.charAt(sum & 31);
}

function canonicalText(prefix: string, characters: string): string {
  let text = prefix;
  for (let at = 0; at < characters.length; at += GROUP) text += `-${characters.slice(at, at + GROUP)}`;
  return text;
}

/** 256 is no multiple of 62: a byte from 248 on is thrown away, else the first characters would come up more often. */
function randomBase62(random: RandomBytes): string {
  for (;;) {
    const byte = random(1)[0] ?? 255;
    if (byte < 248) return BASE62.charAt(byte % 62);
  }
}

function tokenCheck(text: string): string {
  let rest = crc32(text);
  let check = '';
  for (let i = 0; i < TOKEN_CHECK_LENGTH; i++) {
    check = BASE62.charAt(rest % 62) + check;
    rest = Math.floor(rest / 62);
  }
  return check;
}
