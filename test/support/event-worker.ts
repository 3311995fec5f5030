import type { Db } from '../../src/db/connect.ts';
import type { Tx } from '../../src/db/dialect.ts';
import { fromRow } from '../../src/db/rows.ts';
import type { PaymentDeps } from '../../src/payments/accounts.ts';
import type { Gateway } from '../../src/payments/gateway.ts';
import { type Inbox, makeInbox } from '../../src/payments/inbox.ts';
import type { LookDeps } from '../../src/payments/look-events.ts';
import type { EventRecord } from '../../src/payments/store-events.ts';
import { type EventWorker, makeEventWorker } from '../../src/payments/work-events.ts';
import { seedSecrets } from './seed.ts';

/** The inbox and its worker on a test's database, with a small ledger in the place of the real one. */
export interface EventsAtWork {
  inbox: Inbox;
  worker: EventWorker;
  deps: LookDeps;
  /** Outcomes as they were counted, e.g. `fake done`. */
  counted: Map<string, number>;
  troubles: string[];
}

export interface EventsWish {
  clock?: () => number;
  apply?: LookDeps['apply'];
  checkPrice?: LookDeps['checkPrice'];
}

export function eventsOn(db: Db, gateway: Gateway, wish: EventsWish = {}): EventsAtWork {
  const counted = new Map<string, number>();
  const troubles: string[] = [];
  const ground: PaymentDeps = {
    ...{ db, secrets: seedSecrets, clock: wish.clock ?? Date.now, publicUrl: 'https://updates.example.com' },
    ...{ gateways: { [gateway.provider]: gateway }, apiBases: {} },
  };
  const count = (provider: string, outcome: string, howMany = 1) => {
    const name = `${provider} ${outcome}`;
    counted.set(name, (counted.get(name) ?? 0) + howMany);
  };
  const deps: LookDeps = {
    ...{ ...ground, count, apply: wish.apply ?? writeDown, checkPrice: wish.checkPrice ?? (async () => undefined) },
    onTrouble: (error) => void troubles.push(error instanceof Error ? error.message : String(error)),
  };
  const worker = makeEventWorker(deps);
  return { inbox: makeInbox({ ...ground, count, onPending: () => undefined }), worker, deps, counted, troubles };
}

/** The ledger of these tests: what was applied, once a subject with the state that was read last, and every time it was applied. */
export async function makeLedger(db: Db): Promise<void> {
  await db.tx(async (tx) => {
    await tx.schema.dropTableIfExists('played_ledger');
    await tx.schema.createTable('played_ledger', (t) => {
      t.text('subject').primary();
      t.text('state').notNullable();
      t.integer('times').notNullable();
    });
  });
}

export const writeDown: LookDeps['apply'] = async (tx, _secrets, _account, { subscription, checkout }) => {
  const subject = subscription ? `subscription:${subscription.externalId}` : `checkout:${checkout?.externalId}`;
  const state = subscription?.providerState ?? checkout?.providerState ?? '';
  await tx('played_ledger').insert({ subject, state: '', times: 0 }).onConflict('subject').ignore();
  await tx('played_ledger')
    .where({ subject })
    .update({ state, times: tx.raw('times + 1') });
  return { state: 'done', detail: '' };
};

export async function ledgerOf(db: Db): Promise<Record<string, [state: string, times: number]>> {
  const rows = await db.read((tx) => tx('played_ledger').orderBy('subject'));
  return Object.fromEntries(rows.map(({ subject, state, times }) => [subject, [state, times]]));
}

export async function eventsOf(db: Db): Promise<EventRecord[]> {
  return (await db.read((tx) => tx('payment_events').orderBy('id'))).map((row) => fromRow(row));
}

export async function alertsOf(db: Db): Promise<{ code: string; subject: string; count: number }[]> {
  return db.read((tx: Tx) => tx('payment_alerts').orderBy(['code', 'subject']).select('code', 'subject', 'count'));
}
