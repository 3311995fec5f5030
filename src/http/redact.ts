import { KEY_SCAN_PATTERN, TOKEN_SCAN_PATTERN } from '../licensing/license-key.ts';

const MASK = '***';

/** A value ends where a URL, a header, a quoted text or a JSON text ends, and is never the next sign of the JSON around it. */
const VALUE = '(?!:)[^&;,\\s"\'<>\\\\{}\\[\\]]+';
const QUOTE = '\\\\*["\']';
const NAMES = '(?:dlid|key|license_key|sig)';
const IN_TEXT: readonly RegExp[] = [
  new RegExp(`(${NAMES}(?:%3D|\\s?=\\s?(?:${QUOTE})?))${VALUE}`, 'gi'),
  new RegExp(`(${NAMES}${QUOTE}\\s*:\\s*${QUOTE})${VALUE}`, 'gi'),
  new RegExp(
    `((?:x-license-key|authorization)(?:${QUOTE}\\s*:\\s*${QUOTE}|:\\s*)(?:(?:bearer|basic)\\s+)?)${VALUE}`,
    'gi',
  ),
  // A package may be called "Basic plan": only a long word after the scheme can be a credential.
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{16,}/gi,
  /((?:\/|%2F)k(?:\/|%2F))(?:(?!%2F)[^/?#\s"'<>\\])+/gi,
];

/** As typed: in small letters and without its dashes a key is a key too. */
const OURS: readonly RegExp[] = [
  new RegExp(TOKEN_SCAN_PATTERN, 'g'),
  // Of links in mails (payments/tokens.ts).
  /[a-z]{3}_[0-9a-z]{26}_\d[0-9a-f]{40}/gi,
  new RegExp(KEY_SCAN_PATTERN.source.replaceAll('-[', '[-\\s]?['), 'gi'),
];

/**
 * Takes license keys, API tokens, tokens of links and credentials out of a text that goes to a log or to a caller: everything that wears one of our
 * patterns, and whatever follows `dlid=`, `key=`, `license_key=`, `sig=`, `/k/` or the name of a header that carries a key. A text that is
 * valid JSON stays valid JSON.
 */
export function redactKeys(text: string): string {
  let clean = text;
  for (const pattern of IN_TEXT) clean = clean.replace(pattern, `$1${MASK}`);
  for (const pattern of OURS) clean = clean.replace(pattern, MASK);
  return clean;
}

/** A path as it may be logged: without query, without keys, at most 200 characters. */
export function loggablePath(url: string): string {
  const end = url.search(/[?#]/);
  return redactKeys(end < 0 ? url : url.slice(0, end)).slice(0, 200);
}
