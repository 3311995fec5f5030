import { problem } from '../errors.ts';
import type { Logger } from '../http/log.ts';
import type { Metrics } from '../http/metrics.ts';
import type { PaymentDeps } from './accounts.ts';
import { checkPrice } from './check-prices.ts';
import { type Inbox, makeInbox } from './inbox.ts';
import type { LookDeps } from './look-events.ts';
import { reconcileDue, reconcileEvents } from './reconcile-events.ts';
import { type Sweep, sweepAccount, sweepOpen } from './reconcile-open.ts';
import { applyFacts } from './shop-told.ts';
import { findAccount } from './store-accounts.ts';
import { type EventWorker, makeEventWorker } from './work-events.ts';

/** What takes in and works on what payment providers tell. */
export interface PaymentEvents {
  inbox: Inbox;
  worker: EventWorker;
  /** Reads the providers' own lists of events. */
  reconcileDue(): Promise<void>;
  /** Looks at what is open. */
  sweep(which: Sweep): Promise<void>;
  /** Both for one account, at once. Throws NOT_FOUND, and the trouble of its provider. */
  reconcileNow(accountId: string): Promise<Reconciled>;
}

export interface Reconciled {
  /** Events that were not known; null: the provider has no list of them, or it is being read just now. */
  events: number | null;
  /** Orders, subscriptions and payments that were looked at. */
  looks: number;
}

export interface PaymentWatch {
  log: Logger;
  metrics: Pick<Metrics, 'paymentEvent'>;
}

/** The events of an installation. The log names accounts and subjects by their ids. */
export function makePaymentEvents(deps: PaymentDeps, { log, metrics }: PaymentWatch): PaymentEvents {
  const count = metrics.paymentEvent;
  const onTrouble: LookDeps['onTrouble'] = (err, where) =>
    log.warn({ err, ...where }, 'a look at a payment provider came to nothing');
  const worker = makeEventWorker({
    ...deps,
    count,
    apply: applyFacts,
    checkPrice: (account, externalId) => checkPrice(deps, account, externalId),
    onTrouble,
  });
  const inbox = makeInbox({ ...deps, count, onPending: worker.kick });
  const all = { ...deps, inbox, worker, onTrouble };
  return {
    ...{ inbox, worker },
    reconcileDue: () => reconcileDue(all),
    sweep: (which) => sweepOpen(all, which),
    async reconcileNow(accountId) {
      const account = await deps.db.read((tx) => findAccount(tx, accountId));
      if (!account) throw problem('NOT_FOUND');
      const events = await reconcileEvents(all, account);
      return { events, looks: await sweepAccount(all, account, 'all') };
    },
  };
}
