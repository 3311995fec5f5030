import type { Logger } from '../http/log.ts';
import type { Metrics } from '../http/metrics.ts';
import type { PaymentDeps } from './accounts.ts';
import { checkPrice } from './check-prices.ts';
import { applySnapshot } from './fulfil.ts';
import { type Inbox, makeInbox } from './inbox.ts';
import { type EventWorker, makeEventWorker } from './work-events.ts';

/** What takes in and works on what payment providers tell. */
export interface PaymentEvents {
  inbox: Inbox;
  worker: EventWorker;
}

export interface PaymentWatch {
  log: Logger;
  metrics: Pick<Metrics, 'paymentEvent'>;
}

/** The events of an installation. The log names accounts and subjects by their ids. */
export function makePaymentEvents(deps: PaymentDeps, { log, metrics }: PaymentWatch): PaymentEvents {
  const count = metrics.paymentEvent;
  const worker = makeEventWorker({
    ...deps,
    count,
    apply: applySnapshot,
    checkPrice: (account, externalId) => checkPrice(deps, account, externalId),
    onTrouble: (err, where) => log.warn({ err, ...where }, 'a look at a payment provider came to nothing'),
  });
  return { inbox: makeInbox({ ...deps, count, onPending: worker.kick }), worker };
}
