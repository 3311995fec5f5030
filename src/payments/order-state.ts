import type { CheckoutFact } from './facts.ts';
import type { OrderState } from './order-states.ts';
import type { OrderLineRecord, OrderRecord } from './store-orders.ts';

export interface OrderOutcome {
  state: OrderState;
  /** Of a `mismatch`: what does not fit, SCREAMING_SNAKE; else ''. */
  trouble: string;
  /** The same in words. */
  detail: string;
}

/** Only forward: a page that is told late of an earlier moment takes nothing back. */
const RANK: Record<OrderState, number> = { open: 0, expired: 1, failed: 1, processing: 1, mismatch: 3, paid: 3 };

/**
 * What becomes of an order by what its page at the provider says. A coupon or tax changes the amount and not what was bought; another
 * currency, price, quantity or sum buys nothing, whatever was paid.
 */
export function orderOutcome(
  order: Pick<OrderRecord, 'state' | 'currency' | 'subtotalMinor' | 'trouble'>,
  lines: readonly OrderLineRecord[],
  fact: CheckoutFact,
): OrderOutcome {
  const same: OrderOutcome = { state: order.state, trouble: order.trouble, detail: '' };
  // What was bought is settled by what was paid then: a page may count in the prices of today.
  if (fact.state === 'unknown' || order.state === 'paid') return same;
  const fault = fact.state === 'paid' ? faultOf(order, lines, fact) : null;
  const next: OrderOutcome =
    fault === null
      ? { state: fact.state, trouble: '', detail: '' }
      : { state: 'mismatch', trouble: fault.code, detail: fault.detail };
  return RANK[next.state] < RANK[order.state] ? same : next;
}

function faultOf(
  order: Pick<OrderRecord, 'currency' | 'subtotalMinor'>,
  lines: readonly OrderLineRecord[],
  fact: CheckoutFact,
): { code: string; detail: string } | null {
  if (fact.currency !== order.currency)
    return { code: 'WRONG_CURRENCY', detail: `paid in ${fact.currency}, ordered in ${order.currency}` };
  if (fact.lines.length > 0 && inWords(fact.lines) !== inWords(lines.map(asSold)))
    return { code: 'WRONG_LINES', detail: `paid for ${inWords(fact.lines)}, ordered ${inWords(lines.map(asSold))}` };
  if (fact.subtotalMinor !== order.subtotalMinor)
    return { code: 'WRONG_AMOUNT', detail: `paid for ${fact.subtotalMinor}, ordered for ${order.subtotalMinor}` };
  const total = fact.subtotalMinor - fact.discountMinor + fact.taxMinor;
  // Tax may be inside the prices, and then adds nothing.
  if (fact.totalMinor !== total && fact.totalMinor !== total - fact.taxMinor)
    return { code: 'WRONG_AMOUNT', detail: `${fact.totalMinor} is not ${total}, which the parts come to` };
  return null;
}

function asSold({ priceExternalId, quantity }: OrderLineRecord) {
  return { priceId: priceExternalId, quantity };
}

/** The same goods in any order are the same words. */
function inWords(lines: readonly { priceId: string | null; quantity: number }[]): string {
  const counts = new Map<string, number>();
  for (const { priceId, quantity } of lines) counts.set(priceId ?? '?', (counts.get(priceId ?? '?') ?? 0) + quantity);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([price, quantity]) => `${quantity} x ${price}`)
    .join(', ');
}
