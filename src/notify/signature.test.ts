import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newWebhookSecret, signedHeaders } from './signature.ts';

describe('the signature', () => {
  const message = { id: 'evt_1', body: '{"type":"key.created","data":{"hint":"FG1…7K2M"}}' };
  const now = Date.now();

  it('is taken by the library of the spec, and only with the secret, the body and the time that were signed', () => {
    const secret = newWebhookSecret();
    const headers = signedHeaders(message, [secret], now);
    expect(new Webhook(secret).verify(message.body, headers)).toEqual(JSON.parse(message.body));
    expect(() => new Webhook(newWebhookSecret()).verify(message.body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${message.body} `, headers)).toThrow();
    expect(() => new Webhook(secret).verify(message.body, { ...headers, 'webhook-id': 'evt_2' })).toThrow();
    const late = signedHeaders(message, [secret], now - 10 * 60_000);
    expect(() => new Webhook(secret).verify(message.body, late)).toThrow(/timestamp/i);
  });

  it('is one for each secret while one is being replaced', () => {
    const secrets = [newWebhookSecret(), newWebhookSecret()];
    const headers = signedHeaders(message, secrets, now);
    expect(headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
    for (const secret of secrets) expect(new Webhook(secret).verify(message.body, headers)).toBeTruthy();
  });

  it('wears a secret of 32 bytes that begins with whsec_', () => {
    const secret = newWebhookSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(newWebhookSecret()).not.toBe(secret);
  });

  it('is this one for the example of docs/webhooks.md', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const example = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' };
    // The vector of the spec itself.
    expect(signedHeaders(example, [secret], 1_614_265_330_000)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });
});
