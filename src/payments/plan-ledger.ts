import { fromIso } from '../clock.ts';
import type { Length } from '../licensing/package-terms.ts';
import type { Deal, SoldPrice, Wanted } from './deal.ts';
import { dealTimes } from './deal-times.ts';
import type { PaymentLine } from './facts.ts';
import type { PaymentPolicy } from './policy.ts';
import { returnOf } from './returns.ts';
import type { PaymentRecord } from './store-facts.ts';
import type { OrderLineRecord } from './store-orders.ts';
import type { SubscriptionTimes } from './subscription-times.ts';

interface Trouble {
  /** SCREAMING_SNAKE. */
  code: string;
  /** The provider's id of what is meant. */
  subject: string;
  detail: string;
  paymentId: string;
}

export interface LedgerPlan {
  /** Oldest first. */
  wanted: Wanted[];
  troubles: Trouble[];
  times: SubscriptionTimes | null;
}

/** A provider's clock may be ahead of ours: what begins within this time has begun. ms. */
const SKEW = 15 * 60_000;

/**
 * The ledger of a deal as a pure function of its facts: what was paid and not given back is a line, whatever the order in which it was
 * heard of. Prices that nobody knows and amounts that do not fit give nothing, and take nothing away. `now` is only for clocks that
 * differ.
 */
export function planLedger(deal: Deal, policy: PaymentPolicy, now: number): LedgerPlan {
  const wanted: Wanted[] = [];
  const troubles: Trouble[] = [];
  for (const payment of [...deal.payments].sort(byPaid)) {
    if (payment.state !== 'paid' || isBeforeUs(deal, payment)) continue;
    const returned = returnOf(payment, deal.refunds, deal.disputes, policy);
    const base = {
      ...{ paymentId: payment.id, paymentRef: refOf(payment), open: returned === null, reason: returned ?? '' },
      givenAt: Math.min(fromIso(payment.paidAt ?? payment.createdAt), now),
    };
    const made =
      payment.kind === 'one_off' ? orderLines(deal, base) : paidLines(deal, payment, base, wanted, troubles, now);
    wanted.push(...made);
  }
  return { wanted, troubles, times: dealTimes(deal, wanted, policy) };
}

function byPaid(a: PaymentRecord, b: PaymentRecord): number {
  const [x, y] = [a.paidAt ?? a.createdAt, b.paidAt ?? b.createdAt];
  return x < y ? -1 : x > y ? 1 : a.externalId < b.externalId ? -1 : 1;
}

/** What was paid before a subscription was taken over, its license has by its import. */
function isBeforeUs({ subscription, order }: Deal, payment: PaymentRecord): boolean {
  if (subscription === null || order !== null || payment.paidAt === null) return false;
  return payment.paidAt < subscription.createdAt;
}

type Base = Pick<Wanted, 'paymentId' | 'paymentRef' | 'open' | 'reason' | 'givenAt'>;

/** A paid order: one line of the ledger for each of its lines. */
function orderLines({ order, lines, prices }: Deal, base: Base): Wanted[] {
  if (order?.state !== 'paid') return [];
  return lines.filter(({ recurring }) => !recurring).map((line) => ofOrderLine(line, prices, base));
}

function ofOrderLine(line: OrderLineRecord, prices: Deal['prices'], base: Base): Wanted {
  const own = line.lengthValue !== null && line.lengthUnit !== null;
  const length = own ? { value: line.lengthValue as number, unit: line.lengthUnit as Length['unit'] } : null;
  return {
    ...base,
    ...{ key: keyOf(base.paymentRef, line.line), line: line.line, orderLine: line, quantity: line.quantity },
    ...{ packageId: line.packageId, packageVersion: line.packageVersion, replaces: [] },
    time: { kind: 'length', length: length ?? prices.get(line.priceExternalId)?.length ?? null },
    source: line.kind === 'new' ? 'purchase' : line.kind === 'switch' ? 'switch' : 'renewal',
  };
}

/** The lines of one paid invoice of a subscription. */
function paidLines(
  deal: Deal,
  payment: PaymentRecord,
  base: Base,
  before: readonly Wanted[],
  troubles: Trouble[],
  now: number,
): Wanted[] {
  return payment.lines.flatMap((line) => {
    // A credit for the rest of what is left takes no time away: what takes its place says so.
    if (line.amountMinor < 0 || (line.proration && line.quantity === 0)) return [];
    const named = line.priceId === null ? undefined : deal.prices.get(line.priceId);
    const fault = faultOf(payment, line, named);
    if (fault !== null) troubles.push({ ...fault, paymentId: payment.id });
    const sold = named === undefined ? lastOf(deal, line, before) : named;
    if (sold === null || (named !== undefined && fault !== null)) return [];
    if (line.start === null || line.end === null || line.item === null) {
      const ordered = deal.lines.find((each) => !each.recurring && each.priceExternalId === line.priceId);
      return ordered ? [ofOrderLine(ordered, deal.prices, base)] : [];
    }
    const start = line.start <= now + SKEW ? Math.min(line.start, now) : line.start;
    const own = before.filter((each) => each.time.kind === 'period' && itemsOf(deal, each) === line.item);
    const replaced = own.filter(({ time }) => time.kind === 'period' && time.end > (line.start ?? 0));
    return [
      {
        ...base,
        ...{ key: keyOf(base.paymentRef, line.id), line: line.id, orderLine: null, quantity: line.quantity },
        ...{ packageId: sold.packageId, packageVersion: sold.packageVersion },
        time: { kind: 'period' as const, start, end: line.end },
        source: line.proration
          ? ('switch' as const)
          : before.length === 0
            ? ('purchase' as const)
            : ('renewal' as const),
        replaces: line.proration ? replaced.map(({ key }) => key) : [],
      },
    ];
  });
}

/** Whoever pays a price that nobody here knows keeps what its item gave before, until the vendor says what the price sells. */
function lastOf(
  deal: Deal,
  line: PaymentLine,
  before: readonly Wanted[],
): Pick<SoldPrice, 'packageId' | 'packageVersion'> | null {
  if (line.item === null || line.proration) return null;
  const own = before.filter((each) => each.time.kind === 'period' && itemsOf(deal, each) === line.item);
  return own.at(-1) ?? null;
}

/** Which item of the subscription a line of the ledger is for. */
function itemsOf({ payments }: Deal, { paymentId, line }: Wanted): string {
  const payment = payments.find(({ id }) => id === paymentId);
  return payment?.lines.find(({ id }) => id === line)?.item ?? '';
}

function faultOf(
  payment: PaymentRecord,
  line: PaymentLine,
  sold: SoldPrice | undefined,
): Omit<Trouble, 'paymentId'> | null {
  const subject = payment.externalId;
  if (sold === undefined)
    return { code: 'UNKNOWN_PRICE', subject, detail: `${line.priceId ?? 'a line without a price'} sells no package` };
  if (sold.currency !== null && sold.currency !== payment.currency)
    return { code: 'WRONG_CURRENCY', subject, detail: `paid in ${payment.currency}, sold in ${sold.currency}` };
  const isFree = line.amountMinor === 0;
  const fits = sold.unitsMinor.some((unit) => unit * line.quantity === line.amountMinor);
  if (sold.unitsMinor.length > 0 && !line.proration && !isFree && !fits) {
    const detail = `${line.amountMinor} was paid for ${line.quantity} of ${line.priceId}, which costs ${sold.unitsMinor.join(' or ')}`;
    return { code: 'WRONG_AMOUNT', subject, detail };
  }
  return null;
}

/** How the grants of a payment name it; what is only played never has the name of something real. */
export function refOf({ mode, externalId }: Pick<PaymentRecord, 'mode' | 'externalId'>): string {
  return mode === 'test' ? `test:${externalId}` : externalId;
}

/** What a line of the ledger is known by: a payment and its line. An id of a provider holds no newline. */
export function keyOf(paymentRef: string, line: string): string {
  return `${paymentRef}\n${line}`;
}
