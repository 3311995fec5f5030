import Stripe from 'stripe';
import { SECOND } from '../../clock.ts';
import type { GatewayAccount, Headers, HookVerdict } from '../gateway.ts';

/** To both sides: an old delivery may be a replay, and one from the future would stay fresh for ever. */
const TOLERANCE_MS = 300 * SECOND;

type No = Extract<HookVerdict, { ok: false }>;
const no = (reason: No['reason'], detail: string): No => ({ ok: false, reason, detail });

/**
 * Any of the secrets may have signed. The time is looked at when the signature holds. Whom a genuine event is for is looked at where
 * it is taken in: it is kept then, and not sent again for days.
 */
export async function verifyDelivery(
  raw: Uint8Array,
  headers: Headers,
  account: GatewayAccount,
  now: number,
): Promise<HookVerdict> {
  const header = headers['stripe-signature'];
  if (header === undefined || header === '') return no('unsigned', 'there is no Stripe-Signature');
  if (typeof header !== 'string') return no('invalid', 'there are several Stripe-Signature headers');
  const signedAt = timeOf(header);
  if (signedAt === null) return no('invalid', 'the Stripe-Signature names no time');
  const body = exactText(raw);
  if (body === null) return no('invalid', 'the body is no plain UTF-8');
  if (!account.hookSecrets.some((secret) => isSignedBy(body, header, secret))) {
    return no('invalid', 'the signature does not match');
  }
  if (now - signedAt > TOLERANCE_MS) return no('stale', 'it was signed more than 300 seconds ago');
  if (signedAt - now > TOLERANCE_MS) return no('early', 'it was signed more than 300 seconds in the future');
  return { ok: true };
}

/** null: there is none, or more than one. */
function timeOf(header: string): number | null {
  const times = header.split(',').filter((part) => part.startsWith('t='));
  const seconds = times.length === 1 ? /^t=(\d{1,12})$/.exec(times[0] as string)?.[1] : undefined;
  return seconds === undefined ? null : Number(seconds) * SECOND;
}

/** The SDK hashes text. Bytes that another text would give too, and a byte order mark, which it drops, are refused. */
function exactText(raw: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
    return text.startsWith('\uFEFF') ? null : text;
  } catch {
    return null;
  }
}

function isSignedBy(body: string, header: string, secret: string): boolean {
  if (secret === '' || /\s/.test(secret)) return false;
  try {
    // Its own limit knows the past only, so that the time is looked at above. 0 would not be strict but switch it off.
    return Stripe.webhooks.signature?.verifyHeader(body, header, secret, Number.MAX_SAFE_INTEGER) ?? false;
  } catch {
    return false;
  }
}
