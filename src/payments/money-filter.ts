import { DISPUTE_STATES, PAYMENT_STATES, REFUND_STATES, SUBSCRIPTION_STATES } from './facts.ts';
import type { Mode } from './gateway.ts';
import { ORDER_STATES } from './order-states.ts';

/** The kinds of things that are told of money, with the states of each. */
export const MONEY_STATES = {
  order: ORDER_STATES,
  subscription: SUBSCRIPTION_STATES,
  payment: PAYMENT_STATES,
  refund: REFUND_STATES,
  dispute: DISPUTE_STATES,
} as const;

export type MoneyKind = keyof typeof MONEY_STATES;

/** Which orders, subscriptions, payments, refunds or disputes are meant; all that is said must hold. Instants are ISO. */
export interface MoneyFilter {
  organizationId: string;
  /** Live and test money are never in one list. */
  mode: Mode;
  state?: string | undefined;
  provider?: string | undefined;
  /** Whose it is, by the order, by the license that it went into, or by the address that was given. */
  customerId?: string | undefined;
  licenseId?: string | undefined;
  email?: string | undefined;
  orderId?: string | undefined;
  subscriptionId?: string | undefined;
  paymentId?: string | undefined;
  /** An id of the provider. */
  externalId?: string | undefined;
  /** True: something is wrong with it. */
  trouble?: boolean | undefined;
  from?: string | undefined;
  /** Not included. */
  to?: string | undefined;
}
