import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'feedgate-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (env: Record<string, string>) => readConfig({ PUBLIC_URL: 'https://updates.example.com', ...env });
const faultsOf = (env: Record<string, string>) => {
  const result = read(env);
  return result.ok ? [] : result.faults;
};
const fileWith = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('payment variables', () => {
  it('are not needed', () => {
    expect(read({})).toMatchObject({ ok: true, config: { payments: { accounts: [], apiBases: {} } } });
  });

  it('become accounts, whose mode the key of Stripe tells and PAYPAL_MODE says', () => {
    const stripe = { STRIPE_SECRET_KEY: 'rk_live_1', STRIPE_WEBHOOK_SECRET: 'whsec_new, whsec_old' };
    const paypal = { PAYPAL_CLIENT_ID: 'A1', PAYPAL_CLIENT_SECRET: 'E1', PAYPAL_MODE: 'test', PAYPAL_WEBHOOK_ID: '1A' };
    const bases = { STRIPE_API_BASE: 'http://127.0.0.1:9/', PAYPAL_API_BASE: 'https://proxy.example.com' };
    expect(read({ ...stripe, ...paypal, ...bases })).toMatchObject({
      ok: true,
      config: {
        payments: {
          accounts: [
            {
              ...{ provider: 'stripe', mode: 'live', credentials: { secret_key: 'rk_live_1' } },
              ...{ hookSecrets: ['whsec_new', 'whsec_old'], hookId: null },
            },
            {
              ...{ provider: 'paypal', mode: 'test', credentials: { client_id: 'A1', client_secret: 'E1' } },
              ...{ hookSecrets: null, hookId: '1A' },
            },
          ],
          apiBases: { stripe: 'http://127.0.0.1:9', paypal: 'https://proxy.example.com' },
        },
      },
    });
  });

  it('may stand in files, which end in a newline as files do', () => {
    const env = { STRIPE_SECRET_KEY_FILE: fileWith('key', 'sk_test_1\n') };
    expect(read(env)).toMatchObject({ ok: true, config: { payments: { accounts: [{ mode: 'test' }] } } });
    expect(faultsOf({ ...env, STRIPE_SECRET_KEY: 'sk_test_1' })).toEqual([expect.stringContaining('both set')]);
    expect(faultsOf({ STRIPE_SECRET_KEY_FILE: fileWith('empty', '\n') })).toEqual([
      expect.stringMatching(/^STRIPE_SECRET_KEY is empty/),
    ]);
  });

  it.each([
    [{ STRIPE_SECRET_KEY: '' }, /^STRIPE_SECRET_KEY is empty/],
    [{ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: ' ' }, /^STRIPE_WEBHOOK_SECRET is empty/],
    [{ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_a,' }, /^STRIPE_WEBHOOK_SECRET must be signing/],
    [{ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_a\nb' }, /^STRIPE_WEBHOOK_SECRET must be signing/],
    [{ STRIPE_SECRET_KEY: 'sk_test_s3cret\n' }, /^STRIPE_SECRET_KEY must be one word/],
    [{ STRIPE_SECRET_KEY: 'pk_live_s3cret' }, /^STRIPE_SECRET_KEY must be a secret or restricted key/],
    [{ STRIPE_WEBHOOK_SECRET: 'whsec_a' }, /STRIPE_SECRET_KEY is missing/],
    [{ PAYPAL_CLIENT_ID: 'A', PAYPAL_CLIENT_SECRET: 'E' }, /PAYPAL_MODE is missing/],
    [{ PAYPAL_CLIENT_ID: 'A', PAYPAL_MODE: 'test' }, /PAYPAL_CLIENT_SECRET is missing/],
    [{ PAYPAL_CLIENT_ID: 'A', PAYPAL_CLIENT_SECRET: 'E', PAYPAL_MODE: 'sandbox' }, /^PAYPAL_MODE must be live or test/],
    [{ PAYPAL_WEBHOOK_ID: '1A' }, /PAYPAL_CLIENT_ID is missing/],
    [{ STRIPE_API_BASE: 'ftp://x' }, /^STRIPE_API_BASE must be the address/],
    [{ STRIPE_API_BASE: 'https://u:p@x' }, /^STRIPE_API_BASE must have no query/],
  ])('case 13: %j is refused in words that repeat no value', (env, words) => {
    const faults = faultsOf(env as Record<string, string>);
    expect(faults).toEqual([expect.stringMatching(words)]);
    expect(faults.join()).not.toMatch(/s3cret|u:p/);
  });
});
