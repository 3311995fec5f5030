import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { MODES, type Mode } from './gateway.ts';
import { countSubscriptions, type Sum, sumsOf } from './store-money-sums.ts';

interface CurrencySums {
  currency: string;
  paid: Amount;
  refunded: Amount;
  disputed: Amount;
}

export interface Amount {
  count: number;
  amountMinor: number;
}

export interface ModeSums {
  currencies: CurrencySums[];
  /** As they stand now: `running` will be charged again, `pastDue` could not be charged, `canceling` end by themselves. */
  subscriptions: { running: number; pastDue: number; canceling: number };
}

/** What came in and went back between two instants (ms UTC, the second not included); live and test money apart. */
export async function sumMoney(
  db: Db,
  organizationId: string,
  span: { from: number; to: number },
  now: number,
): Promise<Record<Mode, ModeSums>> {
  return db.read(async (tx) => {
    const between = { from: toIso(span.from), to: toIso(span.to) };
    const paid = await sumsOf(tx, 'payments', organizationId, between);
    const refunded = await sumsOf(tx, 'refunds', organizationId, between);
    const disputed = await sumsOf(tx, 'disputes', organizationId, between);
    const counts = await countSubscriptions(tx, organizationId, toIso(now));
    const sums = MODES.map((mode) => {
      const own = counts.filter((each) => each.mode === mode);
      const count = (of: (each: (typeof own)[number]) => boolean) =>
        own.filter(of).reduce((sum, each) => sum + each.count, 0);
      const subscriptions = {
        running: count(({ runs }) => runs),
        pastDue: count(({ state }) => state === 'past_due'),
        canceling: count(({ canceling }) => canceling),
      };
      return [mode, { currencies: currenciesOf(mode, { paid, refunded, disputed }), subscriptions }] as const;
    });
    return Object.fromEntries(sums) as Record<Mode, ModeSums>;
  });
}

function currenciesOf(mode: Mode, sums: Record<'paid' | 'refunded' | 'disputed', readonly Sum[]>): CurrencySums[] {
  const all = [...sums.paid, ...sums.refunded, ...sums.disputed].filter((each) => each.mode === mode);
  const amountOf = (rows: readonly Sum[], currency: string): Amount => {
    const found = rows.find((each) => each.mode === mode && each.currency === currency);
    return { count: found?.count ?? 0, amountMinor: found?.amountMinor ?? 0 };
  };
  return [...new Set(all.map(({ currency }) => currency))].sort().map((currency) => ({
    currency,
    paid: amountOf(sums.paid, currency),
    refunded: amountOf(sums.refunded, currency),
    disputed: amountOf(sums.disputed, currency),
  }));
}
