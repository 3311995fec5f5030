import type { GrantSource, Length } from '../licensing/package-terms.ts';
import type { DisputeRecord, PaymentRecord, RefundRecord, SubscriptionRecord } from './store-facts.ts';
import type { OrderLineRecord, OrderRecord } from './store-orders.ts';

/** What a price sells, as far as the ledger must know. */
export interface SoldPrice {
  packageId: string;
  /** The one that was ordered; of a price that came later by a change of plan the one that was sold then. */
  packageVersion: number;
  /** Of one piece: any of these is right. Empty: nobody knows, so nothing is compared. */
  unitsMinor: readonly number[];
  currency: string | null;
  length: Length | null;
  /** 0: the package says nothing. */
  graceDays: number;
}

export interface ImportedTime {
  packageId: string;
  /** ms UTC. */
  end: number;
}

/** All that is known of one order, one subscription, or a subscription with its order. */
export interface Deal {
  order: OrderRecord | null;
  lines: readonly OrderLineRecord[];
  subscription: SubscriptionRecord | null;
  /** The failed charge that the provider names by itself (SubscriptionFact); ms UTC. */
  failedAt: number | null;
  payments: readonly PaymentRecord[];
  refunds: readonly RefundRecord[];
  disputes: readonly DisputeRecord[];
  /** The time that a license had already when its subscription was taken over. */
  imported: readonly ImportedTime[];
  /** By the provider's id of the price. */
  prices: ReadonlyMap<string, SoldPrice>;
}

/** A line of the ledger as the facts want it. */
export interface Wanted {
  /** `payment_ref` and line: unique in the organization for ever. */
  key: string;
  paymentId: string;
  paymentRef: string;
  line: string;
  /** The line of the order that it fulfils; null: the subscription's. */
  orderLine: OrderLineRecord | null;
  packageId: string;
  packageVersion: number;
  quantity: number;
  /** ms UTC. */
  givenAt: number;
  time: { kind: 'length'; length: Length | null } | { kind: 'period'; start: number; end: number };
  source: Extract<GrantSource, 'purchase' | 'renewal' | 'switch'>;
  /** Keys of the lines whose place it takes, for a change within a period. */
  replaces: readonly string[];
  /** Not given back. */
  open: boolean;
  /** Why it is closed; '' while it is open. */
  reason: string;
}
