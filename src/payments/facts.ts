import type { ShopEvent } from './shop-event.ts';

/**
 * What a payment provider says about one subject, in our words: the same for every provider. Money in minor units of its currency
 * (upper-case ISO 4217), instants in ms UTC. Of a word that we do not know (`unknown`) nothing is ever concluded.
 */

/** A payment page of the provider, or its order, that one order of ours was sent to. */
export interface CheckoutFact {
  externalId: string;
  /** The order of ours that the provider was told; anybody may have written it, so the order must know this very id too. */
  orderId: string | null;
  /** `processing`: confirmed, and the money is yet to come. `paid`: paid, or nothing was to be paid. */
  state: 'open' | 'processing' | 'paid' | 'failed' | 'expired' | 'unknown';
  providerState: string;
  currency: string;
  /** Before discounts and tax: what the prices come to. */
  subtotalMinor: number;
  discountMinor: number;
  taxMinor: number;
  totalMinor: number;
  lines: { priceId: string | null; quantity: number; amountMinor: number }[];
  email: string | null;
  name: string | null;
  externalCustomerId: string | null;
  /** External ids of what it led to, once there are. */
  paymentId: string | null;
  subscriptionId: string | null;
}

export const SUBSCRIPTION_STATES = [
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'paused',
  'canceled',
  'expired',
  'unknown',
] as const;
/** `incomplete` never paid yet; `canceled` and `expired` never live again. `canceled` may have paid time left. */
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

export interface SubscriptionItem {
  id: string;
  priceId: string;
  quantity: number;
}

export interface SubscriptionFact {
  externalId: string;
  /** As in a checkout. */
  orderId: string | null;
  /** A license or license key of ours that its notes at the provider name. Read when it is taken over, and never kept. */
  licenseRef?: string | null;
  checkoutId: string | null;
  state: SubscriptionState;
  providerState: string;
  items: SubscriptionItem[];
  currency: string;
  externalCustomerId: string | null;
  email: string | null;
  startedAt: number;
  /** The period that the provider is in, paid or not: it decides nothing. */
  periodStart: number | null;
  periodEnd: number | null;
  /** When it is going to end, if somebody has canceled it. */
  cancelAt: number | null;
  canceledAt: number | null;
  endedAt: number | null;
  pausedAt: number | null;
  /** The first failed charge of the period that is unpaid now, where no payment of it says so. */
  failedAt: number | null;
  /** Where the vendor sees it at the provider. */
  url: string;
}

export interface PaymentLine {
  /** Unique within the payment, and for ever the same. */
  id: string;
  /** The subscription's item that it pays for; null: a one-off. */
  item: string | null;
  priceId: string | null;
  quantity: number;
  /** Before discounts and tax, of all its pieces. Negative: something is given back for a change within a period. */
  amountMinor: number;
  /** The time that it pays for. null: a one-off. */
  start: number | null;
  end: number | null;
  /** For a change within a period: it takes the place of what its item had. */
  proration: boolean;
}

export const PAYMENT_STATES = ['pending', 'paid', 'failed', 'void', 'unknown'] as const;

export interface PaymentFact {
  externalId: string;
  kind: 'one_off' | 'period';
  /** External ids of what it belongs to. */
  checkoutId: string | null;
  subscriptionId: string | null;
  state: (typeof PAYMENT_STATES)[number];
  /** What the customer paid, with tax and without discounts. */
  amountMinor: number;
  currency: string;
  /** When the provider took the money. */
  paidAt: number | null;
  /** The first failed try to take it; later ones do not move it. Stays when it is paid at last. */
  failedAt: number | null;
  lines: PaymentLine[];
  /** Other ids of the provider by which refunds, disputes and events name it. */
  aliases: string[];
  url: string;
  /** Where the customer sees the invoice, or pays it. */
  customerUrl: string | null;
}

export const REFUND_STATES = ['pending', 'succeeded', 'failed', 'unknown'] as const;

export interface RefundFact {
  externalId: string;
  paymentId: string;
  state: (typeof REFUND_STATES)[number];
  amountMinor: number;
  currency: string;
  reason: string;
  at: number;
  url: string;
}

export const DISPUTE_STATES = ['warning', 'inquiry', 'open', 'won', 'lost', 'closed', 'unknown'] as const;

export interface DisputeFact {
  externalId: string;
  paymentId: string;
  /**
   * `warning`: the bank suspects fraud, nobody disputes yet. `inquiry`: asked only. `closed`: over without a loss or a win.
   * `lost`: money gone, also where the provider gave it back by itself to prevent a dispute.
   */
  state: (typeof DISPUTE_STATES)[number];
  providerState: string;
  /** What is disputed; of a lost one what was taken. */
  amountMinor: number;
  currency: string;
  reason: string;
  at: number;
  /** Until when the vendor must answer. */
  dueAt: number | null;
  url: string;
}

/** All that there is about one subject, read afresh. What is missing here was not looked at: nothing is taken away for it. */
export interface Snapshot {
  checkout: CheckoutFact | null;
  subscription: SubscriptionFact | null;
  payments: PaymentFact[];
  refunds: RefundFact[];
  disputes: DisputeFact[];
  /** The event that says all this, of a shop that has nothing to be read afresh. */
  told?: ShopEvent;
}

export const NOTHING_FOUND: Snapshot = { checkout: null, subscription: null, payments: [], refunds: [], disputes: [] };
