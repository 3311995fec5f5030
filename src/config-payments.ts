import { z } from 'zod';

/** Money of live and of test mode never meets. */
type Mode = 'live' | 'test';

/** An account at a payment provider as the variables of the process have it: that of the first organization. */
export interface PaymentVariables {
  provider: string;
  mode: Mode;
  /** By the names that the provider's gateway gives them. */
  credentials: Record<string, string>;
  /** The newest first. null: no variable names any, so those that are stored stay. */
  hookSecrets: string[] | null;
  /** null: likewise. */
  hookId: string | null;
}

export interface PaymentConfig {
  accounts: PaymentVariables[];
  /** By provider: another host in the place of its own. */
  apiBases: Record<string, string>;
}

/** Each may come from a file too (`NAME_FILE`). */
export const PAYMENT_SECRETS = [
  'STRIPE_SECRET_KEY',
  'STRIPE_WEBHOOK_SECRET',
  'PAYPAL_CLIENT_ID',
  'PAYPAL_CLIENT_SECRET',
  'PAYPAL_WEBHOOK_ID',
] as const;

/** No white space: a newline that slipped in is the usual fault, and the provider would only say that the secret is wrong. */
const secret = z.string().regex(/^\S+$/, 'must be one word, without spaces and newlines').optional();

const secrets = z
  .string()
  .transform((text) => text.split(',').map((each) => each.trim()))
  .refine(
    (list) => list.every((each) => /^whsec_\S+$/.test(each)),
    'must be signing secrets that begin with whsec_, with a comma between two of them',
  )
  .optional();

const base = z
  .url({ protocol: /^https?$/, error: 'must be the address of another host, like https://proxy.example.com' })
  .transform((text) => text.replace(/\/+$/, ''))
  .refine((text) => !/[?#@]/.test(text), 'must have no query, no fragment and no credentials')
  .optional();

const Variables = z.object({
  STRIPE_SECRET_KEY: secret.refine(
    (text) => text === undefined || /^[sr]k_(test|live)_/.test(text),
    'must be a secret or restricted key: sk_test_…, sk_live_…, rk_test_… or rk_live_…',
  ),
  STRIPE_WEBHOOK_SECRET: secrets,
  STRIPE_API_BASE: base,
  PAYPAL_CLIENT_ID: secret,
  PAYPAL_CLIENT_SECRET: secret,
  PAYPAL_WEBHOOK_ID: secret,
  PAYPAL_MODE: z.enum(['live', 'test'], { error: 'must be live or test' }).optional(),
  PAYPAL_API_BASE: base,
});
type Variables = z.output<typeof Variables>;

const NAMES = Object.keys(Variables.shape) as (keyof Variables)[];

/**
 * What the variables say of payments, or every fault at once; no fault repeats a value. One that is set and empty is a fault: whoever
 * set it believes that deliveries are checked.
 */
export function readPayments(
  env: Record<string, string | undefined>,
): { ok: true; payments: PaymentConfig } | { ok: false; faults: string[] } {
  const set = Object.fromEntries(NAMES.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));
  const empty = NAMES.filter((name) => set[name]?.trim() === '');
  const faults = empty.map((name) => `${name} is empty: set it, or leave it out altogether`);
  const parsed = Variables.safeParse(
    Object.fromEntries(Object.entries(set).filter(([name]) => !empty.includes(name as keyof Variables))),
  );
  if (!parsed.success) faults.push(...parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  if (!parsed.success || faults.length > 0) return { ok: false, faults };
  const lonely = lonelyOnes(parsed.data);
  if (lonely.length > 0) return { ok: false, faults: lonely };
  return { ok: true, payments: { accounts: accountsIn(parsed.data), apiBases: basesIn(parsed.data) } };
}

/** Variables that are of no use without another one. */
function lonelyOnes(set: Variables): string[] {
  const needs = (name: keyof Variables, ...others: (keyof Variables)[]) =>
    set[name] === undefined
      ? []
      : others.filter((other) => set[other] === undefined).map((other) => `${name} is set, and ${other} is missing`);
  return [
    ...needs('STRIPE_WEBHOOK_SECRET', 'STRIPE_SECRET_KEY'),
    ...needs('PAYPAL_CLIENT_ID', 'PAYPAL_CLIENT_SECRET', 'PAYPAL_MODE'),
    ...needs('PAYPAL_CLIENT_SECRET', 'PAYPAL_CLIENT_ID'),
    ...needs('PAYPAL_WEBHOOK_ID', 'PAYPAL_CLIENT_ID'),
  ];
}

function accountsIn(set: Variables): PaymentVariables[] {
  const { STRIPE_SECRET_KEY: key, PAYPAL_CLIENT_ID: id, PAYPAL_CLIENT_SECRET: clientSecret, PAYPAL_MODE: mode } = set;
  const accounts: PaymentVariables[] = [];
  if (key !== undefined) {
    accounts.push({
      ...{ provider: 'stripe', mode: /^.k_live_/.test(key) ? 'live' : 'test', credentials: { secret_key: key } },
      ...{ hookSecrets: set.STRIPE_WEBHOOK_SECRET ?? null, hookId: null },
    });
  }
  if (id !== undefined && clientSecret !== undefined && mode !== undefined) {
    accounts.push({
      ...{ provider: 'paypal', mode, credentials: { client_id: id, client_secret: clientSecret } },
      ...{ hookSecrets: null, hookId: set.PAYPAL_WEBHOOK_ID ?? null },
    });
  }
  return accounts;
}

function basesIn({ STRIPE_API_BASE: stripe, PAYPAL_API_BASE: paypal }: Variables): Record<string, string> {
  return { ...(stripe === undefined ? {} : { stripe }), ...(paypal === undefined ? {} : { paypal }) };
}
