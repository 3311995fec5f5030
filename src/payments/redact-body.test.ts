import { describe, expect, it } from 'vitest';
import { withoutSecrets } from './redact-body.ts';

describe('the raw body of an event', () => {
  it('is shown without what opens something', () => {
    const body = {
      id: 'evt_1',
      data: { client_secret: 'pi_1_secret_abcdefgh123', api_key: 'x1', access_token: 7, amount: 900, hook: null },
      metadata: { license_key: 'FG1-ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG', note: 'see sk_live_1234567890' },
      keys: [{ key: 'k' }],
    };
    expect(JSON.parse(withoutSecrets(JSON.stringify(body)))).toEqual({
      id: 'evt_1',
      data: { client_secret: '***', api_key: '***', access_token: '***', amount: 900, hook: null },
      metadata: { license_key: '***', note: 'see ***' },
      keys: [{ key: '***' }],
    });
  });

  it('is shown as it is where it is no JSON, but without the keys of the provider', () => {
    expect(withoutSecrets('a=1&whsec_123456789=2')).toBe('a=1&***=2');
  });
});
