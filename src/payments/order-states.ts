/**
 * `open`: the buyer is on his way. `processing`: confirmed, the money is yet to come. `mismatch`: what was paid is not what was
 * ordered, so nothing is given; `trouble` says what.
 */
export const ORDER_STATES = ['open', 'processing', 'paid', 'failed', 'expired', 'mismatch'] as const;
export type OrderState = (typeof ORDER_STATES)[number];
