import { createHmac } from 'node:crypto';
import { webhookKeyOf } from '../notify/signature.ts';

/** What shops send that ask a license server for the key, by the names that they use, and the address that they are given for it. */

export const KEY_FIELDS = ['order', 'line', 'quantity', 'email', 'name', 'product', 'test'] as const;
type Field = (typeof KEY_FIELDS)[number];

/** Names by which a field is known anyway, the first that is there; case, blanks, dashes and underscores in them do not count. */
const USUAL: Record<Field, readonly string[]> = {
  order: ['order', 'order_id', 'order_reference', 'reference', 'order_number', 'p_order_id', 'payment_ref'],
  line: ['line', 'line_id', 'order_item_id', 'item_id'],
  quantity: ['quantity', 'product_quantity', 'p_quantity', 'qty'],
  email: ['email', 'customer_email', 'e_mail'],
  name: ['name', 'customer_name', 'full_name'],
  product: ['product', 'product_id', 'price', 'package_id', 'sku', 'p_product_id', 'internal_product_name'],
  test: ['test', 'test_mode', 'is_test'],
};

/** What goes first for a shop that is known; all of it is to be held against an own test order. */
export const KEY_PRESETS = {
  fastspring: { order: 'reference', quantity: 'quantity', email: 'email', name: 'name' },
  paypro: {
    ...{ order: 'ORDER_ID', line: 'ORDER_ITEM_ID', quantity: 'PRODUCT_QUANTITY', email: 'CUSTOMER_EMAIL' },
    ...{ name: 'CUSTOMER_NAME', product: 'PRODUCT_ID', test: 'TEST_MODE' },
  },
  paddle: { order: 'p_order_id', quantity: 'p_quantity', email: 'customer_email', product: 'p_product_id' },
} as const satisfies Record<string, Partial<Record<Field, string>>>;
export type KeyPreset = keyof typeof KEY_PRESETS;

/** What an address says beside whom it is of; all of it is signed. */
export interface KeyOptions {
  preset: KeyPreset | null;
  /** `quantity`: a key for each piece; `order`: one key whose limits are multiplied. */
  keys: 'quantity' | 'order';
  /** Our code of a price, or a package: whatever the request says. null: the request names it. */
  sell: string | null;
  /** Names that the shop uses, where they are not the usual ones. */
  fields: Partial<Record<Field, string>>;
}

type Read<T> = { ok: true; value: T } | { ok: false; detail: string };

/** Options as they stand in a query; what else stands there is the shop's own, and no option. */
export function readKeyOptions(query: URLSearchParams): Read<KeyOptions> {
  const names = ['preset', 'keys', 'sell', ...KEY_FIELDS.map((field) => `field.${field}`)];
  const twice = names.find((name) => query.getAll(name).length > 1);
  if (twice !== undefined) return { ok: false, detail: `${twice} is given more than once` };
  if (names.some((name) => query.get(name)?.includes('\0'))) return { ok: false, detail: 'an option holds U+0000' };
  const preset = query.get('preset');
  if (preset !== null && !Object.hasOwn(KEY_PRESETS, preset))
    return { ok: false, detail: `preset is one of ${Object.keys(KEY_PRESETS).join(', ')}` };
  const keys = query.get('keys') ?? 'quantity';
  if (keys !== 'quantity' && keys !== 'order') return { ok: false, detail: 'keys is quantity or order' };
  const named = KEY_FIELDS.map((field) => [field, query.get(`field.${field}`)] as const);
  const fields = Object.fromEntries(named.filter(([, name]) => name !== null && name !== ''));
  return { ok: true, value: { preset: preset as KeyPreset | null, keys, sell: query.get('sell') || null, fields } };
}

/** The query that says these options, in one order. */
export function keyQuery({ preset, keys, sell, fields }: KeyOptions): string {
  const query = new URLSearchParams();
  if (preset !== null) query.set('preset', preset);
  if (keys !== 'quantity') query.set('keys', keys);
  if (sell !== null) query.set('sell', sell);
  for (const field of KEY_FIELDS) if (fields[field]) query.set(`field.${field}`, fields[field]);
  return query.toString();
}

export function keyPath(accountId: string): string {
  return `/api/v1/payments/keys/${accountId}`;
}

/** Proves that whoever has the secret of the account made the address. It is good for these options of this account alone. */
export function keySignature(secret: string, accountId: string, options: KeyOptions): string {
  const text = `feedgate key address 1\n${keyPath(accountId)}\n${keyQuery(options)}`;
  return createHmac('sha256', webhookKeyOf(secret)).update(text).digest('base64url');
}

/** What is wanted for one line of an order. */
export interface KeyWish {
  order: string;
  line: string;
  quantity: number;
  email: string;
  name: string;
  /** As the shop calls it; null: it does not say. */
  product: string | null;
  test: boolean;
}

const MOST_QUANTITY = 100_000;

/** Reads the fields of a request. Who has paid is not turned away for an odd name or address: they are left out. */
export function readKeyWish(sent: Readonly<Record<string, unknown>>, options: KeyOptions): Read<KeyWish> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(sent)) {
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (isPlain && !values.has(plain(name))) values.set(plain(name), String(value).replaceAll('\0', '').trim());
  }
  const preset: Partial<Record<Field, string>> = options.preset === null ? {} : KEY_PRESETS[options.preset];
  const fieldValue = (field: Field): string => {
    const own = options.fields[field];
    const names = own === undefined ? [...(preset[field] ? [preset[field]] : []), ...USUAL[field]] : [own];
    return names.map((name) => values.get(plain(name)) ?? '').find((value) => value !== '') ?? '';
  };
  const order = fieldValue('order');
  if (order === '' || order.length > 200)
    return { ok: false, detail: 'the reference of the order is needed, at most 200' };
  const line = fieldValue('line') || '1';
  if (line.length > 80) return { ok: false, detail: 'the line has more than 80 characters' };
  const quantity = fieldValue('quantity') || '1';
  if (!/^\d{1,6}(\.0+)?$/.test(quantity) || Number(quantity) < 1 || Number(quantity) > MOST_QUANTITY)
    return { ok: false, detail: `the quantity is a whole number from 1 to ${MOST_QUANTITY}` };
  const email = fieldValue('email');
  const isAddress = email.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(email);
  return {
    ok: true,
    value: {
      ...{
        order,
        line,
        quantity: Number(quantity),
        email: isAddress ? email : '',
        name: fieldValue('name').slice(0, 200),
      },
      product: fieldValue('product') || null,
      test: /^(1|true|yes|y|on|test)$/i.test(fieldValue('test')),
    },
  };
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}
