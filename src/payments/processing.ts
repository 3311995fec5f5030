import type { Logger } from '../http/log.ts';
import type { Metrics } from '../http/metrics.ts';
import type { PaymentDeps } from './accounts.ts';
import { type Inbox, makeInbox } from './inbox.ts';

/** What takes in and works on what payment providers tell. */
export interface PaymentEvents {
  inbox: Inbox;
}

export interface PaymentWatch {
  log: Logger;
  metrics: Pick<Metrics, 'paymentEvent'>;
}

/** The events of an installation. */
export function makePaymentEvents(deps: PaymentDeps, { metrics }: PaymentWatch): PaymentEvents {
  return { inbox: makeInbox({ ...deps, count: metrics.paymentEvent, onPending: () => undefined }) };
}
