import { createHmac, timingSafeEqual } from 'node:crypto';
import { MINUTE } from '../../clock.ts';
import { webhookKeyOf } from '../../notify/signature.ts';
import type { Headers, HookVerdict } from '../gateway.ts';

/** How far the shop's clock may be from ours, either way. */
export const TOLERANCE_MS = 5 * MINUTE;

/**
 * Standard Webhooks 1.0.0, symmetric, over the raw bytes: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which may hold
 * several of which one must be right. https://www.standardwebhooks.com
 */
export function verifyStandard(
  raw: Uint8Array,
  headers: Headers,
  secrets: readonly string[],
  now: number,
): HookVerdict {
  const id = one(headers, 'webhook-id');
  const timestamp = one(headers, 'webhook-timestamp');
  const signatures = one(headers, 'webhook-signature');
  if (id === null || timestamp === null || signatures === null)
    return refuse('unsigned', 'webhook-id, webhook-timestamp and webhook-signature are needed, each once');
  if (!/^[\x21-\x7e]{1,200}$/.test(id)) return refuse('invalid', 'webhook-id is 1 to 200 visible characters of ASCII');
  if (!/^\d{1,11}$/.test(timestamp)) return refuse('invalid', 'webhook-timestamp is a number of seconds since 1970');
  const given = signatures
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice('v1,'.length), 'base64'));
  const wanted = secrets.filter(isSecret).map((secret) => macOf(secret, `${id}.${timestamp}.`, raw));
  // All are compared, so that the time it takes tells nothing.
  const hits = given.map((mac) => wanted.map((own) => mac.length === own.length && timingSafeEqual(mac, own)));
  if (!hits.flat().includes(true)) return refuse('invalid', 'the signature does not match');
  const age = now - Number(timestamp) * 1_000;
  if (age > TOLERANCE_MS) return refuse('stale', 'webhook-timestamp is more than 300 seconds old');
  if (age < -TOLERANCE_MS) return refuse('early', 'webhook-timestamp is more than 300 seconds ahead');
  return { ok: true };
}

function refuse(reason: Exclude<HookVerdict, { ok: true }>['reason'], detail: string): HookVerdict {
  return { ok: false, reason, detail };
}

function one(headers: Headers, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** An empty secret would let anybody sign. */
function isSecret(secret: string): boolean {
  return webhookKeyOf(secret).length > 0;
}

function macOf(secret: string, head: string, raw: Uint8Array): Buffer {
  return createHmac('sha256', webhookKeyOf(secret)).update(head).update(raw).digest();
}
