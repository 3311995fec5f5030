import { z } from 'zod';
import { ID_PREFIX, type IdKind, kindOfId } from '../ids.ts';
import { emailField, instantField, lineField, nameField } from '../licensing/fields.ts';

/** What a shop of another kind tells of its orders, in its own words: the event is the fact, for there is nothing to read afresh. */

export const SHOP_EVENT_TYPES = ['paid', 'renewed', 'failed', 'refunded', 'canceled'] as const;

/** Together with the start of a period it must fit into a payment reference of 255. */
const reference = z
  .union([z.string(), z.number().int().min(0)])
  .transform((value) => String(value).trim())
  .pipe(
    z
      .string()
      .min(1)
      .max(200)
      .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'holds a control character'),
  );

const money = z.number().int().min(0).max(1_000_000_000_000);
const currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/, 'must be three letters, as in ISO 4217')
  .transform((text) => text.toUpperCase());

function idOf(kind: IdKind) {
  return z
    .string()
    .max(64)
    .superRefine((text, context) => {
      const given = kindOfId(text);
      if (given === kind) return;
      const message = `must be the id of a ${kind} (${ID_PREFIX[kind]}_…)`;
      context.addIssue({ code: 'custom', message, ...(given && { params: { problem: 'WRONG_ID_KIND' } }) });
    });
}

const ShopItem = z
  .strictObject({
    /** Our code of a price. */
    price: z.string().trim().min(1).max(100).optional(),
    package: idOf('package').optional(),
    quantity: z.number().int().min(1).max(100_000).default(1),
    /** More of this license; without it a new one is made. */
    license: idOf('license').optional(),
    line: lineField.removeDefault().optional(),
    /** Of all its pieces, before discounts and tax. */
    amount_minor: money.optional(),
  })
  .refine((item) => (item.price === undefined) !== (item.package === undefined), {
    message: 'names a price or a package, one of the two',
    path: ['price'],
  });

const ShopCustomer = z.strictObject({
  email: emailField,
  name: nameField.optional(),
  /** Of mails to the buyer, such as `de` or `fr-CH`. */
  language: z
    .string()
    .regex(/^[A-Za-z]{2}(?:[-_][A-Za-z0-9]{2,8})*$/, 'must be a language such as de or fr-CH')
    .transform((text) => text.slice(0, 2).toLowerCase())
    .optional(),
});

const Period = z
  .strictObject({ start: instantField, end: instantField })
  .refine(({ start, end }) => end > start, { message: 'must be later than the start', path: ['end'] });

const Refund = z.strictObject({
  id: reference,
  amount_minor: money,
  reason: z.string().trim().max(500).default(''),
});

const Fields = z.strictObject({
  type: z.enum(SHOP_EVENT_TYPES),
  /** The shop's reference of the order: it is what its grants are paid by. */
  order: reference,
  items: z.array(ShopItem).min(1).max(50).optional(),
  customer: ShopCustomer.optional(),
  /** What was paid: less discounts, with tax. */
  amount_minor: money.optional(),
  discount_minor: money.default(0),
  tax_minor: money.default(0),
  currency: currency.optional(),
  paid_at: instantField.optional(),
  period: Period.optional(),
  subscription: z.strictObject({ id: reference }).optional(),
  refund: Refund.optional(),
  /** When it happened: of two events the later one holds, in whatever order they come. */
  at: instantField,
  test: z.boolean().default(false),
});
type Fields = z.output<typeof Fields>;

export const ShopEvent = Fields.superRefine((event, context) => {
  for (const [path, message] of faultsOf(event)) context.addIssue({ code: 'custom', path, message });
});
export type ShopEvent = z.output<typeof ShopEvent>;

type Fault = [path: (string | number)[], message: string];

const NEEDED: Record<ShopEvent['type'], readonly (keyof Fields)[]> = {
  paid: ['items', 'customer', 'amount_minor', 'currency'],
  renewed: ['subscription', 'period', 'amount_minor', 'currency'],
  failed: [],
  refunded: ['refund'],
  canceled: [],
};

function faultsOf(event: Fields): Fault[] {
  const { type, subscription, period, refund } = event;
  const faults: Fault[] = [];
  for (const field of NEEDED[type]) {
    if (event[field] === undefined) faults.push([[field], `is required with type ${type}`]);
  }
  if ((type === 'paid' || type === 'failed') && subscription && !period)
    faults.push([['period'], 'is required with a subscription: what is paid, or was to be']);
  if (period && !subscription && type !== 'refunded')
    faults.push([['subscription'], 'is required with a period: name what is paid again']);
  if (refund && type !== 'refunded') faults.push([['refund'], 'goes with type refunded only']);
  return [...faults, ...faultsOfItems(event)];
}

function faultsOfItems({
  items = [],
  amount_minor: amount,
  discount_minor: discount,
  tax_minor: tax,
}: Fields): Fault[] {
  const lines = linesOf(items);
  const twins = lines.flatMap((line, i): Fault[] =>
    lines.indexOf(line) === i ? [] : [[['items', i, 'line'], 'is the line of another item too']],
  );
  if (amount !== undefined && amount + discount < tax) twins.push([['tax_minor'], 'is more than was paid']);
  return twins;
}

/** The lines of items, by what they are called or else by their place: 1, 2, … */
export function linesOf(items: readonly Pick<z.output<typeof ShopItem>, 'line'>[]): string[] {
  return items.map(({ line }, i) => line ?? String(i + 1));
}

export type ShopItem = z.output<typeof ShopItem>;

/** What must be looked at as a whole: a subscription where one is named, else the order. */
export function subjectOfShop({ order, subscription }: Pick<ShopEvent, 'order' | 'subscription'>): string {
  return subscription ? `subscription:${subscription.id}` : `checkout:${order}`;
}
