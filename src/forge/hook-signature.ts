import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HookHeaders, HookVerdict } from './forge.ts';

/** Every header that carries an HMAC-SHA256 over the raw body, and what stands in front of the hex digits. */
const SIGNATURES: readonly (readonly [string, string])[] = [
  ['x-forgejo-signature', ''],
  ['x-gitea-signature', ''],
  ['x-gogs-signature', ''],
  ['x-hub-signature-256', 'sha256='],
];

/**
 * Judges a delivery by its raw bytes: against every secret (rotation), in constant time. Forges send up to four of these
 * headers with one value; all that are not empty must be right. Without a secret Gitea and Forgejo send them empty: unsigned.
 * GitHub's older SHA-1 header counts for nothing. Empty secrets never match.
 * https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function verifyHookSignature(
  rawBody: Uint8Array,
  headers: HookHeaders,
  secrets: readonly string[],
): HookVerdict {
  const given = SIGNATURES.flatMap(([name, prefix]) => {
    const value = hookHeader(headers, name);
    return value === null || value === prefix ? [] : [digestOf(value, prefix)];
  });
  if (given.length === 0) return 'unsigned';
  const expected = secrets.filter((secret) => secret !== '').map((secret) => hmac(rawBody, secret));
  const fits = expected.map((digest) => given.map((one) => timingSafeEqual(one, digest)).every(Boolean));
  return fits.some(Boolean) ? 'valid' : 'invalid';
}

/** A header's text by its lower-case name; null where it is missing, empty or sent more than once. */
export function hookHeader(headers: HookHeaders, name: string): string | null {
  const value = headers[name];
  const text = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : null;
}

/** 32 bytes; of anything that is no such digest, 32 bytes that no HMAC will equal. */
function digestOf(value: string, prefix: string): Buffer {
  const hex = value.slice(prefix.length);
  const isDigest = value.startsWith(prefix) && /^[0-9a-f]{64}$/i.test(hex);
  return isDigest ? Buffer.from(hex, 'hex') : Buffer.alloc(32);
}

function hmac(body: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', secret).update(body).digest();
}
