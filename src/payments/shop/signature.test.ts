import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newWebhookSecret, signedHeaders } from '../../notify/signature.ts';
import { verifyStandard } from './signature.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const secret = newWebhookSecret();
const body = '{"type":"paid","umlaut":"ä"}';
const raw = Buffer.from(body);
const signed = (at = NOW, secrets = [secret]) => signedHeaders({ id: 'evt-1', body }, secrets, at);
const reasonOf = (headers: Record<string, string>, { secrets = [secret], bytes = raw, now = NOW } = {}) => {
  const verdict = verifyStandard(bytes, headers, secrets, now);
  return verdict.ok ? 'ok' : verdict.reason;
};

describe('the signature of a shop', () => {
  it('is taken from the reference library as well as from ours', () => {
    const theirs = new Webhook(secret).sign('evt-1', new Date(NOW), body);
    const headers = { 'webhook-id': 'evt-1', 'webhook-timestamp': String(NOW / 1_000), 'webhook-signature': theirs };
    expect([reasonOf(headers), reasonOf(signed())]).toEqual(['ok', 'ok']);
  });

  it('may be by any of several secrets, and one of several signatures is enough', () => {
    const other = newWebhookSecret();
    expect(reasonOf(signed(), { secrets: [other, secret] })).toBe('ok');
    expect(reasonOf(signed(NOW, [other, secret]))).toBe('ok');
    expect(reasonOf(signed(NOW, [other]))).toBe('invalid');
    expect(reasonOf(signed(NOW, [secret.replace('whsec_', '')]))).toBe('ok');
  });

  it('is no older and no younger than 300 seconds', () => {
    const ages = [300, 301, -300, -301, 86_400, -86_400];
    expect(ages.map((seconds) => reasonOf(signed(NOW - seconds * 1_000)))).toEqual(
      ['ok', 'stale', 'ok', 'early', 'stale', 'early'], // biome-ignore format: in the order of the ages
    );
  });

  it('covers every byte, the id and the time', () => {
    const headers = signed();
    expect(reasonOf(headers, { bytes: Buffer.from(`${body} `) })).toBe('invalid');
    expect(reasonOf(headers, { bytes: Buffer.from(`\uFEFF${body}`) })).toBe('invalid');
    expect(reasonOf({ ...headers, 'webhook-id': 'evt-2' })).toBe('invalid');
    expect(reasonOf({ ...headers, 'webhook-timestamp': String(NOW / 1_000 + 1) })).toBe('invalid');
  });

  it.each([
    ['no headers', {}, 'unsigned'],
    ['no signature', { ...signed(), 'webhook-signature': '' }, 'unsigned'],
    [
      'another version',
      { ...signed(), 'webhook-signature': signed()['webhook-signature']?.replace('v1,', 'v1a,') },
      'invalid',
    ],
    ['no base64', { ...signed(), 'webhook-signature': 'v1,***' }, 'invalid'],
    ['an empty signature', { ...signed(), 'webhook-signature': 'v1,' }, 'invalid'],
    ['no number as time', { ...signed(), 'webhook-timestamp': '1e9' }, 'invalid'],
    ['a line break in the id', { ...signed(), 'webhook-id': 'a\nb' }, 'invalid'],
  ])('is refused with %s', (_name, headers, reason) => {
    expect(reasonOf(headers as Record<string, string>)).toBe(reason);
  });

  it('is never made with no secret or an empty one', () => {
    const empty = signedHeaders({ id: 'evt-1', body }, ['whsec_'], NOW);
    expect([reasonOf(empty, { secrets: [] }), reasonOf(empty, { secrets: ['whsec_', ''] })]).toEqual([
      'invalid',
      'invalid',
    ]);
  });
});
