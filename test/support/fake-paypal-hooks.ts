import { createHash, createSign, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FakeEvent, FakePaypalWorld, FakeWebhook } from './fake-paypal-world.ts';

export interface Signing {
  webhookId: string;
  /** Address of the certificate. */
  certUrl: string;
  key: KeyObject;
  transmissionId: string;
  time: string;
}

export function signedHeaders(raw: string | Uint8Array, signing: Signing): Record<string, string> {
  const { transmissionId, time, webhookId, certUrl, key } = signing;
  const text = `${transmissionId}|${time}|${webhookId}|${crc32(Buffer.from(raw as string))}`;
  return {
    'content-type': 'application/json',
    'paypal-auth-algo': 'SHA256withRSA',
    'paypal-auth-version': 'v2',
    'paypal-cert-url': certUrl,
    'paypal-transmission-id': transmissionId,
    'paypal-transmission-sig': createSign('sha256').update(text).sign(key, 'base64'),
    'paypal-transmission-time': time,
  };
}

/** One try to tell one webhook of one event. */
export interface Delivery {
  event: FakeEvent;
  webhook: FakeWebhook;
  transmissionId: string;
  /** null: nobody answered. */
  status: number | null;
}

/** What is sent is signed as PayPal does; nobody's trouble at the other end is ours. */
export async function deliver(
  world: Pick<FakePaypalWorld, 'now'>,
  sign: Pick<Signing, 'certUrl' | 'key'>,
  event: FakeEvent,
  webhook: FakeWebhook,
  transmissionId: string,
): Promise<Delivery> {
  const raw = JSON.stringify(event);
  const time = new Date(world.now()).toISOString();
  const headers = signedHeaders(raw, { ...sign, webhookId: webhook.id, transmissionId, time });
  const answer = await fetch(webhook.url, { method: 'POST', headers, body: raw, redirect: 'manual' }).catch(() => null);
  await answer?.body?.cancel();
  return { event, webhook, transmissionId, status: answer?.status ?? null };
}

/** The same each time, and not alike to the eye. */
export function transmissionOf(counter: number): string {
  const hex = createHash('sha256').update(`transmission ${counter}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
