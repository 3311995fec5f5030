import { DAY } from '../../clock.ts';
import type { Length } from '../../licensing/package-terms.ts';
import { addMonths } from '../../licensing/spans.ts';
import type { RemotePrice } from '../gateway.ts';
import { get, inPath, look, type Paypal } from './calls.ts';
import { toMinor } from './money.ts';
import { type Cycle, type Money, Plan, type PlanTerms } from './shapes.ts';

/** What a charge of a plan can be for. */
export interface PlanCharge {
  length: Length;
  quantity: number;
  /** What the regular price comes to: a cheaper first time is a discount, a fee comes on top. */
  amountMinor: number;
}

/** The plans that one look at PayPal needs, each asked for once. */
export class Plans {
  readonly #paypal: Paypal;
  readonly #known = new Map<string, Promise<Plan | null>>();

  constructor(paypal: Paypal) {
    this.#paypal = paypal;
  }

  get(id: string): Promise<Plan | null> {
    const known = this.#known.get(id);
    if (known) return known;
    const asked = look(this.#paypal, get(`/v1/billing/plans/${inPath(id)}`), Plan);
    this.#known.set(id, asked);
    return asked;
  }
}

/** As a price of ours: what the regular cycle costs. null: there is none, or it has no fixed price (tiers). */
export async function readPrice(paypal: Paypal, externalId: string): Promise<RemotePrice | null> {
  const plan = await new Plans(paypal).get(externalId);
  const cycle = plan && regularOf(plan);
  const price = cycle && priceOf(cycle);
  if (!plan || !cycle || !price) return null;
  return {
    externalId,
    active: plan.status === 'ACTIVE',
    name: plan.name ?? externalId,
    amountMinor: minorOf(price),
    currency: price.currency_code,
    interval: lengthOf(cycle),
  };
}

export function regularOf(plan: PlanTerms): Cycle | null {
  return plan.billing_cycles.find(({ tenure_type }) => tenure_type === 'REGULAR') ?? null;
}

export function trialOf(plan: PlanTerms): Cycle | null {
  return plan.billing_cycles.find(({ tenure_type }) => tenure_type === 'TRIAL') ?? null;
}

export function priceOf(cycle: Cycle): Money | null {
  return cycle.pricing_scheme?.fixed_price ?? null;
}

export function lengthOf({ frequency }: Cycle): Length {
  const { interval_unit: unit, interval_count: count } = frequency;
  if (unit === 'WEEK') return { value: count * 7, unit: 'day' };
  return { value: count, unit: unit === 'DAY' ? 'day' : unit === 'MONTH' ? 'month' : 'year' };
}

/** That many cycles of it. */
export function timesOf({ value, unit }: Length, times: number): Length {
  return { value: value * times, unit };
}

/**
 * What a charge was for, by its amount, so that a charge of an earlier plan is never taken for one of the plan of today: null where it
 * is no multiple of what the plan costs. `at`: how many charges there were before.
 */
export function chargeFor(
  plan: PlanTerms,
  charge: { gross: number; tax: number; at: number; quantity: number },
): PlanCharge | null {
  const { gross, tax, at, quantity } = charge;
  const trial = trialOf(plan);
  const trialPrice = trial && priceOf(trial);
  const paidTrials = trialPrice && minorOf(trialPrice) > 0 ? trial.total_cycles : 0;
  const cycle = at < paidTrials ? trial : regularOf(plan);
  const price = cycle && priceOf(cycle);
  const unit = price ? minorOf(price) : 0;
  if (!cycle || unit <= 0) return null;
  const fee = plan.payment_preferences?.setup_fee;
  const before = at === 0 && fee ? [0, minorOf(fee)] : [0];
  const amounts = before.flatMap((first) => untaxed(plan, gross, tax).map((net) => net - first));
  const pieces = amounts.filter((amount) => amount > 0 && amount % unit === 0).map((amount) => amount / unit);
  const found = pieces.includes(quantity) ? quantity : pieces[0];
  const regular = regularOf(plan);
  const listed = regular && priceOf(regular);
  if (found === undefined || !listed) return null;
  return { length: lengthOf(cycle), quantity: found, amountMinor: minorOf(listed) * found };
}

/** Tax is part of the price, or was told, or comes on top by a rate. */
function untaxed({ taxes }: PlanTerms, gross: number, tax: number): number[] {
  const rate = taxes && taxes.inclusive === false ? Number(taxes.percentage) : 0;
  return rate > 0 ? [gross - tax, Math.round(gross / (1 + rate / 100)), gross] : [gross - tax, gross];
}

/**
 * The end of what a charge pays for: an interval later. Where the subscription began on a day that shorter months have not, PayPal goes
 * back to that day in the longer ones, so what is paid lasts until then.
 */
export function endOf(start: number, length: Length, began: number): number {
  if (length.unit === 'day') return start + length.value * DAY;
  const months = length.value * (length.unit === 'year' ? 12 : 1);
  const plain = addMonths(start, months);
  const [from, until] = [new Date(began), new Date(plain)];
  const apart = (until.getUTCFullYear() - from.getUTCFullYear()) * 12 + until.getUTCMonth() - from.getUTCMonth();
  const anchored = addMonths(began, apart);
  return anchored > plain && anchored - plain < 4 * DAY && from.getUTCDate() > 28 ? anchored : plain;
}

function minorOf({ value, currency_code }: Money): number {
  return toMinor(value, currency_code);
}
