import { z } from 'zod';

/** What is read of PayPal's answers; whatever else they hold is nobody's business. */

const Currency = z.string().regex(/^[A-Z]{3}$/);
export const Money = z.object({ currency_code: Currency, value: z.string() });
export type Money = z.infer<typeof Money>;
const Instant = z.string().refine((text) => Number.isFinite(Date.parse(text)), 'is no instant');
const Link = z.object({ href: z.string(), rel: z.string() });
const Links = z.array(Link).default([]);
const Name = z.object({ given_name: z.string().optional(), surname: z.string().optional() });

/** A buyer, as orders and subscriptions show him. */
export const Payer = z.object({
  email_address: z.string().optional(),
  payer_id: z.string().optional(),
  name: Name.optional(),
});

export const Capture = z.object({
  id: z.string(),
  status: z.string(),
  amount: Money,
  custom_id: z.string().optional(),
  supplementary_data: z.object({ related_ids: z.object({ order_id: z.string().optional() }).optional() }).optional(),
  create_time: Instant,
  update_time: Instant.optional(),
});
export type Capture = z.infer<typeof Capture>;

export const Refund = z.object({
  id: z.string(),
  status: z.string(),
  amount: Money,
  note_to_payer: z.string().optional(),
  create_time: Instant.optional(),
  links: Links,
});
export type Refund = z.infer<typeof Refund>;

const Item = z.object({ name: z.string(), quantity: z.string(), unit_amount: Money, sku: z.string().optional() });
const Breakdown = z.object({
  item_total: Money.optional(),
  tax_total: Money.optional(),
  discount: Money.optional(),
});
const Unit = z.object({
  custom_id: z.string().optional(),
  amount: z.object({ ...Money.shape, breakdown: Breakdown.optional() }),
  items: z.array(Item).default([]),
  payments: z
    .object({ captures: z.array(Capture).default([]), refunds: z.array(Refund).default([]) })
    .default({ captures: [], refunds: [] }),
});
export type Unit = z.infer<typeof Unit>;

export const Order = z.object({
  id: z.string(),
  intent: z.string().optional(),
  status: z.string(),
  purchase_units: z.tuple([Unit], Unit),
  payer: Payer.optional(),
  update_time: Instant.optional(),
  links: Links,
});
export type Order = z.infer<typeof Order>;

/** The old way of telling amounts, still that of sales. */
const OldMoney = z.object({ total: z.string(), currency: Currency });
export const Sale = z.object({
  id: z.string(),
  billing_agreement_id: z.string().nullish(),
  custom: z.string().nullish(),
  update_time: Instant.optional(),
});
export const SaleRefund = z.object({
  id: z.string(),
  sale_id: z.string().optional(),
  state: z.string(),
  amount: OldMoney,
  create_time: Instant.optional(),
});

const UNITS = ['DAY', 'WEEK', 'MONTH', 'YEAR'] as const;
const Cycle = z.object({
  tenure_type: z.string(),
  frequency: z.object({ interval_unit: z.enum(UNITS), interval_count: z.number().int().min(1).default(1) }),
  total_cycles: z.number().int().default(1),
  pricing_scheme: z.object({ fixed_price: Money.optional() }).optional(),
});
export type Cycle = z.infer<typeof Cycle>;

/** A subscription that overrides its plan shows the cycles without the rest. */
export const PlanTerms = z.object({
  name: z.string().optional(),
  billing_cycles: z.array(Cycle).default([]),
  payment_preferences: z.object({ setup_fee: Money.optional() }).optional(),
  taxes: z.object({ percentage: z.string(), inclusive: z.boolean().optional() }).optional(),
});
export type PlanTerms = z.infer<typeof PlanTerms>;
export const Plan = z.object({ ...PlanTerms.shape, id: z.string(), status: z.string() });
export type Plan = z.infer<typeof Plan>;

const Failed = z.object({ time: Instant });
const Billing = z.object({
  cycle_executions: z.array(z.object({ tenure_type: z.string(), cycles_completed: z.number().int() })).default([]),
  last_payment: z.object({ amount: Money, time: Instant }).optional(),
  failed_payments_count: z.number().int().default(0),
  last_failed_payment: Failed.optional(),
});
export const Subscription = z.object({
  id: z.string(),
  plan_id: z.string(),
  status: z.string(),
  status_update_time: Instant.optional(),
  start_time: Instant.optional(),
  create_time: Instant,
  quantity: z.string().default('1'),
  custom_id: z.string().optional(),
  plan_overridden: z.boolean().optional(),
  plan: PlanTerms.optional(),
  subscriber: Payer.optional(),
  billing_info: Billing.optional(),
  links: Links,
});
export type Subscription = z.infer<typeof Subscription>;

export const Transaction = z.object({
  id: z.string(),
  status: z.string(),
  time: Instant,
  amount_with_breakdown: z.object({ gross_amount: Money, tax_amount: Money.optional() }),
});
export type Transaction = z.infer<typeof Transaction>;

export const Dispute = z.object({
  dispute_id: z.string(),
  create_time: Instant,
  disputed_transactions: z
    .array(z.object({ seller_transaction_id: z.string(), gross_amount: Money.optional() }))
    .default([]),
  reason: z.string().default(''),
  status: z.string(),
  dispute_life_cycle_stage: z.string().optional(),
  dispute_amount: Money.optional(),
  dispute_outcome: z.object({ outcome_code: z.string().optional(), amount_refunded: Money.optional() }).optional(),
  seller_response_due_date: Instant.optional(),
});
export type Dispute = z.infer<typeof Dispute>;

export function linkOf(links: readonly { href: string; rel: string }[], ...rels: string[]): string | null {
  return links.find(({ rel }) => rels.includes(rel))?.href ?? null;
}

/** Where the vendor's eyes are sent. */
export function webUrl(mode: 'live' | 'test', path: string): string {
  return `https://www.${mode === 'live' ? '' : 'sandbox.'}paypal.com${path}`;
}

/** Anybody may write into the field: only what looks like an order of ours is taken for one. */
export function ourOrder(customId: string | null | undefined): string | null {
  return customId && /^ord_[0-9a-z]{1,60}$/.test(customId) ? customId : null;
}

export function nameOf(payer: z.infer<typeof Payer> | undefined): string | null {
  const name = [payer?.name?.given_name, payer?.name?.surname].filter((part) => part).join(' ');
  return name === '' ? null : name;
}
