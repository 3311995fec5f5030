import type { Tx } from '../db/dialect.ts';
import type { Mode } from './gateway.ts';

/** Sums of money, each of one mode and currency. */

export interface Sum {
  mode: Mode;
  currency: string;
  count: number;
  amountMinor: number;
}

/** What is counted of each kind, and when it happened. A warning or a question of a bank is no dispute yet. */
const COUNTED = {
  payments: { at: 'paid_at', states: ['paid'] },
  refunds: { at: 'at', states: ['succeeded'] },
  disputes: { at: 'at', states: ['open', 'won', 'lost', 'closed'] },
} as const;

/** Between two instants, ISO; the second is not included. */
export async function sumsOf(
  tx: Tx,
  table: keyof typeof COUNTED,
  organizationId: string,
  { from, to }: { from: string; to: string },
): Promise<Sum[]> {
  const { at, states } = COUNTED[table];
  const rows = await tx(table)
    .where({ organization_id: organizationId })
    .whereIn('state', states)
    .where(at, '>=', from)
    .where(at, '<', to)
    .groupBy('mode', 'currency')
    .orderBy(['mode', 'currency'])
    .select('mode', 'currency', tx.raw('count(*) as n'), tx.raw('sum(amount_minor) as minor'));
  return rows.map((row) => ({
    ...{ mode: row.mode as Mode, currency: row.currency as string },
    // PostgreSQL gives a sum as text.
    ...{ count: Number(row.n), amountMinor: Number(row.minor) },
  }));
}

export interface SubscriptionCount {
  mode: Mode;
  state: string;
  runs: boolean;
  canceling: boolean;
  count: number;
}

/** Subscriptions that are not over, as they stand now. */
export async function countSubscriptions(tx: Tx, organizationId: string, now: string): Promise<SubscriptionCount[]> {
  const canceling = tx.raw('case when cancel_at is null then 0 else 1 end as canceling');
  const rows = await tx('subscriptions')
    .where({ organization_id: organizationId })
    .whereNotIn('state', ['canceled', 'expired', 'incomplete'])
    // A shop that has canceled tells of no end.
    .where((going) => going.whereNull('cancel_at').orWhere('cancel_at', '>', now))
    .groupByRaw('mode, state, runs, case when cancel_at is null then 0 else 1 end')
    .select('mode', 'state', 'runs', canceling, tx.raw('count(*) as n'));
  return rows.map((row) => ({
    ...{ mode: row.mode as Mode, state: row.state as string, runs: Boolean(row.runs) },
    ...{ canceling: Number(row.canceling) === 1, count: Number(row.n) },
  }));
}
