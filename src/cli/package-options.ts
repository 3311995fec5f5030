import type { z } from 'zod';
import type { Core } from '../app.ts';
import { LENGTH_UNITS, type Length } from '../licensing/package-terms.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { listOf, numberOf, textOf, UsageError, type Values } from './command.ts';

/** What `package create` and `package change` say of a package, in the same words. */
export const TERMS_OPTIONS = {
  name: { type: 'string' },
  description: { type: 'string' },
  position: { type: 'string' },
  price: { type: 'string', multiple: true },
  length: { type: 'string' },
  from: { type: 'string' },
  until: { type: 'string' },
  'starts-on': { type: 'string' },
  channels: { type: 'string' },
  sites: { type: 'string' },
  devices: { type: 'string' },
  seats: { type: 'string' },
  sessions: { type: 'string' },
  'site-unit': { type: 'string' },
  'grace-days': { type: 'string' },
  'after-end': { type: 'string' },
  products: { type: 'string' },
  entitlement: { type: 'string', multiple: true },
  overage: { type: 'string' },
  'takeover-days': { type: 'string' },
} as const;

export const TERMS_HELP: readonly string[] = [
  '--length       how long one sale lasts: 1y, 6m, 30d, or none for no end',
  '--sites        how many sites, or unlimited; also --devices, --seats, --sessions (0)',
  '--channels     stable is always among them: stable,rc,beta',
  '--from, --until   fixed dates for every sale, such as 2027-01-01',
  '--starts-on    issue (default) or first_use',
  '--site-unit    host (default), or registrable: all hosts of a domain are one site',
  '--grace-days   how long it goes on after its end (0)',
  '--after-end    nothing (default), shown or owned: what a key still opens then',
  '--products     only these, by name or id; every product otherwise',
  '--entitlement  name=value, as often as wanted: true, false, a number or a text',
  '--overage      deny (default), or 10: sites up to 10 % beyond the limit are let in and flagged',
  '--takeover-days   a full license takes the slot of a site that was silent for so many days; never (default)',
  '--description  as customers read it',
  '--position     lists are in this order; behind all others by default',
  '--price        provider:id:code, as often as wanted, such as stripe:price_1AbC:pro-year; none takes all away.',
  '               Behind it ,amount=4900,currency=EUR (of Stripe they are looked up), ,interval=1m for what is paid again',
  '               and again, ,duration=1y for a one-off that lasts otherwise than its package',
];

/** Throws UsageError with the option's own name. */
export function checked<T extends z.ZodType>(schema: T, said: Record<string, unknown>): z.output<T> {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? '').replaceAll('_', '-');
  const option = { duration: 'length', prices: 'price', 'fixed-from': 'from', 'fixed-until': 'until' }[field] ?? field;
  throw new UsageError(`--${option}: ${issue?.message}`);
}

export async function termsSaid(core: Core, values: Values): Promise<Record<string, unknown>> {
  const grace = textOf(values, 'grace-days');
  return {
    name: textOf(values, 'name'),
    description: textOf(values, 'description'),
    position: numberOf(values, 'position'),
    prices: pricesSaid(values),
    duration: lengthSaid(textOf(values, 'length')),
    fixed_from: instantSaid(textOf(values, 'from')),
    fixed_until: instantSaid(textOf(values, 'until')),
    starts_on: textOf(values, 'starts-on'),
    channels: textOf(values, 'channels') === undefined ? undefined : listOf(values, 'channels'),
    ...Object.fromEntries(['sites', 'devices', 'seats', 'sessions'].map((name) => [name, limitSaid(values, name)])),
    site_unit: textOf(values, 'site-unit'),
    grace_days: grace === undefined ? undefined : Number(grace),
    after_end: textOf(values, 'after-end'),
    products: await productsSaid(core, values),
    entitlements: entitlementsSaid(values),
    overage: overageSaid(textOf(values, 'overage')),
    takeover_days: takeoverSaid(values),
  };
}

function lengthSaid(text: string | undefined, option = '--length'): Length | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const [, value, letter] = /^(\d{1,5})([dmy])$/.exec(text) ?? [];
  const unit = LENGTH_UNITS.find((each) => each[0] === letter);
  if (value === undefined || unit === undefined) throw new UsageError(`${option} is like 1y, 6m or 30d, or none`);
  return { value: Number(value), unit };
}

/** A day begins at midnight UTC. */
function instantSaid(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
}

function limitSaid(values: Values, name: string): number | null | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  if (text === 'unlimited') return null;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} is a number, or unlimited`);
  return Number(text);
}

async function productsSaid(core: Core, values: Values): Promise<string[] | undefined> {
  if (textOf(values, 'products') === undefined) return undefined;
  return Promise.all(listOf(values, 'products').map(async (name) => (await requireProduct(core.db, name)).id));
}

function entitlementsSaid(values: Values): Record<string, boolean | number | string> | undefined {
  const said = values['entitlement'];
  if (!Array.isArray(said)) return undefined;
  return Object.fromEntries(
    said.map(String).map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw new UsageError('--entitlement is name=value');
      return [text.slice(0, at), entitlementOf(text.slice(at + 1))];
    }),
  );
}

function entitlementOf(text: string): boolean | number | string {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,10})?$/.test(text) ? Number(text) : text;
}

function overageSaid(text: string | undefined): { mode: 'deny' } | { mode: 'allow'; percent: number } | undefined {
  if (text === undefined) return undefined;
  if (text === 'deny' || text === '0') return { mode: 'deny' };
  const percent = /^(\d{1,4})%?$/.exec(text)?.[1];
  if (percent === undefined) throw new UsageError('--overage is deny, or how many percent: 10');
  return { mode: 'allow', percent: Number(percent) };
}

function takeoverSaid(values: Values): number | null | undefined {
  return textOf(values, 'takeover-days') === 'never' ? null : numberOf(values, 'takeover-days');
}

const PRICE_WORDS = 'amount, currency, interval and duration';

/** The code is what stands behind the last colon, so that an id may hold some; behind it may stand `,amount=4900,currency=EUR`. */
function pricesSaid({ price }: Values): object[] | undefined {
  if (!Array.isArray(price)) return undefined;
  if (price.length === 1 && price[0] === 'none') return [];
  return price.map(String).map((text) => {
    const [, provider, external_id, code, more = ''] = /^([^:]+):(.+):([^:,]+)((?:,[a-z]+=[^,:]*)*)$/.exec(text) ?? [];
    if (provider === undefined) throw new UsageError('--price is provider:id:code, or none');
    const words = more.split(',').slice(1);
    return { provider, external_id, code, ...Object.fromEntries(words.map(priceWord)) };
  });
}

function priceWord(word: string): [string, unknown] {
  const [name = '', text = ''] = word.split('=');
  if (name === 'currency') return ['currency', text.toUpperCase()];
  if (name === 'interval' || name === 'duration') return [name, lengthSaid(text, `--price: ${name}`)];
  if (name !== 'amount') throw new UsageError(`--price: behind the code stand ${PRICE_WORDS}, not ${name}`);
  if (!/^\d{1,13}$/.test(text)) throw new UsageError('--price: amount is in minor units: 4900 for 49.00');
  return ['amount_minor', Number(text)];
}
